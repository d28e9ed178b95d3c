"""Identifiers in free text: what telephone numbers, codes, accounts and addresses look like.

Every pattern reads folded text (see `folded`): lower case, half-width, one space for any blank. None of them backs up
over more than a bounded number of characters, so time grows linearly with the text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

Span = tuple[int, int, str]
"""Start, end and type of what was found."""

OPAQUE = "\ufffc"
"""Stands for what was taken out already: in no name, in no identifier."""
_BLANKS = "\t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_FOLDED = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord(blank): " " for blank in _BLANKS}
_FOLDED |= dict.fromkeys(map(ord, "‐‑‒–—―−﹣"), "-") | {ord("．"): ".", ord("・"): "·", ord("•"): "·"}
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_BLANK = f"[{_BLANKS.replace(chr(10), '')} ]"
_RUN_OF_BLANKS = re.compile(rf"{_BLANK}*\n{_BLANK}*|{_BLANK}{{2,}}")


def visible_only(text: str) -> str:
    """The text without characters that have no width and with one blank or line end for a run of blanks.

    Either could hide a name of several words from any search. Empty lines stay.
    """
    text = _INVISIBLE.sub("", text) if _INVISIBLE.search(text) else text
    return _RUN_OF_BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", text)


def folded(text: str) -> str:
    """The text in lower case and half-width, character by character: positions stay what they were."""
    half = text.translate(_FOLDED)
    lower = half.lower()
    if len(lower) == len(half):
        return lower
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in half)


_S = r"[ \-.·_]{0,3}"
_URL_REST = r"[a-z0-9\-._~:/?#\[\]@!$&'*+,;=%]"
_USCC = "0-9a-hj-npqrtuwxy"
_HAN = "\u4e00-\u9fff"


class _Pattern(NamedTuple):
    type: str
    """Type of the placeholder."""
    hints: tuple[str, ...]
    """Without one of these the pattern finds nothing; none given: without a run of digits; "" is in every text."""
    regex: str
    """Over folded text."""


_PATTERNS = (
    _Pattern(
        "email",
        ("@", "(at", "[at", "( at", "[ at"),
        r"[a-z0-9._%+\-]{1,64} ?(?:@|[\[(] ?at ?[\])]) ?[a-z0-9\-]{1,63}"
        r"(?:(?:\.| \. | ?[\[(] ?dot ?[\])] ?)[a-z0-9\-]{1,63}){1,6}",
    ),
    _Pattern(
        "url",
        ("://", "www.", ".com", ".cn", ".org", ".edu", ".gov", ".net", ".io", ".info", ".xyz", ".top", ".ac."),
        rf"(?:(?:https?|ftp)://|www\.){_URL_REST}{{2,2000}}"
        r"|(?<![a-z0-9@.\-])(?!(?:asp|ado|vb)\.net)(?:[a-z0-9\-]{1,63}\.){1,6}"
        rf"(?:com|cn|org|edu|gov|net|io|info|xyz|top|ac\.[a-z]{{2}})(?![a-z0-9\-])(?:/{_URL_REST}{{0,2000}})?",
    ),
    _Pattern("url", ("10.",), r"(?:doi ?:? ?)?(?<!\d)10\.\d{4,9}/[^ ,;、。()<>\"'" + OPAQUE + "]{1,200}"),
    _Pattern(
        "id_card",
        (),
        rf"(?<!\d)[1-9]\d{{5}}{_S}(?:18|19|20)\d\d{_S}(?:0[1-9]|1[0-2]){_S}(?:0[1-9]|[12]\d|3[01]){_S}\d{{3}}{_S}[\dx](?![\da-z])"
        r"|(?<!\d)[1-9]\d{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}(?!\d)"
        r"|(?<!\d)\d{4}-\d{4}-\d{4}-\d{3}[\dx](?![\da-z])",
    ),
    _Pattern(
        "credit_code",
        (),
        rf"(?<!\d)[1-9any][1-9]{_S}\d{{6}}{_S}[{_USCC}]{{9}}{_S}[{_USCC}](?![0-9a-z])"
        rf"|(?<!\d)[1-9any][1-9]\d\d[ \-]\d{{4}}[ \-][{_USCC}]{{4}}[ \-][{_USCC}]{{4}}[ \-][{_USCC}]{{2}}(?![0-9a-z])"
        r"|(?<![a-z])(?:zl|cn|us|ep|wo|jp) ?\d{7,13}(?:\.[\dx])?(?:[abuy]\d?)?(?![a-z0-9])",
    ),
    _Pattern(
        "phone",
        (),
        rf"(?<!\d)(?:(?:\+|00)?86{_S})?1[3-9]\d{_S}\d{{4}}{_S}\d{{4}}(?!\d)"
        rf"|(?<!\d)(?:(?:\+|00)?86{_S})?1[ \-]?[3-9](?:[ \-]?\d){{9}}(?!\d)"
        rf"|(?<!\d)\(?0\d{{2,3}}\)?{_S}[2-8]\d{{2,3}}{_S}\d{{4}}(?!\d)(?: ?(?:转|ext\.?|-) ?\d{{1,6}})?"
        rf"|(?<!\d)[48]00{_S}(?:\d{{3}}{_S}\d{{4}}|\d{{4}}{_S}\d{{3}})(?!\d)"
        rf"|(?<!\d)86[ \-]\(?0?\d{{2,3}}\)?{_S}[2-8]\d{{2,3}}{_S}\d{{4}}(?!\d)"
        r"|\+\d{1,3}(?:[ \-.()]{0,2}\d){6,13}(?!\d)",
    ),
    _Pattern(
        "phone",
        ("电话", "手机", "固话", "座机", "总机", "传真", "热线", "tel", "phone", "fax", "mobile", "whatsapp"),
        r"(?:电话|手机|固话|座机|总机|传真|热线|tel|phone|fax|mobile|whatsapp)[a-z]{0,5}(?:号码|号)?[ :.是为]{0,4}"
        r"\+?\(?\d(?:[ \-()]{0,2}\d){5,14}(?!\d)",
    ),
    _Pattern(
        "plate",
        ("",),
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][a-hj-z][ ·.\-]?"
        r"(?=[a-z]{0,5}\d)[a-hj-np-z0-9]{4,5}[a-hj-np-z0-9学警港澳挂](?![a-z0-9])",
    ),
    _Pattern(
        "account",
        ("微信", "微 信", "v信", "薇信", "wechat", "weixin", "vx", "wx"),
        r"(?:微 ?信|薇信|v信|wechat|weixin|(?<![a-z])[vw]x(?![a-hj-z]))(?:公众)?"
        r"(?:(?:号码?|账号|帐号| ?id)[ :=是为]{0,3}|[ ]?[:=是为][ ]?|[ ]?(?=[a-z0-9_\-]{0,29}[0-9_]))"
        r"[a-z0-9][a-z0-9_\-]{4,29}",
    ),
    _Pattern(
        "account", ("qq", "企鹅"), r"(?:(?<![a-z])qq|企鹅)群?(?:号码?)?[ :=是为]{0,3}[1-9](?:[ \-]?\d){4,10}(?!\d)"
    ),
    _Pattern(
        "account",
        ("钉钉", "飞书", "telegram", "skype", "line"),
        r"(?:钉钉|飞书|telegram|skype|(?<![a-z])line)(?:号| ?id)?[ ]?[:=][ ]?[a-z0-9@][a-z0-9_.\-]{3,31}",
    ),
    _Pattern("name", ("联系人",), rf"联系人 ?: ?[{_HAN}]{{2,4}}"),
    _Pattern("address", ("邮编", "邮政编码"), r"(?:邮编|邮政编码)[ :]{0,2}\d{6}(?!\d)"),
    _Pattern(
        "address",
        ("road", "street", "avenue", "lane", "boulevard", " rd", " ave"),
        r"(?<![a-z0-9.])(?:no\. ?)?\d{1,5}(?:-\d{1,4})?,? "
        r"(?:(?!(?:of|the|and|to|in|on|for|per|from|with|by|at|km) )[a-z'.]{2,20} ){1,3}"
        r"(?:road|rd|street|avenue|ave|lane|boulevard)(?![a-z])",
    ),
)
_COMPILED = [(pattern.type, pattern.hints, re.compile(pattern.regex)) for pattern in _PATTERNS]
_RUN = re.compile(r"\d(?:[ \-.·_()]{0,3}\d){6}")
_HOUSE = re.compile(r"[路街道巷弄里村园] ?\d{1,5}(?:-\d{1,4})? ?[号弄]")
_BEFORE = re.compile(rf"[{_HAN}]{{1,40}}\Z")
_LEAD = re.compile(r".*(?:地址|住址|位于|坐落于|在|到|至|是)")
_ROOM = re.compile(rf"[{_HAN}0-9a-z\-]{{0,12}}?[室楼幢栋座层房]")
_ADDRESS = (_HOUSE.pattern, _BEFORE.pattern, _LEAD.pattern, _ROOM.pattern)
FINGERPRINT = hashlib.blake2b(
    repr((_PATTERNS, _RUN.pattern, _RUN_OF_BLANKS.pattern, _ADDRESS)).encode(), digest_size=8
).hexdigest()
"""Changes when the patterns change."""


def identifiers(text: str) -> Iterator[Span]:
    """Every identifier in a folded text; spans of different types may overlap."""
    digits = _RUN.search(text) is not None
    for type_, hints, regex in _COMPILED:
        if any(hint in text for hint in hints) if hints else digits:
            for found in regex.finditer(text):
                yield found.start(), found.end(), type_
    if "号" in text or "弄" in text:
        yield from _addresses(text)


def _addresses(text: str) -> Iterator[Span]:
    """Chinese postal addresses: a street with a number, and what belongs to it on both sides."""
    for house in _HOUSE.finditer(text):
        before = _BEFORE.search(text, max(0, house.start() - 40), house.start())
        if before is None:
            continue
        lead = _LEAD.match(before[0])
        start = before.start() + (lead.end() if lead and lead.end() < len(before[0]) else 0)
        end = house.end()
        for _ in range(4):
            room = _ROOM.match(text, end)
            if room is None:
                break
            end = room.end()
        yield start, end, "address"
