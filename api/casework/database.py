"""The casework database: opening it, bringing it to the newest schema, reading and writing transactions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from api.casework.tables import NEWEST
from graph.errors import DiskFullError, StoreError, StoreUnavailableError
from graph.store.tables import log_ahead, unwritable

REFUSED = re.compile("password|authentication|does not exist|denied")
"""What a server says that will say the same next time."""
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATING = 0x5158_4D49
"""PostgreSQL advisory lock that lets one program at a time change the schema."""
WAIT = 5
"""Seconds to wait for a lock or a connection before the database counts as unavailable."""


class Casework:
    """One open casework database, shared by threads; nothing is connected before the first use."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with; StoreUnavailableError when the database does not answer."""
        with _named_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction, committed at the end; on SQLite it holds the write lock from the start."""
        with _named_errors(), self.engine.execution_options(write=True).begin() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest version; programs take turns. StoreError for a newer schema than ours."""
        if self._is_newest():
            return
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        try:
            with self.writing() as connection:
                take_turns(connection, MIGRATING)
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(f"casework database is of another version: {error}", field="casework") from error

    def _is_newest(self) -> bool:
        with self.reading() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == NEWEST

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def take_turns(connection: sa.Connection, number: int) -> None:
    """Wait until no other transaction holds this lock of ours; on SQLite a writing transaction is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        if "\0" in (parsed.database or ""):
            raise StoreError("casework address holds a NUL (%00), which no name can hold", field="casework")
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        backend = parsed.get_backend_name()
        if backend not in {"sqlite", "postgresql"}:
            raise StoreError(
                f"casework address has scheme {backend!r}; valid: sqlite:///FILE, postgresql://USER@HOST/DATABASE",
                field="casework",
            )
        arguments: dict[str, Any] = {"timeout": WAIT} if backend == "sqlite" else {"connect_timeout": WAIT}
        engine = sa.create_engine(
            parsed, connect_args=arguments, hide_parameters=True, pool_pre_ping=backend == "postgresql"
        )
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise StoreError(
            "casework address cannot be read; valid: sqlite:///FILE, postgresql://USER@HOST/DATABASE", field="casework"
        ) from None
    except ModuleNotFoundError:
        raise StoreError(
            "PostgreSQL needs the extra `postgres`: pip install 'qianxian[postgres]'", field="casework"
        ) from None
    if backend == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Transactions are begun by _begin_sqlite: the driver's own implicit ones start too late to take the write lock.
    connection.isolation_level = None
    log_ahead(connection)


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        _raise_named(error)


def _raise_named(error: DatabaseError) -> NoReturn:
    """Raise what a driver's error means; errors that are our own mistakes stay as they are."""
    kind = unwritable(error)
    if kind is not None:
        reason = "its disk is full; make room" if kind is DiskFullError else "it is read-only"
        raise kind(f"the casework database cannot be written: {reason}", field="casework") from error
    if isinstance(error, OperationalError):
        # The driver's message may hold the address with its password.
        if REFUSED.search(str(error.orig)):
            reason = "the casework database refuses the connection: check its user, password and name"
            raise StoreError(reason, field="casework") from error
        raise StoreUnavailableError("the casework database does not answer; try again", field="casework") from error
    if isinstance(error, sa.exc.IntegrityError | sa.exc.ProgrammingError):
        raise error
    raise StoreError("the casework database cannot be read: no database or a damaged one", field="casework") from error
