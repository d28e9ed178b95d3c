"""Mask folders: per kind one immutable file of plain arrays, memory-mapped; another file says which of them hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from graph.errors import ProjectionError
from graph.files import map_arrays
from graph.projection import Strings
from matching.masking.names import Names, Spelled
from matching.masking.patterns import RULES

FORMAT = 5
NAMES = ""
"""Key of the part that holds the names of the redactor; the others are keyed by their kinds."""


class About(BaseModel, frozen=True):
    """What is noted of the parts of a mask."""

    format: int
    epoch: str
    k: int
    fingerprint: str
    """Of the projection."""
    parts: dict[str, str]
    """Kind → name of its file."""


Part = dict[str, NDArray[Any]]


class Stored:
    """The parts of a mask in their folder, and what was noted of them."""

    def __init__(self, folder: Path, about: About) -> None:
        self.folder, self.about = folder, about

    @classmethod
    def noted(cls, folder: Path, about: object) -> Stored | None:
        """What `Mask.about` noted of the parts in a folder; None where this version cannot read it."""
        try:
            noted = About.model_validate(about)
        except ValidationError:
            return None
        return cls(folder, noted) if noted.format == FORMAT else None

    def part(self, kind: str) -> Part | None:
        """The part of a kind; None where it is gone or damaged."""
        name = self.about.parts.get(kind)
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
        states: dict[str, str] = orjson.loads(part["states"].tobytes())
        return Names(
            forms_in({NAMES: part}),
            {kind: Spelled(state, _strings(part, f"forms.{kind}")) for kind, state in states.items()},
        )


def name_of_names(names: Names, version: str) -> str:
    """What the part of the names of a graph is called; `version` is the redactor's."""
    made_of = repr((FORMAT, version, {kind: spelled.state for kind, spelled in names.of.items()}))
    return f"names-{hashlib.blake2b(made_of.encode(), digest_size=12).hexdigest()}"


def names_part(names: Names, version: str) -> Part:
    """The part of the names of a graph."""
    states = orjson.dumps({kind: spelled.state for kind, spelled in names.of.items()})
    part: Part = {"version": bytes_in(version.encode()), "rules": bytes_in(RULES.encode()), "states": bytes_in(states)}
    for name, forms in [("forms", names.forms), *((f"forms.{kind}", one.forms) for kind, one in names.of.items())]:
        part |= {f"{name}.blob": forms.blob, f"{name}.offsets": forms.offsets}
    return part


def version_in(parts: Mapping[str, Part]) -> str:
    """The redactor's version among parts."""
    return parts[NAMES]["version"].tobytes().decode()


def forms_in(parts: Mapping[str, Part]) -> Strings:
    """The names of the redactor among parts."""
    return _strings(parts[NAMES], "forms")


def _strings(part: Part, name: str) -> Strings:
    return Strings(part[f"{name}.blob"], part[f"{name}.offsets"])


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
