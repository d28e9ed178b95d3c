"""What stands beside the things that a table lists: the institution or enterprise that owns, employs or asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ingest.sources.identity import hashed, identity, plain
from ingest.sources.row import Row, Source

PLACE = "\0beside"
"""Key of the name beside a record in a raw row; further values of it have a field's name after a colon."""


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
    fields: tuple[str, ...] = ()
    """Fields of it that such a table also has."""
    own: tuple[str, ...] = ()
    """Fields of the thing listed, without which the table is a list of the other party."""


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
    "patent": Beside("owns", True, "institution", _PLACES),
    "need": Beside(
        "posted", True, "enterprise", _ASKING, ("uscc", "regions", "contact", "phone", "size"), ("title", "text")
    ),
}
"""Kind that a table lists → what stands beside it."""

_COMPANY = re.compile(r"公司|集团|企业$|厂$|合作社|\b(co|ltd|inc|llc|corp|gmbh|company|limited)\b", re.IGNORECASE)
_ACADEMY = re.compile(
    r"大学|学院|学校|研究院|研究所|研究中心|医院|\b(university|college|institute|hospital)\b", re.IGNORECASE
)
_OWNER = re.compile(r"[年月日关于附件表的]*([\u4e00-\u9fff]{2,12}?(?:大学|科学院|工程研究院))")
_PART = re.compile(r"(学院|[系所室部科]|中心|平台|实验室|school|department|faculty|centre|center)$", re.IGNORECASE)
_WHOLE = re.compile(r"大学|科学院|公司|集团|医院|university", re.IGNORECASE)

Read = Callable[[], Iterator[Row]]


def owner_in(texts: tuple[str, ...]) -> str:
    """The university that a file's, sheet's or table's title names; "" where none does."""
    return next((found[1] for text in texts if (found := _OWNER.search(text))), "")


def whole_name(name: str, owner: str) -> str:
    """A department's name with its university before it: there is a 化学系 in each."""
    is_part = owner and owner not in name and _PART.search(name) and not _WHOLE.search(name)
    return f"{owner}{name}" if is_part else name


def party(beside: Beside, raw: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Kind and raw row of the other party in a row; None where it is not named."""
    name = str(raw.get(PLACE) or "").strip()
    if not plain(name):
        return None
    kind = beside.kind
    if _COMPANY.search(name):
        kind = "enterprise"
    elif _ACADEMY.search(name):
        kind = "institution"
    if kind == "institution":
        return kind, {"id": hashed(kind, plain(name)), "name": name}
    values = {"name": name} | {key.partition(":")[2]: raw[key] for key in raw if key.startswith(f"{PLACE}:")}
    return kind, {"id": identity(kind, values), **values}


def sources(path: Path, sheet: str, kind: str, read: Read, named: bool) -> list[Source]:
    """Sources of entities whose raw rows may hold `PLACE`: they, the other parties, the relations between them."""
    found = [Source(path, kind, False, partial(_alone, read), sheet)]
    if named:
        beside = BESIDE[kind]
        for other in ("institution", "enterprise"):
            found.append(Source(path, other, False, partial(_parties, read, beside, other), sheet))
        found.append(Source(path, beside.relation, True, partial(_relations, read, kind, beside), sheet))
    return found


def _alone(read: Read) -> Iterator[Row]:
    for row in read():
        if row.raw is not None and any(key.startswith(PLACE) for key in row.raw):
            yield Row(row.line, {key: value for key, value in row.raw.items() if not key.startswith(PLACE)})
        else:
            yield row


def _parties(read: Read, beside: Beside, kind: str) -> Iterator[Row]:
    seen: set[str] = set()
    for row in read():
        found = party(beside, row.raw or {})
        if found is not None and found[0] == kind and found[1]["id"] not in seen:
            seen.add(found[1]["id"])
            yield Row(row.line, found[1])


def _relations(read: Read, kind: str, beside: Beside) -> Iterator[Row]:
    for row in read():
        found = party(beside, row.raw or {})
        if found is None or row.raw is None:
            continue
        ends = ((found[0], found[1]["id"]), (kind, str(row.raw["id"])))
        (source_kind, source), (target_kind, target) = ends if beside.is_source else ends[::-1]
        pair = {"source": source, "target": target}
        yield Row(row.line, {**pair, "source_kind": source_kind, "target_kind": target_kind})
