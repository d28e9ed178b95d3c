"""What answers, opening and building cost on the sample world; run by `make bench`."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graph import projection
from graph.records import Entity, Origin
from graph.store import open_store
from ingest.load import ingest
from ingest.sample.world import write
from matching.build import build
from matching.masking import Role, Viewer
from matching.pipeline import Matcher, Question
from matching.training import train

pytestmark = pytest.mark.benchmark

SECRET = b"s" * 32
ASKED = ("need-expert", "need-patent", "need-instrument", "expert-need", "enterprise-fund", "fund-enterprise")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write(folder / "world")
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        _timed("ingest", lambda: ingest(store, [folder / "world"]))
        _timed("store → projection", lambda: projection.build(store, folder / "projection"))
    _timed("projection → mask and indexes", lambda: _build(folder))
    return folder


def _build(folder: Path) -> None:
    build(folder / "projection", folder / "matching", SECRET, k=5, epoch="bench")


def _timed(what: str, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    work()
    print(f"\n{what}: {time.perf_counter() - started:.2f} s", end="")


def _latencies(matcher: Matcher, when: str) -> None:
    for kind in ASKED:
        table = matcher.state.projection.table(kind.partition("-")[0])
        for role in (Role.BROKER, Role.OUTSIDER):
            viewer = Viewer("bench", role, everything=True)
            spent = []
            for at in range(520):
                question = Question(kind, subject=table.ids[at * 37 % table.n], limit=20, explain=True)
                started = time.perf_counter()
                matcher.match(question, viewer)
                spent.append(1000 * (time.perf_counter() - started))
            p50, p99 = np.percentile(spent[20:], [50, 99])
            print(f"\n{kind} top-20 explained and masked, {role}, {when}: p50 {p50:.2f} ms, p99 {p99:.2f} ms", end="")


def test_answers(home: Path) -> None:
    started = time.perf_counter()
    matcher = Matcher.open(home / "matching", home / "projection", SECRET)
    print(f"\nopen and warm up: {time.perf_counter() - started:.2f} s", end="")
    _latencies(matcher, "prior")
    _timed("train every match kind", lambda: train(matcher.state))
    assert matcher.refresh()
    _latencies(matcher, "trained")
    print(f"\npeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def test_one_new_need(home: Path) -> None:
    matcher = Matcher.open(home / "matching", home / "projection", SECRET)
    for number in range(3):
        with open_store(f"sqlite:///{home / 'graph.db'}") as store:
            store.upsert([Entity("need", f"new{number}", {"title": "电机散热"})], Origin("bench", "2030"))
            started = time.perf_counter()
            projection.build(store, home / "projection")
        _build(home)
        built = time.perf_counter()
        assert matcher.refresh()
        took = f"build {built - started:.2f} s, take up {time.perf_counter() - built:.2f} s"
        print(f"\none new need: {took}", end="")
        assert matcher.match(Question("need-expert", subject=f"new{number}"), Viewer("b", Role.OPERATOR)).groups
