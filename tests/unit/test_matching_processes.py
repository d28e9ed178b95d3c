"""What several processes build and learn is what one does; what goes wrong in one is said by the command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from joblib.externals.loky import get_reusable_executor

from api.bootstrap import build
from api.learning import learn_from_outcomes
from api.settings import load
from graph.errors import QianxianError, UnknownNameError
from graph.processes import in_processes
from tests.api.running import until

ASKED = ("fund-enterprise", "need-patent", "need-expert")


@pytest.fixture
def new_processes() -> None:
    """Helping processes write where this test reads, not where the one that started them did."""
    get_reusable_executor().shutdown(wait=True)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.usefixtures("new_processes")
def test_several_processes_build_and_learn_what_one_does(
    office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made = []
    for many, name in ((10**9, "one"), (0, "several")):
        shutil.copytree(office, tmp_path / name)
        settings = load(home=tmp_path / name)
        monkeypatch.setattr("matching.build.MANY_TEXTS", many)
        monkeypatch.setattr("api.learning.MANY_RECORDS", many)
        shutil.rmtree(settings.matching_folder / "index")
        (settings.matching_folder / "models").mkdir(exist_ok=True)
        (settings.matching_folder / "models" / "need-expert.json").write_text("{}", encoding="utf-8")  # is refused
        capfd.readouterr()
        told: list[str] = []
        build(settings, processes=2, progress=lambda stage, _, told=told: told.append(stage))  # type: ignore[misc]
        about = learn_from_outcomes(settings, ASKED, processes=2)
        folder = settings.matching_folder
        made.append((told, about, _files(folder / "index"), _files(folder / "models")))
    said = capfd.readouterr()
    assert "model_refused" in said.err and said.out == ""  # results own it
    one, several = made
    assert one == several
    assert list(one[1]) == ["fund-enterprise", "need-expert"] and len(one[3]) == 4 and "index publication" in one[0]


def _refuse(reason: str) -> None:
    raise UnknownNameError("kind", reason, ["need"], field="kind")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_error_in_another_process_is_the_same_error() -> None:
    with pytest.raises(UnknownNameError, match="unknown kind 'x'; valid: need") as caught:
        list(in_processes(_refuse, [("x",), ("x",)], 2))
    assert caught.value.field == "kind"


def test_a_killed_process_is_said() -> None:
    with pytest.raises(QianxianError, match="was killed"):
        list(in_processes(_die, [(), ()], 2))
    assert set(in_processes(os.getpid, [(), ()], 1)) == {os.getpid()}
    assert os.getpid() not in in_processes(os.getpid, [(), ()], 2)
    assert list(in_processes(abs, [(-1,), (-2,)], 1)) == [1, 2]


def test_nothing_goes_on_when_the_process_that_asked_is_killed(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from graph.processes import in_processes
from tests.unit.test_matching_processes import slow
list(in_processes(slow, [(sys.argv[1], at) for at in range(2)], 2))
"""
    asking = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    until(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
    helping = [psutil.Process(int(path.read_text())) for path in tmp_path.glob("begun-*")]
    asking.terminate()
    assert asking.wait(60) == -signal.SIGTERM
    psutil.wait_procs(helping, 30)
    assert not any(process.is_running() for process in helping) and not list(tmp_path.glob("ended-*"))


def slow(folder: str, at: int) -> None:
    draft = Path(folder) / f"{at}.part"
    draft.write_text(str(os.getpid()), encoding="utf-8")
    draft.rename(Path(folder) / f"begun-{at}")
    time.sleep(60)
    (Path(folder) / f"ended-{at}").touch()
