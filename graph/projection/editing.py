"""Parts made from older parts and a few changed records."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.projection.arrays import Bytes, Ints, Labels, Strings
from graph.projection.columns import Arrays, Column, column_in, flattened, kept_fields, string_arrays, strings_in
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
    for field in kept_fields(fields):
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
) -> tuple[PartArrays, Ints, int] | None:
    """A kind after changes (id → values, None for deleted): arrays, old row → new row (-1: gone), how many rows.

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
    return {**string_arrays("ids", spliced), **spliced_records(splice, old, spool, kind.fields)}, moved, splice.n


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
    kind: RelationKind, group: Group, ends: tuple[Ints, Ints], old: Arrays, edits: Sequence[Edit], *, fill: bool = False
) -> tuple[Ints, Ints, PartArrays | None]:
    """A group's edges after edits: sources, targets, and the record arrays (None: as they were).

    `ends` are the (sources, targets) so far, sorted by both; an edge with a -1 among them goes. With `fill` an edge
    that is there keeps its values and only gains those it lacks.
    """
    sources, targets = ends
    gone, written, spool = (sources < 0) | (targets < 0), list[tuple[int, int, int]](), Spool(kind.properties)
    for edit, place, found in _located(kind, ends, gone, strings_in(old, "records"), edits):
        if edit.values is not None:
            values = edit.values | found if fill and found is not None else edit.values
            data = canonical(values)
            hashed = digest(kind.name, group.source, edit.ends[0], group.target, edit.ends[1], data)
            if found is not None and old["digests"][place].tobytes() == hashed:
                continue
            spool.add(values, data, hashed)
            written.append((place, edit.source, edit.target))
        if found is not None:
            gone[place] = True
    if not written and not gone.any():
        return sources, targets, None
    fresh = np.array(written, np.int64).reshape(-1, 3)
    splice = Splice(len(sources), np.flatnonzero(gone), fresh[:, 0])
    arrays = spliced_records(splice, old, spool, kind.properties)
    return splice.fixed(sources, fresh[:, 1]), splice.fixed(targets, fresh[:, 2]), arrays


def _located(
    kind: RelationKind, ends: tuple[Ints, Ints], gone: NDArray[np.bool_], records: Strings, edits: Sequence[Edit]
) -> Iterator[tuple[Edit, int, Values | None]]:
    """Every edit in the order of the edges: where its edge is with its values, or before which place it belongs."""
    kept = np.flatnonzero(~gone)
    have = pairs(ends[0][kept], ends[1][kept])
    places = np.append(kept, len(gone))
    ordered = sorted(edits, key=lambda edit: edit[:3])
    wanted = pairs(np.array([e.source for e in ordered], np.int64), np.array([e.target for e in ordered], np.int64))
    lows, highs = np.searchsorted(have, wanted, "left"), np.searchsorted(have, wanted, "right")
    for edit, low, high in zip(ordered, lows.tolist(), highs.tolist(), strict=True):
        parallel = [orjson.loads(records.raw(int(place))) for place in places[low:high]]
        keys = [identity_key(kind, values) for values in parallel]
        index = bisect_left(keys, edit.key)
        known = index < len(keys) and keys[index] == edit.key
        yield edit, int(places[low + index]), parallel[index] if known else None
