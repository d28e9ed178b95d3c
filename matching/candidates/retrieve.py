"""Retrieval: several retrievers, each strong where the others are blind; their union goes on to scoring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graph.projection import spans
from matching.candidates.asked import Asked, Rows
from matching.candidates.compare import LabelComparator
from matching.candidates.evidence import Evidence, Reading
from matching.candidates.texts import greatest, nearest

DEPTH = 90
"""Candidates that the text retriever contributes at the most; the others have shares of it."""

DOCUMENTS = 3
"""Documents of a kind that are looked at for each candidate wanted."""

SMALL = 400
"""A population of this size is scored whole."""


def retrieve(evidence: Evidence, asked: Asked, read: Reading, depth: int = DEPTH) -> Rows:
    """Rows of candidates worth scoring, rising; everyone where the population is small."""
    if evidence.n <= max(SMALL, depth):
        return np.arange(evidence.n, dtype=np.int64)
    found = np.zeros(evidence.n, bool)
    for retriever in RETRIEVERS.values():
        found[retriever(evidence, asked, read, depth)] = True
    return found.nonzero()[0]


def by_text(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates whose documents are lexically nearest, taken together, on walks where they have more than one."""
    if read.walk is not None:
        return nearest(read.walk, depth)
    total = np.zeros(evidence.n)
    for source, scores in zip(evidence.documents, read.documents, strict=True):
        best = nearest(scores.lexical, DOCUMENTS * depth)
        lengths, places = spans(source.owners.indptr, best)
        total += np.bincount(
            source.owners.indices[places], np.repeat(scores.lexical[best], lengths), minlength=evidence.n
        )
    return nearest(total, depth)


def by_meaning(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates whose own text is semantically nearest; a walk begins at such documents by itself."""
    near = [scores.meaning for scores in read.documents if scores.meaning is not None and read.walk is None]
    return np.concatenate([_none(), *(nearest(meaning, depth // 4) for meaning in near)])


def by_labels(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates that carry most of the subject's labels, over all label comparisons."""
    if asked.row is None:
        return _none()
    total = np.zeros(evidence.n)
    for comparator in evidence.comparators.values():
        if isinstance(comparator, LabelComparator):
            total += comparator.carriers(asked.row)
    return nearest(total, 2 * depth // 5)


def by_outcomes(evidence: Evidence, asked: Asked, read: Reading, depth: int) -> Rows:
    """Candidates reached along outcomes, chosen with the subject's partners, by subjects like it, or most often."""
    if read.popularity is None:
        return _none()
    most = depth // 4
    if read.neighbours is None or read.reach is None:
        return nearest(read.popularity, most)
    likely = sum(read.profiles, read.popularity)
    reached = nearest(np.nan_to_num(read.reach), depth // 2)
    found = [reached, greatest(likely, most), nearest(read.neighbours, most)]
    if read.factors is not None and np.isfinite(read.factors).any():
        found.append(greatest(np.nan_to_num(read.factors, nan=-np.inf), most))
    return np.concatenate(found)


RETRIEVERS: dict[str, Callable[[Evidence, Asked, Reading, int], Rows]] = {
    "text": by_text,
    "meaning": by_meaning,
    "labels": by_labels,
    "outcomes": by_outcomes,
}
"""Name → retriever."""


def _none() -> Rows:
    return np.empty(0, np.int64)
