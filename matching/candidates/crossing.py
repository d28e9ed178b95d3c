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
    found: dict[Crossing, None] = {}
    for at, _, _ in glossary.chinese.find_matches_as_indexes(text.lower()):
        zh = glossary.keys[at]
        found |= dict.fromkeys(Crossing(zh, en) for en in glossary.of[zh])
    words = [(word, analysis.word_code(word)) for word in analysis.words_of(text) if word.isascii()]
    at = 0
    while at < len(words):
        length = glossary.starts.get(words[at][1], 0)
        while length and (phrase := tuple(code for _, code in words[at : at + length])) not in glossary.english:
            length -= 1
        if length:
            said = " ".join(word for word, _ in words[at : at + length])
            found |= dict.fromkeys(Crossing(said, zh) for zh in glossary.english[phrase])
        at += max(length, 1)
    return list(found)[:MOST]


def widened(analysed: Mapping[str, Terms], crossed: Sequence[Crossing]) -> dict[str, Terms]:
    """An analysed text with the terms of the translations, where it does not have them itself."""
    if not crossed:
        return dict(analysed)
    count = np.float32(np.exp(WEIGHT - 1))  # a term's weight is 1 + ln(count)
    wide = {}
    for view, terms in analysed.items():
        both = np.concatenate([terms.codes, *(codes_of(view, one.meant) for one in crossed)])
        codes, first = np.unique(both, return_index=True)
        counts = np.full(len(codes), count, np.float32)
        said = first < len(terms.codes)
        counts[said] = terms.counts[first[said]]
        wide[view] = Terms(np.array([0, len(codes)], np.int64), codes, counts)
    return wide


class _Glossary(NamedTuple):
    keys: list[str]
    """Chinese terms."""
    of: dict[str, list[str]]
    """Chinese term → its English ones."""
    chinese: AhoCorasick
    english: dict[tuple[int, ...], list[str]]
    """Word codes of an English term → its Chinese ones."""
    starts: dict[int, int]
    """First word code of an English term → words of the longest that starts so."""


@cache
def _glossary() -> _Glossary:
    of: dict[str, list[str]] = {}
    english: dict[tuple[int, ...], list[str]] = {}
    table = files("matching.candidates").joinpath("glossary.tsv").read_text(encoding="utf-8")
    for row in table.splitlines()[1:]:
        zh, en = row.split("\t")
        of.setdefault(zh.lower(), []).append(en)
        english.setdefault(tuple(analysis.word_code(word) for word in analysis.words_of(en)), []).append(zh)
    starts: dict[int, int] = {}
    for codes in english:
        starts[codes[0]] = max(starts.get(codes[0], 0), len(codes))
    return _Glossary(list(of), of, AhoCorasick(list(of), matchkind=MatchKind.LeftmostLongest), english, starts)


@cache
def codes_of(view: str, phrase: str) -> Codes:
    """Term codes of a glossary's phrase in a view, rising."""
    return analysis.VIEWS[view.removeprefix("lead-")]([phrase]).codes
