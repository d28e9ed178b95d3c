"""Scoring given pairs: their features, and models of judged pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graph.errors import InputError
from matching.evaluation.answers import BY_ALL, BY_ITSELF, BY_OTHERS, Answers, Judged
from matching.evaluation.judgements import Pairs, write_run
from matching.ranking.model import Model
from matching.state import Prepared, State
from matching.training.train import fit, fit_kind

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


class ReadPairs(NamedTuple):
    """Pairs as a model reads them."""

    rows: Judged
    x: Floats
    """n × m features."""

    def of(self, kept: NDArray[np.bool_]) -> ReadPairs:
        """Some of the pairs."""
        return ReadPairs(self.rows.of(kept), self.x[kept])


class Scorer:
    """Scores pairs of one match kind; where both sides choose, by what either would say."""

    def __init__(self, state: State, prepared: Prepared) -> None:
        self.state, self.prepared = state, prepared

    def read(self, pairs: Pairs) -> ReadPairs:
        """Pairs with their features."""
        kind, projection = self.prepared.evidence.kind, self.state.projection
        subjects, candidates = (
            np.array([projection.table(name).find(one) for one in ids.tolist()], np.int64)
            for name, ids in ((kind.subject, pairs.subjects), (kind.candidate, pairs.candidates))
        )
        if not ((subjects >= 0) & (candidates >= 0)).any():
            reason = f"no {kind.subject} and {kind.candidate} of these {len(pairs):,} pairs are in the graph"
            raise InputError(f"{reason}; subjects and candidates are ids", field="subject")
        return ReadPairs(Judged(subjects, candidates, pairs.grades), pair_features(self.state, self.prepared, pairs))

    def score(self, model: Model, read: ReadPairs) -> Scored:
        """Scores, and grades where the model predicts them."""
        return Scored(model.score(read.x), model.ranker.grades(read.x))

    def learned(self, known: ReadPairs, asked: ReadPairs) -> Scored:
        """Scores of asked pairs by a model of judged ones, which are evidence for the asked ones too."""
        features, kind = self.prepared.features, self.prepared.evidence.kind
        if len(np.unique(known.rows.grades)) < 2:
            reason = "pairs to learn from hold one grade only; `--fold none` measures without learning"
            raise InputError(reason, field="grade")
        bounds = Model.prior(features).bounds
        about = {"learned_from": "judged pairs"}
        if kind.is_two_sided:
            both = fit_kind(features, known.x, known.rows.grades, (known.rows.subjects, known.rows.candidates))
            return self.score(Model(both, bounds, about), asked)
        answers = Answers(self.state, self.prepared.evidence, known.rows, asked.rows)
        names: tuple[str, ...] = ()
        if not answers.is_silent:
            itself = answers.knows(asked.rows)
            names = (*BY_OTHERS, *BY_ITSELF) if itself else BY_OTHERS
            by_all = answers.by_all(known.x, asked.rows, asked.x, itself=itself)
            known, asked = (
                read._replace(x=np.column_stack([read.x, answers.features(read.rows, names), column]))
                for read, column in zip((known, asked), by_all, strict=True)
            )
            names = (*names, *BY_ALL)
        ranker = fit(
            known.x, known.rows.grades, (*features.names, *names), (*features.increasing, *(True for _ in names))
        )
        return self.score(Model(ranker, bounds, about), asked)


def cross_validated(scorer: Scorer, read: ReadPairs, folds: Rows) -> Scored:
    """Scores of every pair by a model that saw no pair of its fold."""
    score, grade = np.empty(len(read.x)), np.full(len(read.x), np.nan)
    for number in np.unique(folds):
        test = folds == number
        part = scorer.learned(read.of(~test), read.of(test))
        score[test] = part.score
        if part.grade is not None:
            grade[test] = part.grade
    return Scored(score, None if np.isnan(grade).any() else grade)


def write_scores(path: Path, pairs: Pairs, scored: Scored) -> None:
    """The scores of given pairs, in their order."""
    grades = [None] * len(pairs) if scored.grade is None else scored.grade.tolist()
    rows = zip(pairs.subjects.tolist(), pairs.candidates.tolist(), scored.score.tolist(), grades, strict=True)
    write_run(path, list(rows))


def score_pairs(state: State, match: str, pairs: Pairs, seen: Pairs | None) -> Scored:
    """Scores of given pairs, in their order: by a model of the seen judged pairs, or by the prior."""
    prepared = state.prepared(match)
    scorer = Scorer(state, prepared)
    asked = scorer.read(pairs)
    return scorer.score(prepared.model, asked) if seen is None else scorer.learned(scorer.read(seen), asked)
