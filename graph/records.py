"""The records that travel: entities, relations, where they came from, and how they are told apart."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson

from graph.errors import ValueRejectedError
from graph.schema import RelationKind

Value = str | int | float | bool | list[str] | list[int] | list[float]
Values = dict[str, Any]
"""Field name → normalised value (`Value`); an absent field has no key: None and "" are never stored."""


class Origin(NamedTuple):
    """Where a batch of records came from and how fresh it is."""

    source: str
    """Name of the source, e.g. a file's name or `api`."""
    date: str
    """ISO 8601 date or date-time of the data; the greater string is the newer."""


class Entity(NamedTuple):
    """One node."""

    kind: str
    id: str
    values: Values


class Relation(NamedTuple):
    """One edge; `identity` of its kind tells parallel edges apart."""

    kind: str
    source_kind: str
    source: str
    target_kind: str
    target: str
    values: Values

    def key(self, kind: RelationKind) -> RelationKey:
        """Its identity, as its kind declares it."""
        return RelationKey(*self[:5], identity_key(kind, self.values))


class EntityKey(NamedTuple):
    """Identity of a node."""

    kind: str
    id: str


class RelationKey(NamedTuple):
    """Identity of an edge; `key` as from `identity_key`."""

    kind: str
    source_kind: str
    source: str
    target_kind: str
    target: str
    key: str


def identity_key(kind: RelationKind, values: Values) -> str:
    """The identifying properties as canonical JSON (absent ones as null); `[]` where the ends suffice."""
    if not kind.identity:
        return "[]"
    return encoded([values.get(name) for name in kind.identity]).decode()


def canonical(values: Values) -> bytes:
    """Canonical JSON of a record's values: sorted keys, UTF-8, no blanks."""
    return encoded(values, orjson.OPT_SORT_KEYS)


def encoded(value: object, option: int | None = None) -> bytes:
    """JSON; ValueRejectedError for what it cannot hold: half a character, an integer of more than 64 bits."""
    try:
        return orjson.dumps(value, option=option)
    except TypeError as error:
        raise ValueRejectedError(f"a value cannot be stored: {error}") from None


def digest(*parts: str | bytes) -> bytes:
    """16 bytes of BLAKE2b over length-prefixed parts; the fingerprint of a projection is built of these."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.digest()
