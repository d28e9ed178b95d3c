"""Identifiers in free text: what telephone numbers, codes, accounts and addresses look like.

Every pattern reads folded text (see `folded`): lower case, half-width, one space for any blank. None of them backs up
over more than a bounded number of characters, so time grows linearly with the text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

Span = tuple[int, int, str]
"""Start, end and type of what was found."""

OPAQUE = "\ufffc"
"""Stands for what was taken out already: in no name, in no identifier."""
_BLANKS = (
    "\t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u2800\u3000\u3164\uffa0"
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
    "\ufeff\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Controls, formats, what is ignored by default, accents that compose with nothing, and `OPAQUE`."""
_BLANK = f"[{_BLANKS.replace(chr(10), '')} ]"
_RUN_OF_BLANKS = re.compile(rf"{_BLANK}*\n{_BLANK}*|{_BLANK}{{2,}}")


def _folds() -> dict[int, str]:
    """Character → what stands for it in a search: one of half width, without accents, of the letters it looks like."""
    folds = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {ord(blank): " " for blank in _BLANKS}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii():
            folds[code] = base
    for code in (*range(0x660, 0x1_0000), *range(0x1D400, 0x1D800)):  # digits of other scripts, letters of formulas
        plain = unicodedata.normalize("NFKC", chr(code)) if code >= 0x1D400 or 0x2460 <= code < 0x2469 else ""
        plain = str(unicodedata.decimal(chr(code), plain))
        if len(plain) == 1 and plain.isascii():
            folds[code] = plain
    for alike, plain in (("‐‑‒–—―−﹣", "-"), ("‘’‛ʹʻʼʽ′`´", "'"), ("・•‧∙⋅", "·")):
        folds |= dict.fromkeys(map(ord, alike), plain)
    letters = zip("øØđĐłŁħĦŧŦıаАеЕоОрРсСуУхХіІјЈ⓪", "oOdDlLhHtTiaAeEoOpPcCyYxXiIjJ0", strict=True)
    return folds | {ord(letter): plain for letter, plain in letters}


_FOLDED = _folds()


def visible_only(text: str) -> str:
    """The text composed, without characters that have no width, with one blank or line end for a run of blanks.

    Any of these could hide a name from any search. Empty lines stay.
    """
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if _INVISIBLE.search(text):
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return _RUN_OF_BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", text)


def folded(text: str) -> str:
    """The text in lower case, half-width and without accents, character by character: positions stay what they were."""
    half = text.translate(_FOLDED)
    lower = half.lower()
    if len(lower) == len(half):
        return lower
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in half)


def loosened(text: str) -> str:
    """A folded text with a blank for each point, dash and underscore: names are searched so."""
    return text.replace(".", " ").replace("-", " ").replace("_", " ")


_GAP = re.compile("[ ·*]{1,3}(?=[\u2e80-\u9fff])")


class Together(NamedTuple):
    """A text with what stood apart between Chinese characters put together."""

    text: str
    """Without the gaps."""
    cuts: list[int]
    """Where the gaps were in it."""
    gone: list[int]
    """Characters left out up to each of them."""

    def place(self, at: int) -> int:
        """Where a character was before."""
        gaps = bisect_right(self.cuts, at)
        return at + (self.gone[gaps - 1] if gaps else 0)

    def crosses(self, start: int, end: int) -> bool:
        """Whether there was a gap inside a piece."""
        return self.place(start) - start != self.place(end - 1) - end + 1


def joined_up(text: str) -> Together | None:
    """A loosened text without what stands between Chinese characters; None where nothing does."""
    pieces: list[str] = []
    cuts: list[int] = []
    gone: list[int] = []
    at = left_out = 0
    for gap in _GAP.finditer(text):
        start, end = gap.span()
        if start and "\u2e80" <= text[start - 1] <= "\u9fff":
            pieces.append(text[at:start])
            cuts.append(start - left_out)
            left_out += end - start
            gone.append(left_out)
            at = end
    return Together("".join([*pieces, text[at:]]), cuts, gone) if cuts else None


_S = r"[ \-.·_]{0,3}"
_URL_REST = r"[a-z0-9\-._~:/?#\[\]@!$&'*+,;=%]"
_USCC = "0-9a-hj-npqrtuwxy"
_HAN = "\u4e00-\u9fff"
_TOP = "com|cn|org|edu|gov|net|io|info|xyz|top|ac|uk|de|fr|jp|eu|hk|tw|sg|kr|au|ca|ch|nl|se|ru"
_APPLICATION = r"(?:19|20)\d\d[ \-]?[1-9][ \-]?\d{7}"
"""A Chinese patent application as certificates write it: year, kind, number; the check digit follows."""


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
        "email",
        (" dot ",),
        r"(?<![a-z0-9._%+\-])[a-z0-9._%+\-]{1,64}(?: at | ?@ ?| ?[\[(] ?at ?[\])] ?)[a-z0-9\-]{1,63}"
        rf"(?:(?:\.| dot )[a-z0-9\-]{{1,63}}){{0,4}} dot (?:{_TOP})(?![a-z0-9])",
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
        r"|(?<!\d)\d{4}-\d{4}-\d{4}-\d{3}[\dx](?![\da-z])"
        r"|(?<!\d)0000000[1-9]\d{7}[\dx](?![\da-z])",
    ),
    _Pattern(
        "credit_code",
        (),
        rf"(?<!\d)[1-9any][1-9]{_S}\d{{6}}{_S}[{_USCC}]{{9}}{_S}[{_USCC}](?![0-9a-z])"
        rf"|(?<!\d)[1-9any][1-9]\d\d[ \-]\d{{4}}[ \-][{_USCC}]{{4}}[ \-][{_USCC}]{{4}}[ \-][{_USCC}]{{2}}(?![0-9a-z])"
        r"|(?<![a-z])(?:zl|cn|us|ep|wo|jp) ?\d{7,13}(?:\.[\dx])?(?:[abuy]\d?)?(?![a-z0-9])"
        r"|(?<![a-z])zl[ :.\-]{0,3}\d(?:[ \-.]{0,2}\d){7,12}(?:[ \-.]{0,2}x)?(?![a-z0-9])"
        r"|(?<![a-z])cn[ :.\-]{0,3}\d(?:[ \-.]{0,2}\d){11,12}(?:[ \-.]{0,2}x)?(?![a-z0-9])"
        r"|(?<![a-z])cn[ :.\-]{0,3}\d\d[ \-]?[1-9][ \-]?\d{5}[ \-.]{0,2}[\dx](?![a-z0-9])"
        r"|(?<![a-z])(?:cn|us|ep|wo|jp) ?\d{1,4}(?:[ ,/]?\d{3}){2,3}(?:[abuy]| ?[abuy]\d)(?![a-z0-9])"
        r"|(?<![a-z])cn ?\d{1,3}(?: \d{3}){2} [abuy](?![a-z0-9])"
        rf"|(?<![\d.]){_APPLICATION}[ \-.]{{0,2}}[\dx](?![a-z0-9])",
    ),
    _Pattern(
        "credit_code",
        ("专利号", "申请号", "公开号", "公告号", "序列号", "出厂编号", "设备编号", "serial n", "s/n", "patent n"),
        r"(?:(?:专利|申请|公开|公告|序列)号|(?:出厂|设备)编号|(?<![a-z])(?:(?:serial|patent) n(?:umber|o)|s/n))"
        r"[ :.=为是]{0,4}(?=[a-z\-_./]{0,10}\d)[a-z0-9][a-z0-9\-_./]{2,29}",
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
    _Pattern(
        "name",
        ("联系人", "负责人", "联络人", "经办人"),
        rf"(?:联系|负责|联络|经办)人(?: ?: ?| )(?:[{_HAN}] [{_HAN}](?![{_HAN}])|[{_HAN}]{{2,4}})"
        rf"|(?:联系|负责|联络|经办)人[{_HAN}]{{2,4}}(?= ?[,;(、]? ?(?:电话|手机|固话|邮箱|微信|qq|tel|\d))",
    ),
    _Pattern(
        "name",
        ("有限", "合伙企业"),
        rf"[{_HAN}a-z0-9()·]{{4,24}}"
        r"(?:有限公司|有限责任公司|(?:投资|管理|基金|咨询)合伙企业(?: ?\(有限合伙\))?|合伙企业 ?\(有限合伙\))",
    ),
    _Pattern("name", ("联系",), rf"联系 ?: ?(?:[{_HAN}] [{_HAN}]|[{_HAN}]{{2,4}})(?![{_HAN}])"),
    _Pattern("address", ("邮编", "邮政编码"), r"(?:邮编|邮政编码)[ :]{0,2}\d{6}(?!\d)"),
    _Pattern(
        "address",
        ("road", "street", "avenue", "lane", "boulevard", " rd", " ave"),
        r"(?<![a-z0-9.])(?:no\. ?)?\d{1,5}(?:-\d{1,4})?,? "
        r"(?:(?!(?:of|the|and|to|in|on|for|per|from|with|by|at|km) )[a-z'.]{2,20} ){1,3}"
        r"(?:road|rd|street|avenue|ave|lane|boulevard)(?![a-z])",
    ),
)
_COMPILED = [(pattern.type, re.compile(pattern.regex)) for pattern in _PATTERNS]
_ALWAYS = {at for at, pattern in enumerate(_PATTERNS) if "" in pattern.hints}
_BY_DIGITS = {at for at, pattern in enumerate(_PATTERNS) if not pattern.hints}
_HINTED = [(at, hint) for at, pattern in enumerate(_PATTERNS) for hint in pattern.hints if hint]
_HINTS = AhoCorasick([hint for _, hint in _HINTED], implementation=Implementation.DFA, store_patterns=False)
_RUN = re.compile(r"\d(?:[ \-.·_(),/]{0,3}\d){6}")
_HOUSE = re.compile(r"[路街道巷弄里村园] ?\d{1,5}(?:-\d{1,4})? ?[号弄]")
_BEFORE = re.compile(rf"[{_HAN}]{{1,40}}\Z")
_LEAD = re.compile(r".*(?:地址|住址|位于|坐落于|在|到|至|是)")
_ROOM = re.compile(rf"[{_HAN}0-9a-z\-]{{0,12}}?[室楼幢栋座层房]")
_ADDRESS = (_HOUSE.pattern, _BEFORE.pattern, _LEAD.pattern, _ROOM.pattern)
FINGERPRINT = hashlib.blake2b(
    repr((_PATTERNS, _RUN.pattern, _RUN_OF_BLANKS.pattern, _INVISIBLE.pattern, _FOLDED, _ADDRESS)).encode(),
    digest_size=8,
).hexdigest()
"""Changes when the patterns change."""
VERSION = "12"
"""Change it when the same text, or the same name, is taken otherwise."""
RULES = f"{VERSION}-{FINGERPRINT}"
"""Part of the key of every stored text: all that redaction rests on beside the names."""


def identifiers(text: str) -> Iterator[Span]:
    """Every identifier in a folded text; spans of different types may overlap."""
    tried = _ALWAYS | {_HINTED[hint][0] for hint, _, _ in _HINTS.find_matches_as_indexes(text, overlapping=True)}
    if _RUN.search(text) is not None:
        tried |= _BY_DIGITS
    for at in tried:
        type_, regex = _COMPILED[at]
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
