"""The stored parts brought up to date with what changed in the store since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from graph.projection.arrays import Ints
from graph.projection.columns import strings_in
from graph.projection.editing import Edit, edited_edges, edited_entities, no_entities, no_records
from graph.projection.parts import Part
from graph.projection.stored import Edges, Group, Parts, Shelf, count, edge_arrays, ends_in
from graph.records import EntityKey, RelationKey, Values
from graph.schema import Catalogue
from graph.store import Change

EdgeChanges = dict[Group, dict[tuple[str, str, str], Values | None]]


def updated(stored: Parts, changes: Iterable[Change], catalogue: Catalogue, shelf: Shelf) -> Parts:
    """`stored` after `changes`, each of which says how one record stands now; parts that they leave alone stay.

    Changes may be repeated: what is there already changes nothing.
    """
    entities, relations = _sorted_out(changes)
    result = Parts(dict(stored.kinds), dict(stored.groups))
    moved: dict[str, Ints] = {}
    for kind, changed in sorted(entities.items()):
        _update_kind(kind, changed, catalogue, shelf, result, moved)
    for group in sorted({*stored.groups, *relations}):
        changed_edges = relations.get(group, {})
        if changed_edges or group.source in moved or group.target in moved:
            _update_group(group, changed_edges, catalogue, shelf, result, moved)
    return result


def _sorted_out(changes: Iterable[Change]) -> tuple[dict[str, dict[str, Values | None]], EdgeChanges]:
    entities: dict[str, dict[str, Values | None]] = {}
    relations: EdgeChanges = {}
    for change in changes:
        values = None if change.record is None else change.record.values
        if isinstance(change.key, EntityKey):
            entities.setdefault(change.key.kind, {})[change.key.id] = values
        else:
            key: RelationKey = change.key
            group = Group(key.kind, key.source_kind, key.target_kind)
            relations.setdefault(group, {})[key.source, key.target, key.key] = values
    return entities, relations


def _update_kind(
    kind: str,
    changed: Mapping[str, Values | None],
    catalogue: Catalogue,
    shelf: Shelf,
    result: Parts,
    moved: dict[str, Ints],
) -> None:
    declared = catalogue.entity(kind)
    old = result.kinds.get(kind)
    edited = edited_entities(declared, old.arrays if old else no_entities(declared), changed)
    if edited is None:
        return
    arrays, places, n = edited
    if n != len(places) or not np.array_equal(places, np.arange(n)):
        moved[kind] = places
    if n:
        result.kinds[kind] = shelf.write(kind, arrays)
    else:
        result.kinds.pop(kind, None)


def _update_group(
    group: Group,
    changed: Mapping[tuple[str, str, str], Values | None],
    catalogue: Catalogue,
    shelf: Shelf,
    result: Parts,
    moved: Mapping[str, Ints],
) -> None:
    kind = catalogue.relation(group.relation)
    old = result.groups.get(group)
    none = np.zeros(0, np.int64)
    sources, targets = ends_in(old.rows.arrays) if old else (none, none)
    if group.source in moved:
        sources = moved[group.source][sources]
    if group.target in moved:
        targets = moved[group.target][targets]
    records = old.records.arrays if old else no_records(kind.properties)
    froms, tos = result.kinds.get(group.source), result.kinds.get(group.target)
    edits = _edits(changed, froms, tos)
    sources, targets, arrays = edited_edges(kind, group, (sources, targets), records, edits)
    if not len(sources):
        result.groups.pop(group, None)
        return
    if old and arrays is None and group.source not in moved and group.target not in moved:
        return
    rows = shelf.write("-".join((*group, "rows")), edge_arrays(sources, targets, count(froms), count(tos)))
    kept = old.records if old and arrays is None else None
    result.groups[group] = Edges(rows, kept or shelf.write("-".join(group), arrays or {}))


def _edits(changed: Mapping[tuple[str, str, str], Values | None], froms: Part | None, tos: Part | None) -> list[Edit]:
    """The changes with rows instead of ids; an edge without an end needs none: it goes, or never was, with its end."""
    if froms is None or tos is None:
        return []
    starts, ends = strings_in(froms.arrays, "ids"), strings_in(tos.arrays, "ids")
    found = [
        Edit(starts.find(source), ends.find(target), key, (source, target), values)
        for (source, target, key), values in changed.items()
    ]
    return [edit for edit in found if edit.source >= 0 and edit.target >= 0]
