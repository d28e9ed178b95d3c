"""Limits of a request: JSON depth and the rate per key, shared by all worker processes."""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

import structlog

from graph.files import NO_SPACE, reserve

log = structlog.get_logger("api.limits")
SLOTS = 65_536
"""Keys with a counter of their own; beyond them two keys share one."""
SECOND = 1_000_000_000
CELL = struct.Struct("<q")


def deeper_than(value: object, limit: int, body: bytes) -> bool:
    """Whether parsed JSON nests deeper than `limit` levels; `body` is its text.

    A text with no more opening brackets than levels cannot, so that small bodies are not walked.
    """
    if body.count(b"{") + body.count(b"[") <= limit:
        return False
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
    return bool(level)


class Allowance:
    """A token bucket per key: `per_minute` requests, saved up to a tenth of a minute's worth (at least ten).

    The generic cell rate algorithm: one number per key, the time up to which its requests are paid for. The numbers
    lie in one mapped file of fixed size, so that memory is bounded and every worker process counts the same requests;
    two of them writing at once may let one request too many through. A process that finds the disk full when it starts
    counts alone, in its own memory.
    """

    def __init__(self, file: Path, per_minute: int) -> None:
        self._cost = 60 * SECOND // per_minute
        self._saved = max(per_minute // 10, 10) * self._cost
        try:
            self._cells = _mapped(file)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            log.warning("requests_counted_apart", reason=error.strerror)
            self._cells = mmap.mmap(-1, SLOTS * CELL.size)

    def take(self, slot: int, now: int | None = None) -> float:
        """Take one request from the bucket: 0 when it was there, else the seconds until it will be.

        `now` is in nanoseconds since 1970.
        """
        now = time.time_ns() if now is None else now
        at = slot % SLOTS * CELL.size
        paid: int = CELL.unpack_from(self._cells, at)[0]
        # A time further ahead than any bucket reaches is left from a clock that was set back.
        paid = now if paid < now or paid > now + self._saved + self._cost else paid
        wait = paid + self._cost - now - self._saved
        if wait > 0:
            return wait / SECOND
        CELL.pack_into(self._cells, at, paid + self._cost)
        return 0.0

    def close(self) -> None:
        """Unmap the file."""
        self._cells.close()


def _mapped(file: Path) -> mmap.mmap:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        reserve(descriptor, SLOTS * CELL.size)
        return mmap.mmap(descriptor, SLOTS * CELL.size)
    finally:
        os.close(descriptor)
