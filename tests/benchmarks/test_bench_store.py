"""How fast each store takes in and gives out records: run with `-m benchmark`, figures on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import pytest

from graph.records import Entity, EntityKey, Origin, Relation
from graph.store import GraphStore, open_store
from graph.store.port import BATCH
from tests.contract.conftest import BACKENDS, fresh, neo4j, postgres

__all__ = ["fresh", "neo4j", "postgres"]

COUNT = 40_000
ORIGIN = Origin("benchmark", "2024-01-01")
HUBS = 4


def _experts() -> Iterator[Entity]:
    for n in range(COUNT):
        yield Entity("expert", f"e{n}", {"name": f"张{n}", "tags": ["散热", "chips"], "bio": "研究 " * 40})


def _publications() -> Iterator[Entity]:
    for n in range(COUNT):
        yield Entity("publication", f"p{n}", {"title": f"题名 {n}", "year": 2000 + n % 24})


def _authored() -> Iterator[Relation]:
    for n in range(COUNT):
        yield Relation("authored", "expert", f"e{n}", "publication", f"p{n * 7 % COUNT}", {"position": 1})


def _employed() -> Iterator[Relation]:
    for n in range(COUNT):
        yield Relation("employed_by", "expert", f"e{n}", "institution", f"i{n % HUBS}", {"since": "2020"})


def _load(store: GraphStore, records: Iterator[Entity | Relation]) -> float:
    """Records a second, in batches."""
    start = time.perf_counter()
    while batch := list(islice(records, BATCH)):
        assert not store.upsert(batch, ORIGIN).dangling
    return COUNT / (time.perf_counter() - start)


def _rate(stream: Iterator[object]) -> float:
    start = time.perf_counter()
    return sum(1 for _ in stream) / (time.perf_counter() - start)


def _milliseconds(do: Callable[[int], object], times: Sequence[int] = range(50)) -> float:
    start = time.perf_counter()
    for n in times:
        do(n)
    return (time.perf_counter() - start) / len(times) * 1000


@pytest.mark.benchmark
@pytest.mark.parametrize("backend", BACKENDS)
def test_writing_and_reading(backend: str, fresh: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(fresh(backend)) as store:
        store.upsert([Entity("institution", f"i{n}", {}) for n in range(HUBS)], ORIGIN)
        figures = {
            "new entities/s": _load(store, _experts()),
            "new small entities/s": _load(store, _publications()),
            "new relations/s": _load(store, _authored()),
            "new relations of hubs/s": _load(store, _employed()),
            "known entities/s": _load(store, _experts()),
            "known relations/s": _load(store, _employed()),
            "entities read/s": _rate(store.entities("expert")),
            "relations read/s": _rate(store.relations("authored")),
            "changes read/s": _rate(store.changes_since(0)),
            "one write, ms": _milliseconds(lambda n: store.upsert([Entity("need", f"n{n}", {"title": "x"})], ORIGIN)),
            "one read, ms": _milliseconds(lambda n: store.get("expert", f"e{n}")),
            "neighbours, ms": _milliseconds(lambda n: store.neighbours("expert", f"e{n}")),
            "last change, ms": _milliseconds(lambda n: list(store.changes_since(store.revision() - 1))),
            "one deletion, ms": _milliseconds(lambda n: store.delete([EntityKey("need", f"n{n}")])),
            "counts, ms": _milliseconds(lambda n: store.counts()),
        }
        assert store.counts()["employed_by"] == COUNT
    with capsys.disabled():
        sys.stderr.write(f"\n{backend}: {COUNT:,} of each kind in batches of {BATCH:,}\n")
        for name, figure in figures.items():
            sys.stderr.write(f"  {name:26}{figure:>12,.{0 if '/s' in name else 2}f}\n")
