"""Additive rankers: exact shares, monotone steps, the median grade, a JSON form that changes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from matching.ranking.additive import AdditiveCurves, LinearPrior, ranker_from


def _world(seed: int = 0, n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (n, 3))
    x[rng.uniform(size=n) < 0.1, 2] = np.nan
    signal = 3 * x[:, 0] + np.nan_to_num(x[:, 2])
    y = np.digitize(signal + rng.normal(0, 0.3, n), [1.0, 2.0, 3.0]).astype(float)
    return x, y


def test_shares_add_up_to_the_mean_log_odds() -> None:
    x, y = _world()
    model = AdditiveCurves(increasing=(True, False, False)).fit(x, y)
    again = AdditiveCurves(increasing=(True, False, False)).fit(x, y)
    score = model.intercept + model.shares(x).sum(axis=1)
    assert np.corrcoef(score, y)[0, 1] > 0.8
    np.testing.assert_array_equal(score, again.intercept + again.shares(x).sum(axis=1))


def test_an_increasing_feature_never_lowers_a_score() -> None:
    x, y = _world(1)
    model = AdditiveCurves(increasing=(True, True, True)).fit(x, y)
    probe = np.tile(np.array([[0.5, 0.5, 0.5]]), (50, 1))
    for at in range(3):
        moved = probe.copy()
        moved[:, at] = np.linspace(-1, 2, 50)
        assert np.all(np.diff(model.shares(moved)[:, at]) >= -1e-12)


def test_the_predicted_grade_is_one_of_the_grades_and_beats_a_constant() -> None:
    x, y = _world(2)
    grade = AdditiveCurves().fit(x, y).grades(x)
    assert grade is not None
    assert set(grade) <= set(y)
    assert np.abs(grade - y).mean() < 0.6 * np.abs(np.median(y) - y).mean()


def test_two_grades_predict_no_grade_and_one_grade_is_refused() -> None:
    x, y = _world(3)
    assert AdditiveCurves().fit(x, (y > 1).astype(float)).grades(x) is None
    with pytest.raises(ValueError, match="two different grades"):
        AdditiveCurves().fit(x, np.ones(len(x)))


def test_json_form_scores_the_same() -> None:
    x, y = _world(4)
    model = AdditiveCurves().fit(x, y, ("a", "b", "c"))
    twin = ranker_from(json.loads(json.dumps(model.to_dict())))
    assert twin.features == ("a", "b", "c")
    np.testing.assert_allclose(twin.shares(x), model.shares(x), rtol=0, atol=0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.one_of(st.floats(0, 5), st.just(float("nan")))), min_size=1, max_size=20))
def test_a_prior_is_linear_and_skips_what_is_absent(rows: list[tuple[float, float]]) -> None:
    prior = LinearPrior({"a": 2.0, "b": -1.0})
    shares = prior.shares(np.array(rows))
    for (a, b), share in zip(rows, shares, strict=True):
        assert share.sum() == pytest.approx(2 * a - (0 if np.isnan(b) else b))
