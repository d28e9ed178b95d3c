"""Every block of documentation that says it can be run is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit import running_docs
from tests.unit.running_docs import ROOT, Block

RUN = [page for page in running_docs.pages() if any(block.runs for block in running_docs.blocks(page))]


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_works(page: Path, tmp_path: Path) -> None:
    running_docs.run(page, tmp_path)


def test_the_pages_a_newcomer_starts_with_are_run() -> None:
    names = {str(page.relative_to(ROOT)) for page in RUN}
    assert {"README.md", "README.zh-CN.md", "docs/own-kinds.md"} <= names


def _page(tmp_path: Path, *blocks: Block) -> Path:
    page = tmp_path / "page.md"
    page.write_text("\n".join(f"```{b.language}{b.info}\n{b.text}```" for b in blocks) + "\n", encoding="utf-8")
    return page


def test_a_failing_command_fails_the_page(tmp_path: Path) -> None:
    page = _page(tmp_path, Block("sh", " run", "true\nfalse\ntrue\n"))
    with pytest.raises(AssertionError, match="ended with 1"):
        running_docs.run(page, tmp_path)


def test_another_output_fails_the_page(tmp_path: Path) -> None:
    shown = Block("text", " output", "two …\none\n")
    page = _page(tmp_path, Block("sh", " run", "echo one\necho two words\n"), shown)
    with pytest.raises(AssertionError, match="'one' is not in"):
        running_docs.run(page, tmp_path)


def test_files_sessions_and_scripts_go_together(tmp_path: Path) -> None:
    page = _page(
        tmp_path,
        Block("json", " file=folder/a.json", '{"a": 1}\n'),
        Block("sh", " run", "export NAME=folder/a.json\n"),
        Block("python", " run", "import json, os\nprint(json.load(open(os.environ['NAME'])))\n"),
        Block("text", " output", "{'a': …}\n"),
    )
    running_docs.run(page, tmp_path)
