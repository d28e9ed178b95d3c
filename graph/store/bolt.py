"""The connection to a Neo4j server: one address, managed transactions, streams, and the driver's errors as ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from neo4j import GraphDatabase, ManagedTransaction
from neo4j.exceptions import AuthError, ClientError, DriverError, Neo4jError

from graph.errors import StoreError, StoreUnavailableError, ValueRejectedError

FETCHED = 2_000
"""Records that a stream fetches at a time."""
RETRY_SECONDS = 15
"""How long the driver repeats a transaction that a server did not end: a restart takes about as long."""

T = TypeVar("T")


class Bolt:
    """One database of a server, named by path or query; `url` is its address without user and password."""

    def __init__(self, url: str) -> None:
        form = "neo4j://USER:PASSWORD@HOST:PORT, with %2F for / in a password"
        try:
            parts = urlsplit(url)
            if not parts.hostname or parts.port == 0:
                raise ValueError("no host, or no port")
        except ValueError:
            raise StoreError(f"the store address cannot be read; its form is {form}", field="store") from None
        database, query = parts.path.strip("/"), dict(parse_qsl(parts.query))
        database = query.pop("database", database)
        if query:
            unknown = ", ".join(sorted(query))
            raise StoreError(f"the store address has unknown options {unknown}; valid: database", field="store")
        auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        bare = parts._replace(
            netloc=parts.netloc.rpartition("@")[2], path=database and f"/{database}", query="", fragment=""
        )
        self.url = urlunsplit(bare)
        self._database = database or "neo4j"
        try:
            self._driver = GraphDatabase.driver(
                urlunsplit(bare._replace(path="")),
                auth=auth,
                max_transaction_retry_time=RETRY_SECONDS,
                connection_timeout=5,
                notifications_min_severity="OFF",  # kinds without a record are no news
            )
        except (ValueError, DriverError) as error:
            raise StoreError(f"store {self.url}: {error}", field="store") from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except AuthError:
            raise StoreError(f"store {self.url} refused user and password", field="store") from None
        except ClientError as error:
            raise StoreError(f"store {self.url}: {error.message}") from None
        except (DriverError, Neo4jError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise StoreUnavailableError(f"store {self.url} does not answer now: {reason}") from None
        except (OverflowError, UnicodeError) as error:
            raise ValueRejectedError(f"a value cannot be stored: {error}") from None

    def check(self) -> None:
        """Raise StoreError or StoreUnavailableError when the server cannot be used."""
        with self._errors():
            self._driver.verify_connectivity()

    def read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of a query."""
        with self._errors(), self._driver.session(database=self._database) as session:
            return session.execute_read(lambda transaction: transaction.run(query, parameters).data())

    def stream(self, query: str, **parameters: Any) -> Iterator[Any]:
        """The rows of a query as they come."""
        with self._errors(), self._driver.session(database=self._database, fetch_size=FETCHED) as session:
            yield from session.run(query, parameters)

    def write(self, work: Callable[[ManagedTransaction], T]) -> T:
        """Run `work` in one transaction; it is run again where the server asks for that."""
        with self._errors(), self._driver.session(database=self._database) as session:
            return session.execute_write(work)

    def command(self, commands: Iterable[str]) -> None:
        """Run commands that make something in the schema, each by itself; it may exist already."""

        def run(transaction: ManagedTransaction, text: str) -> None:
            transaction.run(text).consume()

        with self._errors(), self._driver.session(database=self._database) as session:
            for text in commands:
                try:
                    session.execute_write(run, text)
                except ClientError as error:
                    # IF NOT EXISTS does not see what another program is making at this moment.
                    if not (error.code or "").endswith("AlreadyExists"):
                        raise

    def close(self) -> None:
        """Give the connections back."""
        self._driver.close()
