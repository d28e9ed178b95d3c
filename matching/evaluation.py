"""Measuring a match kind on judged data: sets, folds, trained or prior scores, measures with intervals."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError, field_validator

from graph.errors import InputError, UnknownNameError
from graph.schema import first_problem
from matching import measures
from matching.build import Prepared, State
from matching.measures import KNOWN, PLACES, Judged, Measured
from matching.model import Model
from matching.training import fit, fold_of, outcome_sample

Floats = NDArray[np.float64]
FOLDS = 5


class SetAbout(BaseModel):
    """An evaluation set's set.json; keys that are not listed are notes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    match: str | None = None
    """Match kind that is judged."""
    judged: str = Setting("complete", pattern="^(complete|positives)$")
    """Whether only listed pairs are ranked, or only hits are listed and every candidate competes."""
    grades: tuple[float, ...] | None = None
    """Rising grades, or None for a continuous scale."""
    relevant_from: float = 1
    """Least grade that counts as a hit."""
    known: tuple[str, ...] = ()
    """Relations whose partners are left out of a ranking."""
    fold: str = "subject"
    """`subject`, `pair`, a field of the subject, or `none`."""
    mutual: bool = False
    """Whether both directions are judged."""
    metrics: tuple[str, ...] = ()
    """Measures to print."""

    @field_validator("metrics")
    @classmethod
    def _known(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in metrics if name not in (*KNOWN, *PLACES)]
        if unknown:
            raise ValueError(f"unknown measure {unknown[0]!r}; valid: {', '.join((*KNOWN, *PLACES))}")
        return metrics


@dataclass(frozen=True)
class Pairs:
    """Judged or asked pairs; NaN grades where nothing is judged."""

    subjects: NDArray[np.str_]
    candidates: NDArray[np.str_]
    grades: Floats

    def __len__(self) -> int:
        return len(self.subjects)


@dataclass(frozen=True)
class Scored:
    """A score per pair, and a predicted grade where grades were learned."""

    score: Floats
    grade: Floats | None


def read_set(folder: Path) -> SetAbout:
    """The folder's set.json; InputError says what is wrong with it."""
    try:
        return SetAbout.model_validate_json((folder / "set.json").read_bytes())
    except FileNotFoundError:
        raise InputError(f"{folder} has no set.json, so it is no evaluation set", field="folder") from None
    except ValidationError as error:
        raise InputError(f"{folder / 'set.json'}: {first_problem(error)}", field="set.json") from error


def splits(folder: Path) -> list[str]:
    """Names of the judged splits of a folder."""
    return sorted(path.stem for path in (folder / "judgements").glob("*.tsv"))


def read_pairs(path: Path) -> Pairs:
    """Tab-separated pairs with header `subject candidate` and optionally `grade`; InputError with line and reason."""
    if not path.exists():
        valid = ", ".join(splits(path.parent.parent)) or "none"
        raise InputError(f"{path} does not exist; splits: {valid}", field="split")
    subjects, candidates, grades = [], [], []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if not {"subject", "candidate"} <= set(reader.fieldnames or ()):
            raise InputError(f"{path}: the header must name subject and candidate, tab separated", field="header")
        for number, row in enumerate(reader, start=2):
            subjects.append(row["subject"])
            candidates.append(row["candidate"])
            try:
                grades.append(float(row.get("grade") or "nan"))
            except ValueError:
                raise InputError(f"{path}:{number}: grade {row['grade']!r} is no number", field="grade") from None
            if not row["subject"] or not row["candidate"]:
                raise InputError(f"{path}:{number}: subject and candidate are needed", field="subject")
    return Pairs(np.array(subjects, str), np.array(candidates, str), np.array(grades))


def joined(parts: Sequence[Pairs]) -> Pairs:
    """Several splits as one."""
    return Pairs(
        np.concatenate([p.subjects for p in parts]),
        np.concatenate([p.candidates for p in parts]),
        np.concatenate([p.grades for p in parts]),
    )


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


def cross_validated(scorer: Scorer, pairs: Pairs, groups: NDArray[Any], folds: NDArray[np.int64]) -> Scored:
    """Scores of every pair by a model that saw no pair of its fold."""
    x, reverse = scorer.features(pairs)
    score, grade = np.empty(len(pairs)), np.full(len(pairs), np.nan)
    for number in np.unique(folds):
        test = folds == number
        model = trained(scorer, x[~test], pairs.grades[~test])
        part = scorer.score(model, x[test], None if reverse is None else reverse[test])
        score[test] = part.score
        if part.grade is not None:
            grade[test] = part.grade
    return Scored(score, None if np.isnan(grade).any() else grade)


def trained(scorer: Scorer, x: Floats, grades: Floats) -> Model:
    """A model of judged pairs."""
    ranker = fit(scorer.prepared, x, grades)
    return Model(ranker, Model.prior(scorer.prepared.features).bounds, {"learned_from": "judged pairs"})


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
    run: list[tuple[str, str, float, float | None]]
    """(subject, candidate, score, predicted grade); best first within a subject where every candidate competes."""

    def to_dict(self) -> dict[str, Any]:
        """For `--json`, without the run."""
        return {
            "match": self.match, "split": self.split, "scores": self.how,
            "measures": [
                {"measure": m.name, "value": m.value, "low": m.low, "high": m.high, "units": m.units}
                for m in self.measured
            ],
        }  # fmt: skip


def evaluate_complete(
    state: State, folder: Path, about: SetAbout, match: str, train: Sequence[str], test: str | None, fold: str | None
) -> Evaluated:
    """Measure a set whose judged pairs are all that is ranked."""
    prepared = state.prepared(match)
    scorer = Scorer(state, prepared, mutual=about.mutual)
    names = [test] if test else [name for name in splits(folder) if name not in train]
    if not names:
        raise InputError("no split is left to test on", field="test")
    pairs = joined([read_pairs(folder / "judgements" / f"{name}.tsv") for name in names])
    fold = fold or about.fold
    if train:
        seen = joined([read_pairs(folder / "judgements" / f"{name}.tsv") for name in train])
        model, how = trained(scorer, scorer.features(seen)[0], seen.grades), f"trained on {', '.join(train)}"
        scored = scorer.score(model, *scorer.features(pairs))
    elif fold == "none":
        scored, how = scorer.score(prepared.model, *scorer.features(pairs)), "prior, nothing trained"
    else:
        folds = folds_of(state, about, prepared.evidence.kind.subject, pairs, fold)
        scored, how = cross_validated(scorer, pairs, pairs.subjects, folds), f"cross-validated by {fold}"
    judged = judged_of(about, pairs, scored)
    grades = [None] * len(pairs) if scored.grade is None else scored.grade.tolist()
    run = list(zip(pairs.subjects.tolist(), pairs.candidates.tolist(), scored.score.tolist(), grades, strict=True))
    return Evaluated(match, "+".join(names), how, measures.measure(about.metrics, judged, mutual=about.mutual), run)


def judged_of(about: SetAbout, pairs: Pairs, scored: Scored) -> Judged:
    """The pairs with their levels; a pair without a score counts as the worst."""
    if about.grades is None:
        level = pairs.grades
    else:
        level = np.searchsorted(np.array(about.grades), pairs.grades).astype(np.float64)
    score = np.where(np.isnan(scored.score), -np.inf, scored.score)
    worst = float(score[np.isfinite(score)].min(initial=0.0)) - 1
    score = np.where(np.isfinite(score), score, worst)
    return Judged(
        pairs.subjects, pairs.candidates, pairs.grades, level, pairs.grades >= about.relevant_from, score, scored.grade
    )


def evaluate_positives(
    state: State, folder: Path, about: SetAbout, match: str, test: str, top: int,
    progress: Callable[[str, int], None] | None = None,
) -> Evaluated:  # fmt: skip
    """Measure a set that lists only hits: every candidate competes, known partners left out."""
    prepared = state.prepared(match)
    kind = prepared.evidence.kind
    pairs = read_pairs(folder / "judgements" / f"{test}.tsv")
    model, how = _outcome_model(prepared)
    subject_table, table = state.projection.table(kind.subject), state.projection.table(kind.candidate)
    everyone = np.arange(table.n, dtype=np.int64)
    ids = [table.ids[row] for row in range(table.n)]
    places: dict[str, Floats] = {}
    run: list[tuple[str, str, float, float | None]] = []
    for done, subject in enumerate(dict.fromkeys(pairs.subjects.tolist())):
        wanted = [table.find(c) for c in pairs.candidates[pairs.subjects == subject].tolist()]
        row = subject_table.find(subject)
        if row < 0:
            places[subject] = np.full(len(wanted), np.inf)
            continue
        asked = prepared.evidence.asked(row)
        score = model.score(prepared.features.of(asked, prepared.evidence.read(asked), everyone))
        score[_known(state, kind.subject, row, kind.candidate, about.known)] = -np.inf
        order = np.argsort(-score, kind="stable")
        place = np.empty(len(order))
        place[order] = np.arange(1, len(order) + 1)
        places[subject] = np.array([place[at] if at >= 0 else np.inf for at in wanted])
        best = order[:top][np.isfinite(score[order[:top]])]
        run += [(subject, ids[at], float(score[at]), None) for at in best]
        if progress:
            progress("rank", done)
    return Evaluated(match, test, how, measures.measure_places(about.metrics, places), run)


def _outcome_model(prepared: Prepared) -> tuple[Model, str]:
    x, y, _ = outcome_sample(prepared)
    if y.sum() == 0:
        return prepared.model, "prior, no outcomes to learn from"
    ranker = fit(prepared, x, y)
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
    fold: str | None = None, top: int = 1000, progress: Callable[[str, int], None] | None = None,
) -> list[Evaluated]:  # fmt: skip
    """Measure a loaded evaluation set.

    A complete set is cross-validated over its judged pairs, or trained on `train` and measured on `test` (default:
    the other splits); each split of a positives set is a test split. Raises InputError, UnknownNameError.
    """
    about = read_set(folder)
    name = match or about.match
    if name is None:
        raise InputError(f"{folder} judges nothing: set.json has no `match`", field="match")
    known = splits(folder)
    for split in (*train, *([test] if test else [])):
        if split not in known:
            raise UnknownNameError("split", split, known, field="split")
    if about.judged == "complete":
        return [evaluate_complete(state, folder, about, name, train, test, fold)]
    tested = [test] if test else [split for split in known if split not in train]
    return [evaluate_positives(state, folder, about, name, split, top, progress) for split in tested]


def write_run(path: Path, rows: Sequence[tuple[str, str, float, float | None]]) -> None:
    """`subject candidate score grade`, tab separated, grade empty where none was predicted."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("subject\tcandidate\tscore\tgrade\n")
        for subject, candidate, score, grade in rows:
            written = "" if grade is None else repr(grade)
            file.write(f"{subject}\t{candidate}\t{score!r}\t{written}\n")


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
