"""Redaction of free text: every name in the graph, and every identifier pattern of the country.

What is found is replaced by a typed placeholder that tells neither the value nor its length.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from ahocorasick_rs import AhoCorasick, MatchKind

from graph.projection import Projection
from graph.schema import Access, FieldType

VERSION = "1"
"""Part of every stored text's key: change it when the same text is redacted otherwise."""

PLACEHOLDERS = {
    "email": "［邮箱 e-mail］", "url": "［网址 link］", "id_card": "［证件 id］", "credit_code": "［信用代码 code］",
    "phone": "［电话 phone］", "plate": "［车牌 plate］", "account": "［账号 account］", "address": "［地址 address］",
    "name": "［名称 name］",
}  # fmt: skip
"""Type of what was found → what stands in its place."""

_D = r"[0-9０-９]"
_S = r"[\s\-－—.·]?"
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("email", r"[A-Za-z0-9._%+-]{1,64}\s?[@＠]\s?[A-Za-z0-9-]{1,63}(?:\s?[.．]\s?[A-Za-z0-9-]{1,63}){1,5}"),
    ("url", r"(?:https?://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{2,2000}"),
    (
        "id_card",
        rf"(?<![0-9A-Za-z])[1-9]{_D}{{5}}{_S}(?:18|19|20){_D}{{2}}{_S}[01]{_D}[0-3]{_D}{_S}{_D}{{3}}[0-9Xx](?![0-9A-Za-z])",
    ),
    ("credit_code", r"(?<![0-9A-Za-z])[0-9ANY][1-9]\d{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Za-z])"),
    (
        "phone",
        rf"(?<![0-9０-９])(?:(?:\+|＋|00)?86{_S})?[1１]{_S}[3-9３-９]{_D}{_S}{_D}{{2}}{_S}{_D}{{2}}{_S}{_D}{_S}{_D}{_S}{_D}{{2}}(?![0-9０-９])"
        rf"|(?<![0-9０-９])[(（]?[0０]{_D}{{2,3}}[)）]?{_S}[2-8２-８]{_D}{{2,3}}{_S}{_D}{{4}}(?:{_S}(?:转|ext\.?)?{_S}{_D}{{1,5}})?(?![0-9０-９])"
        rf"|(?<![0-9０-９])400{_S}{_D}{{3}}{_S}{_D}{{4}}(?![0-9０-９])"
        r"|\+\d{1,3}[\s\-]?(?:\d[\s\-]?){6,12}\d",
    ),
    (
        "plate",
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·\s]?[A-HJ-NP-Z0-9]{5,6}(?![A-Za-z0-9])",
    ),
    (
        "account",
        r"(?:微信(?:号)?|WeChat|weixin|VX|QQ(?:号)?|钉钉)\s?(?:ID|号|id)?\s?(?:[:：是为]|is)?\s?[A-Za-z0-9_\-]{5,32}",
    ),
    (
        "address",
        r"(?:[\u4e00-\u9fff]{2,8}(?:省|自治区))?(?:[\u4e00-\u9fff]{2,8}市)?[\u4e00-\u9fff]{1,8}(?:区|县|镇|街道)"
        r"[\u4e00-\u9fff0-9]{1,20}(?:路|街|道|巷|弄|大道)\s?\d{1,5}\s?(?:号|弄)(?:[\u4e00-\u9fff0-9\-]{0,20}(?:室|楼|幢|栋|座|层))?",
    ),
)
_PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS), re.IGNORECASE)
_HINT = re.compile(r"[0-9０-９@＠]{1}|www\.|https?:|微信|wechat|weixin|钉钉", re.IGNORECASE)
"""A text without any of these holds no identifier: most texts skip the patterns."""

_SUFFIX = re.compile(
    r"(?:股份有限公司|有限责任公司|集团有限公司|有限公司|集团公司|股份公司|公司|集团|\(有限合伙\)|（有限合伙）|合伙企业"
    r"|,?\s*(?:co\.?,?\s*ltd\.?|inc\.?|ltd\.?|llc|corp\.?|gmbh|limited))$",
    re.IGNORECASE,
)
_REGION_PREFIX = re.compile(
    r"^(?:浙江省?|江苏省?|广东省?|山东省?|安徽省?|福建省?|上海市?|北京市?|天津市?|重庆市?|杭州市?|宁波市?|温州市?|嘉兴市?|湖州市?|绍兴市?|金华市?"
    r"|衢州市?|舟山市?|台州市?|丽水市?|苏州市?|南京市?|深圳市?|广州市?|中国)"
)
SHORTEST = 2
SHORT_FORM = 3


def names_of(projection: Projection) -> list[str]:
    """Every name in the graph: the revealed texts of every kind. A declared release: redaction depends on them."""
    found: set[str] = set()
    for kind in projection.catalogue.entities:
        table = projection.table(kind)
        for field in _name_fields(projection, kind) if table.n else ():
            found.update(table.labels(field).vocabulary)
    return sorted(found)


_made: dict[tuple[str, ...], Redactor] = {}


def redactor_of(projection: Projection) -> Redactor:
    """The redactor of every name in a projection; kept while the kinds that carry names stay as they are."""
    tables = [projection.table(kind) for kind in projection.catalogue.entities if _name_fields(projection, kind)]
    key = tuple(f"{table.kind} {table.digest}" for table in tables)
    if key not in _made:
        made = Redactor(names_of(projection))
        _made.clear()
        _made[key] = made
    return _made[key]


def _name_fields(projection: Projection, kind: str) -> list[str]:
    fields = projection.catalogue.entity(kind).fields
    return [f.name for f in fields if f.access is Access.REVEALED and f.type is FieldType.STRING]


def spellings(name: str) -> set[str]:
    """How a name may be written: as it is, its first and last word exchanged, a firm without place and legal form."""
    name = name.strip()
    found = {name}
    words = name.split()
    if name.isascii() and len(words) in (2, 3):
        found |= {f"{words[-1]}, {' '.join(words[:-1])}", f"{words[-1]} {' '.join(words[:-1])}"}
    short = _REGION_PREFIX.sub("", _SUFFIX.sub("", name).strip()).strip()
    if len(short) >= SHORT_FORM and short != name:
        found.add(short)
    return {form for form in found if len(form) >= SHORTEST and not form.isdigit()}


class Redactor:
    """Takes names and identifiers out of texts; the same names in any order make the same redactor."""

    def __init__(self, names: Iterable[str]) -> None:
        forms = sorted({form.lower() for name in names for form in spellings(name)})
        hasher = hashlib.blake2b(VERSION.encode(), digest_size=16)
        for form in forms:
            hasher.update(form.encode() + b"\x00")
        self.version = hasher.hexdigest()
        """Changes iff redaction changes."""
        self._names = AhoCorasick(forms, matchkind=MatchKind.LeftmostLongest) if forms else None

    def redact(self, text: str) -> str:
        """The text without names and identifiers; doing it again changes nothing."""
        before = ""
        while before != text:  # what is taken out may set free what stood against it
            before, text = text, self._pass(text)
        return text

    def _pass(self, text: str) -> str:
        if _HINT.search(text):
            text = _PATTERN.sub(lambda found: PLACEHOLDERS[str(found.lastgroup)], text)
        if self._names is None:
            return text
        lowered = text.lower()
        if len(lowered) != len(text):  # a few letters change their length in lower case
            lowered = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
        spans = self._names.find_matches_as_indexes(lowered)
        if not spans:
            return text
        parts, at = [], 0
        for _, start, end in spans:
            if _is_word(lowered, start, end) and not _in_placeholder(text, start):
                parts += [text[at:start], PLACEHOLDERS["name"]]
                at = end
        return "".join([*parts, text[at:]]) if parts else text


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether a match in Latin script stands alone; Chinese has no word boundaries."""
    if not (text[start].isascii() and text[start].isalnum()):
        return True
    before = start > 0 and text[start - 1].isascii() and text[start - 1].isalnum()
    after = end < len(text) and text[end].isascii() and text[end].isalnum() and text[end - 1].isascii()
    return not (before or after)


def _in_placeholder(text: str, at: int) -> bool:
    opened = text.rfind("［", max(0, at - 20), at)
    return opened >= 0 and text.find("］", opened, at) < 0
