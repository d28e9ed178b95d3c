"""What answers, opening and building cost on the sample world; run by `make bench`."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from api.bootstrap import open_matcher
from api.settings import Settings
from graph import projection
from graph.records import Entity, Origin
from graph.store import open_store
from ingest.load import ingest
from ingest.sample.world import write
from matching.build import build
from matching.candidates.retrieve import retrieve
from matching.masking import Role, Viewer
from matching.matcher import Matcher
from matching.question import Question
from matching.training.train import train

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


def _latencies(matcher: Matcher, when: str, asked: Sequence[str] = ASKED, questions: int = 520) -> None:
    for kind in asked:
        table = matcher.state.projection.table(kind.partition("-")[0])
        for role in (Role.BROKER, Role.OUTSIDER):
            viewer = Viewer("bench", role, everything=True)
            spent = []
            for at in range(questions):
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


@pytest.mark.skipif("QIANXIAN_BENCH_HOME" not in os.environ, reason="QIANXIAN_BENCH_HOME names no built home folder")
def test_answers_of_a_given_home() -> None:
    started = time.perf_counter()
    matcher = open_matcher(Settings(home=Path(os.environ["QIANXIAN_BENCH_HOME"])))
    print(f"\nopen and warm up: {time.perf_counter() - started:.2f} s", end="")
    _latencies(matcher, "as it is", ("need-expert", "need-patent"), 220)
    print(f"\npeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def test_what_retrieval_leaves_out(home: Path) -> None:
    """How much of the exact top 20, from scoring everyone, is among the retrieved."""
    state = Matcher.open(home / "matching", home / "projection", SECRET).state
    for kind in ASKED:
        prepared = state.prepared(kind)
        evidence, everyone = prepared.evidence, np.arange(prepared.evidence.n)
        found = []
        for row in range(0, 150 * 37, 37):
            asked = evidence.asked(row % state.projection.table(evidence.kind.subject).n)
            read = evidence.read(asked)
            score = prepared.model.score(prepared.features.of(asked, read, everyone))
            score[~prepared.constraints.kept(asked, everyone)] = -np.inf
            best = np.argsort(-score, kind="stable")[:20]
            found.append(np.isin(best, retrieve(evidence, asked, read)).mean())
        print(f"\n{kind}: recall@20 of retrieval {np.mean(found):.4f}, least {min(found):.2f}", end="")


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
