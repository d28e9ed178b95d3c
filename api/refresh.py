"""Keeps answers fresh: one process builds when the store has moved, every process takes up what was built.

Who holds the lock file builds; the others try for it at every look, so that a dead builder is replaced at once.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import threading
import time
from collections.abc import Callable
from typing import IO

import structlog

from api.bootstrap import Stores, build
from api.installation import epoch_of, make_home
from api.logs import frames
from api.settings import Settings
from graph.errors import QianxianError

log = structlog.get_logger("api.refresh")
LONGEST_PAUSE = 5.0
"""Seconds between two tries while something fails."""


class Refresher:
    """Looks every `poll_interval` seconds whether the store has moved, and acts on it."""

    def __init__(
        self,
        settings: Settings,
        *,
        leads: bool = True,
        take_up: Callable[[], object] = lambda: None,
        built: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        self._settings, self._leads, self._take_up, self._told = settings, leads, take_up, built
        self._stores = Stores(settings.store_url)
        self._lock: IO[str] | None = None
        self._done: tuple[int, str] | None = None

    def run(self, stop: threading.Event) -> None:
        """Look again and again until `stop` is set or the parent process is gone."""
        pause = interval = self._settings.poll_interval
        while not stop.is_set() and not _orphaned():
            try:
                self.step()
                pause = interval
            except QianxianError as error:
                log.warning("refresh_failed", error=type(error).__name__, reason=error.code)
                pause = min(2 * pause, LONGEST_PAUSE)
            except Exception as error:  # a look must never end the looking
                log.error("refresh_failed", error=type(error).__name__, frames=frames(error))
                pause = min(2 * pause, LONGEST_PAUSE)
            stop.wait(pause)
        self.close()

    def step(self) -> None:
        """One look: take up what was built, build if the store has moved, take that up."""
        self._take_up()
        if self._leads and self._is_leader() and self._build_if_moved():
            self._take_up()

    def close(self) -> None:
        """Give up the lock and the store."""
        self._stores.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _is_leader(self) -> bool:
        if self._lock is None:
            make_home(self._settings.home / "run")
            lock = (self._settings.home / "run" / "build.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            self._lock = lock
        return True

    def _build_if_moved(self) -> bool:
        try:
            wanted = (self._stores.current().revision(), epoch_of(self._settings))
            if wanted == self._done:
                return False
            started = time.perf_counter()
            self._done = (build(self._settings), wanted[1])
        except Exception:
            self._told("failed")
            self._stores.reopen()
            raise
        seconds = time.perf_counter() - started
        log.info("built", revision=self._done[0], epoch=wanted[1], seconds=round(seconds, 3))
        self._told("done")
        return True


def _orphaned() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()
