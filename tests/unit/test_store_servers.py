"""The tool that starts real servers says what is missing, and its command line stops what it started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import servers

TOOL = Path(servers.__file__)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("QIANXIAN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(servers.Unavailable, match="needs java"), servers.neo4j_server(tmp_path / "home"):
        pass
    (tmp_path / "java").write_text("#!/bin/sh\n")
    (tmp_path / "java").chmod(0o755)
    with pytest.raises(servers.Unavailable, match="needs mvn"), servers.neo4j_server(tmp_path / "home"):
        pass


def test_a_failed_download_leaves_nothing_that_looks_complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, script in (("java", ""), ("mvn", "echo no route to the repository; exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("QIANXIAN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(servers.Unavailable, match="no route"):
        servers.neo4j_jars()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_server_that_ends_at_once_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cache" / f"neo4j-{servers.NEO4J}").mkdir(parents=True)
    (tmp_path / "java").write_text("#!/bin/sh\necho unsupported class file version >&2; exit 1\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("QIANXIAN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(servers.Unavailable, match="unsupported class file"), servers.neo4j_server(tmp_path / "home"):
        pass


def test_the_command_line_names_what_it_can_start() -> None:
    wrong = subprocess.run([sys.executable, str(TOOL), "oracle"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "neo4j" in wrong.stderr
    assert (
        "needs --dir"
        in subprocess.run([sys.executable, str(TOOL), "all", "--stop"], capture_output=True, text=True).stderr
    )


def test_stopping_what_was_never_started_is_no_error(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(TOOL), "all", "--dir", str(tmp_path), "--stop"], check=True)
    assert list(tmp_path.iterdir()) == []
