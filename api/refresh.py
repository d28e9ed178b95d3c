"""Keeps answers fresh: one process builds when the store has moved, every process takes up what was built.

Who holds the lock file builds; the others try for it at every look, so that a dead builder is replaced at once.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import IO

import structlog

from api.bootstrap import Stores, build, open_built
from api.installation import epoch_of, make_home
from api.logs import frames
from api.settings import Settings
from graph.errors import QianxianError
from matching.build import encode
from matching.candidates.encoded import VectorFile
from matching.candidates.encoder import Encoder, installed
from matching.state import State

log = structlog.get_logger("api.refresh")
AT_ONCE = 4
"""Texts that are encoded between two looks."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries while something fails."""


def again_and_again(look: Callable[[], object], interval: float, stop: threading.Event) -> None:
    """Look every `interval` seconds, less often while it fails, until `stop` is set or the parent process is gone."""
    pause = interval
    while not stop.is_set() and not _orphaned():
        try:
            look()
            pause = interval
        except QianxianError as error:
            cause = error.__cause__
            reason = cause.strerror if isinstance(cause, OSError) else error.code
            log.warning("refresh_failed", error=type(error).__name__, reason=reason)
            pause = min(2 * pause, LONGEST_PAUSE)
        except OSError as error:
            log.error("refresh_failed", error=type(error).__name__, reason=error.strerror, frames=frames(error))
            pause = min(2 * pause, LONGEST_PAUSE)
        except Exception as error:  # a look must never end the looking
            log.error("refresh_failed", error=type(error).__name__, frames=frames(error))
            pause = min(2 * pause, LONGEST_PAUSE)
        stop.wait(pause)


class Builder:
    """Builds when the store has moved, in the one process that holds the lock."""

    def __init__(self, settings: Settings, built: Callable[[str], None]) -> None:
        """`built` is told the outcome of each build: `done` or `failed`."""
        import_module("sklearn.utils.extmath")  # half a second that the first new text would wait for
        self._settings, self._told = settings, built
        self._stores = Stores(settings.store_url)
        self._lock: IO[str] | None = None
        self._done: tuple[int, str, str] | None = None
        self._encoder = installed() if settings.encoder else None
        self._encoding: State | None = None
        """Whose texts are being encoded."""
        self._encoded = 0

    def look(self) -> None:
        """Build if the store has moved and nobody else builds; else encode a few texts that have no vector yet."""
        if self._is_leader() and not self._build_if_moved() and self._encoder is not None:
            self._encode(self._encoder)

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

    def _encode(self, encoder: Encoder) -> None:
        """Encode so few texts that a new need does not wait; once all are done, build again."""
        if self._encoding is None:
            return
        done = encode(self._encoding, encoder, most=AT_ONCE, check=False)
        self._encoded += done
        if done == 0:
            taken_up = self._encoding.encodings.file
            filled = VectorFile.fullest(taken_up.path.parent, self._encoding.hashes)
            if (filled.name, filled.count) != (taken_up.name, taken_up.count):  # whoever has filled them
                log.info("encoded", count=self._encoded)
                self._encoded, self._done = 0, None
            self._encoding = None

    def _build_if_moved(self) -> bool:
        try:
            store = self._stores.current()
            revision, epoch = store.revision(), epoch_of(self._settings)
            wanted = (revision, store.stamp(revision), epoch)
            if wanted == self._done:
                return False
            started = time.perf_counter()
            built = build(self._settings)
            self._done = (built, store.stamp(built), epoch)
        except Exception:
            self._told("failed")
            self._stores.reopen()
            raise
        seconds = time.perf_counter() - started
        log.info("built", revision=built, epoch=epoch, seconds=round(seconds, 3))
        self._told("done")
        if self._encoder is not None:
            self._encoding = open_built(self._settings)
        return True


def _orphaned() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()
