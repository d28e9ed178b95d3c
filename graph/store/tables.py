"""The tables of SqlStore, and everything in which SQLite and PostgreSQL differ."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from graph.errors import DiskFullError, ReadOnlyError, StoreError

METADATA = sa.MetaData()
_FULL = re.compile("disk is full|no space left|quota exceeded", re.IGNORECASE)
_READ_ONLY = re.compile("read-?only", re.IGNORECASE)

ENTITY = sa.Table(
    "entity",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary),
    sa.Column("provenance", sa.LargeBinary),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
)
"""One row per entity; `body` is canonical JSON, NULL for a deleted entity (kept for `changes_since`)."""

RELATION = sa.Table(
    "relation",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    *(sa.Column(name, sa.Text) for name in ("source_kind", "source", "target_kind", "target", "identity")),
    sa.Column("body", sa.LargeBinary),
    sa.Column("provenance", sa.LargeBinary),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    sa.Index("relation_source", "source", "source_kind"),
    sa.Index("relation_target", "target", "target_kind"),
)
"""One row per relation, the same way; `hash` stands for both ends and `identity`: one short key is looked up faster."""

META = sa.Table("meta", METADATA, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text))
"""`schema`, `revision` and `extension` (the adopted kinds.json)."""

STAMP = sa.Table(
    "stamp",
    METADATA,
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("stamp", sa.Text, nullable=False),
)
"""One row per revision; see GraphStore.stamp."""

Key = tuple[Any, ...]
"""The primary key of a row: kind, then id or hash."""

BUSY_SECONDS = 60
"""How long a writer waits for the one before it."""
_LOOKED_UP = 2_000  # keys of one look-up: below SQLite's bound on the variables of a statement
_CREATING = 7145  # any number that programs agree on: PostgreSQL's lock while tables are made


def engine_of(url: str, create: bool) -> sa.Engine:
    """The engine for an address; StoreError when it is no address, or its file cannot be one of ours."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        _check_file(file_in(url), create)
        engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})
        sa.event.listen(engine, "connect", _tune_sqlite)
        return engine
    try:
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ModuleNotFoundError:
        raise StoreError("PostgreSQL needs the extra `postgres`: pip install 'qianxian[postgres]'") from None


def file_in(url: str) -> Path:
    """The file of a SQLite address; StoreError where it names none."""
    name = _parsed(url).database
    if not name or name == ":memory:":
        raise StoreError("an embedded store needs a file: sqlite:///FILE", field="store")
    return Path(name)


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        form = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        raise StoreError(f"the store address cannot be read; its form is {form}", field="store") from None
    if "\0" in (parsed.database or ""):
        raise StoreError("the store address holds a NUL (%00), which no name can hold", field="store")
    return parsed


def _check_file(path: Path, create: bool) -> None:
    if not path.parent.is_dir():
        raise StoreError(f"folder {path.parent} of store {path} does not exist", field="store")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreError(f"folder {path.parent} of store {path} may not be written: SQLite needs that", field="store")
    if path.is_dir():
        raise StoreError(f"store {path} is a folder; name a file in it", field="store")
    if not create and not path.exists():
        raise StoreError(f"there is no store at {path}; `qianxian ingest` makes one", field="store")


def _tune_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    log_ahead(connection)
    for setting in ("cache_size=-65536", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {setting}")


def log_ahead(connection: sqlite3.Connection) -> None:
    """WAL: readers do not wait for a writer. FULL: what was committed survives a power failure.

    A new file that several turn to WAL at once is locked for all but one, whatever the time they would wait.
    """
    for pause in (*(0.02 * 2**n for n in range(8)), None):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if pause is None or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(pause)
    connection.execute("PRAGMA synchronous=FULL")


def unwritable(error: DBAPIError) -> type[StoreError] | None:
    """What a driver's error is where the database cannot be written to; None for every other error."""
    reason = str(error.orig)
    # SQLite names the shared memory of its log only so where there is no room for it.
    if _FULL.search(reason) or getattr(error.orig, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE":
        return DiskFullError
    return ReadOnlyError if _READ_ONLY.search(reason) else None


def _is_sqlite(connection: sa.Connection) -> bool:
    return connection.dialect.name == "sqlite"


@contextmanager
def transaction(connection: sa.Connection) -> Iterator[None]:
    """A writing transaction; on SQLite the only one."""
    if not _is_sqlite(connection):
        with connection.begin():
            yield
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        # Closing rolls back; ROLLBACK itself fails where SQLite has done so already, as on a full disk.
        connection.invalidate()
        raise


def create_tables(connection: sa.Connection, first: Mapping[str, str]) -> None:
    """Make what is missing; `first` are the rows of META of an empty store. One program at a time does it."""
    with transaction(connection):
        if not _is_sqlite(connection):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATING)))
        METADATA.create_all(connection)
        insert = _insert(connection, META).on_conflict_do_nothing()
        connection.execute(insert, [{"name": name, "value": value} for name, value in first.items()])


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if _is_sqlite(connection) else postgresql.insert(table)


def write_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, or replace body, provenance and revision; values in the order of the table's columns."""
    if not rows:
        return
    names = [column.name for column in table.c]
    insert = _insert(connection, table)
    if isinstance(insert, postgresql.Insert):  # one statement with an array for each column, not one for each row
        columns = zip(table.c, zip(*rows, strict=True), strict=True)
        insert = insert.from_select(names, sa.select(*(sa.func.unnest(_array(c, values)) for c, values in columns)))
    new = {name: insert.excluded[name] for name in ("body", "provenance", "revision")}
    statement = insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=new)
    if not _is_sqlite(connection):
        connection.execute(statement)
        return
    # SQLite takes the tuples as they are: naming and converting each value would take longer than writing it.
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    assert getattr(compiled, "positiontup", None) == names
    connection.exec_driver_sql(str(compiled), list(rows))


def _array(column: sa.Column[Any], values: Sequence[Any]) -> sa.Cast[Any]:
    return sa.cast(list(values), postgresql.ARRAY(column.type))


def look_up(
    connection: sa.Connection, table: sa.Table, keys: Iterable[Key], *extra: sa.ColumnElement[Any]
) -> dict[Key, Any]:
    """Key → row of (second key column, *extra) for those of the keys that the table has."""
    kind, second = table.primary_key
    by_kind: dict[str, list[Any]] = {}
    for key in keys:
        by_kind.setdefault(key[0], []).append(key[1])
    found: dict[Key, Any] = {}
    query = sa.select(second, *extra)
    for name, names in by_kind.items():
        for start in range(0, len(names), _LOOKED_UP):
            for row in _looked_up(connection, query, kind, second, name, names[start : start + _LOOKED_UP]):
                found[name, row[0]] = row
    return found


def _looked_up(
    connection: sa.Connection, query: sa.Select[Any], kind: sa.Column[Any], second: sa.Column[Any],
    name: str, names: list[Any],
) -> Iterable[Any]:  # fmt: skip
    if not _is_sqlite(connection):
        return connection.execute(query.where(kind == name, second == sa.any_(_array(second, names))))
    # As in `write_rows`: a parameter with a name of its own for each key takes longer than finding it.
    start = query.where(kind == sa.literal_column("?")).compile(dialect=connection.dialect)
    return connection.exec_driver_sql(f"{start} AND {second.name} IN ({','.join('?' * len(names))})", (name, *names))
