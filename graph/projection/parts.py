"""Part files: named arrays one after the other in one file, mapped as a whole, described by the manifest."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field as Setting

from graph.errors import ProjectionError
from graph.files import ArrayWriter, arrays_in, checksum, synced
from graph.projection.arrays import Bytes
from graph.records import digest

_MAGIC = b"QXPART01"
REBUILD = "run `qianxian build --full`"


class PartFile(BaseModel):
    """What the manifest says of one part file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Setting(pattern=r"^\d{6,}/[A-Za-z0-9_.~-]+\.part$")
    """Path below the projection's folder."""
    size: int
    """Bytes."""
    crc32: int
    """CRC-32 of the whole file."""
    digest: str
    """Hash of the part's record digests, hex; empty where it keeps none."""
    arrays: dict[str, tuple[str, tuple[int, ...], int]]
    """Name → element type, shape, offset in bytes."""


class Part:
    """One opened part: what the manifest says of it, and its arrays (read-only, memory-mapped)."""

    def __init__(self, about: PartFile, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.about, self.arrays = about, arrays


def write_part(folder: Path, file: str, arrays: Mapping[str, NDArray[Any] | Iterator[Bytes]]) -> Part:
    """Write a new part durably and map it. An iterator of byte arrays is written as one."""
    with (folder / file).open("xb") as opened:
        writer = ArrayWriter(opened, _MAGIC)
        for name, array in arrays.items():
            writer.add(name, array)
        synced(opened)
    digests = arrays.get("digests")
    hashed = digest(digests.tobytes()).hex() if isinstance(digests, np.ndarray) else ""
    about = PartFile(file=file, size=writer.size, crc32=writer.crc32, digest=hashed, arrays=writer.directory)
    return map_part(folder, about)


def map_part(folder: Path, about: PartFile) -> Part:
    """Map a part's arrays; ProjectionError names a file that is shorter than it should be or describes no arrays."""
    path = folder / about.file
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size != about.size:
            raise ProjectionError(f"{path} is damaged: {size} bytes instead of {about.size}; {REBUILD}")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return Part(about, arrays_in(mapped, about.arrays))
    except ValueError as error:
        raise ProjectionError(f"{path} is damaged: {error}; {REBUILD}") from None


def verify(folder: Path, about: PartFile) -> None:
    """Compare a part's checksum; ProjectionError names a damaged file."""
    path = folder / about.file
    if checksum(path) != about.crc32:
        raise ProjectionError(f"{path} is damaged: its checksum differs; {REBUILD}")
