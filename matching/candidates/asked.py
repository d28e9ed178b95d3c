"""What a question says: its text in every view, its parts, and the words by which these are covered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.candidates.analysis import Codes, Terms, char_terms, places_of, word_code, words_of
from matching.candidates.crossing import Crossing, crossings, widened
from matching.candidates.lexical import Floats, LexicalIndex
from matching.candidates.texts import TextIndex, TextQuery, analyse

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

QUESTIONS_KEPT = 512
"""Questions that are kept analysed: pages, filters and dismissals ask the same one again."""
SHORTEST_PART, MOST_PARTS = 4, 12
"""Characters of a part at least, and parts of a question at the most."""
_SENTENCE = re.compile(r"[\n。；;！!？?]|\. ")
MOST_WORDS = 128
"""Words of a question that are looked for, the heaviest."""
_OF_THE_ASKER = re.compile(
    "公司|企业|我司|我厂|我们|现状|营收|利润|产值|年产|主要出口|客户|订单|投诉|同行|合作期限|知识产权|实验室|共建|联合开发|"
    "经费|预算|融资|投资人|股权|股份|样品|试验场地|中试|机时|面议|协商|联系|重视|"
    r"\b(?:company|firm|budget|revenue|turnover|customers?|competitors?|laboratory|intellectual property|funding|"
    r"investors?|contact|samples?|instrument time|cooperation)\b",
    re.IGNORECASE,
)
"""A clause that tells of the asker and of terms, not of what is asked."""
_SAYS_NOTHING = frozenset(
    {
        *("做", "好", "真", "长期", "短期", "合作", "提供", "寻求", "寻找", "征集", "急需", "希望"),
        *("need", "help", "look", "looking", "seek", "seeking", "please", "partner", "long-term"),
    }
)
"""Words by which nothing is covered, beside the stop words of all texts: they stand in any question."""
_CLAUSE = re.compile("[，,：:]")
_LATIN = re.compile("[a-z][a-z0-9+#-]*")


class Words(NamedTuple):
    """The words of a question's parts, without numbers, by rising code."""

    spelled: list[str]
    codes: Codes
    order: Rows
    """Places by falling tf-idf."""
    of: NDArray[np.float64]
    """Words × parts: the part of a part's idf² weight that each word is; each column adds up to 1, or is 0."""
    chance: NDArray[np.float64]
    """Share of each part that a document has in the mean."""
    in_part: NDArray[np.int64]
    """How many words each part has."""

    @property
    def telling(self) -> list[int]:
        """Places of the words that may be named, by falling tf-idf: a single character tells nobody anything."""
        return [at for at in self.order.tolist() if len(self.spelled[at]) > 1]


NO_WORDS = Words(
    [], np.empty(0, np.uint64), np.empty(0, np.int64), np.zeros((0, 0)), np.zeros(0), np.empty(0, np.int64)
)


@dataclass
class Asked:
    """A subject as it asks: its row if it is in the graph, and its redacted text."""

    row: int | None
    """Row among the subject kind, None for a free text."""
    text: str
    """Redacted text."""
    encoded: Floats | None = None
    """Its encoded vector without the mean of its kind's; None where there is none (yet)."""
    _queries: dict[str, TextQuery] = field(default_factory=dict)
    _words: Words | None = None

    @cached_property
    def said(self) -> list[str]:
        """The text's parts: lines and sentences, each once; short ones where there are no others."""
        parts = dict.fromkeys(part for sentence in _SENTENCE.split(self.text) if (part := sentence.strip()))
        return ([part for part in parts if len(part) >= SHORTEST_PART] or list(parts))[:MOST_PARTS]

    @cached_property
    def parts(self) -> Terms:
        """Character terms of the text's parts."""
        return char_terms(self.said)

    @cached_property
    def title(self) -> Terms:
        """Character terms of the text's first line."""
        return char_terms([self.text.split("\n", 1)[0]])

    @cached_property
    def crossed(self) -> list[Crossing]:
        """Terms of the text in the other language."""
        return crossings(self.text)

    @cached_property
    def analysed(self) -> Mapping[str, Terms]:
        """The text in every view, with its terms in the other language."""
        return widened(analyse(self.text), self.crossed)

    @cached_property
    def asks(self) -> Flags:
        """Whether each part has a clause that does not only tell of the asker and of terms."""
        return np.array([_asks(part) for part in self.said], bool)

    def query(self, kind: str, texts: TextIndex) -> TextQuery:
        """The text as a query of the index of one kind's texts."""
        if kind not in self._queries:
            self._queries[kind] = texts.query(self.analysed)
        return self._queries[kind]

    def words(self, index: LexicalIndex) -> Words:
        """The words of the text and which of its parts have them, weighed as in an index, always the same one."""
        if self._words is None:
            self._words = _words(self, index)
        return self._words


def _asks(part: str) -> bool:
    least = min(SHORTEST_PART, len(part))
    return any(not _OF_THE_ASKER.search(clause) for clause in _CLAUSE.split(part) if len(clause) >= least)


def _words(asked: Asked, index: LexicalIndex) -> Words:
    said = words_of(asked.text)  # segmented before, to be scored
    words = [word for word in said if not word[0].isdigit() and word not in _SAYS_NOTHING]
    flat = np.fromiter(map(word_code, words), np.uint64, len(words))
    codes, first, counts = np.unique(flat, return_index=True, return_counts=True)
    spelled = [words[at] for at in first.tolist()]
    parts = [part.lower() for part in asked.said]
    latin = [frozenset(_LATIN.findall(part)) for part in parts] if any(map(str.isascii, spelled)) else []
    where = [
        [word in names for names in latin] if word.isascii() else [word in part for part in parts] for word in spelled
    ]
    inside = np.array(where, np.float64).reshape(len(spelled), len(parts))
    idf, frequency = np.full(len(codes), np.log(1 + index.n) + 1), np.zeros(len(codes))
    place, known = places_of(index.vocabulary, codes)
    place = place[known]
    idf[known], frequency[known] = index.idf[place], (index.indptr[place + 1] - index.indptr[place]) / index.n
    weight = idf * (1 + np.log(counts))
    order = np.argsort(-weight, kind="stable")
    inside[order[MOST_WORDS:]] = 0
    of = inside * (idf**2)[:, None]
    of /= np.maximum(of.sum(axis=0), 1e-12)
    return Words(spelled, codes, order, of, frequency @ of, inside.sum(axis=0).astype(np.int64))
