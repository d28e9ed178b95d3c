"""Mask files: what was written is what is read, damage is told, what nothing refers to goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graph.errors import ProjectionError
from graph.files import write_arrays
from graph.projection import Strings
from graph.records import Entity
from matching.masking import names as spelling
from matching.masking.names import Names, Spelled
from matching.masking.stored import FORMAT, NAMES, About, Part, Stored, names_part, read_parts
from tests.privacy.worlds import people, state_of


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
    assert Stored(tmp_path, _about("kind", "a")).part("kind") is None


NAMES_OF = Names(Strings.of(["a  b", "ada", "甲"]), {"expert": Spelled("1", Strings.of(["ada", "甲"]))})


def _about(kind: str, name: str) -> About:
    return About(format=FORMAT, epoch="e", k=5, fingerprint="f", parts={kind: name})


def _stored(folder: Path, part: Part) -> Stored:
    write_arrays(folder / "n", part)
    return Stored(folder, _about(NAMES, "n"))


def test_names_come_back_as_they_were_spelled(tmp_path: Path) -> None:
    stored = _stored(tmp_path, names_part(NAMES_OF, "v"))
    names = stored.names()
    assert names is not None and list(names.forms) == list(NAMES_OF.forms)
    assert {kind: (one.state, list(one.forms)) for kind, one in names.of.items()} == {"expert": ("1", ["ada", "甲"])}
    assert [part if isinstance(part, str) else list(part) for part in stored.redactor()] == ["v", ["a  b", "ada", "甲"]]


def test_names_spelled_by_other_rules_are_spelled_again(tmp_path: Path) -> None:
    other = names_part(NAMES_OF, "v") | {"rules": np.frombuffer(b"other", np.uint8)}
    assert _stored(tmp_path, other).names() is None


def test_only_names_that_may_have_changed_are_spelled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = state_of(tmp_path / "one", [*people(), Entity("expert", "x", {"name": "司徒样板"})]).projection
    two = state_of(tmp_path / "two", [*people(), Entity("expert", "x", {"name": "欧阳样板"})]).projection
    before = Names.read(one, None)
    asked: list[str] = []

    def spelled(name: str) -> set[str]:
        asked.append(name)
        return {name}

    monkeypatch.setattr(spelling, "spellings", spelled)
    assert Names.read(one, before) is before
    assert asked == []
    after = Names.read(two, before)
    assert "欧阳样板" in asked and "浙江样本0大学" not in asked
    assert "浙江样本0大学" in after.forms and "司徒样板" not in after.forms


def test_names_are_spelled_alike_by_any_number_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = state_of(tmp_path, people()).projection
    alone = Names.read(built, None)
    monkeypatch.setattr(spelling, "BLOCK", 7)
    monkeypatch.setattr(spelling, "MANY_NAMES", 1)
    shared = Names.read(built, None, processes=2)
    assert list(shared.forms) == list(alone.forms)
    assert {kind: list(of.forms) for kind, of in shared.of.items()} == {k: list(o.forms) for k, o in alone.of.items()}
