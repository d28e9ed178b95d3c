"""Which parts of a question a candidate's documents cover: its title, its sentences, its list items.

A part is compared with a document by the idf² weight of the character terms that both have. It counts as covered where
that is enough of the part, and much more than the part shares with a document by chance: the mean over all documents
of the kind, exact from document frequencies.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graph.projection import spans
from matching.candidates.analysis import CJK, Codes, Terms
from matching.candidates.evidence import Asked, Evidence, Reading, Rows
from matching.masking.redact import PLACED
from matching.masking.texts import card_text

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

LOOKED_AT = 3
"""Documents of a candidate that are looked at, of all kinds together: the lexically best, as ranking does."""
LEAST_SHARE = 0.2
"""Least share (see `_shares`) of a part that counts as covered."""
LEAST_LIFT = 5.0
"""Times chance that such a share is at least. Both chosen on judged and on real texts: docs/explanations.md."""
WHOLE, RELEVANCE = 0.5, 0.5
"""Share of a part that counts as all of it in a team; what the best score counts there against one part."""
_WORD = re.compile(f"[{CJK}]|[a-zA-Z]{{2}}")
_OF_THE_ASKER = re.compile(
    "公司|企业|我司|我厂|我们|现状|营收|利润|产值|主要出口|客户|订单|投诉|同行|合作期限|知识产权|实验室|共建|联合开发|经费|"
    "预算|融资|投资人|股权|股份|样品|试验场地|中试|机时|面议|协商|联系",
)
_OF_THE_ASKER_EN = re.compile(
    r"\b(?:our|we|us|company|firm|budget|revenue|turnover|customers?|competitors?|laboratory|intellectual property|"
    r"funding|investors?|contact|samples?|instrument time|cooperation)\b",
    re.IGNORECASE,
)
_HASH, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(48)


class Best(NamedTuple):
    """The lexically best documents of some candidates: at most LOOKED_AT each, best first, one after the other."""

    owner: Rows
    """Place of the candidate in the rows asked for, rising."""
    kind: Rows
    """Place of the document's kind in `Evidence.documents`."""
    document: Rows
    """Row of the document in its kind."""


class Coverage(NamedTuple):
    """How much of each part of a question each candidate covers."""

    parts: tuple[str, ...]
    """Parts of the question, the title first."""
    asks: Flags
    """Whether each part asks for something; others tell of the asker, and nobody need cover them."""
    share: Floats
    """Candidates × parts: the share of the best document (see `_shares`)."""
    through: Rows
    """Candidates × parts: which kind that document is of, as a place in `Evidence.documents`."""

    @property
    def covered(self) -> Flags:
        """Candidates × parts: whether the part counts as covered."""
        return self.share >= LEAST_SHARE

    def of(self, rows: Rows) -> Coverage:
        """The coverage by some of the candidates."""
        return self._replace(share=self.share[rows], through=self.through[rows])


def best_documents(evidence: Evidence, read: Reading, rows: Rows) -> Best:
    """The documents that speak most for each candidate."""
    found = []
    for number, (source, scores) in enumerate(zip(evidence.documents, read.documents, strict=True)):
        lengths, places = spans(source.of.indptr, rows)
        document = source.of.indices[places].astype(np.int64)
        found.append((np.repeat(np.arange(len(rows)), lengths), np.full(len(document), number), document,
                      scores.lexical[document]))  # fmt: skip
    if not found:
        return Best(*(np.empty(0, np.int64) for _ in range(3)))
    owner, kind, document, score = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((-score, owner))
    lengths = np.bincount(owner, minlength=len(rows))
    order = order[np.arange(len(order)) - np.repeat(np.cumsum(lengths) - lengths, lengths) < LOOKED_AT]
    return Best(owner[order], kind[order], document[order])


def coverage(evidence: Evidence, asked: Asked, best: Best, n: int) -> Coverage:
    """The coverage of a question by n candidates with their best documents; without parts where either has no text."""
    shown = _shown(evidence, asked) if evidence.documents else []
    parts = tuple(asked.said[at] for at in shown)
    share, through = np.zeros((n, LOOKED_AT, len(parts)), np.float32), np.zeros((n, LOOKED_AT), np.int64)
    if parts and len(best.owner):
        place = np.arange(len(best.owner)) - np.searchsorted(best.owner, best.owner)
        share[best.owner, place], through[best.owner, place] = _shares(evidence, asked.parts, best)[:, shown], best.kind
    asks = np.array([_asks(part) for part in parts], bool)
    top = share.argmax(axis=1)
    return Coverage(parts, asks, share.max(axis=1), np.take_along_axis(through, top, axis=1))


def _shown(evidence: Evidence, asked: Asked) -> list[int]:
    """The parts of a question that may be repeated: those of a free text, or of texts that the subject's card shows."""
    if asked.row is None:
        return list(range(len(asked.said)))
    texts = evidence.mask.texts(evidence.kind.subject)
    fields = evidence.projection.catalogue.entity(evidence.kind.subject).fields
    shown = "\n".join(texts[field.name][asked.row] for field in fields if field.name in texts and card_text(field))
    return [at for at, part in enumerate(asked.said) if part in shown]


def _asks(part: str) -> bool:
    """Whether a part has words, and does not only tell of the asker and of terms."""
    return bool(_WORD.search(PLACED.sub("", part))) and not (
        _OF_THE_ASKER.search(part) or _OF_THE_ASKER_EN.search(part)
    )


def _shares(evidence: Evidence, parts: Terms, best: Best) -> Floats:
    """Documents × parts: how much of a part's idf² weight each document has, 0 where it is not far above chance.

    A document that has fewer terms than the part cannot have all of it: the share is the geometric mean of the share
    of all and of what the document could have had. Frequencies are those of the kind with most documents.
    """
    index = max((source.texts.chars for source in evidence.documents), key=lambda chars: chars.n)
    codes, at = np.unique(parts.codes, return_inverse=True)
    sizes = np.diff(parts.indptr)
    place = np.minimum(np.searchsorted(index.vocabulary, codes), len(index.vocabulary) - 1)
    known = index.vocabulary[place] == codes
    weight = np.where(known, index.idf[place], np.float32(np.log(1 + index.n) + 1)) ** 2
    weights = np.zeros((len(codes), len(sizes)), np.float32)
    weights[at, np.repeat(np.arange(len(sizes)), sizes)] = weight[at]
    weights /= np.maximum(weights.sum(axis=0), np.float32(1e-12))
    frequency = np.where(known, index.indptr[place + 1] - index.indptr[place], 0).astype(np.float32)
    chance = (frequency @ weights) / index.n
    has, lengths = held(evidence, "chars", best, codes)
    share = has @ weights
    could = np.sqrt(np.minimum(lengths[:, None] / np.maximum(sizes, 1), 1), dtype=np.float32)
    return np.where(share >= LEAST_LIFT * chance, share / np.maximum(could, np.float32(1e-6)), np.float32(0))


def held(evidence: Evidence, view: str, best: Best, wanted: Codes) -> tuple[Floats, Rows]:
    """(documents × wanted terms: 1 where the document has the term; how many terms it has); `wanted` rises.

    A table of 2^16 hashes sorts out nearly all terms before the others are looked up.
    """
    found, codes, lengths = [], [], []
    for number, source in enumerate(evidence.documents):
        mine = np.flatnonzero(best.kind == number)
        if len(mine):
            terms = source.texts.kept[view].terms
            sizes, places = spans(terms.indptr, best.document[mine])
            found.append(mine)
            codes.append(terms.codes[places])
            lengths.append(sizes)
    documents, flat, sizes = np.concatenate(found), np.concatenate(codes), np.concatenate(lengths)
    table = np.zeros(1 << 16, bool)
    table[(wanted * _HASH) >> _SHIFT] = True
    maybe = np.flatnonzero(table[(flat * _HASH) >> _SHIFT])
    place = np.minimum(np.searchsorted(wanted, flat[maybe]), len(wanted) - 1)
    hit = wanted[place] == flat[maybe]
    has = np.zeros((len(documents), len(wanted)), np.float32)
    has[documents[np.searchsorted(np.cumsum(sizes), maybe[hit], side="right")], place[hit]] = 1
    of = np.empty_like(sizes)
    of[documents] = sizes
    return has, of


def team(found: Coverage, scores: NDArray[np.float64], most: int) -> list[tuple[int, list[int]]]:
    """(candidate, the asked parts that it adds) of a small set that covers as many of those parts as anyone covers.

    Greedy maximum coverage (Nemhauser, Wolsey and Fisher 1978: at least 1 - 1/e of the best set of its size): each step
    takes whoever adds most, a part counting up to 1 and the score, from worst to best, up to RELEVANCE. It ends with
    `most` members, or when nobody adds a part. Candidates come best first, and the first of equals is taken.
    """
    worth = np.where(found.covered & found.asks, np.minimum(found.share / WHOLE, 1), 0)
    spread = float(np.ptp(scores)) if len(scores) else 0.0
    relevance = RELEVANCE * (scores - scores.min()) / spread if spread > 0 else np.zeros(len(scores))
    have = np.zeros(worth.shape[1])
    members: list[tuple[int, list[int]]] = []
    while len(members) < most:
        new = (worth > 0) & (have == 0)
        gain = np.where(new.any(axis=1), np.maximum(worth - have, 0).sum(axis=1) + relevance, -1.0)
        at = int(np.argmax(gain)) if len(gain) else -1
        if at < 0 or gain[at] < 0:
            break
        members.append((at, np.flatnonzero(new[at]).tolist()))
        have = np.maximum(have, worth[at])
    return members
