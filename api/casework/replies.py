"""Writes that carry an `Idempotency-Key` are carried out once; a repetition gets the first answer again."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from api.casework.database import Casework
from api.casework.tables import REPLIES

KEPT = 24 * 3600
"""Seconds that an answer is remembered."""
ABANDONED = 300
"""Seconds after which a write without an answer counts as crashed and may be repeated: writes are upserts.

More than the longest write takes, which may wait a minute for the one before it.
"""


@dataclass(frozen=True)
class Reply:
    """A remembered answer; `status` is None while the write runs, `same` says whether the request was the same."""

    status: int | None
    body: bytes
    same: bool


class Replies:
    """The remembered answers, per API key and `Idempotency-Key`."""

    def __init__(self, casework: Casework) -> None:
        self._casework = casework

    def begin(self, key_id: str, token: str, request: bytes) -> Reply | None:
        """None: carry the write out, then call `finish` or `forget`. Else what there is already.

        `request` is a 32-byte digest of method, path and body.
        """
        now = int(time.time())
        mine = (REPLIES.c.key_id == key_id) & (REPLIES.c.token == token)
        with self._casework.writing() as connection:
            crashed = REPLIES.c.status.is_(None) & (REPLIES.c.started < now - ABANDONED)
            connection.execute(REPLIES.delete().where((REPLIES.c.started < now - KEPT) | (mine & crashed)))
            try:
                with connection.begin_nested():
                    connection.execute(
                        REPLIES.insert().values(key_id=key_id, token=token, request=request, started=now)
                    )
            except IntegrityError:
                row = connection.execute(sa.select(REPLIES).where(mine)).one()
                return Reply(row.status, bytes(row.body or b""), bytes(row.request) == request)
        return None

    def finish(self, key_id: str, token: str, status: int, body: bytes) -> None:
        """Remember the answer."""
        mine = (REPLIES.c.key_id == key_id) & (REPLIES.c.token == token)
        with self._casework.writing() as connection:
            connection.execute(REPLIES.update().where(mine).values(status=status, body=body))

    def forget(self, key_id: str, token: str) -> None:
        """The write failed: let a repetition try again."""
        mine = (REPLIES.c.key_id == key_id) & (REPLIES.c.token == token)
        with self._casework.writing() as connection:
            connection.execute(REPLIES.delete().where(mine))
