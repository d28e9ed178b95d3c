"""Comparisons of two rankers: against scipy's permutation test, and what is called noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import permutation_test

from matching.evaluation.comparison import SWAPS, compared
from matching.evaluation.measures import Values, combined


def _values(sums: NDArray[np.float64]) -> Values:
    return {f"s{at}": (float(total), float(weight)) for at, (total, weight) in enumerate(sums)}


@pytest.mark.parametrize("name", ["roc_auc", "inverse_mae", "recall@10"])
@pytest.mark.parametrize("seed", range(3))
def test_the_p_value_is_that_of_the_exact_test(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(1, 5, 9).astype(float) if name != "roc_auc" else np.ones(9)
    a, b = (np.column_stack([rng.random(9) * weight, weight]) for _ in range(2))
    a[:, 0] += 0.2

    sums = np.concatenate([a, b])

    def difference(at: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        return combined(name, sums[at.astype(int)]) - combined(name, sums[other.astype(int)])

    places = np.arange(9.0), np.arange(9.0, 18)
    exact = permutation_test(places, difference, permutation_type="samples", n_resamples=100_000)  # all 512 there are
    (got,) = compared({name: _values(a)}, {name: _values(b)})
    assert got.difference == pytest.approx(exact.statistic)
    assert got.p == pytest.approx(exact.pvalue, abs=0.02)


def test_a_ranker_compared_with_itself_is_noise() -> None:
    values = {"roc_auc": _values(np.column_stack([np.linspace(0, 1, 20), np.ones(20)]))}
    (got,) = compared(values, values)
    assert (got.difference, got.low, got.high, got.p, got.verdict) == (0, 0, 0, 1, "within noise")


@pytest.mark.parametrize(
    ("name", "shift", "verdict"),
    [
        ("roc_auc", 0.1, "better"), ("roc_auc", -0.1, "worse"), ("pair_loss", 0.1, "worse"),
        ("pair_loss", -0.1, "better"), ("inverse_mae", 0.1, "worse"), ("roc_auc", 0.002, "within noise"),
    ],
)  # fmt: skip
def test_the_verdict_knows_which_way_is_better(name: str, shift: float, verdict: str) -> None:
    rng = np.random.default_rng(1)
    theirs = np.column_stack([rng.random(60), np.ones(60)])
    mine = theirs + np.column_stack([shift + rng.normal(0, 0.05, 60), np.zeros(60)])
    (got,) = compared({name: _values(mine)}, {name: _values(theirs)})
    assert got.verdict == verdict and got.low <= got.difference <= got.high and got.units == 60
    assert 1 / (1 + SWAPS) <= got.p <= 1


def test_what_only_one_side_has_is_not_compared() -> None:
    values = _values(np.ones((5, 2)))
    assert compared({"roc_auc": values, "inverse_mae": values}, {"roc_auc": values})[0].name == "roc_auc"
    assert len(compared({"inverse_mae": values}, {"roc_auc": values})) == 0
