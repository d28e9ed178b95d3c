"""What every source yields."""

from __future__ import annotations

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

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.path.name}#{self.sheet}" if self.sheet else self.path.name
