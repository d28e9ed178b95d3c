"""Every notebook runs from top to bottom and is kept without outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.unit.running_docs import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS_PER_CELL = 120


def test_there_is_a_tour() -> None:
    assert [path.name for path in NOTEBOOKS] == ["tour.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None, "clear all outputs before a commit"


@pytest.fixture
def executed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    """The notebook with its outputs, run elsewhere than in the checkout."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook: nbformat.NotebookNode = nbformat.read(request.param, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=SECONDS_PER_CELL, resources={"metadata": {"path": str(tmp_path)}}).execute()
    return notebook


@pytest.mark.parametrize("executed", NOTEBOOKS, indirect=True, ids=lambda path: path.name)
def test_a_notebook_runs(executed: nbformat.NotebookNode, tmp_path: Path) -> None:
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 3
    complaints = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not complaints, complaints
    assert not list(tmp_path.iterdir()), "a notebook leaves nothing behind"
