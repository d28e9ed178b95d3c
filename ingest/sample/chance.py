"""Seeded chance: every random choice of the sample world comes from a named stream, so no part disturbs another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CHUNK = 4_096
"""Rows drawn, worded and written at a time."""


def stream(seed: int, name: str, chunk: int = 0) -> np.random.Generator:
    """The generator of the named part of a world; the same arguments always give the same numbers."""
    return np.random.default_rng([seed, crc32(name.encode()), chunk])


def chunks(total: int) -> Iterator[tuple[int, range]]:
    """(number of the chunk, its rows) over `total` rows."""
    for number, start in enumerate(range(0, total, CHUNK)):
        yield number, range(start, min(start + CHUNK, total))


def skewed(rng: np.random.Generator, count: int, power: float = 0.7) -> Floats:
    """Probabilities of `count` things of which a few are popular (Zipf with the given power), in random order."""
    weights = (np.arange(count) + 3.0) ** -power
    rng.shuffle(weights)
    return np.asarray(weights / weights.sum())


def pick(rng: np.random.Generator, probabilities: Floats, count: int) -> Ints:
    """`count` indices drawn with the given probabilities."""
    return np.searchsorted(np.cumsum(probabilities)[:-1], rng.random(count), side="right").astype(np.int32)


class Groups:
    """Members of numbered groups in CSR form, to draw from one group at a time."""

    def __init__(self, keys: Ints, members: Ints, count: int) -> None:
        order = np.argsort(keys, kind="stable")
        self.members: Ints = members[order].astype(np.int32)
        self.starts: Ints = np.searchsorted(keys[order], np.arange(count + 1)).astype(np.int64)

    def draw(self, rng: np.random.Generator, groups: Ints, count: int) -> Ints:
        """For each group number `count` members with replacement, shape (len(groups), count); -1 from an empty one."""
        sizes = (self.starts[groups + 1] - self.starts[groups])[:, None]
        offsets = (rng.random((len(groups), count)) * sizes).astype(np.int64)
        at = np.minimum(self.starts[groups][:, None] + offsets, max(len(self.members) - 1, 0))
        if not len(self.members):
            return np.full(at.shape, -1, np.int32)
        return np.where(sizes > 0, self.members[at], -1).astype(np.int32)
