"""Surfaces of pairs: shares are the Shapley values of the boosted trees, add up, rise where they must, and are kept."""

from __future__ import annotations

import json
from itertools import combinations
from math import factorial

import numpy as np
import pytest

from matching.ranking.additive import AdditiveCurves, ranker_from


def _world(n: int = 1500, absent: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Steps of three features, the first two of which bend each other, and grades."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 4, (n, 3)).astype(float)
    logit = 1.5 * x[:, 0] * (x[:, 1] > 1) + 0.5 * x[:, 2] - 3
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(-logit))).astype(float)
    x[rng.uniform(size=x.shape) < absent] = np.nan
    return x, y


def _model(x: np.ndarray, y: np.ndarray, pairs: int = 9) -> AdditiveCurves:
    return AdditiveCurves(increasing=(True, True, True), leaves=4, smallest_leaf=20, l2=1.0, pairs=pairs).fit(x, y)


@pytest.mark.parametrize("absent", [0.0, 0.2])
def test_shares_are_the_shapley_values_by_enumeration(absent: float) -> None:
    """The value of a coalition is the mean score, each other feature drawn from the training pairs by itself."""
    x, y = _world(absent=absent)
    model = _model(x, y)
    values = [np.append(np.arange(4.0), np.nan) if absent else np.arange(4.0) for _ in range(3)]
    chance = [np.array([np.isnan(c).mean() if np.isnan(v) else (c == v).mean() for v in values[0]]) for c in x.T]
    grid = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1)
    scores = (model.intercept + model.shares(grid.reshape(-1, 3)).sum(axis=1)).reshape(grid.shape[:3])
    shares = model.shares(grid.reshape(-1, 3)).reshape(grid.shape)

    def worth(coalition: tuple[int, ...]) -> np.ndarray:
        kept = scores
        for at in set(range(3)) - set(coalition):
            kept = np.average(kept, axis=at, weights=chance[at], keepdims=True)
        return np.broadcast_to(kept, scores.shape)

    assert float(worth(()).ravel()[0]) == pytest.approx(model.intercept)
    for at in range(3):
        expected = np.zeros(scores.shape)
        others = [other for other in range(3) if other != at]
        for size in range(3):
            for coalition in combinations(others, size):
                weight = factorial(size) * factorial(2 - size) / factorial(3)
                expected += weight * (worth((*coalition, at)) - worth(coalition))
        np.testing.assert_allclose(shares[..., at], expected, atol=1e-9)


def test_at_the_knots_the_score_is_that_of_the_trees() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    x, y = _world(absent=0.2)
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=4, min_samples_leaf=20, l2_regularization=1.0,
        interaction_cst="pairwise", monotonic_cst=[1, 1, 1], early_stopping=False, random_state=0,
    ).fit(x, y)  # fmt: skip
    model = _model(x, y)
    np.testing.assert_allclose(model.intercept + model.shares(x).sum(axis=1), trees.decision_function(x), atol=1e-9)


def test_shares_never_fall_with_an_increasing_feature() -> None:
    x, y = _world()
    model = _model(x, y)
    for start in x[:20]:
        for at in range(3):
            moved = np.tile(start, (60, 1))
            moved[:, at] = np.linspace(-1, 5, 60)
            assert np.all(np.diff(model.shares(moved)[:, at]) >= -1e-9)


def test_only_surfaces_that_vary_most_are_kept_and_json_keeps_them() -> None:
    x, y = _world()
    few = _model(x, y, pairs=1)
    assert few.to_dict()["pairs"] == [(0, 1)]
    twin = ranker_from(json.loads(json.dumps(few.to_dict())))
    np.testing.assert_array_equal(twin.shares(x), few.shares(x))


def test_what_bends_is_learned() -> None:
    x, y = _world()
    with_surfaces, without = (_model(x, y, pairs=pairs) for pairs in (9, 0))

    def loss(model: AdditiveCurves) -> float:
        logit = model.intercept + model.shares(x).sum(axis=1)
        return float(np.mean(np.logaddexp(0, np.where(y > 0, -logit, logit))))

    assert loss(with_surfaces) < loss(without) - 0.02


def test_thresholds_of_several_grades_share_their_pairs() -> None:
    x, y = _world()
    graded = y + (y > 0) * (x[:, 2] > 2)
    model = _model(x, graded, pairs=1)
    assert len(model.to_dict()["pairs"]) == 1
    grades = model.grades(x)
    assert grades is not None and set(np.unique(grades)) == {0.0, 1.0, 2.0}
