"""Records of the same thing: found, accepted as `same_as` relations, listed, and parted again.

A merge only adds a relation: both records stay in the store with their origins. Parting them deletes it and leaves
another in its place, so that no later load ties them again; only a person can, by accepting the pair.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import InputError, NotFoundError, UnknownNameError
from graph.kinds import BUILTIN, NOT_SAME_AS, SAME_AS
from graph.records import Entity, Origin, Relation, RelationKey, digest
from graph.store import GraphStore
from graph.store.port import BATCH
from ingest import resemblance
from ingest.sources import jsonl
from ingest.sources.identity import IDENTIFYING

METHODS = ("identifier", "probabilistic")
DOUBTFUL = 0.5
"""Probability from which a pair below the threshold is worth a person's look."""
Marks = NDArray[np.int64]
"""64-bit hashes of identifiers."""


class Pair(NamedTuple):
    """Two records of one kind that are the same thing."""

    kind: str
    duplicate: str
    """Id of the record that is folded into the other."""
    representative: str
    """Id of the record that stands for both: the one with more values, then with the smaller id."""
    score: float
    """Probability, 0 to 1."""
    method: str
    """One of METHODS."""


class Found(NamedTuple):
    """What a search finds, both sorted."""

    pairs: list[Pair]
    """Sure ones."""
    doubtful: list[Pair]
    """Those that a person has to judge."""


def find(
    store: GraphStore,
    kinds: Sequence[str] = (),
    method: str = "identifier",
    threshold: float = 0.95,
    review: Path | None = None,
) -> Found:
    """Pairs that are neither tied nor parted yet; nothing is written to the store.

    `identifier` compares credit codes, ORCID iDs, patent numbers and DOIs; `probabilistic` names and regions with
    Splink (extra `dedupe`), and writes the pairs from DOUBTFUL up to `threshold` to `review` for a person to judge.
    Raises UnknownNameError for a kind or method, InputError for a threshold outside 0 to 1, QianxianError where
    Splink is not installed.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS, field="method")
    if not 0 < threshold <= 1:
        raise InputError(f"threshold {threshold} is no probability: above 0, at most 1", field="threshold")
    for kind in kinds:
        if kind not in store.catalogue.entities:
            raise UnknownNameError("kind", kind, store.catalogue.entities, field="kind")
    if method == "identifier":
        return Found([p for kind in kinds or store.catalogue.entities for p in _by_identifier(store, kind)], [])
    found = [pair for kind in kinds or resemblance.KINDS for pair in _by_resemblance(store, kind, threshold)]
    doubtful = [pair for pair in found if pair.score < threshold]
    if review is not None:
        _write_review(review, doubtful)
    return Found([pair for pair in found if pair.score >= threshold], doubtful)


def of_changed(store: GraphStore, revision: int) -> list[Pair]:
    """Pairs neither tied nor parted yet by the identifiers of records that changed after `revision`, sorted.

    Only the product's own kinds and fields: an identifier that a kinds file adds may be another thing's.
    """
    fields = {kind: found for kind in BUILTIN.entities if (found := _identifying(store, kind))}
    if not revision:
        return [pair for kind in fields for pair in _by_identifier(store, kind)]
    changed = {kind: array("q") for kind in fields}
    for _, _, record in store.changes_since(revision):
        if isinstance(record, Entity) and record.kind in fields:
            changed[record.kind].extend(_mark(*pair) for pair in _identifiers(record, fields[record.kind]))
    return [pair for kind, marks in changed.items() for pair in _by_identifier(store, kind, np.asarray(marks))]


def accept(store: GraphStore, pairs: Iterable[Pair]) -> int:
    """Tie the pairs; how many were not tied before. InputError for a pair whose records do not both exist.

    A pair that was parted is tied again.
    """
    iterator = iter(pairs)
    parted = {RelationKey(*edge[:5], "[]") for edge in store.relations(NOT_SAME_AS)}
    count = 0
    while batch := list(islice(iterator, BATCH)):
        written = store.upsert([_relation(pair) for pair in batch], _now())
        count += written.inserted
        if written.dangling:
            lost = written.dangling[0]
            raise InputError(f"{lost.source_kind} {lost.source!r} or {lost.target!r} does not exist", field="pairs")
        store.delete(parted.intersection(key for pair in batch for key in _keys(NOT_SAME_AS, pair)))
    return count


def _now() -> Origin:
    return Origin("duplicates", datetime.now(UTC).isoformat(timespec="seconds"))


def listed(store: GraphStore) -> list[Pair]:
    """The pairs that are tied, sorted."""
    return sorted(
        Pair(edge.source_kind, edge.source, edge.target, edge.values.get("score", 1.0), edge.values.get("method", ""))
        for edge in store.relations(SAME_AS)
    )


def undo(store: GraphStore, pairs: Iterable[Pair]) -> int:
    """Part the pairs for good; how many were tied. Their records are as they were."""
    ties = [_keys(SAME_AS, pair)[0] for pair in pairs]
    store.upsert([Relation(NOT_SAME_AS, *tie[1:5], {}) for tie in ties], _now())
    return store.delete(ties)


def _keys(relation: str, pair: Pair) -> tuple[RelationKey, RelationKey]:
    """The keys of a relation from duplicate to representative and back."""
    ends = (pair.kind, pair.duplicate), (pair.kind, pair.representative)
    return RelationKey(relation, *ends[0], *ends[1], "[]"), RelationKey(relation, *ends[1], *ends[0], "[]")


def tied(store: GraphStore, kind: str, id: str) -> list[Pair]:
    """The pairs that a record is in; NotFoundError where it is in none, UnknownNameError for an unknown kind."""
    store.catalogue.entity(kind)
    found = [pair for pair in listed(store) if pair.kind == kind and id in {pair.duplicate, pair.representative}]
    if not found:
        raise NotFoundError(f"{kind} {id!r} is tied to no other record", field="id")
    return found


def accepted(review: Path) -> Iterator[Pair]:
    """The pairs of a review file whose `accept` is true; InputError names the line that is no pair."""
    for row in jsonl.read(review):
        raw = row.raw or {}
        kind, duplicate, representative = (str(raw.get(name) or "") for name in Pair._fields[:3])
        if not (kind and duplicate and representative) or not isinstance(raw.get("accept"), bool):
            raise InputError(
                f"{review}:{row.line}: a pair has kind, duplicate, representative and accept (true or false)",
                field="review",
            )
        if raw["accept"]:
            score = raw.get("score")
            sure = float(score) if isinstance(score, (int, float)) else 1.0
            yield Pair(kind, duplicate, representative, sure, str(raw.get("method") or "probabilistic"))


def _relation(pair: Pair) -> Relation:
    values = {"score": pair.score, "method": pair.method}
    return Relation(SAME_AS, pair.kind, pair.duplicate, pair.kind, pair.representative, values)


class _Groups:
    """Records of a kind that are known to be one thing, and those that a person parted."""

    def __init__(self, tied: Iterable[tuple[str, str]], parted: Iterable[tuple[str, str]] = ()) -> None:
        self._up: dict[str, str] = {}
        self._parted = list(parted)
        for duplicate, representative in tied:
            self.join(duplicate, representative)

    def root(self, id: str) -> str:
        while (above := self._up.get(id, id)) != id:
            self._up[id] = id = self._up.get(above, above)
        return id

    def join(self, one: str, other: str) -> None:
        self._up[self.root(one)] = self.root(other)

    def may_join(self, one: str, other: str) -> bool:
        """Whether two records are not one yet, and joining them puts none together that were parted."""
        ends = {self.root(one), self.root(other)}
        return len(ends) > 1 and all({self.root(a), self.root(b)} != ends for a, b in self._parted)


def _known(store: GraphStore, kind: str, relation: str = SAME_AS) -> list[tuple[str, str]]:
    edges = store.relations(relation)
    return [(edge.source, edge.target) for edge in edges if edge.source_kind == kind == edge.target_kind]


def _identifying(store: GraphStore, kind: str) -> list[str]:
    declared = BUILTIN.entities.get(kind) or store.catalogue.entity(kind)
    return [field.name for field in declared.fields if field.scheme in IDENTIFYING]


def _by_identifier(store: GraphStore, kind: str, changed: Marks | None = None) -> list[Pair]:
    """Pairs by identifier; with `changed` only by identifiers of those marks.

    The kind is read twice, so that memory holds eight bytes an identifier and only what is met again in full.
    """
    fields = _identifying(store, kind)
    if not fields or (changed is not None and not len(changed)):
        return []
    marks, counts = np.unique(_marks(store.entities(kind), fields), return_counts=True)
    again = marks[counts > 1]
    suspects = set((again if changed is None else again[np.isin(again, changed)]).tolist())
    if not suspects:
        return []
    known = _known(store, kind)
    groups = _Groups(known, _known(store, kind, NOT_SAME_AS))
    folded = {source for source, _ in known}
    first: dict[tuple[str, str], str] = {}
    sizes: dict[str, int] = {}
    linked: list[tuple[str, str]] = []
    for entity in store.entities(kind):
        for field, code in _identifiers(entity, fields):
            if _mark(field, code) in suspects:
                sizes[entity.id] = len(entity.values)
                other = first.setdefault((field, code), entity.id)
                if other != entity.id:
                    linked.append((entity.id, other))
    return _pairs(kind, groups, folded, sizes, linked)


def _marks(entities: Iterable[Entity], fields: Sequence[str]) -> Marks:
    found = (_mark(field, code) for entity in entities for field, code in _identifiers(entity, fields))
    return np.fromiter(found, dtype=np.int64)


def _mark(field: str, code: str) -> int:
    return int.from_bytes(digest(field, code)[:8], "little", signed=True)


def _identifiers(entity: Entity, fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    for field in fields:
        if isinstance(code := entity.values.get(field), str):
            yield field, code


def _pairs(
    kind: str, groups: _Groups, folded: Collection[str], sizes: dict[str, int], linked: list[tuple[str, str]]
) -> list[Pair]:
    """For every set of linked records that are not tied yet: each but the best tied to the best it may be one with."""
    new = _Groups(linked)
    sets: dict[str, list[str]] = {}
    for id in sorted({id for link in linked for id in link}):
        sets.setdefault(new.root(id), []).append(id)
    found: list[Pair] = []
    for members in sets.values():
        members.sort(key=lambda id: (id in folded, -sizes[id], id))
        standing: list[str] = []  # more than one where a person parted some
        for id in members:
            best = next((other for other in standing if groups.may_join(id, other)), None)
            if best is not None:
                groups.join(id, best)
                found.append(Pair(kind, id, best, 1.0, "identifier"))
            elif all(groups.root(id) != groups.root(other) for other in standing):
                standing.append(id)
    return sorted(found)


def _by_resemblance(store: GraphStore, kind: str, threshold: float) -> list[Pair]:
    """Pairs from DOUBTFUL up, each with its better record as representative."""
    groups = _Groups(_known(store, kind), _known(store, kind, NOT_SAME_AS))
    scored = resemblance.scored(store, kind, min(threshold, DOUBTFUL))
    wanted = {id for one, other, _ in scored for id in (one, other)}
    fields = _identifying(store, kind)
    sizes: dict[str, int] = {}
    codes: dict[str, dict[str, str]] = {}
    for entity in store.entities(kind):
        if entity.id in wanted:
            sizes[entity.id] = len(entity.values)
            codes[entity.id] = {field: entity.values[field] for field in fields if field in entity.values}
    found: list[Pair] = []
    for one, other, score in scored:
        # Different codes of one scheme say for certain that these are two, however alike they are.
        contrary = any(codes[one][field] != codes[other].get(field, codes[one][field]) for field in codes[one])
        if groups.may_join(one, other) and not contrary:
            best, rest = sorted((one, other), key=lambda id: (-sizes[id], id))
            found.append(Pair(kind, rest, best, score, "probabilistic"))
    return sorted(found)


def _write_review(path: Path, pairs: Iterable[Pair]) -> None:
    with path.open("wb") as file:
        for pair in pairs:
            file.write(orjson.dumps({**pair._asdict(), "accept": False}, option=orjson.OPT_APPEND_NEWLINE))
