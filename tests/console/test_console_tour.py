"""The page of the executed tour in a real browser: text, plots, nothing from outside."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import sync_playwright

from tests.unit.running_docs import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tour, run and written as a page."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: chromium)")
    folder = tmp_path_factory.mktemp("tour")
    notebook = nbformat.read(ROOT / "notebooks" / "tour.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    exporter = HTMLExporter(template_name="basic")  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(notebook)
    file = folder / "tour.html"
    file.write_text(f'<!doctype html><meta charset="utf-8"><title>tour</title>{body}', encoding="utf-8")
    return file


def test_the_tour_is_a_page_that_stands_on_its_own(page_file: Path, tmp_path: Path) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(page_file.as_uri(), wait_until="networkidle")
        assert "Reading an explanation" in page.inner_text("body")
        widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
        page.screenshot(path=tmp_path / "tour.png", full_page=True)
        browser.close()
    assert len(widths) >= 3 and all(width > 200 for width in widths), "the plots are there"
    assert not [url for url in requests if not url.startswith(("file:", "data:"))]
    assert not complaints
