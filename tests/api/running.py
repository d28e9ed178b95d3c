"""A really started service process, for tests and benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

START = "from api.serve import serve; from api.settings import load; serve(load())"
ROOT = Path(__file__).parents[2]
PATIENCE = 60
"""Seconds to wait for something to happen before the test fails."""


class Running:
    """One `serve` process tree."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, url: str) -> None:
        self.process, self.log, self.url = process, log, url

    def events(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        return [orjson.loads(line) for line in self.log.read_bytes().splitlines() if line.startswith(b"{")]

    def wait_until_ready(self) -> float:
        """Seconds until /readyz said yes."""
        started = time.monotonic()
        until(lambda: httpx.get(f"{self.url}/readyz").status_code == 200)
        return time.monotonic() - started

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def until(condition: Any, patience: float = PATIENCE) -> None:
    """Wait for `condition()`; a refused connection counts as not yet."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.TransportError:
            time.sleep(0.02)
        time.sleep(0.02)
    raise AssertionError("waited in vain")


@contextmanager
def running(home: Path, start: str = START, folder: Path | None = None, **environment: str) -> Iterator[Running]:
    """The service on a free port with `home` and settings from `environment`, in `folder`; ended at the end."""
    own: Mapping[str, str] = {"QIANXIAN_HOME": str(home), "QIANXIAN_PORT": "0", "PYTHONPATH": str(ROOT)}
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", start],
            env={**os.environ, **own, **environment},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            service = Running(process, Path(log.name), "")
            until(lambda: process.poll() is not None or any(e["event"] == "listening" for e in service.events()))
            assert process.poll() is None, Path(log.name).read_text(encoding="utf-8")[-4000:]
            port = next(e["port"] for e in service.events() if e["event"] == "listening")
            service.url = f"http://127.0.0.1:{port}"
            yield service
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
