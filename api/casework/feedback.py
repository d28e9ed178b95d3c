"""Feedback: what viewers did with the candidates they were shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from api.casework.database import Casework, take_turns
from api.casework.impressions import Inquiry
from api.casework.keys import Key
from api.casework.tables import FEEDBACK
from graph.errors import InputError, UnknownNameError
from graph.records import EntityKey
from matching.feedback.learning import REASONED, Event, Reaction, Reason
from matching.masking import EpochKeys, Role, Viewer

LOCK = 0x5158_4642
"""PostgreSQL advisory lock: rows are there in the order of their numbers."""
NOBODY = "nobody"
"""The party of all keys that stand for nobody in particular: together they are one."""


DAY = 86_400
MOST_CHANGES = 20
"""Entries of one pair that one key may add within DAY: more is no change of mind."""


class TooManyChangesError(InputError):
    """A pair was changed too often; `number` is the place of its first entry, `wait` the seconds until one more may."""

    def __init__(self, number: int, wait: int) -> None:
        super().__init__(
            f"where this pair stands was changed as often as it may be: {MOST_CHANGES} times within a day",
            field="alias",
        )
        self.number, self.wait = number, wait


@dataclass(frozen=True)
class Entry:
    """One event."""

    inquiry: Inquiry
    candidate: str
    """Id in the graph, never told to the viewer."""
    event: Event
    reason: Reason | None = None
    number: int = 0
    """Place in the order of all entries; 0 for a new one."""
    time: int = 0
    """Unix seconds."""

    def told(self) -> dict[str, Any]:
        """What its giver may read of it, without the candidate."""
        kind, _, rest = self.inquiry.about.partition(":")
        return {
            "match_kind": self.inquiry.match_kind,
            "subject": None if kind == "text" else rest,
            "event": str(self.event),
            "reason": None if self.reason is None else str(self.reason),
            "time": datetime.fromtimestamp(self.time, UTC).isoformat(),
        }


def checked(event: str, reason: str | None) -> tuple[Event, Reason | None]:
    """The event with its reason; UnknownNameError or InputError says what would be valid."""
    if event not in list(Event):
        raise UnknownNameError("event", event, list(Event), field="event")
    if reason is not None and event not in REASONED:
        raise InputError(f"`reason` goes with {', '.join(sorted(REASONED))} only", field="reason")
    if event in REASONED and reason not in list(Reason):
        given = "is missing" if reason is None else f"is {reason!r}"
        raise InputError(f"`reason` {given}; valid: {', '.join(sorted(Reason))}", field="reason")
    return Event(event), None if reason is None else Reason(reason)


def alias_of(keys: EpochKeys, viewer: Viewer, inquiry: Inquiry, candidate: str) -> str:
    """The candidate's name toward the viewer in that question."""
    return keys.alias(viewer, inquiry.about, EntityKey(inquiry.match_kind.partition("-")[2], candidate))


def by_alias(keys: EpochKeys, viewer: Viewer, inquiry: Inquiry, candidates: Sequence[str]) -> dict[str, str]:
    """Alias toward this viewer in this question → candidate, of those it was shown."""
    return {alias_of(keys, viewer, inquiry, candidate): candidate for candidate in candidates}


def alias_now(keys: EpochKeys, viewer: Viewer, entry: Entry) -> str | None:
    """The alias by which its giver may name the candidate now: none for an entry of an earlier epoch.

    Else it would lead to another epoch's cards.
    """
    return alias_of(keys, viewer, entry.inquiry, entry.candidate) if entry.inquiry.epoch == keys.epoch else None


class FeedbackLog:
    """Records and reads; history is kept for as long as impressions are."""

    def __init__(self, casework: Casework) -> None:
        self._casework = casework

    def record(self, entries: Sequence[Entry]) -> int:
        """Record what changes where a pair stands, all or nothing; how many entries did.

        Of the entries of one pair only their net effect is recorded. Raises TooManyChangesError.
        """
        pairs: dict[Inquiry, dict[str, list[tuple[int, Entry]]]] = {}
        for number, entry in enumerate(entries):
            pairs.setdefault(entry.inquiry, {}).setdefault(entry.candidate, []).append((number, entry))
        kept: list[int] = []
        with self._casework.writing() as connection:
            take_turns(connection, LOCK)
            now = int(time.time())
            for inquiry, candidates in pairs.items():
                pasts = _pasts(connection, inquiry, now - DAY)
                for candidate, given in candidates.items():
                    past = pasts.get(candidate, _Past())
                    new = _net(past.standing, given)
                    if new and past.changes + len(new) > MOST_CHANGES:
                        raise TooManyChangesError(given[0][0], max(1, past.oldest + DAY - now))
                    kept += new
            if kept:
                connection.execute(FEEDBACK.insert(), [_row(entries[number], now) for number in sorted(kept)])
        return len(kept)

    def page(self, key_id: str, before: int | None, limit: int) -> list[Entry]:
        """A key's own entries, newest first, older than entry `before`."""
        rows = sa.select(FEEDBACK).where(FEEDBACK.c.key_id == key_id)
        if before is not None:
            rows = rows.where(FEEDBACK.c.number < before)
        with self._casework.reading() as connection:
            return [_entry(row) for row in connection.execute(rows.order_by(FEEDBACK.c.number.desc()).limit(limit))]

    def entries(self, *, match_kind: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Everyone's entries in their order."""
        rows = sa.select(FEEDBACK).where(FEEDBACK.c.number > after).order_by(FEEDBACK.c.number)
        if match_kind is not None:
            rows = rows.where(FEEDBACK.c.match_kind == match_kind)
        with self._casework.reading() as connection:
            yield from map(_entry, connection.execute(rows))


TAKEN_BACK = frozenset({Event.RESTORE, Event.SAVE, Event.ACCEPT, Event.DEAL})
"""Events that end a dismissal; who looks at a dismissed card or declines it does not want it back."""


class Dismissals:
    """Who has dismissed whom in this epoch, in memory: a question must not wait for the database.

    They end with the epoch as aliases do: one that lasted would tie the cards of two epochs together.
    """

    def __init__(self, log: FeedbackLog) -> None:
        self._log = log
        self._epoch, self._read = "", 0
        self._of: dict[Inquiry, frozenset[str]] = {}
        self._lock = threading.Lock()

    def look(self, epoch: str) -> None:
        """Take up what was recorded since the last look."""
        with self._lock:
            if epoch != self._epoch:
                self._epoch, self._read, self._of = epoch, 0, {}
            for entry in self._log.entries(after=self._read):
                self._read = entry.number
                if entry.inquiry.epoch != epoch or entry.event not in {Event.DISMISS, *TAKEN_BACK}:
                    continue
                others = self._of.get(entry.inquiry, frozenset()) - {entry.candidate}
                self._of[entry.inquiry] = others | ({entry.candidate} if entry.event is Event.DISMISS else set())

    def of(self, inquiry: Inquiry) -> frozenset[str]:
        """Ids that are not to be shown again."""
        return self._of.get(inquiry, frozenset())


def parties(keys: Sequence[Key]) -> Mapping[str, str]:
    """Key id → the party behind it, which feedback counts once.

    Keys that share a record they stand for are one party, through several steps too; brokers and operators with the
    same mandates are one, with a mandate for all each stands alone. Keys that stand for nobody are one together.
    """
    import networkx as nx  # a moment that only learning has to wait for

    graph: nx.Graph[str] = nx.Graph()
    for key in keys:
        names = [f"{party.kind}:{party.id}" for party in key.parties]
        if key.role in {Role.BROKER, Role.OPERATOR}:
            names = [f"mandates {' '.join(sorted(names))}"] if names else []
        if key.everything:
            names = []
            graph.add_node(f"key {key.id}")
        elif not names:
            names = [NOBODY]
        graph.add_edges_from((f"key {key.id}", name) for name in names)
    return {
        name.removeprefix("key "): min(members)
        for members in nx.connected_components(graph)
        for name in members
        if name.startswith("key ")
    }


def reactions(entries: Iterator[Entry], party: Mapping[str, str]) -> Iterator[Reaction]:
    """Entries as what is learned from."""
    for entry in entries:
        key = entry.inquiry.key_id
        yield Reaction(party.get(key, key), entry.inquiry.about, entry.candidate, entry.event, entry.reason)


class _Standing(NamedTuple):
    """Where a pair stands: all that decides whether one more event says anything new."""

    opened: bool = False
    last: tuple[Event, Reason | None] | None = None
    """The latest event but `open`."""
    dismissed: bool = False

    def after(self, new: Entry) -> _Standing:
        """The same where the event changes nothing."""
        if new.event is Event.OPEN:
            return self._replace(opened=True)
        if new.event is Event.RESTORE and not self.dismissed:
            return self
        dismissed = new.event is Event.DISMISS or (self.dismissed and new.event not in TAKEN_BACK)
        return self._replace(last=(new.event, new.reason), dismissed=dismissed)


class _Past(NamedTuple):
    """What is recorded of a pair already."""

    standing: _Standing = _Standing()
    changes: int = 0
    """Entries of the last DAY."""
    oldest: int = 0
    """When the first of them was recorded, Unix seconds."""


def _deciding() -> sa.Select[Any]:
    """The latest `open`, the latest that began or ended a dismissal, and the latest refusal of each pair of a question.

    Each with its pair's `changes` and `oldest`, see `_Past`; parameters are those of Inquiry, and `since`.
    """
    log, pair = FEEDBACK.c, FEEDBACK.c.candidate
    part = sa.case((log.event == str(Event.OPEN), 0), (log.event == str(Event.DECLINE), 1), else_=2)
    latest = sa.func.row_number().over(partition_by=(pair, part), order_by=log.number.desc())
    today = sa.case((log.time > sa.bindparam("since"), log.time))
    ranked = (
        sa.select(
            *(pair, log.event, log.reason, log.number, latest.label("nth")),
            sa.func.count(today).over(partition_by=pair).label("changes"),
            sa.func.min(today).over(partition_by=pair).label("oldest"),
        )
        .where(*(log[name] == sa.bindparam(name) for name in Inquiry._fields))
        .subquery()
    )
    return sa.select(ranked).where(ranked.c.nth == 1).order_by(ranked.c.number)


_DECIDING = _deciding()


def _pasts(connection: sa.Connection, inquiry: Inquiry, since: int) -> dict[str, _Past]:
    """Candidate → what is recorded of it in this question."""
    pasts: dict[str, _Past] = {}
    for row in connection.execute(_DECIDING, {**inquiry._asdict(), "since": since}):
        standing = pasts.get(row.candidate, _Past()).standing
        new = (Event(row.event), None if row.reason is None else Reason(row.reason))
        if new[0] is Event.OPEN:
            standing = standing._replace(opened=True)
        else:
            dismissed = standing.dismissed if new[0] is Event.DECLINE else new[0] is Event.DISMISS
            standing = standing._replace(last=new, dismissed=dismissed)
        pasts[row.candidate] = _Past(standing, row.changes, row.oldest or 0)
    return pasts


def _net(before: _Standing, entries: Sequence[tuple[int, Entry]]) -> list[int]:
    """Numbers of the entries that bring a pair from where it stood to where they leave it: three at the most."""
    now, opening, deciding, latest = before, [], [], []
    for number, entry in entries:
        if (then := now.after(entry)) == now:
            continue
        now = then
        if entry.event is Event.OPEN:
            opening = [number]
        elif entry.event is Event.DECLINE:
            latest = [number]
        else:
            deciding = latest = [number]
    if (now.last, now.dismissed) == (before.last, before.dismissed):
        return opening
    return opening + (deciding if deciding != latest and now.dismissed != before.dismissed else []) + latest


def _row(entry: Entry, now: int) -> dict[str, Any]:
    reason = None if entry.reason is None else str(entry.reason)
    about = {**entry.inquiry._asdict(), "candidate": entry.candidate}
    return {"time": now, **about, "event": str(entry.event), "reason": reason}


def _entry(row: Any) -> Entry:
    return Entry(
        Inquiry(row.epoch, row.key_id, row.match_kind, row.about),
        row.candidate,
        Event(row.event),
        None if row.reason is None else Reason(row.reason),
        row.number,
        row.time,
    )
