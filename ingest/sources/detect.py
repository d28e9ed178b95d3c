"""Which source reads a path."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from graph.errors import InputError, QianxianError, quoted
from graph.schema import Catalogue
from ingest.sources import csv_file, excel, folder, jsonl, openalex, rejects
from ingest.sources.row import Found, Row, Skipped, Source, called

VALID = (
    "a data folder (entities/, relations/), KIND.jsonl or KIND.jsonl.gz, OpenAlex works or authors as .jsonl or .gz, "
    "a rejects file, .csv, .tsv, .xlsx, .xls, or a folder of such files"
)
_HIDDEN = (".", "~$")
"""Beginnings of the names of files that programs keep for themselves."""


def sources_of(path: Path, catalogue: Catalogue) -> Sequence[Found]:
    """The sources in a path, and what is skipped in it; InputError for what is damaged or no file."""
    if not path.is_dir():
        return _of_file(path, catalogue)
    if folder.is_folder(path):
        return folder.sources(path, catalogue)
    return _of_files(path, catalogue)


def _of_files(path: Path, catalogue: Catalogue) -> list[Found]:
    """What the files of a plain folder hold; one that cannot be read does not keep the others from loading."""
    found: list[Found] = []
    for file in sorted(path.iterdir()):
        if file.name.startswith(_HIDDEN) or file.name == folder.KINDS:
            continue
        try:
            found += _in_folder(path, file, catalogue)
        except QianxianError as error:
            found.append(Skipped(called(file), str(error)))
        except OSError as error:
            found.append(Skipped(called(file), f"cannot be read: {error.strerror}"))
    if not found:
        raise InputError(f"{path} is no data folder and holds no files; valid: {VALID}", field="path")
    return found


def _in_folder(path: Path, file: Path, catalogue: Catalogue) -> Sequence[Found]:
    if file.is_dir():
        return [Skipped(called(file), "is a folder within: its files are read when its own path is given")]
    if not file.resolve().is_relative_to(path.resolve()):
        return [Skipped(called(file), "leads out of the folder")]
    if file.is_file() and _is_json_lines(file) and _holds_rejects(file, _first(file)):
        # The rows that it was made of would be rejected again, beside their own.
        return [Skipped(called(file), "holds rejects of an earlier load: they are loaded when its own path is given")]
    return _of_file(file, catalogue)


def _is_json_lines(path: Path) -> bool:
    return path.suffix.lower() in {".jsonl", ".gz"}


def _first(path: Path) -> Row:
    """The first of the first rows that can be read, else the first."""
    begin = list(islice(jsonl.read(path), 20))
    return next((row for row in begin if row.raw is not None), begin[0] if begin else Row(0, {}))


def _holds_rejects(path: Path, first: Row) -> bool:
    return rejects.is_record(first.raw or {}) or path.name == rejects.NAME


def _of_file(path: Path, catalogue: Catalogue) -> Sequence[Found]:
    if not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder; valid: {VALID}", field="path")
    ending = path.suffix.lower()
    if ending in csv_file.ENDINGS:
        return csv_file.sources(path, catalogue)
    if ending in excel.ENDINGS:
        return excel.sources(path, catalogue)
    if _is_json_lines(path):
        return _json_lines(path, catalogue)
    return [Skipped(called(path), f"is of no known format; valid: {VALID}")]


def _json_lines(path: Path, catalogue: Catalogue) -> Sequence[Found]:
    """By what the first object looks like, else by the file's name."""
    first = _first(path)
    if openalex.is_record(first.raw or {}):
        return openalex.sources(path)
    if _holds_rejects(path, first):
        return rejects.sources(path, catalogue)
    kind = folder.kind_of(path)
    if kind is not None and (kind in catalogue.entities or kind in catalogue.relations):
        return [Source(path, kind, kind in catalogue.relations, partial(jsonl.read, path))]
    if first.raw is None:
        raise InputError(f"{path}: line {first.line}: {first.problem}", field="path")
    listed = ", ".join((*catalogue.entities, *catalogue.relations))
    return [
        Skipped(
            called(path), f"unknown kind {quoted(kind or called(path))} (a file is named by its kind); valid: {listed}"
        )
    ]
