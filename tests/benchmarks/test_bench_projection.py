"""How long a projection takes to build, to follow the store and to open: run with `-m benchmark`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_BUILD = """
import sys, time
from itertools import islice
from pathlib import Path
import orjson
from ingest.sample.world import write
from graph.projection import build
from graph.records import Entity, Origin, Relation
from graph.store import open_store

folder, experts, duplicates = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
write(folder / "world", experts=experts)
store = open_store(f"sqlite:///{folder / 'graph.db'}")
origin = Origin("benchmark", "2099")

def records():
    for path in sorted((folder / "world" / "entities").glob("*.jsonl")):
        for line in path.open("rb"):
            row = orjson.loads(line)
            yield Entity(path.stem, row.pop("id"), row)
    for path in sorted((folder / "world" / "relations").glob("*.jsonl")):
        sources, targets = store.catalogue.ends(path.stem)
        for line in path.open("rb"):
            row = orjson.loads(line)
            ends = row.pop("source_kind", sources[0]), row.pop("source"), row.pop("target_kind", targets[0])
            yield Relation(path.stem, *ends, row.pop("target"), row)

rest = records()
while batch := list(islice(rest, 20_000)):
    assert not store.upsert(batch, origin).dangling
experts, enterprises = ([entity.id for entity in store.entities(kind)] for kind in ("expert", "enterprise"))
pairs = zip(experts[:duplicates], experts[duplicates:])
store.upsert([Relation("same_as", "expert", a, "expert", b, {}) for a, b in pairs], origin)

def timed(what, **options):
    start = time.perf_counter()
    projection = build(store, folder / "projection", **options)
    print(f"  {what}: {time.perf_counter() - start:.3f} s")
    return projection

def peak():
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

open("/proc/self/clear_refs", "w").write("5")
before = peak()
projection = timed("full build")
rows = sum(projection.table(kind).n for kind in projection.catalogue.entities)
edges = sum(len(projection.parts[group.rows].arrays["indices"]) for group in projection.manifest.groups if group.rows)
size = sum(part.about.size for part in projection.parts.values())
print(f"  {rows:,} rows, {edges:,} edges, {size / 2**20:,.0f} MiB on disk, peak memory {peak()} MiB ({before} before)")
for number in range(3):
    need = Entity("need", f"x{number}", {"title": "高温轴承", "text": "需要耐 600 °C 的轴承材料", "tags": ["材料"]})
    posted = Relation("posted", "enterprise", enterprises[number], "need", need.id, {"date": "2024"})
    store.upsert([need, posted], origin)
    timed("one new need and its edge")
store.upsert([Entity("expert", "x", {"tags": ["材料"]})], origin)
timed("one new expert")
authored = Relation("authored", "expert", "x", "publication", "x", {})
store.upsert([Entity("publication", "x", {"title": "题名"}), authored], origin)
timed("one new publication and its edge")
timed("nothing new")
"""

_OPEN = """
import sys, time
from pathlib import Path
from graph.projection import open_projection

start = time.perf_counter()
projection = open_projection(Path(sys.argv[1]))
print(f"  open in a new process: {time.perf_counter() - start:.3f} s")
start = time.perf_counter()
matrix = projection.path_matrix("expert", ">authored", "publication")
print(f"  first path matrix ({matrix.nnz:,} walks): {time.perf_counter() - start:.3f} s")
needs = projection.table("need")
start = time.perf_counter()
for row in range(1000):
    projection.walk("need", [row], "<posted <employed_by")
print(f"  a walk of two steps: {(time.perf_counter() - start) * 1000:.1f} µs")
ids = needs.ids[:1000]
start = time.perf_counter()
for id in ids:
    needs.find(id)
print(f"  finding an id: {(time.perf_counter() - start) * 1000:.1f} µs")
"""


def _run(script: str, *arguments: object) -> str:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]).stdout


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def write(text: str) -> None:
        with capsys.disabled():
            sys.stderr.write(text)

    return write


@pytest.mark.benchmark
@pytest.mark.parametrize(("experts", "duplicates"), [(4_633, 0), (4_633, 400), (1_000_000, 0)])
def test_building_and_opening(experts: int, duplicates: int, tmp_path: Path, report: Callable[[str], None]) -> None:
    built = _run(_BUILD, tmp_path, experts, duplicates)
    opened = _run(_OPEN, tmp_path / "projection")
    report(f"\nprojection of a sample world of {experts:,} experts, {duplicates} of them duplicates\n{built}{opened}")
    assert "nothing new" in built
    assert "open in a new process" in opened
