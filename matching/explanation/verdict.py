"""Whether an answer has a good match, and what is missing: the parts that nobody covers, the filters in the way.

`good`: the first group's band is strong or good, and the first part that asks for something, or half of those parts,
are covered. `none`: there is no match, or nobody comes near any such part (see coverage.NEAR). `weak`: all else.
For a free text that is all. Of a record, more may be known: where its texts ask for nothing (they are a profile, or say
nothing), or give less than half of what speaks for the matches, bands decide: strong and good are good, fair is weak,
weak is none.
The first places of the order are looked at, however many are shown. Toward the blind what counts is what at least k of
the candidates there do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from matching.explanation.reasons import Page
from matching.explanation.wording import of_answer
from matching.ranking.model import BANDS

Verdict = Literal["good", "weak", "none"]

VERDICTS: tuple[Verdict, ...] = ("none", "weak", "good")
"""Worst first."""


def verdict_of(page: Page, band: int) -> Verdict:
    """The verdict on the first places of an answer, whose first group is of a band; of a band behind the last: none."""
    if band >= len(BANDS):
        return "none"
    found = page.found
    asks = np.flatnonzero(found.asks)
    if page.basis == "record" or len(asks) == 0:
        return at_most(band)
    if found.near.any(axis=1).sum() < page.least:
        return "none"
    covered = found.covered[:, asks].sum(axis=0) >= page.least
    return "good" if band <= 1 and (covered[0] or covered.mean() >= 0.5) else "weak"


def at_most(band: int) -> Verdict:
    """The best verdict on an answer whose first group is of a band: what bands alone tell."""
    return VERDICTS[int(np.clip(3 - band, 0, 2))]


def is_better(one: Verdict, other: Verdict) -> bool:
    """Whether one verdict is better than another."""
    return VERDICTS.index(one) > VERDICTS.index(other)


def _by_one_word(page: Page) -> list[bool]:
    """Of each part: whether it is covered, but of too few of those who do more than one shared word may be named."""
    found, best = page.found, page.best
    within = (found.words.of[found.telling] > 0).astype(np.float32)
    has = found.has & page.common[best.kind] if page.exact else found.has  # who are k name no single one's words
    shared = has[:, found.telling] @ within
    document, part = np.nonzero(shared > 1)
    several = np.zeros_like(found.covered)
    several[best.owner[document], part] = True
    by, by_several = found.covered.sum(axis=0), (found.covered & several).sum(axis=0)
    one: list[bool] = ((by >= page.least) & (by_several < page.least)).tolist()
    return one


def told(page: Page, verdict: Verdict, in_the_way: Mapping[str, str]) -> dict[str, Any]:
    """What an answer says of its verdict; `in_the_way` are the filters without which it were better.

    To viewers of the order each part tells the ranks of all who cover it. `one_word` warns of a part of which no
    more than one shared word can be named.
    """
    parts: list[dict[str, Any]] = []
    found = page.found
    of_parts = zip(found.parts, found.asks.tolist(), found.covered.T, _by_one_word(page), strict=True)
    for text, asks, covered, one_word in of_parts:
        by = np.flatnonzero(covered)
        part: dict[str, Any] = {"text": text, "asks": asks, "covered": len(by) >= page.least, "one_word": one_word}
        if page.exact:
            part["ranks"] = (by + 1).tolist()
        parts.append(part)
    missing = [
        {"part": at, "text": part["text"]} for at, part in enumerate(parts) if part["asks"] and not part["covered"]
    ]
    missing += [{"filter": name, "value": value} for name, value in in_the_way.items()]
    about = {"verdict": verdict, "basis": page.basis, "parts": parts, "missing": missing}
    return about | {"summary": {name: of_answer(about, page.least, wording) for name, wording in page.wordings.items()}}
