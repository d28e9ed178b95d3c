"""Chinese ↔ English: what a question says in the other language, by a glossary of common technical terms.

glossary.tsv was written for this project; each row is a term and its usual translation. A translation widens a question
with less weight than what it says itself, so that a need in one language finds documents in the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from ahocorasick_rs import AhoCorasick, MatchKind

from matching.candidates import analysis
from matching.candidates.analysis import Codes, Terms

WEIGHT = 0.4
"""What a translated term counts against one that the question says once; see docs/explanations.md."""
MOST = 24
"""Terms of a question that are translated at the most, the first ones."""


class Crossing(NamedTuple):
    """A term of a question in the other language."""

    said: str
    """The term as the question has it, lower-case."""
    meant: str
    """Its translation."""


def crossings(text: str) -> list[Crossing]:
    """The terms of a text that the glossary knows, longest first where they overlap, each with its translations."""
    glossary = _glossary()
    lower = text.lower()
    found = dict.fromkeys(glossary.keys[at] for at, _, _ in glossary.chinese.find_matches_as_indexes(lower))
    words = analysis.words_of(text)
    codes = [analysis.word_code(word) for word in words]
    at = 0
    while at < len(codes):
        for length in range(min(LONGEST, len(codes) - at), 0, -1):
            if (phrase := tuple(codes[at : at + length])) in glossary.english:
                said = " ".join(words[at : at + length])
                found |= dict.fromkeys(Crossing(said, zh) for zh in glossary.english[phrase])
                break
        else:
            length = 1
        at += length
    made: dict[Crossing, None] = {}
    for one in found:
        made |= dict.fromkeys([one] if isinstance(one, Crossing) else [Crossing(one, en) for en in glossary.of[one]])
    return list(made)[:MOST]


def widened(analysed: Mapping[str, Terms], crossed: Sequence[Crossing]) -> dict[str, Terms]:
    """An analysed text with the terms of the translations, where it does not have them itself."""
    if not crossed:
        return dict(analysed)
    count = np.float32(np.exp(WEIGHT - 1))  # a term's weight is 1 + ln(count)
    wide = {}
    for view, terms in analysed.items():
        new = np.unique(np.concatenate([_codes(view, one.meant) for one in crossed]))
        new = new[~np.isin(new, terms.codes)]
        codes = np.concatenate([terms.codes, new])
        counts = np.concatenate([terms.counts, np.full(len(new), count, np.float32)])
        order = np.argsort(codes)
        wide[view] = Terms(np.array([0, len(codes)], np.int64), codes[order], counts[order])
    return wide


LONGEST = 4
"""Words of an English term at the most."""


class _Glossary(NamedTuple):
    keys: list[str]
    """Chinese terms."""
    of: dict[str, list[str]]
    """Chinese term → its English ones."""
    chinese: AhoCorasick
    english: dict[tuple[int, ...], list[str]]
    """Word codes of an English term → its Chinese ones."""


@cache
def _glossary() -> _Glossary:
    of: dict[str, list[str]] = {}
    english: dict[tuple[int, ...], list[str]] = {}
    table = files("matching.candidates").joinpath("glossary.tsv").read_text(encoding="utf-8")
    for row in table.splitlines()[1:]:
        zh, en = row.split("\t")
        of.setdefault(zh.lower(), []).append(en)
        english.setdefault(tuple(analysis.word_code(word) for word in analysis.words_of(en)), []).append(zh)
    return _Glossary(list(of), of, AhoCorasick(list(of), matchkind=MatchKind.LeftmostLongest), english)


@cache
def _codes(view: str, phrase: str) -> Codes:
    return analysis.VIEWS[view]([phrase]).codes
