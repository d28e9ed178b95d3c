"""Records of enterprises, experts, funds and institutions."""

from __future__ import annotations

import numpy as np

from ingest.sample import naming
from ingest.sample.checkdigits import orcid, uscc
from ingest.sample.ontology import Region, Topic
from ingest.sample.papers import tellers, terms
from ingest.sample.phrasing import EXPERT_SHARE, Rolls, Slots, Teller, chance, one_of
from ingest.sample.population import Party, World
from ingest.sample.records import Row, Rows, amount, records, significant


def _regions(region: Region, rolled: Rolls) -> list[str]:
    """The region as a register has it: mostly the district, now and then only the city."""
    coarse = region.code.isdigit() and chance(rolled, 0.08)
    return [region.code[:4] + "00" if coarse else region.code]


def _told(voice: Teller, kind: str, slots: Slots, rolled: Rolls, ending: float) -> str:
    """A text of that kind; it ends with contact details or the like with the given probability."""
    patterns = voice.patterns(kind)
    parts = ["first", "middle"] + ["middle"] * chance(rolled, 0.4) + ["last"] * chance(rolled, ending)
    return voice.joined([voice.line(patterns[part], slots, rolled) for part in parts])


def _slots(voice: Teller, party: Party, row: int, rolled: Rolls) -> Slots:
    """The words for a text about the party, with its second topic and contact details."""
    second = voice.ontology.topics[party.second.topic[row]].name
    slots = voice.slots(*terms(party.main, row), rolled)
    return slots | {"topic2": voice.word(second, rolled)} | naming.contact(int(party.name[row]))


def enterprises(world: World) -> Rows:
    """The enterprises of a world."""
    group, voices = world.enterprises, tellers(world, 0.4)
    stages = world.ontology.grammar["vocabulary"]["stages"]

    def describe(row: int, rolled: Rolls) -> Row:
        subject = world.ontology.topics[group.party.main.topic[row]]
        region = world.ontology.regions[group.party.region[row]]
        domestic = region.code.isdigit()
        voice = voices[not domestic or chance(rolled, 0.04)]
        registered = {
            "name": naming.enterprise(int(group.party.name[row]), region, subject.field),
            "uscc": uscc(region.code, row) if domestic else None,
        }
        year, stage = int(group.founded[row]), int(group.stage[row])
        slots = _slots(voice, group.party, row, rolled) | registered | {"year": year}
        return {
            **registered,
            "tags": _tags(world, subject, rolled),
            "stage": stages[stage] if stage >= 0 else None,
            "industry": subject.industry,
            "regions": _regions(region, rolled),
            "founded_year": year,
            "size": int(group.size[row]),
            "business_scope": _told(voice, "scope", slots, rolled, 0.4 if domestic else 0.0),
            **_books(int(group.size[row]), rolled),
            "contact": slots["contact"],
            "phone": slots["phone"],
        }

    return records(world.seed, "enterprise", group.party.bare, describe)


def _tags(world: World, subject: Topic, rolled: Rolls) -> list[str] | None:
    honours = world.ontology.grammar["vocabulary"]["honours"]
    tags = [world.ontology.sectors[subject.field].name.zh[0]] if chance(rolled, 0.85) else []
    tags += [subject.name.zh[0]] if chance(rolled, 0.45) else []
    tags += [one_of(honours, rolled) for _ in range(next(rolled) % 3)]
    return list(dict.fromkeys(tags)) or None


def _books(size: int, rolled: Rolls) -> Row:
    """Figures of the tax and registry offices."""
    revenue = amount(size * 6.5e5, 0.3, rolled)
    return {
        "registered_capital": max(1e5, amount(size * 2e5, 0.3, rolled)),
        "revenue": revenue,
        "tax_paid": significant(revenue * 0.045),
        "rd_expense": amount(revenue * 0.06, 0.3, rolled),
        "insured_staff": max(1, round(size * 0.9)),
    }


def experts(world: World) -> Rows:
    """The experts of a world."""
    group, voices = world.experts, tellers(world, EXPERT_SHARE)
    words = world.ontology.grammar["vocabulary"]

    def describe(row: int, rolled: Rolls) -> Row:
        foreign, grade = bool(group.foreign[row]), int(group.grade[row])
        english = foreign or chance(rolled, 0.25 * float(group.english[row]))
        titles = words["titles_zh"][grade], words["titles_en"][words["coarse_titles"][grade]]
        number = int(group.party.name[row])
        slots = _slots(voices[english], group.party, row, rolled)
        slots |= {"name": naming.person(number, foreign, roman=english), "title": titles[english]}
        tags = list(dict.fromkeys([slots["topic"], slots["topic2"], slots["method"]][: next(rolled) % 4]))
        return {
            "name": naming.person(number, foreign),
            "orcid": orcid(row) if chance(rolled, 0.6) else None,
            "tags": tags or None,
            "title": titles[foreign],
            "bio": _told(voices[english], "bio", slots, rolled, 0.5) if chance(rolled, 0.8) else None,
            "email": slots["email"],
            "phone": slots["phone"] if chance(rolled, 0.7) else None,
        }

    return records(world.seed, "expert", group.party.bare, describe)


def funds(world: World) -> Rows:
    """The funds of a world."""
    group, voices = world.funds, tellers(world, 0.3)
    words = world.ontology.grammar["vocabulary"]

    def describe(row: int, rolled: Rolls) -> Row:
        region = world.ontology.regions[group.party.region[row]]
        voice = voices[not region.code.isdigit() or chance(rolled, 0.06)]
        low, high = group.tickets[row].tolist()
        stages = range(int(group.first[row]), int(group.last[row]) + 1)
        number = int(group.party.name[row])
        slots = _slots(voice, group.party, row, rolled) | {
            "manager": naming.manager(number),
            "stage": words["stages_en" if voice.english else "stages"][stages[0]],
            "region": region.en if voice.english else region.zh,
            "low": round(low / 1e4),
            "high": round(high / 1e4),
        }
        sectors = np.unique(group.sectors[row][group.sectors[row] >= 0]).tolist()
        return {
            "name": naming.fund(number, region),
            "manager": slots["manager"],
            "stages": [words["stages"][stage] for stage in stages],
            "sectors": [world.ontology.sectors[sector].name.zh[0] for sector in sectors],
            "tags": [one_of(words["fund_tags"], rolled)] if chance(rolled, 0.6) else None,
            "regions": _regions(region, rolled),
            "ticket_min": significant(low),
            "ticket_max": significant(high),
            "strategy": _told(voice, "strategy", slots, rolled, 0.4),
        }

    return records(world.seed, "fund", group.party.bare, describe)


def institutions(world: World) -> Rows:
    """The institutions of a world."""
    types = world.ontology.grammar["vocabulary"]["institution_types"]

    def describe(row: int, rolled: Rolls) -> Row:
        region = world.ontology.regions[world.institution_region[row]]
        name, kind = naming.institution(row, region)
        return {"name": name, "institution_type": types[kind], "region": region.code}

    return records(world.seed, "institution", np.zeros(world.sizes.institution, bool), describe)
