"""Prometheus metrics, one sum over all worker processes.

Worker processes write counts to the folder in PROMETHEUS_MULTIPROC_DIR (set by `api.serve`); without it they are kept
in memory. A process that finds the disk full when it starts counts nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from graph.files import reserve

log = structlog.get_logger("api.metrics")
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.03, 0.06, 0.1, 0.3, 1, 3, 10)


FILES = ("counter", "histogram", "gauge_livemin")
"""What Prometheus calls a process's files, before `_PID.db`."""
ROOM = 1 << 18
"""Bytes of such a file: twice what all routes with all their statuses take."""


def forget_process(pid: int | None) -> None:
    """A process has died: what it counted stays, what it said of itself goes."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _has_room(*names: str) -> bool:
    """Take the room that this process's counts need: whether it was there.

    Prometheus itself makes files with holes, and a process that writes to one is killed when the disk is full by then.
    """
    folder = os.environ.get(FOLDER)
    try:
        for name in names if folder else ():
            _take_room(Path(folder or "", f"{name}_{os.getpid()}.db"))
    except OSError as error:
        log.warning("metrics_off", reason=error.strerror)
        return False
    return True


def _take_room(file: Path) -> None:
    draft = file.with_suffix(".part")  # the files that are read have all their room
    try:
        with (file if file.exists() else draft).open("ab") as opened:
            reserve(opened.fileno(), ROOM)
        if draft.exists():
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


class Builds:
    """What the building process counts. It has no other metric: it is never ready, and would seem not to be yet."""

    def __init__(self) -> None:
        self._on = _has_room("counter")
        if not self._on:
            return
        registry = CollectorRegistry()
        self._builds = Counter("qianxian_builds", "Projection builds by outcome.", ("outcome",), registry=registry)

    def built(self, outcome: str) -> None:
        """Count one build of the projection: `done` or `failed`."""
        if self._on:
            self._builds.labels(outcome).inc()


class Metrics:
    """What a server process counts about itself: never who, never what."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._on = _has_room(*FILES)
        if not self._on:
            return
        self._requests = Counter(
            "qianxian_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "qianxian_request_seconds", "Time to answer.", ("route",), registry=self._registry, buckets=BUCKETS
        )
        self._ready = Gauge(
            "qianxian_ready", "Whether answers can be given.", registry=self._registry, multiprocess_mode="livemin"
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        if not self._on:
            return
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def ready(self, ready: bool) -> None:
        """Say whether this process can answer."""
        if self._on:
            self._ready.set(float(ready))

    def render(self) -> bytes:
        """The exposition text."""
        if not os.environ.get(FOLDER):
            return generate_latest(self._registry)
        summed = CollectorRegistry()
        MultiProcessCollector(summed)  # type: ignore[no-untyped-call]
        return generate_latest(summed)
