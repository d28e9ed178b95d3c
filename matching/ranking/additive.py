"""Additive rankers: a score is an intercept plus one share per feature, so an explanation is exact by construction.

`LinearPrior` weighs features by hand where nothing was learned; `AdditiveTrees` learns a monotone step function per
feature by gradient boosting without interactions (Lou et al. 2012; Nori et al. 2019), as scikit-learn fits it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

Floats = NDArray[np.float64]


class Ranker(Protocol):
    """What the pipeline asks of a model."""

    features: tuple[str, ...]

    def shares(self, x: Floats) -> Floats:
        """N × m features → n × m shares; a pair's score is `intercept` + the sum of its shares."""
        ...

    @property
    def intercept(self) -> float:
        """The score of a pair whose shares are all 0."""
        ...

    def grades(self, x: Floats) -> Floats | None:
        """N predicted grades where grades of more than two levels were learned, else None."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """JSON form, without code."""
        ...


class LinearPrior:
    """score = sum of weight · feature; an absent feature (NaN) adds nothing."""

    intercept = 0.0

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.features = tuple(weights)
        self._weights = np.array([weights[name] for name in self.features], np.float64)

    def shares(self, x: Floats) -> Floats:
        """See Ranker."""
        return np.nan_to_num(x) * self._weights

    def grades(self, x: Floats) -> None:
        """A prior predicts no grade."""

    def to_dict(self) -> dict[str, Any]:
        """See Ranker."""
        return {"form": "prior", "weights": dict(zip(self.features, self._weights.tolist(), strict=True))}


class AdditiveTrees(BaseEstimator):  # type: ignore[misc] # scikit-learn is not typed
    """One boosted step function per feature and grade threshold.

    Each threshold `grade >= g` is a logistic model of its own; the score is the mean of their log-odds, and the
    predicted grade the median of the distribution that they give.

    Parameters are those of scikit-learn's HistGradientBoostingClassifier, and `bins`, the most steps of a feature.
    """

    def __init__(
        self,
        *,
        increasing: Sequence[bool] = (),
        learning_rate: float = 0.05,
        iterations: int = 100,
        leaves: int = 3,
        smallest_leaf: int = 60,
        l2: float = 20.0,
        bins: int = 32,
        seed: int = 0,
    ) -> None:
        self.increasing = increasing
        self.learning_rate = learning_rate
        self.iterations = iterations
        self.leaves = leaves
        self.smallest_leaf = smallest_leaf
        self.l2 = l2
        self.bins = bins
        self.seed = seed

    def fit(self, x: Floats, y: Floats, features: Sequence[str] = (), weight: Floats | None = None) -> Self:
        """Learn from n × m features and n grades; at least two different grades are needed (ValueError)."""
        self.features_ = tuple(features) or tuple(f"x{at}" for at in range(x.shape[1]))
        self.grades_ = np.unique(y)
        if len(self.grades_) < 2:
            raise ValueError("a model needs pairs of at least two different grades")
        self.edges_ = [_edges(column, self.bins) for column in x.T]
        steps = self._steps(x)
        fitted = [self._fitted(steps, y >= grade, weight) for grade in self.grades_[1:]]
        self.intercepts_ = np.array([intercept for intercept, _ in fitted])
        self.tables_ = [np.stack([tables[at] for _, tables in fitted]) for at in range(x.shape[1])]
        return self

    def _steps(self, x: Floats) -> Floats:
        """Each value as the number of its step, NaN kept."""
        columns = [
            np.where(np.isnan(column), np.nan, np.searchsorted(edges, column, side="right"))
            for column, edges in zip(x.T, self.edges_, strict=True)
        ]
        return np.column_stack(columns)

    def _fitted(self, steps: Floats, hit: NDArray[np.bool_], weight: Floats | None) -> tuple[float, list[Floats]]:
        """(intercept, per feature the log-odds of each step, the last entry for an absent value), each mean 0."""
        from sklearn.ensemble import HistGradientBoostingClassifier  # a second that only learning has to wait for

        increasing = self.increasing or (False,) * steps.shape[1]
        used = np.flatnonzero(~np.isnan(steps).all(axis=0))
        model = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_iter=self.iterations,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.smallest_leaf,
            l2_regularization=self.l2,
            interaction_cst="no_interactions",
            monotonic_cst=np.array(increasing, np.int64)[used].tolist(),
            early_stopping=False,
            random_state=self.seed,
        ).fit(steps[:, used], hit, sample_weight=weight)
        base = np.zeros((1, len(used)))
        origin = float(model.decision_function(base)[0])
        intercept = origin
        tables = [np.zeros(len(edges) + 2) for edges in self.edges_]
        for place, at in enumerate(used):
            probe = np.repeat(base, len(tables[at]), axis=0)
            probe[:, place] = [*range(len(tables[at]) - 1), np.nan]
            table = model.decision_function(probe) - origin
            seen = np.where(np.isnan(steps[:, at]), len(table) - 1, steps[:, at]).astype(np.int64)
            mean = float(table[seen].mean())
            tables[at] = table - mean
            intercept += mean
        return intercept, tables

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the m features."""
        return self.features_

    @property
    def intercept(self) -> float:
        """Mean log-odds of the training pairs."""
        return float(self.intercepts_.mean())

    def _logits(self, x: Floats) -> Floats:
        """Thresholds × n × m shares of the log-odds."""
        out = np.empty((len(self.intercepts_), *x.shape))
        for at, (edges, table) in enumerate(zip(self.edges_, self.tables_, strict=True)):
            place = np.searchsorted(edges, x[:, at], side="right")
            place[np.isnan(x[:, at])] = len(edges) + 1
            out[:, :, at] = table[:, place]
        return out

    def shares(self, x: Floats) -> Floats:
        """See Ranker."""
        return np.asarray(self._logits(x).mean(axis=0))

    def grades(self, x: Floats) -> Floats | None:
        """The median of the predicted distribution over the learned grades."""
        if len(self.grades_) == 2:
            return None
        logits = self._logits(x).sum(axis=2) + self.intercepts_[:, None]
        above = 1 / (1 + np.exp(-logits))
        above = np.minimum.accumulate(above, axis=0)
        levels = (above >= 0.5).sum(axis=0)
        return np.asarray(self.grades_[levels])

    def to_dict(self) -> dict[str, Any]:
        """See Ranker."""
        return {
            "form": "trees",
            "features": list(self.features_),
            "grades": self.grades_.tolist(),
            "intercepts": self.intercepts_.tolist(),
            "edges": [edges.tolist() for edges in self.edges_],
            "tables": [table.tolist() for table in self.tables_],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The model that `to_dict` wrote."""
        model = cls()
        model.features_ = tuple(data["features"])
        model.grades_ = np.array(data["grades"])
        model.intercepts_ = np.array(data["intercepts"])
        model.edges_ = [np.array(edges) for edges in data["edges"]]
        model.tables_ = [np.array(table) for table in data["tables"]]
        return model


def _edges(column: Floats, bins: int) -> Floats:
    """Inner quantiles of the distinct known values: the rare high ones, where rankings are decided, get steps too."""
    known = np.unique(column[~np.isnan(column)])
    if len(known) == 0:
        return known
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.asarray(edges[edges > known.min()])


def ranker_from(data: Mapping[str, Any]) -> Ranker:
    """A ranker from its JSON form."""
    return LinearPrior(data["weights"]) if data["form"] == "prior" else AdditiveTrees.from_dict(data)
