"""What happened in a sample world: collaborations, investments and instrument uses, drawn from the hidden truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from ingest.sample import affinity
from ingest.sample.chance import Flags, Floats, Groups, Ints, chunks, stream
from ingest.sample.population import World, sibling

TEMPERATURE = 0.45
"""Scale of the Gumbel noise on a choice: some of every outcome is chance."""


class Pairs(NamedTuple):
    """Edges as index pairs, enterprise first."""

    enterprise: Ints
    partner: Ints


Scores = Callable[[Ints, Ints], Floats]
"""(enterprises, partners) → how well each pair fits."""
Draw = Callable[[np.random.Generator, Ints], tuple[Ints, Ints]]
"""(chance, enterprises) → for each a row of candidates, and how many of them it takes."""


def pools(keys: Ints, count: int, *more: Ints) -> Groups:
    """Members by key, where a member may have several keys."""
    members = np.arange(len(keys), dtype=np.int32)
    return Groups(np.concatenate([keys, *more]), np.tile(members, 1 + len(more)), count)


def candidates(
    rng: np.random.Generator, groups: Groups, keys: Ints, siblings: Ints, everyone: int, shares: tuple[int, int, int]
) -> Ints:
    """For each key a row of members: so many of its own group, of a sibling group, of all; -1 where none is left."""
    return np.concatenate(
        [
            groups.draw(rng, keys, shares[0]),
            groups.draw(rng, siblings, shares[1]),
            rng.integers(0, everyone, (len(keys), shares[2]), dtype=np.int32),
        ],
        axis=1,
    )


def without_repeats(rows: Ints) -> Ints:
    """The rows with every repeated member replaced by -1."""
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, 1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = -1
    out = np.empty_like(rows)
    np.put_along_axis(out, order, ordered, 1)
    return out


def choose(rng: np.random.Generator, asking: Ints, rows: Ints, counts: Ints, score: Scores) -> Pairs:
    """The best `counts` of each row by score and Gumbel noise."""
    rows = without_repeats(rows)
    width = rows.shape[1]
    values = score(np.repeat(asking, width), np.maximum(rows, 0).ravel()).reshape(rows.shape)
    values = np.where(rows < 0, -np.inf, values + rng.gumbel(0, TEMPERATURE, rows.shape))
    order = np.argsort(-values, axis=1, kind="stable")
    taken = (np.arange(width) < counts[:, None]) & (np.take_along_axis(values, order, 1) > -np.inf)
    return Pairs(np.repeat(asking, taken.sum(1)), np.take_along_axis(rows, order, 1)[taken])


def _chosen(world: World, name: str, draw: Draw, score: Scores) -> Pairs:
    """What every enterprise chose of the candidates drawn for it, block by block."""
    parts = []
    for number, rows in chunks(len(world.enterprises.party)):
        rng, asking = stream(world.seed, name, number), np.array(rows, np.int32)
        parts.append(choose(rng, asking, *draw(rng, asking), score))
    return Pairs(np.concatenate([p.enterprise for p in parts]), np.concatenate([p.partner for p in parts]))


def collaborations(world: World) -> Pairs:
    """Enterprises and the experts they worked with, about one in three of them with one."""
    firms, experts = world.enterprises.party, world.experts.party
    groups = pools(experts.main.topic, len(world.ontology.topics), experts.second.topic)

    def draw(rng: np.random.Generator, asking: Ints) -> tuple[Ints, Ints]:
        topic = firms.main.topic[asking]
        found = candidates(rng, groups, topic, sibling(rng, topic), len(experts), (40, 12, 8))
        return found, rng.poisson(np.exp(0.5 * firms.traits.drive[asking] - 0.1))

    def score(enterprises: Ints, members: Ints) -> Floats:
        return affinity.expertise(world, firms.main, enterprises, firms, enterprises, members)

    return _chosen(world, "collaborated", draw, score)


def investments(world: World) -> Pairs:
    """Enterprises and the funds that invested in them; those that seek no finance have none."""
    firms, funds = world.enterprises.party, world.funds
    groups = pools(funds.sectors[:, 0].astype(np.int32), len(world.ontology.sectors), funds.sectors[:, 1])

    def draw(rng: np.random.Generator, asking: Ints) -> tuple[Ints, Ints]:
        field = world.topic_field[firms.main.topic[asking]]
        other = rng.integers(0, len(world.ontology.sectors), len(asking))
        found = candidates(rng, groups, field, other, len(funds.party), (80, 5, 15))
        stage = world.enterprises.stage[asking]
        counts = rng.poisson(np.exp(0.3 * firms.traits.drive[asking] - 0.4) * (1 + stage))
        return found, np.where(stage < 0, 0, counts)

    return _chosen(world, "invested", draw, partial(affinity.investment, world))


def usages(world: World) -> Pairs:
    """Enterprises and the instruments they used."""
    firms, tools = world.enterprises.party, world.instruments.party
    groups = pools(tools.main.topic, len(world.ontology.topics))

    def draw(rng: np.random.Generator, asking: Ints) -> tuple[Ints, Ints]:
        topic = firms.main.topic[asking]
        found = candidates(rng, groups, topic, sibling(rng, topic), len(tools), (30, 15, 15))
        return found, rng.poisson(np.exp(0.4 * firms.traits.drive[asking]))

    return _chosen(world, "used", draw, partial(affinity.usage, world))


def advisers(world: World) -> Pairs:
    """Enterprises and the experts employed by them beside their institution: one expert in twenty."""
    return _close_pairs(world, "advisers", 0.05)


def founders(world: World) -> Pairs:
    """Enterprises and the experts who hold shares of them: one expert in thirty."""
    return _close_pairs(world, "founders", 0.033)


def _close_pairs(world: World, name: str, share: float) -> Pairs:
    rng = stream(world.seed, name)
    experts, firms = world.experts.party, world.enterprises.party
    chosen = np.flatnonzero(rng.random(len(experts)) < share).astype(np.int32)
    # Firms that post needs on the expert's own topic: the conflicts that a ranking would walk into.
    firm = pools(firms.main.topic, len(world.ontology.topics)).draw(rng, experts.main.topic[chosen], 1)[:, 0]
    return Pairs(firm[firm >= 0], chosen[firm >= 0])


def supplies(world: World) -> Pairs:
    """Suppliers (first) and their customers, mostly of one field."""
    rng = stream(world.seed, "supplies")
    firms = world.enterprises.party
    field = world.topic_field[firms.main.topic]
    customer = rng.integers(0, len(firms), round(1.2 * len(firms)), dtype=np.int32)
    near = pools(field, len(world.ontology.sectors)).draw(rng, field[customer], 1)[:, 0]
    supplier = np.where(rng.random(len(customer)) < 0.7, near, rng.integers(0, len(firms), len(customer)))
    return distinct(Pairs(supplier.astype(np.int32), customer))


def distinct(pairs: Pairs) -> Pairs:
    """The pairs without self-loops and repeats, first occurrences in their order."""
    keys = pairs.enterprise.astype(np.int64) << 32 | pairs.partner
    first = np.zeros(len(keys), bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return kept(pairs, first & (pairs.enterprise != pairs.partner))


def kept(pairs: Pairs, keep: Flags) -> Pairs:
    """The pairs that are flagged."""
    return Pairs(pairs.enterprise[keep], pairs.partner[keep])


def among(pairs: Pairs, others: Pairs) -> Flags:
    """Which of the pairs occur among the others."""
    return np.isin(
        pairs.enterprise.astype(np.int64) << 32 | pairs.partner,
        others.enterprise.astype(np.int64) << 32 | others.partner,
    )
