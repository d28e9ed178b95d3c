"""What the records of all kinds share: ids, dates, gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ingest.sample.chance import Flags, chunks, stream
from ingest.sample.phrasing import Rolls, bell, chance, rolls

Row = dict[str, Any]
Rows = Iterator[Row]

GAP = 0.03
"""Share of values that are absent, as in real data."""


def identifier(kind: str, number: int) -> str:
    """The id of an entity; its prefix says wherever it turns up that the entity is generated."""
    return f"sample-{kind}-{number:07d}"


def records(seed: int, kind: str, bare: Flags, describe: Callable[[int, Rolls], Row]) -> Rows:
    """The records of a kind in the order of their numbers: `describe` tells all but the id; bare ones have no more."""
    for number, rows in chunks(len(bare)):
        drawn = rolls(stream(seed, f"{kind} text", number), len(rows))
        for row, rolled in zip(rows, drawn, strict=True):
            known = {} if bare[row] else describe(row, rolled)
            yield {"id": identifier(kind, row), **_with_gaps(known, rolled)}


def date(year: int, rolled: Rolls) -> str:
    """A day of the year, ISO 8601."""
    return f"{year}-{1 + next(rolled) % 12:02d}-{1 + next(rolled) % 28:02d}"


def _with_gaps(row: Row, rolled: Rolls) -> Row:
    """The record without its None values and without a few others."""
    return {key: value for key, value in row.items() if value is not None and not chance(rolled, GAP)}


def amount(typical: float, decades: float, rolled: Rolls) -> float:
    """A sum of money around a typical one, spread log-normally, to three significant digits."""
    return significant(typical * 10 ** (decades * bell(rolled)))


def significant(value: float) -> float:
    """The value to three significant digits."""
    return float(f"{value:.3g}")
