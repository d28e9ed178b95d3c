"""The store as a data folder, which `ingest` reads back to the same projection, and its instruments as UNIQUIP."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from graph import codes
from graph.codes import Scheme
from graph.errors import InputError
from graph.files import is_being_written, is_scratch, named
from graph.progress import Progress, silent
from graph.store import GraphStore
from ingest.sources.uniquip import TITLES_2012

BLOCK = 2_000
TITLES_2012_FIELDS = {
    "Type": "category", "Name": "name", "Description": "description", "Contact Name": "contact",
    "Contact Telephone": "phone", "Contact Email": "email", "ID": "serial_number",
}  # fmt: skip
"""Column of 2012 → field of an instrument, where a column is one field."""


def write(store: GraphStore, folder: Path, progress: Progress | None = None) -> int:
    """Write kinds.json, entities/ and relations/ into a new or empty folder; how many records.

    Raises InputError where the folder holds anything. They appear when all is written.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} exists and is no folder", field="folder")
    for left in folder.iterdir() if folder.exists() else ():
        if not (is_scratch(left) and left.name.startswith(".")):
            raise InputError(f"{folder} exists and is not an empty folder", field="folder")
        if is_being_written(left) and left != folder / f".{os.getpid()}.part":
            raise InputError(f"{folder} is being written by another export", field="folder")
        shutil.rmtree(left, ignore_errors=True)  # that one was killed
    say = progress or silent
    counts = store.counts()
    total = 0
    scratch = folder / f".{os.getpid()}.part"
    try:
        with named(folder):
            for part, kinds in (("entities", store.catalogue.entities), ("relations", store.catalogue.relations)):
                (scratch / part).mkdir(parents=True)
                for kind in kinds:
                    if kind in counts:
                        rows = _entities(store, kind) if part == "entities" else _relations(store, kind)
                        total += _lines(scratch / part / f"{kind}.jsonl", rows, partial(say, kind))
            if extension := store.extension():
                (scratch / "kinds.json").write_bytes(orjson.dumps(extension, option=orjson.OPT_INDENT_2))
        for name in ("kinds.json", "relations", "entities"):  # with entities, all is there
            if (scratch / name).exists():
                (scratch / name).replace(folder / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return total


def write_uniquip(store: GraphStore, path: Path) -> int:
    """Write the instruments as a UNIQUIP table with the titles of 2012 (CSV, UTF-8 with a mark); how many.

    Raises InputError where the file exists. It appears when it is complete.
    """
    if path.exists():
        raise InputError(f"{path} exists; name a new file", field="path")
    owners = {relation.target: relation.source for relation in store.relations("owns")}
    names = {e.id: str(e.values.get("name", e.id)) for e in store.entities("institution")}
    names |= {e.id: str(e.values.get("name", e.id)) for e in store.entities("enterprise")}
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    instruments = list(store.entities("instrument"))
    try:
        with named(path), scratch.open("w", encoding="utf-8-sig", newline="") as file:
            table = csv.DictWriter(file, TITLES_2012, restval="")
            table.writeheader()
            for instrument in instruments:
                values = {"serial_number": instrument.id, **instrument.values}
                table.writerow(_uniquip(values) | {"Department": names.get(owners.get(instrument.id, ""), "")})
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return len(instruments)


def _uniquip(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the table of 2012; fields that it has no title for are left out."""
    row = {title: values.get(name, "") for title, name in TITLES_2012_FIELDS.items()}
    region = values.get("region")
    return row | {
        "Technique": "; ".join(values.get("technique", ())),
        "Location": codes.label(Scheme.REGION, region) if region else "",
    }


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
