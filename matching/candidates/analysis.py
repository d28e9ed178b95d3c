"""Text → term codes, in two views: segmented words (English stemmed) and character n-grams.

A term is a 64-bit code, so that a vocabulary is a sorted array that processes share, not a dictionary that each
builds. Words carry what a term means, character n-grams bridge segmentations, compounds and spellings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
import rjieba
import Stemmer
from numpy.typing import NDArray

from graph.projection import offsets_of
from matching.masking.redact import PLACED

VERSION = "9"
"""Part of every index's key: change it when the same text gives other codes."""

CJK = r"\u3400-\u9fff"
CHINESE, ENGLISH = 0.75, 0.1
"""Least share of CJK characters among a Chinese text's letters, and the greatest among an English one's."""
_LATIN_WORD = r"(?<![A-Za-z0-9.])[2-6][DG](?![A-Za-z0-9])|[A-Za-z][A-Za-z0-9+#-]*"
"""A word in Latin script, `5G` and `3D` too; `5g` is a weight and `3d` a time."""
_LATIN = re.compile(_LATIN_WORD)
_CHUNK = re.compile(rf"[{CJK}]+|{_LATIN_WORD}|[0-9]+(?:\.[0-9]+)?")
_FIRST_CJK = "\u3400"
_SAYING_NOTHING = """
的 了 和 是 在 与 及 或 等 对 为 中 有 以 其 并 于 由 从 到 之 上 下 将 被 把 也 都 而 但 不 该 这 那 个 种
一种 进行 采用 具有 通过 实现 使用 利用 基于 提供 可以 能够 需要 以及 我们 本文
研究 问题 要求 目前 公司 企业 主要 相关 方面 如何 怎样 怎么 是否 希望 寻求 解决 存在 无法 难以 过高 过低 较高 较低
a an the of and or in on for to with by from at as is are was were be been this that these those it its we our
which can using used use based into their has have not also such than
"""
_STOP = frozenset(_SAYING_NOTHING.split())
_ONE_WORD = """
石墨烯 氮化镓 氧化镓 量子点 水凝胶 气凝胶 生物炭 微塑料 覆铜板 高熵合金 单原子 钠电池 充电桩 微电网 车联网 物联网
区块链 云计算 大数据 大模型 智能体 太赫兹 声发射 热成像 热失控 三坐标 微机电 机械臂 可穿戴 类器官
碳中和 碳捕集
"""
"""Words that the segmenter would cut into others that mean something else: a quantum dot is nothing of a quantum.

None of them begins like a name: masking asks the same dictionary.
"""
for _word in _ONE_WORD.split():
    rjieba.add_word(_word, None, "n")

Codes = NDArray[np.uint64]
BLOCK = 20_000
"""Texts that are analysed at a time."""
DISTINCT_AMONG, LOOKED_UP = 1 << 17, 1 << 24
"""Codes whose distinct ones are found by sorting; codes that are looked up at a time."""
LARGEST_TABLE = 24
"""Bits of the largest table that codes are looked up in: 64 MiB."""
LEAD = 300
"""Characters with which a text says what it is about: its title and the first sentences."""
LATIN = np.uint64(1 << 63)
"""The least code of a piece of a Latin-script word; those of Chinese characters are less."""


class Terms(NamedTuple):
    """Term counts of n documents in CSR form, codes rising within a document."""

    indptr: NDArray[np.int64]
    """n + 1 offsets."""
    codes: Codes
    """Term codes."""
    counts: NDArray[np.float32]
    """Occurrences."""


class Kept(NamedTuple):
    """Texts that were analysed before."""

    hashes: Codes
    """Hash of each text."""
    terms: Terms
    """Their terms."""


_stemmer = Stemmer.Stemmer("english")
_WORDS_KEPT = 1_000_000


def language(text: str) -> str:
    """`Chinese`, `English`, `mixed`, by the share of CJK characters among a text's letters; `none` without any."""
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return "none"
    share = sum("\u3400" <= letter <= "\u9fff" for letter in letters) / len(letters)
    return "Chinese" if share >= CHINESE else "English" if share <= ENGLISH else "mixed"


class _WordCodes(dict[str, int]):
    """Codes of the words seen last."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _WORDS_KEPT:
            self.clear()
        stem = _stemmer.stemWord(word) if word.isascii() else word
        said = word not in _STOP and (len(word) > 1 or not word.isascii())
        code = int.from_bytes(hashlib.blake2b(stem.encode(), digest_size=8).digest(), "little") if said else 0
        self[word] = code
        return code


_word_codes = _WordCodes()


def word_code(word: str) -> int:
    """64 bits of BLAKE2b of the stemmed word; 0 for one that says nothing."""
    return _word_codes[word]


@lru_cache(maxsize=16)  # a question's text is segmented to be scored and again to be explained
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, lower-case, Chinese segmented, without stop words, punctuation and what redaction left."""
    return tuple(filter(_word_codes.__getitem__, _segmented(text)))


def _segmented(text: str) -> list[str]:
    words: list[str] = []
    for chunk in _CHUNK.findall(PLACED.sub(" ", text)):
        if chunk[0] >= _FIRST_CJK:
            words.extend(rjieba.cut(chunk))
        else:
            words.append(chunk.lower())
    return words


def latin_words(text: str) -> frozenset[str]:
    """The words of a text in Latin script, lower-case."""
    return frozenset(map(str.lower, _LATIN.findall(text)))


def word_terms(texts: Sequence[str]) -> Terms:
    """Words of each text as terms."""
    per_text = [list(map(_word_codes.__getitem__, _segmented(text))) for text in texts]
    lengths = np.fromiter(map(len, per_text), np.int64, len(per_text))
    flat = np.fromiter(chain.from_iterable(per_text), np.uint64, int(lengths.sum()))
    said = flat != 0
    return _counted(np.repeat(np.arange(len(texts)), lengths)[said], flat[said], len(texts))


def char_terms(texts: Sequence[str]) -> Terms:
    """Single Chinese characters, pairs of them, and four-letter pieces of Latin-script words as terms, vectorised."""
    joined = PLACED.sub(" ", "\x00".join(texts)).lower()
    points = np.frombuffer(joined.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    owner = np.cumsum(points == 0)
    cjk = (points >= 0x3400) & (points <= 0x9FFF)
    latin = ((points >= 97) & (points <= 122)) | ((points >= 48) & (points <= 57))
    single = np.flatnonzero(cjk)
    pair = np.flatnonzero(cjk[:-1] & cjk[1:])
    four = np.flatnonzero(np.convolve(latin, np.ones(4, np.int8), "valid") == 4) if len(points) > 3 else pair[:0]
    fours = np.full(len(four), LATIN)
    for offset in range(4):
        fours |= points[four + offset] << np.uint64(7 * offset)
    codes = np.concatenate([points[single], (points[pair] << np.uint64(20)) | points[pair + 1], fours])
    return _counted(np.concatenate([owner[single], owner[pair], owner[four]]), codes, len(texts))


def _counted(owners: NDArray[np.int64], codes: Codes, n: int) -> Terms:
    if n == 1:  # the same, quicker: for questions
        vocabulary, counts = np.unique(codes, return_counts=True)
        return Terms(np.array([0, len(vocabulary)]), vocabulary, counts.astype(np.float32))
    vocabulary, place = numbered(codes)
    cells, counts = np.unique(owners * len(vocabulary) + place, return_counts=True)
    of, place = np.divmod(cells, max(len(vocabulary), 1))
    return Terms(offsets_of(np.bincount(of, minlength=n)), vocabulary[place], counts.astype(np.float32))


def in_blocks(texts: Sequence[str], analyser: Callable[[Sequence[str]], Terms]) -> Terms:
    """The terms of any number of texts, so many at a time that memory does not grow with their number."""
    parts = [analyser(texts[start : start + BLOCK]) for start in range(0, len(texts), BLOCK)] or [analyser([])]
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    indptr = offsets_of(lengths)
    codes, counts = (np.concatenate([getattr(part, name) for part in parts]) for name in ("codes", "counts"))
    return Terms(indptr, codes, counts)


def reused(texts: Sequence[str], analyser: Callable[[Sequence[str]], Terms], hashes: Codes, kept: Kept | None) -> Terms:
    """The terms of each text; those of a text that was analysed before are taken from there."""
    if kept is None or len(kept.hashes) == 0:
        return in_blocks(texts, analyser)
    order = np.argsort(kept.hashes, kind="stable")
    place, known = places_of(kept.hashes[order], hashes)
    new = np.flatnonzero(~known)
    fresh = in_blocks([texts[at] for at in new.tolist()], analyser)
    lengths = np.empty(len(texts), np.int64)
    lengths[known] = np.diff(kept.terms.indptr)[order[place[known]]]
    lengths[new] = np.diff(fresh.indptr)
    starts = np.empty(len(texts), np.int64)
    starts[known] = kept.terms.indptr[:-1][order[place[known]]]
    starts[new] = fresh.indptr[:-1] + len(kept.terms.codes)
    indptr = offsets_of(lengths)
    at = np.arange(int(indptr[-1])) + np.repeat(starts - indptr[:-1], lengths)
    codes, counts = (np.concatenate([getattr(kept.terms, name), getattr(fresh, name)]) for name in ("codes", "counts"))
    return Terms(indptr, codes[at], counts[at])


def places_of(vocabulary: Codes, codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(place of each code in a rising vocabulary, whether it is there); a place means something only where it is."""
    place = vocabulary.searchsorted(codes)
    if len(vocabulary) == 0:
        return place, np.zeros(len(codes), bool)
    return place, vocabulary.take(place, mode="clip") == codes


def numbered(codes: Codes) -> tuple[Codes, NDArray[np.int32]]:
    """(the distinct codes, rising; the place of each code among them), as `np.unique` gives them, several times faster.

    Terms come again and again: most distinct ones are among a few codes, and the rest is found by a table.
    """
    distinct = np.unique(codes[:: max(len(codes) // DISTINCT_AMONG, 1)])
    place, unknown = _looked_up(distinct, codes)
    if len(unknown):
        distinct = np.union1d(distinct, codes[unknown])
        place, _ = _looked_up(distinct, codes)
    return distinct, place


def _looked_up(vocabulary: Codes, codes: Codes) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """(place of each code in a rising vocabulary; which codes are not there, and have no place)."""
    place, unknown = np.zeros(len(codes), np.int32), [np.empty(0, np.int64)]
    bits = min((16 * len(vocabulary)).bit_length(), LARGEST_TABLE)
    table = np.zeros(1 << bits, np.int32)
    table[hashed(vocabulary, bits)] = np.arange(len(vocabulary))
    for start in range(0, len(codes), LOOKED_UP):  # there may be hundreds of millions
        part, here = codes[start : start + LOOKED_UP], place[start : start + LOOKED_UP]
        here[:] = table[hashed(part, bits)]
        missed = np.flatnonzero(vocabulary[here] != part)
        here[missed], known = places_of(vocabulary, part[missed])
        unknown.append(start + missed[~known])
    return place, np.concatenate(unknown)


def hashed(codes: Codes, bits: int) -> Codes:
    """Numbers of so many bits for codes, evenly spread (multiplicative hashing: Knuth 1973, 6.4)."""
    return (codes * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits)


def hashes_of(texts: Sequence[str]) -> Codes:
    """64 bits of BLAKE2b of each text."""
    return np.fromiter(
        (int.from_bytes(hashlib.blake2b(t.encode(), digest_size=8).digest(), "little") for t in texts),
        np.uint64,
        len(texts),
    )


def lead_of(text: str) -> str:
    """What a text begins with."""
    return PLACED.sub(" ", text)[:LEAD]


Analyser = Callable[[Sequence[str]], Terms]
VIEWS: dict[str, Analyser] = {"words": word_terms, "chars": char_terms}
"""Name of a view → its analyser."""
LEADS = {view: f"lead-{view}" for view in VIEWS}
"""View → what the same view of leads is called."""
