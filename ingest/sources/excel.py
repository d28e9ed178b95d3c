"""Excel workbooks, .xlsx and .xls: every sheet is a table."""

from __future__ import annotations

import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from graph.errors import InputError
from graph.schema import Catalogue
from ingest.sources import tables, uniquip
from ingest.sources.heads import MOST_ABOVE
from ingest.sources.row import Found
from ingest.sources.tables import Line

ENDINGS = (".xlsx", ".xlsm", ".xls")
LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of a workbook at the most."""
LARGEST_UNPACKED = 256 * 1024 * 1024
"""Bytes of all its parts together, unpacked."""
MOST_PARTS = 5_000
STEEPEST = 200
"""How many times smaller than its content a part of more than a MiB may be packed."""
PROBE_SECONDS = 120
_CHUNK = 1 << 20


def sources(path: Path, catalogue: Catalogue) -> list[Found]:
    """The sources in a workbook; InputError where it is damaged, a bomb or encrypted."""
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path} has more than {LARGEST_FILE:,} bytes; save it as CSV", field="path")
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK"):
        _check_parts(path)
    elif not start.startswith((b"\xd0\xcf\x11\xe0", b"\x09\x08", b"\x09\x04", b"\x09\x02", b"\x09\x00")):
        raise InputError(f"{path} is damaged or no Excel workbook: it does not begin like one", field="path")
    _probe(path)
    with _opened(path) as book:
        names = list(book.sheet_names)
    found: list[Found] = []
    for name in names:
        lines = partial(_read, path, name)
        found += uniquip.sources(path, name, lines) or tables.sources(path, name, lines, catalogue)
    return found


def _check_parts(path: Path) -> None:
    """Unpack everything once, holding nothing, and stop at the first limit: the sizes that it declares may lie."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise InputError(f"{path} has {len(parts):,} parts; at most {MOST_PARTS:,}", field="path")
            if sum(part.file_size for part in parts) > LARGEST_UNPACKED:
                raise InputError(f"{path} unpacks to more than {LARGEST_UNPACKED:,} bytes", field="path")
            total = 0
            for part in parts:
                _check_name(path, part.filename)
                total += _unpacked(path, archive, part, LARGEST_UNPACKED - total)
            if not any(part.filename.startswith("xl/") for part in parts):
                raise InputError(f"{path} is a zip file but no Excel workbook", field="path")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} is damaged or encrypted: {error}", field="path") from None


def _check_name(path: Path, name: str) -> None:
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or ":" in name:
        raise InputError(f"{path} holds a part that leads out of it: {name[:100]!r}", field="path")


def _unpacked(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo, room: int) -> int:
    size = 0
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > room:
                raise InputError(f"{path} unpacks to more than {LARGEST_UNPACKED:,} bytes", field="path")
    if size > _CHUNK and size > STEEPEST * max(part.compress_size, 1):
        raise InputError(f"{path}: part {part.filename[:100]!r} is packed more than {STEEPEST} times", field="path")
    return size


def _probe(path: Path) -> None:
    """Let another process open it first: a hostile workbook can make the reader end the process it runs in."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("excel_probe.py")), str(path.absolute())]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        raise InputError(f"{path} takes longer than {PROBE_SECONDS} s to open; save it as CSV", field="path") from None
    if done.returncode == 1 and (reason := done.stderr.strip()) and "Traceback" not in reason:
        raise InputError(f"{path} is not loaded: {reason}", field="path")
    if done.returncode:
        raise InputError(f"{path} is damaged or needs too much memory to open; save it as CSV", field="path")


def _opened(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError, ValueError) as error:
        raise InputError(f"{path} is damaged or encrypted: {error}", field="path") from None


def _read(path: Path, name: str) -> Iterator[Line]:
    """The lines of a sheet."""
    status = path.stat()
    for number, cells in enumerate(_rows(path, name, status.st_mtime_ns, status.st_size), start=1):
        yield Line(number, cells)


@lru_cache(maxsize=1)
def _rows(path: Path, name: str, modified: int, size: int) -> list[list[Any]]:
    """The rows of a sheet; a value merged downwards stands in each of its rows.

    Those of the last sheet are kept, for a sheet is read for its titles and again for each kind of record in it.
    """
    with _opened(path) as book:
        try:
            sheet = book.get_sheet_by_name(name)
            rows: list[list[Any]] = sheet.to_python(skip_empty_area=False)
        except (CalamineError, OSError, ValueError) as error:
            raise InputError(f"{path}, sheet {name!r} is damaged: {error}", field="path") from None
    _spread(sheet, rows)
    return rows


def _spread(sheet: CalamineSheet, rows: list[list[Any]]) -> None:
    begins = next((at for at, row in enumerate(rows) if _held(row) > MOST_ABOVE), 0)
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if top >= len(rows) or left >= len(rows[top]):
            continue
        if right - left + 1 > len(rows[top]) / 2:
            if top > begins or (top == begins and _held(rows[top]) <= MOST_ABOVE):
                rows[top][left] = ""  # a line across the table: a heading between rows, a remark below them
            continue
        for row in rows[top + 1 : bottom + 1]:
            row[left] = rows[top][left]


def _held(row: list[Any]) -> int:
    """How many different values a row holds."""
    return len(set(map(str, row)) - {""})
