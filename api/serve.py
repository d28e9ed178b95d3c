"""`serve(settings)`: server processes on one socket, one process that builds, and an orderly end."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

import structlog

from api import logs
from api.installation import open_casework, secret_of
from api.metrics import FOLDER
from api.settings import Settings
from graph.errors import InputError, QianxianError, StoreUnavailableError
from graph.store import open_store

log = structlog.get_logger("api.serve")
STARTUP_FAILURE = 3
"""Exit code of a server process that could not start: another one could not either."""
TICK = 0.2
"""Seconds between two looks at signals and processes."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; running requests get `grace` seconds, then the call returns.

    Raises InputError for an address that cannot be listened on and StoreError for a wrong store; a store whose server
    does not answer is no obstacle once a projection was built.
    """
    logs.configure(settings.log_level)
    context = _fork_server()
    _check(settings)
    _fresh_metrics(settings)
    with _listen(settings) as listening, _noted_signals() as stop:
        address, port = listening.getsockname()[:2]
        work: list[tuple[Callable[..., None], tuple[Any, ...]]] = [(_build, (settings,))]
        work += [(_answer, (settings, listening))] * settings.workers
        log.info("listening", address=address, port=port, workers=settings.workers, pid=os.getpid())
        _supervise(context, work, stop, settings.grace)
    log.info("stopped", pid=os.getpid())


def _fork_server() -> multiprocessing.context.ForkServerContext:
    """Processes are forked off one that has imported everything: they start at once and share its memory."""
    for name in THREADS:  # an answer is one thread's work; more would take the other processes' cores
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["api.app", "api.refresh", "uvicorn", "uvloop"])
    forkserver.ensure_running()
    return context


def _supervise(
    context: multiprocessing.context.ForkServerContext,
    work: list[tuple[Callable[..., None], tuple[Any, ...]]],
    stop: threading.Event,
    grace: int,
) -> None:
    """Keep one process for each piece of work, until `stop` is set."""

    def started(place: int) -> BaseProcess:
        target, arguments = work[place]
        process = context.Process(target=target, args=arguments, name=target.__name__.strip("_"))
        process.start()
        return process

    processes = [started(place) for place in range(len(work))]
    try:
        while not stop.is_set():
            wait([process.sentinel for process in processes], TICK)
            for place, process in enumerate(processes):
                if process.exitcode is None or stop.is_set():
                    continue
                if process.exitcode == STARTUP_FAILURE:
                    raise QianxianError("a server process could not start; the log says why")
                log.warning("process_died", kind=process.name, pid=process.pid, status=process.exitcode)
                time.sleep(TICK)
                processes[place] = started(place)
    finally:
        _end(processes, grace)


def _end(processes: list[BaseProcess], grace: int) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace + 5  # a server cuts running requests off itself when the grace is over
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.exitcode is None:
            log.warning("killed", kind=process.name, pid=process.pid)
            process.kill()
            process.join()


def _answer(settings: Settings, listening: socket.socket) -> None:
    """Main function of a server process."""
    import uvicorn

    from api.app import app_of
    from api.protocol import BoundedProtocol

    logs.configure(settings.log_level)
    config = uvicorn.Config(
        app_of(settings, leads=False),
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.grace,
    )
    with _noted_signals():  # uvicorn ends on a signal and then raises it once more
        uvicorn.Server(config).run(sockets=[listening])


def _build(settings: Settings) -> None:
    """Main function of the process that only builds, so that building never slows an answer down."""
    from api.refresh import Refresher

    logs.configure(settings.log_level)
    os.nice(5)
    with _noted_signals() as stop:
        Refresher(settings).run(stop)


def _check(settings: Settings) -> None:
    """Fail before anything runs on what would fail in every process."""
    secret_of(settings)
    open_casework(settings).close()
    try:
        open_store(settings.store_url).close()
    except StoreUnavailableError:
        if not settings.projection_folder.exists():
            raise
        log.warning("store_unavailable")


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        reason = error.strerror or "the name is unknown"
        raise InputError(f"cannot listen on {settings.host}:{settings.port}: {reason}", field="port") from error
    return listening


def _fresh_metrics(settings: Settings) -> None:
    folder = settings.home.absolute() / "run" / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[FOLDER] = str(folder)


@contextmanager
def _noted_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    noted = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: noted.set()) for number in numbers}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
