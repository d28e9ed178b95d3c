"""Probabilities of scores: near the truth, never falling, undoing a sampling; the reliability plot."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from matching.evaluation.measures import measure_probabilities
from matching.ranking.calibration import Calibration, cross_fitted
from matching.training.card import reliability_plot
from matching.training.examination import reliability

Floats = NDArray[np.float64]


def _world(n: int, seed: int = 0) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """(score, true probability, hit): hits are rare, and their log-odds is bent."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 2, n)
    truth = np.asarray(expit(-4 + 0.4 * score + 1.2 * np.maximum(score, 0)))
    return score, truth, rng.random(n) < truth


def test_a_bent_log_odds_is_found_again() -> None:
    score, _, hit = _world(30_000)
    found = Calibration.fit(score, hit)
    assert found is not None
    unseen, truth, _ = _world(5_000, seed=1)
    assert np.abs(found.probability(unseen) - truth).mean() < 0.01


def test_held_out_probabilities_hold() -> None:
    score, _, hit = _world(20_000)
    fold = np.arange(20_000) % 3
    probability = cross_fitted(score, hit, fold)
    assert probability is not None
    ece, _, skill = measure_probabilities(probability, hit, np.arange(20_000) % 200)
    assert ece.value < 0.01 and skill.low > 0.2


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_higher_score_is_never_less_probable(seed: int, few: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 12 if few else 1000
    score = np.round(rng.normal(size=n) * rng.choice([0.1, 10]), 1)
    hit = rng.random(n) < rng.choice([0.1, 0.5, 0.9])
    found = Calibration.fit(score, hit, rng.uniform(0, 3, n))
    if found is None:
        return
    probability = found.probability(np.linspace(score.min() - 5, score.max() + 5, 200))
    assert np.all(np.diff(probability) >= 0) and np.all((probability > 0) & (probability < 1))
    again = Calibration.from_dict(found.to_dict())
    np.testing.assert_array_equal(again.probability(score), found.probability(score))


def test_weights_undo_a_sampling() -> None:
    score, truth, hit = _world(60_000)
    kept = hit | (np.random.default_rng(2).random(60_000) < 0.1)
    weight = np.where(hit, 1.0, 10.0)
    plain, weighed = (Calibration.fit(score[kept], hit[kept], w) for w in (None, weight[kept]))
    assert plain is not None and weighed is not None
    assert np.abs(weighed.probability(score) - truth).mean() < 0.01 < np.abs(plain.probability(score) - truth).mean()


def test_what_is_never_or_always_a_hit_has_no_probability() -> None:
    score = np.arange(20.0)
    assert Calibration.fit(score, np.zeros(20, bool)) is None
    assert Calibration.fit(score, np.ones(20, bool)) is None
    assert Calibration.fit(score, score > 9, np.zeros(20)) is None
    assert cross_fitted(score, score == 3, np.arange(20) % 2) is None


def test_alike_scores_get_the_share_of_hits() -> None:
    found = Calibration.fit(np.full(40, 3.0), np.arange(40) < 10)
    assert found is not None and found.probability(np.array([-9.0, 3.0, 9.0])) == pytest.approx([0.25] * 3, abs=1e-3)


def test_bins_expect_equally_many_hits_and_are_drawn() -> None:
    _, truth, hit = _world(20_000)
    weight = np.ones(20_000)
    bins = reliability(truth, hit, np.arange(20_000) % 100, weight)
    assert len(bins) == 10 and sum(row["pairs"] for row in bins) == pytest.approx(20_000)
    expected = np.array([row["pairs"] * row["probability"] for row in bins])
    np.testing.assert_allclose(expected, expected.mean(), rtol=0.05)
    assert all(row["low"] <= row["observed"] <= row["high"] for row in bins)
    drawn = ET.fromstring(reliability_plot("a <b> & c", bins))
    marks = [element for element in drawn.iter() if element.tag.endswith("circle")]
    assert len(marks) == 10 and drawn[0].text == "a <b> & c"
    assert all(0 <= float(mark.attrib[name]) <= 540 for mark in marks for name in ("cx", "cy"))


def test_answering_waits_for_no_library_of_learning() -> None:
    code = "import sys, matching.pipeline, matching.training.card; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded and not {"sklearn", "scipy.stats", "scipy.optimize"} & set(loaded)
