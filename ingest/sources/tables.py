"""Tables with column titles, as CSV and Excel have them → rows of a kind, of institutions and of relations to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from graph import regions
from graph.errors import ValueRejectedError
from graph.schema import Catalogue
from ingest import numbers
from ingest.sources import beside
from ingest.sources.beside import PLACE
from ingest.sources.headers import Column
from ingest.sources.heads import SEARCHED, Head, find_head
from ingest.sources.identity import identity, plain
from ingest.sources.row import Found, Joined, Row, Skipped, Source, called
from ingest.sources.titles import CONTACT, ID, LOOSE, NUMBERING, SPAN, SPANS, TOTALS

_HAS_UNIT = re.compile(r"[千万亿元%]")
_LAST_DIGIT = re.compile(r"(\d)(?!.*\d)", re.DOTALL)
_TO = re.compile(r"\s*(?:-+|[–—~～〜至到])\s*")
_UNIT = re.compile(r"(?:百万|千万|万亿|[千万亿])?元?\s*$")
_BOTH_PRICES = re.compile(
    r"(?:校内|对内|内部)[:：]?\s*([^校对外社]+?)[，,；;、/\s]+(?:校外|对外|外部|社会)[:：]?\s*([^校对外社内]+)"
)
_PHONE = re.compile(r"(?:[(（]\d{2,5}[)）]|\+?\d)[\d \-—]{5,}\d")
_BETWEEN = " \t\r\n,，、;；:：/|()（）"
"""What stands between a person and a telephone number."""
_AT_MOST, _AT_LEAST = re.compile(r"以[下内]|不超过|最[多高]|[<≤]"), re.compile(r"以上|不低于|至少|最[少低]|[>≥]|起$")


class Line(NamedTuple):
    """One line of a table, or the reason why it cannot be read."""

    number: int
    """From 1, as a person sees it."""
    cells: Sequence[Any] | None
    problem: str = ""


Lines = Callable[[], Iterator[Line]]
"""Reads a table from its start."""


def sources(path: Path, sheet: str, lines: Lines, catalogue: Catalogue) -> Sequence[Found]:
    """The sources in a table; what is no table of a known kind is skipped with the reason."""
    first = [line for line in islice(lines(), SEARCHED) if line.cells is not None]
    head = find_head([line.cells or () for line in first], (sheet, path.stem), catalogue)
    if isinstance(head, str):
        return [Skipped(called(path, sheet), head)]
    start = first[head.row].number
    if head.kind in catalogue.relations:
        return [Source(path, head.kind, True, partial(_plain_rows, lines, head, start), sheet)]
    titles = (str(cell) for line in first[: head.row] for cell in line.cells or () if cell)
    owner = beside.owner_in((*titles, sheet, path.stem))
    read = partial(_entities, lines, head, start, owner)
    columns = {column.name for column in head.columns if not column.beside}
    return [*beside.sources(path, sheet, head.kind, read, columns), *_joined(called(path, sheet), head)]


def _joined(name: str, head: Head) -> Iterator[Joined]:
    titles: dict[tuple[str, str], list[str]] = {}
    for column in head.columns:
        if column.joined:
            titles.setdefault((column.beside or head.kind, column.field), []).append(column.title)
    return (Joined(name, *field, tuple(found)) for field, found in titles.items() if len(found) > 1)


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
            theirs = raw.setdefault(f"{PLACE}:{column.beside}", {}) if column.beside else raw
            _take(theirs, head.kind, column, _scaled(value, column.scale) if column.scale else value)
        if raw:
            yield Row(line.number, raw)


def _take(raw: dict[str, Any], kind: str, column: Column, value: Any) -> None:
    """Put a cell into the raw row."""
    name = column.name
    if not name.startswith("\0"):  # most cells
        if name == "price_external" and (both := _BOTH_PRICES.fullmatch(str(value).strip())):
            raw["price_internal"], raw["price_external"] = both.groups()
        else:
            raw[name] = f"{raw[name]}\n{value}" if column.joined and name in raw else value
    elif name == SPAN:
        raw |= _spanned(str(value), SPANS[kind][1])
    elif name == CONTACT:
        raw |= _contact(value)
    elif name.startswith(LOOSE):
        read = _count(value) if column.field == "size" else regions.of_address(str(value))
        if read:
            raw.setdefault(column.field, read)
        else:
            raw[name.removeprefix(f"{LOOSE}{column.field}:")] = value
    else:
        raw[name] = value


def _count(value: Any) -> Any:
    """The value where it is a number of people or a range; None for 中型."""
    try:
        return numbers.count(str(value)) and value
    except ValueRejectedError:
        return None


def _is_total(cells: Sequence[Any]) -> bool:
    words = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    return any(plain(word) in TOTALS for word in words[:2])


def _scaled(value: Any, scale: str) -> Any:
    """A bare number, or range of them, with the unit that its title names."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    text = str(value).strip()
    return text if _HAS_UNIT.search(text) else _LAST_DIGIT.sub(rf"\g<1>{scale}", text, count=1)


def _spanned(text: str, fields: tuple[str, str]) -> dict[str, str]:
    """Both fields of a range; one of them of a bound; both the same of a single number."""
    low, high = fields
    ends = _TO.split(text, maxsplit=1)
    if len(ends) == 2:
        unit = _UNIT.search(ends[1])
        return {low: ends[0] + (unit[0] if unit and not _HAS_UNIT.search(ends[0]) else ""), high: ends[1]}
    if _AT_MOST.search(text):
        return {high: text}
    return {low: text} if _AT_LEAST.search(text) else {low: text, high: text}


def _contact(value: Any) -> dict[str, str]:
    """The people and the telephone numbers of a cell."""
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    people = [name for part in _PHONE.split(text) if (name := part.strip(_BETWEEN))]
    found = {"contact": "、".join(people), "phone": "、".join(match.strip() for match in _PHONE.findall(text))}
    return {name: told for name, told in found.items() if told}


def _entities(lines: Lines, head: Head, start: int, owner: str) -> Iterator[Row]:
    for row in _plain_rows(lines, head, start):
        if row.raw is not None and PLACE in row.raw:
            row.raw[PLACE] = beside.whole_name(str(row.raw[PLACE]).strip(), owner)
        yield with_id(head.kind, row)


def with_id(kind: str, row: Row) -> Row:
    """The row with an id, its own or made of what it says; a problem where nothing in it makes one."""
    raw = row.raw
    if raw is None or raw.get(ID) not in {None, ""}:
        return row
    made = identity(kind, raw, str(raw.get(PLACE, "")))
    if not made:
        return Row(row.line, None, f"nothing in the row identifies the {kind}: give an id, a name or a number")
    return Row(row.line, {ID: made, **raw}, is_id_made=True)
