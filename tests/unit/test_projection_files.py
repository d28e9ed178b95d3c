"""The folder of a projection: damage is named, a crash leaves the old one, builders wait, readers are not disturbed."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import orjson
import pytest

from graph.errors import ProjectionError
from graph.projection import Projection, build, open_projection
from graph.records import Entity, Origin, Relation
from tests.unit.projection_memory import MemoryStore
from tests.unit.projection_worlds import assert_same, contents

ORIGIN = Origin("test", "2024")


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.upsert([Entity("expert", f"e{n}", {"tags": ["光学"], "bio": "激光" * n}) for n in range(9)], ORIGIN)
    store.upsert([Entity("publication", "p", {"year": 2020})], ORIGIN)
    store.upsert([Relation("authored", "expert", "e1", "publication", "p", {"position": 1})], ORIGIN)
    return store


def _grow(store: MemoryStore, name: str) -> None:
    store.upsert([Entity("expert", name, {"tags": ["化学"]})], ORIGIN)
    store.upsert([Relation("authored", "expert", name, "publication", "p", {})], ORIGIN)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock"]


@pytest.mark.parametrize("harm", [_truncate, _flip, Path.unlink])
def test_every_damaged_file_is_named(tmp_path: Path, store: MemoryStore, harm: Callable[[Path], None]) -> None:
    build(store, tmp_path)
    for path in _files(tmp_path):
        good = path.read_bytes()
        harm(path)
        with pytest.raises(ProjectionError) as caught:
            open_projection(tmp_path)
        assert "qianxian build" in str(caught.value)
        assert str(path) in str(caught.value) or path.name in {"CURRENT", "manifest.json"}
        path.write_bytes(good)
    assert open_projection(tmp_path).fingerprint


def test_a_build_on_damaged_parts_is_refused_and_a_full_one_mends_them(tmp_path: Path, store: MemoryStore) -> None:
    good = build(store, tmp_path)
    _flip(next(tmp_path.rglob("expert~*.part")))
    _grow(store, "x")
    with pytest.raises(ProjectionError, match="qianxian build --full"):
        build(store, tmp_path)
    assert build(store, tmp_path, full=True).table("expert").n == good.table("expert").n + 1
    for path in _files(tmp_path):
        _truncate(path)
    assert build(store, tmp_path, full=True).table("expert").n == good.table("expert").n + 1


def test_another_version_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    build(store, tmp_path)
    manifest = tmp_path / "000001" / "manifest.json"
    manifest.write_bytes(orjson.dumps(orjson.loads(manifest.read_bytes()) | {"format": 99}))
    with pytest.raises(ProjectionError, match=r"format 99, this version reads \d+; run `qianxian build --full`"):
        open_projection(tmp_path)
    assert build(store, tmp_path, full=True).is_current()


def test_an_absent_projection_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectionError, match=r"there is no projection in .*; run `qianxian build`"):
        open_projection(tmp_path / "nowhere")


def test_readers_see_when_there_is_a_newer_one_and_keep_theirs(tmp_path: Path, store: MemoryStore) -> None:
    first = build(store, tmp_path)
    held = {name: array.copy() for name, array in contents(first).items()}
    assert first.is_current()
    for name in ("x", "y", "z"):
        _grow(store, name)
        latest = build(store, tmp_path)
    assert not first.is_current()
    assert latest.is_current()
    assert [path.name for path in (tmp_path / "000001").iterdir()] == ["publication~2.part"]
    assert all((array == held[name]).all() for name, array in contents(first).items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000001", "000003", "000004", "CURRENT", "lock"]


def test_only_parts_in_use_are_kept(tmp_path: Path, store: MemoryStore) -> None:
    for name in ("x", "y", "z"):
        build(store, tmp_path)
        _grow(store, name)
    projection = build(store, tmp_path)
    previous = orjson.loads((tmp_path / str(projection.manifest.previous) / "manifest.json").read_bytes())
    parts = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.part")}
    assert parts == {*projection.parts, *previous["parts"]}


def test_a_build_that_is_used_stays_however_many_follow(tmp_path: Path, store: MemoryStore) -> None:
    used = build(store, tmp_path)
    for name in ("x", "y", "z"):
        _grow(store, name)
        build(store, tmp_path, full=True, used=[used.at.build])
    again = open_projection(tmp_path, used.at)
    assert again.fingerprint == used.fingerprint
    build(store, tmp_path, full=True)
    with pytest.raises(ProjectionError):
        open_projection(tmp_path, used.at)


class _Crash(BaseException):
    """As if the process ended here."""


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], None]:
    """Let the process end at the n-th call that makes something durable, with or without time to tidy up."""

    def at(n: int, tidy: bool) -> None:
        left = iter(range(n))

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any) -> Any:
                result = real(*arguments)
                if next(left, None) is None:
                    raise _Crash
                return result

            return call

        if not tidy:
            monkeypatch.setattr("graph.projection.stored.shutil.rmtree", lambda *a, **k: None)
        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, dying(getattr(os, name)))

    return at


@pytest.mark.parametrize("tidy", [False, True])
def test_a_crash_at_any_moment_leaves_the_old_or_the_new(
    tmp_path: Path,
    store: MemoryStore,
    tidy: bool,
    crashing: Callable[[int, bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = build(store, tmp_path)
    _grow(store, "x")
    crashed, seen = 0, set()
    while True:
        crashing(crashed, tidy)
        try:
            build(store, tmp_path)
        except _Crash:
            crashed += 1
        else:
            break
        finally:
            monkeypatch.undo()
        seen.add(open_projection(tmp_path).revision)
    assert crashed > 5
    assert seen <= {old.revision, store.revision()}
    build(store, tmp_path / "other")
    assert_same(open_projection(tmp_path), open_projection(tmp_path / "other"))
    _grow(store, "y")
    build(store, tmp_path)
    builds = [path for path in tmp_path.iterdir() if path.is_dir() and path.name != "other"]
    assert len(builds) == 3, "of the first build one part is still in use; what crashed builds left is removed"


def test_a_full_disk_leaves_the_old_one_and_no_rubbish(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = build(store, tmp_path)
    _grow(store, "x")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ProjectionError, match="No space left on device; the projection before stays"):
            build(store, tmp_path)
    assert old.is_current()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["000001"]
    assert build(store, tmp_path).revision == store.revision()


def test_a_disk_that_is_full_until_files_are_closed_is_told_too(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(dir: Path) -> IO[bytes]:
        return open("/dev/full", "wb+", buffering=1 << 20)

    with monkeypatch.context() as patched:
        patched.setattr("graph.projection.stored.TemporaryFile", full)
        with pytest.raises(ProjectionError, match=r"cannot write .*000001: No space left.*; make room and build again"):
            build(store, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert build(store, tmp_path).revision == store.revision()


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProjectionError, match=r"nothing can be built in .*file: File exists"):
        build(store, tmp_path / "file")


class _Slow(MemoryStore):
    """Counts how often it is read as a whole, slowly."""

    reads = 0

    def relations(self, kind: str) -> Iterator[Relation]:
        self.reads += kind == "authored"
        time.sleep(0.01)
        yield from super().relations(kind)


def test_builders_of_one_folder_wait_for_each_other(tmp_path: Path) -> None:
    store = _Slow()
    store.upsert([Entity("expert", "e", {}), Entity("publication", "p", {})], ORIGIN)
    store.upsert([Relation("authored", "expert", "e", "publication", "p", {})], ORIGIN)
    built: list[Projection] = []
    threads = [threading.Thread(target=lambda: built.append(build(store, tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.reads == 1
    assert [projection.manifest.build for projection in built] == ["000001"] * 4


def test_opening_while_builds_go_on_always_succeeds(tmp_path: Path, store: MemoryStore) -> None:
    build(store, tmp_path)
    done = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not done.is_set():
                projection = open_projection(tmp_path)
                assert (
                    projection.table("expert").n
                    == len(projection.adjacency("authored", "expert", "publication").indptr) - 1
                )
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(40):
        store.upsert([Entity("expert", f"n{n}", {})], ORIGIN)
        build(store, tmp_path)
    done.set()
    reader.join()
    assert failures == []


_VICTIM = """
import sys
from pathlib import Path
from graph.projection import build
from graph.records import Entity, Origin
from tests.unit.projection_memory import MemoryStore
store, folder = MemoryStore(), Path(sys.argv[1])
while True:
    store.upsert([Entity("expert", f"e{store.revision():06}", {"bio": "x" * 5000})], Origin("t", "1"))
    build(store, folder, full=store.revision() % 3 == 0)
    sys.stdout.write(".")
    sys.stdout.flush()
"""


def test_kill_9_leaves_a_projection_that_opens(tmp_path: Path) -> None:
    for delay in (0.0, 0.013, 0.029, 0.047):
        victim = subprocess.Popen([sys.executable, "-c", _VICTIM, str(tmp_path)], stdout=subprocess.PIPE)
        with victim:
            assert victim.stdout is not None
            victim.stdout.read(5)
            time.sleep(delay)
            victim.kill()
        projection = open_projection(tmp_path)
        assert projection.table("expert").n == projection.revision >= 5


def test_a_discarded_projection_gives_its_files_back(tmp_path: Path, store: MemoryStore) -> None:
    build(store, tmp_path)
    gc.collect()
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(20):
        open_projection(tmp_path).table("expert").labels("tags")
    gc.collect()
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after <= before
