"""Mask folders: per kind one immutable file of plain arrays, memory-mapped, and one that says which of them hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import ProjectionError
from graph.files import is_being_written, map_arrays, replace
from graph.projection import Strings

FORMAT = 4
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
            return map_arrays(self.folder / name) if name else None
        except ProjectionError:
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
    replace(folder / "current.json", orjson.dumps({"format": FORMAT, **about}))
    kept = {"current.json", *about["parts"].values()}
    for path in folder.iterdir():
        if path.name not in kept and not is_being_written(path):
            path.unlink(missing_ok=True)


def names_in(columns: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The keys of a mapping as an array."""
    return bytes_in(orjson.dumps(list(columns)))


def bytes_in(data: bytes) -> NDArray[np.uint8]:
    """Bytes as an array."""
    return np.frombuffer(data, np.uint8)


def is_sound(path: Path) -> bool:
    """Whether a part is there, whole and undamaged."""
    try:
        map_arrays(path)
    except ProjectionError:
        return False
    return True


def read_parts(folder: Path, names: Mapping[str, str]) -> dict[str, Part]:
    """Parts by kind; ProjectionError where one is gone or damaged."""
    return {kind: map_arrays(folder / name) for kind, name in names.items()}
