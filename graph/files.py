"""Files that replace others in one step, and files of named arrays that are mapped as a whole; all written durably."""

from __future__ import annotations

import errno
import fcntl
import math
import mmap
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import ProjectionError

Directory = Mapping[str, tuple[str, tuple[int, ...], int]]
"""Name of an array → element type, shape, offset in bytes."""

_ALIGNMENT = 64
_MAGIC = b"QXARRAY1"
_SCRATCH = re.compile(r".*\.(\d+)\.part")


NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Numbers of the errors that a full disk causes."""


def reserve(descriptor: int, size: int) -> None:
    """Make an open file at least `size` bytes long, all of them on the disk; its contents stay.

    Whoever writes to a hole of a mapped file is killed when the disk is full by then.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    elif (there := os.fstat(descriptor).st_size) < size:
        os.pwrite(descriptor, bytes(size - there), there)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder (made where absent) for one builder alone; others wait. A lock ends with its process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("ab")
    except OSError as error:
        raise ProjectionError(f"nothing can be built in {folder}: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def named(path: Path) -> Iterator[None]:
    """What fails for want of space within, also in a file of its scratch, is an error that names the path."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            error.filename = str(path)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of `path` at the end: a crash leaves the old one or the new, whole."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with named(path), scratch.open("wb") as file:
            yield file
            synced(file)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    synced_folder(path.parent)


def is_scratch(path: Path) -> bool:
    """Whether a file or folder is what a process writes, or wrote, before it takes its place."""
    return _SCRATCH.fullmatch(path.name) is not None


def is_being_written(path: Path) -> bool:
    """Whether a file is one that `replacing` writes for a process that is alive."""
    found = _SCRATCH.fullmatch(path.name)
    return found is not None and is_alive(int(found[1]))


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs on this machine."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # gone; or no number of a process
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def replace(path: Path, data: bytes) -> None:
    """Put a file of these bytes in the place of `path`; see `replacing`."""
    with replacing(path) as file:
        file.write(data)


def synced(file: IO[bytes]) -> None:
    """Make what was written to a file durable."""
    file.flush()
    os.fsync(file.fileno())


def synced_folder(folder: Path) -> None:
    """Make a folder's names durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class ArrayWriter:
    """Appends aligned arrays to a file and keeps their directory."""

    def __init__(self, file: IO[bytes], magic: bytes) -> None:
        self._file = file
        self.size, self.crc32 = 0, 0
        self.directory: dict[str, tuple[str, tuple[int, ...], int]] = {}
        self.put(magic)

    def put(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        self._file.write(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        self.size += len(data)

    def add(self, name: str, array: NDArray[Any] | Iterable[NDArray[np.uint8]]) -> None:
        """Append an array; several byte arrays become one."""
        self.put(bytes(-self.size % _ALIGNMENT))
        offset = self.size
        if isinstance(array, np.ndarray):
            self.put(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            self.directory[name] = (array.dtype.str, array.shape, offset)
            return
        for chunk in array:
            self.put(chunk.data)
        self.directory[name] = ("|u1", (self.size - offset,), offset)


def arrays_in(mapped: mmap.mmap, directory: Directory) -> dict[str, NDArray[Any]]:
    """The arrays of a mapped file, read-only; ValueError names one that is not inside it."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, (dtype, shape, offset) in directory.items():
        count = math.prod(shape)
        try:
            flat = np.frombuffer(mapped, dtype, count, offset) if count else np.zeros(0, dtype)
            arrays[name] = flat.reshape(shape)
        except (TypeError, ValueError):
            raise ValueError(f"array {name!r} is not inside it") from None
    return arrays


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a file that says itself what it holds; it replaces `path` whole or not at all."""
    with replacing(path) as file:
        writer = ArrayWriter(file, _MAGIC)
        for name, array in arrays.items():
            writer.add(name, array)
        directory = orjson.dumps(writer.directory)
        writer.put(directory)
        writer.put(len(directory).to_bytes(8, "little"))
        writer.put(writer.crc32.to_bytes(4, "little") + _MAGIC)


def map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays that `write_arrays` wrote, read-only and memory-mapped; ProjectionError where the file is damaged."""
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        end = len(mapped) - len(_MAGIC) - 4
        tail = end - 8
        start = tail - int.from_bytes(mapped[tail:end], "little")
        if mapped[: len(_MAGIC)] != _MAGIC or mapped[end + 4 :] != _MAGIC or start < len(_MAGIC):
            raise ValueError("it is not whole")
        if checksum(path, end) != int.from_bytes(mapped[end : end + 4], "little"):
            raise ValueError("its checksum differs")
        return arrays_in(mapped, orjson.loads(mapped[start:tail]))
    except (OSError, ValueError) as error:
        raise ProjectionError(f"{path} is damaged: {error}; run `qianxian build`") from error


def checksum(path: Path, size: int | None = None) -> int:
    """CRC-32 of a file, or of its first bytes; remembered while the file is the same, as services open it often."""
    status = path.stat()
    return _checksum(path, status.st_ino, status.st_mtime_ns, status.st_size if size is None else size)


@lru_cache(maxsize=1024)
def _checksum(path: Path, inode: int, modified: int, size: int) -> int:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return zlib.crc32(memoryview(mapped)[:size])
