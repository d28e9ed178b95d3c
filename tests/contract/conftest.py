"""The real servers, started once, and an empty store of each kind."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from neo4j import GraphDatabase

from graph.store import GraphStore, open_store

sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.servers import Neo4j, Unavailable, neo4j_server, postgres_server

BACKENDS = ("sqlite", "postgres", "neo4j")


@pytest.fixture(scope="session")
def neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4j]:
    """A Neo4j server of this run."""
    try:
        with neo4j_server(tmp_path_factory.mktemp("neo4j") / "home") as server:
            yield server
    except Unavailable as reason:
        pytest.skip(f"Neo4j: {reason}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL server of this run."""
    try:
        with postgres_server() as url:
            yield url
    except Unavailable as reason:
        pytest.skip(f"PostgreSQL: {reason}")


@pytest.fixture
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Backend name → address of an empty store."""
    made = iter(range(1000))

    def address(backend: str) -> str:
        number = next(made)
        if backend == "sqlite":
            return f"sqlite:///{tmp_path / f'graph{number}.db'}"
        if backend == "postgres":
            url: str = request.getfixturevalue("postgres")
            name = f"t{uuid.uuid4().hex}"
            engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            engine.dispose()
            return url.rpartition("/")[0] + f"/{name}"
        server: Neo4j = request.getfixturevalue("neo4j")
        wipe(server)
        return server.url

    return address


def wipe(server: Neo4j) -> None:
    """Empty a Neo4j database, constraints and indexes included."""
    with GraphDatabase.driver(f"bolt://127.0.0.1:{server.bolt}", auth=("neo4j", server.password)) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
        for record in driver.execute_query("SHOW CONSTRAINTS YIELD name RETURN name").records:
            driver.execute_query(f"DROP CONSTRAINT {record['name']}")
        query = "SHOW INDEXES YIELD name, type WHERE type = 'RANGE' RETURN name"
        for record in driver.execute_query(query).records:
            driver.execute_query(f"DROP INDEX {record['name']} IF EXISTS")


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, fresh: Callable[[str], str]) -> Iterator[GraphStore]:
    """An empty store of each kind."""
    with open_store(fresh(request.param)) as opened:
        yield opened
