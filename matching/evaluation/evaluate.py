"""Measuring a match kind on judged data: folds, trained or prior scores, measures, groups, comparison with a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import InputError, UnknownNameError
from matching.evaluation import measures
from matching.evaluation.breakdown import Group, groups
from matching.evaluation.comparison import Compared, compared, compared_places, covered
from matching.evaluation.judgements import (
    Pairs,
    Ranked,
    Run,
    SetAbout,
    read_judged,
    read_pairs,
    read_set,
    run_of,
    splits,
)
from matching.evaluation.measures import Judged, Measured
from matching.evaluation.scoring import ReadPairs, Scored, Scorer, cross_validated
from matching.ranking.calibration import Calibration, cross_fitted
from matching.ranking.model import Model
from matching.state import Prepared, State
from matching.training.train import fit_kind, fold_of, outcome_sample

Floats = NDArray[np.float64]
FOLDS = 5


def folds_of(state: State, about: SetAbout, kind_subject: str, pairs: Pairs, fold: str) -> NDArray[np.int64]:
    """Fold number of each pair; UnknownNameError when `fold` is neither a way of folding nor a field."""
    if fold == "subject":
        return fold_of(pairs.subjects, FOLDS)
    if fold == "pair":
        return fold_of(np.arange(len(pairs)), FOLDS)
    kind = state.projection.catalogue.entity(kind_subject)
    names = [field.name for field in kind.fields]
    if fold not in names:
        raise UnknownNameError("fold", fold, ["none", "subject", "pair", *names], field="fold")
    table = state.projection.table(kind_subject)
    values = [str(table.values(row).get(fold)) if (row := table.find(s)) >= 0 else "" for s in pairs.subjects.tolist()]
    return np.unique(np.array(values), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Evaluated:
    """Measures of one split, and the run that was measured."""

    match: str
    split: str
    how: str
    """Where the scores came from."""
    measured: list[Measured]
    run: list[Ranked]
    """Best first within a subject where every candidate competes."""
    probabilities: list[Measured] = field(default_factory=list)
    """How far a trained model's probabilities hold: that a pair is relevant, in both directions where both count."""
    missing: dict[str, str] = field(default_factory=dict)
    """Measure that the set asks for → why it cannot be had."""
    groups: list[Group] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    """This ranker minus that of the run it was compared with."""

    def to_dict(self) -> dict[str, Any]:
        """For `--json`, without the run."""
        parts: dict[str, Sequence[Measured | Group | Compared]] = {
            "probabilities": self.probabilities, "groups": self.groups, "compared": self.compared
        }  # fmt: skip
        return {
            "match": self.match, "split": self.split, "scores": self.how,
            "measures": [measured.to_dict() for measured in self.measured],
            **({"missing": [{"measure": m, "reason": why} for m, why in self.missing.items()]} if self.missing else {}),
            **{name: [one.to_dict() for one in part] for name, part in parts.items() if part},
        }  # fmt: skip


def evaluate_complete(
    state: State, folder: Path, about: SetAbout, match: str, train: Sequence[str], test: str | None, fold: str | None,
    by: Sequence[str] = (), other: Run | None = None,
) -> Evaluated:  # fmt: skip
    """Measure a set whose judged pairs are all that is ranked."""
    prepared = state.prepared(match)
    scorer = Scorer(state, prepared)
    names = [test] if test else [name for name in splits(folder) if name not in train]
    if not names:
        raise InputError("no split is left to test on", field="test")
    if both := sorted(set(names) & set(train)):
        raise InputError(f"split {both[0]!r} is to learn from and to test on", field="test")
    pairs = read_judged(folder, names)
    earlier = judged_of(about, pairs, _scored_by(other, pairs)) if other is not None else None
    parts = _groups(state, prepared, by, pairs)
    fold = fold or about.fold
    probability = None
    if train:
        seen = read_judged(folder, train)
        known, asked = scorer.read(seen), scorer.read(pairs)
        scored, how = scorer.learned(known, asked), f"trained on {', '.join(train)}"
        judged = judged_of(about, pairs, scored)
        calibration = _calibration(scorer, about, seen, known)
        probability = calibration.probability(judged.score) if calibration else None
    elif fold == "none":
        scored, how = scorer.score(prepared.model, scorer.read(pairs)), "prior, nothing trained"
        judged = judged_of(about, pairs, scored)
    else:
        folds = folds_of(state, about, prepared.evidence.kind.subject, pairs, fold)
        scored = cross_validated(scorer, scorer.read(pairs), folds)
        how = f"cross-validated by {fold}"
        judged = judged_of(about, pairs, scored)
        hit, told = _hits(judged)
        fitted = cross_fitted(judged.score[told], hit[told], folds[told])
        if fitted is not None:
            probability = np.full(len(pairs), np.nan)
            probability[told] = fitted
    grades = [None] * len(pairs) if scored.grade is None else scored.grade.tolist()
    run = list(zip(pairs.subjects.tolist(), pairs.candidates.tolist(), scored.score.tolist(), grades, strict=True))
    values = measures.values_of(about.metrics, judged)
    return Evaluated(
        match, "+".join(names), how, measures.summed(values), run,
        probabilities=_probabilities(judged, probability),
        missing=measures.lacking(about.metrics, judged),
        groups=[
            Group(name, label, int(kept.sum()), _measured(measures.values_of(about.metrics, judged.of(kept))))
            for name, label, kept in parts
        ],
        compared=compared(values, measures.values_of(about.metrics, earlier)) if earlier is not None else [],
    )  # fmt: skip


def _groups(
    state: State, prepared: Prepared, by: Sequence[str], pairs: Pairs
) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """(what it is by, name, which pairs) of every group."""
    return [(name, label, kept) for name in by for label, kept in groups(state, prepared, name, pairs).items()]


def _measured(values: dict[str, measures.Values]) -> list[Measured]:
    """What has something to measure: of a group that may be less than of the whole."""
    return measures.summed({name: each for name, each in values.items() if any(weight for _, weight in each.values())})


def _hits(judged: Judged) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(what a probability is of, where it is known): relevant, in both directions where both sides choose."""
    if judged.mutual is None:
        return judged.relevant, np.ones(len(judged.relevant), bool)
    return judged.mutual == 1, ~np.isnan(judged.mutual)


def _calibration(scorer: Scorer, about: SetAbout, seen: Pairs, known: ReadPairs) -> Calibration | None:
    """The calibration of a model of these pairs, from scores of folds of them that were held out by subject."""
    folds = fold_of(seen.subjects, FOLDS)
    if any(len(np.unique(seen.grades[folds != number])) < 2 for number in range(FOLDS)):
        return None
    judged = judged_of(about, seen, cross_validated(scorer, known, folds))
    hit, told = _hits(judged)
    return Calibration.fit(judged.score[told], hit[told])


def _probabilities(judged: Judged, probability: Floats | None) -> list[Measured]:
    hit, told = _hits(judged)
    if probability is None or len(np.unique(hit[told])) < 2:
        return []
    return measures.measure_probabilities(probability[told], hit[told], judged.subjects[told])


def _scored_by(run: Run, pairs: Pairs) -> Scored:
    """What a run says of the pairs; InputError where it lacks some."""
    rows = zip(pairs.subjects.tolist(), pairs.candidates.tolist(), strict=True)
    said = [run.get(subject, {}).get(candidate) for subject, candidate in rows]
    found = [pair for pair in said if pair is not None]
    if len(found) < len(pairs):
        raise InputError(
            f"the run to compare with lacks {len(pairs) - len(found):,} of {len(pairs):,} judged pairs; "
            "it must be of the same set and split",
            field="compare",
        )
    grades = [grade for _, grade in found]
    score = np.array([score for score, _ in found])
    return Scored(score, None if None in grades else np.array(grades, np.float64))


def judged_of(about: SetAbout, pairs: Pairs, scored: Scored) -> Judged:
    """The pairs with their levels; a pair without a score counts as the worst."""
    if about.grades is None:
        level = pairs.grades
    else:
        level = np.searchsorted(np.array(about.grades), pairs.grades).astype(np.float64)
    score = np.where(np.isnan(scored.score), -np.inf, scored.score)
    worst = float(score[np.isfinite(score)].min(initial=0.0)) - 1
    score = np.where(np.isfinite(score), score, worst)
    relevant = pairs.grades >= about.relevant_from
    mutual = measures.mutual_of(pairs.subjects, pairs.candidates, relevant) if about.mutual else None
    return Judged(pairs.subjects, pairs.candidates, pairs.grades, level, relevant, score, scored.grade, mutual)


def evaluate_positives(
    state: State, folder: Path, about: SetAbout, match: str, test: str, top: int,
    by: Sequence[str] = (), other: Run | None = None, progress: Callable[[str, int], None] | None = None,
) -> Evaluated:  # fmt: skip
    """Measure a set that lists only hits: every candidate competes, known partners left out."""
    prepared = state.prepared(match)
    kind = prepared.evidence.kind
    pairs = read_pairs(folder / "judgements" / f"{test}.tsv")
    if len(pairs) == 0:
        raise InputError(f"{test}: no pair is judged", field="split")
    parts = _groups(state, prepared, by, pairs)
    subject_table, table = state.projection.table(kind.subject), state.projection.table(kind.candidate)
    if other is not None:
        covered(other, [name for name in dict.fromkeys(pairs.subjects.tolist()) if subject_table.find(name) >= 0])
    model, how = _outcome_model(prepared)
    if prepared.evidence.outcomes is not None:
        prepared = prepared.with_factors(prepared.evidence.outcomes.learned())
    everyone = np.arange(table.n, dtype=np.int64)
    ids = [table.ids[row] for row in range(table.n)]
    place = np.full(len(pairs), np.inf)
    known: dict[str, set[str]] = {}
    run: list[Ranked] = []
    for done, subject in enumerate(dict.fromkeys(pairs.subjects.tolist())):
        row = subject_table.find(subject)
        if row < 0:
            continue
        asked = prepared.evidence.asked(row)
        score = model.score(prepared.features.of(asked, prepared.evidence.read(asked), everyone))
        out = _known(state, kind.subject, row, kind.candidate, about.known)
        known[subject] = {ids[at] for at in out}
        score[out] = -np.inf
        order = np.argsort(-score, kind="stable")
        places = np.append(np.empty(len(order)), np.inf)  # the last is that of a candidate not in the graph
        places[order] = np.arange(1, len(order) + 1)
        here = np.flatnonzero(pairs.subjects == subject)
        place[here] = places[[table.find(candidate) for candidate in pairs.candidates[here].tolist()]]
        best = order[:top][np.isfinite(score[order[:top]])]
        run += [(subject, ids[at], float(score[at]), None) for at in best]
        if progress:
            progress("rank", done)
    return Evaluated(
        match, test, how, measures.measure_places(about.metrics, pairs.by_subject(place)), run,
        missing=measures.lacking(about.metrics, None),
        groups=[
            Group(
                name, label, int(kept.sum()),
                measures.measure_places(about.metrics, pairs.of(kept).by_subject(place[kept])),
            )
            for name, label, kept in parts
        ],
        compared=compared_places(about.metrics, pairs, run_of(run), other, known) if other is not None else [],
    )  # fmt: skip


def _outcome_model(prepared: Prepared) -> tuple[Model, str]:
    x, y, owners, _ = outcome_sample(prepared)
    if y.sum() == 0:
        return prepared.model, "prior, no outcomes to learn from"
    ranker = fit_kind(prepared.features, x, y, [owners])
    return Model(ranker, prepared.model.bounds), "trained on the graph's outcomes"


def _known(state: State, subject: str, row: int, candidate: str, relations: Sequence[str]) -> NDArray[np.int64]:
    """Candidate rows tied to the subject by the relations, either way."""
    found = [np.empty(0, np.int64)]
    for relation in relations:
        sources, targets = state.projection.catalogue.ends(relation)
        for sign, near, far in ((">", sources, targets), ("<", targets, sources)):
            if subject in near and candidate in far:
                reached = state.projection.walk(subject, [row], f"{sign}{relation}:{candidate}")
                found.append(np.asarray(reached.get(candidate, []), np.int64))
    return np.unique(np.concatenate(found))


def evaluate(
    state: State, folder: Path, *, match: str | None = None, train: Sequence[str] = (), test: str | None = None,
    fold: str | None = None, top: int = 1000, by: Sequence[str] = (), other: Run | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> list[Evaluated]:  # fmt: skip
    """Measure a loaded evaluation set.

    A complete set is cross-validated over its judged pairs, or trained on `train` and measured on `test` (default:
    the other splits); each split of a positives set is a test split. `by` names groups that are measured one by one,
    `other` is a run of the same pairs to compare with. Raises InputError, UnknownNameError.
    """
    about = read_set(folder)
    name = match or about.match
    if name is None:
        raise InputError(f"{folder} judges nothing: set.json has no `match`", field="match")
    relations = state.projection.catalogue.relations
    for relation in about.known:
        if relation not in relations:
            raise UnknownNameError("relation", relation, relations, field="known")
    known = splits(folder)
    for split in (*train, *([test] if test else [])):
        if split not in known:
            raise UnknownNameError("split", split, known, field="split")
    if about.judged == "complete":
        return [evaluate_complete(state, folder, about, name, train, test, fold, by, other)]
    tested = [test] if test else [split for split in known if split not in train]
    return [evaluate_positives(state, folder, about, name, split, top, by, other, progress) for split in tested]
