"""A service for the length of one command, and questions to it over HTTP."""

from __future__ import annotations

import multiprocessing
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

import orjson

from api.serve import serve
from api.settings import Settings, load
from graph.errors import QianxianError

READY_SECONDS = 60
ANSWER_SECONDS = 30


class DemoError(QianxianError):
    """The demo's own world or service is not what it should be."""

    code = "demo"


@contextmanager
def service(settings: Settings) -> Iterator[str]:
    """A service of these settings on a free port of the loopback address; its address."""
    port = _free_port()
    own = load(home=settings.home, store=settings.store, port=port, host="127.0.0.1", workers=1, log_level="error")
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(own,), name="demo-service")
    process.start()
    base = f"http://127.0.0.1:{port}"
    try:
        _await_ready(f"{base}/readyz", process)
        yield base
    finally:
        process.terminate()
        process.join(READY_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()


def ask(url: str, token: str, body: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """(JSON answer, seconds it took) of a POST; DemoError when the service refuses."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, orjson.dumps(body), headers)
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as reply:
            answer: dict[str, Any] = orjson.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            raise DemoError(f"the service answered {error.code}: {error.read(300).decode(errors='replace')}") from None
    return answer, time.monotonic() - began


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(url: str, process: BaseProcess) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.exitcode is not None:
            raise DemoError(f"the service ended with status {process.exitcode} before it was ready")
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_SECONDS):
                return
        except urllib.error.HTTPError as error:
            error.close()  # 503: not ready yet
        except OSError:
            pass  # not listening yet
        time.sleep(0.1)
    raise DemoError(f"the service was not ready after {READY_SECONDS} s")
