"""Column titles as people write them → declared fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from graph.schema import EntityKind, Field, FieldType, RelationKind
from ingest.sources.beside import BESIDE, PLACE, Beside, without_word
from ingest.sources.identity import plain
from ingest.sources.titles import (
    CONTACT,
    CONTACTS,
    ID,
    IDS,
    LOOSE,
    LOOSELY,
    MORE_TITLES,
    NUMBERING,
    NUMBERINGS,
    SPAN,
    SPANS,
    YIELDING,
)

MOST_COLUMNS = 1_000
"""Columns that are read; those beyond are left out."""
_BRACKETS = re.compile(r"[(\[【（〔].*?[)\]】）〕]")
_SCALE = re.compile(r"[(\[（【/,，:：]\s*(?:人民币)?(百万|千万|亿|万|千)元")
_PERCENT = re.compile(r"[(\[（【]\s*[%％]")
_LONG_TITLE = 100
"""Characters from which what a cell says is not remembered as a title."""
_CALLED = frozenset({"name", "title"})
"""Fields that say what a thing is called: one column of a table, never several joined."""


@dataclass(frozen=True)
class Column:
    """What one column holds."""

    at: int
    name: str
    """A field's name, `ID`, `NUMBERING`, `SPAN`, `CONTACT`, `LOOSE…`, `PLACE`, or else the title itself."""
    known: bool = True
    """Whether the name is declared."""
    scale: str = ""
    """What a bare number lacks: 万 of 万元, or %."""
    joined: bool = False
    """Whether it is joined to other columns of the same text field."""
    beside: str = ""
    """The kind of the party beside the thing listed whose column it is."""
    title: str = ""
    """Title of the column of a field."""

    @property
    def field(self) -> str:
        """The field that the column gives."""
        return self.name.removeprefix(LOOSE).partition(":")[0]


class Titles:
    """Every title that a kind's columns may have."""

    def __init__(self, kind: EntityKind | RelationKind, others: Sequence[Titles] = ()) -> None:
        self.kind, self._others = kind, others
        self._beside = BESIDE.get(kind.name) if isinstance(kind, EntityKind) else None
        fields = kind.fields if isinstance(kind, EntityKind) else kind.properties
        self._names = {field.name: field for field in fields}
        self._fields: dict[str, tuple[Field, float]] = {}
        for field in fields:
            for title in (field.name, field.labels.zh, field.labels.en):
                self._fields.setdefault(plain(title), (field, 1.0))
        for field in fields:
            for title in (*field.synonyms, *MORE_TITLES.get((kind.name, field.name), ())):
                self._fields.setdefault(plain(title), (field, 0.9))
        self.plain = frozenset(self._fields)
        """Every title of a field, as titles are compared."""
        self._ids = {*IDS, *(plain(f"{own}{word}") for own in words(kind) for word in ("id", "标识", "_id"))}
        if isinstance(kind, RelationKind):
            self._ids = set()

    def columns(self, titles: Sequence[Any]) -> tuple[list[Column], float]:
        """The columns under these titles, and how well they fit the kind."""
        columns: list[Column] = []
        fit = 0.0
        given = self._given(titles)
        taken = {field.name for field, _ in given.values()}
        met: set[str] = set()
        places: list[tuple[int, int]] = []
        for at, title in enumerate(titles):
            key, bare = _keys(title) if title is not None else ("", "")
            if not key:
                continue
            if at in given:
                field, weight = given[at]
                fit += 0.0 if field.name in met else weight
                columns.append(_column(at, field, str(title)))
                met.add(field.name)
            elif bare in self._ids and ID not in met:
                columns.append(Column(at, ID))
                met.add(ID)
            elif isinstance(self.kind, RelationKind) and (end := _END_TITLES.get(bare)) and end not in met:
                columns.append(Column(at, end))
                met.add(end)
                fit += 1.0
            elif bare in NUMBERINGS:
                columns.append(Column(at, NUMBERING))
            elif loose := LOOSELY.get(self.kind.name, {}).get(bare):
                columns.append(Column(at, f"{LOOSE}{loose}:{str(title).strip()[:80]}"))
            elif self.kind.name in SPANS and bare in SPANS[self.kind.name][0] and SPAN not in met:
                columns.append(Column(at, SPAN, scale=_scale(str(title))))
                met.add(SPAN)
            elif self._is_contact(bare) and not taken & {*_CONTACT} and CONTACT not in met:
                columns.append(Column(at, CONTACT))
                met.add(CONTACT)
            else:
                if self._beside is not None and bare in self._beside.titles:
                    places.append((self._beside.titles.index(bare), len(columns)))
                columns.append(Column(at, self._unclaimed(at, str(title)), known=False))
        if places:
            _, at = min(places)
            columns[at] = Column(columns[at].at, PLACE)
            fit += self._give_beside(columns, titles)
        return columns, fit

    def _given(self, titles: Sequence[Any]) -> dict[int, tuple[Field, float]]:
        """Columns of fields, each with how well its title fits: labels go before synonyms, then the first counts.

        Further columns of a text field are joined to it, but not of one that says what the thing is called.
        """
        yielding = YIELDING.get(self.kind.name, {})
        asked = [
            ((bare := _keys(title)[1]) in yielding, -found[1], at, bare, found[0])
            for at, title in enumerate(titles)
            if title is not None and (found := self._found(title)) is not None
        ]
        given: dict[int, tuple[Field, float]] = {}
        taken: set[str] = set()
        for _, weight, at, bare, field in sorted(asked, key=lambda entry: entry[:3]):
            other = self._names.get(yielding.get(bare, "")) if field.name in taken else None
            meant = other or field
            if meant.name not in taken or (meant.type is FieldType.TEXT and meant.name not in _CALLED):
                given[at] = meant, -weight
                taken.add(meant.name)
        return given

    def _unclaimed(self, at: int, title: str) -> str:
        """What the values of a column of no field are reported as: never a field's own name, for they are not its."""
        name = title.strip()[:80]
        return f"{name} (column {at + 1})" if name in self._names or name in {ID, *_END_TITLES.values()} else name

    def _is_contact(self, bare: str) -> bool:
        return bare in CONTACTS and self._names.keys() >= {*_CONTACT}

    def _give_beside(self, columns: list[Column], titles: Sequence[Any]) -> float:
        """Give columns to the other party; a table with what only the things listed have fits better by each."""
        if self._beside is None:
            return 0.0
        own = {titles[column.at] for column in columns if column.name in self._beside.own}
        if self._beside.own and not any(all(other.field(title) is None for other in self._others) for title in own):
            return 0.0
        given = [column for other in self._others for column in self._beside_of(other, self._beside, columns, titles)]
        taken = {column.at for column in given}
        columns[:] = [*(column for column in columns if column.known or column.at not in taken), *given]
        theirs = {column.at for column in given if column.beside == self._beside.kind}
        return 1.0 + len(theirs) if self._beside.own else 0.0

    def _beside_of(
        self, other: Titles, beside: Beside, columns: Sequence[Column], titles: Sequence[Any]
    ) -> list[Column]:
        """The columns that the other party has if it is of a kind."""
        asked: list[str] = [""] * len(titles)
        worded: set[int] = set()
        for column in columns:
            title = str(titles[column.at])
            if column.known and column.name not in beside.shared:
                continue
            bare = without_word(title)
            asked[column.at] = bare if bare and not other.knows(title) else title
            worded |= {column.at} if bare else set()
        found, _ = other.columns(asked)
        return [
            replace(column, beside=other.kind.name)
            for column in found
            if column.known and column.name not in {"name", NUMBERING, SPAN}
            if column.at in worded
            or column.field in (beside.fields if self.field(titles[column.at]) is None else beside.shared)
        ]

    def knows(self, title: Any) -> bool:
        """Whether a title means something in this kind's tables."""
        bare = _keys(title)[1]
        return self.field(title) is not None or bare in LOOSELY.get(self.kind.name, {}) or self._is_contact(bare)

    def field(self, title: Any) -> Field | None:
        """The field that a title means."""
        return found[0] if (found := self._found(title)) is not None else None

    def _found(self, title: Any) -> tuple[Field, float] | None:
        key, bare = _keys(title)
        return self._fields.get(key) or self._fields.get(bare)


_CONTACT = ("contact", "phone")
"""The fields that a column of both gives."""
_END_TITLES = {plain(name): name for name in ("source", "target", "source_kind", "target_kind")}


def _keys(title: Any) -> tuple[str, str]:
    """A title as titles are compared, whole and without what stands in brackets."""
    text = str(title)
    return _short_keys(text) if len(text) < _LONG_TITLE else _short_keys.__wrapped__(text)


@lru_cache(maxsize=4096)
def _short_keys(text: str) -> tuple[str, str]:
    return plain(text), plain(_BRACKETS.sub("", text))


def _column(at: int, field: Field, title: str) -> Column:
    scale = ""
    if field.type is FieldType.AMOUNT:
        scale = _scale(title)
    elif field.type is FieldType.NUMBER and _PERCENT.search(title):
        scale = "%"
    joined = field.type is FieldType.TEXT and field.name not in _CALLED
    return Column(at, field.name, scale=scale, joined=joined, title=title.strip())


def _scale(title: str) -> str:
    """万 of 金额（万元）; "" where the title names none."""
    found = _SCALE.search(title)
    return found[1] if found else ""


def words(kind: EntityKind | RelationKind) -> tuple[str, ...]:
    """What a kind is called."""
    synonyms = kind.synonyms if isinstance(kind, EntityKind) else ()
    return (kind.name, kind.labels.en, kind.labels.zh, *synonyms)
