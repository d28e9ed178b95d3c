"""Raw rows → entities and relations, by the catalogue's declarations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from graph.errors import UnknownNameError, ValueRejectedError
from graph.records import Entity, Relation, Values
from graph.schema import Catalogue, Field
from ingest.values import Converter, clean, converter

LONGEST_ID = 512
LONGEST_NAME = 100
"""Characters of an undeclared field's name in the report."""
MOST_UNKNOWN = 1_000
"""Undeclared fields that are counted one by one; further ones together, as `…`."""
_BREAKS = re.compile(r"[\t\n]")
"""The control characters that `clean` leaves."""
ENDS = frozenset({"source", "target", "source_kind", "target_kind"})


class Normaliser:
    """Turns raw rows into records; counts the fields that nobody declared."""

    def __init__(self, catalogue: Catalogue, *, strict: bool = False) -> None:
        self.catalogue, self.strict = catalogue, strict
        self.unknown: Counter[tuple[str, str]] = Counter()
        """(kind, field) → rows that had it."""
        self._converters: dict[str, dict[str, Converter]] = {}
        self._ends: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def entity(self, kind: str, raw: Mapping[str, Any]) -> Entity:
        """The entity of a raw row.

        Raises UnknownNameError for an unknown kind (or, when strict, field) and ValueRejectedError with the field
        whose value cannot be normalised.
        """
        id = _id(raw.get("id"), "id")
        return Entity(kind, id, self._values(kind, raw, frozenset({"id"})))

    def relation(self, kind: str, raw: Mapping[str, Any]) -> Relation:
        """The relation of a raw row with `source` and `target`; errors as of `entity`."""
        if kind not in self._ends:
            self._ends[kind] = self.catalogue.ends(kind)
        sources, targets = self._ends[kind]
        return Relation(
            kind,
            _end_kind(raw, "source_kind", sources),
            _id(raw.get("source"), "source"),
            _end_kind(raw, "target_kind", targets),
            _id(raw.get("target"), "target"),
            self._values(kind, raw, ENDS),
        )

    def _values(self, kind: str, raw: Mapping[str, Any], reserved: frozenset[str]) -> Values:
        converters = self._converters.get(kind) or self._compiled(kind)
        values: Values = {}
        for name, value in raw.items():
            if value is None or value == "" or name in reserved:
                continue
            convert = converters.get(name)
            if convert is None:
                self._unknown(kind, name, converters)
                continue
            try:
                done = convert(value)
            except ValueRejectedError as error:
                raise ValueRejectedError(f"field {name!r}: {error}", field=name) from None
            if done is not None and done != "":
                values[name] = done
        return values

    def _compiled(self, kind: str) -> dict[str, Converter]:
        fields: tuple[Field, ...]
        if kind in self.catalogue.entities:
            fields = self.catalogue.entities[kind].fields
        elif kind in self.catalogue.relations:
            fields = self.catalogue.relations[kind].properties
        else:
            raise UnknownNameError("kind", kind, (*self.catalogue.entities, *self.catalogue.relations), field="kind")
        self._converters[kind] = {field.name: converter(field) for field in fields}
        return self._converters[kind]

    def _unknown(self, kind: str, name: str, known: Mapping[str, Converter]) -> None:
        if self.strict:
            raise UnknownNameError(f"field of {kind}", name, known, field=name)
        key = (kind, name[:LONGEST_NAME])
        if key not in self.unknown and len(self.unknown) >= MOST_UNKNOWN:
            key = (kind, "…")
        self.unknown[key] += 1


def _id(value: Any, field: str) -> str:
    """An id as text; it must not hold what ends a cell or a line, for ids are written to tab-separated files."""
    if isinstance(value, float) and value.is_integer():  # as spreadsheets hold whole numbers
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not (text := clean(value)):
        raise ValueRejectedError(f"field {field!r} is needed: a text that is not empty", field=field)
    if len(text) > LONGEST_ID:
        raise ValueRejectedError(f"field {field!r} has {len(text)} characters; at most {LONGEST_ID}", field=field)
    if _BREAKS.search(text):
        raise ValueRejectedError(f"field {field!r} holds a tab or a line break", field=field)
    return text


def _end_kind(raw: Mapping[str, Any], name: str, valid: tuple[str, ...]) -> str:
    given = raw.get(name)
    if given is None or given == "":
        return valid[0] if len(valid) == 1 else ""
    if given not in valid:
        raise UnknownNameError("kind of end", str(given), valid, field=name)
    return str(given)
