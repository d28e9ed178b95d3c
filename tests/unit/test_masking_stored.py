"""Mask files: what was written is what is read, damage is told, what nothing refers to goes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from graph.errors import ProjectionError
from graph.files import write_arrays
from matching.masking.stored import Part, Stored, read_parts, switch


def _part() -> Part:
    return {
        "levels": np.arange(12, dtype=np.int8).reshape(4, 3),
        "shown": np.array([2**64 - 1, 0], np.uint64),
        "empty": np.zeros((0, 3), np.int8),
        "floor": np.array([5, 10], np.int16),
        "text": np.frombuffer("钱塘".encode(), np.uint8),
    }


def test_a_part_comes_back_as_it_was(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", _part())
    read = read_parts(tmp_path, {"kind": "a"})["kind"]
    assert read.keys() == _part().keys()
    for name, array in _part().items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)
        assert array.size == 0 or not read[name].flags.writeable
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("damage", [b"", b"QXARRAY1", b"nothing of a mask" * 9])
def test_a_damaged_part_is_told(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a").write_bytes(damage)
    with pytest.raises(ProjectionError, match="qianxian build"):
        read_parts(tmp_path, {"kind": "a"})


@pytest.mark.parametrize("cut", [1, 64, 200])
def test_a_part_that_was_cut_short_is_told(tmp_path: Path, cut: int) -> None:
    write_arrays(tmp_path / "a", _part())
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[:-cut])
    with pytest.raises(ProjectionError, match="damaged"):
        read_parts(tmp_path, {"kind": "a"})
    switch(tmp_path, {"parts": {"kind": "a"}})
    stored = Stored.open(tmp_path)
    assert stored is not None
    assert stored.part("kind") is None


def test_what_nothing_refers_to_goes_but_a_draft_of_another_process(tmp_path: Path) -> None:
    for name in ("old", "new"):
        write_arrays(tmp_path / name, _part())
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / f"x.{os.getpid()}.part").write_bytes(b"being written")
    (tmp_path / f"x.{ended.pid}.part").write_bytes(b"left behind")
    mapped = read_parts(tmp_path, {"kind": "old"})["kind"]
    switch(tmp_path, {"parts": {"kind": "new"}})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current.json", "new", f"x.{os.getpid()}.part"]
    assert np.array_equal(mapped["floor"], [5, 10])  # who had it open keeps its pages
