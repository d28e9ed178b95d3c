"""The data folder: entities/<kind>.jsonl, relations/<kind>.jsonl, optionally kinds.json."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import orjson

from graph.errors import DeclarationError, InputError, UnknownNameError
from graph.schema import Catalogue
from ingest.sources import jsonl
from ingest.sources.row import Source

ENDINGS = (".jsonl.gz", ".jsonl")
KINDS = "kinds.json"
"""What a folder's own kinds are declared in."""
LARGEST_KINDS = 4 * 1024 * 1024


def is_folder(path: Path) -> bool:
    """Whether `path` is laid out as a data folder."""
    return path.is_dir() and any((path / part).is_dir() for part in ("entities", "relations"))


def kinds_document(path: Path) -> dict[str, Any]:
    """A kinds.json file; DeclarationError where it is no JSON object, InputError where it is no file or too large."""
    if not path.is_file():
        raise InputError(f"{path} is no file", field="kinds")
    if path.stat().st_size > LARGEST_KINDS:
        raise InputError(f"{path} is larger than {LARGEST_KINDS} bytes", field="kinds")
    try:
        document = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise DeclarationError(f"{path} is no JSON: {error}", field="kinds") from None
    if not isinstance(document, dict):
        raise DeclarationError(f"{path} is no JSON object", field="kinds")
    return document


def sources(path: Path, catalogue: Catalogue) -> list[Source]:
    """The files of a data folder; UnknownNameError for a file that is named by no kind."""
    found: list[Source] = []
    for part, known in (("entities", list(catalogue.entities)), ("relations", list(catalogue.relations))):
        for file in sorted((path / part).iterdir()) if (path / part).is_dir() else []:
            kind = kind_of(file)
            if kind is None:
                continue
            if kind not in known:
                raise UnknownNameError(f"kind in {file}", kind, known, field="kind")
            if not file.resolve().is_relative_to(path.resolve()):
                raise InputError(f"{file} leads out of the folder", field="path")
            if not file.is_file():  # reading a pipe would wait for ever
                raise InputError(f"{file} is no file", field="path")
            found.append(Source(file, kind, part == "relations", partial(jsonl.read, file)))
    order = {name: at for at, name in enumerate((*catalogue.entities, *catalogue.relations))}
    return sorted(found, key=lambda source: order[source.kind])


def kind_of(path: Path) -> str | None:
    """The kind that a JSON Lines file is named by; None for another kind of file."""
    return next((path.name[: -len(ending)] for ending in ENDINGS if path.name.endswith(ending)), None)
