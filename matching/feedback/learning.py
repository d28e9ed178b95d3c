"""Learning from use: what parties did with the candidates they were shown → a bounded share of each candidate's score.

A conditional logit (McFadden 1974) with one parameter per candidate: within one party's question the ranking's own
scores, in widths of a band, say how the choices should fall; a candidate that is chosen more often than that earns a
positive share, one that is passed over a negative one. Choices at late places count for more, by inverse propensity
(Joachims et al. 2017), because fewer people look there. Nobody can move a candidate far: see BOUND.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Event(StrEnum):
    """What a viewer did with a candidate."""

    OPEN = "open"
    """Looked closer."""
    SAVE = "save"
    """Kept it for later."""
    DISMISS = "dismiss"
    """Does not want to see it again for this question."""
    RESTORE = "restore"
    """Took a dismissal back."""
    ACCEPT = "accept"
    """Wants to be introduced."""
    DECLINE = "decline"
    """Decided against it."""
    DEAL = "deal"
    """Signed with it."""


class Reason(StrEnum):
    """Why a candidate was dismissed or declined."""

    WRONG_FIELD = "wrong-field"
    TOO_FAR = "too-far"
    ALREADY_KNOWN = "already-known"
    TOO_EXPENSIVE = "too-expensive"
    NOT_AVAILABLE = "not-available"
    CONFLICT = "conflict"
    OTHER = "other"


REASONED = frozenset({Event.DISMISS, Event.DECLINE})
"""Events that need a reason."""
UNFIT = frozenset({Reason.WRONG_FIELD, Reason.TOO_FAR, Reason.OTHER})
"""Reasons that speak against the match; the others say nothing of how well it fits, and the pair is left out."""

WORTH = {Event.OPEN: 0.25, Event.SAVE: 0.5, Event.ACCEPT: 1.0, Event.DEAL: 1.0}
"""Choices that one event counts for."""
UNWORTH = -0.5
"""The same for a dismissal or refusal because of the match."""

MOST_WEIGHT = 5.0
"""Clips the inverse propensity: what a choice at a late place counts for at the most."""
PARTY = 2.0
"""Most choices that one party counts for at one candidate, over all its questions and keys."""
SHRINKAGE = 8.0
"""Choices as expected that are added to every candidate's: with few of its own its share stays near 0."""
MOST = 1.0
"""Most that feedback adds to or takes from a score, in widths of a band."""

BOUND = max(PARTY / SHRINKAGE, PARTY * (1 + MOST) / (SHRINKAGE + PARTY))
"""Most that one party can change the share of one candidate, in widths of a band, whatever it does.

The share is N / (D + SHRINKAGE), clipped to ± MOST. A party adds n to N and d to D with |n| <= PARTY, 0 <= d <= PARTY,
and nothing else that it does is read for this candidate; so the share moves by (|n| + d · MOST) / (SHRINKAGE + d) at
the most, which is greatest at one of the ends of d.
"""


@dataclass(frozen=True)
class Impression:
    """One answer as it was shown."""

    party: str
    """Whoever asked: all keys of one party are one."""
    question: str
    """What was asked."""
    first: int
    """Place of the first candidate, 1 on the first page."""
    candidates: tuple[str, ...]
    """Ids in the order shown."""
    scores: tuple[float, ...]
    """Their scores without what feedback adds, in widths of a band."""


@dataclass(frozen=True)
class Reaction:
    """One event."""

    party: str
    question: str
    candidate: str
    event: Event
    reason: Reason | None = None


def examination(places: NDArray[np.int64]) -> Floats:
    """Chance that somebody looks as far as a place, 1 for the first: 1 / log2(place + 1), the discount of DCG."""
    return np.asarray(1 / np.log2(places + 1))


def settled(reactions: Iterable[Reaction]) -> dict[str, tuple[Event, Reason | None]]:
    """Candidate → where it stands with one party in one question: its latest event, an `open` only without others."""
    standing: dict[str, tuple[Event, Reason | None]] = {}
    for reaction in reactions:
        if reaction.event is not Event.OPEN or reaction.candidate not in standing:
            standing[reaction.candidate] = (reaction.event, reaction.reason)
    return standing


class _Evidence(NamedTuple):
    """What one party's question says of the candidates it was shown."""

    candidates: list[str]
    excess: Floats
    """Choices above the expected ones."""
    weight: Floats
    """How much that tells: the curvature of the likelihood."""


def learn(impressions: Iterable[Impression], reactions: Iterable[Reaction]) -> dict[str, float]:
    """Candidate → share of its score in widths of a band, from reactions in the order in which they happened.

    A party counts once per question and candidate, by where that pair stands, and for at most PARTY choices at one
    candidate. A reaction to what was not shown, and an answer without a reaction, say nothing.
    """
    done: dict[tuple[str, str], list[Reaction]] = defaultdict(list)
    for reaction in reactions:
        done[reaction.party, reaction.question].append(reaction)
    shown: dict[tuple[str, str], dict[str, tuple[int, float]]] = defaultdict(dict)
    for seen in impressions:
        if (seen.party, seen.question) in done:
            best = shown[seen.party, seen.question]
            for at, (candidate, score) in enumerate(zip(seen.candidates, seen.scores, strict=True), seen.first):
                if candidate not in best or at < best[candidate][0]:
                    best[candidate] = (at, score)
    sums: dict[str, dict[str, Floats]] = defaultdict(lambda: defaultdict(lambda: np.zeros(3)))
    for (party, question), best in shown.items():
        told = _evidence(best, settled(done[party, question]))
        for candidate, *said in zip(told.candidates, told.excess, np.abs(told.excess), told.weight, strict=True):
            sums[candidate][party] += said
    shares = {candidate: _share(list(parties.values())) for candidate, parties in sums.items()}
    return {candidate: share for candidate, share in shares.items() if share}


def _evidence(best: Mapping[str, tuple[int, float]], standing: Mapping[str, tuple[Event, Reason | None]]) -> _Evidence:
    neutral = {one for one, (event, reason) in standing.items() if event in REASONED and reason not in UNFIT}
    candidates = [one for one in best if one not in neutral]
    if not candidates:
        return _Evidence([], np.empty(0), np.empty(0))
    places, scores = (np.array(column) for column in zip(*(best[one] for one in candidates), strict=True))
    worth = np.array([_worth(standing[one][0]) if one in standing else 0.0 for one in candidates])
    told = worth * np.minimum(1 / examination(places), MOST_WEIGHT)
    chosen, refused = np.maximum(told, 0), np.maximum(-told, 0)
    odds = np.exp(scores - scores.max())
    expected = odds / odds.sum()
    choices = chosen.sum()
    return _Evidence(candidates, chosen - choices * expected - refused, choices * expected * (1 - expected) + refused)


def _worth(event: Event) -> float:
    return UNWORTH if event in REASONED else WORTH.get(event, 0.0)


def _share(parties: list[Floats]) -> float:
    """Share of one candidate from each party's (excess, absolute excess, weight)."""
    sums = np.stack(parties)
    scale = np.minimum(1, PARTY / np.maximum(sums[:, 1:].max(axis=1), PARTY))
    excess, weight = (scale[:, None] * sums[:, ::2]).sum(axis=0)
    return float(np.clip(excess / (weight + SHRINKAGE), -MOST, MOST))
