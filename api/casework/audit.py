"""The audit log: append-only, each entry sealed together with all before it.

`chain_n = HMAC-SHA-256(key, chain_(n-1) ‖ entry_n)` with a key derived from the installation's secret: who can edit the
database but lacks the secret cannot make the chain fit again.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import NamedTuple

import orjson
import sqlalchemy as sa

from api.casework.batches import Batches
from api.casework.database import Casework, take_turns
from api.casework.tables import AUDIT
from graph.errors import StoreError, StoreUnavailableError

LOCK = 0x5158_4155
"""PostgreSQL advisory lock that lets one writer append at a time."""


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
    """Entries about what is too frequent to wait for the disk each time; see Batches."""

    def __init__(self, audit: AuditLog) -> None:
        self._batches: Batches[Entry] = Batches("audit", audit.extend)

    def note(self, actor: str, action: str, object: str) -> None:
        """Take an entry without waiting; StoreUnavailableError when too many wait already."""
        if not self._batches.take(Entry(int(time.time()), actor, action, object)):
            raise StoreUnavailableError("the audit log cannot be written now", field="audit")

    def close(self) -> None:
        """Write what waits, and end."""
        self._batches.close()
