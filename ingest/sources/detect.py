"""Which source reads a path."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from graph.errors import InputError, UnknownNameError
from graph.schema import Catalogue
from ingest.sources import folder, jsonl
from ingest.sources.row import Source

VALID = "a data folder (entities/, relations/), KIND.jsonl or KIND.jsonl.gz"


def sources_of(path: Path, catalogue: Catalogue) -> list[Source]:
    """The sources in a path; InputError lists what can be read where it is none of it."""
    if path.is_dir():
        if not folder.is_folder(path):
            raise InputError(f"{path} is no data folder; valid: {VALID}", field="path")
        return folder.sources(path, catalogue)
    kind = folder.kind_of(path)
    if kind is None:
        raise InputError(f"{path} is of no known format; valid: {VALID}", field="path")
    if kind in catalogue.entities or kind in catalogue.relations:
        return [Source(path, kind, kind in catalogue.relations, partial(jsonl.read, path))]
    raise UnknownNameError(
        "kind (a file is named by its kind)", kind, (*catalogue.entities, *catalogue.relations), field="path"
    )
