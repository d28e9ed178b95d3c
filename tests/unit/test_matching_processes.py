"""What several processes build and learn is what one does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from api.bootstrap import build, open_built
from api.learning import learn_from_outcomes
from api.settings import load


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_several_processes_build_and_learn_what_one_does(
    office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for many, name in ((10**9, "one"), (0, "several")):
        shutil.copytree(office, tmp_path / name)
        settings = load(home=tmp_path / name)
        monkeypatch.setattr("matching.build.MANY", many)
        monkeypatch.setattr("api.learning.MANY", many)
        monkeypatch.setattr("api.learning.cpu_count", lambda: 2)
        shutil.rmtree(settings.matching_folder / "index")
        told: list[str] = []
        build(settings, processes=2, progress=lambda stage, _, told=told: told.append(stage))  # type: ignore[misc]
        about = learn_from_outcomes(settings, open_built(settings), ["fund-enterprise", "need-patent", "need-expert"])
        folder = settings.matching_folder
        made.append((told, about, _files(folder / "index"), _files(folder / "models")))
    one, several = made
    assert one == several
    assert list(one[1]) == ["fund-enterprise", "need-expert"] and len(one[3]) == 4 and "index publication" in one[0]
