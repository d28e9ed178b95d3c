"""Needs, publications and patents as numbers: who speaks of what, in which language, before any word is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.sample.chance import Flags, Floats, Groups, Ints, skewed, stream
from ingest.sample.ontology import METHODS, OBJECTS, PROBLEMS
from ingest.sample.population import BARE, THIS_YEAR, Focus, Party, World

TECHNOLOGY, EQUIPMENT, FINANCE = 0, 1, 2
"""Types of need, in the order of `vocabulary.need_types`."""


@dataclass(frozen=True)
class Texts:
    """What texts are about; `by` is the party that stands behind each (-1 nobody of this world)."""

    about: Focus
    by: Ints
    english: Flags
    year: Ints
    bare: Flags

    def __len__(self) -> int:
        return len(self.by)


@dataclass(frozen=True)
class Needs:
    """Needs; posted by an enterprise, or where `institutional` by an institution."""

    texts: Texts
    type: Ints
    institutional: Flags


def _about(rng: np.random.Generator, party: Party, by: Ints, second: float, stray: float, loyal: float) -> Focus:
    """Topics and terms of texts by the given members: mostly their own, sometimes something else."""
    count = len(by)
    where = rng.random(count)
    on_second = where < second
    stays = rng.random((3, count)) < loyal

    def own(name: str, bound: int, row: int) -> Ints:
        main, other = getattr(party.main, name)[by], getattr(party.second, name)[by]
        drawn = rng.integers(0, bound, count, dtype=np.int8)
        return np.where(stays[row], np.where(on_second, other, main), drawn).astype(np.int8)

    topic = np.where(on_second, party.second.topic[by], party.main.topic[by])
    strays = where > 1 - stray
    topic = np.where(strays, rng.permutation(topic), topic).astype(np.int32)
    return Focus(topic, own("object", OBJECTS, 0), own("problem", PROBLEMS, 1), own("method", METHODS, 2))


def _years(rng: np.random.Generator, count: int) -> Ints:
    return (THIS_YEAR - np.minimum(rng.gamma(1.6, 3.2, count), 22)).astype(np.int32)


def needs(world: World) -> Needs:
    """The needs of a world; a few enterprises post many."""
    rng = stream(world.seed, "need")
    count, enterprises = world.sizes.need, world.enterprises.party
    weights = skewed(rng, len(enterprises), 0.45)
    by = rng.choice(len(enterprises), count, p=weights).astype(np.int32)
    kind = rng.choice(3, count, p=[0.64, 0.2, 0.16]).astype(np.int8)
    institutional = (rng.random(count) < 0.04) & (kind != FINANCE)
    about = _about(rng, enterprises, by, 0.18, 0.04, 0.6)
    by = np.where(institutional, rng.integers(0, world.sizes.institution, count), by).astype(np.int32)
    english = rng.random(count) < 0.12
    texts = Texts(about, by, english, np.full(count, THIS_YEAR, np.int32), rng.random(count) < BARE)
    return Needs(texts, kind, institutional)


@dataclass(frozen=True)
class Documents:
    """Publications and patents with the experts behind them."""

    publications: Texts
    patents: Texts
    """`by` is the inventing expert, -1 for a firm's own patent."""
    owner: Ints
    """Enterprise that owns the patent, -1 where the inventor's institution does."""


def documents(world: World) -> Documents:
    """The documents of a world; where there are enough, every expert has at least one."""
    rng = stream(world.seed, "documents")
    experts = world.experts
    inventions = round(0.35 * world.sizes.patent)
    total = world.sizes.publication + inventions
    counts = _productivity(rng, len(experts.party), total, experts.party.traits.drive)
    by = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    # The `inventions` documents with the highest applied share plus chance are patents.
    leaning = experts.applied[by] + rng.gumbel(0, 0.25, total)
    order = np.argsort(-leaning, kind="stable")
    inventors, authors = rng.permutation(by[order[:inventions]]), rng.permutation(by[order[inventions:]])

    publications = Texts(
        about=_about(rng, experts.party, authors, 0.2, 0.05, 0.55),
        by=authors,
        english=rng.random(len(authors)) < experts.english[authors],
        year=_years(rng, len(authors)),
        bare=rng.random(len(authors)) < BARE,
    )
    return _with_patents(rng, world, publications, inventors)


def _with_patents(rng: np.random.Generator, world: World, publications: Texts, inventors: Ints) -> Documents:
    enterprises = world.enterprises.party
    rest = world.sizes.patent - len(inventors)
    firms = rng.choice(len(enterprises), rest, p=skewed(rng, len(enterprises), 0.5)).astype(np.int32)
    theirs = _about(rng, world.experts.party, inventors, 0.2, 0.03, 0.55)
    own = _about(rng, enterprises, firms, 0.2, 0.05, 0.55)
    order = rng.permutation(world.sizes.patent)

    def mixed(first: Ints, then: Ints) -> Ints:
        joined: Ints = np.concatenate([first, then])[order]
        return joined

    about = Focus(*(mixed(a, b) for a, b in zip(_columns(theirs), _columns(own), strict=True)))
    licensed = np.where(rng.random(len(inventors)) < 0.1, rng.integers(0, len(enterprises), len(inventors)), -1)
    foreign = np.concatenate([world.experts.foreign[inventors], np.zeros(rest, bool)])[order]
    count = world.sizes.patent
    patents = Texts(
        about=about,
        by=mixed(inventors, np.full(rest, -1, np.int32)),
        english=foreign | (rng.random(count) < 0.1),
        year=_years(rng, count),
        bare=rng.random(count) < BARE,
    )
    return Documents(publications, patents, mixed(licensed.astype(np.int32), firms))


def _columns(focus: Focus) -> tuple[Ints, Ints, Ints, Ints]:
    return focus.topic, focus.object, focus.problem, focus.method


def _productivity(rng: np.random.Generator, experts: int, total: int, drive: Floats) -> Ints:
    """How many documents each expert has: one at least where they suffice, the rest skewed; they sum to `total`."""
    weights = np.exp(rng.normal(0, 0.8, experts) + 0.25 * drive)
    counts = rng.multinomial(max(total - experts, 0), weights / weights.sum())
    if total >= experts:
        counts += 1
    else:
        counts[rng.permutation(experts)[:total]] += 1
    return counts.astype(np.int64)


def by_topic(texts: Texts, topics: int) -> Groups:
    """The texts of each topic."""
    return Groups(texts.about.topic, np.arange(len(texts)), topics)
