"""Neo4jStore: the graph as Cypher users expect it — CamelCase labels, UPPER_SNAKE types, fields as properties.

What the store itself needs is kept apart by a leading underscore: `_revision` and `_provenance` on nodes and
relationships, `_key` on relationships (their identity), and the labels `_Store` (one node: schema, revision,
extension) and `_Deleted` (one node per deleted record, for `changes_since`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import orjson
from neo4j import GraphDatabase, ManagedTransaction
from neo4j.exceptions import AuthError, ClientError, DriverError, Neo4jError

from graph.errors import StoreError, StoreUnavailableError
from graph.kinds import BUILTIN
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey, Values, canonical
from graph.schema import Catalogue, EntityKind, RelationKind
from graph.store.merge import merged
from graph.store.port import SCHEMA_VERSION, Change, GraphStore, Written

FETCHED = 2_000
"""Records that a stream fetches at a time."""

T = TypeVar("T")
_Identity = tuple[str, str, str, str, str]
"""Both ends of a relation (kind, id, kind, id) and its key."""


class Neo4jStore(GraphStore):
    """GraphStore on a Neo4j server, through the driver's managed transactions."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], path="", query="", fragment="")
        self.url = urlunsplit(bare)
        self._database = parts.path.strip("/") or "neo4j"
        try:
            self._driver = GraphDatabase.driver(
                self.url, auth=auth, max_transaction_retry_time=15, connection_timeout=5
            )
        except (ValueError, DriverError) as error:
            raise StoreError(f"store {self.url}: {error}", field="store") from None
        try:
            with self._errors():
                self._driver.verify_connectivity()
                self._prepare()
                self.catalogue = BUILTIN.extended(self._read_extension())
                self._constrain(self.catalogue)
        except BaseException:
            self.close()
            raise

    # -- transactions ------------------------------------------------------------------------------------------------

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except AuthError:
            raise StoreError(f"store {self.url} refused user and password", field="store") from None
        except ClientError as error:
            raise StoreError(f"store {self.url}: {error.message}") from None
        except (DriverError, Neo4jError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise StoreUnavailableError(f"store {self.url} does not answer now: {reason}") from None

    def _read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        def work(transaction: ManagedTransaction) -> list[dict[str, Any]]:
            return transaction.run(query, parameters).data()

        with self._errors(), self._driver.session(database=self._database) as session:
            return session.execute_read(work)

    def _write(self, work: Callable[[ManagedTransaction, int], tuple[T, bool]]) -> T:
        """Run `work(transaction, revision)` while holding the store's node: writers take turns.

        The revision is kept when `work` says that it changed something.
        """

        def whole(transaction: ManagedTransaction) -> T:
            held = "MATCH (s:_Store {id: 'store'}) SET s._lock = true RETURN s.revision + 1 AS revision"
            record = transaction.run(held).single(strict=True)
            result, changed = work(transaction, record["revision"])
            if changed:
                transaction.run("MATCH (s:_Store {id: 'store'}) SET s.revision = $r", r=record["revision"]).consume()
            return result

        with self._errors(), self._driver.session(database=self._database) as session:
            return session.execute_write(whole)

    def _stream(self, query: str, **parameters: Any) -> Iterator[Any]:
        with self._errors(), self._driver.session(database=self._database, fetch_size=FETCHED) as session:
            yield from session.run(query, parameters)

    # -- schema ------------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        self._schema("CREATE CONSTRAINT _store_id IF NOT EXISTS FOR (n:_Store) REQUIRE n.id IS UNIQUE")
        self._schema("CREATE CONSTRAINT _deleted_key IF NOT EXISTS FOR (n:_Deleted) REQUIRE n.key IS UNIQUE")
        self._schema("CREATE RANGE INDEX _deleted_revision IF NOT EXISTS FOR (n:_Deleted) ON (n._revision)")
        query = (
            "MERGE (s:_Store {id: 'store'}) ON CREATE SET s.schema = $schema, s.revision = 0, s.extension = '{}' "
            "RETURN s.schema AS schema"
        )
        with self._driver.session(database=self._database) as session:
            found = session.execute_write(lambda t: t.run(query, schema=SCHEMA_VERSION).single(strict=True))
        if found["schema"] != SCHEMA_VERSION:
            raise StoreError(
                f"store {self.url} has schema version {found['schema']}, this program reads {SCHEMA_VERSION}: "
                "export it with the program that wrote it and ingest the export into a new store",
                field="store",
            )

    def _constrain(self, catalogue: Catalogue) -> None:
        existing = {row["name"] for row in self._read("SHOW CONSTRAINTS YIELD name RETURN name")}
        for kind in catalogue.entities.values():
            if f"{kind.name}_id" not in existing:
                label = kind.node_label
                self._schema(f"CREATE CONSTRAINT {kind.name}_id IF NOT EXISTS FOR (n:{label}) REQUIRE n.id IS UNIQUE")
                self._schema(f"CREATE RANGE INDEX {kind.name}_rev IF NOT EXISTS FOR (n:{label}) ON (n._revision)")
        for relation in catalogue.relations.values():
            if f"{relation.name}_key" not in existing:
                edge = f"()-[r:{relation.edge_type}]-()"
                self._schema(f"CREATE CONSTRAINT {relation.name}_key IF NOT EXISTS FOR {edge} REQUIRE r._key IS UNIQUE")
                self._schema(f"CREATE RANGE INDEX {relation.name}_rev IF NOT EXISTS FOR {edge} ON (r._revision)")

    def _schema(self, command: str) -> None:
        with self._driver.session(database=self._database) as session:
            session.run(command).consume()

    def _read_extension(self) -> dict[str, Any]:
        rows = self._read("MATCH (s:_Store {id: 'store'}) RETURN s.extension AS extension")
        return dict(orjson.loads(rows[0]["extension"]))

    def _write_extension(self, extension: Mapping[str, Any], catalogue: Catalogue) -> None:
        text = orjson.dumps(extension, option=orjson.OPT_SORT_KEYS).decode()

        def work(transaction: ManagedTransaction, revision: int) -> tuple[None, bool]:
            query = (
                "MATCH (s:_Store {id: 'store'}) WITH s, s.extension AS old SET s.extension = $text "
                "RETURN old <> $text AS changed"
            )
            return None, bool(transaction.run(query, text=text).single(strict=True)["changed"])

        with self._errors():
            self._constrain(catalogue)
        self._write(work)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _upsert(
        self, entities: Sequence[Entity], relations: Sequence[Relation], origin: Origin, replace: bool
    ) -> Written:
        def work(transaction: ManagedTransaction, revision: int) -> tuple[Written, bool]:
            written = Written()
            for kind, members in _grouped(entities).items():
                self._merge_entities(
                    transaction, self.catalogue.entity(kind), members, origin, replace, revision, written
                )
            for ends, edges in _grouped_by_ends(relations).items():
                self._merge_relations(transaction, ends, edges, origin, replace, revision, written)
            changed = bool(written.inserted or written.updated)
            written.revision = revision if changed else revision - 1
            return written, changed

        return self._write(work)

    def _merge_entities(
        self, transaction: ManagedTransaction, kind: EntityKind, entities: Sequence[Entity],
        origin: Origin, replace: bool, revision: int, written: Written,
    ) -> None:  # fmt: skip
        label = kind.node_label
        query = f"UNWIND $ids AS id MATCH (n:{label} {{id: id}}) RETURN id, properties(n) AS p"
        stored = {row["id"]: row["p"] for row in transaction.run(query, ids=[e.id for e in entities])}
        rows: list[dict[str, Any]] = []
        for entity in entities:
            properties = _taken(stored.get(entity.id), entity.values, origin, replace, revision, written)
            if properties is not None:
                rows.append({"id": entity.id, "p": {"id": entity.id, **properties}})
        if rows:
            transaction.run(f"UNWIND $rows AS row MERGE (n:{label} {{id: row.id}}) SET n = row.p", rows=rows).consume()
            gone = [_deleted_key(EntityKey(kind.name, row["id"])) for row in rows]
            transaction.run("UNWIND $keys AS key MATCH (d:_Deleted {key: key}) DELETE d", keys=gone).consume()

    def _merge_relations(
        self, transaction: ManagedTransaction, ends: tuple[str, str, str], relations: Sequence[Relation],
        origin: Origin, replace: bool, revision: int, written: Written,
    ) -> None:  # fmt: skip
        kind = self.catalogue.relation(ends[0])
        source, target = (self.catalogue.entity(end).node_label for end in ends[1:])
        pairs = [{"s": r.source, "t": r.target, "k": _edge_key(kind, r)} for r in relations]
        query = (
            f"UNWIND $pairs AS pair OPTIONAL MATCH (a:{source} {{id: pair.s}}) "
            f"OPTIONAL MATCH (b:{target} {{id: pair.t}}) "
            f"OPTIONAL MATCH (a)-[r:{kind.edge_type} {{_key: pair.k}}]->(b) "
            "RETURN pair.k AS key, a IS NOT NULL AND b IS NOT NULL AS sound, properties(r) AS p"
        )
        found = {row["key"]: row for row in transaction.run(query, pairs=pairs)}
        rows = []
        for pair, relation in zip(pairs, relations, strict=True):
            row = found[pair["k"]]
            if not row["sound"]:
                written.dangling.append(relation)
                continue
            properties = _taken(row["p"], relation.values, origin, replace, revision, written)
            if properties is not None:
                rows.append({**pair, "p": {**properties, "_key": pair["k"]}})
        if rows:
            transaction.run(
                f"UNWIND $rows AS row MATCH (a:{source} {{id: row.s}}) MATCH (b:{target} {{id: row.t}}) "
                f"MERGE (a)-[r:{kind.edge_type} {{_key: row.k}}]->(b) SET r = row.p",
                rows=rows,
            ).consume()
            gone = [f"{kind.name}:{row['k']}" for row in rows]
            transaction.run("UNWIND $keys AS key MATCH (d:_Deleted {key: key}) DELETE d", keys=gone).consume()

    def delete(self, keys: Collection[EntityKey | RelationKey]) -> int:
        """See GraphStore."""

        def work(transaction: ManagedTransaction, revision: int) -> tuple[int, bool]:
            count = sum(
                self._delete_entity(transaction, key, revision)
                if isinstance(key, EntityKey)
                else self._delete_relation(transaction, key, revision)
                for key in keys
            )
            return count, count > 0

        return self._write(work)

    def _delete_entity(self, transaction: ManagedTransaction, key: EntityKey, revision: int) -> int:
        label = self.catalogue.entity(key.kind).node_label
        for edge in self._edges(transaction, f"MATCH (n:{label} {{id: $id}})-[r]-()", id=key.id):
            self._delete_relation(transaction, _relation_key(self.catalogue, edge), revision)
        query = f"MATCH (n:{label} {{id: $id}}) DETACH DELETE n RETURN count(*) AS count"
        count = int(transaction.run(query, id=key.id).single(strict=True)["count"])
        if count:
            _mark_deleted(transaction, key, revision)
        return count

    def _delete_relation(self, transaction: ManagedTransaction, key: RelationKey, revision: int) -> int:
        kind = self.catalogue.relation(key.kind)
        source, target = (self.catalogue.entity(end).node_label for end in (key.source_kind, key.target_kind))
        query = (
            f"MATCH (:{source} {{id: $s}})-[r:{kind.edge_type} {{_key: $k}}]->(:{target} {{id: $t}}) DELETE r "
            "RETURN count(*) AS count"
        )
        joined = _joined(key[1:])
        result = transaction.run(query, s=key.source, t=key.target, k=joined)
        count = int(result.single(strict=True)["count"])
        if count:
            _mark_deleted(transaction, key, revision)
        return count

    # -- reading -----------------------------------------------------------------------------------------------------

    def get(self, kind: str, id: str) -> Entity | None:
        """See GraphStore."""
        found = self._properties(kind, id)
        return None if found is None else Entity(kind, id, _values(found))

    def _properties(self, kind: str, id: str) -> dict[str, Any] | None:
        label = self.catalogue.entity(kind).node_label
        rows = self._read(f"MATCH (n:{label} {{id: $id}}) RETURN properties(n) AS p", id=id)
        return rows[0]["p"] if rows else None

    def existing(self, kind: str, ids: Sequence[str]) -> set[str]:
        """See GraphStore."""
        label = self.catalogue.entity(kind).node_label
        rows = self._read(f"UNWIND $ids AS id MATCH (n:{label} {{id: id}}) RETURN id", ids=list(ids))
        return {row["id"] for row in rows}

    def provenance(self, kind: str, id: str) -> dict[str, Origin]:
        """See GraphStore."""
        found = self._properties(kind, id)
        if found is None:
            return {}
        known = orjson.loads(found.get("_provenance", "{}"))
        return {name: Origin(*known.get(name, known.get("", ["", ""]))) for name in _values(found)}

    def entities(self, kind: str) -> Iterator[Entity]:
        """See GraphStore."""
        label = self.catalogue.entity(kind).node_label
        for row in self._stream(f"MATCH (n:{label}) RETURN n.id AS id, properties(n) AS p"):
            yield Entity(kind, row["id"], _values(row["p"]))

    def relations(self, kind: str) -> Iterator[Relation]:
        """See GraphStore."""
        for row in self._stream(f"MATCH (a)-[r:{self.catalogue.relation(kind).edge_type}]->(b) {_EDGE}"):
            yield self._relation(row)

    def neighbours(self, kind: str, id: str, relation: str | None = None) -> list[Relation]:
        """See GraphStore."""
        label = self.catalogue.entity(kind).node_label
        edge = f":{self.catalogue.relation(relation).edge_type}" if relation else ""
        match = f"MATCH (n:{label} {{id: $id}})-[r{edge}]-()"
        with self._errors(), self._driver.session(database=self._database) as session:
            found = session.execute_read(lambda t: self._edges(t, match, id=id))
        return sorted(found, key=lambda edge: (edge.kind, *edge[1:5], edge.key(self.catalogue.relation(edge.kind))))

    def _edges(self, transaction: ManagedTransaction, match: str, **parameters: Any) -> list[Relation]:
        query = f"{match} WITH DISTINCT r, startNode(r) AS a, endNode(r) AS b {_EDGE}"
        return [self._relation(row) for row in transaction.run(query, parameters)]

    def _relation(self, row: Any) -> Relation:
        source, target = self._kind_of(row["sl"]), self._kind_of(row["tl"])
        return Relation(row["type"].lower(), source, row["s"], target, row["t"], _values(row["p"]))

    def _kind_of(self, labels: Sequence[str]) -> str:
        return next(
            (kind.name for kind in self.catalogue.entities.values() if kind.node_label in labels), labels[0].lower()
        )

    def counts(self) -> dict[str, int]:
        """See GraphStore."""
        found = {}
        for kind in self.catalogue.entities.values():
            found[kind.name] = self._read(f"MATCH (n:{kind.node_label}) RETURN count(n) AS count")[0]["count"]
        for relation in self.catalogue.relations.values():
            found[relation.name] = self._read(f"MATCH ()-[r:{relation.edge_type}]->() RETURN count(r) AS count")[0][
                "count"
            ]
        return {kind: count for kind, count in found.items() if count}

    def revision(self) -> int:
        """See GraphStore."""
        return int(self._read("MATCH (s:_Store {id: 'store'}) RETURN s.revision AS revision")[0]["revision"])

    def changes_since(self, revision: int) -> Iterator[Change]:
        """See GraphStore."""
        changes: list[Change] = []
        for kind in self.catalogue.entities.values():
            query = f"MATCH (n:{kind.node_label}) WHERE n._revision > $r RETURN n.id AS id, properties(n) AS p"
            for row in self._stream(query, r=revision):
                entity = Entity(kind.name, row["id"], _values(row["p"]))
                changes.append(Change(row["p"]["_revision"], EntityKey(*entity[:2]), entity))
        for relation in self.catalogue.relations.values():
            match = f"MATCH (a)-[r:{relation.edge_type}]->(b) WHERE r._revision > $r"
            for row in self._stream(f"{match} {_EDGE}", r=revision):
                edge = self._relation(row)
                changes.append(Change(row["p"]["_revision"], _relation_key(self.catalogue, edge), edge))
        for row in self._stream(
            "MATCH (d:_Deleted) WHERE d._revision > $r RETURN d._revision AS r, d.body AS body", r=revision
        ):
            parts = orjson.loads(row["body"])
            key = EntityKey(*parts) if len(parts) == 2 else RelationKey(*parts)
            changes.append(Change(row["r"], key, None))
        yield from sorted(changes, key=lambda change: (change.revision, len(change.key), change.key))

    def close(self) -> None:
        """See GraphStore."""
        self._driver.close()


_EDGE = "RETURN type(r) AS type, labels(a) AS sl, a.id AS s, labels(b) AS tl, b.id AS t, properties(r) AS p"


def _grouped(entities: Sequence[Entity]) -> dict[str, list[Entity]]:
    groups: dict[str, list[Entity]] = {}
    for entity in entities:
        groups.setdefault(entity.kind, []).append(entity)
    return groups


def _grouped_by_ends(relations: Sequence[Relation]) -> dict[tuple[str, str, str], list[Relation]]:
    groups: dict[tuple[str, str, str], list[Relation]] = {}
    for relation in relations:
        groups.setdefault((relation.kind, relation.source_kind, relation.target_kind), []).append(relation)
    return groups


def _taken(
    stored: dict[str, Any] | None, values: Values, origin: Origin, replace: bool, revision: int, written: Written
) -> dict[str, Any] | None:
    """The properties to write, or None where nothing changes; counts what happens."""
    if stored is None:
        written.inserted += 1
        return {**values, "_revision": revision, "_provenance": orjson.dumps({"": list(origin)}).decode()}
    before = _values(stored)
    source = orjson.loads(stored.get("_provenance", "{}"))
    after, newer = merged(before, source, values, origin, replace)
    same = after is before or canonical(after) == canonical(before)
    written.unchanged += same
    written.updated += not same
    if same and newer is source:
        return None
    at = stored.get("_revision", revision) if same else revision
    return {**after, "_revision": at, "_provenance": orjson.dumps(newer).decode()}


def _values(properties: Mapping[str, Any]) -> Values:
    """The declared fields among a node's or relationship's properties."""
    return {name: value for name, value in properties.items() if name != "id" and not name.startswith("_")}


def _joined(identity: Sequence[str]) -> str:
    return orjson.dumps(list(identity)).decode()


def _edge_key(kind: RelationKind, relation: Relation) -> str:
    return _joined((*relation[1:5], relation.key(kind)))


def _relation_key(catalogue: Catalogue, relation: Relation) -> RelationKey:
    return RelationKey(*relation[:5], relation.key(catalogue.relation(relation.kind)))


def _deleted_key(key: EntityKey | RelationKey) -> str:
    return f"{key.kind}:{_joined(key[1:])}" if isinstance(key, RelationKey) else f"{key.kind} {key.id}"


def _mark_deleted(transaction: ManagedTransaction, key: EntityKey | RelationKey, revision: int) -> None:
    query = "MERGE (d:_Deleted {key: $key}) SET d._revision = $revision, d.body = $body"
    transaction.run(query, key=_deleted_key(key), revision=revision, body=_joined(key)).consume()
