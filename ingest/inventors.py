"""Inventors that a table of patents names → experts, where name and patentee together fit exactly one.

A name alone tells nobody apart, and an edge to the wrong person is worse than none: who fits no expert, or two, is
left. Employer and patentee have to be called the same; a namesake in a part of the patentee, such as a department or an
affiliated college, is neither tied nor forgotten: he makes it two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from graph.kinds import SAME_AS
from ingest.sources.beside import EMPLOYERS, PARTIES
from ingest.sources.identity import plain
from ingest.sources.row import Row

KINDS = ("expert", "employed_by", *PARTIES, SAME_AS)
"""The kinds whose records decide."""
Records = Callable[[str], Iterable[Any]]
"""The records of a kind, stored and, in a dry run, read."""


class Inventors:
    """Finds the experts that rows mean by name and employers."""

    def __init__(self, rows: Iterable[Row], records: Records) -> None:
        self.untied = 0
        """Inventors of the rows given out that are tied to no expert."""
        wanted = {pair for row in rows for pair in _pairs(row)}
        self._experts = _experts(wanted, records) if wanted else {}

    def tied(self, read: Callable[[], Iterator[Row]]) -> Iterator[Row]:
        """The rows whose inventor is one expert, with the expert's id in the name's place."""
        for row in read():
            found = {self._experts[pair] for pair in _pairs(row) if pair in self._experts}
            if row.raw is not None and len(found) == 1:
                raw = {name: value for name, value in row.raw.items() if name != EMPLOYERS}
                yield Row(row.line, raw | {"source": found.pop()})
            else:
                self.untied += 1


def _pairs(row: Row) -> Iterator[tuple[str, str]]:
    """(name, employer) in plain form."""
    raw = row.raw or {}
    yield from ((plain(raw["source"]), plain(employer)) for employer in raw.get(EMPLOYERS, ()))


def _experts(wanted: set[tuple[str, str]], records: Records) -> dict[tuple[str, str], str]:
    """The expert of each pair that fits exactly one; records tied as duplicates, or of one ORCID iD, are one."""
    people = {name for name, _ in wanted}
    named: dict[str, str] = {}
    orcids: dict[str, str] = {}
    ties: list[tuple[str, str]] = []
    for expert in records("expert"):
        if (name := plain(expert.values.get("name", ""))) in people:
            named[expert.id] = name
            if orcid := expert.values.get("orcid"):
                ties.append((expert.id, orcids.setdefault(orcid, expert.id)))
    jobs = [(edge.source, edge[3:5]) for edge in records("employed_by") if edge.source in named]
    ends = {end for _, end in jobs}
    employers = {
        (kind, party.id): plain(party.values["name"])
        for kind in PARTIES
        for party in records(kind)
        if (kind, party.id) in ends and "name" in party.values
    }
    working: dict[str, list[tuple[str, str]]] = {}
    for id, end in jobs:
        working.setdefault(named[id], []).append((id, employers.get(end, "")))
    ties += [(edge.source, edge.target) for edge in records(SAME_AS) if edge.source_kind == "expert"]
    one = _joined(ties)
    found: dict[tuple[str, str], str] = {}
    for name, patentee in wanted:
        near = [(id, employer) for id, employer in working.get(name, ()) if employer.startswith(patentee)]
        fitting = [id for id, employer in near if employer == patentee]
        if fitting and len({one.get(id, id) for id, _ in near}) == 1:
            found[name, patentee] = min(fitting)
    return found


def _joined(ties: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Id → an id that all tied to it share."""
    above: dict[str, str] = {}

    def top(id: str) -> str:
        while id in above:
            id = above[id]
        return id

    for pair in ties:
        first, second = map(top, pair)
        if first != second:
            above[second] = first
    return {id: top(id) for id in above}
