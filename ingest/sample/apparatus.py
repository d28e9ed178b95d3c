"""Records of instruments."""

from __future__ import annotations

from ingest.sample import naming
from ingest.sample.papers import tellers, terms
from ingest.sample.phrasing import EXPERT_SHARE, Rolls, Teller, chance, one_of
from ingest.sample.population import THIS_YEAR, World
from ingest.sample.records import Row, Rows, records

LOWEST, HIGHEST = (-60, -40, 0, 25), (85, 125, 150, 200, 300, 600)
"""Ends of temperature ranges, in degrees Celsius."""


def instruments(world: World) -> Rows:
    """The instruments of a world."""
    group, voices = world.instruments, tellers(world, EXPERT_SHARE)

    def describe(row: int, rolled: Rolls) -> Row:
        price = float(group.price[row])
        contact = naming.contact(int(group.party.name[row]))
        return {
            **_capability(world, voices[chance(rolled, 0.25)], row, rolled),
            "region": world.ontology.regions[group.party.region[row]].code,
            "price_internal": round(price * 0.6),
            "price_external": price,
            **{key: contact[key] for key in ("contact", "phone", "email")},
            "serial_number": f"SN{THIS_YEAR - next(rolled) % 15}{row:06d}",
        }

    return records(world.seed, "instrument", group.party.bare, describe)


def _capability(world: World, voice: Teller, row: int, rolled: Rolls) -> Row:
    """What the instrument is and can do."""
    kind = world.ontology.instruments[world.instruments.type[row]]
    parts = world.ontology.instrument_parts
    maker = next(rolled) % len(parts["makers"])
    techniques = kind.techniques[int(voice.english)]
    slots = voice.slots(*terms(world.instruments.party.main, row), rolled) | {
        "technique": techniques[0],
        "technique2": techniques[-1],
        "low": one_of(LOWEST, rolled),
        "high": one_of(HIGHEST, rolled),
    }
    patterns = parts["en" if voice.english else "zh"]
    return {
        "name": voice.word(kind.name, rolled),
        "model": f"{parts['model_letters'][maker]}-{1 + next(rolled) % 90 * 10}",
        "manufacturer": parts["makers"][maker],
        "category": kind.category,
        "technique": list(techniques),
        "description": voice.joined([voice.line(patterns, slots, rolled) for _ in range(1 + next(rolled) % 2)]),
        "qualification": one_of(parts["qualifications"], rolled) if chance(rolled, 0.6) else None,
    }
