"""Tables with column titles, as CSV and Excel have them → rows of a kind, of institutions and of relations to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from graph import codes
from graph.codes import Scheme
from graph.errors import ValueRejectedError
from graph.records import digest
from graph.schema import Catalogue
from ingest.sources.headers import ID, NUMBERING, PLACE, PLACED, SEARCHED, TOTALS, Head, find_head, plain
from ingest.sources.row import Row, Source

IDENTIFIERS = (
    ("uscc", Scheme.USCC),
    ("orcid", Scheme.ORCID),
    ("number", Scheme.PATENT_NUMBER),
    ("doi", Scheme.DOI),
)
"""Fields that identify a record wherever it stands."""
TELLING = ("serial_number", "name", "title", "text", "model", "manufacturer", "filing_date", "year", "email")
"""Fields that tell records of one kind apart where none identifies them."""


class Line(NamedTuple):
    """One line of a table, or the reason why it cannot be read."""

    number: int
    """From 1, as a person sees it."""
    cells: Sequence[Any] | None
    problem: str = ""


Lines = Callable[[], Iterator[Line]]
"""Reads a table from its start."""


def sources(path: Path, sheet: str, lines: Lines, catalogue: Catalogue) -> list[Source]:
    """The sources in a table; none where it holds no table. InputError where its titles fit no kind."""
    first = [line for line in islice(lines(), SEARCHED) if line.cells is not None]
    where = f"{path}, sheet {sheet!r}" if sheet else str(path)
    head = find_head([line.cells or () for line in first], (sheet, path.stem), catalogue, where)
    if head is None:
        return []
    start = first[head.row].number
    if head.kind in catalogue.relations:
        return [Source(path, head.kind, True, partial(_plain_rows, lines, head, start), sheet)]
    read = partial(_entities, lines, head, start)
    return placed_sources(path, sheet, head.kind, read, any(column.name == PLACE for column in head.columns))


Read = Callable[[], Iterator[Row]]


def placed_sources(path: Path, sheet: str, kind: str, read: Read, placed: bool) -> list[Source]:
    """Sources of entities whose raw rows may hold `PLACE`: they, the institutions, the relations between them."""
    found = [Source(path, kind, False, partial(_without_place, read), sheet)]
    if placed:
        relation, owner = PLACED[kind]
        found.append(Source(path, "institution", False, partial(_institutions, read), sheet))
        found.append(Source(path, relation, True, partial(_relations, read, kind, owner), sheet))
    return found


def identity(kind: str, raw: Mapping[str, Any]) -> str:
    """An id made of what identifies the row, the same whenever and wherever it is read; "" where nothing does."""
    for name, scheme in IDENTIFIERS:
        if value := raw.get(name):
            try:
                return hashed(kind, name, codes.canonical(scheme, str(value)))
            except ValueRejectedError:
                continue  # the row is rejected with this reason when it is normalised
    if raw.get("serial_number"):
        return hashed(kind, "serial_number", *(plain(raw.get(name, "")) for name in ("serial_number", "name")))
    telling = [f"{name}={plain(raw[name])}" for name in TELLING if raw.get(name)]
    return hashed(kind, *telling, plain(raw.get(PLACE, ""))) if telling else ""


def hashed(kind: str, *parts: str) -> str:
    """A stable id of a kind."""
    return f"{kind}-{digest(kind, *parts).hex()[:16]}"


def institution_id(name: str) -> str:
    """The id of an institution that is known by its name alone."""
    return hashed("institution", plain(name))


def _plain_rows(lines: Lines, head: Head, start: int) -> Iterator[Row]:
    """Every row below the titles, by field; blank rows, totals and repeated titles are left out."""
    titles: list[Any] | None = None
    for line in lines():
        if line.number < start:
            continue
        if line.cells is None:
            yield Row(line.number, None, line.problem)
            continue
        cells = line.cells
        if line.number == start:
            titles = [cells[column.at] if column.at < len(cells) else None for column in head.columns]
            continue
        held = [cells[column.at] if column.at < len(cells) else None for column in head.columns]
        if held == titles or _is_total(cells):
            continue
        raw: dict[str, Any] = {}
        for column, value in zip(head.columns, held, strict=True):
            if column.name == NUMBERING or value is None or (isinstance(value, str) and not value.strip()):
                continue
            scaled = _scaled(value, column.scale) if column.scale else value
            raw[column.name] = f"{raw[column.name]}\n{value}" if column.joined and column.name in raw else scaled
        if raw:
            yield Row(line.number, raw)


def _is_total(cells: Sequence[Any]) -> bool:
    words = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    return any(plain(word) in TOTALS for word in words[:2])


def _scaled(value: Any, scale: str) -> Any:
    """A bare number with the unit that its title names."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    text = str(value).strip()
    return text + scale if text[-1:].isdigit() else value


def _entities(lines: Lines, head: Head, start: int) -> Iterator[Row]:
    for row in _plain_rows(lines, head, start):
        yield row if row.raw is None else with_id(head.kind, row)


def with_id(kind: str, row: Row) -> Row:
    """The row with an id; a problem where nothing in it makes one."""
    raw = row.raw
    if raw is None or raw.get(ID) not in {None, ""}:
        return row
    made = identity(kind, raw)
    if not made:
        return Row(row.line, None, f"nothing in the row identifies the {kind}: give an id, a name or a number")
    return Row(row.line, {ID: made, **raw})


def _without_place(read: Read) -> Iterator[Row]:
    for row in read():
        if row.raw is not None and PLACE in row.raw:
            yield Row(row.line, {name: value for name, value in row.raw.items() if name != PLACE})
        else:
            yield row


def _institutions(read: Read) -> Iterator[Row]:
    seen: set[str] = set()
    for row, name in _places(read):
        id = institution_id(name)
        if id not in seen:
            seen.add(id)
            yield Row(row.line, {"id": id, "name": name})


def _relations(read: Read, kind: str, owner: bool) -> Iterator[Row]:
    for row, name in _places(read):
        ends = (("institution", institution_id(name)), (kind, str((row.raw or {})[ID])))
        (source_kind, source), (target_kind, target) = ends if owner else ends[::-1]
        pair = {"source": source, "target": target}
        yield Row(row.line, {**pair, "source_kind": source_kind, "target_kind": target_kind})


def _places(read: Read) -> Iterator[tuple[Row, str]]:
    for row in read():
        if row.raw is not None and (name := str(row.raw.get(PLACE) or "").strip()) and plain(name):
            yield row, name
