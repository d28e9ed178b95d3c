"""Exposure: who is shown how often, a chance for those who hardly are, and a bound for those who always are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

BLOCK = 10
"""Places of which at most one is explored."""
PROTECTED = 3
"""First places of an answer that are never explored."""
MOST_EXPLORED = 1 / BLOCK
"""Most of the places that may be explored."""
FRESH = 0.5
"""Impressions, relative to the mean candidate's, below which a candidate may be explored."""
MOST_LOST = 0.5
"""Most that a candidate over the cap loses of its score, in widths of a band."""


@dataclass(frozen=True)
class Policy:
    """What an installation decides about exposure."""

    explore: float = 0.0
    """Share of the places given to candidates that were hardly shown yet, 0 to MOST_EXPLORED."""
    cap: float | None = None
    """Impressions per epoch, relative to the mean candidate's, above which a candidate loses score; None: no cap."""


def lost(shown: Floats, cap: float) -> Floats:
    """What each candidate loses over the cap, in widths of a band: all of MOST_LOST at twice the cap."""
    return np.asarray(MOST_LOST * np.clip(shown / cap - 1, 0, 1))


def swaps(key: bytes, question: str, bands: Rows, fresh: NDArray[np.bool_], upto: int, rate: float) -> dict[int, int]:
    """Places → later places to swap them with, so that fresh candidates are seen; the same for the same question.

    Within a band only, so that every band stays true; the first PROTECTED places and all but one place of every
    BLOCK stay as they are. `bands` and `fresh` are of the candidates in their order, `upto` is the last place needed.
    """
    taken: dict[int, int] = {}
    for block in range(-(-min(upto, len(bands)) // BLOCK)):
        drawn = hashlib.blake2b(f"{question}\x00{block}".encode(), key=key, digest_size=12).digest()
        chance, within, which = (int.from_bytes(drawn[at : at + 4]) / 2**32 for at in (0, 4, 8))
        low, high = BLOCK * block + (PROTECTED if block == 0 else 0), min(BLOCK * (block + 1), len(bands))
        if chance >= rate * BLOCK or high <= low:
            continue
        place = low + int(within * (high - low))
        later = high + np.flatnonzero(fresh[high:] & (bands[high:] == bands[place]))
        if taken:
            later = np.setdiff1d(later, list(taken.values()))
        if len(later):
            taken[place] = int(later[int(which * len(later))])
    return taken


def gini(counts: Floats) -> float:
    """Gini coefficient of n counts: 0 when all are equal, towards 1 when one has everything."""
    ordered = np.sort(counts)
    n, total = len(ordered), ordered.sum()
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total)) if total else 0.0


@dataclass(frozen=True)
class GroupExposure:
    """What one group of candidates gets."""

    group: str
    candidates: int
    impressions: float
    """Share of all impressions."""
    exposure: float
    """Share of all attention: impressions weighed by the chance that somebody looks there."""
    relevance: float
    """Share of the choices that the scores of what was shown let expect."""

    @property
    def ratio(self) -> float:
        """Exposure per relevance: 1 where a group gets the attention that its scores earn."""
        return self.exposure / self.relevance if self.relevance else 0.0

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {**vars(self), "ratio": self.ratio}


def by_group(groups: Sequence[str], tallies: tuple[Floats, Floats, Floats]) -> tuple[GroupExposure, ...]:
    """Exposure of each group; `groups` names the group of every candidate.

    `tallies` are impressions, attention and expected choices of every candidate.
    """
    names, of, sizes = np.unique(np.array(groups, str), return_inverse=True, return_counts=True)
    shares = [np.bincount(of, column / (column.sum() or 1.0), len(names)).tolist() for column in tallies]
    return tuple(map(GroupExposure, names.tolist(), sizes.tolist(), *shares))
