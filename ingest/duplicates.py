"""Records of the same thing: found, accepted as `same_as` relations, listed, and parted again.

A merge only adds a relation: both records stay in the store with their origins, and deleting it undoes the merge.
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

from graph.codes import Scheme
from graph.errors import InputError, NotFoundError, UnknownNameError
from graph.kinds import BUILTIN
from graph.records import Entity, Origin, Relation, RelationKey, digest
from graph.store import GraphStore
from graph.store.port import BATCH
from ingest import resemblance
from ingest.sources import jsonl

IDENTIFYING = frozenset({Scheme.USCC, Scheme.ORCID, Scheme.PATENT_NUMBER, Scheme.DOI})
METHODS = ("identifier", "probabilistic")
DOUBTFUL = 0.5
"""Probability from which a pair below the threshold is worth a person's look."""
SAME_AS = "same_as"
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


def find(
    store: GraphStore,
    kinds: Sequence[str] = (),
    method: str = "identifier",
    threshold: float = 0.95,
    review: Path | None = None,
) -> list[Pair]:
    """Pairs that are not tied yet, sorted; nothing is written to the store.

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
        return [pair for kind in kinds or store.catalogue.entities for pair in _by_identifier(store, kind)]
    found = [pair for kind in kinds or resemblance.KINDS for pair in _by_resemblance(store, kind, threshold)]
    if review is not None:
        _write_review(review, [pair for pair in found if pair.score < threshold])
    return [pair for pair in found if pair.score >= threshold]


def of_changed(store: GraphStore, revision: int) -> list[Pair]:
    """Pairs not tied yet by the identifiers of records that changed after `revision`, sorted.

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
    """Tie the pairs; how many were not tied before. InputError for a pair whose records do not both exist."""
    origin = Origin("duplicates", datetime.now(UTC).isoformat(timespec="seconds"))
    iterator = iter(pairs)
    count = 0
    while batch := list(islice(iterator, BATCH)):
        written = store.upsert([_relation(pair) for pair in batch], origin)
        count += written.inserted
        if written.dangling:
            lost = written.dangling[0]
            raise InputError(f"{lost.source_kind} {lost.source!r} or {lost.target!r} does not exist", field="pairs")
    return count


def listed(store: GraphStore) -> list[Pair]:
    """The pairs that are tied, sorted."""
    return sorted(
        Pair(edge.source_kind, edge.source, edge.target, edge.values.get("score", 1.0), edge.values.get("method", ""))
        for edge in store.relations(SAME_AS)
    )


def undo(store: GraphStore, pairs: Iterable[Pair]) -> int:
    """Part the pairs; how many were tied. Their records are as they were."""
    return store.delete([RelationKey(SAME_AS, p.kind, p.duplicate, p.kind, p.representative, "[]") for p in pairs])


def tied(store: GraphStore, kind: str, id: str) -> list[Pair]:
    """The pairs that a record is in; NotFoundError where it is in none."""
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
    """Ids that are known to be one thing."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._up: dict[str, str] = {}
        for duplicate, representative in pairs:
            self.join(duplicate, representative)

    def root(self, id: str) -> str:
        while (above := self._up.get(id, id)) != id:
            self._up[id] = id = self._up.get(above, above)
        return id

    def join(self, one: str, other: str) -> None:
        self._up[self.root(one)] = self.root(other)


def _known(store: GraphStore, kind: str) -> list[Relation]:
    return [edge for edge in store.relations(SAME_AS) if edge.source_kind == kind == edge.target_kind]


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
    groups = _Groups((edge.source, edge.target) for edge in known)
    folded = {edge.source for edge in known}
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
    """For every set of linked records that are not tied yet: each but the best tied to the best."""
    new = _Groups(linked)
    sets: dict[str, list[str]] = {}
    for id in sorted({id for link in linked for id in link}):
        sets.setdefault(new.root(id), []).append(id)
    found: list[Pair] = []
    for members in sets.values():
        members.sort(key=lambda id: (id in folded, -sizes[id], id))
        best = members[0]
        for id in members[1:]:
            if groups.root(id) != groups.root(best):
                groups.join(id, best)
                found.append(Pair(kind, id, best, 1.0, "identifier"))
    return sorted(found)


def _by_resemblance(store: GraphStore, kind: str, threshold: float) -> list[Pair]:
    """Pairs from DOUBTFUL up, each with its better record as representative."""
    groups = _Groups((edge.source, edge.target) for edge in _known(store, kind))
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
        if groups.root(one) != groups.root(other) and not contrary:
            best, rest = sorted((one, other), key=lambda id: (-sizes[id], id))
            found.append(Pair(kind, rest, best, score, "probabilistic"))
    return sorted(found)


def _write_review(path: Path, pairs: Iterable[Pair]) -> None:
    with path.open("wb") as file:
        for pair in pairs:
            file.write(orjson.dumps({**pair._asdict(), "accept": False}, option=orjson.OPT_APPEND_NEWLINE))
