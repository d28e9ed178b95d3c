"""What can go wrong with a store is told in words, without the password, and leaves what was written whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from graph.errors import DiskFullError, ReadOnlyError, StoreError, StoreUnavailableError
from graph.records import Entity, Origin
from graph.store import open_store
from graph.store.bolt import Bolt
from graph.store.port import SCHEMA_VERSION
from graph.store.sql import SqlStore
from tests.contract.conftest import BACKENDS

ORIGIN = Origin("w", "2024")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://x/y", "valid: sqlite"),
        ("sqlite:////nowhere/at/all/graph.db", "does not exist"),
        ("sqlite://", "needs a file"),
        ("postgresql://u:secret-word@127.0.0.1:1/x", "does not answer"),
        ("bolt://u:secret-word@127.0.0.1:1", "does not answer"),
        ("postgresql://u:secret-word@host.invalid/x", "does not answer"),
        ("neo4j://u:secret-word@host.invalid:7687", "does not answer"),
        ("postgresql://u:secret-word@127.0.0.1:port/x", "cannot be read"),
        ("bolt://u:secret-word@127.0.0.1:port", "cannot be read"),
        ("bolt://u:secret-word/x@127.0.0.1:7687", "cannot be read"),
        ("neo4j://u:secret-word@[::1/x", "cannot be read"),
        ("postgresql://u:secret-word@[::1/x", "cannot be read"),
        ("sqlite:////nowhere/a%00b/graph.db", "holds a NUL"),
        ("bolt://u:secret-word@127.0.0.1:7687?encrypted=1", "unknown options encrypted; valid: database"),
    ],
)
def test_a_wrong_address_is_told_without_the_password(url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        open_store(url)
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__}"
    assert "secret-word" not in shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert isinstance(caught.value, StoreUnavailableError) == ("answer" in reason)


@pytest.mark.parametrize("backend", ["postgres", "neo4j"])
def test_a_refused_password_is_told_and_not_worth_a_second_try(backend: str, fresh: Callable[[str], str]) -> None:
    url = fresh(backend)
    parts = urlsplit(url)
    assert parts.password is not None
    with pytest.raises(StoreError) as caught:
        open_store(url.replace(parts.password, "secret-word"))
    assert "password" in str(caught.value)
    assert "secret-word" not in str(caught.value)
    assert not caught.value.retry


@pytest.mark.parametrize("backend", ["postgres", "neo4j"])
def test_an_absent_database_is_told(backend: str, fresh: Callable[[str], str]) -> None:
    parts = urlsplit(fresh(backend))
    with pytest.raises(StoreError, match="nowhere") as caught:
        open_store(parts._replace(path="/nowhere").geturl())
    assert not caught.value.retry


def test_a_database_is_named_by_path_or_query() -> None:
    for address in ("bolt://u:secret-word@host/mine", "bolt://u:secret-word@host?database=mine"):
        bolt = Bolt(address)
        assert (bolt.url, bolt._database) == ("bolt://host/mine", "mine")
        bolt.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_open_store_shows_no_password(backend: str, fresh: Callable[[str], str]) -> None:
    url = fresh(backend)
    password = urlsplit(url).password or "none"
    with open_store(url) as store:
        assert password not in f"{store!r} {store.url} {vars(store)}"


def test_files_that_are_no_store_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        open_store(f"sqlite:///{tmp_path}")
    with pytest.raises(StoreError, match=r"may not be written|unable to open"):
        open_store("sqlite:////proc/x.db")
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(StoreError, match="there is no store"):
        open_store(f"sqlite:///{tmp_path / 'y.db'}", create=False)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_store_of_another_schema_is_refused(
    backend: str, fresh: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fresh(backend)
    open_store(url).close()
    for ours, advice in (
        (SCHEMA_VERSION + 1, "export it with the program that wrote it"),
        (0, "install the newer program"),
    ):
        monkeypatch.setattr("graph.store.port.SCHEMA_VERSION", ours)
        with pytest.raises(StoreError, match=f"schema version {SCHEMA_VERSION}, this program reads {ours}: {advice}"):
            open_store(url)


def _limited(url: str, setting: str) -> SqlStore:
    """A store on SQLite whose every further connection has a setting."""
    store = SqlStore(url)
    store._engine.dispose()
    sa.event.listen(store._engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {setting}"))
    return store


def test_a_full_disk_is_told_and_what_was_written_is_whole(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    written = 0
    with _limited(url, "max_page_count=200") as store, pytest.raises(DiskFullError, match="disk is full") as caught:
        for n in range(10_000):
            store.upsert([Entity("expert", f"e{n}-{m}", {"bio": "x" * 500}) for m in range(20)], ORIGIN)
            written = n + 1
    assert not caught.value.retry
    with open_store(url) as store:
        assert store.revision() == written
        assert store.counts() == {"expert": 20 * written}
        store.upsert([Entity("expert", "again", {})], ORIGIN)


def test_a_store_that_may_not_be_written_can_be_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    with open_store(url) as store:
        store.upsert([Entity("expert", "e", {})], ORIGIN)
    with _limited(url, "query_only=1") as store:
        with pytest.raises(ReadOnlyError, match="readonly"):
            store.upsert([Entity("expert", "f", {})], ORIGIN)
        assert store.counts() == {"expert": 1}


def test_a_lost_connection_is_worth_a_second_try(fresh: Callable[[str], str]) -> None:
    url = fresh("postgres")
    with open_store(url) as store:
        store.upsert([Entity("expert", "e", {})], ORIGIN)
        stream = store.entities("expert")
        engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            connection.exec_driver_sql(f"{others} AND pid <> pg_backend_pid()")
        engine.dispose()
        assert [entity.id for entity in stream] == ["e"]
        store.upsert([Entity("expert", "f", {})], ORIGIN)
        assert store.counts() == {"expert": 2}
