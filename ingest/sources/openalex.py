"""OpenAlex works and authors (JSON Lines, gzip): publications, experts, institutions and what ties them.

The file is read once per kind, so that memory holds identifiers only.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.records import digest
from ingest.sources import jsonl
from ingest.sources.row import Row, Source

PREFIX = "https://openalex.org/"
_LONGEST_ABSTRACT = 20_000
"""Words; positions beyond are not read, whatever an index claims."""

_Raw = dict[str, Any]


def is_record(raw: Mapping[str, Any]) -> bool:
    """Whether an object is of OpenAlex."""
    return isinstance(id := raw.get("id"), str) and id.startswith(PREFIX)


def sources(path: Path) -> list[Source]:
    """The sources in a file of works, authors or both."""
    read: tuple[tuple[str, bool, Callable[[_Raw], Iterable[_Raw]]], ...] = (
        ("institution", False, _institutions),
        ("expert", False, _experts),
        ("authored", True, _authored),
        ("employed_by", True, _employed),
    )
    return [
        Source(path, "publication", False, partial(_publications, path)),
        *(Source(path, kind, is_relation, partial(_rows, path, rows)) for kind, is_relation, rows in read),
        Source(path, "cites", True, partial(_citations, path)),
    ]


def _rows(path: Path, rows: Callable[[_Raw], Iterable[_Raw]]) -> Iterator[Row]:
    """What `rows` finds in each record; what is found again is left out."""
    seen: set[bytes] = set()
    for row in jsonl.read(path):
        for found in rows(row.raw) if row.raw is not None else ():
            key = digest(orjson.dumps(found))
            if key not in seen:
                seen.add(key)
                yield Row(row.line, found)


def _publications(path: Path) -> Iterator[Row]:
    """The works; what is neither a work nor an author is told here, once."""
    for row in jsonl.read(path):
        if row.raw is None:
            yield row
        elif (id := _id(row.raw)).startswith("W"):
            yield Row(row.line, _publication(row.raw, id))
        elif not id.startswith("A"):
            yield Row(row.line, None, f"is no OpenAlex work or author: id {str(row.raw.get('id'))[:100]!r}")


def _publication(work: _Raw, id: str) -> _Raw:
    found = {
        "id": id,
        "title": work.get("title") or work.get("display_name"),
        "abstract": _abstract(work.get("abstract_inverted_index")),
        "keywords": [name for word in _objects(work.get("keywords")) if (name := word.get("display_name"))],
        "year": work.get("publication_year"),
        "doi": work.get("doi"),
        "discipline": _object(_object(work.get("primary_topic")).get("field")).get("display_name"),
    }
    return {name: value for name, value in found.items() if value}


def _abstract(index: Any) -> str:
    words: dict[int, str] = {}
    for word, positions in _object(index).items():
        for position in positions if isinstance(positions, list) else ():
            if isinstance(position, int) and 0 <= position < _LONGEST_ABSTRACT:
                words[position] = word
    return " ".join(words[position] for position in sorted(words))


def _experts(record: _Raw) -> Iterator[_Raw]:
    """An author's own record, or the authors of a work."""
    for author in [record] if _id(record).startswith("A") else _authors(record):
        found = {"id": _id(author), "name": author.get("display_name"), "orcid": author.get("orcid")}
        yield {name: value for name, value in found.items() if value}


def _authors(work: _Raw) -> Iterator[_Raw]:
    return (author for entry in _objects(work.get("authorships")) if _id(author := _object(entry.get("author"))))


def _authored(record: _Raw) -> Iterator[_Raw]:
    if (work := _id(record)).startswith("W"):
        for position, entry in enumerate(_objects(record.get("authorships")), start=1):
            if author := _id(_object(entry.get("author"))):
                yield {"source": author, "target": work, "position": position}


def _employers(record: _Raw) -> Iterator[tuple[str, _Raw]]:
    """(author, institution) pairs of a work or an author."""
    id = _id(record)
    if id.startswith("A"):
        for institution in _objects(record.get("last_known_institutions")):
            yield id, institution
    for entry in _objects(record.get("authorships")):
        if author := _id(_object(entry.get("author"))):
            for institution in _objects(entry.get("institutions")):
                yield author, institution


def _institutions(record: _Raw) -> Iterator[_Raw]:
    for _, institution in _employers(record):
        found = {
            "id": _id(institution),
            "name": institution.get("display_name"),
            "institution_type": institution.get("type"),
            "region": institution.get("country_code"),
        }
        if found["id"]:
            yield {name: value for name, value in found.items() if value}


def _employed(record: _Raw) -> Iterator[_Raw]:
    for author, institution in _employers(record):
        if id := _id(institution):
            yield {"source": author, "target": id, "target_kind": "institution"}


def _citations(path: Path) -> Iterator[Row]:
    """Citations between works of the file; of others nothing is known but a number."""
    works = _works(path)
    for row in jsonl.read(path):
        if row.raw is None or not (id := _id(row.raw)).startswith("W"):
            continue
        cited = row.raw.get("referenced_works")
        for other in dict.fromkeys(cited) if isinstance(cited, list) and all(isinstance(c, str) for c in cited) else ():
            target = other.removeprefix(PREFIX)
            if target != id and _holds(works, target):
                ends = {"source": id, "source_kind": "publication", "target": target, "target_kind": "publication"}
                yield Row(row.line, ends)


def _works(path: Path) -> NDArray[np.int64]:
    numbers = array("q")
    for row in jsonl.read(path):
        id = _id(row.raw) if row.raw is not None else ""
        if id[:1] == "W" and id[1:].isdecimal() and len(id) < 19:
            numbers.append(int(id[1:]))
    return np.unique(np.frombuffer(numbers, dtype=np.int64)) if numbers else np.empty(0, np.int64)


def _holds(works: NDArray[np.int64], id: str) -> bool:
    if id[:1] != "W" or not id[1:].isdecimal() or len(id) >= 19:
        return False
    number = int(id[1:])
    at = int(np.searchsorted(works, number))
    return at < len(works) and int(works[at]) == number


def _id(record: Mapping[str, Any]) -> str:
    """The short id, e.g. W2741809807; "" where the record has none."""
    id = record.get("id")
    return id.removeprefix(PREFIX) if isinstance(id, str) and id.startswith(PREFIX) else ""


def _object(value: Any) -> _Raw:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[_Raw]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
