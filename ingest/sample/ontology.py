"""What the sample world talks about: topics with their terms in two languages, instrument types, regions, patterns."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

ZH, EN = 0, 1
"""Languages, as indices into a `Phrase`."""

FIELDS = (
    "manufacturing", "chips", "materials", "biomedicine", "devices", "intelligence",
    "digital", "optics", "energy", "environment", "agriculture", "transport",
)  # fmt: skip
"""Names of the topic files, in the order of the field numbers."""

TOPICS_PER_FIELD = 6
"""How many topics each file has: those of a field have consecutive numbers."""

OBJECTS, PROBLEMS, METHODS, MATERIALS, METRICS, USES = 4, 4, 4, 3, 3, 2
"""How many terms each slot of a topic has."""


class Phrase(NamedTuple):
    """One concept: per language the specialist's wording first, the layman's last (they may be one)."""

    zh: tuple[str, ...]
    en: tuple[str, ...]


class Metric(NamedTuple):
    """A quantity that a topic measures."""

    name: Phrase
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Topic:
    """One technical topic."""

    key: str
    name: Phrase
    field: int
    industry: str
    ipc: tuple[str, ...]
    objects: tuple[Phrase, ...]
    problems: tuple[Phrase, ...]
    methods: tuple[Phrase, ...]
    materials: tuple[Phrase, ...]
    metrics: tuple[Metric, ...]
    uses: tuple[Phrase, ...]
    tests: tuple[int, ...]
    """Instrument types that serve it, as numbers."""


@dataclass(frozen=True)
class Sector:
    """A field of topics, as funds and registries name it."""

    name: Phrase
    discipline: str
    firm_words: tuple[str, ...]


@dataclass(frozen=True)
class InstrumentType:
    """A kind of instrument."""

    name: Phrase
    category: str
    techniques: tuple[tuple[str, ...], tuple[str, ...]]
    asks: tuple[tuple[str, ...], tuple[str, ...]]
    price: tuple[float, float]
    topics: tuple[int, ...]
    """Topics that use it."""


class Region(NamedTuple):
    """A place where firms sit."""

    code: str
    weight: float
    zh: str
    en: str


@dataclass(frozen=True)
class Ontology:
    """Everything that the texts are made of."""

    topics: tuple[Topic, ...]
    sectors: tuple[Sector, ...]
    instruments: tuple[InstrumentType, ...]
    regions: tuple[Region, ...]
    """Near ones first, then the rest of the country, then abroad."""
    region_counts: tuple[int, int, int]
    grammar: Mapping[str, Any]
    names: Mapping[str, Any]
    instrument_parts: Mapping[str, Any]


@cache
def load() -> Ontology:
    """The ontology that comes with the package."""
    instruments = _read("instruments.toml")
    numbers = {key: number for number, key in enumerate(instruments["instrument"])}
    sectors: list[Sector] = []
    topics: list[Topic] = []
    for field, name in enumerate(FIELDS):
        document = _read(f"topics/{name}.toml")
        sectors.append(
            Sector(
                name=Phrase((document["sector_zh"],), (document["sector_en"],)),
                discipline=document["discipline"],
                firm_words=tuple(document["firm_words"]),
            )
        )
        topics.extend(_topic(entry, field, numbers) for entry in document["topic"])
        if len(topics) != len(sectors) * TOPICS_PER_FIELD:
            raise ValueError(f"{TOPICS_PER_FIELD} topics expected in {name}")
    regions = _read("regions.toml")
    return Ontology(
        topics=tuple(topics),
        sectors=tuple(sectors),
        instruments=tuple(
            _instrument(row, [t for t, topic in enumerate(topics) if numbers[key] in topic.tests])
            for key, row in instruments["instrument"].items()
        ),
        regions=tuple(Region(code, *row) for part in ("near", "far", "foreign") for code, row in regions[part].items()),
        region_counts=(len(regions["near"]), len(regions["far"]), len(regions["foreign"])),
        grammar=_read("grammar.toml"),
        names=_read("names.toml"),
        instrument_parts={**instruments["parts"], **instruments["texts"]},
    )


def _read(path: str) -> dict[str, Any]:
    return tomllib.loads(files("ingest.sample").joinpath(path).read_text(encoding="utf-8"))


def _parts(text: str, separator: str = ";") -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator))


def _phrase(text: str) -> Phrase:
    zh, en = _parts(text, "|")
    return Phrase(_parts(zh, "/"), _parts(en, "/"))


def _phrases(text: str, expected: int) -> tuple[Phrase, ...]:
    found = tuple(_phrase(part) for part in _parts(text))
    if len(found) != expected:
        raise ValueError(f"{expected} terms expected, {len(found)} found: {text}")
    return found


def _metric(text: str) -> Metric:
    zh, en, unit, low, high = _parts(text, "|")
    return Metric(_phrase(f"{zh}|{en}"), "" if unit == "1" else unit, float(low), float(high))


def _topic(entry: Mapping[str, Any], field: int, instruments: Mapping[str, int]) -> Topic:
    return Topic(
        key=entry["key"],
        name=Phrase((entry["zh"],), (entry["en"],)),
        field=field,
        industry=entry["industry"],
        ipc=tuple(entry["ipc"]),
        objects=_phrases(entry["objects"], OBJECTS),
        problems=_phrases(entry["problems"], PROBLEMS),
        methods=_phrases(entry["methods"], METHODS),
        materials=_phrases(entry["materials"], MATERIALS),
        metrics=tuple(_metric(part) for part in _parts(entry["metrics"])),
        uses=_phrases(entry["uses"], USES),
        tests=tuple(instruments[key] for key in entry["tests"]),
    )


def _instrument(row: str, topics: Sequence[int]) -> InstrumentType:
    zh, en, category, techniques_zh, techniques_en, asks_zh, asks_en, low, high = _parts(row, "|")
    return InstrumentType(
        name=Phrase(_parts(zh, "/"), _parts(en, "/")),
        category=category,
        techniques=(_parts(techniques_zh), _parts(techniques_en)),
        asks=(_parts(asks_zh), _parts(asks_en)),
        price=(float(low), float(high)),
        topics=tuple(topics),
    )
