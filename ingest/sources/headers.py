"""Column titles as people write them → declared fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from graph.schema import EntityKind, Field, FieldType, RelationKind
from ingest.sources.beside import BESIDE, PLACE, Beside, without_word
from ingest.sources.identity import plain
from ingest.sources.titles import ID, IDS, LOOSE, LOOSELY, MORE_TITLES, NUMBERING, NUMBERINGS, SPAN, SPANS

MOST_COLUMNS = 1_000
"""Columns that are read; those beyond are left out."""
_BRACKETS = re.compile(r"[(\[【（〔].*?[)\]】）〕]")
_SCALE = re.compile(r"[(\[（【/,，:：]\s*(?:人民币)?(百万|千万|亿|万|千)元")
_PERCENT = re.compile(r"[(\[（【]\s*[%％]")


@dataclass(frozen=True)
class Column:
    """What one column holds."""

    at: int
    name: str
    """A field's name, `ID`, `NUMBERING`, `SPAN`, `LOOSE…`, `PLACE`, or else the title itself."""
    known: bool = True
    """Whether the name is declared."""
    scale: str = ""
    """What a bare number lacks: 万 of 万元, or %."""
    joined: bool = False
    """Whether further columns of the same text field are joined to it."""
    beside: str = ""
    """The kind of the party beside the thing listed whose column it is."""

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
        self._fields: dict[str, tuple[Field, float]] = {}
        for field in fields:
            for title in (field.name, field.labels.zh, field.labels.en):
                self._fields.setdefault(plain(title), (field, 1.0))
        for field in fields:
            for title in (*field.synonyms, *MORE_TITLES.get((kind.name, field.name), ())):
                self._fields.setdefault(plain(title), (field, 0.9))
        self._ids = {*IDS, *(plain(f"{own}{word}") for own in words(kind) for word in ("id", "标识", "_id"))}
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
            elif loose := LOOSELY.get(self.kind.name, {}).get(bare):
                columns.append(Column(at, f"{LOOSE}{loose}:{str(title).strip()[:80]}"))
            elif self.kind.name in SPANS and bare in SPANS[self.kind.name][0]:
                columns.append(Column(at, SPAN, scale=_scale(str(title))))
            else:
                if self._beside is not None and bare in self._beside.titles:
                    places.append((self._beside.titles.index(bare), len(columns)))
                columns.append(Column(at, str(title).strip()[:80], known=False))
        if places:
            _, at = min(places)
            columns[at] = Column(columns[at].at, PLACE)
            fit += self._give_beside(columns, titles)
        return columns, fit

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
        return self.field(title) is not None or plain(_BRACKETS.sub("", str(title))) in LOOSELY.get(self.kind.name, {})

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


def words(kind: EntityKind | RelationKind) -> tuple[str, ...]:
    """What a kind is called."""
    synonyms = kind.synonyms if isinstance(kind, EntityKind) else ()
    return (kind.name, kind.labels.en, kind.labels.zh, *synonyms)
