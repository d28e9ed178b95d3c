"""What is known of a learned model before it ranks for anyone: all of it measured on outcomes that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from matching.evaluation.comparison import Compared, compared
from matching.evaluation.measures import (
    Values,
    average_precisions,
    bins_of,
    intervals,
    measure_probabilities,
    summed,
)
from matching.ranking.additive import Ranker
from matching.ranking.calibration import cross_fitted
from matching.ranking.model import bands_of

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class Sample(NamedTuple):
    """Sampled pairs of a match kind, read from a graph in which their outcomes are hidden."""

    x: Floats
    """N × m features."""
    y: Floats
    """1 for an outcome."""
    owners: Rows
    """Subject of each."""
    weight: Floats
    """How many pairs that retrieval finds each stands for; 0 for the candidates that are drawn beside them."""


def scored(rankers: Sequence[Ranker], x: Floats, fold: Rows) -> Floats:
    """Score of each pair by the ranker that has not seen its fold."""
    score = np.empty(len(x))
    for number, ranker in enumerate(rankers):
        here = fold == number
        score[here] = ranker.intercept + ranker.shares(x[here]).sum(axis=1)
    return score


def precisions(score: Floats, sample: Sample) -> dict[str, float]:
    """Average precision within each subject that has a hit and a miss."""
    return average_precisions(score, sample.y > 0, sample.owners)


def against(precision: Mapping[str, float], others: Mapping[str, float]) -> list[Compared]:
    """How average precisions within subjects differ from those of another ranker; nothing where no subject has any."""
    return compared({"average_precision": _values(precision)}, {"average_precision": _values(others)})


def examined(
    ranker: Ranker, rankers: Sequence[Ranker], bounds: Sequence[float], sample: Sample, fold: Rows
) -> dict[str, Any]:
    """`measures`, `calibration`, `features` and `ablation` of a ranker, for the model's `about`.

    `rankers` are those of the folds.
    """
    score = scored(rankers, sample.x, fold)
    values = {"average_precision": _values(precisions(score, sample)), "roc_auc": _values(_areas(score, sample))}
    return {
        "measures": [measured.to_dict() for measured in summed({name: each for name, each in values.items() if each})],
        "calibration": _calibration(score, bounds, sample, fold),
        "features": _features(ranker, sample),
        "ablation": ablation(rankers, sample, fold),
    }


def _values(each: Mapping[str, float]) -> Values:
    return {owner: (value, 1.0) for owner, value in each.items()}


def _areas(score: Floats, sample: Sample) -> dict[str, float]:
    """Area under the ROC curve within each subject that has a hit and a miss; ties half (Mann and Whitney 1947)."""
    found = {}
    order = np.argsort(sample.owners, kind="stable")
    names, starts = np.unique(sample.owners[order], return_index=True)
    for name, at in zip(names.tolist(), np.split(order, starts[1:]), strict=True):
        hit = sample.y[at] > 0
        hits, misses = int(hit.sum()), int((~hit).sum())
        if hits and misses:
            above = rankdata(score[at])[hit].sum() - hits * (hits + 1) / 2
            found[str(name)] = float(above / (hits * misses))
    return found


def _calibration(score: Floats, bounds: Sequence[float], sample: Sample, fold: Rows) -> dict[str, Any]:
    hit, owners, weight = sample.y > 0, sample.owners, sample.weight
    probability = cross_fitted(score, hit, fold, weight)
    if probability is None:
        return {}
    seen = weight > 0
    told = measure_probabilities(probability[seen], hit[seen], owners[seen], weight[seen])
    band = bands_of(score, bounds)
    return {
        "measures": [measured.to_dict() for measured in told],
        "bands": observed(band, probability, hit, owners, weight),
        "bins": reliability(probability[seen], hit[seen], owners[seen], weight[seen]),
    }


def reliability(
    probability: Floats, hit: NDArray[np.bool_], units: NDArray[np.generic], weight: Floats
) -> list[dict[str, float]]:
    """Bins that expect equally many hits: what was said and what came of it, least probable first.

    Bins of equal mass would put all that is at the top of an answer into the last of them, hits being rare.
    """
    return observed(bins_of(probability, weight * probability), probability, hit, units, weight)


def observed(
    part: NDArray[np.int64], probability: Floats, hit: NDArray[np.bool_], units: NDArray[np.generic], weight: Floats
) -> list[dict[str, float]]:
    """Each `part` that has pairs, with their number, mean `probability` and `observed` share of hits with interval."""
    seen = weight > 0
    probability, hit, units, weight = probability[seen], hit[seen], units[seen], weight[seen]
    present, part = np.unique(part[seen], return_inverse=True)
    names, unit = np.unique(units, return_inverse=True)
    n = len(present)
    cell = unit * n + part
    pairs, hits = (np.bincount(cell, mass, len(names) * n).reshape(-1, n) for mass in (weight, weight * hit))
    total = pairs.sum(axis=0)

    def of(drawn: NDArray[np.int64]) -> Floats:
        seen = pairs[drawn].sum(axis=0)
        return np.asarray(hits[drawn].sum(axis=0) / np.where(seen > 0, seen, np.nan))

    low, high = intervals(of, len(names))
    said, found = np.bincount(part, weight * probability, n) / total, hits.sum(axis=0) / total
    columns = ("part", "pairs", "probability", "observed", "low", "high")
    rows = np.column_stack([present, total, said, found, low, high]).tolist()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _features(ranker: Ranker, sample: Sample) -> list[dict[str, Any]]:
    """Of each feature: where it is known, its usual range, the range of its share, and how far shares spread."""
    shares = ranker.shares(sample.x)
    rows = []
    for at, name in enumerate(ranker.features):
        known = ~np.isnan(sample.x[:, at])
        values = sample.x[known, at] if known.any() else np.zeros(1)
        low, high = np.quantile(values, [0.05, 0.95])
        least, most = np.quantile(shares[:, at], [0.05, 0.95])
        rows.append({
            "feature": name, "known": float(known.mean()), "low": float(low), "high": float(high),
            "least_share": float(least), "most_share": float(most),
            "importance": float(np.abs(shares[:, at] - shares[:, at].mean()).mean()),
        })  # fmt: skip
    return sorted(rows, key=lambda row: (-row["importance"], row["feature"]))


def ablation(rankers: Sequence[Ranker], sample: Sample, fold: Rows) -> list[dict[str, Any]]:
    """Each family of features by what average precision loses without it, greatest loss first.

    Without it means: its held-out columns are shuffled among the pairs of the fold, all of them alike, and the model
    stays (permutation importance, Breiman 2001). What another feature says as well is therefore no loss.
    """
    shares = np.empty_like(sample.x)
    rows_of = [np.flatnonzero(fold == number) for number in range(len(rankers))]
    for ranker, here in zip(rankers, rows_of, strict=True):
        shares[here] = ranker.shares(sample.x[here])
    base = np.array([ranker.intercept for ranker in rankers])[fold]
    whole = precisions(base + shares.sum(axis=1), sample)
    if not whole:
        return []
    names = rankers[0].features
    families = list(dict.fromkeys(name.partition("_")[0] for name in names))
    rng = np.random.default_rng(0)
    sizes, changes = [], np.empty((len(whole), len(families)))
    for place, family in enumerate(families):
        columns = np.array([at for at, name in enumerate(names) if name.partition("_")[0] == family])
        shuffled = shares.copy()
        for ranker, here in zip(rankers, rows_of, strict=True):
            others = rng.permutation(here)
            if ranker.alone[columns].all():
                shuffled[np.ix_(here, columns)] = shares[np.ix_(others, columns)]
            else:
                x = sample.x[here]
                x[:, columns] = sample.x[np.ix_(others, columns)]
                shuffled[here] = ranker.shares(x)
        without = precisions(base + shuffled.sum(axis=1), sample)
        changes[:, place] = [without[owner] - value for owner, value in whole.items()]
        sizes.append(len(columns))
    low, high = intervals(lambda drawn: np.asarray(changes[drawn].mean(axis=0)), len(whole))
    told = zip(families, sizes, changes.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
    rows = [
        {"family": family, "features": size, "change": change, "low": least, "high": most, "units": len(whole)}
        for family, size, change, least, most in told
    ]
    return sorted(rows, key=lambda row: (row["change"], row["family"]))
