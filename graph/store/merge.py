"""The rules that hold in every backend: what a batch may hold and how a record takes in a newer or older one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graph.errors import ValueRejectedError
from graph.records import Entity, Origin, Relation, Values
from graph.schema import Catalogue

Provenance = dict[str, list[str]]
"""Field → [source, date]; the key "" stands for every field without an entry of its own."""


def split_checked(catalogue: Catalogue, records: Iterable[Entity | Relation]) -> tuple[list[Entity], list[Relation]]:
    """The batch's entities and relations, each identity once (the later wins field by field)."""
    entities: dict[tuple[str, str], Entity] = {}
    relations: dict[tuple[str, ...], Relation] = {}
    for record in records:
        if isinstance(record, Entity):
            catalogue.entity(record.kind)
            known = entities.get((record.kind, record.id))
            entities[record.kind, record.id] = (
                record if known is None else record._replace(values=known.values | record.values)
            )
            continue
        kind = catalogue.relation(record.kind)
        sources, targets = catalogue.ends(record.kind)
        for end, valid in ((record.source_kind, sources), (record.target_kind, targets)):
            if end not in valid:
                raise ValueRejectedError(f"{record.kind}: an end of kind {end!r}; valid: {', '.join(valid)}")
        if (record.source_kind, record.source) == (record.target_kind, record.target):
            raise ValueRejectedError(f"{record.kind}: {record.source!r} is related to itself", field="target")
        identity = (*record[:5], record.key(kind))
        old = relations.get(identity)
        relations[identity] = record if old is None else record._replace(values=old.values | record.values)
    return list(entities.values()), list(relations.values())


def merged(
    stored: Values, provenance: Provenance, values: Values, origin: Origin, replace: bool
) -> tuple[Values, Provenance]:
    """`stored` after taking in `values` of `origin`; each part is the very same object when nothing in it changed.

    A newer origin that repeats a stored value takes it over, so that a load of an age between the two cannot
    overwrite it.
    """
    incoming = [origin.source, origin.date]
    if replace:
        return (stored, provenance) if stored == values else (values, {"": incoming})
    default = provenance.get("", ["", ""])
    taken: Values = {}
    fresher: list[str] = []
    for name, value in values.items():
        date = provenance.get(name, default)[1]
        if name not in stored or (stored[name] != value and date <= origin.date):
            taken[name] = value
            fresher.append(name)
        elif stored[name] == value and date < origin.date:
            fresher.append(name)
    if not fresher:
        return stored, provenance
    result = stored | taken if taken else stored
    if len(fresher) == len(result):
        return result, {"": incoming}
    return result, provenance | dict.fromkeys(fresher, incoming)


def merged_extension(stored: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Two kinds.json documents as one: entries of the same name joined, the later last."""
    joined: dict[str, Any] = {}
    for key in {**stored, **document}:
        entries: dict[Any, Any] = {}
        for entry in (*stored.get(key, ()), *document.get(key, ())):
            name = entry.get("name") if isinstance(entry, dict) else None
            known = entries.get(name)
            if known is None or key != "entities":
                entries[name] = entry
            else:
                fields = {f.get("name"): f for f in known.get("fields", ())}
                fields |= {f.get("name"): {**fields.get(f.get("name"), {}), **f} for f in entry.get("fields", ())}
                entries[name] = {**known, **entry, "fields": list(fields.values())}
        joined[key] = list(entries.values())
    return joined
