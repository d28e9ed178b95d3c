"""UNIQUIP, the exchange format of equipment.data: the titles of 2012 and the field names of Jisc's model of 2025."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from graph import regions
from graph.errors import ValueRejectedError
from ingest.sources import beside
from ingest.sources.beside import PLACE
from ingest.sources.identity import hashed, plain
from ingest.sources.row import Row, Source
from ingest.sources.tables import Line, Lines, with_id
from ingest.sources.titles import ID

TITLES_2012 = (
    *("Type", "Name", "Description", "Related Facility ID", "Technique", "Location"),
    *("Contact Name", "Contact Telephone", "Contact URL", "Contact Email"),
    *("Secondary Contact Name", "Secondary Contact Telephone", "Secondary Contact URL", "Secondary Contact Email"),
    *("ID", "Photo", "Department", "Site Location", "Building", "Service Level", "Web Address"),
)
"""The column titles of 2012."""
_MARKS = frozenset(
    plain(title)
    for title in (
        *("Related Facility ID", "Contact Telephone", "Contact URL", "Secondary Contact Name", "Site Location"),
        *("Service Level", "Web Address", "institutionID", "Internal record ID", "measuredVariables"),
        *("infraportalDiscipline", "managingDepartment", "commissionedDate", "decommissionedDate", "manufacturerID"),
    )
)
"""Titles that no other table of instruments has; two of them are enough."""
_ALIASES = (
    ("name", ("Name",)),
    ("description", ("Description",)),
    ("category", ("Type",)),
    ("technique", ("Technique", "Technique:cpv", "Technique:N8", "measuredVariables", "subject")),
    ("manufacturer", ("manufacturer",)),
    ("model", ("model",)),
    ("contact", ("Contact Name", "contactName", "Secondary Contact Name")),
    ("phone", ("Contact Telephone", "Secondary Contact Telephone")),
    ("email", ("Contact Email", "contactEmail", "Secondary Contact Email")),
    ("serial_number", ("ID", "institutionID", "Internal record ID", "serialNumber")),
    (PLACE, ("Institution Name", "Institution", "Organisation", "Department", "managingDepartment")),
    ("region", ("Location", "Site Location")),
)
"""Field → titles, the surest first: the first that has a value counts, all of them for techniques."""
_FIELDS = {plain(title): (name, rank) for name, titles in _ALIASES for rank, title in enumerate(titles)}
_LONGEST_NAME = 120


def sources(path: Path, sheet: str, lines: Lines) -> list[Source]:
    """The sources of a UNIQUIP table; none where the titles are not UNIQUIP's."""
    first = next((line for line in islice(lines(), 5) if line.cells is not None and any(line.cells)), None)
    if first is None or first.cells is None or len(_MARKS & {plain(cell) for cell in first.cells}) < 2:
        return []
    read = partial(_rows, lines, first)
    columns = {_FIELDS[title][0] for title in map(plain, first.cells) if title in _FIELDS}
    return beside.sources(path, sheet, "instrument", read, columns)


def _rows(lines: Lines, head: Line) -> Iterator[Row]:
    titles = [str(cell).strip() for cell in head.cells or ()]
    for line in lines():
        if line.cells is None:
            yield Row(line.number, None, line.problem)
        elif line.number > head.number and any(cell not in {None, ""} for cell in line.cells):
            yield _row(line.number, titles, line.cells)


def _row(number: int, titles: Sequence[str], cells: Sequence[Any]) -> Row:
    found: dict[str, list[tuple[int, Any]]] = {}
    raw: dict[str, Any] = {}
    for title, value in zip(titles, cells, strict=False):
        text = value.strip() if isinstance(value, str) else value
        if text in {None, ""}:
            continue
        name, rank = _FIELDS.get(plain(title), ("", 0))
        if name:
            found.setdefault(name, []).append((rank, text))
        else:
            raw[title] = text
    for name, values in found.items():
        ranked = [value for _, value in sorted(values, key=lambda pair: pair[0])]
        raw[name] = "；".join(map(str, ranked)) if name == "technique" else ranked[0]
    _region(raw)
    if "name" not in raw and "description" in raw:
        raw["name"] = str(raw["description"]).splitlines()[0][:_LONGEST_NAME]
    if raw.get("serial_number"):
        # The number is unique within the institution only.
        owner = plain(raw.get(PLACE, ""))
        made = hashed("instrument", "uniquip", owner, plain(raw["serial_number"]))
        return Row(number, {ID: made, **raw}, is_id_made=True)
    return with_id("instrument", Row(number, raw))


def _region(raw: dict[str, Any]) -> None:
    """Location is an address, a postcode or a page: kept where it names a region that is known."""
    if "region" in raw:
        try:
            regions.canonical(str(raw["region"]))
        except ValueRejectedError:
            raw["Location"] = raw.pop("region")
