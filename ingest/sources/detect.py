"""Which source reads a path."""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path

from graph.errors import InputError, UnknownNameError
from graph.schema import Catalogue
from ingest.sources import csv_file, excel, folder, jsonl, openalex, rejects
from ingest.sources.row import Source

VALID = (
    "a data folder (entities/, relations/), KIND.jsonl or KIND.jsonl.gz, OpenAlex works or authors as .jsonl or .gz, "
    "a rejects file, .csv, .tsv, .xlsx, .xls"
)


def sources_of(path: Path, catalogue: Catalogue) -> list[Source]:
    """The sources in a path; InputError lists what can be read where it is none of it."""
    if path.is_dir():
        if not folder.is_folder(path):
            raise InputError(f"{path} is no data folder; valid: {VALID}", field="path")
        return folder.sources(path, catalogue)
    if not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder; valid: {VALID}", field="path")
    ending = path.suffix.lower()
    if ending in csv_file.ENDINGS:
        return csv_file.sources(path, catalogue)
    if ending in excel.ENDINGS:
        return excel.sources(path, catalogue)
    if ending in {".jsonl", ".gz"}:
        return _json_lines(path, catalogue)
    raise InputError(f"{path} is of no known format; valid: {VALID}", field="path")


def _json_lines(path: Path, catalogue: Catalogue) -> list[Source]:
    """By what the first object looks like, else by the file's name."""
    begin = list(islice(jsonl.read(path), 20))
    first = next((row.raw for row in begin if row.raw is not None), {})
    if openalex.is_record(first):
        return openalex.sources(path)
    if rejects.is_record(first) or path.name == rejects.NAME:
        return rejects.sources(path, catalogue)
    kind = folder.kind_of(path)
    if kind is not None and (kind in catalogue.entities or kind in catalogue.relations):
        return [Source(path, kind, kind in catalogue.relations, partial(jsonl.read, path))]
    if begin and all(row.raw is None for row in begin):
        raise InputError(f"{path}: line {begin[0].line}: {begin[0].problem}", field="path")
    raise UnknownNameError(
        "kind (a file is named by its kind)",
        kind or path.name,
        (*catalogue.entities, *catalogue.relations),
        field="path",
    )
