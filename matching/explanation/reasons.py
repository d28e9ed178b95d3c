"""Why a candidate is where it is: exact shares of its score, what it shares with the need, and what sets it apart.

Brokers and operators see of each candidate the exact shares, the parts of the need that it covers, and why it stands
before the next; a term is named only if at least k candidates carry it. Toward a counterpart nothing is said of a
single one: whoever asks with the title of a known paper would see its author's card by what it shares with the title.
All of a band are explained together, by bands of their mean shares, and by what at least k of them share and cover.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.candidates.analysis import places_of
from matching.candidates.asked import Asked, Rows
from matching.candidates.best import POOLED, Best, best_documents
from matching.candidates.evidence import Evidence, Reading
from matching.explanation.coverage import Coverage, coverage
from matching.explanation.wording import OWN, TEXT_FAMILIES, TEXT_FEATURES, Wording, of_group, of_match, quoted

Floats = NDArray[np.float64]
Explanation = dict[str, Any]

MOST_TERMS, MOST_PART_TERMS = 6, 3
SHARE_BANDS = ((0.4, "most"), (0.15, "much"), (0.03, "some"))
"""Least part of all that speaks for a candidate, and the word for it."""
LEVEL = 0.02
"""Lead over the next, as a part of the differences between both, below which they are as good as level."""
TELLING = 0.2
"""Part of all that speaks for one of two neighbours from which on a feature is named."""
MOST_TELLING = 2
ROUNDING = 1e-9
"""A lead below 0 by no more is one of rounding."""


class Ranked(NamedTuple):
    """N candidates in order."""

    rows: Rows
    shares: Floats
    """N × features."""
    score: Floats

    def where(self, at: slice | Rows | NDArray[np.bool_]) -> Ranked:
        """Some of them."""
        return Ranked(self.rows[at], self.shares[at], self.score[at])


@dataclass(frozen=True)
class Page:
    """Some neighbouring candidates of an order, and what is known of why they are there."""

    evidence: Evidence
    asked: Asked
    read: Reading
    names: tuple[str, ...]
    """Of the features."""
    wordings: Mapping[str, Wording]
    """Language → what things are called."""
    intercept: float
    ranked: Ranked
    """The whole order."""
    place: slice
    """The page in it."""
    k: int
    exact: bool
    """Whether the viewer sees the order."""
    probability: Floats | None = None
    """Chance of an outcome for each of the n; None where it is not known, or not for the viewer's eyes."""
    explored: frozenset[int] = frozenset()
    """Rows that stand where they are so that they are seen."""

    @cached_property
    def rows(self) -> Rows:
        """Rows of the page's n candidates."""
        return self.ranked.rows[self.place]

    @cached_property
    def shares(self) -> Floats:
        """Their n × m shares."""
        return self.ranked.shares[self.place]

    @cached_property
    def score(self) -> Floats:
        """Their n scores."""
        return self.ranked.score[self.place]

    @cached_property
    def best(self) -> Best:
        """Their best documents."""
        return best_documents(self.evidence, self.read.lexical, self.rows)

    @cached_property
    def found(self) -> Coverage:
        """What they cover of the question."""
        return coverage(self.evidence, self.asked, self.best, len(self.rows))

    @cached_property
    def common(self) -> NDArray[np.bool_]:
        """Kinds of documents × the question's words: whether at least k candidates carry the word there."""
        codes = self.found.sought.words.codes
        common = np.zeros((len(self.evidence.documents), len(codes)), bool)
        for number, source in enumerate(self.evidence.documents):
            place, known = places_of(source.texts.words.vocabulary, codes)
            common[number, known] = source.commonly_carried(place[known], self.k)
        return common

    @property
    def least(self) -> int:
        """How many candidates must do what is told of them all together."""
        return 1 if self.exact else self.k

    @cached_property
    def basis(self) -> Literal["text", "record"]:
        """What speaks for the candidates: what texts say, or what else is known of the one who asks."""
        if self.asked.row is None or len(self.rows) == 0:
            return "text"
        positive = np.maximum(self.shares, 0).sum(axis=0)
        by_text = float(positive[self.is_text].sum() / max(positive.sum(), 1e-12))
        return "text" if by_text >= 0.5 else "record"

    @property
    def is_text(self) -> NDArray[np.bool_]:
        """Whether each feature reads texts."""
        return _are_of_text(self.names)


@lru_cache
def _are_of_text(names: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([name.partition("_")[0] in TEXT_FAMILIES for name in names], bool)


def explanations(page: Page, adds: Sequence[list[int]] | None) -> list[Explanation]:
    """One explanation for each candidate of a page that is seen in order.

    `adds` are the parts that each member of a team brings.
    """
    terms, covers, near = _shared_terms(page)
    over = _over_next(page) if adds is None else []
    moved = {
        at
        for at, row in enumerate(page.ranked.rows[page.place.start :][: len(page.rows) + 1].tolist())
        if row in page.explored
    }
    quotes = [quoted(part) for part in page.found.sought.parts]
    asks = page.found.sought.asks.tolist()
    made = []
    for at, (score, shares) in enumerate(zip(page.score.tolist(), exact_shares(page.names, page.shares), strict=True)):
        why: Explanation = {"score": score, "base": page.intercept}
        if page.probability is not None:
            why["probability"] = float(page.probability[at])
        why["contributions"] = shares
        why |= terms[at]
        why["covers"] = covers[at]
        if near[at]:
            why["near"] = near[at]
        # Whoever was moved down stands before some with higher scores.
        if at < len(over) and not {at, at + 1} & moved and over[at]["lead"] > -ROUNDING:
            why["over_next"] = over[at]
        if at in moved:
            why["explored"] = True
        if adds is not None:
            why["adds"] = adds[at]
        why["summary"] = of_match(why, quotes, asks, page.wordings, page.basis)
        made.append(why)
    return made


def explanations_together(page: Page, groups: Sequence[Rows]) -> list[Explanation]:
    """One explanation for each group of a page's candidates, given by their places, toward those who see no order."""
    found = page.found
    carried = np.zeros((len(page.rows), len(found.sought.words.codes)), bool)
    np.logical_or.at(carried, page.best.owner, found.says)
    quotes = [quoted(part) for part in found.sought.parts]
    made: list[Explanation] = []
    names, shares = net(page.names, page.shares)
    for places in groups:
        why: Explanation = {"contributions": banded_shares(names, shares[places].mean(axis=0))}
        common = carried[places].sum(axis=0) >= page.k
        why["terms"] = [found.sought.words.spelled[at] for at in found.sought.telling if common[at]][:MOST_TERMS]
        why["covers"] = np.flatnonzero(found.covered[places].sum(axis=0) >= page.k).tolist()
        why["summary"] = {name: of_group(why, quotes, page.k, wording) for name, wording in page.wordings.items()}
        made.append(why)
    return made


@lru_cache
def _own_fields(names: tuple[str, ...]) -> tuple[int, ...]:
    """Places of the features that are a candidate's own fields, by name, where these are several."""
    own = sorted((at for at, name in enumerate(names) if name.startswith(OWN)), key=lambda at: names[at])
    return tuple(own) if len(own) > 1 else ()


def net(names: tuple[str, ...], shares: Floats) -> tuple[tuple[str, ...], Floats]:
    """Features and n × m shares with those of a candidate's own fields as one, named `a+b`.

    What one price gives and another takes is one reason, not two.
    """
    own = list(_own_fields(names))
    if not own:
        return names, shares
    rest = [at for at in range(len(names)) if at not in own]
    together = "+".join(names[at] for at in own)
    return (*(names[at] for at in rest), together), np.column_stack([shares[:, rest], shares[:, own].sum(axis=1)])


def exact_shares(names: tuple[str, ...], shares: Floats) -> list[list[dict[str, Any]]]:
    """Of each pair its shares, largest first, then by name: numbers that add up to score - intercept."""
    order = _largest_first(names, shares)
    return [
        [{"feature": names[at], "share": values[at]} for at in ordered if values[at]]
        for ordered, values in zip(order.tolist(), shares.tolist(), strict=True)
    ]


@lru_cache
def _by_name(names: tuple[str, ...]) -> Rows:
    return np.array(names).argsort()


def _largest_first(names: tuple[str, ...], shares: Floats) -> Rows:
    """Of each row the places of its shares, the largest first, equal ones by name."""
    named = _by_name(names)
    return named[(-np.abs(shares))[:, named].argsort(axis=1, kind="stable")]


def banded_shares(names: tuple[str, ...], shares: Floats) -> list[dict[str, Any]]:
    """Words for the features that speak for a group, largest share first: what part of all they are."""
    total = float(np.maximum(shares, 0).sum()) or 1.0
    banded = []
    for one in exact_shares(names, shares[None])[0]:
        if band := next((word for bound, word in SHARE_BANDS if one["share"] / total >= bound), None):
            banded.append({"feature": one["feature"], "share": band})
    return banded


def _over_next(page: Page) -> list[dict[str, Any]]:
    """Of each candidate with a next one, on the page or beyond: what sets it before that one, and what would not.

    Shares are additive, so leaving a feature out takes its share from both: without one whose difference is greater
    than the whole lead, the next is ahead. All features of texts are left out together, as `text`, and so are a
    candidate's own fields (see `net`). `loses` marks a feature that takes from both, from one less.
    """
    names, shares = net(page.names, page.ranked.shares[page.place.start : page.place.stop + 1])
    is_text = _are_of_text(names)
    differ = shares[:-1] - shares[1:]
    leads = differ.sum(axis=1)
    ahead, behind = np.maximum(differ, 0), np.maximum(-differ, 0)
    for_it, against = ahead.sum(axis=1), behind.sum(axis=1)
    level = leads <= LEVEL * (for_it + against)
    tells = ahead > TELLING * for_it[:, None]
    loses = np.maximum(shares[:-1], shares[1:]) <= 0
    against_it = behind > np.maximum(TELLING * against, leads / 2)[:, None]
    told: list[dict[str, Any]] = [
        {"lead": lead, "level": flat, "ahead": [], "behind": [], "without": []}
        for lead, flat in zip(leads.tolist(), level.tolist(), strict=True)
    ]
    order = _largest_first(names, differ)
    for key, telling in (("ahead", tells), ("behind", against_it)):
        rows, places = np.nonzero(np.take_along_axis(telling, order, axis=1))
        features = order[rows, places]
        for at, feature, share in zip(rows.tolist(), features.tolist(), differ[rows, features].tolist(), strict=True):
            if len(told[at][key]) < MOST_TELLING:
                named = {"feature": names[feature], "share": share}
                told[at][key].append(named | {"loses": True} if loses[at, feature] else named)
    ahead_at_all = np.maximum(leads, 0)
    for at in np.flatnonzero(differ[:, is_text].sum(axis=1) > ahead_at_all).tolist():
        told[at]["without"].append(TEXT_FEATURES)
    decides = (differ > ahead_at_all[:, None]) & ~is_text
    for at, feature in zip(*(places.tolist() for places in np.nonzero(decides)), strict=True):
        told[at]["without"].append(names[feature])
    return told


def _nameable(page: Page) -> NDArray[np.bool_]:
    """Documents × words: whether the document has the word, enough others do, and no card is told more by it.

    A card leaves labels out so that it is like others'; what only these say is not named.
    """
    evidence, best, found = page.evidence, page.best, page.found
    named = found.says & page.common[best.kind]
    kind = evidence.kind.candidate
    if not evidence.documents or evidence.documents[0].kind != kind:
        return named
    if evidence.projection.catalogue.entity(kind).public_record:
        return named
    for at in np.flatnonzero((best.kind == 0) & named.any(axis=1)).tolist():
        if hidden := evidence.withheld(int(page.rows[best.owner[at]])):
            named[at, [place for place, code in enumerate(found.sought.words.codes.tolist()) if code in hidden]] = False
    return named


def _shared_terms(page: Page) -> tuple[list[Explanation], list[list[Explanation]], list[list[Explanation]]]:
    """For each candidate: the heaviest words shared with its best documents; the parts it covers, with their words.

    Where it covers none that asks, also the parts that it comes near.
    """
    evidence, best, found = page.evidence, page.best, page.found
    carried = np.zeros((len(page.rows), POOLED, len(found.sought.words.codes)), bool)
    carried[best.owner, best.place] = _nameable(page)
    words = found.sought.telling
    has = np.logical_or.reduce(carried, axis=1)[:, words]
    terms: list[list[str]] = [[] for _ in page.rows]
    for at, word in zip(*(places.tolist() for places in np.nonzero(has)), strict=True):
        terms[at].append(found.sought.words.spelled[words[word]])
    kinds = [source.kind for source in evidence.documents]
    first = best.place == 0
    through = dict(zip(best.owner[first].tolist(), best.kind[first].tolist(), strict=True))
    shared: list[Explanation] = [
        {"terms": said[:MOST_TERMS], "through": kinds[through[at]]} if said else {} for at, said in enumerate(terms)
    ]
    of_part: list[set[str]] = [set() for _ in found.sought.parts]
    for word, part in zip(*(places.tolist() for places in np.nonzero(found.sought.words.of)), strict=True):
        of_part[part].add(found.sought.words.spelled[word])

    def told(flags: NDArray[np.bool_]) -> list[list[Explanation]]:
        of: list[list[Explanation]] = [[] for _ in page.rows]
        for at, part in zip(*(places.tolist() for places in np.nonzero(flags)), strict=True):
            said = [word for word in terms[at] if word in of_part[part]][:MOST_PART_TERMS]
            of[at].append({"part": part, "through": kinds[found.through[at, part]], "terms": said})
        return of

    covered = found.covered
    covers_none = ~np.logical_or.reduce(covered & found.sought.asks, axis=1, keepdims=True)
    return shared, told(covered), told(found.near & covers_none)
