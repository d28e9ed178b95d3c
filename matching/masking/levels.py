"""Coarsening to k: every visible combination of a population is shared by at least k of its members.

Top-down specialisation with local recoding (in the manner of Fung, Wang and Yu 2005): all rows begin as one group that
shows nothing. Again and again each group shows one more level of the column that tells most, where enough of its rows
agree; a group never falls below k rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Levels = NDArray[np.int8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_PRIME = np.uint64(0x9E3779B97F4A7C15)


def combined(columns: Sequence[Hashes], levels: Levels, rows: Ints | None = None) -> Hashes:
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


def group_sizes(shown: Hashes) -> Ints:
    """How many rows show what each row shows."""
    _, group, counts = np.unique(shown, return_inverse=True, return_counts=True)
    return counts[group].astype(np.int64)


def anonymised(columns: Sequence[Hashes], k: int) -> Levels:
    """The level of each row and column such that every shown combination has at least k rows.

    `columns[c][level, row]` is a hash of what column c shows of a row at a level, 0 for nothing; at its last level a
    column shows nothing. What a column tells is measured in bits, divided by the square root of what it tells at its
    finest, so that columns of many values do not silence those of few. A population of fewer than k rows shows nothing.
    """
    n = columns[0].shape[1] if columns else 0
    levels = np.tile(np.array([len(column) - 1 for column in columns], np.int8), (n, 1))
    if n < k:
        return levels
    worth = [_worth(column) for column in columns]
    group, rows = np.zeros(n, np.int64), np.arange(n)
    while len(rows):
        groups = int(group[rows].max()) + 1
        trials = [_trial(column, levels[:, at], group, rows, worth[at], groups, k) for at, column in enumerate(columns)]
        gains = np.stack([trial.gain for trial in trials])
        best = np.argmax(gains, axis=0)
        rows = rows[(gains.max(axis=0) >= 0)[group[rows]]]  # a group that no column can divide is finished
        part = np.zeros(n, np.int64)
        for at, trial in enumerate(trials):
            taken = trial.refined & (best[group[trial.rows]] == at)
            levels[trial.rows[taken], at] -= 1
            part[trial.rows[taken]] = trial.child[taken] + 1
        _, group[rows] = np.unique(group[rows] * (n + 1) + part[rows], return_inverse=True)
    return levels


class _Trial(NamedTuple):
    """What becomes of every group if one column shows one level more."""

    rows: Ints
    """Rows that could show more."""
    child: Ints
    """New group of each, if it is refined."""
    refined: Flags
    """Whether it may show more."""
    gain: Floats
    """What each group tells more; -1 where no row may."""


def _trial(
    column: Hashes, level: Levels, group: Ints, rows: Ints, worth: Floats, groups: int, k: int
) -> _Trial:  # fmt: skip
    rows = rows[level[rows] > 0]
    finer = level[rows] - 1
    value = column[finer, rows]
    _, first, child, size = np.unique(
        mixed(value * _PRIME + group[rows].astype(np.uint64)),
        return_index=True, return_inverse=True, return_counts=True,
    )  # fmt: skip
    of = group[rows[first]]
    same = (value == column[finer + 1, rows])[first]  # what such a row shows does not change: it can stay behind
    own = ~same & (size >= k)
    behind = np.bincount(of, np.where(own, 0, size), groups).astype(np.int64)
    small = np.bincount(of, ~own & ~same, groups) > 0
    own |= same & ~small[of] & (behind >= k)[of]
    lacking = np.where((behind > 0) & (behind < k), k - behind, 0)
    refined = _completed(own, of, child, size, lacking, k)
    gain = np.bincount(group[rows], worth[finer, rows] * refined, groups)
    able = np.bincount(group[rows], refined, groups) > 0
    return _Trial(rows, child, refined, np.where(able, gain, -1.0))


def _completed(own: Flags, of: Ints, child: Ints, size: Ints, lacking: Ints, k: int) -> Flags:
    """Rows that may be refined when those left behind are filled up to k.

    The rows that are lacking come from the group's largest child, as long as that keeps k; else its smallest child
    stays behind whole.
    """
    order = np.lexsort((np.arange(len(of)), size, of))
    order = order[own[order] & (lacking[of[order]] > 0)]
    last = np.ones(len(order), bool)
    last[:-1] = of[order[1:]] != of[order[:-1]]
    largest, smallest = order[last], order[np.roll(last, 1)]
    short = lacking[of[largest]]
    enough = size[largest] - short >= k
    own = own.copy()
    own[smallest[~enough]] = False
    given = np.zeros(len(of), np.int64)
    given[largest[enough]] = short[enough]
    by_child = np.argsort(child, kind="stable")
    rank = np.empty(len(child), np.int64)
    rank[by_child] = np.arange(len(child)) - np.repeat(np.cumsum(size) - size, size)
    return own[child] & (rank >= given[child])


def _worth(column: Hashes) -> Floats:
    """[level, row]: what a row tells more at a level than at the next coarser one."""
    n = column.shape[1]
    told = np.zeros(column.shape)
    for level, values in enumerate(column[:-1]):
        told[level] = np.where(values == 0, 0.0, -np.log2(group_sizes(values) / n))
    return np.asarray((told[:-1] - told[1:]) / np.sqrt(max(float(told[0].sum()), 1.0) * n))
