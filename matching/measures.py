"""Measures of a ranking against judgements, each with a bootstrap interval over subjects.

A measure yields one value per subject, or one (sum, weight) pair per group where groups are pooled; ties count
against the ranker unless said otherwise. nDCG follows Burges et al. 2005 (gain 2^level - 1, log2 discount).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def measure(names: Sequence[str], judged: Judged, *, mutual: bool = False) -> list[Measured]:
    """The named measures of a complete set; those that do not apply are left out."""
    values = _per_subject(judged) | _per_candidate(names, judged)
    if mutual:
        values |= _mutual(judged)
    return [_measured(name, values[name]) for name in names if values.get(name)]


def measure_places(names: Sequence[str], places: Mapping[str, Floats]) -> list[Measured]:
    """recall@N and mrr of a set that lists positives: places of each subject's hidden partners (inf = not ranked)."""
    values: dict[str, list[tuple[float, float]]] = {}
    for at in places.values():
        for n in (10, 50):
            values.setdefault(f"recall@{n}", []).append((float((at <= n).sum()), len(at)))
        values.setdefault("mrr", []).append((float((1 / at).sum()), len(at)))
    return [_measured(name, values[name]) for name in names if name in values]


KNOWN = (
    "inverse_mae", "spearman", "ndcg@10", "roc_auc", "precision@10", "average_precision", "pair_loss", "pair_easy",
    "pair_hard", "mutual_yield@1", "mutual_yield@5", "mutual_ndcg@1", "mutual_ndcg@5",
)  # fmt: skip
PLACES = ("recall@10", "recall@50", "mrr")

_Values = list[float] | list[tuple[float, float]]


def _grouped(keys: NDArray[np.str_]) -> list[NDArray[np.int64]]:
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    groups = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
    return [groups[at] for at in np.argsort(first, kind="stable")]


def _best_first(score: Floats, level: Floats) -> NDArray[np.int64]:
    """Order by score, among equals the less relevant first."""
    return np.lexsort((level, -score))


def _dcg(gains: Floats) -> float:
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())


def _per_subject(judged: Judged) -> dict[str, _Values]:
    pooled: list[tuple[float, float]] = []
    single: dict[str, list[float]] = {}
    for at in _grouped(judged.subjects):
        grade, score, hit, level = judged.grade[at], judged.score[at], judged.relevant[at], judged.level[at]
        if judged.predicted is not None:
            pooled.append((float(np.abs(judged.predicted[at] - grade).sum()), len(at)))
        if len(at) >= 5 and len(np.unique(grade)) > 1:
            constant = len(np.unique(score)) == 1
            single.setdefault("spearman", []).append(0.0 if constant else float(spearmanr(score, grade).statistic))
        order = _best_first(score, level)
        if level.max() > 0:
            ideal = np.sort(level)[::-1]
            single.setdefault("ndcg@10", []).append(_dcg(2 ** level[order][:10] - 1) / _dcg(2 ** ideal[:10] - 1))
        if hit.any() and not hit.all():
            seen = hit[order]
            places = np.flatnonzero(seen)
            single.setdefault("roc_auc", []).append(float(roc_auc_score(hit, score)))
            single.setdefault("precision@10", []).append(float(seen[:10].mean()))
            single.setdefault("average_precision", []).append(
                float(np.mean(np.arange(1, len(places) + 1) / (places + 1)))
            )
    return {**single, **({"inverse_mae": pooled} if pooled else {})}


def _per_candidate(names: Sequence[str], judged: Judged) -> dict[str, _Values]:
    """Pairs of subjects ordered for each candidate: the reviewer-assignment measures (Stelmakh et al. 2023)."""
    if not {"pair_loss", "pair_easy", "pair_hard"} & set(names):
        return {}
    out: dict[str, list[tuple[float, float]]] = {"pair_loss": [], "pair_easy": [], "pair_hard": []}
    for at in _grouped(judged.candidates):
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
        out["pair_loss"].append((wrong, weight))
        out["pair_easy"].append((sum(easy), len(easy)))
        out["pair_hard"].append((sum(hard), len(hard)))
    return {**out}


def _mutual(judged: Judged) -> dict[str, _Values]:
    hit = dict(zip(zip(judged.subjects, judged.candidates, strict=True), judged.relevant, strict=True))
    yields: dict[str, list[tuple[float, float]]] = {}
    ndcg: dict[str, list[float]] = {}
    for at in _grouped(judged.subjects):
        both = [i for i in at if (judged.candidates[i], judged.subjects[i]) in hit]
        mutual = np.array([judged.relevant[i] and hit[judged.candidates[i], judged.subjects[i]] for i in both], float)
        mutual = mutual[_best_first(judged.score[both], mutual)]
        for k in (1, 5):
            yields.setdefault(f"mutual_yield@{k}", []).append((float(mutual[:k].sum()), len(mutual[:k])))
            if mutual.any():
                ideal = np.sort(mutual)[::-1][:k]
                ndcg.setdefault(f"mutual_ndcg@{k}", []).append(_dcg(mutual[:k]) / _dcg(ideal))
    return {**yields, **ndcg}


def _combined(name: str, values: Floats) -> float:
    if values.ndim == 1:
        return float(values.mean())
    total, weight = values.sum(axis=0)
    return float(1 / (1 + total / weight) if name == "inverse_mae" else total / weight)


def _measured(name: str, values: _Values) -> Measured:
    array = np.asarray(values, np.float64)
    if array.ndim == 2 and not array[:, 1].sum():
        raise InputError(f"measure {name!r} has nothing to measure in this split", field="metrics")
    rng = np.random.default_rng(0)
    draws = [_combined(name, array[rng.integers(0, len(array), len(array))]) for _ in range(DRAWS)]
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Measured(name, _combined(name, array), float(low), float(high), len(array))
