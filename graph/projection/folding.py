"""Duplicates folded into the record that stands for them: what `same_as` edges do to what readers see."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.kinds import SAME_AS
from graph.projection.arrays import Ints, Strings
from graph.projection.columns import Arrays, string_arrays, strings_in
from graph.projection.editing import Edit, PartArrays, edited_edges, spliced_records
from graph.projection.parts import Part
from graph.projection.splice import Splice
from graph.projection.spool import Spool
from graph.projection.stored import Edges, Group, Parts, Shelf, count, edge_arrays, ends_in
from graph.records import Values, canonical, digest, identity_key
from graph.schema import Catalogue, EntityKind, RelationKind


def representatives(n: int, sources: Ints, targets: Ints) -> Ints:
    """Of each row: the row that stands for it, given edges from duplicate to representative.

    Rows that edges connect are one entity, whatever way they lead. The one that is nobody's duplicate stands for all;
    of several, or in a cycle, the one with the smallest id.
    """
    graph = sp.csr_array((np.ones(len(sources), np.int8), (sources, targets)), shape=(n, n))
    _, cluster = sp.csgraph.connected_components(graph, directed=False)
    rows = np.arange(n, dtype=np.int64)
    eligible = np.ones(n, bool)
    eligible[sources] = False
    first = np.full(n + 1, n, np.int64)
    np.minimum.at(first, cluster[eligible], rows[eligible])
    fallback = np.full(n + 1, n, np.int64)
    np.minimum.at(fallback, cluster[targets], targets)
    chosen: Ints = np.where(first < n, first, fallback)[cluster]
    return chosen


def folded(stored: Parts, catalogue: Catalogue, shelf: Shelf, before: tuple[Parts, Parts] | None) -> Parts:
    """The parts that readers see. `before` (stored and seen) lends the parts whose input is still the same."""
    seen = Parts()
    stands = _clusters(stored)
    for kind, part in stored.kinds.items():
        if kind not in stands:
            seen.kinds[kind] = part
        elif (old := _reusable(kind, part, stands[kind], before)) is not None:
            seen.kinds[kind] = old
        else:
            seen.kinds[kind] = shelf.write(
                f"{kind}-folded", _folded_kind(catalogue.entity(kind), part.arrays, stands[kind])
            )
    for group, edges in stored.groups.items():
        if group.source not in stands and group.target not in stands:
            seen.groups[group] = edges
        elif before is not None and _same_inputs(group, stored, seen, before):
            if group in before[1].groups:
                seen.groups[group] = before[1].groups[group]
        else:
            made = _folded_group(catalogue.relation(group.relation), group, edges, stands, seen, shelf)
            if made is not None:
                seen.groups[group] = made
    return seen


def _clusters(stored: Parts) -> dict[str, Ints]:
    """Per kind with duplicates: who stands for whom."""
    return {
        group.source: representatives(count(stored.kinds[group.source]), *ends_in(edges.rows.arrays))
        for group, edges in stored.groups.items()
        if group.relation == SAME_AS and group.source == group.target
    }


def _reusable(kind: str, part: Part, stands: Ints, before: tuple[Parts, Parts] | None) -> Part | None:
    if before is None or kind not in before[0].kinds or before[0].kinds[kind].about.file != part.about.file:
        return None
    old = before[1].kinds[kind]
    same = "representatives" in old.arrays and np.array_equal(old.arrays["representatives"], stands)
    return old if same else None


def _same_inputs(group: Group, stored: Parts, seen: Parts, before: tuple[Parts, Parts]) -> bool:
    """Whether a group's stored edges and the tables at both ends are those of the build before."""
    if group not in before[0].groups:
        return False
    now = [*stored.groups[group], seen.kinds[group.source], seen.kinds[group.target]]
    ends = [before[1].kinds.get(group.source), before[1].kinds.get(group.target)]
    then = [*before[0].groups[group], *(part for part in ends if part is not None)]
    return [part.about.file for part in now] == [part.about.file for part in then]


def _folded_kind(kind: EntityKind, old: Arrays, stands: Ints) -> PartArrays:
    """A kind's arrays with its duplicates folded, and how to find them: who stands for whom, ids that have no row."""
    ids, records = strings_in(old, "ids"), strings_in(old, "records")
    duplicates = np.flatnonzero(stands != np.arange(len(stands)))
    merged: dict[int, Values] = {row: orjson.loads(records.raw(row)) for row in np.unique(stands[duplicates]).tolist()}
    for row in duplicates.tolist():
        whole = merged[int(stands[row])]
        whole |= {name: value for name, value in orjson.loads(records.raw(row)).items() if name not in whole}
    spool = Spool(kind.fields)
    for row, values in merged.items():
        data = canonical(values)
        spool.add(values, data, digest(kind.name, ids[row], data))
    replaced = np.array(list(merged), np.int64)
    splice = Splice(len(ids), np.union1d(duplicates, replaced), replaced)
    return {
        **string_arrays("folded", Strings.of(records[row] for row in duplicates.tolist())),
        **string_arrays("ids", splice.strings(ids, Strings.of(ids[row] for row in merged))),
        **spliced_records(splice, old, spool, kind.fields),
        **string_arrays("aliases", Strings.of(ids[row] for row in duplicates.tolist())),
        "aliases.rows": _rows(stands)[duplicates].astype(np.int32),
        "representatives": stands.astype(np.int32),
    }


def _rows(stands: Ints) -> Ints:
    """Stored row → row of the table with duplicates folded."""
    own: Ints = np.cumsum(stands == np.arange(len(stands))) - 1
    result: Ints = own[stands]
    return result


def _folded_group(
    kind: RelationKind, group: Group, edges: Edges, stands: dict[str, Ints], seen: Parts, shelf: Shelf
) -> Edges | None:
    """A group's edges at the rows that stand for their ends; None where no edge is left."""
    ends = ends_in(edges.rows.arrays)
    tables = [seen.kinds[name] for name in (group.source, group.target)]
    moved, touched = [], np.zeros(len(ends[0]), bool)
    for name, rows in zip((group.source, group.target), ends, strict=True):
        chosen = stands.get(name)
        moved.append(rows if chosen is None else _rows(chosen)[rows])
        if chosen is not None:
            touched |= chosen[rows] != rows
    edits = _pointed(kind, group, edges, moved, touched, tables)
    sources = np.where(touched, -1, moved[0])
    sources, targets, arrays = edited_edges(kind, group, (sources, moved[1]), edges.records.arrays, edits, fill=True)
    if not len(sources):
        return None
    placed = edge_arrays(sources, targets, count(tables[0]), count(tables[1]))
    return Edges(
        shelf.write("-".join((*group, "rows", "folded")), placed),
        edges.records if arrays is None else shelf.write("-".join((*group, "folded")), arrays),
    )


def _pointed(
    kind: RelationKind, group: Group, edges: Edges, moved: list[Ints], touched: NDArray[Any], tables: list[Part]
) -> list[Edit]:
    """The edges of duplicates, at the rows that stand for them; of equal ones the first wins, later ones fill gaps."""
    records = strings_in(edges.records.arrays, "records")
    froms, tos = (strings_in(table.arrays, "ids") for table in tables)
    found: dict[tuple[int, int, str], Edit] = {}
    for place in np.flatnonzero(touched).tolist():
        source, target = int(moved[0][place]), int(moved[1][place])
        if group.source == group.target and source == target:
            continue
        values: Values = orjson.loads(records.raw(place))
        key = identity_key(kind, values)
        known = found.get((source, target, key))
        if known is not None and known.values is not None:
            values |= known.values
        found[source, target, key] = Edit(source, target, key, (froms[source], tos[target]), values)
    return list(found.values())
