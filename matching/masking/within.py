"""What a filter's value takes in: the labels that cards show, and all that lie below it in the declared hierarchy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from graph import codes
from graph.codes import Scheme
from graph.errors import ValueRejectedError
from graph.schema import Hierarchy

Places = NDArray[np.int64]


class Within:
    """The labels that cards show in one field, by whatever they are or lie in: codes, their names, and tree labels.

    A card that shows less than what is wanted (the province of a wanted city) is not within it.
    """

    def __init__(self, vocabulary: Iterable[str], hierarchy: Hierarchy | None, scheme: Scheme | None) -> None:
        self._scheme = scheme
        self._places: dict[str, list[int]] = {}
        self._height: dict[str, int] = {}
        tree = _broader_labels(hierarchy.tree) if hierarchy is not None else {}
        for place, label in enumerate(vocabulary):
            levels = (label, *tree.get(label, ())) if scheme is None else _levels(scheme, label)
            for height, level in enumerate(levels):
                self._height[level] = max(height, self._height.get(level, 0))
            named = levels if scheme is None else (*levels, *(name_of(scheme, level) for level in levels))
            for name in set(named):
                self._places.setdefault(name, []).append(place)

    def places(self, wanted: str) -> Places:
        """Places in the vocabulary of what is `wanted` or lies within it; none where no card shows any such."""
        if wanted not in self._places and self._scheme is not None:
            with suppress(ValueRejectedError):
                wanted = codes.canonical(self._scheme, wanted)
        return np.array(self._places.get(wanted, ()), np.int64)

    @property
    def valid(self) -> list[str]:
        """The values under which some card lies, the broadest first."""
        return sorted(self._height, key=lambda value: (-self._height[value], value))


def _broader_labels(tree: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Every label of a tree → its ancestors, nearest first."""
    inner = {label: chain[at + 1 :] for chain in tree.values() for at, label in enumerate(chain)}
    return inner | dict(tree)


@lru_cache(maxsize=65_536)
def name_of(scheme: Scheme, code: str) -> str:
    """What cards call a code."""
    return codes.label(scheme, code)


@lru_cache(maxsize=65_536)
def _levels(scheme: Scheme, code: str) -> tuple[str, ...]:
    """A code and its broader ones, finest first; a scheme without levels has the code alone."""
    return codes.levels(scheme, code) if scheme in codes.DEPTH else (code,)
