"""Column titles as people write them → declared fields, and the kind of thing that a table lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graph.errors import InputError
from graph.schema import Catalogue, EntityKind, Field, FieldType, RelationKind
from ingest.sources.beside import BESIDE, PLACE
from ingest.sources.identity import plain
from ingest.sources.titles import ADDRESS, ADDRESSES, ID, IDS, MORE_TITLES, NUMBERING, NUMBERINGS, PLACED, SPAN, SPANS

SEARCHED = 20
"""Rows in which the titles must stand."""
MOST_COLUMNS = 1_000
"""Columns that are read; those beyond are left out."""
MOST_ABOVE = 2
"""Cells of a row above the table at the most: its title, a date."""
_LONGEST_TITLE = 100
_BRACKETS = re.compile(r"[(\[【（〔].*?[)\]】）〕]")
_SCALE = re.compile(r"[(\[（【/,，:：]\s*(?:人民币)?(百万|千万|亿|万|千)元")
_PERCENT = re.compile(r"[(\[（【]\s*[%％]")


@dataclass(frozen=True)
class Column:
    """What one column holds."""

    at: int
    name: str
    """A field's name, `ID`, `NUMBERING`, `SPAN`, `ADDRESS…`, a key of `PLACE`, or else the title itself."""
    known: bool = True
    """Whether the name is declared."""
    scale: str = ""
    """What a bare number lacks: 万 of 万元, or %."""
    joined: bool = False
    """Whether further columns of the same text field are joined to it."""


class Titles:
    """Every title that a kind's columns may have."""

    def __init__(self, kind: EntityKind | RelationKind, other: Titles | None = None) -> None:
        self.kind, self._other = kind, other
        self._beside = BESIDE.get(kind.name) if isinstance(kind, EntityKind) else None
        fields = kind.fields if isinstance(kind, EntityKind) else kind.properties
        self._fields: dict[str, tuple[Field, float]] = {}
        for field in fields:
            for title in (field.name, field.labels.zh, field.labels.en):
                self._fields.setdefault(plain(title), (field, 1.0))
        for field in fields:
            for title in (*field.synonyms, *MORE_TITLES.get((kind.name, field.name), ())):
                self._fields.setdefault(plain(title), (field, 0.9))
        self._ids = {*IDS, *(plain(f"{own}{word}") for own in _words(kind) for word in ("id", "标识", "_id"))}
        if isinstance(kind, RelationKind):
            self._ids = set()

    def columns(self, titles: Sequence[Any]) -> tuple[list[Column], float]:
        """The columns under these titles, and how well they fit the kind."""
        columns: list[Column] = []
        fit = 0.0
        taken: set[str] = set()
        places: list[tuple[int, int]] = []
        for at, title in enumerate(titles):
            key = plain(title) if title is not None else ""
            bare = plain(_BRACKETS.sub("", str(title))) if key else ""
            if not key:
                continue
            field, weight = self._fields.get(key) or self._fields.get(bare) or (None, 0.0)
            if field is not None and (field.name not in taken or field.type is FieldType.TEXT):
                fit += 0.0 if field.name in taken else weight
                columns.append(_column(at, field, str(title), field.name in taken))
                taken.add(field.name)
            elif field is None and bare in self._ids and ID not in taken:
                columns.append(Column(at, ID))
                taken.add(ID)
            elif isinstance(self.kind, RelationKind) and bare in _END_TITLES:
                columns.append(Column(at, _END_TITLES[bare]))
                fit += 1.0
            elif bare in NUMBERINGS:
                columns.append(Column(at, NUMBERING))
            elif self.kind.name in PLACED and bare in ADDRESSES:
                columns.append(Column(at, f"{ADDRESS}{str(title).strip()[:80]}"))
            elif self.kind.name in SPANS and bare in SPANS[self.kind.name][0]:
                columns.append(Column(at, SPAN, scale=_scale(str(title))))
            else:
                if self._beside is not None and bare in self._beside.titles:
                    places.append((self._beside.titles.index(bare), len(columns)))
                columns.append(Column(at, str(title).strip()[:80], known=False))
        if places:
            _, at = min(places)
            columns[at] = Column(columns[at].at, PLACE)
            fit += self._claim_beside(columns, titles, taken)
        return columns, fit

    def _claim_beside(self, columns: list[Column], titles: Sequence[Any], taken: set[str]) -> float:
        """Give columns to the other party where this is surely a table of things that it asks for."""
        if self._beside is None or self._other is None or not taken & set(self._beside.own):
            return 0.0
        fit = 0.9
        for index, column in enumerate(columns):
            found = None if column.known else self._other.field(titles[column.at])
            if found is not None and found.name in self._beside.fields:
                columns[index] = Column(column.at, f"{PLACE}:{found.name}")
                fit += 0.9
        return fit

    def field(self, title: Any) -> Field | None:
        """The field that a title means."""
        bare = plain(_BRACKETS.sub("", str(title)))
        return (self._fields.get(plain(title)) or self._fields.get(bare) or (None, 0.0))[0]


_END_TITLES = {plain(name): name for name in ("source", "target", "source_kind", "target_kind")}


def _column(at: int, field: Field, title: str, again: bool) -> Column:
    scale = ""
    if field.type is FieldType.AMOUNT:
        scale = _scale(title)
    elif field.type is FieldType.NUMBER and _PERCENT.search(title):
        scale = "%"
    return Column(at, field.name, scale=scale, joined=again)


def _scale(title: str) -> str:
    """万 of 金额（万元）; "" where the title names none."""
    found = _SCALE.search(title)
    return found[1] if found else ""


def _words(kind: EntityKind | RelationKind) -> tuple[str, ...]:
    synonyms = kind.synonyms if isinstance(kind, EntityKind) else ()
    return (kind.name, kind.labels.en, kind.labels.zh, *synonyms)


@dataclass(frozen=True)
class Head:
    """Where a table's titles stand and what its columns are."""

    kind: str
    row: int
    """Row of the titles (the last one where there are two), an index into the rows given."""
    columns: tuple[Column, ...]


def find_head(rows: Sequence[Sequence[Any]], names: Sequence[str], catalogue: Catalogue, where: str) -> Head | None:
    """The titles among the first rows, for the kind that fits best; None where no row looks like titles at all.

    `names` are the sheet's and the file's names, which may name the kind. Raises InputError that lists the kinds
    where the titles fit none, or two alike.
    """
    rows = [row[:MOST_COLUMNS] for row in rows]
    exact = next((relation for name in names if (relation := name.strip().lower()) in catalogue.relations), None)
    kinds: list[EntityKind | RelationKind] = (
        [catalogue.relations[exact]] if exact is not None else list(catalogue.entities.values())
    )
    known = {name: Titles(kind) for name, kind in catalogue.entities.items()}
    named = _named(kinds, (*names, *_above(rows)))
    ranked: list[tuple[float, Head]] = []
    for kind in kinds:
        beside = BESIDE.get(kind.name)
        fit, head = _best_row(rows, Titles(kind, known.get(beside.kind) if beside else None))
        bonus = named.get(kind.name, 0.0)
        if head is not None and fit >= (0.9 if bonus else 1.8) and _count(head) >= (1 if bonus and fit >= 1 else 2):
            ranked.append((fit + bonus, head))
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    listed = ", ".join((*catalogue.entities, *catalogue.relations))
    if not ranked:
        if sum(1 for row in rows if sum(cell not in {None, ""} for cell in row) >= 2) < 2:
            return None
        raise InputError(
            f"{where}: the column titles in the first {SEARCHED} rows fit no kind; name the file or sheet by its kind "
            f"and the columns by its fields (docs/kinds.md); valid kinds: {listed}",
            field="columns",
        )
    if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
        alike = " and ".join(head.kind for fit, head in ranked if fit == ranked[0][0])
        raise InputError(
            f"{where}: the column titles fit {alike} alike; name the file or sheet by its kind; valid kinds: {listed}",
            field="columns",
        )
    return ranked[0][1]


def _count(head: Head) -> int:
    return len({column.name for column in head.columns if column.known and column.name != NUMBERING})


def _best_row(rows: Sequence[Sequence[Any]], titles: Titles) -> tuple[float, Head | None]:
    best, head = 0.0, None
    for at, row in enumerate(rows[:SEARCHED]):
        columns, fit = titles.columns(row)
        if fit > best:
            best, head = fit, Head(titles.kind.name, at, tuple(columns))
        if at:
            for joined in _two_rows(rows[at - 1], row):
                columns, fit = titles.columns(joined)
                if fit > best:
                    best, head = fit, Head(titles.kind.name, at, tuple(columns))
    return best, head


def _two_rows(upper: Sequence[Any], lower: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Titles of two rows as one, either one first: a title merged over several columns holds for each of them."""
    above, pairs = "", []
    for at in range(max(len(upper), len(lower))):
        over = str(upper[at]).strip() if at < len(upper) and upper[at] not in {None, ""} else ""
        under = str(lower[at]).strip() if at < len(lower) and lower[at] not in {None, ""} else ""
        above = over or (above if under else "")
        pairs.append((above, "" if under == above else under))
    return [a + b for a, b in pairs], [b + a if b else a for a, b in pairs]


def _above(rows: Sequence[Sequence[Any]]) -> list[str]:
    """What stands alone in its row above the titles: the table's own title."""
    found: list[str] = []
    for row in rows:
        held = {str(cell).strip() for cell in row if cell not in {None, ""}}
        if len(held) > MOST_ABOVE:
            break
        found += [text for text in held if len(text) <= _LONGEST_TITLE]
    return sorted(found)


def _named(kinds: Sequence[EntityKind | RelationKind], names: Sequence[str]) -> dict[str, float]:
    """Kind → how much a name of a file, sheet or table speaks for it: 企业技术需求 lists 需求, not 企业."""
    found: dict[str, float] = {}
    for name in names:
        text = unicodedata.normalize("NFKC", name).lower()
        # The last word is the one that the others describe; of words that end together the longest.
        last = {kind.name: place for kind in kinds if (place := max(_mentions(kind, text), default=None))}
        for kind_name, place in last.items():
            found[kind_name] = max(found.get(kind_name, 0.0), 2.0 if place == max(last.values()) else 0.5)
    return found


def _mentions(kind: EntityKind | RelationKind, text: str) -> Iterator[tuple[int, int]]:
    """(end, length) of the kind's words in a text."""
    for word in map(str.lower, _words(kind)):
        if word.isascii():
            spelled = rf"{re.escape(word[:-1])}(?:y|ies)" if word.endswith("y") else rf"{re.escape(word)}s?"
            matches = re.finditer(rf"(?<![a-z]){spelled}(?![a-z])", text)
        else:
            matches = re.finditer(re.escape(word), text)
        yield from ((match.end(), len(word)) for match in matches)
