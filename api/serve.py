"""`serve(settings)`: server processes on one socket, one process that builds, and an orderly end."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from api import logs
from api.bootstrap import open_casework, secret_of
from api.metrics import FOLDER
from api.protocol import BoundedProtocol
from api.refresh import build_process
from api.settings import Settings
from graph.errors import InputError, StoreUnavailableError
from graph.store import open_store

log = structlog.get_logger("api.serve")
SPAWN = multiprocessing.get_context("spawn")
HANG = 60
"""Seconds without a sign of life after which a server process is replaced."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; running requests get `grace` seconds, then the call returns.

    Raises InputError for an address that cannot be listened on and StoreError for a wrong store; a store whose server
    does not answer is no obstacle once a projection was built.
    """
    logs.configure(settings.log_level)
    _check(settings)
    listening = _listen(settings)
    _fresh_metrics(settings)
    address, port = listening.getsockname()[:2]
    config = uvicorn.Config(
        partial(_worker, settings),
        factory=True,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
        timeout_graceful_shutdown=settings.grace,
        timeout_worker_healthcheck=HANG,
    )
    with listening, _ended_by_signals(), _builder(settings):
        log.info("listening", address=address, port=port, workers=settings.workers, pid=os.getpid())
        if settings.workers == 1:
            uvicorn.Server(config).run(sockets=[listening])
        else:
            Multiprocess(config, sockets=[listening]).run()
    log.info("stopped", pid=os.getpid())


def _worker(settings: Settings) -> FastAPI:
    from api.app import app_of

    logs.configure(settings.log_level)
    return app_of(settings, leads=False)


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
    except OSError as error:
        listening.close()
        reason = error.strerror or "the name is unknown"
        raise InputError(f"cannot listen on {settings.host}:{settings.port}: {reason}", field="port") from error
    listening.set_inheritable(True)
    return listening


def _fresh_metrics(settings: Settings) -> None:
    folder = settings.home.absolute() / "run" / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[FOLDER] = str(folder)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Uvicorn raises the signal that ended it once more: by then it only has to mean "return"."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _builder(settings: Settings) -> Iterator[None]:
    """A process that builds, started again whenever it ends before its time."""
    stop = threading.Event()
    current = [_start_builder(settings)]

    def keep() -> None:
        while not stop.is_set():
            current[0].join(0.5)
            if current[0].exitcode is not None and not stop.wait(1):
                log.warning("builder_died", status=current[0].exitcode)
                current[0] = _start_builder(settings)

    keeper = threading.Thread(target=keep, name="keeper")
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()
        current[0].terminate()
        current[0].join(settings.grace)
        if current[0].exitcode is None:
            current[0].kill()
            current[0].join()


def _start_builder(settings: Settings) -> multiprocessing.process.BaseProcess:
    process = SPAWN.Process(target=build_process, args=(settings,), name="builder")
    process.start()
    return process
