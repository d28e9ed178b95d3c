"""Feedback: what viewers did with the candidates they were shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
        """Record what changes where a pair stands, all or nothing; how many entries did."""
        with self._casework.writing() as connection:
            take_turns(connection, LOCK)
            return sum(_recorded(connection, entry) for entry in entries)

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


def _recorded(connection: sa.Connection, entry: Entry) -> bool:
    pair = {**entry.inquiry._asdict(), "candidate": entry.candidate}
    before = sa.select(FEEDBACK).where(*(FEEDBACK.c[name] == value for name, value in pair.items()))
    history = [_entry(row) for row in connection.execute(before.order_by(FEEDBACK.c.number))]
    if not _changes(history, entry):
        return False
    row = {"time": int(time.time()), **pair, "event": str(entry.event), "reason": entry.reason and str(entry.reason)}
    connection.execute(FEEDBACK.insert(), row)
    return True


def _changes(history: Sequence[Entry], new: Entry) -> bool:
    """Whether an event is more than a repetition of where the pair stands."""
    if new.event is Event.OPEN:
        return all(entry.event is not Event.OPEN for entry in history)
    last = next((entry for entry in reversed(history) if entry.event is not Event.OPEN), None)
    if new.event is Event.RESTORE:
        ends = [entry.event for entry in history if entry.event in {Event.DISMISS, *TAKEN_BACK}]
        return bool(ends) and ends[-1] is Event.DISMISS
    return last is None or (last.event, last.reason) != (new.event, new.reason)


def _entry(row: Any) -> Entry:
    return Entry(
        Inquiry(row.epoch, row.key_id, row.match_kind, row.about),
        row.candidate,
        Event(row.event),
        None if row.reason is None else Reason(row.reason),
        row.number,
        row.time,
    )
