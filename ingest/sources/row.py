"""What every source yields."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One raw row, or the reason why there is none."""

    line: int
    """Line or row number, from 1."""
    raw: dict[str, Any] | None
    """Field → raw value; None where the row cannot be read."""
    problem: str = ""
    """Why not."""
    is_id_made: bool = False
    """Whether the id is made of the row's values, so that rows of two things may get the same."""


@dataclass(frozen=True)
class Source:
    """The rows of one kind in one file."""

    path: Path
    """The file."""
    kind: str
    """Entity or relation kind."""
    is_relation: bool
    """Whether `kind` is a relation kind."""
    rows: Callable[[], Iterator[Row]]
    """Reads the file from its start."""
    sheet: str = ""
    """Sheet of a workbook."""
    by_name: bool = False
    """Whether its rows name people instead of giving their ids."""
    is_beside: bool = False
    """Whether its rows are of those who stand beside the things that a table lists."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return called(self.path, self.sheet)


class Skipped(NamedTuple):
    """A file or sheet that lists nothing of a known kind."""

    name: str
    """What a person calls it."""
    reason: str
    """Why it is left out."""


class Joined(NamedTuple):
    """Columns of a table that are joined in one field."""

    name: str
    """What a person calls the file or sheet."""
    kind: str
    field: str
    titles: tuple[str, ...]


Found = Source | Skipped | Joined


def called(path: Path, sheet: str = "") -> str:
    """A file, or a sheet of it, as a person calls it; names in GB 18030, as archives from Windows leave them, too."""
    name = path.name
    try:
        name.encode()
    except UnicodeEncodeError:
        raw = os.fsencode(name)
        try:
            name = raw.decode("gb18030")
        except UnicodeDecodeError:
            name = raw.decode(errors="backslashreplace")
    return f"{name}#{sheet}" if sheet else name
