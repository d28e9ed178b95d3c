"""How fast JSON Lines load into SQLite, and how much memory that takes: run with `-m benchmark`."""

import subprocess
import sys
from pathlib import Path

import pytest

from ingest.sample.world import write

TARGET = 20_000
"""Records per second."""

SCRIPT = """
import resource, sys, time
from pathlib import Path
from graph.store import open_store
from ingest.load import ingest
with open_store(f"sqlite:///{sys.argv[2]}") as store:
    for _ in range(2):
        wall, cpu = time.perf_counter(), time.process_time()
        report = ingest(store, [Path(sys.argv[1])])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        read = sum(tally.read for tally in report.kinds.values())
        print(read, report.loaded, report.rejected, wall, cpu)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.benchmark
@pytest.mark.parametrize("experts", [1_000, 4_633, 20_000])
def test_loading_the_sample_world(experts: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "world", experts=experts)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "world"), str(tmp_path / "graph.db")],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    first, second, memory = done.stdout.splitlines()
    with capsys.disabled():
        for name, line in (("first load", first), ("same again", second)):
            read, loaded, rejected, wall, cpu = map(float, line.split())
            sys.stderr.write(
                f"\n{experts:,} experts, {name}: {read:,.0f} records in {wall:.1f} s, {read / wall:,.0f}/s "
                f"(by processor time {read / cpu:,.0f}/s; target {TARGET:,}/s)"
            )
            assert rejected == 0
            assert loaded == (read if name == "first load" else 0)
        sys.stderr.write(f", peak memory {int(memory):,} MiB\n")
