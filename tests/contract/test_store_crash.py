"""kill -9 at any moment: no acknowledged write is lost, and no batch is half there."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import pytest

from graph.errors import StoreUnavailableError
from graph.records import Entity, Origin, Relation
from graph.store import GraphStore, open_store
from tests.contract.conftest import BACKENDS
from tools.servers import Neo4j, Unavailable, neo4j_server

ORIGIN = Origin("crash", "2024-01-01")
SIZE = 10
FORK = multiprocessing.get_context("fork")


def _batch(round: int, number: int) -> list[Entity | Relation]:
    firm = Entity("enterprise", f"f{round}-{number}", {"stage": "A"})
    people = [Entity("expert", f"e{round}-{number}-{at}", {"bio": "x" * 50}) for at in range(SIZE)]
    ties = [Relation("collaborated", "expert", person.id, "enterprise", firm.id, {}) for person in people]
    return [firm, *people, *ties]


def _write_until_killed(url: str, round: int, told: Connection) -> None:
    with open_store(url) as store:
        for number in range(10_000):
            store.upsert(_batch(round, number), ORIGIN)
            told.send(number)
    os._exit(0)


def _round(url: str, round: int, wait: float) -> int:
    """Let a process write, kill it some time after its first word; the last batch it acknowledged."""
    here, there = FORK.Pipe(duplex=False)
    writer = FORK.Process(target=_write_until_killed, args=(url, round, there))
    writer.start()
    there.close()
    assert here.poll(60), "the writer never got through a batch"
    time.sleep(wait)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    last = -1
    try:
        while here.poll(1):
            last = here.recv()
    except EOFError:
        pass
    here.close()
    return last


def _crash(url: str, rounds: int) -> None:
    chance = random.Random(7)
    open_store(url).close()
    acknowledged = {round: _round(url, round, chance.uniform(0, 0.05)) for round in range(rounds)}
    with open_store(url) as store:
        _check_whole(store, {round: last + 1 for round, last in acknowledged.items()})


def _check_whole(store: GraphStore, acknowledged: dict[int, int]) -> None:
    """Round → acknowledged batches: all of them are there, and no batch is there by half."""
    firms = {firm.id for firm in store.entities("enterprise")}
    people = {person.id for person in store.entities("expert")}
    ties = [(tie.source, tie.target) for tie in store.relations("collaborated")]
    for round, count in acknowledged.items():
        assert count > 0
        assert {f"f{round}-{number}" for number in range(count)} <= firms
    assert people == {f"e{firm[1:]}-{at}" for firm in firms for at in range(SIZE)}
    assert sorted(ties) == sorted((f"e{firm[1:]}-{at}", firm) for firm in firms for at in range(SIZE))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_writer_loses_nothing_acknowledged(backend: str, fresh: Callable[[str], str]) -> None:
    _crash(fresh(backend), 50)


@pytest.mark.benchmark
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_writer_loses_nothing_acknowledged_often(backend: str, fresh: Callable[[str], str]) -> None:
    _crash(fresh(backend), 200)


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4j]:
    """A Neo4j server that may be killed."""
    try:
        with neo4j_server(tmp_path_factory.mktemp("mortal") / "home") as server:
            yield server
    except Unavailable as reason:
        pytest.skip(f"Neo4j: {reason}")


def test_a_killed_neo4j_server_loses_nothing_and_the_load_can_be_repeated(
    mortal: Neo4j, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graph.store.bolt.RETRY_SECONDS", 1)
    acknowledged: dict[int, int] = {}
    for round, delay in enumerate((0.0, 0.05)):
        with open_store(mortal.url) as store, pytest.raises(StoreUnavailableError) as caught:
            for number in range(10_000):
                if number == 5:
                    killer = threading.Timer(delay, mortal.kill)
                    killer.start()
                store.upsert(_batch(round, number), ORIGIN)
                acknowledged[round] = number + 1
        assert caught.value.retry
        killer.join()
        mortal.start()
        with open_store(mortal.url) as store:
            _check_whole(store, acknowledged)
    batches = [_batch(round, number) for round, last in acknowledged.items() for number in range(last + 1)]
    with open_store(mortal.url) as store:
        for batch in batches:
            store.upsert(batch, ORIGIN)
        counts = store.counts()
    total = len(batches)
    assert counts == {"enterprise": total, "expert": total * SIZE, "collaborated": total * SIZE}


def test_a_load_outlives_a_restart_of_the_server(mortal: Neo4j) -> None:
    with open_store(mortal.url) as store:
        store.upsert(_batch(8, 0), ORIGIN)
        before = store.counts()["enterprise"]
        mortal.kill()
        restart = threading.Thread(target=mortal.start)
        restart.start()
        store.upsert(_batch(8, 1), ORIGIN)
        restart.join()
        assert store.counts()["enterprise"] == before + 1
