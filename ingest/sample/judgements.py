"""The hidden truth as evaluation sets: graded experts of needs, and investments left out of the relations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ingest.sample import affinity
from ingest.sample.chance import Groups, Ints, stream
from ingest.sample.outcomes import Pairs, among, candidates, kept, pools, without_repeats
from ingest.sample.population import World, sibling
from ingest.sample.texts import TECHNOLOGY, Needs

SUBJECTS = 300
"""Judged needs, at most one in ten of all."""

GRADES = (1.3, 2.75, 4.0)
"""Truth from which on a pair has grade 1 (related), 2 (suits) and 3 (suits very well)."""

JUDGEMENT_NOISE = 0.25
"""Standard deviation of what a judge adds to the truth."""

WARM, COLD = 400, 200
"""Enterprises with one investor hidden, and with every investor hidden; at most one in ten of all."""


class Graded(NamedTuple):
    """Judged pairs: need, expert, grade 0 to 3, sorted by need."""

    need: Ints
    expert: Ints
    grade: Ints


def graded_experts(world: World, needs: Needs, related: Pairs) -> Graded:
    """Some sixty candidates for each of the judged needs: of its topic, of neighbouring topics, and any.

    Pairs in conflict (`related`: enterprise and expert) are not judged.
    """
    rng = stream(world.seed, "judgements")
    experts = world.experts.party
    able = np.flatnonzero((needs.type == TECHNOLOGY) & ~needs.institutional & ~needs.texts.bare)
    subjects = np.sort(rng.permutation(able)[: min(SUBJECTS, max(1, len(needs.texts) // 10))])
    rows = without_repeats(_pool(rng, world, needs.texts.about.topic[subjects]))
    need, expert = np.repeat(subjects, rows.shape[1]), rows.ravel()
    need, expert = need[expert >= 0], expert[expert >= 0]
    free = ~among(Pairs(needs.texts.by[need], expert), related) & ~experts.bare[expert]
    need, expert = need[free], expert[free]
    truth = affinity.expertise(
        world, needs.texts.about, need, world.enterprises.party, needs.texts.by[need], expert
    ) + rng.normal(0, JUDGEMENT_NOISE, len(need))
    order = np.lexsort((expert, need))
    return Graded(need[order], expert[order], np.digitize(truth, GRADES)[order])


def _pool(rng: np.random.Generator, world: World, topic: Ints) -> Ints:
    experts = world.experts.party
    groups: Groups = pools(experts.main.topic, len(world.ontology.topics), experts.second.topic)
    second, third = sibling(rng, topic), sibling(rng, topic)
    near = candidates(rng, groups, topic, second, len(experts), (20, 14, 16))
    return np.concatenate([near, groups.draw(rng, third, 12)], axis=1)


def unjudged(collaborations: Pairs, graded: Graded, needs: Needs) -> Pairs:
    """The collaborations without those between a judged need's enterprise and an expert judged for it."""
    judged = Pairs(needs.texts.by[graded.need], graded.expert)
    return kept(collaborations, ~among(collaborations, judged))


class Hidden(NamedTuple):
    """Investments split into what is known and what a ranking has to find."""

    known: Pairs
    warm: Pairs
    """One investor of each of these enterprises; the others are known."""
    cold: Pairs
    """Every investor of each of these enterprises."""


def hidden_investments(world: World, investments: Pairs) -> Hidden:
    """Leave out investments for the second evaluation set."""
    rng = stream(world.seed, "hidden investments")
    counts = np.bincount(investments.enterprise, minlength=len(world.enterprises.party))
    tenth = max(1, len(world.enterprises.party) // 10)
    several = rng.permutation(np.flatnonzero((counts >= 2) & ~world.enterprises.party.bare))
    warm, cold = several[: min(WARM, tenth)], several[min(WARM, tenth) :][: min(COLD, tenth)]
    # The first of a shuffled order is a random investor of the enterprise.
    shuffle = rng.permutation(len(investments.enterprise))
    first = np.zeros(len(shuffle), bool)
    first[shuffle[np.unique(investments.enterprise[shuffle], return_index=True)[1]]] = True
    is_warm = first & np.isin(investments.enterprise, warm)
    is_cold = np.isin(investments.enterprise, cold)
    return Hidden(
        kept(investments, ~is_warm & ~is_cold), _sorted(kept(investments, is_warm)), _sorted(kept(investments, is_cold))
    )


def _sorted(pairs: Pairs) -> Pairs:
    order = np.lexsort((pairs.partner, pairs.enterprise))
    return Pairs(pairs.enterprise[order], pairs.partner[order])
