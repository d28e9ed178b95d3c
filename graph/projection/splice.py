"""Replacing, dropping and inserting rows of sorted tables: long copies of what stays, around what changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.projection.arrays import Ints, Labels, Strings, offsets_of


class Splice:
    """A new order of rows: old rows that stay, in their order, and new rows between them.

    `drop` are rising rows that go; new row j comes before old row `at[j]` (rising, in old numbers). To replace row r,
    drop it and insert at r.
    """

    def __init__(self, n: int, drop: NDArray[Any], at: NDArray[Any]) -> None:
        kept = np.delete(np.arange(n, dtype=np.int64), drop)
        before = at - np.searchsorted(drop, at)
        self.placed: Ints = (before + np.arange(len(at))).astype(np.int64)
        """Where each new row is in the new order."""
        self.source: Ints = np.insert(kept, before, -1 - np.arange(len(at)))
        """Of each row in the new order: the old row, or -1 - j for new row j."""
        self.n = len(self.source)
        breaks = np.flatnonzero((np.diff(self.source) != 1) | (self.source[1:] == 0)) + 1
        starts = np.concatenate([[0], breaks]) if self.n else breaks
        lengths = np.diff(np.append(starts, self.n))
        self._runs: list[tuple[int, int]] = list(zip(self.source[starts].tolist(), lengths.tolist(), strict=True))
        self._old = n

    def moved(self) -> Ints:
        """Of each old row: its row in the new order, -1 where it went."""
        result = np.full(self._old, -1, np.int64)
        stays = np.flatnonzero(self.source >= 0)
        result[self.source[stays]] = stays
        return result

    def fixed(self, old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        """An array with one row (of any shape) per table row."""
        pieces = [
            old[start : start + length] if start >= 0 else new[-1 - start : length - 1 - start]
            for start, length in self._runs
        ]
        return np.concatenate([old[:0], *pieces])

    def pieces(self, old: NDArray[Any], starts: Ints, new: NDArray[Any], new_starts: Ints) -> Iterator[NDArray[Any]]:
        """Data of rows of any length, run by run."""
        for start, length in self._runs:
            if start >= 0:
                yield old[starts[start] : starts[start + length]]
            else:
                yield new[new_starts[-1 - start] : new_starts[length - 1 - start]]

    def offsets(self, old: Ints, new: Ints) -> Ints:
        """The offsets that go with `pieces`."""
        return offsets_of(self.fixed(np.diff(old), np.diff(new)))

    def strings(self, old: Strings, new: Strings) -> Strings:
        """A list with one string per table row."""
        pieces = self.pieces(old.blob, old.offsets, new.blob, new.offsets)
        return Strings(np.concatenate([old.blob[:0], *pieces]), self.offsets(old.offsets, new.offsets))

    def labels(self, old: Labels, new: Labels) -> Labels:
        """A column of labels; its vocabulary gains what is new and loses what no row has any more."""
        vocabulary, from_old, from_new = _joined(old.vocabulary, new.vocabulary)
        pieces = self.pieces(from_old[old.codes], old.indptr, from_new[new.codes], new.indptr)
        codes = np.concatenate([np.zeros(0, np.int64), *pieces])
        indptr = self.offsets(old.indptr, new.indptr)
        used = np.bincount(codes, minlength=len(vocabulary)) > 0
        if not used.all():
            vocabulary = Splice(len(vocabulary), np.flatnonzero(~used), np.empty(0, np.int64)).strings(
                vocabulary, Strings.of(())
            )
            codes = (np.cumsum(used) - 1)[codes]
        return Labels(indptr, codes.astype(np.int32), vocabulary)


def _joined(old: Strings, new: Strings) -> tuple[Strings, Ints, Ints]:
    """Two sorted vocabularies as one, and where the codes of each are in it."""
    places = np.array([bisect_left(old, label) for label in new], np.int64)
    known = [at < len(old) and old[at] == label for at, label in zip(places.tolist(), new, strict=True)]
    fresh = np.flatnonzero(~np.array(known, bool))
    splice = Splice(len(old), np.empty(0, np.int64), places[fresh])
    from_old = splice.moved()
    from_new = from_old[np.minimum(places, len(old) - 1)] if len(old) else np.zeros(len(new), np.int64)
    from_new[fresh] = splice.placed
    return splice.strings(old, Strings.of(new[j] for j in fresh.tolist())), from_old, from_new
