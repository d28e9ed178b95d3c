"""Pair features of a match kind: derived from its declaration, read from visible and redacted forms only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from matching.candidates.compare import spans
from matching.candidates.evidence import Asked, Documents, DocumentScores, Evidence, Reading, Rows

Floats = NDArray[np.float64]

POOLED = 3
"""Best documents of a candidate that are averaged; one who has fewer is credited with 0 for the rest."""

DEFAULT_WEIGHTS = {
    "words": 1.0,
    "chars": 2.0,
    "semantic": 0.4,
    "compare": 0.15,
    "popularity": 0.03,
    "neighbours": 0.8,
    "profile": 0.03,
    "value": 0.0,
}
"""Prior weight of each family; chosen on judged sets, see docs/quality.md."""


class Features:
    """The features of one match kind.

    Families: `words`, `chars`, `semantic` (text), `compare_<name>`, `popularity`, `neighbours`, `profile_<field>`
    (past outcomes) and `value_<field>` (a visible number of the candidate, for learners only).
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        outcomes = evidence.outcomes
        text = ("words", "chars", "semantic") if evidence.documents else ()
        past = ("popularity", "neighbours", *(f"profile_{n}" for n in outcomes.profiles)) if outcomes else ()
        self.names: tuple[str, ...] = (
            *text,
            *(f"compare_{name}" for name in evidence.comparators),
            *past,
            *(f"value_{name}" for name in evidence.values),
        )

    @cached_property
    def prior(self) -> dict[str, float]:
        """Prior weight of every feature: the declaration's, else the family's."""
        declared = self.evidence.kind.weights
        return {name: declared.get(name, DEFAULT_WEIGHTS[name.partition("_")[0]]) for name in self.names}

    @property
    def increasing(self) -> tuple[bool, ...]:
        """Whether more of a feature may never lower a score: all but a candidate's own numbers."""
        return tuple(not name.startswith("value_") for name in self.names)

    def of(self, asked: Asked, read: Reading, rows: Rows) -> Floats:
        """len(rows) × len(names); NaN where a side says nothing."""
        evidence = self.evidence
        unknown = np.full(len(rows), np.nan)
        columns: list[Floats] = []
        if evidence.documents:
            columns += _text(evidence.documents, read.documents, rows, POOLED if evidence.kind.documents else 1)
        for comparator in evidence.comparators.values():
            columns.append(unknown if asked.row is None else comparator.compare(asked.row, rows))
        if evidence.outcomes is not None and read.popularity is not None:
            columns.append(read.popularity[rows])
            columns.append(unknown if read.neighbours is None else read.neighbours[rows])
            columns += [read.profiles[n][rows] if n in read.profiles else unknown for n in evidence.outcomes.profiles]
        columns += [values[rows] for values in evidence.values.values()]
        return np.column_stack(columns) if columns else np.empty((len(rows), 0))


def _text(documents: Sequence[Documents], read: Sequence[DocumentScores], rows: Rows, most: int) -> list[Floats]:
    """words, chars, semantic of each candidate row: its best documents averaged, or its own text's score."""
    owners, words, chars, semantic = [], [], [], []
    for source, scores in zip(documents, read, strict=True):
        lengths, places = spans(source.of, rows)
        at = source.of.indices[places].astype(np.int64)
        owners.append(np.repeat(np.arange(len(rows)), lengths))
        words.append(scores.words[at])
        chars.append(scores.chars[at])
        semantic.append(scores.semantic_of(source, at))
    owner = np.concatenate(owners)
    return [_pooled(owner, np.concatenate(view), len(rows), most) for view in (words, chars, semantic)]


def _pooled(owner: NDArray[np.int64], scores: NDArray[np.float32], n: int, most: int) -> Floats:
    """Sum of each owner's `most` best scores over `most`."""
    if most == 1:
        return np.bincount(owner, scores, minlength=n).astype(np.float64)
    order = np.lexsort((-scores, owner))
    owner, scores = owner[order], scores[order]
    first = np.searchsorted(owner, np.arange(n))
    rank = np.arange(len(owner)) - first[owner]
    best = rank < most
    return np.bincount(owner[best], scores[best], minlength=n) / most
