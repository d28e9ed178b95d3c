"""Groups of an answer: bands instead of scores, and no order inside a group toward those who are blind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def grouped(
    rows: NDArray[np.int64], scores: NDArray[np.float64], *,
    bounds: Sequence[float], names: Sequence[str], k: int, ordered: bool, key: Callable[[int], str],
) -> list[tuple[str, list[int]]]:  # fmt: skip
    """(band, rows) of each group, best first.

    `rows` come best first; `bounds` are the least scores of all bands but the last. With `ordered` each band is a
    group in order. Otherwise a band with fewer than k rows joins the next weaker one, the last the one before it, and
    a group is ordered by `key` alone; fewer than k rows in all give no group.
    """
    bands = np.searchsorted(-np.asarray(bounds), -scores, side="left")
    parts = [(name, rows[bands == at].tolist()) for at, name in enumerate(names)]
    if ordered:
        return [(name, members) for name, members in parts if members]
    groups: list[tuple[str, list[int]]] = []
    waiting: list[int] = []
    for name, members in parts:
        waiting += members
        if len(waiting) >= k:
            groups.append((name, waiting))
            waiting = []
    if waiting and groups:
        last, members = groups.pop()
        weakest = next(name for name, part in reversed(parts) if part)
        groups.append((weakest if weakest != last else last, members + waiting))
    return [(name, sorted(members, key=key)) for name, members in groups]
