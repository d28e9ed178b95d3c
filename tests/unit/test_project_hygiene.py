"""What is published speaks of the project alone: no workplace's paths, no registries, no secrets; and it is whole."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.unit.running_docs import ROOT

PACKAGES = ("graph", "ingest", "matching", "api")
# Written in two parts, so that this file does not hold what it forbids.
FORBIDDEN = [
    "/" + "work/", "/" + "tmp/", "bash" + "_jobs", "DESIGN" + ".md", "DOMAIN" + ".md", "pypi" + ".org",
    "python" + "hosted", "registry" + ".npmjs", "repo" + ".maven", "repo1" + ".maven", "index" + "-url",
    "/root" + "/", "/home" + "/",
]  # fmt: skip
SECRETS = re.compile(r"qx_[a-z0-9]{12}_[\w-]{43}|-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}")


def _published() -> list[Path]:
    """Every file that git tracks or would; all files of the packages where this is no checkout."""
    words = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    return [path for name in (*PACKAGES, "docs", "tests") for path in (ROOT / name).rglob("*.*") if path.is_file()]


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize("word", FORBIDDEN)
def test_nothing_names_a_workplace_or_a_registry(word: str) -> None:
    # The one temporary folder that is no workplace's: a container's own.
    allowed = {ROOT / "compose.yaml"}
    found = [str(path.relative_to(ROOT)) for path in _published() if word in _text(path) and path not in allowed]
    assert not found


def test_no_secret_is_published() -> None:
    found = [str(path.relative_to(ROOT)) for path in _published() if SECRETS.search(_text(path))]
    assert not found


def test_what_is_published_is_text_in_utf_8_without_litter() -> None:
    for path in _published():
        raw = path.read_bytes()
        assert b"\0" not in raw, f"{path} is binary"
        assert b"\r\n" not in raw, f"{path} has line ends of another system"
        raw.decode("utf-8")
        assert path.suffix not in {".pyc", ".db", ".orig", ".rej", ".swp"}


def test_every_module_and_package_says_what_it_is() -> None:
    for name in PACKAGES:
        modules = [path for path in (ROOT / name).rglob("*.py") if "versions" not in path.parts]
        folders = {path.parent for path in modules}
        assert all((folder / "__init__.py").exists() for folder in folders), "a folder without __init__.py"
        for path in modules:
            said = ast.get_docstring(ast.parse(_text(path)))
            assert said and said.splitlines()[0].strip(), f"{path.relative_to(ROOT)} has no docstring"


def test_no_library_code_prints() -> None:
    for name in PACKAGES:
        for path in (ROOT / name).rglob("*.py"):
            calls = [node for node in ast.walk(ast.parse(_text(path))) if isinstance(node, ast.Call)]
            named = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
            assert "print" not in named, f"{path.relative_to(ROOT)} prints"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """The wheel, built without a network from what is published."""
    folder = tmp_path_factory.mktemp("wheel")
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; it is not installed here")
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with ZipFile(next(folder.glob("qianxian-*.whl"))) as opened:
        yield opened


def test_the_wheel_has_the_code_and_what_it_reads_and_nothing_else(wheel: ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == set(PACKAGES)
    tracked = {path.relative_to(ROOT) for path in _published() if path.relative_to(ROOT).parts[0] in PACKAGES}
    assert {Path(name) for name in names} >= tracked


def test_the_wheel_bounds_each_dependency_and_names_no_address(wheel: ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_string(wheel.read(name).decode())
    required = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    assert len(required) > 20 and metadata["License-Expression"] == "Apache-2.0"
    for requirement in required:
        assert requirement.url is None
        operators = {specifier.operator for specifier in requirement.specifier}
        assert {">=", "<"} <= operators or requirement.name == "qianxian", str(requirement)
