"""What is too frequent to wait for the disk each time: a thread writes it, many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger("api.casework")

PAUSE = 0.1
"""Seconds between two writes."""
MOST_WAITING = 10_000
"""Entries that may wait."""

Entry = TypeVar("Entry")


class Batches(Generic[Entry]):
    """Entries are in the database within about PAUSE seconds; a process that is killed loses those of that time."""

    def __init__(self, name: str, write: Callable[[Sequence[Entry]], None]) -> None:
        """`write` writes entries in one transaction, or raises: then it is tried again."""
        self._name, self._write_all = name, write
        self._waiting: list[Entry] = []
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, entry: Entry) -> bool:
        """Take an entry without waiting; False when too many wait already."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_writing, name=self._name, daemon=True)
                self._thread.start()
        return True

    def flush(self) -> None:
        """Write what waits, now."""
        with self._writing:
            with self._lock:
                entries = self._waiting[:]
            if not entries:
                return
            try:
                self._write_all(entries)
            except Exception as error:  # whatever it is, the thread goes on: nobody would start it again
                log.error(f"{self._name}_failed", error=type(error).__name__, count=len(entries))
                return
            with self._lock:
                del self._waiting[: len(entries)]

    def close(self) -> None:
        """Write what waits, and end."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _keep_writing(self) -> None:
        while not self._closed.wait(PAUSE):
            self.flush()
        self.flush()
