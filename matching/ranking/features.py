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
    "own": 0.0,
}
"""Prior weight of each family; chosen on judged sets, see docs/quality.md."""


class Features:
    """The features of one match kind.

    Families: `words`, `chars`, `semantic` (text), `compare_<name>`, `popularity`, `neighbours`, `profile_<field>`
    (past outcomes), `value_<field>` (a visible number of the candidate, for learners only) and, where both sides
    choose, `own_<field>` (the same of the one who chooses: some choose more often than others).
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
            *(f"own_{name}" for name in evidence.own),
        )

    @cached_property
    def prior(self) -> dict[str, float]:
        """Prior weight of every feature: the declaration's, else the family's."""
        declared = self.evidence.kind.weights
        return {name: declared.get(name, DEFAULT_WEIGHTS[name.partition("_")[0]]) for name in self.names}

    @property
    def increasing(self) -> tuple[bool, ...]:
        """Whether more of a feature may never lower a score: all but the numbers of either side."""
        return tuple(name.partition("_")[0] not in {"value", "own"} for name in self.names)

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
        columns += [
            unknown if asked.row is None else np.full(len(rows), values[asked.row]) for values in evidence.own.values()
        ]
        return np.column_stack(columns) if columns else np.empty((len(rows), 0))


def _text(documents: Sequence[Documents], read: Sequence[DocumentScores], rows: Rows, most: int) -> list[Floats]:
    """words, chars, semantic of each candidate row: its `most` best documents, summed over `most`."""
    reach = [spans(source.of, rows) for source in documents]
    width = int(np.sum([lengths for lengths, _ in reach], axis=0).max(initial=0))
    views = [np.zeros((len(rows), max(width, most)), np.float32) for _ in range(3)]
    filled = np.zeros(len(rows), np.int64)
    for source, scores, (lengths, places) in zip(documents, read, reach, strict=True):
        at = source.of.indices[places].astype(np.int64)
        owner = np.repeat(np.arange(len(rows)), lengths)
        first = np.cumsum(lengths) - lengths
        column = filled[owner] + np.arange(len(owner)) - first[owner]
        for view, values in zip(
            views, (scores.words[at], scores.chars[at], scores.semantic_of(source, at)), strict=True
        ):
            view[owner, column] = values
        filled += lengths
    return [_best(view, most) for view in views]


def _best(scores: NDArray[np.float32], most: int) -> Floats:
    """The mean of the `most` best scores in each row; absent ones are 0, as scores are never below."""
    if scores.shape[1] > most:
        scores = np.partition(scores, -most, axis=1)[:, -most:]
    return np.asarray(scores.sum(axis=1), np.float64) / most
