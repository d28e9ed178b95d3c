"""The names that the redactor takes out of texts: every name in the graph, as it may be written.

This list is a declared release: what a text shows depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from graph import regions
from graph.kinds import BUILTIN
from graph.projection import Projection
from graph.schema import Access, EntityKind, FieldType
from matching.masking.patterns import OPAQUE, folded, visible_only

SHORTEST = 2
"""Fewest characters of a name."""
DIGITS = 9
"""Fewest digits of a code without letters: shorter ones are quantities and dates as well."""
SHORT_FORM = 3
"""Fewest characters of what is left of a firm's name without place and legal form."""

_NAMED = {FieldType.STRING, FieldType.CODE}
_LEGAL = re.compile(
    r"(?:股份有限公司|有限责任公司|集团有限公司|有限公司|集团公司|股份公司|公司|集团|\(有限合伙\)|\(普通合伙\)|合伙企业"
    r"|[, ]+(?:co\.?,? ?ltd\.?|inc\.?|ltd\.?|llc|corp\.?|corporation|gmbh|limited|company|co\.))$"
)
_BRACKETED = re.compile(r"\([^()]{1,10}\)")
_EAST_ASIAN = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")


_known: dict[str, tuple[str, list[str]]] = {}
"""Kind → state of its table and spellings of its names; "" → those of all: a graph changes little between builds."""


def forms_in(projection: Projection) -> list[str]:
    """The spellings of every revealed name and code in the graph, folded and sorted."""
    states: dict[str, str] = {}
    for kind in projection.catalogue.entities.values():
        if fields := name_fields(kind):
            table = projection.table(kind.name)
            states[kind.name] = f"{table.digest} {fields}"
            if kind.name not in _known or _known[kind.name][0] != states[kind.name]:
                names = {name for field in fields if table.n for name in table.labels(field).vocabulary}
                _known[kind.name] = (states[kind.name], forms_of(names))
    state = repr(states)
    if "" not in _known or _known[""][0] != state:
        _known[""] = (state, sorted({form for kind in states for form in _known[kind][1]}))
    return _known[""][1]


def name_fields(kind: EntityKind) -> list[str]:
    """Fields of a kind that hold names or codes of someone: the revealed ones, also where a kinds file closed them."""
    known = BUILTIN.entities.get(kind.name)
    revealed = {f.name for f in known.fields if f.access is Access.REVEALED} if known else set()
    return [
        field.name
        for field in kind.fields
        if field.type in _NAMED
        and (field.access is Access.REVEALED or (field.access is Access.INTERNAL and field.name in revealed))
    ]


def forms_of(names: Iterable[str]) -> list[str]:
    """All spellings of the names, folded and sorted."""
    return sorted({form for name in names for form in spellings(name)})


def spellings(name: str) -> set[str]:
    """How a name may be written, folded.

    As it is; a Western name also family name first and with initials; a Chinese name of two characters also with a
    blank between; a firm also without legal form, place in front and place in brackets.
    """
    name = " ".join(folded(visible_only(name)).split())
    found = {name} | (_of_firm(name) if _EAST_ASIAN.search(name) else _of_person(name) | _of_firm(name))
    if len(name) == 2 and len(_EAST_ASIAN.findall(name)) == 2:
        found.add(f"{name[0]} {name[1]}")
    return {form for form in found if len(form) >= (DIGITS if form.isdecimal() else SHORTEST) and OPAQUE not in form}


def _of_person(name: str) -> set[str]:
    words = name.split(" ")
    if len(words) not in (2, 3) or "," in name:
        return set()
    *given, family = words
    found = {f"{family}, {' '.join(given)}", f"{family} {' '.join(given)}"}
    if len(family) >= SHORT_FORM and all(word[0].isalpha() for word in given):
        initials = [f"{word[0]}." for word in given]
        found |= {f"{between.join(initials)} {family}" for between in ("", " ")}
        found |= {f"{family}, {between.join(initials)}" for between in ("", " ")}
    return found


def _of_firm(name: str) -> set[str]:
    bare = _LEGAL.sub("", name).rstrip(" ,")
    if bare == name:
        return set()
    found = {bare, _BRACKETED.sub("", bare)}
    for form in tuple(found):
        short = form
        while (cut := _place_before(short)) and len(short) - cut >= SHORT_FORM:
            short = short[cut:].lstrip()
            found.add(short)
    return {form for form in (*found, _BRACKETED.sub("", name)) if len(form) >= SHORT_FORM}


def _place_before(name: str) -> int:
    """Length of the name of a place that a firm's name starts with; 0 where it starts with none."""
    if name.startswith("中国"):
        return 2
    return next((length for length in range(min(len(name), 8), 1, -1) if name[:length] in regions.names()), 0)
