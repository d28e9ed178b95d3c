"""The visible table of one kind: what everyone may see of it, at the levels of the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.errors import UnknownNameError
from graph.projection import Labels
from matching.masking.ladders import Ladder
from matching.masking.levels import Hashes, Levels, anonymised, combined, group_sizes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Visible:
    """What may be seen of n entities of one kind, and the only source of ranking features."""

    n: int
    """Entities."""
    columns: Mapping[str, Labels]
    """Field → labels shown."""
    figures: Mapping[str, Floats]
    """Numeric field → number shown, or what stands for its band; NaN where nothing is shown."""
    floor: NDArray[np.int16]
    """At least how many share what a row shows: 4k, 2k, k, or 1 where fewer than k do, and they show nothing; 0 for
    public records."""
    levels: Levels
    """Level of each row and field."""
    shown: Hashes
    """What each row shows, as one number."""
    finest: Hashes
    """What each row would show at the finest levels: tells whether it changed."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the visible fields."""
        return tuple(self.columns)

    def labels(self, field: str) -> Labels:
        """Labels shown of a field; UnknownNameError lists the visible ones."""
        if field not in self.columns:
            raise UnknownNameError("visible field", field, self.columns, field=field)
        return self.columns[field]

    def numbers(self, field: str) -> Floats:
        """Numbers shown of a numeric field; UnknownNameError lists those."""
        if field not in self.figures:
            raise UnknownNameError("visible numeric field", field, self.figures, field=field)
        return self.figures[field]


def finest_of(ladders: Sequence[Ladder], n: int) -> Hashes:
    """What each of n rows would show at the finest levels."""
    return combined([ladder.hashes for ladder in ladders], np.zeros((n, len(ladders)), np.int8))


def visible_of(ladders: Sequence[Ladder], n: int, k: int, *, open_record: bool, kept: Levels | None = None) -> Visible:
    """The visible table of a kind's ladders.

    `open_record` shows everything at its finest level. `kept` gives levels that were decided before, -1 in rows that
    are new: those take a combination that is shown k times already, or show nothing.
    """
    hashes = [ladder.hashes for ladder in ladders]
    if open_record or k == 1:
        levels = np.zeros((n, len(ladders)), np.int8)
    elif kept is None:
        levels = anonymised(hashes, k)
    else:
        levels = _fitted(hashes, kept, k)
    shown = combined(hashes, levels)
    sizes = group_sizes(shown)
    if not open_record and k > 1 and (sizes < k).any():  # others are gone since the levels were decided
        levels = levels.copy()
        levels[sizes < k] = [len(column) - 1 for column in hashes]
        shown = combined(hashes, levels)
        sizes = group_sizes(shown)
    floor = np.select([sizes >= 4 * k, sizes >= 2 * k, sizes >= k], [4 * k, 2 * k, k], 1).astype(np.int16)
    figures = {ladder.name: ladder.numbers(levels[:, at]) for at, ladder in enumerate(ladders)}
    return Visible(
        n=n,
        columns={ladder.name: ladder.labels(levels[:, at]) for at, ladder in enumerate(ladders)},
        figures={name: numbers for name, numbers in figures.items() if numbers is not None},
        floor=np.zeros(n, np.int16) if open_record else floor,
        levels=levels,
        shown=shown,
        finest=finest_of(ladders, n),
    )


def _fitted(columns: Sequence[Hashes], kept: Levels, k: int) -> Levels:
    """`kept` with levels for the new rows: the finest vector of the epoch whose combination is common already."""
    new = np.flatnonzero((kept < 0).any(axis=1))
    old = np.flatnonzero((kept >= 0).all(axis=1))
    levels = kept.copy()
    top = np.array([column.shape[0] - 1 for column in columns], np.int8)
    levels[new] = top
    if len(new) == 0 or len(old) == 0:
        return levels
    shown = combined(columns, kept, old)
    values, counts = np.unique(shown, return_counts=True)
    common = values[counts >= k]
    vectors = np.unique(kept[old], axis=0)
    waiting = new
    for vector in vectors[np.argsort(vectors.sum(axis=1), kind="stable")]:
        if len(waiting) == 0:
            break
        trial = np.broadcast_to(vector, kept.shape)
        fits = np.isin(combined(columns, trial, waiting), common)
        levels[waiting[fits]] = vector
        waiting = waiting[~fits]
    return levels
