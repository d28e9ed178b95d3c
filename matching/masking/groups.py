"""Groups of an answer: bands instead of scores, and no order inside a group toward those who are blind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def grouped(
    rows: Rows, bands: Rows, *, names: Sequence[str], k: int, ordered: bool, key: Callable[[int], str]
) -> list[tuple[str, list[int]]]:
    """(band, rows) of each group, best first.

    `rows` come best first, `bands` are their places in `names`. With `ordered` each band is a group in order; otherwise
    groups are those of `joined`, ordered by `key` alone.
    """
    if ordered:
        parts = [(name, rows[bands == at].tolist()) for at, name in enumerate(names)]
        return [(name, members) for name, members in parts if members]
    return [(names[band], sorted(rows[places].tolist(), key=key)) for band, places in joined(bands, k)]


def joined(bands: Rows, k: int) -> list[tuple[int, Rows]]:
    """(band, places) of groups of at least k of what comes best first.

    A band with fewer than k joins the next weaker one, the last the one before it; a group is called by its weakest.
    Fewer than k in all give no group.
    """
    groups: list[tuple[int, Rows]] = []
    waiting = np.empty(0, np.int64)
    for band in np.unique(bands).tolist():
        waiting = np.concatenate([waiting, np.flatnonzero(bands == band)])
        if len(waiting) >= k:
            groups.append((band, waiting))
            waiting = np.empty(0, np.int64)
    if len(waiting) and groups:
        groups[-1] = int(bands[waiting[-1]]), np.concatenate([groups[-1][1], waiting])
    return groups
