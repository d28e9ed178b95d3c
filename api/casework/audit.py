"""The audit log: append-only, each entry sealed together with all before it.

`chain_n = HMAC-SHA-256(key, chain_(n-1) ‖ entry_n)` with a key derived from the installation's secret: who can edit the
database but lacks the secret cannot make the chain fit again.
"""

from __future__ import annotations

import hashlib
import hmac
import time

import orjson
import sqlalchemy as sa

from api.casework.database import Casework
from api.casework.tables import AUDIT
from graph.errors import StoreError

LOCK = 0x5158_4155
"""PostgreSQL advisory lock that lets one writer append at a time; SQLite's write lock does the same."""


class AuditLog:
    """Appends and verifies."""

    def __init__(self, casework: Casework, secret: bytes) -> None:
        self._casework = casework
        self._key = hmac.digest(secret, b"qianxian audit chain", hashlib.sha256)

    def append(self, actor: str, action: str, object: str) -> None:
        """Record that the key `actor` does `action` (`look`, `put`, …) to `object` (`kind:id`); durable on return."""
        with self._casework.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            last = connection.execute(
                sa.select(AUDIT.c.seq, AUDIT.c.chain).order_by(AUDIT.c.seq.desc()).limit(1)
            ).first()
            seq, chain = (last.seq + 1, last.chain) if last else (1, b"")
            entry = {"seq": seq, "time": int(time.time()), "actor": actor, "action": action, "object": object}
            connection.execute(AUDIT.insert().values(**entry, chain=self._seal(chain, entry)))

    def verify(self) -> int:
        """How many entries there are; StoreError names the first one that was changed, or before which one is gone."""
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
