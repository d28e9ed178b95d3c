"""The names that the redactor takes out of texts: every name in the graph, as it may be written.

This list is a declared release: what a text shows depends on it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice, product
from typing import NamedTuple

from graph import regions
from graph.processes import in_processes
from graph.projection import EntityTable, Projection, Strings
from graph.schema import Access, EntityKind, FieldType
from matching.masking.entries import APART, CHINESE_PERSON, TWO_CHARACTERS, names_within
from matching.masking.patterns import OPAQUE, folded, loosened, visible_only

SHORTEST = 2
"""Fewest characters of a name."""
DIGITS = 9
"""Fewest digits of a code without letters: shorter ones are quantities and dates as well."""
SHORT_FORM = 3
"""Fewest characters of what is left of a firm's name without place and legal form."""

BLOCK, MANY_NAMES = 4_000, 40_000
"""Names that are spelled at a time; names from which on other processes help."""

_NAMED = {FieldType.STRING, FieldType.CODE}
_LEGAL = re.compile(
    r"(?:股份有限公司|有限责任公司|集团有限公司|有限公司|集团公司|股份公司|公司|集团|\(有限合伙\)|\(普通合伙\)|合伙企业)"
    "(?:[\u3400-\u9fff]{2,8}(?:分公司|子公司|办事处))?$"
    r"|[, ]+(?:(?:pte|pty|co)\.?,? ?ltd\.?|inc\.?|ltd\.?|llc|corp\.?|corporation|gmbh|plc|company limited"
    r"|limited|company|co\.)(?:, [^,]{2,24} branch)?$"
)
_SHORT_LEGAL = re.compile(r"[, ]+(?:ag|s\.?a\.?)$")
"""Legal forms that are initials as well: `young sa` is a person."""
_BRACKETED = re.compile(r"\([^()]{1,10}\)")
_EAST_ASIAN = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_PINYIN = """
wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang song zheng xie han tang
feng yu dong xiao cheng cao yuan deng fu shen zeng peng lu lv lyu su jiang cai jia ding wei xue ye yan pan du dai
xia zhong tian ren fan fang shi yao tan liao zou xiong jin hao kong bai cui kang mao qiu qin gu hou shao meng long
wan duan lei qian yin chang qiao gong wen pang lan yi hong zhai an ni niu ge qi bi nie cong jiao xiang xing yue mei
mo zhuang xin guan zu zuo tu geng mou bu zhan ling fei ji sheng tong ou zhen qu you pei xi zha ruan gui min chai hua
che ran ouyang sima zhuge shangguan situ xiahou duanmu dongfang nangong murong
"""
_PINYIN_FAMILIES = frozenset(_PINYIN.split())
"""Chinese family names as Latin letters write them, by which one is known that stands in front."""
_PARTICLES = frozenset(
    ["van", "von", "der", "den", "de", "del", "di", "da", "dos", "du", "la", "le", "el", "al", "bin", "zu"]
)
"""Words that a family name may begin with."""
_READINGS = 32
"""Readings of one given name that are looked for at the most, each with all readings of the family name."""
_WORDS = "ai"
"""Initials that are words."""
_WRITTEN_OUT = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "œ": "oe", "å": "aa",
    "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Æ": "Ae", "Ø": "Oe", "Œ": "Oe", "Å": "Aa",
})  # fmt: skip
"""Letters and how they are written where a keyboard has none of them."""


class Spelled(NamedTuple):
    """The names of one kind as they may be written."""

    state: str
    """Of the table: the names are the same as long as it is."""
    forms: Strings
    """Folded and sorted."""


class Names(NamedTuple):
    """Every revealed name and code in a graph as it may be written: a million of them are some 20 MB."""

    forms: Strings
    """Folded and sorted."""
    of: Mapping[str, Spelled]
    """By kind; empty where that is not known."""

    @classmethod
    def read(cls, projection: Projection, before: Names | None, processes: int = 1) -> Names:
        """The names in a projection; `before` itself while they stay, since spelling them all takes seconds."""
        known = before.of if before is not None else {}
        states: dict[str, str] = {}
        new: dict[str, set[str]] = {}
        for kind in projection.catalogue.entities.values():
            if fields := name_fields(kind):
                table = projection.table(kind.name)
                merged = _names_of_duplicates(table, fields)
                states[kind.name] = state = f"{table.digest} {fields} {_digest(merged)}"
                if kind.name not in known or known[kind.name].state != state:
                    new[kind.name] = _names_in(table, fields) | merged
        if before is not None and states == {kind: spelled.state for kind, spelled in known.items()}:
            return before
        forms = _spelled(new, processes)
        of = {
            kind: Spelled(state, Strings.of(sorted(forms[kind]))) if kind in new else known[kind]
            for kind, state in states.items()
        }
        return cls(Strings.of(sorted({form for spelled in of.values() for form in spelled.forms})), of)


def _spelled(names: Mapping[str, set[str]], processes: int) -> dict[str, set[str]]:
    """All spellings of the names of each kind, in several processes where there are many."""
    pairs = ((kind, name) for kind, of in names.items() for name in of)
    blocks = iter(lambda: list(islice(pairs, BLOCK)), [])
    many = sum(map(len, names.values())) >= MANY_NAMES
    found: dict[str, set[str]] = {kind: set() for kind in names}
    for block in in_processes(_spelled_each, ((block,) for block in blocks), processes if many else 1):
        for kind, forms in block.items():
            found[kind] |= forms
    return found


def _spelled_each(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for kind, name in pairs:
        found.setdefault(kind, set()).update(spellings(name))
    return found


def _names_in(table: EntityTable, fields: Sequence[str]) -> set[str]:
    return {name for field in fields if table.n for name in table.labels(field).vocabulary}


def _names_of_duplicates(table: EntityTable, fields: Sequence[str]) -> set[str]:
    """Names of records that others stand for: those may be called otherwise."""
    names: set[str] = set()
    for values in table.duplicates():
        for value in map(values.get, fields):
            names.update(map(str, value) if isinstance(value, list) else [] if value is None else [str(value)])
    return names


def _digest(names: Iterable[str]) -> str:
    return hashlib.blake2b("\x00".join(sorted(names)).encode(), digest_size=8).hexdigest()


def name_fields(kind: EntityKind) -> list[str]:
    """Fields of a kind that hold names or codes of someone: the revealed ones, also where a kinds file closed them."""
    return [
        field.name
        for field in kind.fields
        if field.type in _NAMED and (field.access is Access.REVEALED or field.was_revealed)
    ]


def forms_of(names: Iterable[str]) -> list[str]:
    """All spellings of the names, folded and sorted."""
    return sorted({form for name in names for form in spellings(name)})


def spellings(name: str) -> set[str]:
    """How a name may be written, folded and loosened.

    As it is; a Western name also family name first, with initials, and with the accents written out; a Chinese name
    that is kept with blanks also without, and in pinyin like a Western one; a firm also without legal form, place in
    front and place in brackets; all also as the names that the entry consists of (see `names_within`).
    """
    found: set[str] = set()
    composed = visible_only(name)
    for written in {composed, composed.translate(_WRITTEN_OUT)}:
        whole = " ".join(folded(written).split())
        for plain in names_within(whole):
            if _EAST_ASIAN.search(plain):
                joined = APART.sub("", plain)
                found |= {plain, joined} | _of_firm(plain) | _in_latin(joined)
            else:
                found |= {plain} | _of_person(_given_first(plain)) | _family_in_front(plain) | _of_firm(plain)
    long_enough = {form for form in found if len(form) >= (DIGITS if form.isdecimal() else SHORTEST)}
    return {loose for form in long_enough if OPAQUE not in form and (loose := loosened(form)).strip()}


def _given_first(name: str) -> str:
    """The name in the order it is spoken: `Family, Given` is turned round."""
    family, comma, given = name.partition(",")
    return f"{given.strip()} {family.strip()}" if comma and "," not in given else name


def _of_person(name: str) -> set[str]:
    """Spellings of a Western name, given names first; a family name may begin with particles."""
    *given, family = name.split() or [""]
    if "," in name:
        return set()
    found = _of_parts(given, family)
    while len(given) > 1 and given[-1] in _PARTICLES:
        family = f"{given.pop()} {family}"
        found |= _of_parts(given, family)
    return found


def _of_parts(given: list[str], family: str) -> set[str]:
    """Spellings of one or two given names and a family name; no point is needed after an initial.

    Initials in the middle may be left out, and are where there are several.
    """
    found: set[str] = set()
    if len(given) > 1 and all(map(_is_initial, given[1:])):
        found = _of_parts(given[:1], family)
    if len(given) not in (1, 2):
        return found
    first = " ".join(given)
    found |= {f"{first} {family}", f"{family}, {first}", f"{family} {first}"}
    if all(word[0].isalpha() for word in given):
        for letters in {tuple(word[0] for word in given), tuple(part[0] for part in _parts(first))}:
            # A short name beside letters without points is a word as well: `he p`.
            found |= _with_initials(letters, family) if len(family) >= SHORT_FORM else _with_points(letters, family)
    return found


def _is_initial(word: str) -> bool:
    return len(word.rstrip(".")) == 1


def _family_in_front(name: str) -> set[str]:
    """Spellings of a Chinese name in Latin letters that begins with its family name: `wang xiaoming`."""
    family, *given = re.split("[ -]", name)
    if family not in _PINYIN_FAMILIES or len(given) not in (1, 2) or not "".join(given).isalpha():
        return set()
    return {form for between in ("", " ", "-") for form in _of_person(f"{between.join(given)} {family}")}


def _in_latin(name: str) -> set[str]:
    """Spellings in pinyin of a Chinese person's name, in all readings of its characters; none of anything else."""
    if not CHINESE_PERSON.fullmatch(name):
        return set()
    length = 2 if name[:2] in TWO_CHARACTERS and len(name) > 2 else 1
    families = list(product(*map(_written, name[:length])))
    found: set[str] = set()
    for syllables in islice(product(*map(_written, name[length:])), _READINGS):
        for between in ("", " ", "-") if len(syllables) == 2 else ("",):
            given = between.join(syllables)
            for family in families:
                found |= _of_person(f"{given} {''.join(family)}")
                for apart in {" ".join(family), "-".join(family)} if length == 2 else ():
                    found |= {*_both(given, apart), f"{apart}, {given}"}
    return found


@cache
def _written(character: str) -> tuple[str, ...]:
    """How a character may be read, as passports and keyboards write it: ü also as v, u and yu."""
    from pypinyin import Style, pinyin  # its dictionary takes a moment that only building has to wait for

    readings = pinyin(character, style=Style.NORMAL, heteronym=True)[0]
    return tuple(dict.fromkeys(one.replace("v", vowel) for vowel in ("v", "ü", "u", "yu") for one in readings))


def _parts(given: str) -> list[str]:
    """Given names one by one, those of a double name too."""
    return [part for part in re.split("[ -]", given) if part and part[0].isalpha()]


def _with_points(letters: tuple[str, ...], family: str) -> set[str]:
    """Initials with points, in front of the family name or behind it and a comma."""
    return {f"{between.join(letters)}. {family}" for between in (".", ". ")} | {
        f"{family}, {between.join(letters)}." for between in (".", ". ")
    }


def _with_initials(letters: tuple[str, ...], family: str) -> set[str]:
    """Family name and initials in both orders, with and without points and blanks."""
    found = {f"{'. '.join(letters)}. {family}", f"{'.'.join(letters)}. {family}"}
    found |= {f"{family}, {between.join(letters)}" for between in ("", ".", ". ")}
    if letters[0] in _WORDS and len(letters) == 1:  # an article beside a word is no name
        return found | {f"{family} {letters[0]}{end}" for end in ",;"}
    return found | {form for between in ("", ".") for form in _both(between.join(letters), family)}


def _both(first: str, family: str) -> tuple[str, str]:
    return f"{first} {family}", f"{family} {first}"


def _of_firm(name: str) -> set[str]:
    bare = _LEGAL.sub("", name).rstrip(" ,")
    if bare == name and " " in (shorter := _SHORT_LEGAL.sub("", name).rstrip(" ,")):
        bare = shorter
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
