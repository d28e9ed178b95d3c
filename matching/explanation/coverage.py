"""Which parts of a question a candidate's documents cover: its title, its sentences, its list items.

A part is compared with a document by the idf² weight of the words that both have. It counts as covered where that is
enough of the part, and much more than the part shares with a document by chance: the mean over all documents of the
kind, exact from document frequencies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graph.projection import spans
from matching.candidates.analysis import Codes, hashed, places_of
from matching.candidates.asked import NOTHING_SOUGHT, Asked, Flags, Meaning, Rows, Sought, Words, words_sought
from matching.candidates.best import POOLED, Best
from matching.candidates.crossing import codes_of
from matching.candidates.evidence import Evidence
from matching.candidates.lexical import LexicalIndex
from matching.masking.texts import card_text

Floats = NDArray[np.float64]

LEAST_SHARE = 0.25
"""Least share (see `_shares`) of a part that counts as covered."""
NEAR = 0.12
"""Share of a part below which a candidate is nowhere near it: needs that nobody can serve stay below, nearly all others
do not (docs/explanations.md)."""
LEAST_LIFT = 5.0
"""Times chance that such a share is at least, unless it is WHOLE. Both chosen on judged and on real texts, see
docs/explanations.md."""
ALL = 0.9
"""Share from which on a document has all of a part that matters."""
WHOLE, RELEVANCE = 0.5, 0.5
"""Share that counts as all of a part; what the best score counts in a team, against one part."""
_TABLE = 13
"""Bits of the table that sorts out words nobody asks for."""


class Coverage(NamedTuple):
    """How much of each part of a question each candidate covers."""

    sought: Sought
    """The parts and words of the question."""
    share: Floats
    """Candidates × parts: the share of the best document (see `_shares`)."""
    through: Rows
    """Candidates × parts: which kind that document is of, as a place in `Evidence.documents`."""
    says: Flags
    """Documents × words: whether it has the word itself; the documents being those that were looked at."""
    sound: Flags
    """Candidates × parts: whether the part is covered, and not by one word of several alone (see `_firm`)."""

    @property
    def covered(self) -> Flags:
        """Candidates × parts: whether the part counts as covered."""
        return self.share >= LEAST_SHARE

    @property
    def near(self) -> Flags:
        """Candidates × parts: whether the candidate comes near the part that asks, or covers it."""
        return (self.share >= NEAR) & self.sought.asks


def coverage(evidence: Evidence, asked: Asked, best: Best, n: int) -> Coverage:
    """The coverage of a question by n candidates with their best documents; without parts where either has no text."""
    if asked.sought is None:
        asked.sought = _sought(evidence, asked)
    sought = asked.sought
    held, lengths = _held(evidence, best, sought.codes)
    says = held[:, sought.own]
    has, once = _meant(sought, held, says)
    share, through = np.zeros((n, POOLED, len(sought.parts))), np.zeros((n, POOLED), np.int64)
    share[best.owner, best.place], through[best.owner, best.place] = _shares(sought.words, has, lengths), best.kind
    top = share.argmax(axis=1)
    most = share.max(axis=1)
    firm = _firm(best, once[:, sought.telling], sought.words.of[sought.telling], n)
    sound = (most >= LEAST_SHARE) & ((most >= ALL) | firm)
    return Coverage(sought, most, through[np.arange(n)[:, None], top], says, sound)


def _sought(evidence: Evidence, asked: Asked) -> Sought:
    if not evidence.documents:
        return NOTHING_SOUGHT
    shown = _shown(evidence, asked)
    words = words_sought(asked, _largest(evidence), shown)
    worded = words.in_part > 0
    asks = worded & asked.asks[shown]
    if evidence.kind.profile and asked.row is not None:
        asks = np.zeros_like(worded)
    elif not asks.any():
        asks = worded  # a need that is told by its story alone
    named = (words.of @ (asks if asks.any() else np.ones_like(asks))).tolist()
    telling = [at for at in words.telling if named[at]]
    meant = [codes_of("words", one.meant) for one in asked.crossed]
    codes = np.unique(np.concatenate([words.codes, *meant]))
    own = frozenset(words.codes.tolist())
    means = [
        Meaning(_saying(one.said, words), codes.searchsorted(of), own.isdisjoint(of.tolist()))
        for one, of in zip(asked.crossed, meant, strict=True)
    ]
    parts = tuple(asked.said[at] for at in shown)
    return Sought(parts, asks, words, telling, codes, codes.searchsorted(words.codes), means)


def _saying(term: str, words: Words) -> list[int]:
    """Places of the words that say a term."""
    within = term.split() if term.isascii() else term
    return [at for at, word in enumerate(words.spelled) if word in within]


def _firm(best: Best, once: Flags, of: Floats, n: int) -> Flags:
    """Candidates × parts: whether one document has more than one word of the part, or the part has only one."""
    within = (of > 0).astype(np.float32)
    document, part = np.nonzero(once @ within > 1)
    firm = np.tile(within.sum(axis=0) <= 1, (n, 1))
    firm[best.owner[document], part] = True
    return firm


def _largest(evidence: Evidence) -> LexicalIndex:
    """The words of the kind with most documents, by which a question's are weighed."""
    return max((source.texts.words for source in evidence.documents), key=lambda words: words.n)


def _shown(evidence: Evidence, asked: Asked) -> list[int]:
    """The parts of a question that may be repeated: those of a free text, or of texts that the subject's card shows."""
    if asked.row is None:
        return list(range(len(asked.said)))
    texts = evidence.mask.texts(evidence.kind.subject)
    fields = evidence.projection.catalogue.entity(evidence.kind.subject).fields
    shown = "\n".join(texts[field.name][asked.row] for field in fields if field.name in texts and card_text(field))
    return [at for at, part in enumerate(asked.said) if part in shown]


def _shares(words: Words, has: Flags, lengths: Rows) -> Floats:
    """Documents × parts: how much of a part each document has, 0 where that is not far above chance.

    A document that has fewer words than the part cannot have all of it: the share is the geometric mean of the share
    of all and of what the document could have had.
    """
    share = has @ words.of
    could = np.sqrt(np.minimum(lengths[:, None] / np.maximum(words.in_part, 1), 1))
    return np.where(share >= np.minimum(LEAST_LIFT * words.chance, WHOLE), share / np.maximum(could, 1e-6), 0.0)


def _meant(sought: Sought, held: Flags, says: Flags) -> tuple[Flags, Flags]:
    """Two tables of documents × words.

    Whether a document says the word or what that means in the other language; and the same, but with what it has by its
    meaning as one word, and not where the question says that, too.
    """
    if not sought.meanings:
        return says, says
    has, once = says.copy(), says.copy()
    for words, codes, is_new in sought.meanings:
        means: Flags = np.logical_and.reduce(held[:, codes], axis=1)
        if not words or not means.any():
            continue
        has[:, words] |= means[:, None]
        if is_new:
            once[:, words[0]] |= means & ~says[:, words].any(axis=1)
    return has, once


def _held(evidence: Evidence, best: Best, wanted: Codes) -> tuple[Flags, Rows]:
    """(documents × wanted words: whether the document has the word; how many it has); `wanted` rises.

    A small table sorts out nearly all words before the others are looked up.
    """
    has, lengths = np.zeros((len(best.document), len(wanted)), bool), np.zeros(len(best.document), np.int64)
    if len(wanted) == 0 or len(best.document) == 0:
        return has, lengths
    found = []
    for number, source in enumerate(evidence.documents):
        mine = np.flatnonzero(best.kind == number)
        terms = source.texts.kept["words"].terms
        lengths[mine], places = spans(terms.indptr, best.document[mine])
        found.append((mine.repeat(lengths[mine]), terms.codes[places]))
    document, codes = (np.concatenate(column) for column in zip(*found, strict=True))
    table = np.zeros(1 << _TABLE, bool)
    table[hashed(wanted, _TABLE)] = True
    maybe = np.flatnonzero(table[hashed(codes, _TABLE)])
    place, hit = places_of(wanted, codes[maybe])
    has[document[maybe[hit]], place[hit]] = True
    return has, lengths


def team(found: Coverage, scores: NDArray[np.float64], most: int) -> list[tuple[int, list[int]]]:
    """(candidate, the asked parts that it adds) of a small set that covers as many of those parts as anyone covers.

    Greedy maximum coverage (Nemhauser, Wolsey and Fisher 1978: at least 1 - 1/e of the best set of its size): each step
    takes whoever adds most, a part counting up to 1 and the score, from worst to best, up to RELEVANCE. It ends with
    `most` members, or when nobody adds a part. Candidates come best first, and the first of equals is taken.
    """
    worth = np.where(found.covered & found.sought.asks, np.minimum(found.share / WHOLE, 1), 0.0)
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
