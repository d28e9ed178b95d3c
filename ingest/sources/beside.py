"""What stands beside the things that a table lists: the institution or enterprise that owns, employs or asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ingest.sources.identity import identity, plain
from ingest.sources.row import Row, Source
from ingest.sources.titles import CONTACT
from ingest.values import ABSENT, SPLIT

PLACE = "\0beside"
"""Key of the other party's name in a raw row; with a colon and a kind, of its further values if it is of that kind."""
EMPLOYERS = "\0employers"
"""Key of the names of those, one of whom employs the person that a row names."""
PARTIES = ("institution", "enterprise")
"""What the other party may be."""


class Beside(NamedTuple):
    """How the other party is found in a table and tied to the thing listed."""

    relation: str
    """Relation kind."""
    is_source: bool
    """Whether the other party is the source."""
    kind: str
    """What the other party is unless its name says otherwise."""
    titles: tuple[str, ...]
    """Titles of the column that names it, the surest first."""
    fields: tuple[str, ...] = ("uscc",)
    """Fields of it whose titles need no word for it before them, as 单位 in 单位类型."""
    shared: tuple[str, ...] = ()
    """Fields of it and of the thing listed that one column gives to both."""
    own: tuple[str, ...] = ()
    """Fields of the thing listed, without which the table is a list of the other party."""
    many: bool = False
    """Whether a cell may name several."""
    people: str = ""
    """Field of the thing listed that names people whom the other party employs."""
    people_relation: str = ""
    """Relation kind from these people to the thing."""


_PLACES = (
    *(
        "依托单位",
        "所属单位",
        "所在单位",
        "工作单位",
        "所属机构",
        "所属高校",
        "所属学校",
        "权利单位",
        "专利权人",
        "申请人",
        "权利人",
    ),
    *("institution", "institutionname", "organisation", "organization", "affiliation", "employer", "owner"),
    *("patentee", "assignee", "applicant"),
    *("单位", "单位名称", "学校", "机构", "所属学院", "所在学院", "学院", "院系", "所属部门", "department"),
)
_ASKING = (
    *(
        "需求单位",
        "发布单位",
        "提出单位",
        "需求企业",
        "需求方",
        "发布企业",
        "企业名称",
        "企业",
        "公司名称",
        "单位名称",
        "单位",
    ),
    *("company", "companyname", "enterprise", "organisation", "organization"),
)
BESIDE = {
    "expert": Beside("employed_by", False, "institution", _PLACES),
    "instrument": Beside("owns", True, "institution", _PLACES),
    "patent": Beside("owns", True, "institution", _PLACES, many=True, people="inventors", people_relation="invented"),
    "need": Beside(
        "posted",
        True,
        "enterprise",
        _ASKING,
        fields=(
            *("uscc", "industry", "regions", "founded_year", "size", "business_scope", "contact", "phone", CONTACT),
            *("registered_capital", "revenue", "tax_paid", "rd_expense", "insured_staff"),
        ),
        shared=("industry",),
        own=("title", "text"),
    ),
}
"""Kind that a table lists → what stands beside it."""

_WORDS = sorted({*_PLACES, *_ASKING, "公司", "高校", "大学", "university"}, key=len, reverse=True)
_WORD = re.compile(rf"\s*(?:{'|'.join(_WORDS)})[\s_-]*", re.IGNORECASE)
_COMPANY = re.compile(r"公司|集团|企业$|厂$|合作社|\b(co|ltd|inc|llc|corp|gmbh|company|limited)\b", re.IGNORECASE)
_ACADEMY = re.compile(
    r"大学|学院|学校|研究院|研究所|研究中心|医院|\b(university|college|institute|hospital)\b", re.IGNORECASE
)
_OWNER = re.compile(r"[年月日关于附件表的]*([\u4e00-\u9fff]{2,12}?(?:大学|科学院|工程研究院))")
_PART = re.compile(r"(学院|[系所室部科]|中心|平台|实验室|school|department|faculty|centre|center)$", re.IGNORECASE)
_WHOLE = re.compile(r"大学|科学院|公司|集团|医院|university", re.IGNORECASE)
_SEVERAL = re.compile(r"[;；、，\n]|,(?=\s*[\u4e00-\u9fff])")
"""Between names of parties; a comma also stands within an English one: Made Co., Ltd."""

Read = Callable[[], Iterator[Row]]


def owner_in(texts: tuple[str, ...]) -> str:
    """The university that a file's, sheet's or table's title names; "" where none does."""
    return next((found[1] for text in texts if (found := _OWNER.search(text))), "")


def whole_name(name: str, owner: str) -> str:
    """A department's name with its university before it: there is a 化学系 in each."""
    is_part = owner and owner not in name and _PART.search(name) and not _WHOLE.search(name)
    return f"{owner}{name}" if is_part else name


def without_word(title: str) -> str:
    """类型 of 单位类型: a title without the word for the other party before it; "" where there is none."""
    found = _WORD.match(title)
    return title[found.end() :] if found else ""


def parties(beside: Beside, raw: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Kind and raw row of each other party in a row: by its name, or without one by what else identifies it."""
    cell = str(raw.get(PLACE) or "")
    people = {plain(name) for name in _listed(raw.get(beside.people))}
    names = [name.strip() for name in (_SEVERAL.split(cell) if beside.many else [cell])]
    told = [name for name in names if plain(name) and name.lower() not in ABSENT and plain(name) not in people]
    names = list(dict.fromkeys(told))
    found: list[tuple[str, dict[str, Any]]] = []
    for name in names or [""]:
        kind = beside.kind
        if _COMPANY.search(name):
            kind = "enterprise"
        elif _ACADEMY.search(name):
            kind = "institution"
        values = raw.get(f"{PLACE}:{kind}", {}) if len(names) < 2 else {}  # of which of several is not said
        values = values | ({"name": name} if name else {})
        if id := values.get("id") or identity(kind, values):
            found.append((kind, {"id": id, **values}))
    return found


def sources(path: Path, sheet: str, kind: str, read: Read, columns: Collection[str]) -> list[Source]:
    """Sources of entities whose raw rows may hold `PLACE`: they, the other parties, the relations to them."""
    found = [Source(path, kind, False, partial(_alone, read), sheet)]
    beside = BESIDE.get(kind)
    if beside is not None and beside.people in columns:
        people = partial(_people, read, kind, beside)
        found.append(Source(path, beside.people_relation, True, people, sheet, by_name=True))
    if beside is not None and PLACE in columns:
        for other in PARTIES:
            others = partial(_parties, read, beside, other)
            found.append(Source(path, other, False, others, sheet, is_beside=True))
        found.append(Source(path, beside.relation, True, partial(_relations, read, kind, beside), sheet))
    return found


def _alone(read: Read) -> Iterator[Row]:
    for row in read():
        if row.raw is not None and any(key.startswith(PLACE) for key in row.raw):
            own = {key: value for key, value in row.raw.items() if not key.startswith(PLACE)}
            yield Row(row.line, own, is_id_made=row.is_id_made)
        else:
            yield row


def _parties(read: Read, beside: Beside, kind: str) -> Iterator[Row]:
    """Each party with the first value of each field: once, and again where a later row says more of it."""
    given: dict[str, set[str]] = {}
    for row in read():
        for other, values in parties(beside, row.raw or {}):
            if other != kind:
                continue
            told = given.setdefault(values["id"], set())
            if new := values.keys() - told:
                told |= new
                said = {name: value for name, value in values.items() if name in new or name == "id"}
                yield Row(row.line, said, is_id_made=True)


def _relations(read: Read, kind: str, beside: Beside) -> Iterator[Row]:
    for row in read():
        for other, values in parties(beside, row.raw or {}):
            ends = ((other, values["id"]), (kind, str((row.raw or {})["id"])))
            (source_kind, source), (target_kind, target) = ends if beside.is_source else ends[::-1]
            pair = {"source": source, "target": target}
            yield Row(row.line, {**pair, "source_kind": source_kind, "target_kind": target_kind})


def _people(read: Read, kind: str, beside: Beside) -> Iterator[Row]:
    """A row for each person named, in order, with the names of those who may employ them."""
    for row in read():
        raw = row.raw or {}
        names = _listed(raw.get(beside.people))
        employers = [values["name"] for _, values in parties(beside, raw) if "name" in values]
        for position, name in enumerate(names, start=1):
            told = employers if names.count(name) == 1 else []  # two people of one name cannot be told apart
            ends = {"source": name, "target": str(raw["id"]), "target_kind": kind}
            yield Row(row.line, {**ends, "position": position, EMPLOYERS: told})


def _listed(value: Any) -> list[str]:
    """The names in a cell."""
    return [name.strip() for name in SPLIT.split(str(value or "")) if plain(name)]
