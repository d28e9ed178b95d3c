"""What the documentation mentions exists, and what exists is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.access import ACCESS
from api.settings import PREFIX, Settings
from graph.kinds import BUILTIN
from matching.kinds import MatchKinds
from tests.unit import running_docs
from tests.unit.running_docs import ROOT
from tools import docs

PAGES = running_docs.pages()
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
COMMANDS = docs.leaves()
GLOBAL = {"--home", "--store", "--version", "--help", "-h"}
OTHER_VARIABLES = {f"QIANXIAN_{name}" for name in ("DATA", "CACHE", "KEY", "OPERATOR", "BENCH_EXPERTS", "BENCH_HOME")}
"""Read by the tests and their tools, or a reader's own."""


def _calls(text: str) -> Iterator[list[str]]:
    """The words of every call of the command: in code spans and blocks."""
    joined = text.replace("\\\n", " ")
    code = re.findall(r"```\w*[^\n]*\n(.*?)```", joined, re.DOTALL) + re.findall(r"`([^`\n]+)`", joined)
    for part in code:
        for line in part.splitlines():
            for call in re.findall(r"(?:^|[(\s;&])qianxian ([^#|;&)]*)", line):
                yield call.split()


def _command(words: list[str]) -> tuple[str | None, list[str]]:
    """(full name of the command, words after it); global options may come first."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        rest = rest[1:] if rest[0] in {"--help", "-h", "--version"} else rest[2:]
    for length in (2, 1):
        name = " ".join(["qianxian", *rest[:length]])
        if name in COMMANDS:
            return name, rest[length:]
    return None, rest


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_options_exist(page: Path) -> None:
    for words in _calls(page.read_text(encoding="utf-8")):
        name, rest = _command(words)
        if name is None:
            groups = {full.split()[1] for full in COMMANDS}
            assert not rest or rest[0] in groups, f"no such command: qianxian {' '.join(words)}"
            continue
        parameters = COMMANDS[name].params
        known = {option for each in parameters for option in (*each.opts, *each.secondary_opts)} | GLOBAL
        options = [word.strip("[]…").split("=")[0] for word in rest if re.match(r"\[?--?[a-z]", word)]
        assert set(options) <= known, f"{name} has no {set(options) - known}"


def test_calls_are_found() -> None:
    text = "`qianxian key issue --role x`\n```sh run\nKEY=$(qianxian --home a match b \\\n  --as c)\n```\n"
    assert [_command(words)[0] for words in _calls(text)] == ["qianxian match", "qianxian key issue"]
    assert _command(["--home", "a", "nothing"])[0] is None


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_settings_exist(page: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    mentioned = set(re.findall(r"\bQIANXIAN_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
    assert mentioned <= known, mentioned - known


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_routes_exist(page: Path) -> None:
    shapes = [re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for _, path in ACCESS]
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"(?<![\w.])/(?:v1/[\w{}/-]+|healthz|readyz|metrics|openapi\.json|reference)", text):
        assert any(shape.fullmatch(path.rstrip("/")) for shape in shapes) or path == "/v1/matches", path


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_match_kinds_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    declared = set(MatchKinds.of(BUILTIN)) | {"need-plant", "person-person"}
    asked = set(re.findall(r"(?:qianxian match|/v1/matches/|Question\()\s*\"?([a-z_]+-[a-z_]+)", text))
    assert asked <= declared, asked - declared


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert "://" not in target, f"{target}: the documentation stands on its own"
        assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", page.read_text(encoding="utf-8"), re.MULTILINE)
    mentioned = {one or other for one, other in code}
    assert mentioned <= targets, mentioned - targets


@pytest.mark.parametrize("name", docs.PAGES)
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == docs.PAGES[name](), "run `make docs`"


def test_everything_that_exists_is_documented() -> None:
    pages = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in docs.PAGES}
    for name, command in COMMANDS.items():
        assert f"## `{name}`" in pages["commands.md"]
        assert (command.help or "").endswith("."), f"{name} does not say what it does"
        for parameter in command.params:
            assert parameter.name == "help" or getattr(parameter, "help", None), f"{name} {parameter.name}"
    for method, path in ACCESS:
        assert f"| `{method}` | `{path}` |" in pages["routes.md"]
    for kind in [*BUILTIN.entities, *BUILTIN.relations, *MatchKinds.of(BUILTIN)]:
        assert f"`{kind}`" in pages["kinds.md"]
    for setting in Settings.model_fields:
        assert f"`{PREFIX}{setting.upper()}`" in pages["settings.md"]


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"]({page.name})" in index, f"docs/index.md does not mention {page.name}"


def test_both_readmes_tell_the_same() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))

    def told(text: str) -> list[str]:
        return sorted(set(re.findall(r"`([\w./-]+)`", text)) - {"file", "kinds.py"})

    assert told(english) == told(chinese)
