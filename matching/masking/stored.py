"""Mask folders: per kind one immutable file of plain arrays, memory-mapped, and one that says which of them hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import ProjectionError
from graph.files import is_being_written, map_arrays, replace
from graph.projection import Strings
from matching.masking.names import Names, Spelled
from matching.masking.patterns import RULES

FORMAT = 5
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
        return () if part is None else (version_in({NAMES: part}), forms_in({NAMES: part}))

    def names(self) -> Names | None:
        """The names as they were spelled; None where they are gone or damaged, or would be spelled otherwise today."""
        part = self.part(NAMES)
        if part is None or part["rules"].tobytes() != RULES.encode():
            return None
        forms = list(forms_in({NAMES: part}))
        states: dict[str, str] = orjson.loads(part["states"].tobytes())
        return Names(
            forms,
            {kind: Spelled(state, [forms[at] for at in part[f"of.{kind}"].tolist()]) for kind, state in states.items()},
        )


def name_of_names(names: Names, version: str) -> str:
    """What the part of the names of a graph is called; `version` is the redactor's."""
    made_of = repr((FORMAT, version, {kind: spelled.state for kind, spelled in names.of.items()}))
    return f"names-{hashlib.blake2b(made_of.encode(), digest_size=12).hexdigest()}"


def names_part(names: Names, version: str) -> Part:
    """The part of the names of a graph."""
    spelled, place = Strings.of(names.forms), {form: at for at, form in enumerate(names.forms)}
    part: Part = {"forms.blob": spelled.blob, "forms.offsets": spelled.offsets}
    part |= {"version": bytes_in(version.encode()), "rules": bytes_in(RULES.encode())}
    part["states"] = bytes_in(orjson.dumps({kind: one.state for kind, one in names.of.items()}))
    for kind, one in names.of.items():
        part[f"of.{kind}"] = np.fromiter(map(place.__getitem__, one.forms), np.int32, len(one.forms))
    return part


def version_in(parts: Mapping[str, Part]) -> str:
    """The redactor's version among parts."""
    return parts[NAMES]["version"].tobytes().decode()


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
