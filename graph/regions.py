"""Regions: GB/T 2260 codes and ISO 3166-1 countries, by code or by name in Chinese or English.

The tables come with python-stdnum (divisions of China, past ones included) and pycountry; `region_names` adds to them.
"""

from __future__ import annotations

import gettext
import re
import unicodedata
from functools import cache, lru_cache
from importlib import resources

import pycountry

from graph.errors import ValueRejectedError, quoted
from graph.region_names import ADDED, ENGLISH, PEOPLES, SPELLINGS

_LONGEST_PLACE = 30
_LONGEST = 100
"""Characters of a code or name at the most: more than the levels of the longest place together."""
_NESTED = 4
"""Names of a place at the most, the broader ones before: province, prefecture and county, one of them twice."""
_NO_NAMES = frozenset({"市辖区", "市区", "县", "郊区", "省直辖县级行政单位", "自治区直辖县级行政单位"})
_WITHOUT_PARTS = ("71", "81", "82")
"""Provinces whose parts the table lacks."""
_LINE = re.compile(r'^( *)(\d+) (?:province|county)="([^"]+)"')
_SUFFIX = re.compile(rf"(特别行政区|((({PEOPLES})族)+|维吾尔)?自治[区州县旗]|[新林特]区|地区|[省市区县盟])$")


@cache
def _divisions() -> dict[str, str]:
    """Six-digit code → present name; a code without one has its last."""
    return {code: name for code, (name, _) in _table().items()}


@cache
def _table() -> dict[str, tuple[str, bool]]:
    """Six-digit code → name, and whether the code is in use."""
    names: dict[str, tuple[str, bool]] = {}
    province = ""
    for line in resources.files("stdnum.cn").joinpath("loc.dat").read_text(encoding="utf-8").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        indent, code, text = found.groups()
        if not indent:
            province = code
            names[f"{code}0000"] = text, True
            continue
        spans = [re.match(r"(?:\[(\d*)-(\d*)\])?(.+)", part) for part in text.split(",")]
        present = [m for m in spans if m and not m[2]]
        last = (present or [m for m in spans if m])[-1]
        names.setdefault(province + code, (last[3], bool(present)))
    return names | {code: (name, True) for code, name in ADDED.items()}


@cache
def _present() -> dict[str, list[str]]:
    """Name, with and without its suffix → codes that bear it: those in use, past ones where none is."""
    found: dict[str, list[str]] = {}
    for used in (True, False):
        bearing: dict[str, list[str]] = {}
        for code, (name, now) in _table().items():
            if now is used and name not in _NO_NAMES:
                short = _SUFFIX.sub("", name)
                for spelled in sorted({name, short if len(short) > 1 else name}):
                    bearing.setdefault(spelled, []).append(code)
        found = bearing | found
    return found


@cache
def _longest_name() -> int:
    return max(map(len, _present()))


@cache
def names() -> frozenset[str]:
    """Every name of a division of China; those of provinces and prefectures also without their suffix."""
    known = {name for name in _divisions().values() if len(name) > 2}
    return frozenset(known | {n for n, codes in _present().items() if any(c.endswith("00") for c in codes)})


@cache
def _countries() -> dict[str, str]:
    """Every code and name of a country as `_key` has it → alpha-2."""
    chinese = _chinese()
    found = dict(SPELLINGS)
    for country in pycountry.countries:
        names = [country.alpha_2, country.alpha_3, country.name]
        names += [getattr(country, extra, "") for extra in ("common_name", "official_name")]
        names += [chinese.gettext(name) for name in names[2:] if name]
        names += [" ".join(reversed(name.split(", "))) for name in names if ", " in name]
        found.update({_key(name): country.alpha_2 for name in names if name})
    return found


@cache
def _english() -> dict[str, str]:
    return {_key(spelled): code for code, name in ENGLISH.items() for spelled in (name, name.partition(",")[0])}


def _key(name: str) -> str:
    """A name without case, accents, points and article."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(c))
    return " ".join(plain.replace(".", "").split()).removeprefix("the ")


@cache
def _chinese() -> gettext.NullTranslations:
    return gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=["zh_CN"])


@lru_cache(100_000)
def canonical(value: str) -> str:
    """A six-digit GB/T 2260 code, or an alpha-2 country; ValueRejectedError where neither code nor name is known."""
    if len(value) > _LONGEST:
        raise ValueRejectedError(f"{quoted(value)} is no region: it has {len(value)} characters, at most {_LONGEST}")
    if value.isdigit():
        code = value.ljust(6, "0") if len(value) in (2, 4, 6) else ""
        # Districts are set up faster than tables learn of them: a new one of a known prefecture is believed.
        if code[:2] + "0000" in _divisions() and (code[:4] + "00" in _divisions() or code.startswith(_WITHOUT_PARTS)):
            return code
        raise ValueRejectedError(
            f"{quoted(value)} is no region: "
            "GB/T 2260 codes have six digits and start with those of a province and prefecture"
        )
    country = _countries().get(_key(value))
    if country is not None:
        return country
    if value.isascii() and (english := _english_code(value)):
        return english
    codes = _named(re.sub(r"[\s\-·/,，、]|^中国", "", value))
    if len(codes) == 1:
        return codes[0]
    if codes:
        raise ValueRejectedError(
            f"{quoted(value)} names several regions ({', '.join(codes[:4])}); add the province or use a code"
        )
    raise ValueRejectedError(f"{quoted(value)} is no region; valid: GB/T 2260 or ISO 3166 codes, or their names")


def _english_code(value: str) -> str:
    """The code of `Hangzhou`, `Hangzhou, Zhejiang` or `Zhejiang, China`; "" where a part is unknown or elsewhere."""
    parts = [part for part in map(_key, value.split(",")) if _countries().get(part) != "CN"]
    codes = [_english().get(re.sub(r" (province|city|municipality)$", "", part), "") for part in parts]
    if not codes or not all(codes):
        return ""
    finest = max(codes, key=lambda code: len(code.rstrip("0")))
    return finest if all(code == finest or _within(finest, code) for code in codes) else ""


def _named(text: str, nested: int = _NESTED) -> list[str]:
    """Codes of a name, alone or after the names of the broader regions, `nested` names at the most."""
    known = _present()
    if text in known:
        codes = known[text]
        broadest = min((not c.endswith("0000"), not c.endswith("00")) for c in codes)
        return [c for c in codes if (not c.endswith("0000"), not c.endswith("00")) == broadest]
    for cut in range(min(len(text) - 1, _longest_name()), 1, -1) if nested > 1 else ():
        outer = known.get(text[:cut])
        if outer is None:
            continue
        inner = [code for code in _named(text[cut:], nested - 1) for broad in outer if _within(code, broad)]
        if inner:
            return list(dict.fromkeys(inner))
    return []


def _within(code: str, broad: str) -> bool:
    return code != broad and code.startswith(broad[:2] if broad.endswith("0000") else broad.rstrip("0").ljust(4, "0"))


@lru_cache(10_000)
def of_address(text: str) -> str:
    """The finest division of China that an address begins with; "" where it begins with none."""
    address = re.sub(r"\s|^中国", "", text)[:_LONGEST_PLACE]
    for end in range(len(address), 1, -1):
        if address[end - 1] in "省市区县旗州盟" and len(codes := _named(address[:end])) == 1:
            return codes[0]
    return ""


def label(code: str, lang: str = "zh") -> str:
    """The name of a region, districts after their city (杭州市西湖区); English names of the larger ones only."""
    if not code.isdigit():
        country = pycountry.countries.get(alpha_2=code)
        if country is None:
            return code
        name = getattr(country, "common_name", country.name)
        return _chinese().gettext(name) if lang == "zh" else str(name)
    if lang == "en" and code in ENGLISH:
        return ENGLISH[code].partition(",")[0]
    names = _divisions()
    own, city, province = (names.get(known, code) for known in (code, code[:4] + "00", code[:2] + "0000"))
    if own in _NO_NAMES:
        return label(code[:2] + "0000" if code.endswith("00") else code[:4] + "00", lang)
    if code.endswith("00") or own == code:
        return own
    return f"{province if city in _NO_NAMES else city}{own}"
