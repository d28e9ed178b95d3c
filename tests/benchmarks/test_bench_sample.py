"""How long the sample world takes and how much memory: run with `-m benchmark`, figures on standard error."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import resource, sys
from pathlib import Path
from ingest.sample.world import write
write(Path(sys.argv[1]), experts=int(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.benchmark
@pytest.mark.parametrize("experts", [4_633, 100_000, 1_000_000])
def test_writing_a_world(experts: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "world"), str(experts)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    seconds = time.perf_counter() - start
    # Read line by line: a child started later would inherit the peak memory of this process.
    rows = 0
    for path in (tmp_path / "world").glob("*/*.jsonl"):
        with path.open("rb") as file:
            rows += sum(1 for _ in file)
    with capsys.disabled():
        sys.stderr.write(
            f"\nsample world of {experts:,} experts: {rows:,} rows in {seconds:.1f} s, "
            f"{rows / seconds:,.0f} rows/s, peak memory {int(done.stdout):,} MiB\n"
        )
    assert rows > experts
