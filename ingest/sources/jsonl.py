"""JSON Lines, plain or gzip: one object a line, read with bounded memory."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import orjson

from ingest.sources.row import Row

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a line at the most; longer ones are skipped in pieces and rejected."""

_FIELD = re.compile(r'"([^"\\]*)"\s*:')


def read(path: Path) -> Iterator[Row]:
    """The objects of a file; blank lines are skipped, broken ones come as problems."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        number = 0
        while True:
            number += 1
            try:
                line = file.readline(LONGEST_LINE + 1)
            except (EOFError, OSError, zlib.error) as error:
                yield Row(number, None, f"the file ends in the middle or is no gzip: {error}")
                return
            if not line:
                return
            if len(line) > LONGEST_LINE:
                _skip_line(file)
                yield Row(number, None, f"line is longer than {LONGEST_LINE} bytes")
            elif not line.isspace():
                yield _parsed(number, line)


def _skip_line(file: IO[bytes] | gzip.GzipFile) -> None:
    while (piece := file.readline(LONGEST_LINE)) and not piece.endswith(b"\n"):
        pass


def _parsed(number: int, line: bytes) -> Row:
    line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            value = orjson.loads(_text(line))
        except orjson.JSONDecodeError as error:
            return Row(number, None, f"line is no JSON: {_where(error)}")
        except UnicodeDecodeError:
            return Row(number, None, "line is no JSON: it is neither UTF-8 nor GB 18030")
    if not isinstance(value, dict):
        return Row(number, None, f"line is a JSON {type(value).__name__}, not an object")
    return Row(number, value)


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("gb18030")


def _where(error: orjson.JSONDecodeError) -> str:
    """What is wrong with a line, at which column and behind which field."""
    at = min(error.pos, len(error.doc.rstrip()))
    field = max(_FIELD.finditer(error.doc, 0, at), key=lambda found: found.end(), default=None)
    return f"{error.msg} at column {at + 1}" + (f", behind field {field[1]!r}" if field else "")
