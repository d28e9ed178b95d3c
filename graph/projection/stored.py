"""The parts that mirror the store: one per entity kind, two per relation and pair of end kinds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.errors import ProjectionError
from graph.files import NO_SPACE
from graph.projection.arrays import Bytes, Ints, offsets_of
from graph.projection.columns import Arrays
from graph.projection.manifest import Current
from graph.projection.parts import Part, write_part


class Group(NamedTuple):
    """A relation between two kinds."""

    relation: str
    source: str
    target: str


class Edges(NamedTuple):
    """The parts of one group: where its edges go, and their records in the same order."""

    rows: Part
    records: Part


@dataclass
class Parts:
    """All parts of one revision: as the store has it, or as readers see it."""

    kinds: dict[str, Part] = field(default_factory=dict)
    groups: dict[Group, Edges] = field(default_factory=dict)


class Shelf:
    """The folder of the build that is being made; what was written there is removed again when the build fails."""

    def __init__(self, folder: Path, build: str) -> None:
        self.folder, self.build = folder, build
        self._written = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.path.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._open.close()
        except OSError as failure:  # what a full disk did not take is tried again on closing
            error = error or failure
        if error is not None and not Current.is_current(self.folder, self.build):
            shutil.rmtree(self.path, ignore_errors=True)
        if isinstance(error, OSError):
            advice = "; make room and build again" if error.errno in NO_SPACE else ""
            raise ProjectionError(
                f"cannot write {self.path}: {error.strerror or error}; the projection before stays as it was{advice}"
            ) from error

    def scratch(self) -> IO[bytes]:
        """An unnamed file beside the parts, gone when the build ends."""
        return self._open.enter_context(TemporaryFile(dir=self.path))

    @property
    def path(self) -> Path:
        """Where its files are."""
        return self.folder / self.build

    def write(self, name: str, arrays: Mapping[str, NDArray[Any] | Iterator[Bytes]]) -> Part:
        """Write a new part; the name is for people, a number makes it unique."""
        self._written += 1
        return write_part(self.folder, f"{self.build}/{name}~{self._written}.part", arrays)


def edge_arrays(
    sources: NDArray[Any], targets: NDArray[Any], n_sources: int, n_targets: int
) -> dict[str, NDArray[Any]]:
    """The arrays of a rows part from edges sorted by (source, target): CSR, its transpose, and how they correspond."""
    indptr = offsets_of(np.bincount(sources, minlength=n_sources))
    indices = targets.astype(np.int32)
    positions = np.arange(len(indices), dtype=np.int32)
    back = sp.csr_array((positions, indices, indptr), shape=(n_sources, n_targets)).tocsc()
    return {
        "indptr": indptr,
        "indices": indices,
        "back.indptr": back.indptr.astype(np.int64),
        "back.indices": back.indices.astype(np.int32),
        "back.order": back.data,
    }


def ends_in(rows: Arrays) -> tuple[Ints, Ints]:
    """(source row, target row) of every edge of a rows part."""
    indptr = rows["indptr"]
    sources = np.repeat(np.arange(len(indptr) - 1, dtype=np.int64), np.diff(indptr))
    return sources, rows["indices"].astype(np.int64)


def pairs(sources: NDArray[Any], targets: NDArray[Any]) -> Ints:
    """Both ends as one number that sorts like (source, target)."""
    return (sources.astype(np.int64) << 32) | targets.astype(np.int64)


def count(part: Part | None) -> int:
    """How many entities a stored kind has."""
    return 0 if part is None else len(part.arrays["ids.offsets"]) - 1
