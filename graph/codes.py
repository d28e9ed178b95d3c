"""Code systems of the field: checking, canonical form, broader levels and labels."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

from graph import industries, regions
from graph.errors import ValueRejectedError, quoted


class Scheme(StrEnum):
    """A code system whose values are checked."""

    USCC = "uscc"
    """Unified social credit code, GB 32100."""
    ORCID = "orcid"
    """ORCID iD, ISO 7064 mod 11-2."""
    REGION = "region"
    """GB/T 2260 six digits, or ISO 3166-1 alpha-2."""
    INDUSTRY = "industry"
    """GB/T 4754: section letter and up to four digits."""
    IPC = "ipc"
    """International Patent Classification, e.g. H04L9/32."""
    PATENT_NUMBER = "patent_number"
    """WIPO ST.16: country, number, kind."""
    DOI = "doi"
    """Digital object identifier."""


LONGEST = 250
"""Characters of a code or of what stands for it at the most; the longest DOIs have some 200."""
DEPTH: dict[Scheme, int] = {Scheme.REGION: 4, Scheme.INDUSTRY: 4, Scheme.IPC: 5}
"""How many levels a scheme has; schemes without levels are absent."""


def levels(scheme: Scheme, code: str) -> tuple[str, ...]:
    """The code at each level of its scheme, finest first, always DEPTH[scheme] long.

    `330106` → `330106 330100 330000 CN`; a code that is broad already repeats itself (`330000 330000 330000 CN`).
    """
    if scheme is Scheme.REGION:
        return _region_levels(code)
    if scheme is Scheme.INDUSTRY:
        return tuple(code[:length] for length in (5, 4, 3, 1))
    if scheme is Scheme.IPC:
        group, _, _ = code.partition("/")
        return (code, group, *(group[:length] for length in (4, 3, 1)))
    raise KeyError(scheme)


def _region_levels(code: str) -> tuple[str, ...]:
    if not code.isdigit():
        return (code,) * DEPTH[Scheme.REGION]
    return (code, code[:4] + "00", code[:2] + "0000", "CN")


def canonical(scheme: Scheme, value: str) -> str:
    """The canonical form of a code, or of a name that maps to one; ValueRejectedError says what is wrong."""
    text = value.strip()
    if len(text) > LONGEST:
        raise ValueRejectedError(f"{quoted(text)} is no code: it has {len(text)} characters, at most {LONGEST}")
    return _CANONICAL[scheme](text)


def label(scheme: Scheme, code: str, lang: str = "zh") -> str:
    """What people call a code (`en` or `zh`); the code itself where it has no name."""
    if scheme is Scheme.REGION:
        return regions.label(code, lang)
    if scheme is Scheme.INDUSTRY:
        return industries.label(code, lang)
    if scheme is Scheme.IPC and code in IPC_SECTIONS:
        return IPC_SECTIONS[code][lang == "en"]
    return code


def _uscc(value: str) -> str:
    try:
        return str(uscc.validate(value.upper()))
    except ValidationError as error:
        raise ValueRejectedError(
            f"{quoted(value)} is no unified social credit code: {error} (18 characters, GB 32100 check digit)"
        ) from None


def _orcid(value: str) -> str:
    digits = re.sub(r"^(https?://)?(www\.)?orcid\.org/|[\s-]", "", value, flags=re.IGNORECASE).upper()
    if not re.fullmatch(r"[0-9]{15}[0-9X]", digits):
        raise ValueRejectedError(f"{quoted(value)} is no ORCID iD: 16 characters like 0000-0002-1825-0097")
    if not mod_11_2.is_valid(digits):
        raise ValueRejectedError(f"{quoted(value)} is no ORCID iD: its check digit is wrong")
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


IPC_SECTIONS = {
    "A": ("人类生活必需", "human necessities"),
    "B": ("作业；运输", "performing operations; transporting"),
    "C": ("化学；冶金", "chemistry; metallurgy"),
    "D": ("纺织；造纸", "textiles; paper"),
    "E": ("固定建筑物", "fixed constructions"),
    "F": ("机械工程；照明；加热；武器；爆破", "mechanical engineering; lighting; heating; weapons; blasting"),
    "G": ("物理", "physics"),
    "H": ("电学", "electricity"),
}
"""Section → Chinese and English name."""
_IPC = re.compile(r"([A-H])(?:(\d{2})(?:([A-Z])(?:(\d{1,4})(?:/(\d{2,6}))?)?)?)?")
_IPC_PADDED = re.compile(r"([A-H])(\d{2})([A-Z])(\d{4})(\d{2,6}?)0*")


def _ipc(value: str) -> str:
    """Without blanks, leading zeros and version; also from the padded form of WIPO ST.8, `H04L0009320000`."""
    text = re.sub(r"\s|\([^)]*\)$", "", value.upper())
    found = _IPC.fullmatch(text) or (_IPC_PADDED.fullmatch(text) if len(text) == 14 else None)
    if found is None:
        raise ValueRejectedError(f"{quoted(value)} is no IPC symbol, like H04L9/32, H04L or H04")
    section, class_, subclass, group, subgroup = found.groups()
    head = section + (class_ or "") + (subclass or "")
    if group is None:
        return head
    return f"{head}{int(group)}" + (f"/{subgroup}" if subgroup else "")


_CHINESE_APPLICATION = re.compile(r"(ZL|CN)?(\d{8}|(?:19|20)\d{10})(\.?)([0-9X]?)")
_PCT_APPLICATION = re.compile(r"PCT/?([A-Z]{2})(\d{4})/?(\d{5,6})")
_PATENT = re.compile(r"([A-Z]{2})([A-Z]{0,2}\d{4,13})([A-Z]\d?)?")
_LONG = 12
"""Digits of a Chinese application number since October 2003; before it had eight."""


def _patent_number(value: str) -> str:
    """ST.16 `CC` + number + kind code; a Chinese application number becomes `CN` + digits + `.` + check digit."""
    text = re.sub(r"[\s,-]|(?<=\d)/(?=\d)", "", value.upper()) if "PCT" not in value.upper() else value.upper()
    application = _CHINESE_APPLICATION.fullmatch(text)
    if application and (number := _application(value, *application.groups())):
        return number
    pct = _PCT_APPLICATION.fullmatch(re.sub(r"\s", "", text))
    if pct is not None:
        return "PCT/{}{}/{:0>6}".format(*pct.groups())
    found = _PATENT.fullmatch(text.replace(".", ""))
    if found is None:
        raise ValueRejectedError(
            f"{quoted(value)} is no patent number, like CN112345678A, ZL202010123456.X or US9876543B2"
        )
    return "".join(part or "" for part in found.groups())


def _application(value: str, prefix: str | None, digits: str, point: str, check: str) -> str:
    """The number with its check digit; "" where the digits may as well be another kind of number."""
    expected = _application_check(digits)
    if check == expected:
        return f"CN{digits}.{check}"
    if not check and (len(digits) == _LONG or prefix == "ZL"):
        return f"CN{digits}.{expected}"
    if point or prefix == "ZL" or len(digits) == _LONG:
        raise ValueRejectedError(
            f"{quoted(value)} is no patent number: the check digit of {digits} is {expected}, not {check}"
        )
    return ""


def _application_check(digits: str) -> str:
    """Sum of the digits by 2 … 9, 2 … 5, modulo 11, X for 10: ZC 0006-2003 of China's patent office."""
    total = sum(int(digit) * (2 + at % 8) for at, digit in enumerate(digits))
    return "0123456789X"[total % 11]


def _doi(value: str) -> str:
    text = re.sub(r"^(https?://)?((dx|www)\.)?doi\.org/|^doi:?\s*", "", value, flags=re.IGNORECASE).lower()
    if not re.fullmatch(r"10\.\d{4,9}/\S+", text):
        raise ValueRejectedError(f"{quoted(value)} is no DOI, like 10.1000/xyz123")
    return text


_CANONICAL: dict[Scheme, Callable[[str], str]] = {
    Scheme.USCC: _uscc,
    Scheme.ORCID: _orcid,
    Scheme.REGION: regions.canonical,
    Scheme.INDUSTRY: industries.canonical,
    Scheme.IPC: _ipc,
    Scheme.PATENT_NUMBER: _patent_number,
    Scheme.DOI: _doi,
}
