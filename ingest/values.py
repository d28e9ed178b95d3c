"""Values as people write them → normalised values: text, numbers, amounts, years, dates, truth, codes."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from graph import codes
from graph.errors import ValueRejectedError, quoted
from graph.schema import Field, FieldType
from ingest import numbers

Converter = Callable[[Any], Any]

ABSENT = frozenset({"", "-", "--", "—", "/", "n/a", "na", "null", "none", "nan", "无", "暂无", "未知", "空"})
"""What stands for no value, lower-case; a text field takes only the blank one so."""
NO_AMOUNT = ABSENT | {"面议", "议价", "协商", "另议", "待定", "电议", "详询", "不限", "negotiable", "tbd"}
NO_DATE = ABSENT | {"长期", "长期有效", "永久", "不限", "待定", "至今", "present", "tbd"}
LONGEST_ABSENT = max(map(len, ABSENT))

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BLANKS = re.compile(r"\s+")
_DATE = re.compile(
    r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?)?月?)?年?"
    r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})?")
_DAY_NUMBER = re.compile(r"\d{5}(\.\d+)?")
_EXCEL_EPOCH = date(1899, 12, 30)
_TRUE = frozenset({"true", "yes", "y", "1", "是", "有", "对", "√", "✓", "✔"})
_FALSE = frozenset({"false", "no", "n", "0", "否", "无", "错", "×", "✗", "✘"})
LONGEST = 1_000_000
"""Characters of one value at the most."""
MOST_KNOWN = 10_000
"""Spellings of codes of a field that are remembered."""
LONGEST_NUMBER = 100
"""Characters of a number at the most."""
LARGEST_WHOLE = 2**53
"""Whole numbers up to here are exact everywhere."""


def clean(text: str) -> str:
    """Text without control characters and outer blanks; ValueRejectedError for broken Unicode or excessive length."""
    if len(text) > LONGEST:
        raise ValueRejectedError(f"has {len(text)} characters; at most {LONGEST}")
    if text.isprintable():
        return text.strip()
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueRejectedError("holds half a character (a lone surrogate): the file's encoding is broken")
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text)
    return text.strip()


def _short(value: Any) -> str:
    """One line in half-width form."""
    text = clean(value if isinstance(value, str) else _plain(value))
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_HALF_WIDTH)
    return text if text.isprintable() and "  " not in text else _BLANKS.sub(" ", text)


_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code - 0xFEE0).isalnum()} | {
    ord("\u3000"): " ",
    ord("．"): ".",
    ord("－"): "-",
    ord("／"): "/",
}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    raise ValueRejectedError(f"is of type {type(value).__name__}; a text or a number is needed")


def _text(value: Any) -> str:
    """As it is, in one spelling of letters with accents."""
    text = clean(value if isinstance(value, str) else _plain(value))
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _string(value: Any) -> str | None:
    text = _short(value)
    return None if len(text) <= LONGEST_ABSENT and text.lower() in ABSENT else text


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueRejectedError("is not a finite number")
    return value + 0.0  # stores differ in whether they keep the sign of zero


def _measured(value: Any, read: Callable[[str], float], absent: frozenset[str] = ABSENT) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _finite(float(value))
    text = _short(value)
    if len(text) > LONGEST_NUMBER:
        raise ValueRejectedError(f"has {len(text)} characters; a number has at most {LONGEST_NUMBER}")
    return None if text.lower() in absent else _finite(read(text))


def _number(field: Field) -> Converter:
    return lambda value: _measured(value, lambda text: numbers.number(text, field.unit))


def _integer(value: Any) -> int | None:
    found = _measured(value, numbers.count)
    if found is None:
        return None
    if not found.is_integer():
        if isinstance(value, str) and "." not in value:
            return round(found)  # the middle of a range
        raise ValueRejectedError(f"{found} is no whole number")
    if abs(found) > LARGEST_WHOLE:
        raise ValueRejectedError(f"{found:g} is beyond ±{LARGEST_WHOLE}")
    return int(found)


def _amount(value: Any) -> float | None:
    return _measured(value, numbers.amount, NO_AMOUNT)


YEARS = range(1000, 3000)
"""What a number alone may be to be a year, and all that dates may be in."""


def _date(value: Any) -> str | None:
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value in YEARS:
            return f"{int(value):04d}"
        if 10_000 <= value < 80_000:
            return (_EXCEL_EPOCH + timedelta(days=int(value))).isoformat()
        raise ValueRejectedError(f"{value} is no date: neither a year nor a spreadsheet's day number")
    text = _short(value)
    if len(text) == 10 and text.isascii() and text[4] == text[7] == "-":
        try:
            found = date.fromisoformat(text)
        except ValueError:
            found = None  # the reason is told below
        if found is not None and found.year in YEARS:
            return found.isoformat()
    if text.lower() in NO_DATE:
        return None
    if _DAY_NUMBER.fullmatch(text):
        return _date(float(text))
    parts = _COMPACT_DATE.fullmatch(text) or _DATE.fullmatch(text)
    if parts is None:
        raise ValueRejectedError(f"{quoted(text)} is no date; valid: 2021, 2021-03, 2021-03-05, 2021年3月5日, 2021/3/5")
    year, month, day = (int(part) if part else 0 for part in parts.groups())
    if year not in YEARS:
        raise ValueRejectedError(f"{quoted(text)} is no date: the year is not between {YEARS[0]} and {YEARS[-1]}")
    try:
        date(year, month or 1, day or 1)
    except ValueError as error:
        raise ValueRejectedError(f"{quoted(text)} is no date: {error}") from None
    return f"{year:04d}" + (f"-{month:02d}" if month else "") + (f"-{day:02d}" if day else "")


def _year(value: Any) -> int | None:
    text = _date(value)
    return None if text is None else int(text[:4])


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    text = _short(value).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text in ABSENT:
        return None
    raise ValueRejectedError(f"{quoted(text)} is neither true nor false; valid: true, false, yes, no, 是, 否")


_SINGLE: dict[FieldType, Converter] = {
    FieldType.TEXT: _text,
    FieldType.STRING: _string,
    FieldType.INTEGER: _integer,
    FieldType.AMOUNT: _amount,
    FieldType.YEAR: _year,
    FieldType.DATE: _date,
    FieldType.BOOLEAN: _boolean,
}
SPLIT = re.compile(r"[、；,;，]")
_SPLIT_KEYWORDS = re.compile(r"[、；,;，_]")
_SLASH = re.compile(r"\s*[/／|]\s*")
_STAGE = re.compile(
    r"(种子|天使|初创|早期|成长|扩张|发展|中后?|后|成熟|并购|战略)[轮期]?(投资)?|pre[- ]?([a-d]|ipo)轮?|[a-h]\+*轮"
    r"|ipo|上市|(pre-?)?seed|angel|early|growth|late|mature|(series|round) [a-h]\+*",
    re.IGNORECASE,
)
"""A stage of financing."""
_LETTER = re.compile(r"[a-h]\+*", re.IGNORECASE)


def converter(field: Field) -> Converter:
    """What turns a raw value into the field's value; None for an absent one; ValueRejectedError with the reason."""
    if field.scheme is not None:
        single = _code(field)
    else:
        single = _number(field) if field.type is FieldType.NUMBER else _SINGLE[field.type]
    if not field.many:
        return single
    separator = _SPLIT_KEYWORDS if field.name == "keywords" else SPLIT

    def many(value: Any) -> list[Any] | None:
        if isinstance(value, str):
            parts: list[Any] = separator.split(value)
            if field.name == "stages":
                parts = [stage for part in parts for stage in _stages(part)]
        else:
            parts = value if isinstance(value, list) else [value]
        kept = [one for part in parts if part is not None and (one := single(part)) is not None and one != ""]
        return list(dict.fromkeys(kept)) or None

    return many


def _stages(text: str) -> list[str]:
    """A轮 and B轮 of A轮/B轮 and of A/B轮: a slash parts stages where each part is one that is known."""
    parts = _SLASH.split(text.strip())
    if parts[-1].endswith("轮"):
        parts = [f"{part}轮" if _LETTER.fullmatch(part) else part for part in parts]
    return parts if all(map(_STAGE.fullmatch, parts)) else [text]


def _code(field: Field) -> Converter:
    scheme = field.scheme
    assert scheme is not None
    known: dict[str, str] = {}

    def code(value: Any) -> str | None:
        text = _short(value)
        found = known.get(text)
        if found is None:
            if text.lower() in ABSENT:
                return None
            found = codes.canonical(scheme, text)
            if scheme in codes.DEPTH and len(known) < MOST_KNOWN:
                known[text] = found  # identifiers are not met again
        return found

    return code
