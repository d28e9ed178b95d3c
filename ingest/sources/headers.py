"""Column titles as people write them → declared fields, and the kind of thing that a table lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph.errors import InputError
from graph.schema import Catalogue, EntityKind, Field, FieldType, RelationKind

SEARCHED = 20
"""Rows in which the titles must stand."""
ID, PLACE, NUMBERING = "id", "\0place", "\0numbering"
"""What a column is besides a field: the record's id, the institution beside it, a running number."""

_NOT_WORD = re.compile(r"[\W_]+")
_BRACKETS = re.compile(r"[(\[【（〔].*?[)\]】）〕]")
_SCALE = re.compile(r"[(\[（【/,，:：]\s*(?:人民币)?(百万|千万|亿|万|千)元")
_PERCENT = re.compile(r"[(\[（【]\s*[%％]")
_IDS = ("id", "标识", "标识符", "identifier")
_NUMBERINGS = ("序号", "序", "no", "行号", "项次", "index", "serialno", "sn")
_PLACES = (
    *("依托单位", "所属单位", "所在单位", "工作单位", "所属机构", "所属高校", "所属学校", "权利单位", "专利权人"),
    *("institution", "institutionname", "organisation", "organization", "affiliation", "employer", "owner"),
    *("单位", "单位名称", "学校", "机构", "所属学院", "所在学院", "学院", "院系", "所属部门", "department"),
)
"""Titles of a column that names an institution, the surest first."""
PLACED = {"expert": ("employed_by", False), "instrument": ("owns", True), "patent": ("owns", True)}
"""Kind → the relation to the institution named beside it, and whether the institution is the source."""
TOTALS = frozenset({"合计", "总计", "小计", "共计", "total", "sum"})
MORE_TITLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("instrument", "serial_number"): ("仪器编号", "固定资产编号", "资产号"),
    ("instrument", "manufacturer"): ("制造厂商", "生产商", "厂家"),
    ("instrument", "contact"): ("机组人员", "仪器负责人", "负责人", "管理员"),
    ("instrument", "phone"): ("手机", "电话号码"),
    ("expert", "name"): ("name",),
    ("expert", "phone"): ("手机", "电话号码"),
}
"""Further titles that offices use, by kind and field."""


def plain(title: Any) -> str:
    """A title without case, width, blanks and punctuation."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", str(title)).lower())


@dataclass(frozen=True)
class Column:
    """What one column holds."""

    at: int
    name: str
    """A field's name, `ID`, `PLACE`, `NUMBERING`, or the title itself where nothing fits."""
    known: bool = True
    """Whether the name is declared."""
    scale: str = ""
    """What a bare number lacks: 万 of 万元, or %."""
    joined: bool = False
    """Whether further columns of the same text field are joined to it."""


class Titles:
    """Every title that a kind's columns may have."""

    def __init__(self, kind: EntityKind | RelationKind) -> None:
        self.kind = kind
        fields = kind.fields if isinstance(kind, EntityKind) else kind.properties
        self._fields: dict[str, tuple[Field, float]] = {}
        for field in fields:
            for title in (field.name, field.labels.zh, field.labels.en):
                self._fields.setdefault(plain(title), (field, 1.0))
        for field in fields:
            for title in (*field.synonyms, *MORE_TITLES.get((kind.name, field.name), ())):
                self._fields.setdefault(plain(title), (field, 0.9))
        self._ids = {*_IDS, *(plain(f"{own}{word}") for own in _words(kind) for word in ("id", "标识", "_id"))}
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
            elif bare in _NUMBERINGS:
                columns.append(Column(at, NUMBERING))
            else:
                if self.kind.name in PLACED and bare in _PLACES:
                    places.append((_PLACES.index(bare), len(columns)))
                columns.append(Column(at, str(title).strip()[:80], known=False))
        if places:
            _, at = min(places)
            columns[at] = Column(columns[at].at, PLACE)
        return columns, fit


_END_TITLES = {plain(name): name for name in ("source", "target", "source_kind", "target_kind")}


def _column(at: int, field: Field, title: str, again: bool) -> Column:
    scale = ""
    if field.type is FieldType.AMOUNT and (found := _SCALE.search(title)):
        scale = found[1]
    elif field.type is FieldType.NUMBER and _PERCENT.search(title):
        scale = "%"
    return Column(at, field.name, scale=scale, joined=again)


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
    exact = next((relation for name in names if (relation := name.strip().lower()) in catalogue.relations), None)
    kinds: list[EntityKind | RelationKind] = (
        [catalogue.relations[exact]] if exact is not None else list(catalogue.entities.values())
    )
    ranked: list[tuple[float, int, Head]] = []
    for kind in kinds:
        fit, head = _best_row(rows, Titles(kind))
        named = max((_named(kind, name) for name in names), default=0)
        if head is not None and fit >= (0.9 if named else 1.8) and _count(head) >= (1 if named and fit >= 1 else 2):
            ranked.append((fit + (2.0 if named else 0.0), named, head))
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    listed = ", ".join((*catalogue.entities, *catalogue.relations))
    if not ranked:
        if sum(1 for row in rows if sum(cell not in {None, ""} for cell in row) >= 2) < 2:
            return None
        raise InputError(
            f"{where}: the column titles in the first {SEARCHED} rows fit no kind; name the file or sheet by its kind "
            f"and the columns by its fields (docs/kinds.md); valid kinds: {listed}",
            field="columns",
        )
    if len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]:
        alike = " and ".join(entry[2].kind for entry in ranked if entry[:2] == ranked[0][:2])
        raise InputError(
            f"{where}: the column titles fit {alike} alike; name the file or sheet by its kind; valid kinds: {listed}",
            field="columns",
        )
    return ranked[0][2]


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


def _named(kind: EntityKind | RelationKind, name: str) -> int:
    """Length of the kind's longest word in a name of a file or sheet; 0 where it has none."""
    text = unicodedata.normalize("NFKC", name).lower()
    parts = set(re.split(r"[^a-z]+", text))
    parts |= {part[:-1] for part in parts if part.endswith("s")} | {part[:-3] + "y" for part in parts}
    found = 0
    for word in _words(kind):
        if (word.lower() in parts) if word.isascii() else (word in text):
            found = max(found, len(word))
    return found
