"""Several programs and threads on one store, the same on SQLite, PostgreSQL and Neo4j."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from graph.records import Entity, Origin
from graph.store import GraphStore, open_store
from tests.contract.conftest import BACKENDS

ORIGIN = Origin("w", "2024")
ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from graph.records import Entity, Origin
from graph.store import open_store
with open_store(sys.argv[1]) as store:
    for n in range(40):
        name = f"{sys.argv[2]}{n}"
        both = [Entity("expert", name, {"bio": "x"}), Entity("expert", "both", {"bio": name})]
        store.upsert(both, Origin("w", "2024"))
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_processes_write_at_once(backend: str, fresh: Callable[[str], str]) -> None:
    url = fresh(backend)
    open_store(url).close()
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, name], cwd=ROOT) for name in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    with open_store(url) as store:
        assert store.counts() == {"expert": 81}
        assert store.revision() == 80


ADOPTER = """
import sys
from graph.store import open_store
with open_store(sys.argv[1]) as store:
    for n in range(8):
        store.adopt({"entities": [{"name": f"{sys.argv[2]}{n}", "labels": {"en": "x", "zh": "x"}}]})
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_processes_adopt_kinds_at_once(backend: str, fresh: Callable[[str], str]) -> None:
    url = fresh(backend)
    adopters = [subprocess.Popen([sys.executable, "-c", ADOPTER, url, name], cwd=ROOT) for name in ("ka", "kb")]
    assert [adopter.wait(120) for adopter in adopters] == [0, 0]
    with open_store(url) as store:
        assert {f"k{name}{n}" for name in "ab" for n in range(8)} <= set(store.catalogue.entities)


@pytest.mark.parametrize("backend", BACKENDS)
def test_readers_do_not_wait_for_a_writer(
    backend: str, fresh: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fresh(backend)
    store = open_store(url)
    store.upsert([Entity("expert", "e", {"bio": "before"})], ORIGIN)
    inside, leave = threading.Event(), threading.Event()

    def slowly(*_: object) -> bool:
        inside.set()
        assert leave.wait(30)
        return True

    monkeypatch.setattr("graph.store.merge.Intake.finish", slowly)
    writer = threading.Thread(target=store.upsert, args=([Entity("expert", "e", {"bio": "after"})], ORIGIN))
    writer.start()
    try:
        assert inside.wait(30)
        assert list(store.entities("expert")) == [Entity("expert", "e", {"bio": "before"})]
        with open_store(url) as other:
            assert other.get("expert", "e") == Entity("expert", "e", {"bio": "before"})
    finally:
        leave.set()
        writer.join()
    assert store.get("expert", "e") == Entity("expert", "e", {"bio": "after"})
    store.close()


def test_a_stream_goes_on_while_others_write(store: GraphStore) -> None:
    people = [Entity("expert", f"e{n:04}", {"bio": "x"}) for n in range(5_000)]
    store.upsert(people, ORIGIN)
    stream = store.entities("expert")
    seen = [next(stream)]
    store.upsert([Entity("expert", person.id, {"title": "教授"}) for person in people[::2]], ORIGIN)
    seen += stream
    assert sorted(person.id for person in seen) == [person.id for person in people]
