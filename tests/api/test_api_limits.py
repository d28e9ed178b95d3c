"""The token bucket: never more than it may, shared by processes, bounded."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from api.limits import CELL, SECOND, SLOTS, Allowance

Made = Callable[[int], Allowance]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    opened: list[Allowance] = []

    def make(per_minute: int) -> Allowance:
        opened.append(Allowance(tmp_path / "run" / "allowance", per_minute))
        return opened[-1]

    yield make
    for allowance in opened:
        allowance.close()


def test_a_tenth_of_a_minute_at_once_then_the_rate(made: Made) -> None:
    allowance, now = made(600), 10**18
    assert [allowance.take(1, now) for _ in range(60)] == [0.0] * 60
    wait = allowance.take(1, now)
    assert wait == pytest.approx(0.1, abs=1e-6)
    assert allowance.take(1, now + round(wait * SECOND)) == 0.0
    assert allowance.take(1, now + round(wait * SECOND)) > 0
    assert allowance.take(2, now) == 0.0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    per_minute=st.integers(1, 5000),
    gaps=st.lists(st.integers(0, 5 * SECOND), min_size=1, max_size=300),
    slot=st.integers(0, 10**9),
    start=st.integers(10**18, 2 * 10**18),
)
def test_no_pattern_of_requests_gets_more_than_bucket_and_rate(
    made: Made, per_minute: int, gaps: list[int], slot: int, start: int
) -> None:
    allowance, now, taken = made(per_minute), start, 0
    allowance._cells[:] = bytes(len(allowance._cells))
    begun = now
    for gap in gaps:
        now += gap
        taken += allowance.take(slot, now) == 0
    assert taken <= max(per_minute / 10, 10) + (now - begun) / SECOND * per_minute / 60 + 1


def test_all_processes_count_the_same_requests(made: Made) -> None:
    one, other, now = made(600), made(600), 10**18
    assert [a.take(7, now) == 0 for a in (one, other) for _ in range(40)].count(True) == 60


def test_its_file_has_no_holes(made: Made, tmp_path: Path) -> None:
    made(60)
    assert (tmp_path / "run" / "allowance").stat().st_blocks * 512 >= SLOTS * CELL.size


def test_on_a_full_disk_a_process_counts_alone(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("api.limits.reserve", full)
    allowance, now = made(60), 10**18
    assert [allowance.take(1, now) for _ in range(10)] == [0.0] * 10
    assert allowance.take(1, now) > 0


def test_a_clock_that_was_set_back_locks_nobody_out(made: Made) -> None:
    allowance = made(60)
    assert allowance.take(1, 2 * 10**18) == 0
    assert allowance.take(1, 10**18) == 0


def test_memory_is_bounded_whatever_the_keys(made: Made, tmp_path: Path) -> None:
    allowance = made(60)
    for slot in range(0, 10**7, 99_991):
        allowance.take(slot)
    file = tmp_path / "run" / "allowance"
    assert file.stat().st_size == SLOTS * CELL.size
    assert file.stat().st_mode & 0o077 == 0
