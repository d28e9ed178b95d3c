"""Rows of the relations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest.sample.chance import Flags, Ints, chunks, stream
from ingest.sample.outcomes import Pairs, distinct
from ingest.sample.phrasing import Rolls, chance, one_of, rolls
from ingest.sample.population import THIS_YEAR, World
from ingest.sample.records import Row, Rows, date, identifier, significant
from ingest.sample.texts import Documents, Needs, Texts, by_topic


def rows_of(seed: int, name: str, source: Ints, target: Ints) -> Iterator[tuple[int, int, int, Rolls]]:
    """(number, source, target, random numbers) of each pair, in chunks."""
    for number, rows in chunks(len(source)):
        part = slice(rows.start, rows.stop)
        drawn = rolls(stream(seed, f"{name} rows", number), len(rows))
        yield from zip(rows, source[part].tolist(), target[part].tolist(), drawn, strict=True)


def _edge(source: tuple[str, int], target: tuple[str, int], **values: Any) -> Row:
    return {"source": identifier(*source), "target": identifier(*target), **values}


def _between(low: int, high: int, rolled: Rolls) -> str:
    """A date from one year to another, both included."""
    return date(low + next(rolled) % max(1, high - low + 1), rolled)


def posted(world: World, needs: Needs) -> Rows:
    """Who posted which need, the world's last two years."""
    by, institutional = needs.texts.by, needs.institutional
    for need, source, _, rolled in rows_of(world.seed, "posted", by, by):
        kind = "institution" if institutional[need] else "enterprise"
        when = _between(THIS_YEAR - 1, THIS_YEAR, rolled)
        yield _edge((kind, source), ("need", need), source_kind=kind, date=when)


def employed(world: World, advisers: Pairs) -> Rows:
    """Where experts work and worked: their institution, an earlier one, and firms that some of them advise."""
    experts = world.experts
    own = np.arange(len(experts.party), dtype=np.int32)
    place = "institution"
    for _, expert, institution, rolled in rows_of(world.seed, "employed", own, experts.institution):
        since = 2002 + next(rolled) % 20
        yield _edge(("expert", expert), (place, institution), target_kind=place, since=date(since, rolled))
        if chance(rolled, 0.15) and (other := next(rolled) % world.sizes.institution) != institution:
            times = {"since": date(since - 6, rolled), "until": date(since - 1, rolled)}
            yield _edge(("expert", expert), (place, other), target_kind=place, **times)
    for _, firm, expert, rolled in rows_of(world.seed, "advisers", advisers.enterprise, advisers.partner):
        times = {"since": _between(2017, THIS_YEAR - 1, rolled)}
        if chance(rolled, 0.25):
            times["until"] = date(THIS_YEAR, rolled)
        yield _edge(("expert", expert), ("enterprise", firm), target_kind="enterprise", **times)


def authored(world: World, texts: Texts) -> Rows:
    """First authors of all publications, and now and then a second one of the same topic."""
    groups = by_topic(texts, len(world.ontology.topics))
    # A colleague is an author of another publication of the topic; where documents are scarce nobody has one.
    share = 0.15 if len(texts) > len(world.experts.party) else 0.0
    for number, rows in chunks(len(texts)):
        part = slice(rows.start, rows.stop)
        rng = stream(world.seed, "authored", number)
        others = texts.by[groups.draw(rng, texts.about.topic[part], 1)[:, 0]]
        joins = (rng.random(len(rows)) < share) & (others != texts.by[part])
        for row, first, other, joined in zip(
            rows, texts.by[part].tolist(), others.tolist(), joins.tolist(), strict=True
        ):
            yield _edge(("expert", first), ("publication", row), position=1)
            if joined:
                yield _edge(("expert", other), ("publication", row), position=2)


def invented(world: World, texts: Texts) -> Rows:
    """The experts behind patents."""
    for patent in np.flatnonzero(texts.by >= 0).tolist():
        yield _edge(("expert", int(texts.by[patent])), ("patent", patent), position=1)


def owned(world: World, documents: Documents) -> Rows:
    """Owners of patents (firms, or the inventors' institutions) and of instruments."""
    patents, owner = documents.patents, documents.owner
    home = world.experts.institution[np.maximum(patents.by, 0)]
    for patent, firm, institution, rolled in rows_of(world.seed, "owns", owner, home):
        kind, number = ("enterprise", firm) if firm >= 0 else ("institution", institution)
        since = date(min(THIS_YEAR, int(patents.year[patent]) + 1), rolled)
        yield _edge((kind, number), ("patent", patent), source_kind=kind, target_kind="patent", since=since)
    tools = world.instruments.institution
    for tool, institution, _, rolled in rows_of(world.seed, "instruments", tools, tools):
        kinds = {"source_kind": "institution", "target_kind": "instrument"}
        yield _edge(("institution", institution), ("instrument", tool), **kinds, since=_between(2005, 2022, rolled))


def cited(world: World, documents: Documents) -> Rows:
    """Citations: publications cite publications of their topic, patents cite patents and publications."""
    papers, patents = documents.publications, documents.patents
    yield from _citations(world, "publication", papers, "publication", papers, 3)
    yield from _citations(world, "patent", patents, "patent", patents, 1)
    yield from _citations(world, "patent", patents, "publication", papers, 1)


def _citations(world: World, kind: str, citing: Texts, target: str, cited: Texts, most: int) -> Rows:
    groups = by_topic(cited, len(world.ontology.topics))
    for number, rows in chunks(len(citing)):
        part = slice(rows.start, rows.stop)
        rng = stream(world.seed, f"{kind} cites {target}", number)
        found = groups.draw(rng, citing.about.topic[part], most)
        earlier = (found >= 0) & (cited.year[found] < citing.year[part][:, None]) & (rng.random(found.shape) < 0.7)
        source, column = np.nonzero(earlier)
        pairs = Pairs(source.astype(np.int32) + rows.start, found[source, column])
        for one, other in _unique(pairs, kind == target):
            yield _edge((kind, one), (target, other), source_kind=kind, target_kind=target)


def _unique(pairs: Pairs, same_kind: bool) -> Iterator[tuple[int, int]]:
    # A self-loop exists only within a kind; numbers of different kinds are moved apart.
    shifted = pairs if same_kind else Pairs(pairs.enterprise, pairs.partner + (1 << 30))
    for one, other in zip(*(column.tolist() for column in distinct(shifted)), strict=True):
        yield one, other if same_kind else other - (1 << 30)


def collaborated(world: World, pairs: Pairs) -> Rows:
    """Joint projects of experts with firms, and of the experts' institutions with one firm in six of these."""
    experts = world.experts
    for _, firm, expert, rolled in rows_of(world.seed, "collaborated", *pairs):
        topic = world.ontology.topics[int(world.enterprises.party.main.topic[firm])]
        since = 2015 + next(rolled) % 9
        times = {"since": date(since, rolled), "topic": topic.name.zh[0]}
        if chance(rolled, 0.6) and since < THIS_YEAR:
            times["until"] = _between(since + 1, THIS_YEAR, rolled)
        yield _edge(("expert", expert), ("enterprise", firm), source_kind="expert", **times)
        if chance(rolled, 1 / 6):
            source = ("institution", int(experts.institution[expert]))
            yield _edge(source, ("enterprise", firm), source_kind="institution", **times)


@dataclass(frozen=True)
class Round:
    """What an investment was."""

    stage: str
    date: str
    amount: float


def invested(world: World, pairs: Pairs) -> Rows:
    """Investments of funds in firms, at or before the firm's present stage."""
    for fund, firm, deal in _rounds(world, pairs):
        yield _edge(("fund", fund), ("enterprise", firm), stage=deal.stage, date=deal.date, amount=deal.amount)


def _rounds(world: World, pairs: Pairs) -> Iterator[tuple[int, int, Round]]:
    stages = world.ontology.grammar["vocabulary"]["stages"]
    for _, firm, fund, rolled in rows_of(world.seed, "invested", *pairs):
        now = int(world.enterprises.stage[firm])
        stage = min(now, int(world.funds.first[fund]) + next(rolled) % 2)
        low, high = world.funds.tickets[fund].tolist()
        # Earlier rounds lie further back.
        year = THIS_YEAR - min(2 * (now - stage) + next(rolled) % 3, THIS_YEAR - int(world.enterprises.founded[firm]))
        amount = significant(low * (high / low) ** (next(rolled) / 65_536))
        yield fund, firm, Round(stages[stage], date(year, rolled), amount)


def used(world: World, pairs: Pairs) -> Rows:
    """Bookings of instruments by firms: one to three of each pair."""
    for _, firm, tool, rolled in rows_of(world.seed, "used", *pairs):
        days = {_between(THIS_YEAR - 1, THIS_YEAR, rolled) for _ in range(one_of((1, 1, 1, 2, 3), rolled))}
        for day in sorted(days):
            yield _edge(("enterprise", firm), ("instrument", tool), date=day, hours=1 + next(rolled) % 16)


def supplied(world: World, pairs: Pairs) -> Rows:
    """Supplies between firms, some of them over."""
    for _, supplier, customer, rolled in rows_of(world.seed, "supplies", *pairs):
        times = {"since": _between(2010, THIS_YEAR - 2, rolled)}
        if chance(rolled, 0.2):
            times["until"] = _between(THIS_YEAR - 1, THIS_YEAR, rolled)
        yield _edge(("enterprise", supplier), ("enterprise", customer), **times)


def funds_hold(world: World, pairs: Pairs) -> Rows:
    """Shares that funds took in six of ten known investments."""
    held: Flags = stream(world.seed, "held").random(len(pairs.enterprise)) < 0.6
    for (fund, firm, deal), keeps in zip(_rounds(world, pairs), held.tolist(), strict=True):
        if keeps:
            share = (int(deal.amount) // 1_000 % 30 + 1) / 100
            yield _edge(("fund", fund), ("enterprise", firm), source_kind="fund", since=deal.date, share=share)


def others_hold(world: World, founders: Pairs) -> Rows:
    """Shares of experts in firms, and of parent firms: one firm in fifteen has one."""
    for _, firm, expert, rolled in rows_of(world.seed, "founders", *founders):
        times = {"since": _between(2012, THIS_YEAR, rolled), "share": (3 + next(rolled) % 60) / 100}
        yield _edge(("expert", expert), ("enterprise", firm), source_kind="expert", **times)
    count = len(world.enterprises.party)
    rng = stream(world.seed, "parents")
    child = np.flatnonzero(rng.random(count) < 1 / 15).astype(np.int32)
    pairs = distinct(Pairs(rng.integers(0, count, len(child), dtype=np.int32), child))
    for _, parent, firm, rolled in rows_of(world.seed, "parents", *pairs):
        values = {"since": _between(2008, THIS_YEAR, rolled), "share": (10 + next(rolled) % 90) / 100}
        yield _edge(("enterprise", parent), ("enterprise", firm), source_kind="enterprise", **values)
