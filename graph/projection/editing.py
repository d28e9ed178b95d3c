"""Parts made from older parts and a few changed records."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.projection.arrays import Bytes, Ints, Labels, Strings
from graph.projection.columns import Arrays, Column, column_in, flattened, stored, string_arrays, strings_in
from graph.projection.splice import Splice
from graph.projection.spool import Spool
from graph.projection.stored import Group, pairs
from graph.records import Values, canonical, digest, identity_key
from graph.schema import EntityKind, Field, RelationKind

PartArrays = dict[str, NDArray[Any] | Iterator[Bytes]]


def no_records(fields: Iterable[Field]) -> dict[str, NDArray[Any]]:
    """The record arrays of a part without rows."""
    return Spool(fields).small()


def no_entities(kind: EntityKind) -> dict[str, NDArray[Any]]:
    """The arrays of a kind without entities."""
    return {**string_arrays("ids", Strings.of(())), **no_records(kind.fields)}


def spliced_records(splice: Splice, old: Arrays, new: Spool, fields: Iterable[Field]) -> PartArrays:
    """The record arrays of a part after a splice."""
    fresh = new.small()
    before, after = strings_in(old, "records"), strings_in(fresh, "records")
    columns: dict[str, Column] = {}
    for field in stored(fields):
        column, added = column_in(old, field), column_in(fresh, field)
        columns[field.name] = (
            splice.labels(column, added)
            if isinstance(column, Labels) and isinstance(added, Labels)
            else splice.fixed(np.asarray(column), np.asarray(added))
        )
    return {
        "records.blob": splice.pieces(before.blob, before.offsets, after.blob, after.offsets),
        "records.offsets": splice.offsets(before.offsets, after.offsets),
        "digests": splice.fixed(old["digests"], fresh["digests"]),
        **flattened(columns),
    }


def edited_entities(
    kind: EntityKind, old: Arrays, changes: Mapping[str, Values | None]
) -> tuple[PartArrays, Ints] | None:
    """A kind's arrays after changes (id → values, None for deleted) and old row → new row (-1: gone).

    None where nothing changed.
    """
    ids = strings_in(old, "ids")
    drop: list[int] = []
    at: list[int] = []
    replaced: list[tuple[int, int]] = []
    names: list[str] = []
    spool = Spool(kind.fields)
    for id, values in sorted(changes.items()):
        row = bisect_left(ids, id)
        known = row < len(ids) and ids[row] == id
        if values is None:
            drop += [row] if known else []
            continue
        data = canonical(values)
        hashed = digest(kind.name, id, data)
        if known:
            if old["digests"][row].tobytes() == hashed:
                continue
            replaced.append((row, len(at)))
            drop.append(row)
        at.append(row)
        names.append(id)
        spool.add(values, data, hashed)
    if not drop and not at:
        return None
    splice = Splice(len(ids), np.array(drop, np.int64), np.array(at, np.int64))
    moved = splice.moved()
    for row, j in replaced:
        moved[row] = splice.placed[j]
    spliced = splice.strings(ids, Strings.of(names))
    return {**string_arrays("ids", spliced), **spliced_records(splice, old, spool, kind.fields)}, moved


class Edit(NamedTuple):
    """An edge to be written or (values None) removed."""

    source: int
    """Row of its source."""
    target: int
    """Row of its target."""
    key: str
    """See `graph.records.identity_key`."""
    ends: tuple[str, str]
    """Ids of both."""
    values: Values | None


def edited_edges(
    kind: RelationKind,
    group: Group,
    sources: Ints,
    targets: Ints,
    old: Arrays,
    edits: Sequence[Edit],
    *,
    fill: bool = False,
) -> tuple[Ints, Ints, PartArrays | None]:
    """A group's edges after edits: sources, targets, and the record arrays (None: as they were).

    `sources` and `targets` are sorted by both; an edge with a -1 among them goes. With `fill` an edge that is there
    keeps its values and only gains those it lacks.
    """
    kept = np.flatnonzero((sources >= 0) & (targets >= 0))
    have = pairs(sources[kept], targets[kept])
    places = np.append(kept, len(sources))
    drop = [np.setdiff1d(np.arange(len(sources)), kept, assume_unique=True)]
    written: list[tuple[int, int, int]] = []
    spool = Spool(kind.properties)
    records = strings_in(old, "records")
    ordered = sorted(edits, key=lambda edit: edit[:3])
    wanted = pairs(np.array([e.source for e in ordered], np.int64), np.array([e.target for e in ordered], np.int64))
    bounds = np.searchsorted(have, wanted, "left").tolist(), np.searchsorted(have, wanted, "right").tolist()
    for edit, low, high in zip(ordered, *bounds, strict=True):
        parallel = [orjson.loads(records.raw(int(place))) for place in places[low:high]]
        keys = [identity_key(kind, values) for values in parallel]
        index = bisect_left(keys, edit.key)
        known = index < len(keys) and keys[index] == edit.key
        place, values = int(places[low + index]), edit.values
        if values is not None:
            values = values | parallel[index] if fill and known else values
            data = canonical(values)
            hashed = digest(kind.name, group.source, edit.ends[0], group.target, edit.ends[1], data)
            if known and old["digests"][place].tobytes() == hashed:
                continue
            spool.add(values, data, hashed)
            written.append((place, edit.source, edit.target))
        if known:
            drop.append(np.array([place]))
    gone = np.unique(np.concatenate(drop))
    if not len(gone) and not written:
        return sources, targets, None
    fresh = np.array(written, np.int64).reshape(-1, 3)
    splice = Splice(len(sources), gone, fresh[:, 0])
    arrays = spliced_records(splice, old, spool, kind.properties)
    return splice.fixed(sources, fresh[:, 1]), splice.fixed(targets, fresh[:, 2]), arrays
