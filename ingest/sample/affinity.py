"""The truth of a sample world: how well two parties fit, from what the texts say and from hidden traits.

Every function returns one score per pair of equally long index arrays; higher fits better. Scores are in units in
which the standard deviation of the hidden part is about one half.
"""

from __future__ import annotations

import numpy as np

from ingest.sample.chance import Floats, Ints
from ingest.sample.ontology import TOPICS_PER_FIELD
from ingest.sample.population import Focus, Party, Traits, World

SIBLING = 0.35
"""Worth of another topic of the same field, where the same topic is worth 1."""

OBJECT, PROBLEM, METHOD = 0.6, 0.45, 0.35
"""Worth of sharing a topic's object, problem and method."""


def taste(one: Traits, ones: Ints, other: Traits, others: Ints) -> Floats:
    """How well the hidden tastes agree; standard normal in shape."""
    return np.asarray((one.taste[ones] * other.taste[others]).sum(1) / np.sqrt(one.taste.shape[1]))


def _closeness(asked: Focus, asking: Ints, known: Focus, knowing: Ints) -> Floats:
    """3 for the same topic, SIBLING of it in the same field, plus what the shared terms are worth."""
    a, b = asked.topic[asking], known.topic[knowing]
    same = a == b
    shared = (
        OBJECT * (asked.object[asking] == known.object[knowing])
        + PROBLEM * (asked.problem[asking] == known.problem[knowing])
        + METHOD * (asked.method[asking] == known.method[knowing])
    )
    related = a // TOPICS_PER_FIELD == b // TOPICS_PER_FIELD
    return np.asarray(3.0 * np.where(same, 1.0, SIBLING * related) + same * shared)


def _same_city(world: World, one: Ints, other: Ints) -> Floats:
    city = np.unique([region.code[:4] for region in world.ontology.regions], return_inverse=True)[1]
    return np.asarray(city[one] == city[other], np.float64)


def expertise(world: World, asked: Focus, asking: Ints, asker: Party, askers: Ints, experts: Ints) -> Floats:
    """How well experts suit what is asked by the given parties: topic, terms, place, and both sides' traits."""
    party = world.experts.party
    closeness = np.maximum(
        _closeness(asked, asking, party.main, experts), 0.75 * _closeness(asked, asking, party.second, experts)
    )
    return np.asarray(
        closeness
        + 0.5 * taste(asker.traits, askers, party.traits, experts)
        + 0.35 * party.traits.drive[experts]
        + 0.3 * _same_city(world, asker.region[askers], party.region[experts])
    )


def investment(world: World, enterprises: Ints, funds: Ints) -> Floats:
    """How gladly funds and enterprises deal: sector, topic, stage, place, and both sides' traits."""
    firm, fund = world.enterprises.party, world.funds.party
    topic = firm.main.topic[enterprises]
    field = world.topic_field[topic]
    in_sector = (world.funds.sectors[funds] == field[:, None]).any(1)
    on_topic = (fund.main.topic[funds] == topic) | (fund.second.topic[funds] == topic)
    stage = world.enterprises.stage[enterprises]
    distance = np.maximum(world.funds.first[funds] - stage, 0) + np.maximum(stage - world.funds.last[funds], 0)
    return np.asarray(
        1.6 * in_sector
        + 0.7 * on_topic
        - 0.8 * distance
        + 0.5 * _same_city(world, firm.region[enterprises], fund.region[funds])
        + 0.7 * taste(firm.traits, enterprises, fund.traits, funds)
        + 0.5 * fund.traits.drive[funds]
        + 0.3 * firm.traits.drive[enterprises]
    )


def usage(world: World, enterprises: Ints, instruments: Ints) -> Floats:
    """How useful instruments are to enterprises: topic, place, price, and both sides' traits."""
    firm, tool = world.enterprises.party, world.instruments.party
    closeness = np.maximum(
        _closeness(firm.main, enterprises, tool.main, instruments),
        0.75 * _closeness(firm.second, enterprises, tool.main, instruments),
    )
    return np.asarray(
        0.7 * closeness
        + 0.7 * _same_city(world, firm.region[enterprises], tool.region[instruments])
        - 0.4 * np.log10(world.instruments.price[instruments] + 10)
        + 0.5 * taste(firm.traits, enterprises, tool.traits, instruments)
        + 0.35 * tool.traits.drive[instruments]
    )
