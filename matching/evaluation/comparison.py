"""Two rankers on the same pairs: is the difference of a measure more than noise?

The interval is a paired bootstrap over subjects: both rankers are measured on the same draws. The p-value is that of
Fisher's randomisation test in its paired form (Smucker, Allan and Carterette 2007): if the rankers were alike, whose
value is whose in a subject would be chance, so the two are swapped at random and the difference taken again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graph.errors import InputError
from matching.evaluation.judgements import Pairs, Run
from matching.evaluation.measures import LOWER_IS_BETTER, Floats, Values, combined, interval, ratio, values_of_places

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


def covered(run: Run, subjects: Sequence[str]) -> None:
    """Raise InputError where a run ranks nothing for some subjects."""
    missing = sum(subject not in run for subject in subjects)
    if missing:
        raise InputError(
            f"the run to compare with lacks {missing:,} of {len(subjects):,} judged subjects; "
            "it must be of the same set and split",
            field="compare",
        )


def compared_places(
    names: Sequence[str], pairs: Pairs, mine: Run, theirs: Run, known: Mapping[str, set[str]]
) -> list[Compared]:
    """Two rankings of whole populations by their runs: as deep as the shallower one, `known` partners left out."""
    runs = (mine, {subject: theirs[subject] for subject in mine})
    depth = min(max(map(len, run.values()), default=0) for run in runs)
    values = []
    for run in runs:
        place: dict[tuple[str, str], int] = {}
        for subject, rows in run.items():
            left = [(score, candidate) for candidate, (score, _) in rows.items() if candidate not in known[subject]]
            left.sort(key=lambda row: -row[0])  # among equals the file's own order stays
            place |= {(subject, candidate): at for at, (_, candidate) in enumerate(left[:depth], start=1)}
        ends = zip(pairs.subjects.tolist(), pairs.candidates.tolist(), strict=True)
        found = np.array([place.get(pair, np.inf) for pair in ends], np.float64)
        values.append(values_of_places(names, pairs.by_subject(found)))
    return compared(*values)
