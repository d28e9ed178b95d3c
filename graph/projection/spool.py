"""Records on their way to disk: collected in the order they come, handed out in the order of their part."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from graph.projection.arrays import Bytes, Ints, offsets_of
from graph.projection.columns import Columns, flattened, kept_fields
from graph.records import Values
from graph.schema import Field

_BLOCK = 1 << 13
DIGEST = 16
"""Bytes of a record's digest."""


class Spool:
    """Collects records: canonical JSON (in a scratch file, or in memory), digests and columns."""

    def __init__(self, fields: Iterable[Field], scratch: IO[bytes] | None = None) -> None:
        self._file = scratch or BytesIO()
        self._lengths = array("i")
        self._digests = bytearray()
        self._columns = Columns(kept_fields(fields))

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, values: Values, canonical: bytes, digest: bytes) -> None:
        """Take in the next record."""
        self._file.write(canonical)
        self._lengths.append(len(canonical))
        self._digests += digest
        self._columns.add(values)

    def digests(self) -> NDArray[np.uint8]:
        """One row of bytes per record, as they came."""
        return np.frombuffer(bytes(self._digests), np.uint8).reshape(-1, DIGEST)

    def arrays(self, order: Ints) -> dict[str, NDArray[Any] | Iterator[Bytes]]:
        """The arrays of a part, its rows in the given order of the records added."""
        lengths = np.array(self._lengths, np.int64)
        return {
            "records.blob": self._blocks(offsets_of(lengths), order),
            "records.offsets": offsets_of(lengths[order]),
            "digests": self.digests()[order],
            **flattened(self._columns.finished(order)),
        }

    def small(self) -> dict[str, NDArray[Any]]:
        """As `arrays`, in the order they came, everything in memory."""
        arrays = self.arrays(np.arange(len(self), dtype=np.int64))
        return {
            name: value if isinstance(value, np.ndarray) else np.concatenate([np.zeros(0, np.uint8), *value])
            for name, value in arrays.items()
        }

    def _blocks(self, offsets: Ints, order: Ints) -> Iterator[Bytes]:
        if not offsets[-1]:
            return
        self._file.flush()
        data: bytes | mmap.mmap
        if isinstance(self._file, BytesIO):
            data = self._file.getvalue()
        else:
            data = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            self._file.close()
        starts, ends = offsets[:-1], offsets[1:]
        for block in range(0, len(order), _BLOCK):
            rows = order[block : block + _BLOCK]
            pairs = zip(starts[rows].tolist(), ends[rows].tolist(), strict=True)
            yield np.frombuffer(b"".join([data[low:high] for low, high in pairs]), np.uint8)
