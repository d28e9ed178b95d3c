"""How records look in Neo4j: labels, types, properties, the statements that are made of kinds, and the way back."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson
from neo4j.time import Date, DateTime, Time

from graph.errors import DeclarationError
from graph.records import Relation, Values, encoded
from graph.schema import Catalogue, EntityKind, Field, RelationKind
from graph.store.merge import Kept, Provenance

STORE = "(s:_Store {id: 'store'})"
"""The one node that holds schema version, revision and adopted kinds."""

EDGE = "RETURN type(r) AS type, labels(a) AS sl, a.id AS s, labels(b) AS tl, b.id AS t, properties(r) AS p"
"""What `Reader.relation` reads of a relationship `r` from `a` to `b`."""

_TEXT = "{0}.id IS :: STRING NOT NULL"  # other tools may write nodes without an id, which no record stands for

Group = tuple[str, str, str]
"""Relation kind, source kind, target kind."""


def label(kind: EntityKind) -> str:
    """A node label in a statement."""
    return f"`{kind.node_label}`"


def edge_type(kind: RelationKind) -> str:
    """A relationship type in a statement."""
    return f"`{kind.edge_type}`"


def check_names(catalogue: Catalogue) -> None:
    """DeclarationError where two kinds would have one label or type."""
    labels = [kind.node_label for kind in catalogue.entities.values()]
    for names in (labels, [kind.edge_type for kind in catalogue.relations.values()]):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DeclarationError(f"two kinds would have the same name in Neo4j: {', '.join(twice)}")


def schema(catalogue: Catalogue) -> dict[str, str]:
    """Name → command, for each constraint and index of the catalogue's kinds."""
    commands = {
        "store_id": "CREATE CONSTRAINT store_id IF NOT EXISTS FOR (n:_Store) REQUIRE n.id IS UNIQUE",
        "stamped": "CREATE CONSTRAINT stamped IF NOT EXISTS FOR (n:_Revision) REQUIRE n.number IS UNIQUE",
        "deleted_key": "CREATE CONSTRAINT deleted_key IF NOT EXISTS FOR (n:_Deleted) REQUIRE n.key IS UNIQUE",
        "deleted_revision": "CREATE RANGE INDEX deleted_revision IF NOT EXISTS FOR (n:_Deleted) ON (n._revision)",
    }
    targets = [(f"node_{kind.name}", f"(n:{label(kind)})", "id") for kind in catalogue.entities.values()]
    targets += [(f"edge_{kind.name}", f"()-[n:{edge_type(kind)}]-()", "_key") for kind in catalogue.relations.values()]
    for name, pattern, key in targets:
        unique, revision = f"{name}_{key.strip('_')}", f"{name}_revision"
        commands[unique] = f"CREATE CONSTRAINT {unique} IF NOT EXISTS FOR {pattern} REQUIRE n.{key} IS UNIQUE"
        commands[revision] = f"CREATE RANGE INDEX {revision} IF NOT EXISTS FOR {pattern} ON (n._revision)"
    return commands


def all_entities(kind: EntityKind) -> str:
    """The statement that streams a kind's entities."""
    return f"MATCH (n:{label(kind)}) WHERE {_TEXT.format('n')} RETURN n.id AS id, properties(n) AS p"


def all_relations(kind: RelationKind) -> str:
    """The statement that streams a kind's relations."""
    return f"MATCH (a)-[r:{edge_type(kind)}]->(b) WHERE {_TEXT.format('a')} AND {_TEXT.format('b')} {EDGE}"


_SINCE = "{0}._revision > $after AND {0}._revision <= $upto"


def changed_entities(catalogue: Catalogue) -> str:
    """The statement for every entity of a range of revisions."""
    return _union(
        f"MATCH (n:{label(kind)}) WHERE {_SINCE.format('n')} "
        f"RETURN '{kind.name}' AS kind, n.id AS id, properties(n) AS p"
        for kind in catalogue.entities.values()
    )


def changed_relations(catalogue: Catalogue) -> str:
    """The statement for every relation of a range of revisions."""
    return _union(
        f"MATCH (a)-[r:{edge_type(kind)}]->(b) WHERE {_SINCE.format('r')} {EDGE}"
        for kind in catalogue.relations.values()
    )


CHANGED_DELETED = f"MATCH (d:_Deleted) WHERE {_SINCE.format('d')} RETURN d._revision AS revision, d.key AS key"
"""The statement for every deletion of a range of revisions."""


def counted(catalogue: Catalogue) -> str:
    """The statement that counts the records of every kind."""
    nodes = (
        f"MATCH (n:{label(kind)}) WHERE {_TEXT.format('n')} RETURN '{kind.name}' AS kind, count(n) AS count"
        for kind in catalogue.entities.values()
    )
    edges = (
        f"MATCH (a)-[r:{edge_type(kind)}]->(b) WHERE {_TEXT.format('a')} AND {_TEXT.format('b')} "
        f"RETURN '{kind.name}' AS kind, count(r) AS count"
        for kind in catalogue.relations.values()
    )
    return _union([*nodes, *edges])


def _union(parts: Iterable[str]) -> str:
    return " UNION ALL ".join(parts)


def properties(new: Kept, old: Collection[str] = ()) -> dict[str, Any]:
    """What to set on a node or relationship; fields among `old` that are gone are set to null, others' stay."""
    gone = dict.fromkeys(name for name in old if name not in new.values)
    return {**gone, **new.values, "_revision": new.revision, "_provenance": encoded(new.provenance).decode()}


def provenance(found: Mapping[str, Any]) -> Provenance:
    """Where the values of a node or relationship came from; `{}` where another tool wrote it."""
    return dict(orjson.loads(found.get("_provenance") or "{}"))


def joined(identity: Collection[str]) -> str:
    """An identity as one text."""
    return encoded(list(identity)).decode()


class Reader:
    """Turns rows of the statements above into records of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        kinds = catalogue.entities.values()
        self._catalogue = catalogue
        self._kind_of = {kind.node_label: kind.name for kind in kinds}
        self._relation_of = {kind.edge_type: kind for kind in catalogue.relations.values()}
        fields: dict[str, tuple[Field, ...]] = {kind.name: kind.fields for kind in kinds}
        fields |= {kind.name: kind.properties for kind in catalogue.relations.values()}
        self._many = {name: {field.name: field.many for field in declared} for name, declared in fields.items()}

    def values(self, kind: str, found: Mapping[str, Any]) -> Values:
        """The declared fields among the properties of a node or relationship."""
        many = self._many[kind]
        return {
            name: read
            for name, value in found.items()
            if name in many and (read := _read(value, many[name])) is not None
        }

    def kept(self, kind: str, found: Mapping[str, Any]) -> Kept:
        """The record of a node's or relationship's properties."""
        return Kept(self.values(kind, found), provenance(found), found.get("_revision", 0))

    def relation(self, row: Any) -> Relation | None:
        """The relation of a row of EDGE; None where it joins what no declaration lets it join."""
        kind = self._relation_of.get(row["type"])
        if kind is None:
            return None
        sources, targets = self._catalogue.ends(kind.name)
        source, target = self._end(row["sl"], sources), self._end(row["tl"], targets)
        if source is None or target is None:
            return None
        return Relation(kind.name, source, row["s"], target, row["t"], self.values(kind.name, row["p"]))

    def _end(self, labels: Iterable[str], valid: Collection[str]) -> str | None:
        names = (self._kind_of.get(name) for name in labels)
        return next((name for name in names if name in valid), None)


def _read(value: Any, many: bool) -> Any:
    """A property as a value of ours: other tools may write dates, single values for lists, and what JSON lacks."""
    if isinstance(value, list):
        return value if many and all(isinstance(item, (str, int, float)) for item in value) else None
    if isinstance(value, (Date, DateTime, Time)):
        value = value.iso_format()
    if not isinstance(value, (str, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return [value] if many else value
