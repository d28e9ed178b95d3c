"""What a question says: its text in every view, its parts, and the words by which these are covered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.candidates.analysis import Codes, Terms, char_terms, latin_words, places_of, word_code, words_of
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
    "公司|企业|我司|我厂|我们|现状|营收|利润|产值|年产|主要出口|客户|订单|投诉|同行|知识产权|实验室|共建|联合开发|融资|投资人|"
    "股权|股份|样品|试验场地|中试|机时|重视|替代仪器|现有(?:设备|仪器|产线|条件|平台|场地)|[可愿]提供|(?:[一二两三半]|[0-9]+)(?:年|个?月|周)内(?:完成|交付)|"
    r"\b(?:company|firm|revenue|turnover|customers?|competitors?|laboratory|intellectual property|investors?|samples?|"
    r"instrument time|our (?:own|existing)|(?:is|are) welcome|within (?:one|two|six|[0-9]+) (?:year|month|week)s?)\b",
    re.IGNORECASE,
)
"""A clause that asks for nothing itself, unless it seeks; it may say what another one is about."""
_OF_TERMS = re.compile(
    "经费|预算|合作期限|面议|协商|联系|详情请|请致电|来电|发邮件|邮件至|团队来自|拥有(?:发明)?专利[0-9]|"
    r"\b(?:budget|funding|contact|cooperation|call us|write to)\b",
    re.IGNORECASE,
)
_OF_WHO_ASKS = re.compile(r"^(?:我们|我们公司|本公司|我公司)是|\bwe are an? ", re.IGNORECASE)
_OF_BEFORE = re.compile(
    "(?:之前|此前|以前|曾经?|去年|前年|上次).*过(?![程滤热高低大小多少载流压渡敏氧])|(?:尝试|咨询|合作|委托)过|"
    "[试做]过(?![程滤])|^(?:不要|不需要|不考虑)[^的]*$|"
    r"\b(?:was|were) (?:tried|consulted)\b|\bwe (?:have )?(?:already )?(?:worked with|tried|consulted)\b",
    re.IGNORECASE,
)
"""What was done before, or is not wanted."""
_OTHERWISE = re.compile(
    "与(?:本次|此次|这次|本项目|本需求|此)[^，,]{0,6}无关|不对口|方向不同|一回事|"
    r"\b(?:another matter|did(?: not|n't) (?:help|fit)|not what we (?:want|need|look for))\b",
    re.IGNORECASE,
)
"""Says of the clauses before it in its sentence that they are not meant."""
_SEEKS = re.compile(
    "[想要需]找|寻找|寻求|征集|急需|求购|需要|需对|"
    r"\b(?:look(?:s|ing)? for|search(?:es|ing)? for|seeks?|seeking|needs?|wants?|help us)\b",
    re.IGNORECASE,
)
_SEEKS_SOMEBODY = re.compile("找.{0,24}(?:老师|教授|专家|团队|课题组)")
"""A clause that asks although it tells of the asker, or of terms, too."""
_IN_ANY_QUESTION = """
做 好 真 长期 短期 合作 提供 寻求 寻找 征集 急需 希望 想 想要 想用 想找 找 要 请 请问 帮 帮忙 帮助 推荐 懂 懂得 会 能 看
看看 老师 教授 专家 团队 课题组 高校 一位 一名 几位 哪位 谁 一个 一下 有没有 有人 预算 多 不多 有限 去年 今年 明年 上次
这次 此次 本次 之前 此前 现在 最近 合作过 做过 过 我 你们 您 您好 你好 谢谢 家 这方面 领域 擅长
need help look looking seek seeking please partner long-term want wanted find somebody someone anybody anyone who us
me you your my he she they would like could there if do does some any about company firm professor expert experts
know knows budget team one two
"""
_SAYS_NOTHING = frozenset(_IN_ANY_QUESTION.split())
"""Words by which nothing is covered, beside the stop words of all texts."""
_CLAUSE = re.compile(r"[，,：:]|\band (?=(?:we )?(?:are |would )?(?:look|search|seek|need|want|like))", re.IGNORECASE)


class Words(NamedTuple):
    """The words of a question's parts, without numbers, by rising code."""

    spelled: list[str]
    codes: Codes
    order: Rows
    """Places by falling tf-idf."""
    of: NDArray[np.float64]
    """Words × parts: the part of a part's idf² weight that each word is; each column adds up to 1, or is 0."""
    chance: NDArray[np.float64]
    """Share of each part that documents have in the mean beside one that has all of it."""
    in_part: NDArray[np.int64]
    """How many words each part has in clauses that ask for something, or in all where none does."""

    @property
    def telling(self) -> list[int]:
        """Places of the words that may be named, by falling tf-idf: a single character tells nobody anything."""
        return [at for at in self.order.tolist() if len(self.spelled[at]) > 1]


class Meaning(NamedTuple):
    """What a term of a question means in the other language."""

    words: list[int]
    """Places of the question's words that say the term."""
    codes: Rows
    """Where the words of its meaning are among `Sought.codes`."""
    is_new: bool
    """Whether the question says none of these, too."""


class Sought(NamedTuple):
    """What of a question is looked for in documents, whoever's they are."""

    parts: tuple[str, ...]
    """Parts of the question that may be repeated, the title first."""
    asks: Flags
    """Whether each part asks for something; others tell of the asker, and nobody need cover them."""
    words: Words
    """The question's, and which of these parts have them."""
    telling: list[int]
    """Places of the words that may be named, by falling tf-idf: those in parts that ask, or in any where none does."""
    codes: Codes
    """Rising codes of the words, and of what terms mean in the other language."""
    own: Rows
    """Where each word is among `codes`."""
    meanings: list[Meaning]
    """What its terms mean in the other language."""


NOTHING_SOUGHT = Sought(
    (), np.zeros(0, bool),
    Words([], np.empty(0, np.uint64), np.empty(0, np.int64), np.zeros((0, 0)), np.zeros(0), np.empty(0, np.int64)),
    [], np.empty(0, np.uint64), np.empty(0, np.int64), [],
)  # fmt: skip
"""Of a question that is compared with no documents."""


@dataclass
class Asked:
    """A subject as it asks: its row if it is in the graph, and its redacted text."""

    row: int | None
    """Row among the subject kind, None for a free text."""
    text: str
    """Redacted text."""
    encoded: Floats | None = None
    """Its encoded vector without the mean of its kind's; None where there is none (yet)."""
    sought: Sought | None = None
    """What is looked for in the documents of the evidence that asks this, once somebody looks (see `coverage`)."""
    _queries: dict[str, TextQuery] = field(default_factory=dict)

    @cached_property
    def said(self) -> list[str]:
        """The text's parts: lines and sentences, each once; short ones where no longer one asks for something."""
        parts = dict.fromkeys(part for sentence in _SENTENCE.split(self.text) if (part := sentence.strip()))
        long = [part for part in parts if len(part) >= SHORTEST_PART]
        return (long if any(map(_wanted, long)) else list(parts))[:MOST_PARTS]

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
    def wanted(self) -> list[str]:
        """Of each part the clauses that say what is asked; empty where all tell of the asker, of terms, of before."""
        return [_wanted(part) for part in self.said]

    @property
    def asks(self) -> Flags:
        """Whether each part asks for something."""
        return np.array([bool(wanted) for wanted in self.wanted], bool)

    def query(self, kind: str, texts: TextIndex) -> TextQuery:
        """The text as a query of the index of one kind's texts."""
        if kind not in self._queries:
            self._queries[kind] = texts.query(self.analysed)
        return self._queries[kind]


def _wanted(part: str) -> str:
    kept: list[str] = []
    asks = False
    for clause in map(str.strip, _CLAUSE.split(part)):
        if _OTHERWISE.search(clause):
            kept, asks = [], False
        elif not _tells_terms(clause):
            kept.append(clause)
            asks |= not _OF_THE_ASKER.search(clause) or bool(_SEEKS.search(clause))
    wanted = " ".join(kept).strip()
    return wanted if asks and len(wanted) >= min(SHORTEST_PART, len(part)) else ""


def _tells_terms(clause: str) -> bool:
    """Whether a clause tells of who asks, of terms, of what was before or is not wanted."""
    if _OF_BEFORE.search(clause) or _OF_WHO_ASKS.search(clause):
        return True
    return bool(_OF_TERMS.search(clause)) and not _SEEKS_SOMEBODY.search(clause)


def words_sought(asked: Asked, index: LexicalIndex, parts: Sequence[int]) -> Words:
    """The words of a question and which of some of its parts have them, weighed as in an index."""
    said = words_of(asked.text)  # segmented before, to be scored
    words = [word for word in said if not (word[0].isdigit() and word[-1].isdigit()) and word not in _SAYS_NOTHING]
    flat = np.fromiter(map(word_code, words), np.uint64, len(words))
    codes, first, counts = np.unique(flat, return_index=True, return_counts=True)
    spelled = [words[at] for at in first.tolist()]
    texts = [asked.wanted[at] or asked.said[at] for at in parts]
    latin = [latin_words(text) for text in texts] if any(map(str.isascii, spelled)) else []
    where = [
        [word in names for names in latin] if word.isascii() else [word in text for text in texts] for word in spelled
    ]
    inside = np.array(where, np.float64).reshape(len(spelled), len(texts))
    idf, frequency = np.full(len(codes), np.log(1 + index.n) + 1), np.zeros(len(codes))
    place, known = places_of(index.vocabulary, codes)
    place = place[known]
    idf[known] = index.idf[place]
    frequency[known] = (index.indptr[place + 1] - index.indptr[place] - 1) / max(index.n - 1, 1)
    weight = idf * (1 + np.log(counts))
    order = np.argsort(-weight, kind="stable")
    inside[order[MOST_WORDS:]] = 0
    of = inside * (idf**2)[:, None]
    of /= np.maximum(of.sum(axis=0), 1e-12)
    return Words(spelled, codes, order, of, frequency @ of, inside.sum(axis=0).astype(np.int64))
