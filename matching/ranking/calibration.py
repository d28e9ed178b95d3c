"""From a score to a probability: that a pair is an outcome, or that its grade counts as a hit.

Logistic calibration (Platt 1999) with a log-odds that is a rising line between a few knots instead of one line: an
additive model's scores are no exact log-odds, and a prior's are none at all. Isotonic steps were measured too: as good
on average, less sure at the top, where a handful of pairs make a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

INNER = (0.05, 0.25, 0.5, 0.75)
"""Quantiles of the hits' scores where the line may bend."""
BENDING = 20.0
"""Penalty, in pairs, of a bend by 1 for a standard deviation of the score: few hits give a nearly straight line."""
RIDGE = 0.05
"""Penalty, in pairs, of a rise by 1: where hits and misses do not overlap, the line stays finite."""


@dataclass(frozen=True)
class Calibration:
    """A rising piecewise linear log-odds of a score; beyond the scores it was fitted on it stays as at their ends."""

    knots: tuple[float, ...]
    """Scores, rising."""
    log_odds: tuple[float, ...]
    """Of a hit at each knot, never falling."""

    @classmethod
    def fit(cls, score: Floats, hit: NDArray[np.bool_], weight: Floats | None = None) -> Self | None:
        """The most likely one for n scores that the ranker gave to pairs it had not seen; None without hit or miss.

        `weight` is how many pairs each one stands for; one of 0 is left out.
        """
        from scipy.optimize import minimize  # a moment that only learning has to wait for

        weight = np.ones(len(score)) if weight is None else weight
        score, hit, weight = score[weight > 0], hit[weight > 0], weight[weight > 0]
        if not 0 < hit.sum() < len(hit):
            return None
        knots = np.unique([score.min(), *np.quantile(score[hit], INNER), score.max()])
        if len(knots) == 1:
            knots = np.array([knots[0], knots[0] + 1])
        place = np.clip((score[:, None] - knots[:-1]) / np.diff(knots), 0, 1)
        design = np.column_stack([np.ones(len(score)), place])
        positive = design.T @ (weight * hit)
        scale = 1 / float(weight @ hit)
        slopes = np.diag(score.std() / np.diff(knots))
        bends = np.diff(slopes, axis=0)
        penalty = np.zeros((len(knots), len(knots)))
        penalty[1:, 1:] = BENDING * bends.T @ bends + RIDGE * np.eye(len(knots) - 1)

        def loss(rises: Floats) -> tuple[float, Floats]:
            line = design @ rises
            steep = penalty @ rises
            value = weight @ np.logaddexp(0, line) - positive @ rises + steep @ rises / 2
            return float(value * scale), (design.T @ (weight * _logistic(line)) - positive + steep) * scale

        base = np.log(weight @ hit / (weight @ ~hit))
        start = np.append(base, np.zeros(len(knots) - 1))
        free = [(None, None), *[(0.0, None)] * (len(knots) - 1)]
        rises = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=free, options={"maxiter": 500}).x
        return cls(tuple(knots.tolist()), tuple(np.cumsum(rises).tolist()))

    def probability(self, score: Floats) -> Floats:
        """N probabilities of n scores."""
        return _logistic(np.interp(score, self.knots, self.log_odds))

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"knots": list(self.knots), "log_odds": list(self.log_odds)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote."""
        return cls(tuple(map(float, data["knots"])), tuple(map(float, data["log_odds"])))


def cross_fitted(
    score: Floats, hit: NDArray[np.bool_], fold: NDArray[np.int64], weight: Floats | None = None
) -> Floats | None:
    """Probability of each pair by a calibration of the other folds' held-out scores; None where one cannot be had."""
    probability = np.empty(len(score))
    for number in np.unique(fold):
        rest = fold != number
        calibration = Calibration.fit(score[rest], hit[rest], None if weight is None else weight[rest])
        if calibration is None:
            return None
        probability[~rest] = calibration.probability(score[~rest])
    return probability


def _logistic(line: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -line)))
