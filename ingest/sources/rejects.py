"""The rejects file of an earlier load, after mending: each line holds a kind and a raw row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from graph.errors import UnknownNameError
from graph.schema import Catalogue
from ingest.sources import jsonl
from ingest.sources.row import Row, Source

_KEYS = frozenset({"kind", "row"})
_OTHER_KEYS = frozenset({"file", "line", "field", "reason"})


def is_record(raw: Mapping[str, Any]) -> bool:
    """Whether an object looks like an entry of a rejects file."""
    return raw.keys() >= _KEYS and not raw.keys() - _KEYS - _OTHER_KEYS


def sources(path: Path, catalogue: Catalogue) -> list[Source]:
    """One source per kind in the file; UnknownNameError for a kind that is not declared."""
    kinds: dict[str, None] = {}
    for row in jsonl.read(path):
        if row.raw is not None and is_record(row.raw):
            kinds[str(row.raw["kind"])] = None
    known = (*catalogue.entities, *catalogue.relations)
    for kind in kinds:
        if kind not in known:
            raise UnknownNameError(f"kind in {path}", kind, known, field="kind")
    ordered = sorted(kinds, key=known.index)
    return [
        Source(path, kind, kind in catalogue.relations, partial(_read, path, kind, broken=kind == ordered[0]))
        for kind in ordered
    ]


def _read(path: Path, kind: str, *, broken: bool) -> Iterator[Row]:
    """The rows of a kind; with `broken` also what is no entry at all, so that it is told once."""
    for row in jsonl.read(path):
        if row.raw is None or not is_record(row.raw):
            if broken:
                yield row if row.raw is None else Row(row.line, None, "is no entry of a rejects file: `kind` and `row`")
        elif row.raw["kind"] == kind:
            if isinstance(row.raw["row"], dict):
                yield Row(row.line, row.raw["row"])
            else:
                yield Row(row.line, None, "its row could not be read and is still not written: give an object as `row`")
