"""SqlStore: the graph in two generic tables, the same code on a SQLite file and on PostgreSQL."""

from __future__ import annotations

import heapq
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from graph.errors import StoreError, StoreUnavailableError, ValueRejectedError
from graph.kinds import BUILTIN
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey, Values, canonical, digest, encoded
from graph.schema import Catalogue
from graph.store.merge import Intake, Kept, Written, origins
from graph.store.port import SCHEMA_VERSION, Change, GraphStore
from graph.store.tables import (
    ENTITY,
    META,
    RELATION,
    STAMP,
    Key,
    create_tables,
    engine_of,
    look_up,
    transaction,
    unwritable,
    write_rows,
)

STREAMED = 5_000
"""Rows that a stream fetches at a time."""

_Row = tuple[Key, tuple[Any, ...], Values]
"""Primary key, values of the columns that identify, values of the record."""

_GONE = re.compile("locked|connect|resolve|terminat|closed|server")
_REFUSED = re.compile("password|authentication|does not exist|denied")


class SqlStore(GraphStore):
    """GraphStore on SQLAlchemy: a SQLite file by default, PostgreSQL as it is."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        self._engine = engine_of(url, create)
        self.url = self._engine.url.render_as_string(hide_password=True)
        try:
            with self._errors():
                self._prepare()
                self.catalogue = BUILTIN.extended(self._read_extension())
        except BaseException:
            self.close()
            raise

    # -- transactions ------------------------------------------------------------------------------------------------

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn a driver's error into ours, without its statement and parameters."""
        try:
            yield
        except DBAPIError as error:
            reason = (str(error.orig).strip().splitlines() or ["no reason given"])[0]
            kind = unwritable(error)
            if kind is not None:
                raise kind(f"store {self.url} cannot be written: {reason}") from None
            if isinstance(error, OperationalError) and _GONE.search(reason) and not _REFUSED.search(reason):
                raise StoreUnavailableError(f"store {self.url} does not answer now: {reason}") from None
            raise StoreError(f"store {self.url}: {reason}") from None
        except UnicodeError as error:
            raise ValueRejectedError(f"a value cannot be stored: {error}") from None

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[tuple[sa.Connection, int]]:
        """A transaction that no other writer shares, and the revision it will have if it changes anything."""
        with self._errors(), self._engine.connect() as connection, transaction(connection):
            held = sa.select(META.c.value).where(META.c.name == "revision").with_for_update()
            yield connection, int(connection.execute(held).scalar_one()) + 1

    def _prepare(self) -> None:
        """Make the tables where they are missing; else only look, for which no writer has to end first."""
        with self._engine.connect() as connection:
            missing = not sa.inspect(connection).has_table(META.name)
            connection.rollback()
            if missing:
                first = {"schema": str(SCHEMA_VERSION), "revision": "0", "extension": "{}"}
                create_tables(connection, first)
        self._check_schema(self._meta("schema"))

    def _meta(self, name: str) -> str:
        with self._reading() as connection:
            return str(connection.execute(sa.select(META.c.value).where(META.c.name == name)).scalar_one())

    # -- writing -----------------------------------------------------------------------------------------------------

    def _upsert(
        self, entities: Sequence[Entity], relations: Sequence[Relation], origin: Origin, replace: bool
    ) -> Written:
        with self._writing() as (connection, revision):
            intake = Intake(origin, replace, revision)
            nodes: list[_Row] = [(entity[:2], entity[:2], entity.values) for entity in entities]
            write_rows(connection, ENTITY, _merged(connection, ENTITY, nodes, intake))
            sound, intake.written.dangling = _split_dangling(connection, relations, {e[:2] for e in entities})
            edges = [self._keyed(relation) for relation in sound]
            write_rows(connection, RELATION, _merged(connection, RELATION, edges, intake))
            if intake.finish():
                _advance(connection, revision)
        return intake.written

    def _keyed(self, relation: Relation) -> _Row:
        identity = relation.key(self.catalogue.relation(relation.kind))[1:]
        key = (relation.kind, digest(*identity))
        return key, (*key, *identity), relation.values

    def delete(self, keys: Collection[EntityKey | RelationKey]) -> int:
        """See GraphStore."""
        count = 0
        with self._writing() as (connection, revision):
            gone = {"body": None, "provenance": None, "revision": revision}
            for key in sorted(keys, key=len, reverse=True):  # relations before the entities that would take them along
                table = ENTITY if isinstance(key, EntityKey) else RELATION
                (self.catalogue.entity if table is ENTITY else self.catalogue.relation)(key.kind)
                stored_as = key if isinstance(key, EntityKey) else (key.kind, digest(*key[1:6]))
                same = (c == v for c, v in zip(table.primary_key, stored_as, strict=True))
                here = sa.and_(*same, table.c.body.is_not(None))
                count += connection.execute(sa.update(table).where(here).values(gone)).rowcount
                if isinstance(key, EntityKey):
                    touching = sa.and_(_touching(key.kind, key.id), RELATION.c.body.is_not(None))
                    connection.execute(sa.update(RELATION).where(touching).values(gone))
            if count:
                _advance(connection, revision)
        return count

    # -- reading -----------------------------------------------------------------------------------------------------

    def get(self, kind: str, id: str) -> Entity | None:
        """See GraphStore."""
        row = self._row(kind, id)
        return None if row is None or row.body is None else Entity(kind, id, orjson.loads(row.body))

    def existing(self, kind: str, ids: Sequence[str]) -> set[str]:
        """See GraphStore."""
        self.catalogue.entity(kind)
        alive = ENTITY.c.body.is_not(None).label("alive")
        with self._reading() as connection:
            found = look_up(connection, ENTITY, [(kind, id) for id in ids], alive)
        return {row[0] for row in found.values() if row.alive}

    def provenance(self, kind: str, id: str) -> dict[str, Origin]:
        """See GraphStore."""
        row = self._row(kind, id)
        return {} if row is None or row.body is None else origins(orjson.loads(row.body), orjson.loads(row.provenance))

    def _row(self, kind: str, id: str) -> Any:
        self.catalogue.entity(kind)
        with self._reading() as connection:
            here = sa.and_(ENTITY.c.kind == kind, ENTITY.c.id == id)
            return connection.execute(sa.select(ENTITY).where(here)).first()

    def _stream(self, query: sa.Select[Any]) -> Iterator[Any]:
        with self._reading() as connection:
            yield from connection.execution_options(yield_per=STREAMED).execute(query)

    def entities(self, kind: str) -> Iterator[Entity]:
        """See GraphStore."""
        self.catalogue.entity(kind)
        query = sa.select(ENTITY.c.id, ENTITY.c.body).where(ENTITY.c.kind == kind, ENTITY.c.body.is_not(None))
        for id, body in self._stream(query):
            yield Entity(kind, id, orjson.loads(body))

    def relations(self, kind: str) -> Iterator[Relation]:
        """See GraphStore."""
        self.catalogue.relation(kind)
        query = sa.select(RELATION).where(RELATION.c.kind == kind, RELATION.c.body.is_not(None))
        for row in self._stream(query):
            yield _relation(row)

    def neighbours(self, kind: str, id: str, relation: str | None = None) -> list[Relation]:
        """See GraphStore."""
        self.catalogue.entity(kind)
        query = sa.select(RELATION).where(_touching(kind, id), RELATION.c.body.is_not(None))
        if relation is not None:
            self.catalogue.relation(relation)
            query = query.where(RELATION.c.kind == relation)
        with self._reading() as connection:
            rows = sorted(connection.execute(query), key=lambda row: (row.kind, *row[2:7]))
        return [_relation(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """See GraphStore."""
        with self._reading() as connection:
            return {
                kind: count
                for table in (ENTITY, RELATION)
                for kind, count in connection.execute(
                    sa.select(table.c.kind, sa.func.count()).where(table.c.body.is_not(None)).group_by(table.c.kind)
                )
            }

    def revision(self) -> int:
        """See GraphStore."""
        return int(self._meta("revision"))

    def stamp(self, revision: int) -> str:
        """See GraphStore."""
        with self._reading() as connection:
            return connection.execute(sa.select(STAMP.c.stamp).where(STAMP.c.revision == revision)).scalar() or ""

    def changes_since(self, revision: int) -> Iterator[Change]:
        """See GraphStore."""
        changed = (sa.select(t).where(t.c.revision > revision).order_by(t.c.revision) for t in (ENTITY, RELATION))
        nodes, edges = (self._stream(query) for query in changed)
        return heapq.merge(map(_entity_change, nodes), map(_relation_change, edges), key=lambda change: change.revision)

    def _read_extension(self) -> dict[str, Any]:
        return dict(orjson.loads(self._meta("extension")))

    def _write_extension(self, before: Mapping[str, Any], after: Mapping[str, Any], catalogue: Catalogue) -> bool:
        old, new = (orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode() for document in (before, after))
        with self._writing() as (connection, revision):
            here = META.c.name == "extension"
            if connection.execute(sa.select(META.c.value).where(here)).scalar_one() != old:
                return False
            if old != new:
                _set_meta(connection, "extension", new)
                _advance(connection, revision)
        return True

    def close(self) -> None:
        """See GraphStore."""
        self._engine.dispose()


def _entity_change(row: Any) -> Change:
    key = EntityKey(row.kind, row.id)
    return Change(row.revision, key, None if row.body is None else Entity(*key, orjson.loads(row.body)))


def _relation_change(row: Any) -> Change:
    return Change(row.revision, RelationKey(row.kind, *row[2:7]), None if row.body is None else _relation(row))


def _relation(row: Any) -> Relation:
    ends = (row.source_kind, row.source, row.target_kind, row.target)
    return Relation(row.kind, *ends, orjson.loads(row.body))


def _advance(connection: sa.Connection, revision: int) -> None:
    _set_meta(connection, "revision", str(revision))
    connection.execute(sa.insert(STAMP).values(revision=revision, stamp=secrets.token_hex(8)))


def _set_meta(connection: sa.Connection, name: str, value: str) -> None:
    connection.execute(sa.update(META).where(META.c.name == name).values(value=value))


def _touching(kind: str, id: str) -> sa.ColumnElement[bool]:
    return sa.or_(
        sa.and_(RELATION.c.source == id, RELATION.c.source_kind == kind),
        sa.and_(RELATION.c.target == id, RELATION.c.target_kind == kind),
    )


def _merged(connection: sa.Connection, table: sa.Table, records: Sequence[_Row], intake: Intake) -> list[Key]:
    """Rows to write for records, merged with what is stored."""
    rest = (table.c.body, table.c.provenance, table.c.revision)
    known = look_up(connection, table, [key for key, _, _ in records], *rest)
    rows: list[Key] = []
    for key, columns, values in records:
        row = known.get(key)
        old = None
        if row is not None and row.body is not None:
            old = Kept(orjson.loads(row.body), orjson.loads(row.provenance), row.revision)
        new = intake.take(values, old)
        if new is not None:
            rows.append((*columns, canonical(new.values), encoded(new.provenance), new.revision))
    return rows


def _split_dangling(
    connection: sa.Connection, relations: Sequence[Relation], present: set[tuple[str, str]]
) -> tuple[list[Relation], list[Relation]]:
    ends = {end for r in relations for end in (r[1:3], r[3:5])} - present
    alive = ENTITY.c.body.is_not(None).label("alive")
    known = {key for key, row in look_up(connection, ENTITY, sorted(ends), alive).items() if row.alive} | present
    sound = [r for r in relations if r[1:3] in known and r[3:5] in known]
    return sound, [r for r in relations if r[1:3] not in known or r[3:5] not in known]
