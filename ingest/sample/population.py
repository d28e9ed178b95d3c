"""Who lives in a sample world, as numbers: topics, places, languages and the hidden traits that outcomes follow.

The traits (`Traits.taste`, `.drive`) are what no field of a record carries: they decide together with topic, place,
stage and ticket who works with whom, and only the outcomes show them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.sample.chance import Flags, Floats, Ints, pick, skewed, stream
from ingest.sample.ontology import METHODS, OBJECTS, PROBLEMS, TOPICS_PER_FIELD, Ontology
from ingest.sample.sizes import Sizes

THIS_YEAR = 2023
"""The world's present: nothing in it is later than the end of this year."""

TASTES = 6
"""Dimensions of the hidden taste: two parties get on when their tastes point the same way."""

BARE = 0.004
"""Share of records that have nothing but an id, as in real data."""


@dataclass(frozen=True)
class Traits:
    """The hidden part of a party."""

    taste: Floats
    """Shape (n, TASTES)."""
    drive: Floats
    """Shape (n,): how good a partner it is, whoever asks."""


@dataclass(frozen=True)
class Focus:
    """What somebody works on: a topic and the terms preferred in it."""

    topic: Ints
    object: Ints
    problem: Ints
    method: Ints


@dataclass(frozen=True)
class Party:
    """An entity that acts: what it works on, where, and its hidden traits."""

    main: Focus
    second: Focus
    region: Ints
    name: Ints
    bare: Flags
    traits: Traits

    def __len__(self) -> int:
        return len(self.region)


@dataclass(frozen=True)
class Enterprises:
    """Enterprises; `stage` is -1 where no finance is sought."""

    party: Party
    founded: Ints
    size: Ints
    stage: Ints


@dataclass(frozen=True)
class Experts:
    """Experts; `english` is the chance that a text of theirs is English."""

    party: Party
    institution: Ints
    grade: Ints
    english: Floats
    foreign: Flags
    applied: Floats
    """Share of patents among the documents, a visible trace of the hidden drive."""


@dataclass(frozen=True)
class Funds:
    """Funds; stages from `first` to `last`; `tickets` of shape (n, 2) in yuan."""

    party: Party
    sectors: Ints
    """Shape (n, 3) of field numbers, -1 for none."""
    first: Ints
    last: Ints
    tickets: Floats


@dataclass(frozen=True)
class Instruments:
    """Instruments with their type and the institution that owns them."""

    party: Party
    type: Ints
    institution: Ints
    price: Floats


@dataclass(frozen=True)
class World:
    """All parties of a world."""

    seed: int
    sizes: Sizes
    ontology: Ontology
    topic_field: Ints
    institution_region: Ints
    enterprises: Enterprises
    experts: Experts
    funds: Funds
    instruments: Instruments


def populate(seed: int, sizes: Sizes, ontology: Ontology) -> World:
    """Draw the parties of a world; memory grows with their number alone, some 200 bytes each."""
    rng = stream(seed, "world")
    topic_field = np.array([topic.field for topic in ontology.topics], np.int32)
    popularity = skewed(rng, len(ontology.topics), 0.6)
    near, far, foreign = ontology.region_counts
    weights = np.array([region.weight for region in ontology.regions])
    # Nine in ten firms sit in the province, most of the rest elsewhere in the country.
    shares = np.repeat([0.88, 0.10, 0.02], (near, far, foreign)) * weights
    for part in (slice(0, near), slice(near, near + far), slice(near + far, None)):
        shares[part] /= weights[part].sum()
    institution_region = _institution_regions(rng, sizes.institution, shares, near + far)
    build = _Builder(seed, topic_field, popularity, shares)
    return World(
        seed=seed,
        sizes=sizes,
        ontology=ontology,
        topic_field=topic_field,
        institution_region=institution_region,
        enterprises=build.enterprises(sizes.enterprise),
        experts=build.experts(sizes.expert, institution_region, near + far),
        funds=build.funds(sizes.fund),
        instruments=build.instruments(sizes.instrument, ontology, institution_region, near + far),
    )


def _institution_regions(rng: np.random.Generator, count: int, shares: Floats, domestic: int) -> Ints:
    """Every tenth institution lies abroad, the last ones, so that a number tells which."""
    abroad = max(1, count // 10)
    at_home, away = shares[:domestic] / shares[:domestic].sum(), shares[domestic:] / shares[domestic:].sum()
    return np.concatenate([pick(rng, at_home, count - abroad), domestic + pick(rng, away, abroad)])


def sibling(rng: np.random.Generator, topic: Ints) -> Ints:
    """Another topic of the same field, for each."""
    place = topic % TOPICS_PER_FIELD
    other = (place + rng.integers(1, TOPICS_PER_FIELD, len(topic))) % TOPICS_PER_FIELD
    return (topic - place + other).astype(np.int32)


@dataclass(frozen=True)
class _Builder:
    seed: int
    topic_field: Ints
    popularity: Floats
    shares: Floats

    def _focus(self, rng: np.random.Generator, topic: Ints) -> Focus:
        count = len(topic)
        return Focus(
            topic=topic,
            object=rng.integers(0, OBJECTS, count, dtype=np.int8),
            problem=rng.integers(0, PROBLEMS, count, dtype=np.int8),
            method=rng.integers(0, METHODS, count, dtype=np.int8),
        )

    def _party(self, rng: np.random.Generator, count: int, region: Ints | None = None) -> Party:
        topic = pick(rng, self.popularity, count)
        second = sibling(rng, topic)
        away = rng.random(count) < 0.3
        second[away] = pick(rng, self.popularity, int(away.sum()))
        return Party(
            main=self._focus(rng, topic),
            second=self._focus(rng, second),
            region=pick(rng, self.shares, count) if region is None else region,
            name=rng.integers(0, 2**31 - 1, count, dtype=np.int32),
            bare=rng.random(count) < BARE,
            traits=Traits(
                taste=rng.standard_normal((count, TASTES), dtype=np.float32).astype(np.float64),
                drive=rng.standard_normal(count),
            ),
        )

    def enterprises(self, count: int) -> Enterprises:
        rng = stream(self.seed, "enterprise")
        age = np.minimum(rng.gamma(2.0, 5.5, count), 42).astype(np.int32)
        size = np.exp(rng.normal(3.6, 1.25, count) + 0.03 * age).astype(np.int64) + 1
        maturity = age / 6 + np.log10(size) + rng.normal(0, 0.8, count) - 1.6
        stage = np.clip(np.floor(maturity * 1.4), 0, 5).astype(np.int8)
        stage[rng.random(count) < 0.42] = -1
        return Enterprises(self._party(rng, count), (THIS_YEAR - age).astype(np.int32), size, stage)

    def experts(self, count: int, institution_region: Ints, domestic: int) -> Experts:
        rng = stream(self.seed, "expert")
        institution = pick(rng, skewed(rng, len(institution_region), 0.8), count)
        party = self._party(rng, count, institution_region[institution])
        foreign = party.region >= domestic
        leaning = rng.choice(np.array([0.08, 0.5, 0.92]), count, p=[0.42, 0.25, 0.33])
        grade = pick(rng, np.array([0.24, 0.08, 0.04, 0.26, 0.07, 0.06, 0.14, 0.05, 0.02, 0.04]), count)
        applied = 1 / (1 + np.exp(2.0 - 0.9 * party.traits.drive - rng.normal(0, 0.6, count)))
        return Experts(party, institution, grade, np.where(foreign, 1.0, leaning), foreign, applied)

    def funds(self, count: int) -> Funds:
        rng = stream(self.seed, "fund")
        party = self._party(rng, count)
        sectors = np.stack(
            [
                self.topic_field[party.main.topic],
                self.topic_field[party.second.topic],
                np.where(rng.random(count) < 0.4, rng.integers(0, 12, count), -1),
            ],
            axis=1,
        ).astype(np.int8)
        first = np.minimum(rng.geometric(0.4, count) - 1, 5).astype(np.int8)
        last = np.minimum(first + rng.integers(0, 3, count), 5).astype(np.int8)
        low = 10 ** (5.6 + 0.42 * first + rng.normal(0, 0.25, count))
        tickets = np.stack([low, low * 10 ** rng.uniform(0.5, 1.2, count)], axis=1)
        return Funds(party, sectors, first, last, np.round(tickets, -5) + 1e5)

    def instruments(self, count: int, ontology: Ontology, institution_region: Ints, domestic: int) -> Instruments:
        rng = stream(self.seed, "instrument")
        uses = np.array([len(kind.topics) + 0.5 for kind in ontology.instruments])
        kind = pick(rng, uses / uses.sum(), count)
        at_home = np.flatnonzero(institution_region < domestic)
        institution = at_home[pick(rng, skewed(rng, len(at_home), 0.8), count)].astype(np.int32)
        party = self._party(rng, count, institution_region[institution])
        # An instrument's topic is one of those that use its type.
        choices = [np.array(kind_.topics, np.int32) for kind_ in ontology.instruments]
        nth = rng.integers(0, 1 << 30, count)
        topic = np.array([choices[k][n % len(choices[k])] for k, n in zip(kind, nth, strict=True)], np.int32)
        focused = Party(self._focus(rng, topic), party.second, party.region, party.name, party.bare, party.traits)
        low, high = np.array([kind_.price for kind_ in ontology.instruments])[kind].T
        price = low + (high - low) * rng.beta(2, 3, count)
        return Instruments(focused, kind, institution, np.round(price / 10) * 10)
