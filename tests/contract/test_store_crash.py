"""kill -9 at any moment: no acknowledged write is lost, and no batch is half there."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest

from graph.errors import StoreUnavailableError
from graph.records import Entity, Origin, Relation
from graph.store import open_store
from tests.contract.conftest import BACKENDS
from tools.servers import Neo4j

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
        firms = {firm.id for firm in store.entities("enterprise")}
        people = {person.id for person in store.entities("expert")}
        ties = [(tie.source, tie.target) for tie in store.relations("collaborated")]
    for round, last in acknowledged.items():
        assert last >= 0
        for number in range(last + 1):
            assert f"f{round}-{number}" in firms
    assert len(people) == SIZE * len(firms)
    assert len(ties) == len(set(ties)) == SIZE * len(firms)
    assert {target for _, target in ties} == firms


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_writer_loses_nothing_acknowledged(backend: str, fresh: Callable[[str], str]) -> None:
    _crash(fresh(backend), 50)


@pytest.mark.benchmark
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_writer_loses_nothing_acknowledged_often(backend: str, fresh: Callable[[str], str]) -> None:
    _crash(fresh(backend), 200)


def test_a_killed_neo4j_server_loses_nothing_and_the_load_can_be_repeated(
    neo4j: Neo4j, fresh: Callable[[str], str]
) -> None:
    url = fresh("neo4j")
    batches = [_batch(0, number) for number in range(30)]
    for stop in (5, 12):
        acknowledged = 0
        store = open_store(url)
        with pytest.raises(StoreUnavailableError) as caught:
            for number, batch in enumerate(batches):
                if number == stop:
                    neo4j.kill()
                store.upsert(batch, ORIGIN)
                acknowledged = number + 1
        assert caught.value.retry
        store.close()
        neo4j.start()
        with open_store(url) as again:
            assert again.counts()["enterprise"] >= acknowledged == stop
    with open_store(url) as store:
        for batch in batches:
            store.upsert(batch, ORIGIN)
        counts = store.counts()
    assert counts == {"enterprise": 30, "expert": 30 * SIZE, "collaborated": 30 * SIZE}
