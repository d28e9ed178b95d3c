"""Records of publications and patents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.sample import naming
from ingest.sample.checkdigits import patent_number
from ingest.sample.ontology import Topic
from ingest.sample.phrasing import EXPERT_SHARE, Rolls, Slots, Teller, chance, one_of
from ingest.sample.population import Focus, World
from ingest.sample.records import Row, Rows, amount, date, identifier, records
from ingest.sample.texts import Texts

Patterns = Mapping[str, Sequence[str]]


def tellers(world: World, lay: float) -> tuple[Teller, Teller]:
    """The Chinese and the English teller."""
    return Teller(world.ontology, False, lay), Teller(world.ontology, True, lay)


def terms(focus: Focus, row: int) -> tuple[int, tuple[int, int, int]]:
    """(topic, (object, problem, method)) of a text or party."""
    return int(focus.topic[row]), (int(focus.object[row]), int(focus.problem[row]), int(focus.method[row]))


def publications(world: World, texts: Texts) -> Rows:
    """The publications of a world."""
    voices = tellers(world, EXPERT_SHARE)
    patterns = [voice.patterns("publication") for voice in voices]

    def describe(row: int, rolled: Rolls) -> Row:
        topic, about = terms(texts.about, row)
        english = int(texts.english[row])
        slots = voices[english].slots(topic, about, rolled)
        subject = world.ontology.topics[topic]
        return {
            "title": voices[english].line(patterns[english]["title"], slots, rolled),
            "abstract": _abstract(voices[english], patterns[english], slots, rolled),
            "keywords": _keywords(subject, slots, about, rolled),
            "discipline": world.ontology.sectors[subject.field].discipline,
            "year": int(texts.year[row]),
            "doi": f"10.5555/{identifier('publication', row)}" if chance(rolled, 0.8) else None,
        }

    return records(world.seed, "publication", texts.bare, describe)


def _abstract(voice: Teller, patterns: Patterns, slots: Slots, rolled: Rolls) -> str:
    parts = ["problem", "approach", "result"]
    if chance(rolled, 0.6):
        parts.insert(0, "background")
    if chance(rolled, 0.5):
        parts.insert(-1, "approach")
    if chance(rolled, 0.4):
        parts.insert(next(rolled) % len(parts), "filler")
    if chance(rolled, 0.6):
        parts.append("close")
    return voice.joined([voice.line(patterns[part], slots, rolled) for part in parts])


def _keywords(subject: Topic, slots: Slots, about: tuple[int, int, int], rolled: Rolls) -> list[str]:
    words = [slots["object"], slots["method"], slots[one_of(("problem", "topic", "material", "use"), rolled)]]
    if chance(rolled, 0.2):
        words += [subject.objects[about[0]].en[0], subject.methods[about[2]].en[0]]
    return list(dict.fromkeys(words[next(rolled) % 2 :]))


def patents(world: World, texts: Texts) -> Rows:
    """The patents of a world."""
    voices = tellers(world, EXPERT_SHARE)
    patterns = [voice.patterns("patent") for voice in voices]

    def describe(row: int, rolled: Rolls) -> Row:
        english = int(texts.english[row])
        voice, pattern = voices[english], patterns[english]
        slots = voice.slots(*terms(texts.about, row), rolled)
        parts = ("first", "middle", "middle", "last")[: 3 + next(rolled) % 2]
        return {
            "title": voice.line(pattern["title"], slots, rolled),
            "abstract": voice.joined([voice.line(pattern[part], slots, rolled) for part in parts]),
            "price": amount(1.6e5, 0.5, rolled) if chance(rolled, 0.3) else None,
            **_register(world, texts, row, rolled),
        }

    return records(world.seed, "patent", texts.bare, describe)


def _register(world: World, texts: Texts, row: int, rolled: Rolls) -> Row:
    """What a patent office knows of the patent."""
    words = world.ontology.grammar["vocabulary"]
    subject = world.ontology.topics[texts.about.topic[row]]
    # The first status is the commonest: the smaller of two draws.
    status = words["legal_status"][min(next(rolled) % 4, next(rolled) % 4)]
    inventors = [naming.person(next(rolled) << 15 | next(rolled)) for _ in range(next(rolled) % 4)]
    if texts.by[row] >= 0:
        inventor = int(texts.by[row])
        foreign = bool(world.experts.foreign[inventor])
        inventors.insert(0, naming.person(int(world.experts.party.name[inventor]), foreign))
    return {
        "ipc": list(subject.ipc[next(rolled) % len(subject.ipc) :]),
        "filing_date": date(int(texts.year[row]), rolled),
        "legal_status": status,
        "licence": one_of(words["licences"], rolled) if chance(rolled, 0.35) else None,
        "number": patent_number(row + 10_000, utility=chance(rolled, 0.2), granted=status == words["legal_status"][0]),
        "inventors": list(dict.fromkeys(inventors)) or None,
    }
