"""Mask folders: per kind one immutable file of plain arrays, memory-mapped, and one that says which of them hold."""

from __future__ import annotations

import math
import mmap
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import ProjectionError
from graph.projection import Strings

FORMAT = 3
MAGIC = b"QXMASK03"
ABANDONED = 3600
"""Seconds after which a draft is one of a process that died."""
ALIGNMENT = 64
"""Arrays begin at multiples of this many bytes."""
NAMES = ""
"""Key of the part that holds the names of the redactor; the others are keyed by their kinds."""
Part = dict[str, NDArray[Any]]


class Stored:
    """A mask folder as it is."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder, self.about = folder, about

    @classmethod
    def open(cls, folder: Path) -> Stored | None:
        """What is there; None where nothing is, or nothing that this version reads."""
        path = folder / "current.json"
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            return None
        try:
            about = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError:  # damaged is like absent: what is there is built again
            return None
        return cls(folder, about) if isinstance(about, dict) and about.get("format") == FORMAT else None

    def part(self, kind: str) -> Part | None:
        """The part of a kind; None where it is gone or damaged."""
        name = self.about["parts"].get(kind)
        try:
            return _read_part(self.folder / name) if name else None
        except (OSError, ValueError):
            return None

    def redactor(self) -> tuple[str, Strings] | tuple[()]:
        """Version and names of the redactor; nothing where they are gone or damaged."""
        part = self.part(NAMES)
        return () if part is None else (self.about["parts"][NAMES].removeprefix("names-"), forms_in({NAMES: part}))


def forms_in(parts: Mapping[str, Part]) -> Strings:
    """The names of the redactor among parts."""
    return Strings(parts[NAMES]["forms.blob"], parts[NAMES]["forms.offsets"])


def switch(folder: Path, about: Mapping[str, Any]) -> None:
    """Let the parts named in `about` hold from now on; the others go, and who has them mapped keeps their pages."""
    scratch = folder / f"current.{os.getpid()}.part"
    with scratch.open("wb") as file:
        file.write(orjson.dumps({"format": FORMAT, **about}))
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / "current.json")
    kept = {"current.json", *about["parts"].values()}
    for path in folder.iterdir():
        if path.name not in kept and not (path.suffix == ".part" and time.time() - path.stat().st_mtime < ABANDONED):
            path.unlink(missing_ok=True)


def names_in(columns: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The keys of a mapping as an array."""
    return bytes_in(orjson.dumps(list(columns)))


def bytes_in(data: bytes) -> NDArray[np.uint8]:
    """Bytes as an array."""
    return np.frombuffer(data, np.uint8)


def write_part(path: Path, part: Part) -> None:
    """Write a part durably; whole or not at all."""
    arrays = {name: np.ascontiguousarray(array) for name, array in part.items()}
    directory, size = {}, 0
    for name, array in arrays.items():
        directory[name] = (array.dtype.str, array.shape, size)
        size += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    head = orjson.dumps({"size": size, "arrays": directory})
    head += b" " * (-(len(MAGIC) + 8 + len(head)) % ALIGNMENT)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    with scratch.open("wb") as file:
        file.write(MAGIC + len(head).to_bytes(8, "little") + head)
        for array in arrays.values():
            file.write(array.reshape(-1).view(np.uint8).data)
            file.write(bytes(-array.nbytes % ALIGNMENT))
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def _read_part(path: Path) -> Part:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    start = len(MAGIC) + 8 + int.from_bytes(mapped[len(MAGIC) : len(MAGIC) + 8], "little")
    if mapped[: len(MAGIC)] != MAGIC or start > size:
        raise ValueError(f"{path.name} is no part of a mask")
    head = orjson.loads(mapped[len(MAGIC) + 8 : start])
    if start + head["size"] != size:
        raise ValueError(f"{path.name} has {size} bytes instead of {start + head['size']}")
    part: Part = {}
    for name, (dtype, shape, offset) in head["arrays"].items():
        count = math.prod(shape)
        flat = np.frombuffer(mapped, dtype, count, start + offset) if count else np.empty(0, dtype)
        part[name] = flat.reshape(shape)
    return part


def read_parts(folder: Path, names: Mapping[str, str]) -> dict[str, Part]:
    """Parts by kind; ProjectionError where one is gone or damaged."""
    try:
        return {kind: _read_part(folder / name) for kind, name in names.items()}
    except (OSError, ValueError) as error:
        raise ProjectionError(f"the mask in {folder} is damaged: {error}; run `qianxian build`") from error
