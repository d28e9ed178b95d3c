"""Neo4jStore: the graph as Cypher users expect it — CamelCase labels, UPPER_SNAKE types, fields as properties.

What the store itself needs is kept apart by a leading underscore: `_revision` and `_provenance` on nodes and
relationships, `_key` on relationships (their identity), and the labels `_Store` (one node: schema, revision,
extension), `_Deleted` (one node per deleted record, for `changes_since`) and `_Revision` (one per revision, for
`stamp`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from neo4j import ManagedTransaction

from graph.kinds import BUILTIN
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey, identity_key
from graph.schema import Catalogue, EntityKind
from graph.store import cypher
from graph.store.bolt import Bolt
from graph.store.cypher import EDGE, STORE, Group, Reader, edge_type, joined, label, properties
from graph.store.merge import Intake, Written, origins
from graph.store.port import SCHEMA_VERSION, Change, GraphStore

WINDOW = 100
"""Revisions whose changes are fetched and sorted at a time."""

T = TypeVar("T")
_Row = dict[str, Any]


class Neo4jStore(GraphStore):
    """GraphStore on a Neo4j server, through the driver's managed transactions."""

    def __init__(self, url: str) -> None:
        self._bolt = Bolt(url)
        self.url = self._bolt.url
        try:
            self._bolt.check()
            self._prepare()
            self.catalogue = BUILTIN.extended(self._read_extension())
            self._constrain(self.catalogue)
        except BaseException:
            self.close()
            raise

    # -- transactions and schema -------------------------------------------------------------------------------------

    def _write(self, work: Callable[[ManagedTransaction, int], tuple[T, bool]]) -> T:
        """Run `work(transaction, revision)` while holding the store's node: writers take turns.

        The revision is kept when `work` says that it changed something.
        """

        def whole(transaction: ManagedTransaction) -> T:
            held = f"MATCH {STORE} SET s._lock = true RETURN s.revision + 1 AS revision"
            record = transaction.run(held).single(strict=True)
            result, changed = work(transaction, record["revision"])
            if changed:
                advance = f"MATCH {STORE} SET s.revision = $r CREATE (:_Revision {{number: $r, stamp: $stamp}})"
                transaction.run(advance, r=record["revision"], stamp=secrets.token_hex(8)).consume()
            return result

        return self._bolt.write(whole)

    def _prepare(self) -> None:
        """Make the store's node where it is missing; refuse a store of another schema version."""
        find = f"MATCH {STORE} RETURN s.schema AS schema"
        found = self._bolt.read(find)
        if not found:
            self._constrain(BUILTIN)
            make = f"MERGE {STORE} ON CREATE SET s.schema = $schema, s.revision = 0, s.extension = '{{}}'"
            self._bolt.write(lambda transaction: transaction.run(make, schema=SCHEMA_VERSION).consume())
            found = self._bolt.read(find)
        self._check_schema(found[0]["schema"])

    def _constrain(self, catalogue: Catalogue) -> None:
        """Make the constraints and indexes that are missing."""
        cypher.check_names(catalogue)
        commands = cypher.schema(catalogue)
        existing = {row["name"] for row in self._bolt.read("SHOW INDEXES YIELD name RETURN name")}
        self._bolt.command(command for name, command in commands.items() if name not in existing)
        self._reader = Reader(catalogue)

    def _read_extension(self) -> dict[str, Any]:
        return dict(orjson.loads(self._bolt.read(f"MATCH {STORE} RETURN s.extension AS extension")[0]["extension"]))

    def _write_extension(self, before: Mapping[str, Any], after: Mapping[str, Any], catalogue: Catalogue) -> bool:
        old, new = (orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode() for document in (before, after))

        def work(transaction: ManagedTransaction, revision: int) -> tuple[bool, bool]:
            swap = f"MATCH {STORE} WHERE s.extension = $old SET s.extension = $new RETURN true AS done"
            done = transaction.run(swap, old=old, new=new).single() is not None
            return done, done and old != new

        cypher.check_names(catalogue)
        done = self._write(work)
        if done:
            self._constrain(catalogue)
        return done

    # -- writing -----------------------------------------------------------------------------------------------------

    def _upsert(
        self, entities: Sequence[Entity], relations: Sequence[Relation], origin: Origin, replace: bool
    ) -> Written:
        def work(transaction: ManagedTransaction, revision: int) -> tuple[Written, bool]:
            intake = Intake(origin, replace, revision)
            nodes: dict[str, list[Entity]] = {}
            for entity in entities:
                nodes.setdefault(entity.kind, []).append(entity)
            for kind, members in nodes.items():
                self._merge_entities(transaction, self.catalogue.entity(kind), members, intake)
            groups: dict[Group, dict[str, Relation]] = {}
            for relation in relations:
                key = self._key(relation)
                groups.setdefault(_group(key), {})[joined(key[1:])] = relation
            for group, edges in groups.items():
                self._merge_relations(transaction, group, edges, intake)
            return intake.written, intake.finish()

        return self._write(work)

    def _merge_entities(
        self, transaction: ManagedTransaction, kind: EntityKind, entities: Sequence[Entity], intake: Intake
    ) -> None:
        query = f"UNWIND $ids AS id MATCH (n:{label(kind)} {{id: id}}) RETURN id, properties(n) AS p"
        known = {row["id"]: row["p"] for row in transaction.run(query, ids=[entity.id for entity in entities])}
        rows: list[_Row] = []
        for entity in entities:
            old = self._reader.kept(kind.name, known[entity.id]) if entity.id in known else None
            new = intake.take(entity.values, old)
            if new is not None:
                rows.append({"id": entity.id, "p": properties(new, old.values if old else ())})
        if rows:
            write = f"UNWIND $rows AS row MERGE (n:{label(kind)} {{id: row.id}}) SET n += row.p"
            transaction.run(write, rows=rows).consume()
            _forget_deleted(transaction, [joined((kind.name, row["id"])) for row in rows if row["id"] not in known])

    def _merge_relations(
        self, transaction: ManagedTransaction, group: Group, relations: Mapping[str, Relation], intake: Intake
    ) -> None:
        ends, between = self._patterns(group)
        pairs = [{"s": r.source, "t": r.target, "k": key} for key, r in relations.items()]
        query = (
            f"UNWIND $rows AS row OPTIONAL MATCH {ends[0]} OPTIONAL MATCH {ends[1]} OPTIONAL MATCH {between} "
            "RETURN row.k AS k, a IS NOT NULL AND b IS NOT NULL AS sound, properties(r) AS p"
        )
        known = {row["k"]: row for row in transaction.run(query, rows=pairs)}
        sound = [pair for pair in pairs if known[pair["k"]]["sound"]]
        claimed = self._claim(transaction, group, [pair for pair in sound if known[pair["k"]]["p"] is None])
        rows: list[_Row] = []
        for pair in pairs:
            relation, found = relations[pair["k"]], known[pair["k"]]
            if not found["sound"]:
                intake.written.dangling.append(relation)
                continue
            before = claimed.get(pair["k"], found["p"])
            old = None if before is None else self._reader.kept(relation.kind, before)
            new = intake.take(relation.values, old)
            if new is not None:
                rows.append({**pair, "p": properties(new, old.values if old else ()), "new": old is None})
        if rows:
            write = f"UNWIND $rows AS row MATCH {ends[0]} MATCH {ends[1]} MERGE {between} SET r += row.p"
            transaction.run(write, rows=rows).consume()
            _forget_deleted(transaction, [_tombstone(group[0], row["k"]) for row in rows if row["new"]])

    def _patterns(self, group: Group) -> tuple[tuple[str, str], str]:
        """Patterns of both ends and of the relationship between them, for parameters `row.s`, `row.t`, `row.k`."""
        source, target = (label(self.catalogue.entity(end)) for end in group[1:])
        between = f"(a)-[r:{edge_type(self.catalogue.relation(group[0]))} {{_key: row.k}}]->(b)"
        return (f"(a:{source} {{id: row.s}})", f"(b:{target} {{id: row.t}})"), between

    def _claim(self, transaction: ManagedTransaction, group: Group, pairs: Sequence[_Row]) -> dict[str, _Row]:
        """Give their key to relationships that another tool drew between these ends; key → their properties."""
        (source, target), _ = self._patterns(group)
        kind = self.catalogue.relation(group[0])
        # The WITH makes both ends known first: only their few common relationships are looked at, not a hub's many.
        query = (
            f"UNWIND $rows AS row MATCH {source} MATCH {target} WITH DISTINCT a, b "
            f"MATCH (a)-[r:{edge_type(kind)}]->(b) WHERE r._key IS NULL "
            "RETURN elementId(r) AS e, a.id AS s, b.id AS t, properties(r) AS p"
        )
        wanted = {pair["k"] for pair in pairs}
        claimed: dict[str, _Row] = {}
        rows = []
        for row in transaction.run(query, rows=list(pairs)) if pairs else ():
            identity = identity_key(kind, self._reader.values(kind.name, row["p"]))
            key = joined((group[1], row["s"], group[2], row["t"], identity))
            if key in wanted and key not in claimed:
                claimed[key] = row["p"]
                rows.append({"e": row["e"], "k": key})
        if rows:
            mark = "UNWIND $rows AS row MATCH ()-[r]->() WHERE elementId(r) = row.e SET r._key = row.k"
            transaction.run(mark, rows=rows).consume()
        return claimed

    def delete(self, keys: Collection[EntityKey | RelationKey]) -> int:
        """See GraphStore."""

        def work(transaction: ManagedTransaction, revision: int) -> tuple[int, bool]:
            nodes: dict[str, list[str]] = {}
            groups: dict[Group, list[RelationKey]] = {}
            for key in keys:
                if isinstance(key, EntityKey):
                    nodes.setdefault(key.kind, []).append(key.id)
                else:
                    groups.setdefault(_group(key), []).append(key)
            count = sum(self._delete_relations(transaction, *entry, revision) for entry in groups.items())
            count += sum(self._delete_entities(transaction, *entry, revision) for entry in nodes.items())
            return count, count > 0

        return self._write(work)

    def _delete_entities(self, transaction: ManagedTransaction, kind: str, ids: list[str], revision: int) -> int:
        find = f"UNWIND $ids AS id MATCH (n:{label(self.catalogue.entity(kind))} {{id: id}})"
        edges = transaction.run(f"{find}-[r]-() WITH DISTINCT r, startNode(r) AS a, endNode(r) AS b {EDGE}", ids=ids)
        _mark_deleted(transaction, [joined(self._key(edge)) for edge in self._relations(edges)], revision)
        gone = {row["id"] for row in transaction.run(f"{find} DETACH DELETE n RETURN id", ids=ids)}
        _mark_deleted(transaction, [joined((kind, id)) for id in sorted(gone)], revision)
        return len(gone)

    def _delete_relations(
        self, transaction: ManagedTransaction, group: Group, keys: Sequence[RelationKey], revision: int
    ) -> int:
        pairs = [{"s": key.source, "t": key.target, "k": joined(key[1:])} for key in dict.fromkeys(keys)]
        self._claim(transaction, group, pairs)
        ends, between = self._patterns(group)
        query = f"UNWIND $rows AS row MATCH {ends[0]} MATCH {ends[1]} MATCH {between} DELETE r RETURN row.k AS k"
        gone = [row["k"] for row in transaction.run(query, rows=pairs)]
        _mark_deleted(transaction, [_tombstone(group[0], key) for key in gone], revision)
        return len(gone)

    # -- reading -----------------------------------------------------------------------------------------------------

    def get(self, kind: str, id: str) -> Entity | None:
        """See GraphStore."""
        found = self._properties(kind, id)
        return None if found is None else Entity(kind, id, self._reader.values(kind, found))

    def _properties(self, kind: str, id: str) -> dict[str, Any] | None:
        query = f"MATCH (n:{label(self.catalogue.entity(kind))} {{id: $id}}) RETURN properties(n) AS p"
        rows = self._bolt.read(query, id=id)
        return rows[0]["p"] if rows else None

    def existing(self, kind: str, ids: Sequence[str]) -> set[str]:
        """See GraphStore."""
        query = f"UNWIND $ids AS id MATCH (n:{label(self.catalogue.entity(kind))} {{id: id}}) RETURN id"
        return {row["id"] for row in self._bolt.read(query, ids=list(ids))}

    def provenance(self, kind: str, id: str) -> dict[str, Origin]:
        """See GraphStore."""
        found = self._properties(kind, id)
        return {} if found is None else origins(*self._reader.kept(kind, found)[:2])

    def entities(self, kind: str) -> Iterator[Entity]:
        """See GraphStore."""
        for row in self._bolt.stream(cypher.all_entities(self.catalogue.entity(kind))):
            yield Entity(kind, row["id"], self._reader.values(kind, row["p"]))

    def relations(self, kind: str) -> Iterator[Relation]:
        """See GraphStore."""
        return self._relations(self._bolt.stream(cypher.all_relations(self.catalogue.relation(kind))))

    def _relations(self, rows: Iterable[Any]) -> Iterator[Relation]:
        return (edge for row in rows if (edge := self._reader.relation(row)) is not None)

    def _key(self, relation: Relation) -> RelationKey:
        return relation.key(self.catalogue.relation(relation.kind))

    def neighbours(self, kind: str, id: str, relation: str | None = None) -> list[Relation]:
        """See GraphStore."""
        edge = f":{edge_type(self.catalogue.relation(relation))}" if relation else ""
        node = f"(n:{label(self.catalogue.entity(kind))} {{id: $id}})"
        query = f"MATCH {node}-[r{edge}]-() WITH DISTINCT r, startNode(r) AS a, endNode(r) AS b {EDGE}"
        return sorted(self._relations(self._bolt.read(query, id=id)), key=self._key)

    def counts(self) -> dict[str, int]:
        """See GraphStore."""
        return {row["kind"]: row["count"] for row in self._bolt.read(cypher.counted(self.catalogue)) if row["count"]}

    def revision(self) -> int:
        """See GraphStore."""
        return int(self._bolt.read(f"MATCH {STORE} RETURN s.revision AS revision")[0]["revision"])

    def stamp(self, revision: int) -> str:
        """See GraphStore."""
        found = self._bolt.read("MATCH (r:_Revision {number: $revision}) RETURN r.stamp AS stamp", revision=revision)
        return str(found[0]["stamp"]) if found else ""

    def changes_since(self, revision: int) -> Iterator[Change]:
        """See GraphStore."""
        last = self.revision()
        for after in range(revision, last, WINDOW):
            changes = self._changes(after=after, upto=min(after + WINDOW, last))
            yield from sorted(changes, key=lambda change: (change.revision, len(change.key), change.key))

    def _changes(self, **window: int) -> Iterator[Change]:
        for row in self._bolt.stream(cypher.changed_entities(self.catalogue), **window):
            entity = Entity(row["kind"], row["id"], self._reader.values(row["kind"], row["p"]))
            yield Change(row["p"]["_revision"], EntityKey(*entity[:2]), entity)
        for row in self._bolt.stream(cypher.changed_relations(self.catalogue), **window):
            for edge in self._relations([row]):
                yield Change(row["p"]["_revision"], self._key(edge), edge)
        for row in self._bolt.stream(cypher.CHANGED_DELETED, **window):
            parts = orjson.loads(row["key"])
            yield Change(row["revision"], EntityKey(*parts) if len(parts) == 2 else RelationKey(*parts), None)

    def close(self) -> None:
        """See GraphStore."""
        self._bolt.close()


def _group(key: RelationKey) -> Group:
    return key.kind, key.source_kind, key.target_kind


def _tombstone(relation: str, key: str) -> str:
    """The key of a relation's `_Deleted` node: its `_key` with the kind in front."""
    return joined((relation, *orjson.loads(key)))


def _mark_deleted(transaction: ManagedTransaction, keys: Sequence[str], revision: int) -> None:
    if keys:
        query = "UNWIND $keys AS key MERGE (d:_Deleted {key: key}) SET d._revision = $revision"
        transaction.run(query, keys=keys, revision=revision).consume()


def _forget_deleted(transaction: ManagedTransaction, keys: Sequence[str]) -> None:
    if keys:
        transaction.run("UNWIND $keys AS key MATCH (d:_Deleted {key: key}) DELETE d", keys=keys).consume()
