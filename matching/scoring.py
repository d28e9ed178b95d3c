"""Scoring given pairs: features, models of judged pairs, both directions of a mutual kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.build import Prepared, State
from matching.judgements import Pairs, write_run
from matching.model import Model
from matching.training import fit

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """A score per pair, and a predicted grade where grades were learned."""

    score: Floats
    grade: Floats | None


def pair_features(state: State, prepared: Prepared, pairs: Pairs) -> Floats:
    """len(pairs) × m features; all NaN where a subject or candidate is not in the graph."""
    x = np.full((len(pairs), len(prepared.features.names)), np.nan)
    kind = prepared.evidence.kind
    table = state.projection.table(kind.candidate)
    subject_table = state.projection.table(kind.subject)
    found = {name: table.find(name) for name in np.unique(pairs.candidates).tolist()}
    rows = np.array([found[name] for name in pairs.candidates.tolist()], np.int64)
    order = np.argsort(pairs.subjects, kind="stable")
    names, starts = np.unique(pairs.subjects[order], return_index=True)
    for name, at in zip(names.tolist(), np.split(order, starts[1:]), strict=True):
        row = subject_table.find(name)
        at = at[rows[at] >= 0]
        if row >= 0 and len(at):
            asked = prepared.evidence.asked(row)
            x[at] = prepared.features.of(asked, prepared.evidence.read(asked), rows[at])
    return x


class Scorer:
    """Scores pairs of one match kind; both directions of a mutual kind, each pair by what either side would say."""

    def __init__(self, state: State, prepared: Prepared, *, mutual: bool) -> None:
        self.state, self.prepared = state, prepared
        self.mutual = mutual and prepared.evidence.kind.subject == prepared.evidence.kind.candidate

    def features(self, pairs: Pairs) -> tuple[Floats, Floats | None]:
        """(features of the pairs, features of the reversed pairs where both sides choose)."""
        x = pair_features(self.state, self.prepared, pairs)
        if not self.mutual:
            return x, None
        return x, pair_features(self.state, self.prepared, Pairs(pairs.candidates, pairs.subjects, pairs.grades))

    def score(self, model: Model, x: Floats, reverse: Floats | None) -> Scored:
        """Scores, and grades where the model predicts them; a mutual score is the sum of both sides' log-odds."""
        score = model.score(x) if reverse is None else model.score(x) + model.score(reverse)
        return Scored(score, model.ranker.grades(x))


def cross_validated(scorer: Scorer, x: Floats, reverse: Floats | None, grades: Floats, folds: Rows) -> Scored:
    """Scores of every pair, given its features in both directions, by a model that saw no pair of its fold."""
    score, grade = np.empty(len(x)), np.full(len(x), np.nan)
    for number in np.unique(folds):
        test = folds == number
        model = trained(scorer, x[~test], grades[~test])
        part = scorer.score(model, x[test], None if reverse is None else reverse[test])
        score[test] = part.score
        if part.grade is not None:
            grade[test] = part.grade
    return Scored(score, None if np.isnan(grade).any() else grade)


def trained(scorer: Scorer, x: Floats, grades: Floats) -> Model:
    """A model of judged pairs."""
    ranker = fit(scorer.prepared, x, grades)
    return Model(ranker, Model.prior(scorer.prepared.features).bounds, {"learned_from": "judged pairs"})


def write_scores(path: Path, pairs: Pairs, scored: Scored) -> None:
    """The scores of given pairs, in their order."""
    grades = [None] * len(pairs) if scored.grade is None else scored.grade.tolist()
    rows = zip(pairs.subjects.tolist(), pairs.candidates.tolist(), scored.score.tolist(), grades, strict=True)
    write_run(path, list(rows))


def score_pairs(state: State, match: str, pairs: Pairs, seen: Pairs | None) -> Scored:
    """Scores of given pairs, in their order: by a model of the seen judged pairs, or by the prior."""
    prepared = state.prepared(match)
    scorer = Scorer(state, prepared, mutual=prepared.evidence.kind.mutual)
    model = scorer.prepared.model if seen is None else trained(scorer, scorer.features(seen)[0], seen.grades)
    return scorer.score(model, *scorer.features(pairs))
