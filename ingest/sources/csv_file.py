"""CSV in the encodings and with the delimiters that are met: UTF-8, UTF-16, GB 18030; comma, semicolon, tab."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import IO

from graph.errors import InputError
from graph.schema import Catalogue
from ingest.sources import tables, uniquip
from ingest.sources.headers import MOST_COLUMNS
from ingest.sources.row import Found
from ingest.sources.tables import Line

ENDINGS = (".csv", ".tsv", ".txt")
LONGEST_LINE = 4_000_000
"""Characters of a line at the most; a longer one is skipped in pieces and rejected."""
LONGEST_FIELD = 1_000_000
"""Characters of a cell at the most."""
_CHUNK = 1 << 20
_SNIFFED = 30
_DELIMITERS = (",", ";", "\t")
_CHINESE = re.compile("[\u3400-\u9fff]")
_BESIDE_LATIN = re.compile("(?<=[A-Za-z])[\u3400-\u9fff]|[\u3400-\u9fff](?=[A-Za-z])")
_MEANING_NOTHING = re.compile("[\ue000-\uf8ff]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def sources(path: Path, catalogue: Catalogue) -> Sequence[Found]:
    """The sources in a CSV file; InputError for an encoding that cannot be told."""
    encoding = encoding_of(path)
    delimiter = _delimiter(path, encoding)
    lines = partial(read, path, encoding, delimiter)
    return uniquip.sources(path, "", lines) or tables.sources(path, "", lines, catalogue)


def encoding_of(path: Path) -> str:
    """The file's encoding, by its mark or by what decodes all of it."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return _checked(path, encoding)
    if _decodes(path, "utf-8"):
        return "utf-8"
    if _decodes(path, "gb18030") and not _is_another(path):
        return "gb18030"
    raise InputError(
        f"{path} is neither UTF-8 nor GB 18030 text, nor UTF-16 with its mark; save it as UTF-8", field="path"
    )


def _is_another(path: Path) -> bool:
    """Whether what GB 18030 makes of a file is not what was written.

    Letters with accents, in an encoding that no mark tells, become rare characters beside Latin ones: `Müller` in
    Latin-1 reads as `M黮ler`. Of Big5 come many characters of no meaning; one or two stand for rare names.
    """
    chinese = strange = 0
    with path.open(encoding="gb18030", newline="") as file:
        while chunk := file.read(_CHUNK):
            chinese += len(_CHINESE.findall(chunk))
            strange += sum(map(_is_rare, _BESIDE_LATIN.findall(chunk))) + 4 * len(_MEANING_NOTHING.findall(chunk))
    return 2 * strange > chinese


@lru_cache(1 << 12)
def _is_rare(character: str) -> bool:
    """Whether a character is none of the 6,763 of GB 2312: the second byte of these is no Latin letter."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def _checked(path: Path, encoding: str) -> str:
    if not _decodes(path, encoding):
        raise InputError(f"{path} begins as {encoding} but is damaged further on", field="path")
    return encoding


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that cuts the first lines into the most columns, the same number in most lines."""
    best, chosen = 0, ","
    for delimiter in _DELIMITERS:
        widths = [len(line.cells or ()) for line in islice(read(path, encoding, delimiter), _SNIFFED)]
        width, times = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if (width - 1) * times > best:
            best, chosen = (width - 1) * times, delimiter
    return chosen


class _TooLongError(Exception):
    pass


class _Bounded:
    """The lines of a file, none held longer than LONGEST_LINE; goes on after a line that was too long."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._again: list[str] = []
        self.taken: list[str] = []
        """Lines that were given since this was emptied."""
        self.number = 0
        """Of the last line that was given."""

    def __iter__(self) -> _Bounded:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._file.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LONGEST_LINE:
            while (piece := self._file.readline(LONGEST_LINE)) and not piece.endswith(("\n", "\r")):
                pass
            raise _TooLongError
        self.taken.append(line)
        return line

    def give_again(self) -> None:
        """Give all taken lines but the first once more."""
        again = self.taken[1:]
        self._again += reversed(again)
        self.number -= len(again)


def _is_open(cells: Sequence[str], lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether a quotation mark of a row took in rows below: it is closed nowhere, or by one that is theirs."""
    if sum(line.count('"') for line in lines) % 2:
        return True
    below = [line for cell in cells for line in cell.splitlines()[1:] if line]
    return bool(below) and width > 2 and all(_delimiters(line, delimiter) == width - 1 for line in below)


def _delimiters(line: str, delimiter: str) -> int:
    """Delimiters of a line; none of prose, where a blank follows them."""
    return 0 if f"{delimiter} " in line else line.count(delimiter)


def read(path: Path, encoding: str, delimiter: str) -> Iterator[Line]:
    """The rows of a file by the number of their first line, NUL bytes taken out.

    A row whose quotation mark takes in rows below is a problem of its own, and these are read by themselves.
    """
    csv.field_size_limit(LONGEST_FIELD)
    with path.open(encoding=encoding, newline="") as file:
        lines = _Bounded(file)
        reader = csv.reader(lines, delimiter=delimiter)
        width = 0
        while True:
            lines.taken.clear()
            before = lines.number
            try:
                cells = next(reader)
            except StopIteration:
                return
            except _TooLongError:
                yield Line(lines.number, None, f"line is longer than {LONGEST_LINE:,} characters")
                continue
            except csv.Error as error:
                yield Line(before + 1, None, f"row cannot be read as CSV: {error} (an open quotation mark?)")
                lines.give_again()
                reader = csv.reader(lines, delimiter=delimiter)
                continue
            if len(lines.taken) > 1 and _is_open(cells, lines.taken, delimiter, width):
                yield Line(before + 1, None, "a quotation mark in this row is not closed: the rows below were taken in")
                lines.give_again()
                reader = csv.reader(lines, delimiter=delimiter)
                continue
            width = max(width, len(cells))
            yield Line(before + 1, [cell.replace("\0", "") for cell in cells[:MOST_COLUMNS]])
