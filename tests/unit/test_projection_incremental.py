"""A projection that grew by small builds is the one that a single full build gives, array by array."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from graph.kinds import BUILTIN
from graph.projection import build
from graph.records import Entity, EntityKey, Origin, Relation
from graph.store import Change, open_store
from tests.unit.projection_memory import MemoryStore
from tests.unit.projection_worlds import assert_same, graphs, keys_in, scratch

ORIGIN = Origin("test", "2024")
ROUNDS = st.lists(
    st.tuples(graphs(duplicates=True), st.lists(st.integers(0, 1000), max_size=3)), min_size=2, max_size=5
)


@settings(max_examples=60, deadline=None)
@given(ROUNDS)
def test_small_builds_equal_a_full_one(rounds: list[tuple[list[Entity | Relation], list[int]]]) -> None:
    with scratch() as folder:
        store = MemoryStore()
        for at, (writes, deletes) in enumerate(rounds):
            store.upsert(writes, ORIGIN, replace=at % 2 == 0)
            keys = keys_in(store)
            store.delete([keys[number % len(keys)] for number in deletes if keys])
            grown = build(store, folder / "grown")
            assert grown.revision == store.revision()
            assert_same(grown, build(store, folder / "whole", full=True))


def _world(store: MemoryStore) -> None:
    store.upsert(
        [
            *(Entity("expert", f"e{n}", {"name": f"专家{n}", "tags": ["光学"]}) for n in range(20)),
            *(Entity("need", f"n{n}", {"text": "激光"}) for n in range(5)),
            *(Entity("publication", f"p{n}", {"title": "论文", "year": 2000 + n}) for n in range(20)),
            Entity("enterprise", "c", {}),
            *(Relation("authored", "expert", f"e{n}", "publication", f"p{n}", {"position": 1}) for n in range(20)),
            *(Relation("posted", "enterprise", "c", "need", f"n{n}", {}) for n in range(5)),
        ],
        ORIGIN,
    )


def test_a_new_need_rewrites_only_needs_and_what_touches_them(tmp_path: Path) -> None:
    store = MemoryStore()
    _world(store)
    before = build(store, tmp_path)
    store.upsert([Entity("need", "n9", {}), Relation("posted", "enterprise", "c", "need", "n9", {})], ORIGIN)
    after = build(store, tmp_path)
    fresh = {file.partition("/")[2].partition("~")[0] for file in after.parts.keys() - before.parts.keys()}
    assert fresh == {"need", "posted-enterprise-need", "posted-enterprise-need-rows"}
    assert after.walk("need", [after.table("need").find("n9")], "<posted")["enterprise"].tolist() == [0]


def test_a_new_row_renumbers_edges_without_rewriting_their_records(tmp_path: Path) -> None:
    store = MemoryStore()
    _world(store)
    before = build(store, tmp_path)
    store.upsert([Entity("expert", "a-first", {})], ORIGIN)
    after = build(store, tmp_path)
    assert (before.manifest.groups[0].relation, after.manifest.groups[0].relation) == ("authored", "authored")
    assert after.manifest.groups[0].stored_records == before.manifest.groups[0].stored_records
    assert after.adjacency("authored", "expert", "publication").of(1).tolist() == [0]


def test_an_unchanged_store_builds_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    _world(store)
    before = build(store, tmp_path)
    files = sorted(path for path in tmp_path.rglob("*.part"))
    assert build(store, tmp_path).manifest == before.manifest
    assert sorted(path for path in tmp_path.rglob("*.part")) == files
    assert before.is_current()


def test_the_digest_of_a_kind_changes_if_and_only_if_a_record_of_it_does(tmp_path: Path) -> None:
    store = MemoryStore()
    _world(store)
    before = build(store, tmp_path)
    store.upsert([Entity("need", "n0", {"text": "电池"})], ORIGIN)
    after = build(store, tmp_path)
    changed = {kind for kind in BUILTIN.entities if before.table(kind).digest != after.table(kind).digest}
    assert changed == {"need"}
    assert before.fingerprint != after.fingerprint


def test_many_changes_and_another_catalogue_are_built_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.projection.building._FEW", 3)
    store = MemoryStore()
    _world(store)
    build(store, tmp_path)
    store.upsert([Entity("need", f"x{n}", {}) for n in range(30)], ORIGIN)
    seen: list[str] = []
    many = build(store, tmp_path, progress=lambda stage, done: seen.append(stage))
    assert "changes" not in seen
    assert many.table("need").n == 35
    document = {"entities": [{"name": "ship", "labels": {"en": "ship", "zh": "船"}, "fields": []}]}
    store.adopt(document)
    assert build(store, tmp_path).table("ship").n == 0


@pytest.mark.parametrize("further", [0, 1, 2])
def test_after_a_backup_came_back_nothing_is_left_of_what_was_lost(tmp_path: Path, further: int) -> None:
    """Revisions are counted on from the backup: their numbers are those of the lost history."""
    file, backup, folder = tmp_path / "graph.db", tmp_path / "backup.db", tmp_path / "projection"
    url = f"sqlite:///{file}"
    with open_store(url) as store:
        store.upsert([Entity("expert", "e", {"bio": "电池"})], ORIGIN)
    shutil.copy(file, backup)
    with open_store(url) as store:
        store.upsert([Entity("expert", "lost", {"name": "某人"}), Entity("expert", "e", {"bio": "丢失"})], ORIGIN)
        lost = build(store, folder)
    for path in tmp_path.glob("graph.db*"):
        path.unlink()
    shutil.copy(backup, file)
    with open_store(url) as store:
        for number in range(further):
            store.upsert([Entity("expert", f"new-{number}", {})], ORIGIN)
        assert store.revision() == lost.revision - 1 + further
        now = build(store, folder)
        assert_same(now, build(store, tmp_path / "other"))
        assert now.table("expert").find("lost") < 0 and now.table("expert").n == 1 + further


class _Busy(MemoryStore):
    """Is written to while it is read."""

    def entities(self, kind: str) -> Iterator[Entity]:
        yield from list(super().entities(kind))
        if kind == "expert" and self.get("expert", "late") is None:
            late = Relation("authored", "expert", "late", "publication", "p0", {})
            self.upsert([Entity("expert", "late", {}), late], ORIGIN)
            self.delete([EntityKey("expert", "e3")])


def test_what_is_written_during_a_build_is_in_it_whole(tmp_path: Path) -> None:
    store = _Busy()
    _world(store)
    during = build(store, tmp_path / "during")
    assert during.revision == store.revision()
    assert during.table("expert").find("late") >= 0
    assert during.table("expert").find("e3") < 0
    assert_same(during, build(store, tmp_path / "after"))


class _Restless(MemoryStore):
    """Is written to whenever its changes are read."""

    def changes_since(self, revision: int) -> Iterator[Change]:
        yield from list(super().changes_since(revision))
        self.upsert([Entity("need", f"r{self.revision()}", {})], ORIGIN)


def test_a_store_that_never_rests_is_projected_all_the_same(tmp_path: Path) -> None:
    store = _Restless()
    _world(store)
    build(store, tmp_path)
    store.upsert([Entity("need", "more", {})], ORIGIN)
    projection = build(store, tmp_path)
    assert projection.table("need").find("more") >= 0
    assert projection.revision < store.revision()


@settings(max_examples=15, deadline=None)
@given(graphs(duplicates=True), graphs(duplicates=True))
def test_the_embedded_store_gives_the_same_projection(
    first: list[Entity | Relation], second: list[Entity | Relation]
) -> None:
    with scratch() as folder, open_store(f"sqlite:///{folder}/graph.db") as store:
        memory = MemoryStore()
        for writes in (first, second):
            store.upsert(writes, ORIGIN)
            memory.upsert(writes, ORIGIN)
            keys = keys_in(memory)
            store.delete(keys[:2])
            memory.delete(keys[:2])
            ours, theirs = build(store, folder / "sql"), build(memory, folder / "memory")
            assert_same(ours, theirs)
