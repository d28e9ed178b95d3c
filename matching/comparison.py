"""Two rankers on the same pairs: is the difference of a measure more than noise?

The interval is a paired bootstrap over subjects: both rankers are measured on the same draws. The p-value is that of
Fisher's randomisation test in its paired form (Smucker, Allan and Carterette 2007): if the rankers were alike, whose
value is whose in a subject would be chance, so the two are swapped at random and the difference taken again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from matching.measures import LOWER_IS_BETTER, Floats, Values, combined, interval, ratio

SWAPS = 10_000
AT_ONCE = 500
LEVEL = 0.05
ROUNDING = 1e-12


@dataclass(frozen=True)
class Compared:
    """A measure of this ranker minus that of another on the same subjects."""

    name: str
    difference: float
    low: float
    high: float
    """95 % paired bootstrap interval."""
    p: float
    """Chance of a difference at least as large between rankers that are alike; two-sided."""
    units: int
    """Subjects (or candidates) that both were measured on."""

    @property
    def verdict(self) -> str:
        """`better` or `worse` where interval and test agree that there is a difference, else `within noise`."""
        if self.low <= 0 <= self.high or self.p >= LEVEL:
            return "within noise"
        return "better" if (self.difference > 0) != (self.name in LOWER_IS_BETTER) else "worse"

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "measure": self.name, "difference": self.difference, "low": self.low, "high": self.high, "p": self.p,
            "units": self.units, "verdict": self.verdict,
        }  # fmt: skip


def compared(mine: Mapping[str, Values], theirs: Mapping[str, Values]) -> list[Compared]:
    """Every measure that both have, over the units that both have."""
    found = []
    for name, values in mine.items():
        units = [unit for unit in values if unit in theirs.get(name, {})]
        if units:
            a, b = (np.array([side[unit] for unit in units], np.float64) for side in (values, theirs[name]))
            found.append(_compared(name, a, b))
    return found


def _compared(name: str, a: Floats, b: Floats) -> Compared:
    """The comparison of two n × 2 sums and weights, row by row of the same unit."""
    difference = combined(name, a) - combined(name, b)
    low, high = interval(lambda drawn: combined(name, a[drawn]) - combined(name, b[drawn]), len(a))
    rng = np.random.default_rng(0)
    as_large = 0
    for _ in range(SWAPS // AT_ONCE):
        moved = rng.integers(0, 2, (AT_ONCE, len(a))).astype(np.float64) @ (b - a)
        at_random = ratio(name, a.sum(axis=0) + moved) - ratio(name, b.sum(axis=0) - moved)
        as_large += int((np.abs(at_random) >= abs(difference) - ROUNDING).sum())
    return Compared(name, difference, low, high, (1 + as_large) / (1 + SWAPS), len(a))
