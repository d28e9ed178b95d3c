"""Additive rankers: a score is an intercept plus one share per feature, so an explanation is exact by construction.

`LinearPrior` weighs features by hand where nothing was learned. `AdditiveCurves` learns a monotone curve per feature,
and a surface per pair of features that bend each other's, by gradient boosting of trees that ask for two features at
the most (Lou et al. 2013; Nori et al. 2019), as scikit-learn fits them, and draws straight lines between their steps,
so that pairs of different features hardly ever score the same. A surface has mean 0 along both its features and is told
half to either: with the curves that is each feature's Shapley value, features being drawn one by one from the training
pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from graph.projection import offsets_of

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


STRAIGHT = 0.1
"""Inverse strength of the penalty of straight curves, on features of equal spread."""


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

    @property
    def alone(self) -> NDArray[np.bool_]:
        """Whether the share of each of m features rests on nothing but that feature."""
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

    @property
    def alone(self) -> NDArray[np.bool_]:
        """See Ranker."""
        return np.ones(len(self.features), bool)

    def grades(self, x: Floats) -> None:
        """A prior predicts no grade."""

    def to_dict(self) -> dict[str, Any]:
        """See Ranker."""
        return {"form": "prior", "weights": dict(zip(self.features, self._weights.tolist(), strict=True))}


class Fitted(NamedTuple):
    """What was learned of one threshold."""

    intercept: float
    tables: list[Floats]
    """Of each feature."""
    surfaces: dict[tuple[int, int], Floats]
    """Of each pair of features: one's knots × the other's, the last entry of both for an absent value."""


class AdditiveCurves:
    """One boosted curve per feature and grade threshold, and a surface per pair of features where `pairs` allows some.

    Each threshold `grade >= g` is a logistic model of its own; the score is the mean of their log-odds, and the
    predicted grade the median of the distribution that they give.

    Parameters are those of scikit-learn's HistGradientBoostingClassifier, `bins`, the most knots of a feature, and
    `pairs`, the most surfaces: those of the features that vary most. With `straight` each curve is a line, by logistic
    regression or a mixed model: what few pairs can tell.
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
        pairs: int = 0,
        straight: bool = False,
    ) -> None:
        self.increasing = increasing
        self.learning_rate = learning_rate
        self.iterations = iterations
        self.leaves = leaves
        self.smallest_leaf = smallest_leaf
        self.l2 = l2
        self.bins = bins
        self.pairs = pairs
        self.straight = straight
        self.features: tuple[str, ...] = ()
        """Names of the m features."""
        self.intercept = 0.0
        """Mean log-odds of the training pairs."""

    def fit(self, x: Floats, y: Floats, features: Sequence[str] = (), sides: Sequence[NDArray[Any]] = ()) -> Self:
        """Learn from n × m features and n grades; at least two different grades are needed (ValueError).

        `sides` make straight lines those of a mixed model: n subjects, n candidates, who come again and again.
        """
        self.features = tuple(features) or tuple(f"x{at}" for at in range(x.shape[1]))
        self._grades = np.unique(y)
        if len(self._grades) < 2:
            raise ValueError("a model needs pairs of at least two different grades")
        if self.straight:
            self._knots = [_ends(column) for column in x.T]
            fitted = [self._lines(x, y >= grade, sides) for grade in self._grades[1:]]
            return self._taken(fitted)
        edges = [_edges(column, y > self._grades[0], self.bins) for column in x.T]
        steps = np.column_stack([_steps(column, inner) for column, inner in zip(x.T, edges, strict=True)])
        self._knots = [
            _knots(column, at, len(inner) + 1) for column, at, inner in zip(x.T, steps.T, edges, strict=True)
        ]
        used = np.flatnonzero(~np.isnan(steps).all(axis=0))
        mass = {at: _masses(steps[:, at], len(self._knots[at]) - 1) for at in used.tolist()}
        bending = self._bending(steps, y > self._grades[0], used, mass)
        return self._taken([self._fitted(steps, y >= grade, used, mass, bending) for grade in self._grades[1:]])

    def _taken(self, fitted: Sequence[Fitted]) -> Self:
        """This model with what was learned of each threshold; without surfaces that are flat."""
        self._intercepts = np.array([of.intercept for of in fitted])
        self.intercept = float(self._intercepts.mean())
        self._tables = [np.stack([of.tables[at] for of in fitted]) for at in range(len(self.features))]
        self._pairs = [pair for pair in fitted[0].surfaces if any(of.surfaces[pair].any() for of in fitted)]
        self._surfaces = [np.stack([of.surfaces[pair] for of in fitted]) for pair in self._pairs]
        return self

    def _lines(self, x: Floats, hit: NDArray[np.bool_], sides: Sequence[NDArray[Any]]) -> Fitted:
        """Per feature the log-odds at both ends, 0 for an absent value, each mean 0."""
        from sklearn.linear_model import LogisticRegression  # a second that only learning has to wait for

        from matching.ranking.mixed import mixed

        known = ~np.isnan(x)
        number = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, x, 0.0).sum(axis=0) / number
        spread = np.sqrt((np.where(known, x - mean, 0.0) ** 2).sum(axis=0) / number)
        spread = np.where(spread > 0, spread, 1.0)
        standard = np.where(known, x - mean, 0.0) / spread
        if sides:
            families = np.unique([name.partition("_")[0] for name in self.features], return_inverse=True)[1]
            intercept, slopes = mixed(standard, hit, families, sides)
        else:
            model = LogisticRegression(C=STRAIGHT, max_iter=1000).fit(standard, hit)
            intercept, slopes = float(model.intercept_[0]), model.coef_[0]
        tables = [
            np.append(slope * (knots - centre), 0.0)
            for slope, knots, centre in zip(slopes / spread, self._knots, mean, strict=True)
        ]
        return Fitted(intercept, tables, {})

    def _fitted(
        self, steps: Floats, hit: NDArray[np.bool_], used: Rows, mass: Mapping[int, Floats], bending: Sequence[int]
    ) -> Fitted:
        """Per feature the log-odds at each knot, the last entry for an absent value, each mean 0; surfaces likewise.

        `mass` is each used feature's share of pairs by step, `bending` are places in `used`.
        """
        model = self._boosted(steps, hit, used, bending, self.iterations)
        base = np.zeros(len(used))
        origin = float(model.decision_function(base[None])[0])
        intercept = origin
        tables = [np.zeros(len(knots) + 1) for knots in self._knots]
        for place, at in enumerate(used.tolist()):
            tables[at] = _curve_of(model, base, place, len(mass[at])) - origin
        surfaces: dict[tuple[int, int], Floats] = {}
        for one, other in combinations(bending, 2):
            pair = int(used[one]), int(used[other])
            sides = [np.append(np.arange(len(mass[at]) - 1.0), np.nan) for at in pair]
            probe = np.repeat(base[None], len(sides[0]) * len(sides[1]), axis=0)
            probe[:, one], probe[:, other] = np.repeat(sides[0], len(sides[1])), np.tile(sides[1], len(sides[0]))
            surface = model.decision_function(probe).reshape(len(sides[0]), len(sides[1])) - origin
            surface -= surface[:, :1] + surface[:1]  # only trees of both differ so
            # What either says alone on average goes to its curve: what is left has mean 0 along both.
            alone, beside = surface @ mass[pair[1]], mass[pair[0]] @ surface
            mean = float(mass[pair[0]] @ alone)
            tables[pair[0]] += alone
            tables[pair[1]] += beside
            intercept -= mean
            surface += mean - alone[:, None] - beside
            for axis in (0, 1):  # beyond the last step a surface stays as it is
                surface = np.insert(surface, -1, surface.take(-2, axis), axis)
            surfaces[pair] = surface
        for at in used.tolist():
            mean = float(tables[at] @ mass[at])
            intercept += mean
            tables[at] -= mean
            tables[at] = np.insert(tables[at], -1, _beyond(self._knots[at], tables[at][:-1]))
        return Fitted(intercept, tables, surfaces)

    def _bending(self, steps: Floats, hit: NDArray[np.bool_], used: Rows, mass: Mapping[int, Floats]) -> list[int]:
        """Places in `used` of the features that may bend each other, rising: those whose own curves vary most.

        All pairs of them are no more than `pairs`: each pair costs a look at the whole model at all its knots.
        """
        number = int((1 + np.sqrt(1 + 8 * self.pairs)) / 2)
        if not self.pairs or len(used) <= number:
            return list(range(len(used))) if self.pairs else []
        model = self._boosted(steps, hit, used, [], self.iterations // 2)
        varies = []
        for place, at in enumerate(used.tolist()):
            curve = _curve_of(model, np.zeros(len(used)), place, len(mass[at]))
            varies.append(float(mass[at] @ (curve - mass[at] @ curve) ** 2))
        return sorted(np.argsort(-np.array(varies), kind="stable")[:number].tolist())

    def _boosted(
        self, steps: Floats, hit: NDArray[np.bool_], used: Rows, bending: Sequence[int], iterations: int
    ) -> Any:
        """Trees of the used features, each of one, or of two of those that bend each other."""
        from sklearn.ensemble import HistGradientBoostingClassifier  # a second that only learning has to wait for

        increasing = self.increasing or (False,) * steps.shape[1]
        return HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_iter=iterations,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.smallest_leaf,
            l2_regularization=self.l2,
            interaction_cst=[*({at} for at in range(len(used))), *map(set, combinations(bending, 2))],
            monotonic_cst=np.array(increasing, np.int64)[used].tolist(),
            early_stopping=False,
            random_state=0,
        ).fit(steps[:, used], hit)

    def _logits(self, x: Floats) -> Floats:
        """Thresholds × n × m shares of the log-odds."""
        columns, unknown = np.ascontiguousarray(x.T), np.isnan(x.T)
        out = np.empty((len(self._intercepts), *columns.shape))
        for at, (knots, table) in enumerate(zip(self._knots, self._tables, strict=True)):
            for threshold, curve in enumerate(table):
                out[threshold, at] = np.interp(columns[at], knots, curve[:-1])
        for at in np.flatnonzero(unknown.any(axis=1)).tolist():
            out[:, at, unknown[at]] = self._tables[at][:, -1:]
        if self._pairs:
            self._bend(columns, out)
        return out.transpose(0, 2, 1)

    def _bend(self, columns: Floats, out: Floats) -> None:
        """Add half of what each surface says, between its knots bilinearly, to the shares of either feature."""
        first, second = np.array(self._pairs).T
        low, high, part = self._between(columns)
        width = np.array([surface.shape[2] for surface in self._surfaces])[:, None]
        begin = offsets_of(np.array([surface[0].size for surface in self._surfaces]))[:-1, None]
        above, below, along = begin + low[first] * width, begin + high[first] * width, part[first]
        left, right, across = low[second], high[second], part[second]
        sides = np.zeros((len(columns), len(first)))
        for of in (first, second):
            sides[of, np.arange(len(of))] = 0.5
        for threshold, heights in enumerate(self._heights):
            near = heights[above + left] * (1 - across) + heights[above + right] * across
            far = heights[below + left] * (1 - across) + heights[below + right] * across
            out[threshold] += sides @ (near + (far - near) * along)

    def _between(self, columns: Floats) -> tuple[Rows, Rows, Floats]:
        """Of each value the knots below and above it and how far it is between; twice the last for no value."""
        place = np.array([
            np.interp(column, knots, np.arange(len(knots))) for column, knots in zip(columns, self._knots, strict=True)
        ])  # fmt: skip
        last = np.array([len(knots) for knots in self._knots])[:, None]
        unknown = np.isnan(place)
        place = np.where(unknown, last, place)
        low = np.minimum(place.astype(np.int64), np.where(unknown, last, last - 2))
        return low, np.where(unknown, low, low + 1), place - low

    @cached_property
    def _heights(self) -> Floats:
        """Thresholds × knots of all surfaces, one after the other."""
        return np.hstack([surface.reshape(len(surface), -1) for surface in self._surfaces])

    def shares(self, x: Floats) -> Floats:
        """See Ranker."""
        return np.asarray(self._logits(x).mean(axis=0))

    @property
    def alone(self) -> NDArray[np.bool_]:
        """See Ranker."""
        return ~np.isin(np.arange(len(self.features)), self._pairs)

    def grades(self, x: Floats) -> Floats | None:
        """The median of the predicted distribution over the learned grades."""
        if len(self._grades) == 2:
            return None
        logits = self._logits(x).sum(axis=2) + self._intercepts[:, None]
        above = 1 / (1 + np.exp(-logits))
        above = np.minimum.accumulate(above, axis=0)
        levels = (above >= 0.5).sum(axis=0)
        return np.asarray(self._grades[levels])

    def to_dict(self) -> dict[str, Any]:
        """See Ranker."""
        return {
            "form": "curves",
            "features": list(self.features),
            "grades": self._grades.tolist(),
            "intercepts": self._intercepts.tolist(),
            "knots": [knots.tolist() for knots in self._knots],
            "tables": [table.tolist() for table in self._tables],
            "pairs": self._pairs,
            "surfaces": [surface.tolist() for surface in self._surfaces],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The model that `to_dict` wrote."""
        model = cls()
        model.features = tuple(data["features"])
        model._grades = np.array(data["grades"])
        model._intercepts = np.array(data["intercepts"])
        model.intercept = float(model._intercepts.mean())
        model._knots = [np.array(knots) for knots in data["knots"]]
        model._tables = [np.array(table) for table in data["tables"]]
        model._pairs = [(int(one), int(other)) for one, other in data["pairs"]]
        model._surfaces = [np.array(surface) for surface in data["surfaces"]]
        return model


class BothChoose:
    """The log of the probability that either side chooses the other, if neither knew of the other's choice.

    `choice` gives the log-odds of one side's choice. A share of log-odds becomes one of the log of the probability by
    the mean slope on the straight way from the intercept (integrated gradients, Sundararajan et al. 2017), so shares
    still add up.
    """

    def __init__(self, choice: AdditiveCurves, turned: Sequence[int]) -> None:
        self.choice, self.turned = choice, list(turned)
        self.features = choice.features

    @property
    def intercept(self) -> float:
        """See Ranker."""
        return 2 * float(_log_probability(self.choice.intercept))

    def shares(self, x: Floats) -> Floats:
        """See Ranker; what is feature `at` of a pair is feature `turned[at]` of the pair as the other side sees it."""
        return self._of_one(x) + self._of_one(x[:, self.turned])[:, self.turned]

    def _of_one(self, x: Floats) -> Floats:
        """Shares in the log of the probability that the subject chooses."""
        shares, start = self.choice.shares(x), self.choice.intercept
        total = shares.sum(axis=1, keepdims=True)
        rise = _log_probability(start + total) - _log_probability(start)
        even = np.abs(total) < 1e-9
        slope = np.where(even, 1 - np.exp(_log_probability(start)), rise / np.where(even, 1.0, total))
        return np.asarray(shares * slope)

    @property
    def alone(self) -> NDArray[np.bool_]:
        """See Ranker: what a share of log-odds is worth rests on all of them."""
        return np.zeros(len(self.features), bool)

    def grades(self, x: Floats) -> Floats | None:
        """The grade that the subject gives."""
        return self.choice.grades(x)

    def to_dict(self) -> dict[str, Any]:
        """See Ranker."""
        return {"form": "both", "choice": self.choice.to_dict(), "turned": self.turned}


def _curve_of(model: Any, base: Floats, place: int, n: int) -> Floats:
    """Log-odds of each of n steps of one feature, the last of which is that of no value, the others as in `base`."""
    probe = np.repeat(base[None], n, axis=0)
    probe[:, place] = [*range(n - 1), np.nan]
    return np.asarray(model.decision_function(probe))


def _log_probability(log_odds: Floats | float) -> Floats:
    """Of the log-odds."""
    return np.asarray(-np.logaddexp(0, -np.asarray(log_odds)))


def _ends(column: Floats) -> Floats:
    """The least and the greatest known value."""
    known = column[~np.isnan(column)]
    return np.array([known.min(), known.max()]) if len(known) and known.min() < known.max() else np.array([0.0, 1.0])


def _edges(column: Floats, hit: NDArray[np.bool_], bins: int) -> Floats:
    """Where steps begin: half by the distinct values, half by those of hits, where rankings are decided."""
    known = ~np.isnan(column)
    cuts = np.linspace(0, 1, bins // 2 + 1)[1:-1]
    parts = [values for values in (np.unique(column[known]), column[known & hit]) if len(values)]
    edges = np.unique(np.concatenate([np.empty(0), *(np.quantile(part, cuts, method="higher") for part in parts)]))
    return np.asarray(edges[edges > column[known].min()] if len(edges) else edges)


def _steps(column: Floats, edges: Floats) -> Floats:
    """Each value as the number of its step, NaN kept."""
    return np.where(np.isnan(column), np.nan, np.searchsorted(edges, column, side="right"))


def _masses(steps: Floats, n: int) -> Floats:
    """Share of pairs at each of n steps and, at the end, of those without a value."""
    place = np.where(np.isnan(steps), n, steps).astype(np.int64)
    return np.bincount(place, minlength=n + 1) / len(steps)


def _knots(column: Floats, steps: Floats, n: int) -> Floats:
    """The mean value of each of n steps and, beyond the last, the greatest; one at 0 for a feature never known."""
    known = ~np.isnan(column)
    if not known.any():
        return np.zeros(2)
    step = steps[known].astype(np.int64)
    means = np.bincount(step, column[known], n) / np.bincount(step, minlength=n)
    return np.append(means, column[known].max())


def _beyond(knots: Floats, curve: Floats) -> float:
    """Value at the last knot: the curve goes on as it rose before, at most by its last rise; else all were alike."""
    if len(curve) < 2 or knots[-2] <= knots[-3]:
        return float(curve[-1])
    rise = float(curve[-1] - curve[-2])
    further = float((knots[-1] - knots[-2]) / (knots[-2] - knots[-3]))
    return float(curve[-1]) + rise * min(further, 1.0)


def ranker_from(data: Mapping[str, Any]) -> Ranker:
    """A ranker from its JSON form."""
    if data["form"] == "both":
        return BothChoose(AdditiveCurves.from_dict(data["choice"]), data["turned"])
    return LinearPrior(data["weights"]) if data["form"] == "prior" else AdditiveCurves.from_dict(data)
