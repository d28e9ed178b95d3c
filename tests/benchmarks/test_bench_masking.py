"""What masking costs: coarsening, redacting, building a mask and following the graph; run by `make bench`."""

from __future__ import annotations

import random
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
from matching.masking import Mask, Redactor
from matching.masking.levels import anonymised, combined, group_sizes, mixed

pytestmark = pytest.mark.benchmark

SECRET = b"s" * 32
FAMILIES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"


def _timed(what: str, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{what}: {took:.2f} s, peak memory of the process {peak:.0f} MiB", end="")
    return took


@pytest.mark.parametrize("n", [33_000, 1_000_000])
def test_coarsening(n: int) -> None:
    """Six columns of the shape of an enterprise's: skewed, four levels each."""
    rng = np.random.default_rng(2023)
    columns = []
    for width in (2000, 400, 100, 30, 12, 6):
        codes = np.minimum(rng.zipf(1.4, n), width).astype(np.uint64)
        steps = [mixed(codes // np.uint64(4**level) + np.uint64(1)) for level in range(4)]
        columns.append(np.stack([*steps, np.zeros(n, np.uint64)]))
    levels = []
    _timed(f"coarsening {n:,} rows to k = 5", lambda: levels.append(anonymised(columns, 5)))
    assert group_sizes(combined(columns, levels[0])).min() >= 5
    print(f", mean level {levels[0].mean():.2f} of 4", end="")


@pytest.mark.parametrize("n", [100_000, 1_000_000])
def test_redacting(n: int) -> None:
    """Generated names, three of four Chinese, and texts of 200 characters, one in twenty with a name and a number."""
    rng = random.Random(2023)
    letters = "abcdefghijklmnopqrstuvwxyz"

    def western() -> str:
        return " ".join("".join(rng.choices(letters, k=rng.randrange(4, 9))).title() for _ in range(2))

    def chinese() -> str:
        return rng.choice(FAMILIES) + "".join(chr(rng.randrange(0x4E00, 0x9FA0)) for _ in range(rng.choice((1, 2, 2))))

    names = [western() if rng.random() < 0.25 else chinese() for _ in range(n)]
    made = []
    _timed(f"a redactor of {n:,} names", lambda: made.append(Redactor(names)))
    body = "针对膜电极组件存在的铂载量高，本文提出基于流场结构优化的方案，温度150 ℃，效率提升35.6%。"
    texts = [(body * 5)[: 200 - at % 7] for at in range(20_000)]
    for at in range(0, len(texts), 20):
        texts[at] += f"联系{names[at]}，电话138001{at:05}。"
    size = sum(len(text.encode()) for text in texts) / 1e6
    took = _timed(f"redacting {size:.1f} MB", lambda: [made[0].redact(text) for text in texts])
    print(f", {size / took:.1f} MB/s", end="")


def test_masks_of_a_sample_world(tmp_path: Path) -> None:
    write(tmp_path / "world")
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        ingest(store, [tmp_path / "world"])

        made: list[Mask] = []

        def step(what: str, *records: Entity) -> Mask:
            store.upsert(records, Origin("bench", "2099"))
            built = projection.build(store, tmp_path / "projection")
            last = made[-1].about if made else None
            _timed(
                f"mask: {what}",
                lambda: made.append(Mask.build(built, tmp_path / "mask", last, k=5, epoch="bench", secret=SECRET)),
            )
            return made[-1]

        step("all")
        step("nothing new")
        step("one new need", Entity("need", "x1", {"title": "高温轴承", "tags": ["材料"]}))
        step("one more need", Entity("need", "x2", {"title": "低温轴承", "tags": ["材料"]}))
        step("one new expert, so a new name", Entity("expert", "x1", {"name": "欧阳样板", "tags": ["材料"]}))
        mask = step("another expert", Entity("expert", "x2", {"name": "司徒样板", "tags": ["材料"]}))
    _timed("opening", lambda: Mask.open(mask.projection, tmp_path / "mask", mask.about, SECRET))
    rows = np.random.default_rng(1).integers(0, mask.visible("expert").n, 20_000).tolist()
    mask.card("expert", rows[0])
    took = _timed("20,000 cards", lambda: [mask.card("expert", row) for row in rows])
    print(f", {took / 20_000 * 1e6:.1f} µs each")
