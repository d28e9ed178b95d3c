"""Whether an answer has a good match, and what is missing: the parts that nobody covers, the filters in the way.

`good`: the first group's band is strong or good; the first part that asks for something, or half of those parts, are
covered, by more than one word where they have more, or by nearly all that weighs (coverage.ALL); and to viewers of the
order one of the first IN_FRONT does so for some such part.
`none`: there is no match, or nobody comes near any such part (see coverage.NEAR). `weak`: all else.
For a free text that is all, and one that asks for nothing has no match. Of a record, more may be known: where its texts
ask for nothing (they are a profile, or say nothing), or give less than half of what speaks for the matches, bands
decide: strong and good are good, fair is weak, weak is none.
The first places of the order are looked at, however many are shown. Toward the blind what counts is what at least k of
the candidates there do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from matching.explanation.reasons import Page
from matching.explanation.wording import IN_FRONT, NOTHING, of_answer
from matching.ranking.model import BANDS

Verdict = Literal["good", "weak", "none"]

VERDICTS: tuple[Verdict, ...] = ("none", "weak", "good")
"""Worst first."""


def verdict_of(page: Page, band: int) -> Verdict:
    """The verdict on the first places of an answer, whose first group is of a band; of a band behind the last: none."""
    if band >= len(BANDS):
        return "none"
    found = page.found
    asks = np.flatnonzero(found.sought.asks)
    if page.basis == "record" or len(asks) == 0:
        return at_most(band) if page.asked.row is not None else "none"
    if found.near.any(axis=1).sum() < page.least:
        return "none"
    covered = found.sound[:, asks].sum(axis=0) >= page.least
    in_front = found.sound[:IN_FRONT, asks].any() or not page.exact
    return "good" if band <= 1 and in_front and (covered[0] or covered.mean() >= 0.5) else "weak"


def at_most(band: int) -> Verdict:
    """The best verdict on an answer whose first group is of a band: what bands alone tell."""
    return VERDICTS[int(np.clip(3 - band, 0, 2))]


def is_better(one: Verdict, other: Verdict) -> bool:
    """Whether one verdict is better than another."""
    return VERDICTS.index(one) > VERDICTS.index(other)


def told(page: Page, verdict: Verdict, band: int, in_the_way: Mapping[str, str]) -> dict[str, Any]:
    """What an answer says of its verdict; `in_the_way` are the filters without which it were better.

    `band` is that of the first group. To viewers of the order each part tells the ranks of all who cover it. `one_word`
    warns of a covered part of several words that is so by single ones.
    """
    parts: list[dict[str, Any]] = []
    found = page.found
    of_parts = zip(found.sought.parts, found.sought.asks.tolist(), found.covered.T, found.sound.T, strict=True)
    for text, asks, covers, soundly in of_parts:
        by = np.flatnonzero(covers)
        covered = len(by) >= page.least
        one_word = bool(covered and soundly.sum() < page.least)
        part: dict[str, Any] = {"text": text, "asks": asks, "covered": covered, "one_word": one_word}
        if page.exact:
            part["ranks"] = (by + 1).tolist()
        parts.append(part)
    missing = [
        {"part": at, "text": part["text"]} for at, part in enumerate(parts) if part["asks"] and not part["covered"]
    ]
    missing += [{"filter": name, "value": value} for name, value in in_the_way.items()]
    about = {"verdict": verdict, "basis": page.basis, "parts": parts, "missing": missing}
    nothing = page.asked.row is None and bool(page.evidence.documents) and not found.sought.asks.any()
    first = np.flatnonzero(found.sound[:, found.sought.asks].any(axis=1)) if page.exact else np.empty(0, np.int64)
    rank = int(first[0]) + 1 if len(first) else None
    summary = {
        name: wording.of(NOTHING) if nothing else of_answer(about, page.least, band > 1, rank, wording)
        for name, wording in page.wordings.items()
    }
    return about | {"summary": summary}
