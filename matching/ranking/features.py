"""Pair features of a match kind: derived from its declaration, read from visible and redacted forms only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from matching.candidates.asked import Asked, Rows
from matching.candidates.best import POOLED, best_documents, every_document, firsts
from matching.candidates.evidence import Documents, DocumentScores, Evidence, Reading
from matching.candidates.walks import lift

Floats = NDArray[np.float64]

DEFAULT_WEIGHTS = {
    "words": 0.2,
    "chars": 1.0,
    "semantic": 1.0,
    "encoded": 6.0,
    "walk": 3.0,
    "parts": 2.0,
    "title": 4.0,
    "compare": 0.15,
    "popularity": 0.03,
    "reach": 0.5,
    "neighbours": 0.8,
    "profile": 0.03,
    "like": 0.0,
    "kin": 0.0,
    "mark": 0.0,
    "far": 0.0,
    "factors": 0.0,
    "company": 0.0,
    "settled": 0.0,
    "value": 0.0,
    "own": 0.0,
}
"""Prior weight of each family; chosen on judged sets, see docs/quality-steps.md."""
BESIDE_ENCODED = 0.5
"""What lexical and latent views count where the encoder says the same better; chosen likewise."""
LEXICAL = ("words", "chars", "semantic", "title", "parts")
"""Families of which that is true."""


class Features:
    """The features of one match kind.

    Families: `words`, `chars`, `semantic`, `encoded` (text, the last where the encoder has been), `walk` (through
    documents) or, where a candidate is its text, `title` and `parts` (of the question), `compare_<name>`; of past
    outcomes `popularity`, `reach`, `neighbours`, `profile_<field>` and, where they are the subject's own, `far`,
    `factors`, `company`, `settled`, `like_<field>`, `kin_<field>`, `mark_<field>` (see `Outcomes`);
    `value_<field>` (a visible number of the candidate, for learners only) and, where both sides choose, `own_<field>`
    (the same of the one who chooses: some choose more often). In a pool numbers are those among rivals.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        outcomes = evidence.outcomes
        text = (
            ("words", "chars", "semantic", *(["encoded"] if evidence.is_encoded else [])) if evidence.documents else ()
        )
        walk = ("walk",) if evidence.walk is not None else ("title", "parts") if evidence.documents else ()
        past = ("popularity", "reach", "neighbours", *outcomes.fields()) if outcomes else ()
        past += ("far", "factors", "company", "settled") if outcomes and outcomes.are_own else ()
        self.names: tuple[str, ...] = (
            *text,
            *walk,
            *(f"compare_{name}" for name in evidence.comparators),
            *past,
            *(f"value_{name}" for name in evidence.values),
            *(f"own_{name}" for name in evidence.own),
        )

    @cached_property
    def prior(self) -> dict[str, float]:
        """Prior weight of every feature: the declaration's, else the family's."""
        usual = dict(DEFAULT_WEIGHTS)
        if self.evidence.is_encoded:
            usual |= {family: usual[family] * BESIDE_ENCODED for family in LEXICAL}
        return {name: self.evidence.kind.weights.get(name, usual[name.partition("_")[0]]) for name in self.names}

    @property
    def increasing(self) -> tuple[bool, ...]:
        """Whether more of a feature may never lower a score: all but numbers of either side alone."""
        return tuple(name.partition("_")[0] not in {"value", "own", "company", "settled"} for name in self.names)

    @property
    def turned(self) -> tuple[int, ...]:
        """Where each feature of a pair is found when the candidate asks and the subject is the candidate.

        All that is not told of one side alone is said to be the same from both.
        """
        other = dict(zip(self.names, self.names, strict=True))
        for name in self.evidence.own:
            other |= {f"own_{name}": f"value_{name}", f"value_{name}": f"own_{name}"}
        for one in self.evidence.comparisons:
            here, back = f"compare_{one.name}", f"compare_{one.name}_back"
            if one.subject != one.candidate and back in other:
                other |= {here: back, back: here}
        return tuple(self.names.index(other[name]) for name in self.names)

    def of(self, asked: Asked, read: Reading, rows: Rows) -> Floats:
        """len(rows) × len(names); NaN where a side says nothing."""
        evidence = self.evidence
        unknown = np.full(len(rows), np.nan)
        columns: list[Floats] = []
        if evidence.documents:
            most = POOLED if evidence.kind.documents else 1
            words, chars, semantic = _text(evidence, read, rows, most)
            columns += [
                lift(words, _mean([scores.words for scores in read.documents])),
                lift(chars, _mean([scores.chars for scores in read.documents])),
                semantic,
            ]
            if evidence.is_encoded:
                columns.append(unknown if asked.encoded is None else _encoded(evidence, read, rows, most))
        if read.walk is not None:
            columns.append(read.walk[rows])
        columns += [scores.title[rows].astype(np.float64) for scores in read.documents if scores.title is not None]
        columns += [_parts(scores.parts, rows) for scores in read.documents if scores.parts is not None]
        for comparator in evidence.comparators.values():
            columns.append(unknown if asked.row is None else comparator.compare(asked.row, rows))
        if evidence.outcomes is not None and read.popularity is not None:
            columns.append(read.popularity[rows])
            columns.append(unknown if read.reach is None else read.reach[rows])
            columns.append(unknown if read.neighbours is None else read.neighbours[rows])
            columns += [read.fields[n][rows] if n in read.fields else unknown for n in evidence.outcomes.fields()]
            if evidence.outcomes.are_own:
                own = (read.far, read.factors, read.company, read.settled)
                columns += [unknown if said is None else said[rows] for said in own]
        columns += [values[rows] for values in evidence.values.values()]
        columns += [
            unknown if asked.row is None else np.full(len(rows), values[asked.row]) for values in evidence.own.values()
        ]
        return np.column_stack(columns) if columns else np.empty((len(rows), 0))


def _mean(scores: Sequence[NDArray[np.float32]]) -> float:
    """Mean over the documents of all kinds."""
    return sum(float(part.sum()) for part in scores) / max(sum(map(len, scores)), 1)


def _parts(scores: NDArray[np.float32], rows: Rows) -> Floats:
    """How near each candidate is to the parts of a question that it is nearest to: the lift of their mean."""
    most = min(POOLED, scores.shape[1])
    if most == 0:
        return np.zeros(len(rows))
    best = np.partition(scores[rows], -most, axis=1)[:, -most:]
    return lift(best.mean(axis=1), float(scores.mean()))


def _text(evidence: Evidence, read: Reading, rows: Rows, most: int) -> list[Floats]:
    """Each view but the encoder's: of the `most` lexically best documents of each row, summed, over `most`."""
    best = best_documents(evidence, read.lexical, rows, most)
    said = _of(evidence, read, best.kind, best.document, DocumentScores.views)
    return [np.bincount(best.owner, view, len(rows)) / most for view in said]


def _encoded(evidence: Evidence, read: Reading, rows: Rows, most: int) -> Floats:
    """The encoder's view, of the documents that it says are the best."""
    lengths, kind, document = every_document(evidence, rows)
    (cosines,) = _of(evidence, read, kind, document, DocumentScores.encoded_cosines)
    first, owner, _ = firsts(lengths, cosines, most)
    return np.bincount(owner, cosines[first], len(rows)) / most


def _of(
    evidence: Evidence, read: Reading, kind: Rows, document: Rows,
    of: Callable[[DocumentScores, Documents, Rows], Sequence[NDArray[np.float32]]],
) -> list[Floats]:  # fmt: skip
    """What is said of some documents, rows of their kinds, view by view."""
    said: list[Floats] = []
    for number, (source, scores) in enumerate(zip(evidence.documents, read.documents, strict=True)):
        here = (kind == number).nonzero()[0]
        found = of(scores, source, document[here])
        said = said or [np.zeros(len(kind)) for _ in found]
        for view, values in zip(said, found, strict=True):
            view[here] = values
    return said
