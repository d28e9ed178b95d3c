"""Retrieval: several retrievers, each strong where the others are blind; their union goes on to scoring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.candidates.compare import LabelComparator, spans
from matching.candidates.evidence import Asked, Evidence, Reading, Rows
from matching.candidates.texts import nearest

DEPTH = 120
"""Documents or candidates that each retriever contributes at the most."""

SMALL = 400
"""A population of this size is scored whole."""


def retrieve(evidence: Evidence, asked: Asked, read: Reading, depth: int = DEPTH) -> Rows:
    """Rows of candidates worth scoring, rising; everyone where the population is small."""
    if evidence.n <= max(SMALL, depth):
        return np.arange(evidence.n, dtype=np.int64)
    found = [retriever(evidence, asked, read, depth) for retriever in RETRIEVERS.values()]
    return np.unique(np.concatenate(found)).astype(np.int64)


def by_words(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates of the documents that share the heaviest words."""
    return _owners(evidence, [nearest(scores.words, depth) for scores in read.documents])


def by_chars(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates of the documents that share the heaviest character n-grams."""
    return _owners(evidence, [nearest(scores.chars, depth) for scores in read.documents])


def by_meaning(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates of the documents with the nearest semantic vectors, or with the nearest mean of them."""
    found: list[NDArray[np.integer[Any]]] = [_none()]
    for source, scores in zip(evidence.documents, read.documents, strict=True):
        if scores.semantic is not None:
            found.append(source.owners.indices[spans(source.owners, nearest(scores.semantic, depth // 2))[1]])
        elif source.centroids is not None:
            found.append(nearest(source.centroids @ scores.query.vector, depth // 2))
    return np.unique(np.concatenate(found)).astype(np.int64)


def by_labels(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates that carry most of the subject's labels, over all label comparisons."""
    if asked.row is None:
        return _none()
    labels = [c for c in evidence.comparators.values() if isinstance(c, LabelComparator)]
    total = np.zeros(evidence.n)
    for comparator in labels:
        total += comparator.carriers(asked.row)
    return nearest(total.astype(np.float32), depth)


def by_outcomes(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates chosen together with the subject's partners, by subjects like it, or most often."""
    if read.popularity is None:
        return _none()
    if read.neighbours is None:
        return nearest(read.popularity.astype(np.float32), depth // 4)
    likely = sum(read.profiles.values(), read.popularity)
    together = nearest(read.neighbours.astype(np.float32), depth)
    return np.unique(np.concatenate([np.argpartition(-likely, depth)[:depth], together]))


RETRIEVERS: dict[str, Callable[[Evidence, Asked, Reading, int], Rows]] = {
    "words": by_words,
    "chars": by_chars,
    "meaning": by_meaning,
    "labels": by_labels,
    "outcomes": by_outcomes,
}
"""Name → retriever."""


def _owners(evidence: Evidence, documents: Sequence[Rows]) -> Rows:
    """The candidates that own the rows found in each kind of documents."""
    owners = [
        source.owners.indices[spans(source.owners, rows)[1]]
        for source, rows in zip(evidence.documents, documents, strict=True)
    ]
    return np.unique(np.concatenate(owners)).astype(np.int64) if owners else _none()


def _none() -> Rows:
    return np.empty(0, np.int64)
