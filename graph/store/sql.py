"""SqlStore: the graph in two generic tables, the same code on a SQLite file and on PostgreSQL."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from graph.errors import StoreError, StoreUnavailableError
from graph.kinds import BUILTIN
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey, Values, canonical, digest
from graph.schema import Catalogue
from graph.store.merge import Provenance, merged
from graph.store.port import SCHEMA_VERSION, Change, GraphStore, Written

_metadata = sa.MetaData()

ENTITY = sa.Table(
    "entity",
    _metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary),
    sa.Column("provenance", sa.LargeBinary),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""One row per entity; `body` is canonical JSON, NULL for a deleted entity (kept for `changes_since`)."""

RELATION = sa.Table(
    "relation",
    _metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    *(sa.Column(name, sa.Text) for name in ("source_kind", "source", "target_kind", "target", "identity")),
    sa.Column("body", sa.LargeBinary),
    sa.Column("provenance", sa.LargeBinary),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    sa.Index("relation_source", "source", "source_kind"),
    sa.Index("relation_target", "target", "target_kind"),
    sqlite_with_rowid=False,
)
"""One row per relation, the same way; `hash` stands for both ends and `identity`: one short key is looked up faster."""

META = sa.Table("meta", _metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text))
"""`schema`, `revision` and `extension` (the adopted kinds.json)."""

_Key = tuple[Any, ...]

LOOKED_UP = 2_000
"""Keys of one look-up: below SQLite's bound on variables of a statement."""
STREAMED = 5_000
"""Rows that a stream fetches at a time."""
BUSY_SECONDS = 60


class SqlStore(GraphStore):
    """GraphStore on SQLAlchemy: a SQLite file by default, PostgreSQL as it is."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        parsed = sa.make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "sqlite":
            _check_file(parsed.database, create)
            self._engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})
            sa.event.listen(self._engine, "connect", _tune_sqlite)
        else:
            self._engine = sa.create_engine(parsed, pool_pre_ping=True)
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
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
            if any(word in reason for word in ("locked", "connect", "terminat", "closed", "server")):
                raise StoreUnavailableError(f"store {self.url} does not answer now: {reason}") from None
            raise StoreError(f"store {self.url}: {reason}") from None
        except (DatabaseError, DBAPIError) as error:
            raise StoreError(f"store {self.url}: {str(error.orig).strip().splitlines()[0]}") from None

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[tuple[sa.Connection, int]]:
        """A transaction that no other writer shares, and the revision it will have if it changes anything."""
        with self._errors(), self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            with connection.begin() if connection.dialect.name != "sqlite" else _sqlite_commit(connection):
                held = sa.select(META.c.value).where(META.c.name == "revision").with_for_update()
                yield connection, int(connection.execute(held).scalar_one()) + 1

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7145)")
            _metadata.create_all(connection)
            insert = _insert(connection, META).on_conflict_do_nothing()
            first = {"schema": str(SCHEMA_VERSION), "revision": "0", "extension": "{}"}
            connection.execute(insert, [{"name": name, "value": value} for name, value in first.items()])
            version = connection.execute(sa.select(META.c.value).where(META.c.name == "schema")).scalar_one()
            connection.exec_driver_sql("COMMIT") if connection.dialect.name == "sqlite" else connection.commit()
        if version != str(SCHEMA_VERSION):
            raise StoreError(
                f"store {self.url} has schema version {version}, this program reads {SCHEMA_VERSION}: export it with "
                "the program that wrote it and ingest the export into a new store",
                field="store",
            )

    # -- writing -----------------------------------------------------------------------------------------------------

    def _upsert(
        self, entities: Sequence[Entity], relations: Sequence[Relation], origin: Origin, replace: bool
    ) -> Written:
        written = Written()
        with self._writing() as (connection, revision):
            nodes = [(e[:2], e[:2], e.values) for e in entities]
            rows = self._merge(connection, ENTITY, nodes, origin, replace, revision, written)
            sound, written.dangling = _split_dangling(connection, relations, {e[:2] for e in entities})
            edges = self._merge(
                connection, RELATION, [self._keyed(r) for r in sound], origin, replace, revision, written
            )
            for table, changed in ((ENTITY, rows), (RELATION, edges)):
                if changed:
                    _write_rows(connection, table, changed)
            changed_any = written.inserted or written.updated
            written.revision = revision if changed_any else revision - 1
            if changed_any:
                _set_revision(connection, revision)
        return written

    def _keyed(self, relation: Relation) -> tuple[_Key, tuple[Any, ...], Values]:
        identity = relation.key(self.catalogue.relation(relation.kind))
        key = (relation.kind, digest(*relation[1:5], identity))
        return key, (*key, *relation[1:5], identity), relation.values

    def _merge(
        self, connection: sa.Connection, table: sa.Table, records: Sequence[tuple[_Key, tuple[Any, ...], Values]],
        origin: Origin, replace: bool, revision: int, written: Written,
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        """Rows to write for a batch of (key, identifying columns, values), merged with what is stored."""
        rest = (table.c.body, table.c.provenance, table.c.revision)
        stored = _stored(connection, table, [key for key, _, _ in records], *rest)
        fresh = orjson.dumps({"": list(origin)})
        rows: list[tuple[Any, ...]] = []
        for key, columns, values in records:
            old = stored.get(key)
            if old is None or old.body is None:
                written.inserted += 1
                body, provenance, at = canonical(values), fresh, revision
            else:
                before, source = orjson.loads(old.body), orjson.loads(old.provenance)
                after, newer = merged(before, source, values, origin, replace)
                same = after is before or canonical(after) == old.body
                written.unchanged += same
                written.updated += not same
                if same and newer is source:
                    continue
                body, provenance, at = canonical(after), orjson.dumps(newer), old.revision if same else revision
            rows.append((*columns, body, provenance, at))
        return rows

    def delete(self, keys: Collection[EntityKey | RelationKey]) -> int:
        """See GraphStore."""
        count = 0
        with self._writing() as (connection, revision):
            gone = {"body": None, "provenance": None, "revision": revision}
            for key in keys:
                table = ENTITY if isinstance(key, EntityKey) else RELATION
                stored_as = key if isinstance(key, EntityKey) else (key.kind, digest(*key[1:6]))
                same = (c == v for c, v in zip(table.primary_key, stored_as, strict=True))
                here = sa.and_(*same, table.c.body.is_not(None))
                count += connection.execute(sa.update(table).where(here).values(gone)).rowcount
                if isinstance(key, EntityKey):
                    touching = sa.and_(_touching(key.kind, key.id), RELATION.c.body.is_not(None))
                    connection.execute(sa.update(RELATION).where(touching).values(gone))
            if count:
                _set_revision(connection, revision)
        return count

    # -- reading -----------------------------------------------------------------------------------------------------

    def get(self, kind: str, id: str) -> Entity | None:
        """See GraphStore."""
        row = self._row(kind, id)
        return None if row is None or row.body is None else Entity(kind, id, orjson.loads(row.body))

    def existing(self, kind: str, ids: Sequence[str]) -> set[str]:
        """See GraphStore."""
        alive = ENTITY.c.body.is_not(None).label("alive")
        with self._reading() as connection:
            found = _stored(connection, ENTITY, [(kind, id) for id in ids], alive)
        return {row[0] for row in found.values() if row.alive}

    def provenance(self, kind: str, id: str) -> dict[str, Origin]:
        """See GraphStore."""
        row = self._row(kind, id)
        if row is None or row.body is None:
            return {}
        known: Provenance = orjson.loads(row.provenance)
        return {name: Origin(*known.get(name, known.get("", ["", ""]))) for name in orjson.loads(row.body)}

    def _row(self, kind: str, id: str) -> Any:
        with self._reading() as connection:
            here = sa.and_(ENTITY.c.kind == kind, ENTITY.c.id == id)
            return connection.execute(sa.select(ENTITY).where(here)).first()

    def _stream(self, query: sa.Select[Any]) -> Iterator[Any]:
        with self._reading() as connection:
            yield from connection.execution_options(yield_per=STREAMED).execute(query)

    def entities(self, kind: str) -> Iterator[Entity]:
        """See GraphStore."""
        query = sa.select(ENTITY.c.id, ENTITY.c.body).where(ENTITY.c.kind == kind, ENTITY.c.body.is_not(None))
        for id, body in self._stream(query):
            yield Entity(kind, id, orjson.loads(body))

    def relations(self, kind: str) -> Iterator[Relation]:
        """See GraphStore."""
        query = sa.select(RELATION).where(RELATION.c.kind == kind, RELATION.c.body.is_not(None))
        for row in self._stream(query):
            yield _relation(row)

    def neighbours(self, kind: str, id: str, relation: str | None = None) -> list[Relation]:
        """See GraphStore."""
        query = sa.select(RELATION).where(_touching(kind, id), RELATION.c.body.is_not(None))
        if relation is not None:
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
        with self._reading() as connection:
            return int(connection.execute(sa.select(META.c.value).where(META.c.name == "revision")).scalar_one())

    def changes_since(self, revision: int) -> Iterator[Change]:
        """See GraphStore."""
        changed = (sa.select(t).where(t.c.revision > revision).order_by(t.c.revision) for t in (ENTITY, RELATION))
        nodes, edges = (self._stream(query) for query in changed)
        return heapq.merge(map(_entity_change, nodes), map(_relation_change, edges), key=lambda change: change.revision)

    def _read_extension(self) -> dict[str, Any]:
        with self._reading() as connection:
            text = connection.execute(sa.select(META.c.value).where(META.c.name == "extension")).scalar_one()
        return dict(orjson.loads(text))

    def _write_extension(self, extension: Mapping[str, Any], catalogue: Catalogue) -> None:
        with self._writing() as (connection, revision):
            text = orjson.dumps(extension, option=orjson.OPT_SORT_KEYS).decode()
            here = META.c.name == "extension"
            if connection.execute(sa.select(META.c.value).where(here)).scalar_one() != text:
                connection.execute(sa.update(META).where(here).values(value=text))
                _set_revision(connection, revision)

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


def _check_file(database: str | None, create: bool) -> None:
    if not database or database == ":memory:":
        raise StoreError("an embedded store needs a file: sqlite:///FILE", field="store")
    path = Path(database)
    if not path.parent.is_dir():
        raise StoreError(f"folder {path.parent} of store {path} does not exist", field="store")
    if not create and not path.exists():
        raise StoreError(f"there is no store at {path}; `qianxian ingest` makes one", field="store")


def _tune_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    for setting in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {setting}")


@contextmanager
def _sqlite_commit(connection: sa.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _upserting(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    insert = _insert(connection, table)
    new = {name: insert.excluded[name] for name in ("body", "provenance", "revision")}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=new)


def _write_rows(connection: sa.Connection, table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
    """Upsert rows whose values are in the order of the table's columns."""
    names = [column.name for column in table.c]
    statement = _upserting(connection, table)
    if connection.dialect.name != "sqlite":
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])
        return
    # SQLite takes the tuples as they are: naming and converting each value would take longer than writing it.
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    assert getattr(compiled, "positiontup", None) == names
    connection.exec_driver_sql(str(compiled), rows)


def _set_revision(connection: sa.Connection, revision: int) -> None:
    connection.execute(sa.update(META).where(META.c.name == "revision").values(value=str(revision)))


def _touching(kind: str, id: str) -> sa.ColumnElement[bool]:
    return sa.or_(
        sa.and_(RELATION.c.source == id, RELATION.c.source_kind == kind),
        sa.and_(RELATION.c.target == id, RELATION.c.target_kind == kind),
    )


def _stored(
    connection: sa.Connection, table: sa.Table, keys: Sequence[_Key], *extra: sa.ColumnElement[Any]
) -> dict[_Key, Any]:
    """Key → row of (second key column, *extra) for the keys that the table has."""
    kind, second = table.primary_key
    by_kind: dict[str, list[Any]] = {}
    for key in keys:
        by_kind.setdefault(key[0], []).append(key[1])
    found: dict[_Key, Any] = {}
    for name, names in by_kind.items():
        for start in range(0, len(names), LOOKED_UP):
            some = names[start : start + LOOKED_UP]
            for row in _looked_up(connection, sa.select(second, *extra), kind, second, name, some):
                found[name, row[0]] = row
    return found


def _looked_up(
    connection: sa.Connection, query: sa.Select[Any], kind: sa.Column[Any], second: sa.Column[Any], name: str,
    names: list[Any],
) -> Iterable[Any]:  # fmt: skip
    if connection.dialect.name != "sqlite":
        return connection.execute(query.where(kind == name, second.in_(names)))
    # As in `_write_rows`: a parameter with a name of its own for each key takes longer than finding it.
    start = query.where(kind == sa.literal_column("?")).compile(dialect=connection.dialect)
    return connection.exec_driver_sql(f"{start} AND {second.name} IN ({','.join('?' * len(names))})", (name, *names))


def _split_dangling(
    connection: sa.Connection, relations: Sequence[Relation], present: set[tuple[str, str]]
) -> tuple[list[Relation], list[Relation]]:
    ends = {end for r in relations for end in (r[1:3], r[3:5])} - present
    alive = ENTITY.c.body.is_not(None).label("alive")
    known = {key for key, row in _stored(connection, ENTITY, sorted(ends), alive).items() if row.alive} | present
    sound = [r for r in relations if r[1:3] in known and r[3:5] in known]
    return sound, [r for r in relations if r[1:3] not in known or r[3:5] not in known]
