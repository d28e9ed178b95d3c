"""Picking the greatest, and the best of each run."""

from __future__ import annotations

import numpy as np
import pytest

from matching.candidates.best import firsts
from matching.candidates.texts import greatest, nearest


@pytest.mark.parametrize("most", [0, 1, 3, 5, 9])
def test_the_nearest_are_the_greatest_positive_scores(most: int) -> None:
    scores = np.array([0.2, -1.0, 0.0, 0.9, 0.2, 0.5, 0.1])
    wanted = sorted((score for score in scores if score > 0), reverse=True)[:most]
    assert sorted(scores[nearest(scores, most)], reverse=True) == wanted
    assert len(nearest(np.zeros(3), most)) == len(nearest(np.zeros(0), most)) == 0


def test_the_greatest_may_be_negative() -> None:
    scores = np.array([-3.0, -1.0, -2.0, -1.5])
    assert set(greatest(scores, 2).tolist()) == {1, 3}


def test_the_first_of_each_run() -> None:
    lengths, scores = np.array([3, 0, 1, 4]), np.array([0.1, 0.9, 0.5, 0.0, 0.2, 0.2, 0.7, -1.0])
    order, run, place = firsts(lengths, scores, 2)
    assert order.tolist() == [1, 2, 3, 6, 4]
    assert run.tolist() == [0, 0, 2, 3, 3]
    assert place.tolist() == [0, 1, 0, 0, 1]
    assert [part.tolist() for part in firsts(np.zeros(2, np.int64), np.zeros(0), 2)] == [[], [], []]
