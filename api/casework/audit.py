"""The audit log: append-only, each entry sealed together with all before it.

`chain_n = HMAC-SHA-256(key, chain_(n-1) ‖ entry_n)` with a key derived from the installation's secret: who can edit the
database but lacks the secret cannot make the chain fit again.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

import orjson
import sqlalchemy as sa
import structlog

from api.casework.database import Casework, take_turns
from api.casework.tables import AUDIT
from graph.errors import QianxianError, StoreError, StoreUnavailableError

log = structlog.get_logger("api.audit")
LOCK = 0x5158_4155
"""PostgreSQL advisory lock that lets one writer append at a time."""

PAUSE = 0.1
"""Seconds between two writes of noted entries."""
MOST_NOTED = 10_000
"""Noted entries that may wait; when as many do, what they tell of is refused."""


class Entry(NamedTuple):
    """What is told of one action."""

    time: int
    """Unix seconds."""
    actor: str
    """Id of the key, or `command-line`."""
    action: str
    """`look`, `put`, …"""
    object: str
    """`kind:id`."""


class AuditLog:
    """Appends and verifies."""

    def __init__(self, casework: Casework, secret: bytes) -> None:
        self._casework = casework
        self._key = hmac.digest(secret, b"qianxian audit chain", hashlib.sha256)

    def append(self, actor: str, action: str, object: str) -> None:
        """Record that the key `actor` does `action` (`look`, `put`, …) to `object` (`kind:id`); durable on return."""
        self.extend([Entry(int(time.time()), actor, action, object)])

    def extend(self, entries: Sequence[Entry]) -> None:
        """Record what was done, in this order; durable on return."""
        with self._casework.writing() as connection:
            take_turns(connection, LOCK)
            last = connection.execute(
                sa.select(AUDIT.c.seq, AUDIT.c.chain).order_by(AUDIT.c.seq.desc()).limit(1)
            ).first()
            seq, chain = (last.seq + 1, last.chain) if last else (1, b"")
            rows = []
            for number, entry in enumerate(entries, seq):
                row = {"seq": number, **entry._asdict()}
                chain = self._seal(chain, row)
                rows.append({**row, "chain": chain})
            connection.execute(AUDIT.insert(), rows)

    def verify(self) -> int:
        """How many entries there are; StoreError names the first one that was changed, or before which one is gone.

        That the newest ones are gone cannot be seen: keep the count of an earlier look elsewhere.
        """
        chain, count = b"", 0
        with self._casework.reading() as connection:
            for row in connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq)):
                entry = {name: getattr(row, name) for name in ("seq", "time", "actor", "action", "object")}
                chain = self._seal(chain, entry)
                count += 1
                if row.seq != count or not hmac.compare_digest(chain, row.chain):
                    raise StoreError(f"audit log: entry {count} was changed or removed", field="audit")
        return count

    def _seal(self, before: bytes, entry: dict[str, int | str]) -> bytes:
        return hmac.digest(self._key, before + orjson.dumps(entry, option=orjson.OPT_SORT_KEYS), hashlib.sha256)


class Notes:
    """Entries about what is too frequent to wait for the disk each time: a thread appends them, many at once.

    They are in the log within about PAUSE seconds; a process that is killed loses those of that time.
    """

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._waiting: list[Entry] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, actor: str, action: str, object: str) -> None:
        """Take an entry without waiting; StoreUnavailableError when too many wait already."""
        with self._lock:
            if len(self._waiting) >= MOST_NOTED:
                raise StoreUnavailableError("the audit log cannot be written now", field="audit")
            self._waiting.append(Entry(int(time.time()), actor, action, object))
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_writing, name="audit", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Write what waits, and end."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _keep_writing(self) -> None:
        while not self._closed.wait(PAUSE):
            self._write()
        self._write()

    def _write(self) -> None:
        with self._lock:
            entries = self._waiting[:]
        if not entries:
            return
        try:
            self._audit.extend(entries)
        except QianxianError as error:
            log.error("audit_failed", error=type(error).__name__, count=len(entries))
            return
        with self._lock:
            del self._waiting[: len(entries)]
