"""After the same operations every store gives the same projection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from graph.projection import build
from graph.store import open_store
from ingest.load import Options, ingest
from ingest.sample.world import write
from tests.contract.conftest import BACKENDS
from tests.contract.model import Step, apply, steps


@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
@given(steps=steps())
def test_random_operations(
    steps: list[Step], fresh: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("projections")
    prints = set()
    for backend in BACKENDS:
        with open_store(fresh(backend)) as store:
            half = len(steps) // 2
            apply(store, steps[:half])
            build(store, folder / backend)
            apply(store, steps[half:])
            prints.add(build(store, folder / backend).fingerprint)
            prints.add(build(store, folder / f"{backend}-full", full=True).fingerprint)
    assert len(prints) == 1


def test_a_sample_world(fresh: Callable[[str], str], tmp_path: Path) -> None:
    write(tmp_path / "world", experts=60)
    prints = set()
    for backend in BACKENDS:
        with open_store(fresh(backend)) as store:
            ingest(store, [tmp_path / "world"], Options())
            prints.add(build(store, tmp_path / backend).fingerprint)
            revision = store.revision()
            ingest(store, [tmp_path / "world"], Options())
            assert store.revision() == revision
    assert len(prints) == 1
