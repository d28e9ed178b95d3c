"""Numbers as they stand among rivals: where a pool is declared, candidates are weighed against each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matching.candidates.asked import Rows
from matching.kinds import MatchKind
from matching.masking import Mask

Floats = NDArray[np.float64]


class Numbers:
    """Visible numbers of either side of a match kind: relative to the rivals where a pool is declared, else as shown.

    What counts is who else there is: 30 is old among students and young among professors, and those who filled in
    another form of the same questions are compared with each other.
    """

    def __init__(self, kind: MatchKind, mask: Mask) -> None:
        self._mask = mask
        fields = (*kind.pool.same, *kind.pool.differs)
        ends = dict.fromkeys((kind.subject, kind.candidate)) if fields else ()
        self._rivals = {end: rivals(mask, end, fields) for end in ends}

    def of(self, end: str, field: str) -> Floats:
        """The numbers of all entities of a kind; NaN where nothing is shown."""
        numbers = self._mask.visible(end).numbers(field)
        return relative(numbers, self._rivals[end]) if end in self._rivals else numbers


def rivals(mask: Mask, kind: str, fields: tuple[str, ...]) -> Rows:
    """A number for each entity; those who show the same in all the fields compete for the same subjects."""
    labels = [mask.visible(kind).labels(field) for field in fields]
    groups: dict[tuple[object, ...], int] = {}
    shown = (tuple(frozenset(one.of(row)) for one in labels) for row in range(mask.visible(kind).n))
    return np.array([groups.setdefault(each, len(groups)) for each in shown], np.int64)


def relative(values: Floats, group: Rows) -> Floats:
    """Standard scores within each group, 0 where all of it are alike; NaN stays."""
    known = np.isfinite(values)
    held = np.where(known, values, 0.0)
    number = np.maximum(np.bincount(group, known), 1)
    distance = np.where(known, held - (np.bincount(group, held) / number)[group], 0.0)
    spread = np.sqrt(np.bincount(group, distance**2) / number)
    return np.where(known, distance / np.where(spread > 1e-9, spread, 1.0)[group], np.nan)
