"""Immutable columns over numpy arrays: lists of strings, lists of labels, and gathering ragged rows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Floats = NDArray[np.float64]

_BLOCK = 1 << 16


def offsets_of(lengths: NDArray[Any]) -> Ints:
    """Where each of consecutive runs starts, and after the last where it ends: n + 1 numbers, the first 0."""
    result = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=result[1:])
    return result


def spans(indptr: NDArray[Any], rows: NDArray[Any]) -> tuple[Ints, Ints]:
    """(how many entries each of the rows has, the positions of all of them one row after the other)."""
    starts = indptr[rows].astype(np.int64, copy=False)
    lengths: Ints = indptr[rows + 1] - starts
    positions: Ints = (starts + lengths - lengths.cumsum()).repeat(lengths)
    positions += np.arange(len(positions))
    return lengths, positions


class Strings(Sequence[str]):
    """An immutable list of strings: one UTF-8 blob and n + 1 offsets (either may be memory-mapped)."""

    __slots__ = ("blob", "offsets")

    def __init__(self, blob: Bytes, offsets: Ints) -> None:
        self.blob, self.offsets = blob, offsets

    @classmethod
    def of(cls, items: Iterable[str]) -> Strings:
        """The strings of a list."""
        encoded = [item.encode() for item in items]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets_of(lengths))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return self.raw(index).decode()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BLOCK):
            bounds = self.offsets[start : start + _BLOCK + 1]
            block, first = self.blob[bounds[0] : bounds[-1]].tobytes(), int(bounds[0])
            for low, high in pairwise((bounds - first).tolist()):
                yield block[low:high].decode()

    def raw(self, index: int) -> bytes:
        """The UTF-8 bytes of one string."""
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"row {index} of {n}")
        at = index % n
        return self.blob[self.offsets.item(at) : self.offsets.item(at + 1)].tobytes()

    def find(self, text: str) -> int:
        """Where `text` is in this list, which must be sorted by code point; -1 where it is not."""
        at = bisect_left(self, text)
        return at if at < len(self) and self[at] == text else -1


@dataclass(frozen=True, slots=True)
class Labels:
    """The distinct labels of every row, as codes into a vocabulary (CSR)."""

    indptr: Ints
    """n + 1 offsets into `codes`."""
    codes: Codes
    """Positions in the vocabulary, rising within a row."""
    vocabulary: Strings
    """Every label that some row has, sorted by code point."""

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def of(self, row: int) -> list[str]:
        """The labels of one row, sorted by code point."""
        return [self.vocabulary[code] for code in self.codes[self.indptr[row] : self.indptr[row + 1]].tolist()]

    def take(self, rows: NDArray[Any]) -> Labels:
        """The labels of the given rows, in that order, over the same vocabulary."""
        lengths, positions = spans(self.indptr, rows)
        return Labels(offsets_of(lengths), self.codes[positions], self.vocabulary)
