"""Numbers and amounts as people write them: 1,234 · 12.5% · 1.2亿元 · 100-200万 · 不超过50万元 · RMB 3 million.

A range counts as its middle, a bound (以上, 不超过, ≥) as the number it names.
"""

from __future__ import annotations

import re
import unicodedata

from graph.errors import ValueRejectedError

_SCALES = {
    "千": 1e3,
    "k": 1e3,
    "thousand": 1e3,
    "万": 1e4,
    "w": 1e4,
    "百万": 1e6,
    "m": 1e6,
    "million": 1e6,
    "千万": 1e7,
    "亿": 1e8,
    "b": 1e9,
    "billion": 1e9,
    "万亿": 1e12,
}
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+"
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_BOUND = (
    r"(?:约|大约|近|不超过|不高于|不低于|不少于|至少|最多|最低|最高|低于|少于|小于|高于|多于|超过|大于|[<>]=?|[≤≥≈])?"
)
_AFTER = r"(?:及?以[上下内]|左右|起|多)?"
_CURRENCY = r"(?:人民币|rmb|cny|¥|元|yuan)?"
_RANGE = r"(?:-+|[–—~〜∼]+|至|到|to)"
_PER_HOUR = r"(?:/|每|per )(?:1)?(?:小时|机时|时|hours?|hr?)"
_FREE = frozenset({"免费", "free"})
_NO_QUANTITY = re.compile(r"0\d")
"""How a telephone's area code begins, which a range does not."""
_PER_ELSE = re.compile(r"(?:/|每)[^\d/]{1,8}$")


def _pattern(unit: str, after: str) -> re.Pattern[str]:
    def one(name: str) -> str:
        return rf"(?P<{name}>{_DIGITS})\s*(?P<{name}_scale>{_SCALE})?\s*{unit}\s*"

    # The unit may stand before or after what bounds the number: 100人以上, 100以上人.
    return re.compile(
        rf"{_BOUND}\s*{unit}\s*(?P<sign>[+-])?{one('low')}(?:{_RANGE}\s*{unit}\s*{one('high')})?{_AFTER}\s*{unit}(?:{after})?",
        re.IGNORECASE,
    )


_AMOUNT = _pattern(_CURRENCY, _PER_HOUR)
_COUNT = _pattern(r"[人名个台套项件家]?", "")
_NUMBER = _pattern(r"%?", "")
_HOURS = _pattern(r"(?:%|小时|机时|时|hours?|hrs?|h)?", "")


def number(text: str, unit: str | None) -> float:
    """The number in a short text; percents as fractions. `unit` is the field's; ValueRejectedError with the reason."""
    half = unicodedata.normalize("NFKC", text)
    found = (_HOURS if unit == "h" else _NUMBER).fullmatch(half)
    value = _value(found) if found is not None else None
    if value is None:
        raise ValueRejectedError(
            f"{text!r} is no number; valid: digits, a decimal point, thousands commas, %, or a range like 10-20"
        )
    return value / 100 if "%" in half else value


def count(text: str) -> float:
    """The number of persons or things in a short text, not yet whole."""
    found = _COUNT.fullmatch(unicodedata.normalize("NFKC", text))
    value = _value(found) if found is not None else None
    if value is None:
        raise ValueRejectedError(f"{text!r} is no count; valid: digits, thousands commas, or a range like 50-99人")
    return value


def amount(text: str) -> float:
    """Yuan (or yuan per hour) in a short text."""
    half = unicodedata.normalize("NFKC", text)
    if half.lower() in _FREE:
        return 0.0
    found = _AMOUNT.fullmatch(half)
    value = _value(found) if found is not None else None
    if value is not None:
        return value
    per = _PER_ELSE.search(half)
    if per is not None and _AMOUNT.fullmatch(half[: per.start()]):
        raise ValueRejectedError(f"{text!r} is an amount {per[0]}; valid: one in all, or per hour (元/小时)")
    raise ValueRejectedError(f"{text!r} is no single amount; valid: a number in yuan, or like 300万, 1.2亿元")


def _value(found: re.Match[str]) -> float | None:
    """What a match stands for; None for a range that falls or has a sign."""
    low, high = found["low"], found["high"]
    first, second = found["low_scale"], found["high_scale"]
    if high is None:
        value = _scaled(low, first)
        return -value if found["sign"] == "-" else value
    ends = _scaled(low, first or second), _scaled(high, second)
    if found["sign"] or ends[0] > ends[1] or _NO_QUANTITY.match(low):
        return None
    return (ends[0] + ends[1]) / 2


def _scaled(digits: str, scale: str | None) -> float:
    return float(digits.replace(",", "")) * _SCALES.get((scale or "").lower(), 1.0)
