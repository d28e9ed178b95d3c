"""Coarsening to k: every visible combination of a population is shared by at least k of its members.

Rows whose combination is too rare are raised one level on one column at a time (local recoding along declared
hierarchies, in the manner of Datafly, Sweeney 1998), always whole groups at once, so a group that is large enough is
never broken up again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Levels = NDArray[np.int8]

_PRIME = np.uint64(0x9E3779B97F4A7C15)


def combined(columns: Sequence[Hashes], levels: Levels, rows: NDArray[np.int64] | None = None) -> Hashes:
    """One 64-bit number for what each row shows: columns[c][level, row] mixed over the columns.

    Different combinations give different numbers but for a chance of 2**-64 a pair.
    """
    at = np.arange(len(levels)) if rows is None else rows
    total = np.zeros(len(at), np.uint64)
    for number, column in enumerate(columns):
        total = mixed(total * _PRIME + column[levels[at, number], at])
    return total


def mixed(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele et al. 2014): every input bit moves every output bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def anonymised(columns: Sequence[Hashes], k: int) -> Levels:
    """The level of each row and column such that every shown combination has at least k rows.

    `columns[c][level, row]` is a hash of what column c shows of a row at a level; at its last level a column shows
    nothing. Among columns with as much room left, later ones are coarsened first. A population of fewer than k rows
    shows nothing at all.
    """
    n = columns[0].shape[1] if columns else 0
    levels = np.zeros((n, len(columns)), np.int8)
    top = np.array([column.shape[0] - 1 for column in columns], np.int8)
    rare = np.arange(n)
    while True:
        rare = rare[group_sizes(combined(columns, levels))[rare] < k]
        if len(rare) == 0 or bool((levels[rare] == top).all()):
            break
        _raise_one(levels, top, rare)
    if len(rare):
        levels[rare] = top
        _join_smallest(columns, levels, top, rare, k)
    return levels


def group_sizes(shown: Hashes) -> NDArray[np.int64]:
    """How many rows show what each row shows."""
    _, group, counts = np.unique(shown, return_inverse=True, return_counts=True)
    return counts[group].astype(np.int64)


def _raise_one(levels: Levels, top: Levels, rows: NDArray[np.int64]) -> None:
    """Raise each row by one level, on the column with the largest part of its levels left."""
    left = top - levels[rows]
    part = left / np.maximum(top, 1)
    at = len(top) - 1 - np.argmax(part[:, ::-1], axis=1)
    levels[rows, at] += (left[np.arange(len(rows)), at] > 0).astype(np.int8)


def _join_smallest(columns: Sequence[Hashes], levels: Levels, top: Levels, nothing: NDArray[np.int64], k: int) -> None:
    """Rows that show nothing and are fewer than k: the smallest groups join them until they are enough."""
    shown = combined(columns, levels)
    values, group, sizes = np.unique(shown, return_inverse=True, return_counts=True)
    blank = group[nothing[0]]
    count = int(sizes[blank])
    for other in np.lexsort((values, sizes)):
        if count >= k:
            return
        if other != blank:
            levels[group == other] = top
            count += int(sizes[other])
