"""Names of people, firms and funds, composed of parts by number."""

from __future__ import annotations

from functools import cache

from ingest.sample.checkdigits import mobile
from ingest.sample.ontology import Region, load


@cache
def _people() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    names = load().names
    surnames, given = (
        [(zh, roman) for zh, _, roman in (part.partition(":") for part in names[key].split())]
        for key in ("surnames", "given")
    )
    return surnames, given


def person(number: int, foreign: bool = False, roman: bool = False) -> str:
    """The person's name of a 31-bit number: Chinese, romanised, or a foreigner's."""
    if foreign:
        first, last = load().names["first"], load().names["last"]
        return f"{first[number % len(first)]} {last[number // 64 % len(last)]}"
    surnames, given = _people()
    # Common surnames come first in the list: the smaller of two draws prefers them.
    surname = surnames[min(number % len(surnames), number // 71 % len(surnames))]
    one = given[number // 5_041 % len(given)]
    two = given[number // 614_000 % len(given)] if number % 10 < 7 else ("", "")
    if roman:
        return f"{(one[1] + two[1]).capitalize()} {surname[1]}"
    return surname[0] + one[0] + two[0]


def brand(number: int) -> str:
    """A firm's brand, two characters."""
    heads, tails = _brand_parts()
    return heads[number % len(heads)] + tails[number // 97 % len(tails)]


@cache
def _brand_parts() -> tuple[list[str], list[str]]:
    return load().names["brand"].split(), load().names["brand_tail"].split()


def enterprise(number: int, region: Region, field: int) -> str:
    """A firm's name: place, brand, trade, legal form; an English one where the region lies abroad."""
    names = load().names
    if not region.code.isdigit():
        form = names["firm_form_en"][number % len(names["firm_form_en"])]
        return f"{names['brand_en'][number // 7 % len(names['brand_en'])]} {region.en} {form}"
    words = load().sectors[field].firm_words
    form = names["firm_form"][number // 9_409 % len(names["firm_form"])]
    return f"{region.zh[:2]}{brand(number)}{words[number // 31 % len(words)]}{form}"


def fund(number: int, region: Region) -> str:
    """A fund's name."""
    names = load().names
    if not region.code.isdigit():
        form = names["fund_form_en"][number % len(names["fund_form_en"])]
        return f"{names['brand_en'][number // 7 % len(names['brand_en'])]} {form}"
    return f"{region.zh[:2]}{brand(number)}{names['fund_form'][number // 9_409 % len(names['fund_form'])]}"


def manager(number: int) -> str:
    """The name of the company that manages a fund."""
    forms = load().names["manager_form"]
    return f"{brand(number)}{forms[number // 31 % len(forms)]}"


def institution(number: int, region: Region) -> tuple[str, int]:
    """(name, type: 0 university, 1 institute, 2 hospital) of the institution of that number, from 0."""
    names = load().names
    if not region.code.isdigit():
        known = names["universities_en"]
        suffix = "" if number < len(known) * 12 else f" {number}"
        return known[number % len(known)] + suffix, 0
    if number < len(names["universities"]):
        return names["universities"][number], 0
    place = region.zh[:2] + brand(number * 7_919)
    if number % 5 == 0:
        return place + names["hospital_words"][number // 5 % len(names["hospital_words"])], 2
    return place + names["institute_words"][number % len(names["institute_words"])], 1


def contact(number: int) -> dict[str, str]:
    """Contact details: `contact`, `phone`, `email`, `wechat`; the domain is reserved for examples (RFC 2606)."""
    first, _, last = person(number, roman=True).lower().replace("ü", "v").partition(" ")
    return {
        "contact": person(number),
        "phone": mobile(number),
        "email": f"{first}.{last}{number % 100}@example.{('com', 'org', 'net')[number % 3]}",
        "wechat": f"wx_{first}{number % 10_000:04d}",
    }
