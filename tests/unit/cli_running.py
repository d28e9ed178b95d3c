"""Runs the command line in this process, or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.cli import main

START = [sys.executable, "-c", "from api.cli import main; main()"]


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it reported to programs."""
        return orjson.loads(self.out)

    @property
    def error(self) -> str:
        """The one line that says what is wrong; AssertionError where there is another or a traceback."""
        assert self.status != 0 and "Traceback" not in self.err, self
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        return lines[0].removeprefix("error: ")


Command = Callable[..., Ran]


def command_in(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`qianxian …` in this process."""

    def run(*words: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["qianxian", *map(str, words)])
        before = os.umask(0o022)
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            os.umask(before)
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return run


def spawned(*words: str | Path, **options: Any) -> subprocess.Popen[str]:
    """`qianxian …` in a process of its own."""
    return subprocess.Popen(
        [*START, *map(str, words)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )
