"""Turns topics and terms into sentences of either language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ingest.sample.chance import CHUNK
from ingest.sample.ontology import Metric, Ontology, Phrase

T = TypeVar("T")

Slots = dict[str, Any]
Rolls = Iterator[int]
"""Random 16-bit numbers of one record, taken one after the other."""

ROLLS = 96
"""Random numbers that a record may take."""

EXPERT_SHARE, LAY_SHARE = 0.15, 0.65
"""Share of layman's wordings in documents and in needs."""


def rolls(rng: np.random.Generator, count: int = CHUNK) -> Iterator[Rolls]:
    """For each of `count` records its random numbers."""
    return map(iter, rng.integers(0, 1 << 16, (count, ROLLS), dtype=np.uint16).tolist())


def chance(rolled: Rolls, share: float) -> bool:
    """True with the given probability."""
    return next(rolled) < share * 65_536


def one_of(choices: Sequence[T], rolled: Rolls) -> T:
    """Any of the choices."""
    return choices[next(rolled) % len(choices)]


def bell(rolled: Rolls) -> float:
    """A number that is roughly standard normal (four uniform ones added up)."""
    total = next(rolled) + next(rolled) + next(rolled) + next(rolled)
    return (total / 65_536 - 2) * 1.732


class Teller:
    """Words records in one language, with the layman's wording in a given share of the terms."""

    def __init__(self, ontology: Ontology, english: bool, lay: float) -> None:
        self.ontology = ontology
        self.english = english
        self._language = int(english)
        self._lay = int(lay * 65_536)
        self._generic: list[str] = ontology.grammar["generic"]["en" if english else "zh"]
        self._gloss: str = ontology.grammar["vocabulary"]["gloss"]

    def word(self, phrase: Phrase, rolled: Rolls) -> str:
        """One wording of the phrase."""
        variants = phrase[self._language]
        return variants[-1] if next(rolled) < self._lay else variants[0]

    def _glossed(self, phrase: Phrase, rolled: Rolls) -> str:
        """A wording, in Chinese now and then with the English term behind it."""
        word = self.word(phrase, rolled)
        if next(rolled) < 4_000 and not self.english:
            return self._gloss.format(zh=word, en=phrase.en[0])
        return word

    def slots(self, topic: int, about: tuple[int, int, int], rolled: Rolls) -> Slots:
        """The words for a text on the topic's terms `about` (object, problem, method)."""
        subject = self.ontology.topics[topic]
        objects, problems, methods = subject.objects, subject.problems, subject.methods
        one, two, three = about
        other = one_of(self.ontology.topics, rolled)
        first, second = next(rolled), next(rolled)
        metric, metric2 = subject.metrics[first % 3], subject.metrics[(first + 1 + second % 2) % 3]
        return {
            "topic": self.word(subject.name, rolled),
            "field": self.ontology.sectors[subject.field].name[self._language][0],
            "object": self.word(objects[one], rolled),
            "object2": self.word(objects[(one + 1 + first % 3) % 4], rolled),
            "problem": self.word(problems[two], rolled),
            "problem2": self.word(problems[(two + 1 + second % 3) % 4], rolled),
            "method": self._glossed(methods[three], rolled),
            "method2": self.word(methods[(three + 1 + first // 3 % 3) % 4], rolled),
            "material": self.word(one_of(subject.materials, rolled), rolled),
            "metric": self.word(metric.name, rolled),
            "value": _quantity(metric, next(rolled)),
            "before": _quantity(metric, next(rolled)),
            "metric2": self.word(metric2.name, rolled),
            "value2": _quantity(metric2, next(rolled)),
            "use": self.word(one_of(subject.uses, rolled), rolled),
            "other": self.word(one_of((other.name, *other.methods, *other.objects), rolled), rolled),
            "generic": one_of(self._generic, rolled),
            "generic2": one_of(self._generic, rolled),
            "gain": 2 + second // 3 % 48,
            "count": 3 + first // 9 % 97,
        }

    def patterns(self, *path: str) -> Mapping[str, Sequence[str]]:
        """The sentence patterns of a kind of text in this language."""
        found: Any = self.ontology.grammar
        for name in path:
            found = found[name]
        return dict(found["en" if self.english else "zh"])

    def line(self, patterns: Sequence[str], slots: Mapping[str, Any], rolled: Rolls) -> str:
        """One sentence by one of the patterns."""
        text = one_of(patterns, rolled).format_map(slots)
        return text[0].upper() + text[1:] if self.english else text

    def joined(self, sentences: Sequence[str]) -> str:
        """The different sentences as running text."""
        return (" " if self.english else "").join(dict.fromkeys(sentences))


def _quantity(metric: Metric, roll: int) -> str:
    """A value of the metric with its unit; spread evenly over decades where the range is wide."""
    share = roll / 65_536
    if metric.high > 20 * metric.low:
        value = metric.low * (metric.high / metric.low) ** share
    else:
        value = metric.low + (metric.high - metric.low) * share
    text = f"{value:.3g}" if value < 1000 else f"{round(value, -1):.0f}"
    return f"{text} {metric.unit}" if metric.unit else text
