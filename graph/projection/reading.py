"""The whole store, streamed into parts."""

from __future__ import annotations

from array import array
from itertools import groupby

import numpy as np

from graph.progress import Progress
from graph.projection.arrays import Ints, Strings
from graph.projection.columns import string_arrays
from graph.projection.spool import Spool
from graph.projection.stored import Edges, Group, Parts, Shelf, edge_arrays, pairs
from graph.records import Relation, canonical, digest, identity_key
from graph.schema import RelationKind
from graph.store import GraphStore

_STRIDE = 10_000


def read_all(store: GraphStore, shelf: Shelf, progress: Progress) -> Parts:
    """Every kind and relation of the store as new parts."""
    result = Parts()
    rows: dict[str, dict[str, int]] = {}
    for kind in sorted(store.catalogue.entities):
        rows[kind] = _read_kind(store, kind, shelf, result, progress)
    for relation in sorted(store.catalogue.relations):
        _read_relation(store, relation, rows, shelf, result, progress)
    return result


def _read_kind(store: GraphStore, kind: str, shelf: Shelf, result: Parts, progress: Progress) -> dict[str, int]:
    """Write the part of one kind; id → row."""
    spool = Spool(store.catalogue.entity(kind).fields, shelf.scratch())
    ids: list[str] = []
    for entity in store.entities(kind):
        data = canonical(entity.values)
        spool.add(entity.values, data, digest(kind, entity.id, data))
        ids.append(entity.id)
        if not len(ids) % _STRIDE:
            progress(kind, len(ids))
    if not ids:
        return {}
    order = np.array(sorted(range(len(ids)), key=ids.__getitem__), np.int64)
    ids.sort()
    result.kinds[kind] = shelf.write(kind, {**string_arrays("ids", Strings.of(ids)), **spool.arrays(order)})
    progress(kind, len(ids))
    return {id: row for row, id in enumerate(ids)}


class _Edges:
    """The edges of one group as they come."""

    def __init__(self, kind: RelationKind, shelf: Shelf) -> None:
        self.kind = kind
        self.sources, self.targets = array("q"), array("q")
        self.spool = Spool(kind.properties, shelf.scratch())
        self.keys: list[str] | None = [] if kind.identity else None

    def add(self, relation: Relation, source: int, target: int) -> None:
        data = canonical(relation.values)
        self.sources.append(source)
        self.targets.append(target)
        self.spool.add(relation.values, data, digest(*relation[:5], data))
        if self.keys is not None:
            self.keys.append(identity_key(self.kind, relation.values))

    def order(self) -> Ints:
        """By source, target and identity."""
        both = pairs(np.array(self.sources), np.array(self.targets))
        order = np.argsort(both, kind="stable")
        if self.keys is None or not len(order):
            return order
        parallel = np.flatnonzero(np.diff(both[order]) == 0)
        places = np.union1d(parallel, parallel + 1).tolist()
        for _, run in groupby(places, key=lambda place: int(both[order[place]])):
            run_places = list(run)
            order[run_places] = sorted(order[run_places].tolist(), key=self.keys.__getitem__)
        return order


def _read_relation(
    store: GraphStore, name: str, rows: dict[str, dict[str, int]], shelf: Shelf, result: Parts, progress: Progress
) -> None:
    kind = store.catalogue.relation(name)
    groups: dict[Group, _Edges] = {}
    for done, relation in enumerate(store.relations(name), 1):
        source = rows.get(relation.source_kind, {}).get(relation.source)
        target = rows.get(relation.target_kind, {}).get(relation.target)
        if not done % _STRIDE:
            progress(name, done)
        if source is None or target is None:
            continue  # an end came or went while we read: the changes since the start bring both up to date
        key = Group(name, relation.source_kind, relation.target_kind)
        if key not in groups:
            groups[key] = _Edges(kind, shelf)
        groups[key].add(relation, source, target)
    for key in sorted(groups):
        edges = groups[key]
        order = edges.order()
        sources, targets = np.array(edges.sources)[order], np.array(edges.targets)[order]
        arrays = edge_arrays(sources, targets, len(rows[key.source]), len(rows[key.target]))
        result.groups[key] = Edges(
            shelf.write("-".join((*key, "rows")), arrays), shelf.write("-".join(key), edges.spool.arrays(order))
        )
        progress(name, len(edges.spool))
