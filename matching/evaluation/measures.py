"""Measures of a ranking against judgements, each with a bootstrap interval over subjects.

A measure is a sum over a weight, both added up over units: subjects, or candidates where those are compared. Ties
count against the ranker unless said otherwise. nDCG follows Burges et al. 2005 (gain 2^level - 1, log2 discount).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from graph.errors import InputError

Floats = NDArray[np.float64]
DRAWS = 2000


@dataclass(frozen=True)
class Judged:
    """Judged pairs with what a ranker said of them; all arrays have one entry per pair."""

    subjects: NDArray[np.str_]
    candidates: NDArray[np.str_]
    grade: Floats
    """The judgement."""
    level: Floats
    """Place of the grade among the set's grades from 0, or the grade itself on a continuous scale."""
    relevant: NDArray[np.bool_]
    """Whether the grade counts as a hit."""
    score: Floats
    """What the ranker orders by."""
    predicted: Floats | None
    """Predicted grade, where one was learned."""
    mutual: Floats | None = None
    """1 where both directions are relevant, NaN where only one was judged; None where one direction is all there is."""

    def of(self, kept: NDArray[np.bool_]) -> Judged:
        """Some of the pairs."""
        return Judged(
            self.subjects[kept], self.candidates[kept], self.grade[kept], self.level[kept], self.relevant[kept],
            self.score[kept], None if self.predicted is None else self.predicted[kept],
            None if self.mutual is None else self.mutual[kept],
        )  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One measure."""

    name: str
    value: float
    low: float
    high: float
    """95 % bootstrap interval."""
    units: int
    """Subjects (or candidates) that were averaged."""

    def to_dict(self) -> dict[str, float | int | str]:
        """JSON form."""
        return {
            "measure": self.name, "value": self.value, "low": self.low, "high": self.high, "units": self.units
        }  # fmt: skip


Values = Mapping[str, tuple[float, float]]
"""Unit → (sum, weight) of one measure."""


def measure(names: Sequence[str], judged: Judged) -> list[Measured]:
    """The named measures of a complete set; those that do not apply are left out.

    Raises InputError where a measure applies and has nothing to measure: no pair of its grades.
    """
    return summed(values_of(names, judged))


def values_of(names: Sequence[str], judged: Judged) -> dict[str, Values]:
    """What the named measures of a complete set are averaged from; those that do not apply are left out."""
    values = _per_subject(judged) | _per_candidate(names, judged)
    if judged.mutual is not None:
        values |= _mutual(judged, judged.mutual)
    return {name: values[name] for name in names if values.get(name)}


def lacking(names: Sequence[str], judged: Judged | None) -> dict[str, str]:
    """Measure → why it cannot be had, of those named that are not among `values_of`; None: a set of positives."""
    own, other, form = (KNOWN, PLACES, "complete") if judged is not None else (PLACES, KNOWN, "positives")
    foreign = {name: f"it is not of sets whose `judged` is {form}" for name in names if name in other}
    if judged is None:
        return foreign
    had = values_of(names, judged)
    return foreign | {name: _reason(name, judged) for name in names if name in own and name not in had}


def _reason(name: str, judged: Judged) -> str:
    if name == "inverse_mae":
        return "nothing was trained, so no grade is predicted"
    if name == "spearman":
        return "no subject has five pairs, not all of one grade"
    if name == "ndcg@10":
        return "no subject has a pair above the lowest grade"
    if name.startswith("mutual"):
        if judged.mutual is None:
            return "`mutual` of the set is not true"
        return "no pair is relevant in both directions"
    return "no subject has both relevant and other pairs: see `relevant_from`"


def measure_places(names: Sequence[str], places: Mapping[str, Floats]) -> list[Measured]:
    """recall@N and mrr of a set that lists positives: places of each subject's hidden partners (inf = not ranked)."""
    return summed(values_of_places(names, places))


def values_of_places(names: Sequence[str], places: Mapping[str, Floats]) -> dict[str, Values]:
    """What recall@N and mrr are averaged from."""
    values: dict[str, Values] = {
        f"recall@{n}": {subject: (float((at <= n).sum()), len(at)) for subject, at in places.items()} for n in (10, 50)
    }
    values["mrr"] = {subject: (float((1 / at).sum()), len(at)) for subject, at in places.items()}
    return {name: values[name] for name in names if values.get(name)}


def summed(values: Mapping[str, Values]) -> list[Measured]:
    """Each measure with its interval; InputError where one has nothing to measure."""
    for name, parts in values.items():
        if not any(weight for _, weight in parts.values()):
            raise InputError(f"measure {name!r} has nothing to measure in this split", field="metrics")
    return [_measured(name, parts) for name, parts in values.items()]


def combined(name: str, parts: Floats) -> float:
    """A measure of n × 2 sums and weights; NaN where the weights add up to nothing."""
    return float(ratio(name, parts.sum(axis=0)))


def ratio(name: str, sums: Floats) -> Floats:
    """A measure of … × 2 sums and weights that are added up already."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.asarray(sums[..., 0] / sums[..., 1])
    return 1 / (1 + mean) if name == "inverse_mae" else mean


def interval(of: Callable[[NDArray[np.int64]], float], units: int) -> tuple[float, float]:
    """95 % bootstrap interval of a function of drawn units."""
    low, high = intervals(of, units)
    return float(low), float(high)


def intervals(of: Callable[[NDArray[np.int64]], float | Floats], units: int) -> tuple[Floats, Floats]:
    """95 % bootstrap intervals of a function of drawn units: percentiles of DRAWS draws, always the same ones."""
    rng = np.random.default_rng(0)
    low, high = np.nanpercentile([of(rng.integers(0, units, units)) for _ in range(DRAWS)], [2.5, 97.5], axis=0)
    return low, high


def _measured(name: str, values: Values) -> Measured:
    parts = np.array(list(values.values()), np.float64)
    low, high = interval(lambda drawn: combined(name, parts[drawn]), len(parts))
    return Measured(name, combined(name, parts), low, high, len(parts))


KNOWN = (
    "inverse_mae", "spearman", "ndcg@10", "roc_auc", "precision@10", "average_precision", "pair_loss", "pair_easy",
    "pair_hard", "mutual_yield@1", "mutual_yield@5", "mutual_ndcg@1", "mutual_ndcg@5",
)  # fmt: skip
PLACES = ("recall@10", "recall@50", "mrr")
LOWER_IS_BETTER = frozenset({"pair_loss", "ece", "brier"})
BINS = 10
"""Of probabilities: each holds as much of the pairs, or of the expected hits."""


def average_precisions(score: Floats, hit: NDArray[np.bool_], owners: NDArray[np.generic]) -> dict[str, float]:
    """Average precision within each owner that has a hit and a miss, by its name."""
    names, owner = np.unique(owners, return_inverse=True)
    order = np.lexsort((hit, -score, owner))
    hits, owner = hit[order], owner[order]
    size = np.bincount(owner, minlength=len(names))
    place = np.arange(len(order)) - (np.cumsum(size) - size)[owner] + 1
    found = np.bincount(owner, hits, len(names))
    seen = np.cumsum(hits)
    before = np.cumsum(found) - found
    precision = np.bincount(owner[hits], (seen[hits] - before[owner[hits]]) / place[hits], len(names))
    told = (found > 0) & (found < size)
    return {str(name): float(value) for name, value in zip(names[told], precision[told] / found[told], strict=True)}


def measure_probabilities(
    probability: Floats, hit: NDArray[np.bool_], units: NDArray[np.generic], weight: Floats | None = None
) -> list[Measured]:
    """`ece`, `brier`, `brier_skill` of n probabilities; `units` name each pair's subject, `weight` undoes a sampling.

    Expected calibration error (Naeini, Cooper and Hauskrecht 2015) over BINS bins of equal mass: the mean distance of
    a bin's mean probability from its share of hits. Brier score (1950): the mean squared distance of probability and
    outcome; its skill is what that is less than for the one who always says the share of hits, as a part of it. A low
    ece alone says little: whoever always says the share of hits has one of 0. Its interval leans upwards, for every
    draw adds noise of its own to each bin.
    """
    weight = np.ones(len(hit)) if weight is None else weight
    names, unit = np.unique(units, return_inverse=True)
    gap = weight * (probability - hit)
    cell = unit * BINS + bins_of(probability, weight)
    gaps = np.bincount(cell, gap, len(names) * BINS).reshape(-1, BINS)
    squares, hits, total = (
        np.bincount(unit, part, len(names)) for part in (gap * (probability - hit), weight * hit, weight)
    )
    parts = np.column_stack([gaps, squares, hits, total])

    def of(drawn: NDArray[np.int64] | slice) -> Floats:
        *gaps, squares, hits, total = parts[drawn].sum(axis=0)
        brier, share = squares / total, hits / total
        even = share * (1 - share)
        return np.array([np.abs(gaps).sum() / total, brier, 1 - brier / even if even else np.nan])

    low, high = intervals(of, len(names))
    named = zip(("ece", "brier", "brier_skill"), of(slice(None)), low, high, strict=True)
    return [Measured(name, float(value), float(a), float(b), len(names)) for name, value, a, b in named]


def bins_of(probability: Floats, mass: Floats) -> NDArray[np.int64]:
    """Bin of each probability, from 0, so that each bin has as much of the mass; equal ones share a bin."""
    values, inverse = np.unique(probability, return_inverse=True)
    each = np.bincount(inverse, mass, len(values))
    middle = (np.cumsum(each) - each / 2) / each.sum()
    return np.asarray(np.minimum((middle * BINS).astype(np.int64), BINS - 1)[inverse])


def mutual_of(subjects: NDArray[np.str_], candidates: NDArray[np.str_], relevant: NDArray[np.bool_]) -> Floats:
    """1 for each pair that is relevant in both directions, else 0; NaN where only one was judged."""
    hit = dict(zip(zip(subjects, candidates, strict=True), relevant.tolist(), strict=True))
    back = np.array([float(hit.get(pair, np.nan)) for pair in zip(candidates, subjects, strict=True)])
    return back * relevant


def _grouped(keys: NDArray[np.str_]) -> list[tuple[str, NDArray[np.int64]]]:
    names, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    groups = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
    return [(str(names[at]), groups[at]) for at in np.argsort(first, kind="stable")]


def _best_first(score: Floats, level: Floats) -> NDArray[np.int64]:
    """Order by score, among equals the less relevant first."""
    return np.lexsort((level, -score))


def _dcg(gains: Floats) -> float:
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())


_Sums = dict[str, dict[str, tuple[float, float]]]


def _per_subject(judged: Judged) -> _Sums:
    values: _Sums = {name: {} for name in KNOWN[:6]}
    for subject, at in _grouped(judged.subjects):
        grade, score, hit, level = judged.grade[at], judged.score[at], judged.relevant[at], judged.level[at]
        if judged.predicted is not None:
            values["inverse_mae"][subject] = (float(np.abs(judged.predicted[at] - grade).sum()), len(at))
        if len(at) >= 5 and len(np.unique(grade)) > 1:
            constant = len(np.unique(score)) == 1
            values["spearman"][subject] = (0.0 if constant else float(spearmanr(score, grade).statistic), 1)
        order = _best_first(score, level)
        if level.max() > 0:
            ideal = np.sort(level)[::-1]
            values["ndcg@10"][subject] = (_dcg(2 ** level[order][:10] - 1) / _dcg(2 ** ideal[:10] - 1), 1)
        if hit.any() and not hit.all():
            seen = hit[order]
            places = np.flatnonzero(seen)
            values["roc_auc"][subject] = (float(roc_auc_score(hit, score)), 1)
            values["precision@10"][subject] = (float(seen[:10].mean()), 1)
            values["average_precision"][subject] = (float(np.mean(np.arange(1, len(places) + 1) / (places + 1))), 1)
    return values


def _per_candidate(names: Sequence[str], judged: Judged) -> _Sums:
    """Pairs of subjects ordered for each candidate: the reviewer-assignment measures (Stelmakh et al. 2023)."""
    if not {"pair_loss", "pair_easy", "pair_hard"} & set(names):
        return {}
    out: _Sums = {"pair_loss": {}, "pair_easy": {}, "pair_hard": {}}
    for candidate, at in _grouped(judged.candidates):
        wrong = weight = 0.0
        easy: list[bool] = []
        hard: list[bool] = []
        for a, b in combinations(at, 2):
            distance = abs(judged.grade[a] - judged.grade[b])
            if not distance:
                continue
            sign = (judged.score[a] - judged.score[b]) * (judged.grade[a] - judged.grade[b])
            weight += distance
            wrong += distance * (1.0 if sign < 0 else 0.5 if sign == 0 else 0.0)
            low, high = sorted((judged.grade[a], judged.grade[b]))
            if low >= 4:
                hard.append(sign > 0)
            elif high >= 4 and low <= 2:
                easy.append(sign > 0)
        out["pair_loss"][candidate] = (wrong, weight)
        out["pair_easy"][candidate] = (sum(easy), len(easy))
        out["pair_hard"][candidate] = (sum(hard), len(hard))
    return out


def _mutual(judged: Judged, mutual: Floats) -> _Sums:
    values: _Sums = {name: {} for name in KNOWN if name.startswith("mutual")}
    for subject, at in _grouped(judged.subjects):
        both = at[~np.isnan(mutual[at])]
        best = mutual[both][_best_first(judged.score[both], mutual[both])]
        for k in (1, 5):
            values[f"mutual_yield@{k}"][subject] = (float(best[:k].sum()), len(best[:k]))
            if best.any():
                values[f"mutual_ndcg@{k}"][subject] = (_dcg(best[:k]) / _dcg(np.sort(best)[::-1][:k]), 1)
    return values
