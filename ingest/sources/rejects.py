"""The rejects file of an earlier load, after mending: each line holds a kind and a raw row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from graph.errors import InputError, UnknownNameError
from graph.schema import Catalogue
from ingest.sources import jsonl
from ingest.sources.row import Row, Source

NAME = "rejects.jsonl"
"""What a load calls the file, unless it is told otherwise."""
MOST_TOLD = 3
"""Lines that an error names at the most."""
_KEYS = frozenset({"kind", "row"})
_OTHER_KEYS = frozenset({"file", "line", "field", "reason"})


def is_record(raw: Mapping[str, Any]) -> bool:
    """Whether an object looks like an entry of a rejects file, be it one that lost its kind or its row."""
    return raw.keys() >= _OTHER_KEYS or (raw.keys() >= _KEYS and not raw.keys() - _KEYS - _OTHER_KEYS)


def sources(path: Path, catalogue: Catalogue) -> list[Source]:
    """One source per kind in the file.

    Raises InputError that names lines, fields and reasons where a line is no entry: the file is replaced by what is
    still wrong, and a line that cannot be read would be lost. UnknownNameError for a kind that is not declared.
    """
    kinds: dict[str, int] = {}
    told: list[str] = []
    faults = 0
    for row in jsonl.read(path):
        if fault := _fault(row):
            faults += 1
            told += [f"line {row.line}: {fault}"] if faults <= MOST_TOLD else []
        elif row.raw is not None:
            kinds.setdefault(row.raw["kind"], row.line)
    if faults:
        more = f"; and {faults - MOST_TOLD:,} more" if faults > MOST_TOLD else ""
        reason = f"{'; '.join(told)}{more}. Nothing was loaded; each line is one entry:"
        raise InputError(f'{path}: {reason} {{"kind": "…", "row": {{…}}}}', field="path")
    known = (*catalogue.entities, *catalogue.relations)
    for kind, line in kinds.items():
        if kind not in known:
            raise UnknownNameError(f"kind in {path}, line {line}:", kind, known, field="kind")
    return [
        Source(path, kind, kind in catalogue.relations, partial(_read, path, kind))
        for kind in sorted(kinds, key=known.index)
    ]


def _fault(row: Row) -> str:
    """Why a line is no entry; empty for one that is."""
    if row.raw is None:
        return row.problem
    missing = [name for name in sorted(_KEYS) if name not in row.raw]
    if beside := sorted(row.raw.keys() - _KEYS - _OTHER_KEYS):
        wanted = (
            f"is no part of an entry; valid: {', '.join(sorted(_KEYS | _OTHER_KEYS))}"
            if "row" in missing
            else "stands beside `row`, not in it"
        )
        return f"field {beside[0]!r} {wanted}"
    if missing:
        return f"field {missing[0]!r} is missing"
    if not isinstance(row.raw["kind"], str):
        return "field 'kind' is no text"
    if not isinstance(row.raw["row"], dict | None):
        return "field 'row' is no object of fields and values"
    return ""


def _read(path: Path, kind: str) -> Iterator[Row]:
    for row in jsonl.read(path):
        if row.raw is not None and row.raw["kind"] == kind:
            if row.raw["row"] is None:
                yield Row(row.line, None, "its row could not be read and is still not written: give an object as `row`")
            else:
                yield Row(row.line, row.raw["row"])
