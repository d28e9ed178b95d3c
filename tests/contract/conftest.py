"""The real servers, started once, and an empty store of each kind."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from neo4j import GraphDatabase

from graph.kinds import BUILTIN
from graph.store import GraphStore, open_store
from graph.store.cypher import schema

sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.servers import Unavailable, neo4j_server, postgres_server

BACKENDS = ("sqlite", "postgres", "neo4j")


@pytest.fixture(scope="session")
def neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Neo4j server: the one that the environment names, else one of this run."""
    if "QIANXIAN_TEST_NEO4J" in os.environ:
        yield os.environ["QIANXIAN_TEST_NEO4J"]
        return
    try:
        with neo4j_server(tmp_path_factory.mktemp("neo4j") / "home") as server:
            yield server.url
    except Unavailable as reason:
        pytest.skip(f"Neo4j: {reason}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL server: the one that the environment names, else one of this run."""
    if "QIANXIAN_TEST_POSTGRES" in os.environ:
        yield os.environ["QIANXIAN_TEST_POSTGRES"]
        return
    try:
        with postgres_server() as url:
            yield url
    except Unavailable as reason:
        pytest.skip(f"PostgreSQL: {reason}")


@pytest.fixture
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Backend name → address of an empty store."""
    made: list[str] = []

    def address(backend: str) -> str:
        if backend == "sqlite":
            return f"sqlite:///{tmp_path / uuid.uuid4().hex}.db"
        url: str = request.getfixturevalue(backend)
        if backend == "neo4j":
            wipe(url)
            return url
        made.append(f"t{uuid.uuid4().hex}")
        _administer(url, f"CREATE DATABASE {made[-1]}")
        return url.rpartition("/")[0] + f"/{made[-1]}"

    yield address
    for name in made if "QIANXIAN_TEST_POSTGRES" in os.environ else ():  # else the whole server goes
        _administer(request.getfixturevalue("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


def _administer(url: str, command: str) -> None:
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(command)
    engine.dispose()


@contextmanager
def cypher(url: str) -> Iterator[Callable[..., list[dict[str, object]]]]:
    """A function that runs statements as another tool would."""
    parts = urlsplit(url)
    auth = (str(parts.username), str(parts.password))
    address = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    with GraphDatabase.driver(address, auth=auth, notifications_min_severity="OFF") as driver:

        def run(query: str, **parameters: object) -> list[dict[str, object]]:
            with driver.session() as session:
                return session.run(query, parameters).data()

        yield run


def wipe(url: str) -> None:
    """Empty a Neo4j database; constraints and indexes of built-in kinds stay, for making them takes long."""
    with cypher(url) as run:
        run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS")
        kept = schema(BUILTIN)
        for name in {str(row["name"]) for row in run("SHOW CONSTRAINTS YIELD name RETURN name")} - kept.keys():
            run(f"DROP CONSTRAINT `{name}`")
        for name in {str(row["name"]) for row in run("SHOW INDEXES YIELD name, type WHERE type = 'RANGE' RETURN name")}:
            if name not in kept:
                run(f"DROP INDEX `{name}`")


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, fresh: Callable[[str], str]) -> Iterator[GraphStore]:
    """An empty store of each kind."""
    with open_store(fresh(request.param)) as opened:
        yield opened
