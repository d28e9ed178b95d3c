"""Records of needs: what enterprises ask for, in their own words."""

from __future__ import annotations

from ingest.sample import naming
from ingest.sample.checkdigits import uscc
from ingest.sample.ontology import Topic
from ingest.sample.papers import tellers, terms
from ingest.sample.phrasing import LAY_SHARE, Rolls, Slots, Teller, chance, one_of
from ingest.sample.population import THIS_YEAR, World
from ingest.sample.records import Row, Rows, amount, date, records
from ingest.sample.texts import Needs

KINDS = ("technology", "equipment", "finance")
"""Names of the patterns, in the order of the types of need."""

BUDGETS = (4e5, 8e3, 1e7)
"""Typical budgets by type of need, in yuan."""

TEMPERATURES = (-40, 25, 60, 85, 105, 125, 150, 175, 200)
"""Test conditions that requests for instruments name, in degrees Celsius."""

HEADQUARTERS = "330100"
"""Where the credit codes of institutions and foreign firms are registered."""


def needs(world: World, asked: Needs) -> Rows:
    """The needs of a world."""
    texts, voices = asked.texts, tellers(world, LAY_SHARE)
    types = world.ontology.grammar["vocabulary"]["need_types"]

    def describe(row: int, rolled: Rolls) -> Row:
        kind = int(asked.type[row])
        topic, about = terms(texts.about, row)
        voice, subject = voices[int(texts.english[row])], world.ontology.topics[topic]
        slots = voice.slots(topic, about, rolled) | _details(world, voice, subject, rolled) | _asker(world, asked, row)
        return {
            **_worded(voice, KINDS[kind], slots, rolled),
            "need_type": types[kind],
            "tags": _tags(world, subject, slots, rolled),
            "industry": subject.industry if chance(rolled, 0.8) else None,
            "budget": amount(BUDGETS[kind], 0.4, rolled) if chance(rolled, 0.7) else None,
            "deadline": date(THIS_YEAR + 1, rolled) if chance(rolled, 0.6) else None,
        }

    return records(world.seed, "need", texts.bare, describe)


def _details(world: World, voice: Teller, subject: Topic, rolled: Rolls) -> Slots:
    words = world.ontology.grammar["vocabulary"]
    instrument = world.ontology.instruments[one_of(subject.tests, rolled)]
    return {
        "ask": one_of(instrument.asks[int(voice.english)], rolled),
        "low": one_of(TEMPERATURES, rolled),
        "stage": one_of(words["stages_en" if voice.english else "stages"], rolled),
        "amount": (1 + next(rolled) % 50) * 100,
    }


def _asker(world: World, asked: Needs, row: int) -> Slots:
    """Name and contact of whoever posts, for the texts that give them away."""
    by = int(asked.texts.by[row])
    if asked.institutional[row]:
        place = world.ontology.regions[world.institution_region[by]]
        name, code, number = naming.institution(by, place)[0], uscc(HEADQUARTERS, 900_000 + by), by
    else:
        firms = world.enterprises.party
        place, number = world.ontology.regions[firms.region[by]], int(firms.name[by])
        name = naming.enterprise(number, place, int(world.topic_field[firms.main.topic[by]]))
        code = uscc(place.code if place.code.isdigit() else HEADQUARTERS, by)
    return {"name": name, "uscc": code, **naming.contact(number)}


def _worded(voice: Teller, kind: str, slots: Slots, rolled: Rolls) -> Row:
    """Title and text; one text in six names the asker, as careless texts do."""
    patterns = voice.patterns(kind)
    parts = ["first", "middle"]
    if chance(rolled, 0.6):
        parts.append("middle")
    if chance(rolled, 0.35):
        parts.insert(1 + next(rolled) % 2, "filler")
    if chance(rolled, 0.6):
        parts.append("last")
    sentences = [voice.line(patterns[part], slots, rolled) for part in parts]
    if chance(rolled, 1 / 6):
        contact = voice.ontology.grammar["need_contact"]["en" if voice.english else "zh"]
        sentences.append(voice.line(contact, slots, rolled))
    return {"title": voice.line(patterns["title"], slots, rolled), "text": voice.joined(sentences)}


def _tags(world: World, subject: Topic, slots: Slots, rolled: Rolls) -> list[str] | None:
    tags = [world.ontology.sectors[subject.field].name.zh[0]] if chance(rolled, 0.6) else []
    tags += [slots["topic"]] if chance(rolled, 0.3) else []
    return tags or None
