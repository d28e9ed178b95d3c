"""The store as a data folder: what `ingest` reads back gives the same projection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from graph.errors import InputError
from graph.store import GraphStore

BLOCK = 2_000


def write(store: GraphStore, folder: Path, progress: Callable[[str, int], None] | None = None) -> int:
    """Write kinds.json, entities/ and relations/ into a new or empty folder; how many records.

    Raises InputError where the folder holds anything.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not an empty folder", field="folder")
    say = progress or (lambda stage, done: None)
    counts = store.counts()
    total = 0
    for part, kinds in (("entities", store.catalogue.entities), ("relations", store.catalogue.relations)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            if kind in counts:
                rows = _entities(store, kind) if part == "entities" else _relations(store, kind)
                total += _lines(folder / part / f"{kind}.jsonl", rows, partial(say, kind))
    extension = store.extension()
    if extension:
        (folder / "kinds.json").write_bytes(orjson.dumps(extension, option=orjson.OPT_INDENT_2))
    return total


def _entities(store: GraphStore, kind: str) -> Iterable[dict[str, Any]]:
    return ({"id": entity.id, **entity.values} for entity in store.entities(kind))


def _relations(store: GraphStore, kind: str) -> Iterable[dict[str, Any]]:
    for relation in store.relations(kind):
        ends = {"source": relation.source, "target": relation.target}
        yield {**ends, "source_kind": relation.source_kind, "target_kind": relation.target_kind, **relation.values}


def _lines(path: Path, rows: Iterable[dict[str, Any]], say: Callable[[int], None]) -> int:
    count = 0
    with path.open("wb") as file:
        for count, row in enumerate(rows, start=1):
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            if count % BLOCK == 0:
                say(count)
    return count
