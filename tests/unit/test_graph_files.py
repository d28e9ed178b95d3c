"""Files that replace others in one step, and files of arrays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from graph.errors import ProjectionError
from graph.files import map_arrays, replace, replacing, write_arrays

ARRAYS: dict[str, NDArray[Any]] = {
    "ids": np.arange(7, dtype=np.int32),
    "empty": np.zeros((0, 3), np.float32),
    "hashes": np.array([[1, 2**63]], np.uint64),
    "every other": np.arange(10)[::2],
}


def test_arrays_come_back_as_they_were_and_cannot_be_changed(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", ARRAYS)
    read = map_arrays(tmp_path / "a")
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)
        assert read[name].ctypes.data % 64 == 0 or not array.size
    with pytest.raises(ValueError, match="read-only"):
        read["ids"][0] = 1


def test_a_file_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", ARRAYS)
    whole = (tmp_path / "a").read_bytes()
    for broken in (*(whole[:size] for size in range(0, len(whole), 7)), whole[8:], b"x" * len(whole)):
        (tmp_path / "b").write_bytes(broken)
        with pytest.raises(ProjectionError, match="qianxian build"):
            map_arrays(tmp_path / "b")
    with pytest.raises(ProjectionError, match="is damaged"):
        map_arrays(tmp_path / "absent")


def test_a_replaced_file_is_the_old_one_until_the_new_one_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "current"
    replace(path, b"old")
    with pytest.raises(RuntimeError), replacing(path) as file:
        file.write(b"half of the n")
        raise RuntimeError
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("current", b"old")]
    seen: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(path.read_bytes()))
    replace(path, b"new")
    assert seen == [b"old", b"new"]  # the file while it is another, then the folder
