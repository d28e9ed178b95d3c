"""Regions: GB/T 2260 codes and ISO 3166-1 countries, by code or by name in Chinese or English.

The tables come with python-stdnum (divisions of China, past ones included) and pycountry.
"""

from __future__ import annotations

import gettext
import re
from functools import cache
from importlib import resources

import pycountry

from graph.errors import ValueRejectedError

_LINE = re.compile(r'^( *)(\d+) (?:province|county)="([^"]+)"')
_SUFFIX = re.compile(r"(特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治州|自治县|省|市|区|县|盟|地区)$")


@cache
def _divisions() -> dict[str, str]:
    """Six-digit code → present name; a code without one has its last."""
    names: dict[str, str] = {}
    province = ""
    for line in resources.files("stdnum.cn").joinpath("loc.dat").read_text(encoding="utf-8").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        indent, code, text = found.groups()
        if not indent:
            province = code
            names[f"{code}0000"] = text
            continue
        spans = [re.match(r"(?:\[(\d*)-(\d*)\])?(.+)", part) for part in text.split(",")]
        present = [m for m in spans if m and not m[2]]
        last = (present or [m for m in spans if m])[-1]
        names.setdefault(province + code, last[3])
    return names


@cache
def _present() -> dict[str, list[str]]:
    """Name, with and without its suffix → codes that bear it."""
    found: dict[str, list[str]] = {}
    for code, name in _divisions().items():
        if name != "市辖区":
            for spelled in {name, _SUFFIX.sub("", name) if len(name) > 2 else name}:
                found.setdefault(spelled, []).append(code)
    return found


@cache
def _countries() -> dict[str, str]:
    """Every code and name of a country, lower-case → alpha-2."""
    chinese = _chinese()
    found: dict[str, str] = {}
    for country in pycountry.countries:
        names = [country.alpha_2, country.alpha_3, country.name]
        names += [getattr(country, extra, "") for extra in ("common_name", "official_name")]
        names += [chinese.gettext(name) for name in names[2:] if name]
        found.update({name.lower(): country.alpha_2 for name in names if name})
    return found


@cache
def _chinese() -> gettext.NullTranslations:
    return gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=["zh_CN"])


@cache
def canonical(value: str) -> str:
    """A six-digit GB/T 2260 code, or an alpha-2 country; ValueRejectedError where neither code nor name is known."""
    if value.isdigit():
        if len(value) in (2, 4, 6) and value[:2] + "0000" in _divisions():
            return value.ljust(6, "0")
        raise ValueRejectedError(f"{value!r} is no region: GB/T 2260 codes have six digits and start with a province's")
    country = _countries().get(value.lower())
    if country is not None:
        return country
    codes = _named(re.sub(r"[\s\-·/,，、]|^中国", "", value))
    if len(codes) == 1:
        return codes[0]
    if codes:
        raise ValueRejectedError(
            f"{value!r} names several regions ({', '.join(codes[:4])}); add the province or use a code"
        )
    raise ValueRejectedError(f"{value!r} is no region; valid: GB/T 2260 or ISO 3166 codes, or their names")


def _named(text: str) -> list[str]:
    """Codes of a name, alone or after the names of the broader regions."""
    known = _present()
    if text in known:
        codes = known[text]
        broadest = min((not c.endswith("0000"), not c.endswith("00")) for c in codes)
        return [c for c in codes if (not c.endswith("0000"), not c.endswith("00")) == broadest]
    for cut in range(len(text) - 1, 1, -1):
        outer = known.get(text[:cut])
        if outer is None:
            continue
        inner = [code for code in _named(text[cut:]) for broad in outer if _within(code, broad)]
        if inner:
            return list(dict.fromkeys(inner))
    return []


def _within(code: str, broad: str) -> bool:
    return code != broad and code.startswith(broad[:2] if broad.endswith("0000") else broad.rstrip("0").ljust(4, "0"))


def label(code: str, lang: str = "zh") -> str:
    """The name of a region; districts with their city, e.g. 杭州市西湖区. China's divisions have Chinese names only."""
    if not code.isdigit():
        country = pycountry.countries.get(alpha_2=code)
        if country is None:
            return code
        name = getattr(country, "common_name", country.name)
        return _chinese().gettext(name) if lang == "zh" else str(name)
    names = _divisions()
    own = names.get(code, code)
    city = names.get(code[:4] + "00", "")
    return own if code.endswith("00") or own == code or city == "市辖区" else f"{city}{own}"
