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
from multiprocessing.context import ForkServerContext as Context
from multiprocessing.process import BaseProcess
from typing import Any

import structlog

from api import logs
from api.installation import make_home, open_casework, secret_of, warn_if_open
from api.logs import frames
from api.metrics import FOLDER, Builds, forget_process
from api.settings import Settings
from graph.errors import DiskFullError, InputError, QianxianError, StoreUnavailableError
from graph.files import NO_SPACE, is_alive
from graph.store import open_store

log = structlog.get_logger("api.serve")
EARLY = 5.0
"""A process that lived for fewer seconds died early."""
HOPELESS = 4
"""Early deaths in a row of a server process after which the service gives up."""
NO_ROOM = os.EX_CANTCREAT
"""Status of a process that could not start because the disk is full: it is tried again as long as the service runs."""
HEAD_START = 2.0
"""Seconds that the servers get to take up what there is before the builder looks whether it is still the newest."""
TICK = 0.2
"""Seconds between two looks at signals and processes."""
ENVIRONMENT = {
    # An answer is one thread's work; more threads would take the other processes' cores.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # What lies in the folder that the service was started from is no part of it.
    "PYTHONSAFEPATH": "1",
    # What a state held goes back to the system once a newer one is taken up: glibc otherwise keeps it for itself.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 20),
}
"""What a server process finds in its environment, unless it was set before."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; running requests get `grace` seconds, then the call returns.

    Raises InputError for an address that cannot be listened on and StoreError for a wrong store; a store whose server
    does not answer is no obstacle once a projection was built.
    """
    logs.configure(settings.log_level)
    make_home(settings.home)
    warn_if_open(settings.home)
    with _environment(settings):
        context = _fork_server()
        _check(settings)
        with _listen(settings) as listening, _noted_signals() as stop:
            address, port = listening.getsockname()[:2]
            log.info("listening", address=address, port=port, workers=settings.workers, pid=os.getpid())
            kept = [_Kept(context, _build, (settings,))]
            kept += [_Kept(context, _answer, (settings, listening)) for _ in range(settings.workers)]
            _supervise(kept, stop, settings.grace)
    log.info("stopped", pid=os.getpid())


def _fork_server() -> Context:
    """Processes are forked off one that has imported everything: they start at once and share its memory."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["api.preload"])
    forkserver.ensure_running()
    return context


class _Kept:
    """One piece of work and the process that does it, started again with growing pauses when it dies early."""

    def __init__(self, context: Context, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._context, self._target, self._arguments = context, target, arguments
        self.early_deaths = 0
        self.failures = 0
        """Early deaths in a row that were not for want of space."""
        self._due = 0.0
        self.start()

    def start(self) -> None:
        self._started = time.monotonic()
        name = self._target.__name__.strip("_")
        self.process = self._context.Process(target=self._target, args=self._arguments, name=name)
        self.process.start()

    def look_after(self) -> None:
        """Start the process again if it is gone, but not before its pause is over."""
        now = time.monotonic()
        if self.process.exitcode is None:
            return
        if not self._due:
            log.warning("process_died", kind=self.process.name, pid=self.process.pid, status=self.process.exitcode)
            forget_process(self.process.pid)
            early = now - self._started < EARLY
            self.early_deaths = self.early_deaths + 1 if early else 0
            self.failures = self.failures + 1 if early and self.process.exitcode != NO_ROOM else 0
            self._due = now + min(TICK * 2**self.early_deaths, EARLY)
        elif now >= self._due:
            self._due = 0.0
            self.start()


def _supervise(kept: list[_Kept], stop: threading.Event, grace: int) -> None:
    """Keep every process running until `stop` is set; QianxianError when servers cannot start."""
    try:
        while not stop.is_set():
            wait([one.process.sentinel for one in kept if one.process.exitcode is None], TICK)
            for one in kept:
                if not stop.is_set():
                    one.look_after()
            if any(one.failures >= HOPELESS and one.process.name == "answer" for one in kept):
                raise QianxianError("the server processes die at once; the log says why")
    finally:
        _end([one.process for one in kept], grace)


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

    from api.accepting import FairServer
    from api.app import app_of
    from api.protocol import BoundedProtocol

    logs.configure(settings.log_level)
    with _room_needed():
        app = app_of(settings)
    config = uvicorn.Config(
        app,
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
        server = FairServer(config) if settings.workers > 1 else uvicorn.Server(config)
        server.run(sockets=[listening])


@contextmanager
def _room_needed() -> Iterator[None]:
    """End the process with NO_ROOM, and say so, where the disk is full."""
    try:
        yield
    except (DiskFullError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in NO_SPACE:
            raise
        log.error("cannot_start", reason="no space left on the disk", frames=frames(error))
        raise SystemExit(NO_ROOM) from None


def _build(settings: Settings) -> None:
    """Main function of the process that only builds, so that building never slows an answer down."""
    from api.refresh import Builder, again_and_again

    logs.configure(settings.log_level)
    os.nice(5)
    with _noted_signals() as stop:
        if settings.matching_folder.exists():
            stop.wait(HEAD_START)
        builder = Builder(settings, Builds().built)
        try:
            again_and_again(builder.look, settings.poll_interval, stop)
        finally:
            builder.close()


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


@contextmanager
def _environment(settings: Settings) -> Iterator[None]:
    """What the processes find in their environment: a fresh folder for metrics, and ENVIRONMENT.

    Other services on the same home keep theirs; those of services that are gone are removed.
    """
    folders = settings.home.absolute() / "run" / "metrics"
    folder = folders / str(os.getpid())
    for other in folders.iterdir() if folders.is_dir() else ():
        if other == folder or not (other.name.isdecimal() and is_alive(int(other.name))):
            shutil.rmtree(other, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted = {FOLDER: str(folder), **{name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()}}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
