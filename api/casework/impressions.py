"""Impressions: every answer as it was shown, one row each, written beside the answers."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import orjson
import sqlalchemy as sa

from api.casework.batches import Batches
from api.casework.database import Casework
from api.casework.tables import FEEDBACK, IMPRESSIONS
from matching.question import Shown

LIFETIME = 365 * 86_400
"""Seconds that an impression, and what was done with it, is kept and learned from."""
REPEATED = 3_600
"""Seconds within which an answer like an earlier one to the same question is not stored again."""
MOST_LATEST = 10_000
"""Answers by which a process knows repetitions."""
MOST_ANSWERS = 1_000
"""Answers to one question in which an alias is looked for."""


class Inquiry(NamedTuple):
    """One viewer's question in one epoch: what aliases, and so feedback, belong to."""

    epoch: str
    """Masking epoch."""
    key_id: str
    """Id of the key, or `command-line`."""
    match_kind: str
    about: str
    """`Question.about`."""


class Impressions:
    """The impressions of an installation; nothing that is taken waits for the disk."""

    def __init__(self, casework: Casework) -> None:
        self._casework = casework
        self._batches: Batches[tuple[int, Inquiry, str]] = Batches("impressions", self._write)
        self._latest: OrderedDict[bytes, int] = OrderedDict()
        """Hash of a question with its answer → when it was stored last, Unix seconds."""

    def note(self, inquiry: Inquiry, shown: Shown) -> None:
        """Remember an answer; one without candidates is none, and one like it within REPEATED is the same.

        While the database is away the latest are lost.
        """
        if not shown.candidates:
            return
        now, text = int(time.time()), orjson.dumps(shown).decode()
        same = hashlib.blake2b("\x00".join((*inquiry, text)).encode(), digest_size=16).digest()
        if now - self._latest.get(same, 0) < REPEATED or not self._batches.take((now, inquiry, text)):
            return
        self._latest[same] = now
        self._latest.move_to_end(same)
        if len(self._latest) > MOST_LATEST:
            self._latest.popitem(last=False)

    def flush(self) -> None:
        """Write what waits, now."""
        self._batches.flush()

    def close(self) -> None:
        """Write what waits, and end."""
        self._batches.close()

    def candidates(self, inquiry: Inquiry) -> list[str]:
        """Ids of everyone this viewer was shown for this question in this epoch, in its latest MOST_ANSWERS answers."""
        mine = [IMPRESSIONS.c[name] == value for name, value in inquiry._asdict().items()]
        latest = sa.select(IMPRESSIONS.c.shown).where(*mine).order_by(IMPRESSIONS.c.number.desc())
        with self._casework.reading() as connection:
            rows = connection.execute(latest.limit(MOST_ANSWERS)).scalars().all()
        return list(dict.fromkeys(id for row in rows for id in orjson.loads(row)["candidates"]))

    def answered(self, match_kind: str) -> Iterator[tuple[str, str, Shown]]:
        """(key id, about, what was shown) of every answer to which there was feedback, oldest first."""
        same = [FEEDBACK.c[name] == IMPRESSIONS.c[name] for name in ("key_id", "match_kind", "about")]
        found = sa.select(IMPRESSIONS).where(IMPRESSIONS.c.match_kind == match_kind, sa.exists().where(*same))
        with self._casework.reading() as connection:
            for row in connection.execute(found.order_by(IMPRESSIONS.c.number)):
                yield row.key_id, row.about, _shown(row.shown)

    def of_epoch(self, match_kind: str, epoch: str) -> Iterator[Shown]:
        """What was shown in an epoch."""
        found = sa.select(IMPRESSIONS.c.shown).where(
            IMPRESSIONS.c.match_kind == match_kind, IMPRESSIONS.c.epoch == epoch
        )
        with self._casework.reading() as connection:
            for row in connection.execute(found).scalars():
                yield _shown(row)

    def counts(self, match_kind: str, epoch: str) -> Counter[str]:
        """In how many viewers' questions each candidate was shown in an epoch: asking again does not count."""
        counts: Counter[str] = Counter()
        found = sa.select(IMPRESSIONS).where(IMPRESSIONS.c.match_kind == match_kind, IMPRESSIONS.c.epoch == epoch)
        with self._casework.reading() as connection:
            rows = connection.execute(found.order_by(IMPRESSIONS.c.key_id, IMPRESSIONS.c.about))
            for _, same in groupby(rows, key=lambda row: (row.key_id, row.about)):
                counts.update({id for row in same for id in orjson.loads(row.shown)["candidates"]})
        return counts

    def forget(self, now: float) -> None:
        """Remove what is older than LIFETIME, and the feedback of that time."""
        with self._casework.writing() as connection:
            for table in (IMPRESSIONS, FEEDBACK):
                connection.execute(table.delete().where(table.c.time < int(now) - LIFETIME))

    def _write(self, entries: Sequence[tuple[int, Inquiry, str]]) -> None:
        rows = [{"time": at, **inquiry._asdict(), "shown": shown} for at, inquiry, shown in entries]
        with self._casework.writing() as connection:
            connection.execute(IMPRESSIONS.insert(), rows)


def _shown(text: str) -> Shown:
    body = orjson.loads(text)
    return Shown(body["first"], tuple(body["candidates"]), tuple(body["scores"]), tuple(body["explored"]))
