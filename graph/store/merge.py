"""The rules that hold in every backend: what a batch may hold and how a record takes in a newer or older one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graph.errors import ValueRejectedError
from graph.records import Entity, Origin, Relation, RelationKey, Values
from graph.schema import Access, Catalogue

Provenance = dict[str, list[str]]
"""Field → [source, date]; the key "" stands for every field without an entry of its own."""


class Kept(NamedTuple):
    """A record as a store keeps it, its identity aside."""

    values: Values
    provenance: Provenance
    revision: int


@dataclass
class Written:
    """What one `upsert` did."""

    revision: int = 0
    """The store's revision after the write."""
    inserted: int = 0
    """Records that were not there."""
    updated: int = 0
    """Records that changed."""
    unchanged: int = 0
    """Records that said nothing new; they take no revision."""
    dangling: list[Relation] = field(default_factory=list)
    """Relations refused because an end does not exist."""


@dataclass
class Intake:
    """One batch as it is taken in: what each record becomes, and the tally."""

    origin: Origin
    replace: bool
    revision: int
    """The revision that the write has if it changes anything."""
    written: Written = field(default_factory=Written)

    def take(self, values: Values, old: Kept | None) -> Kept | None:
        """What to store where `old` is stored now; None where that stays as it is."""
        if old is None:
            self.written.inserted += 1
            return Kept(values, {"": list(self.origin)}, self.revision)
        after, provenance = merged(old.values, old.provenance, values, self.origin, self.replace)
        if after is not old.values:
            self.written.updated += 1
            return Kept(after, provenance, self.revision)
        self.written.unchanged += 1
        return None if provenance is old.provenance else Kept(after, provenance, old.revision)

    def finish(self) -> bool:
        """Whether anything changed; `written` then carries the new revision, else the one before."""
        changed = self.written.inserted > 0 or self.written.updated > 0
        self.written.revision = self.revision if changed else self.revision - 1
        return changed


def split_checked(
    catalogue: Catalogue, records: Iterable[Entity | Relation], replace: bool
) -> tuple[list[Entity], list[Relation]]:
    """The batch's entities and relations, each identity once: of two the later wins, field by field or whole."""
    entities: dict[tuple[str, str], Entity] = {}
    relations: dict[RelationKey, Relation] = {}
    for record in records:
        if isinstance(record, Entity):
            catalogue.entity(record.kind)
            if not record.id or "\0" in record.id:
                raise ValueRejectedError(f"{record.kind}: an id is a text of at least one character, without NUL")
            known = None if replace else entities.get((record.kind, record.id))
            entities[record.kind, record.id] = (
                record if known is None else record._replace(values=known.values | record.values)
            )
            continue
        identity = _checked(catalogue, record)
        old = None if replace else relations.get(identity)
        relations[identity] = record if old is None else record._replace(values=old.values | record.values)
    return list(entities.values()), list(relations.values())


def _checked(catalogue: Catalogue, relation: Relation) -> RelationKey:
    """The identity of a relation that may exist by its declaration."""
    kind = catalogue.relation(relation.kind)
    sources, targets = catalogue.ends(relation.kind)
    for end, valid in ((relation.source_kind, sources), (relation.target_kind, targets)):
        if end not in valid:
            raise ValueRejectedError(f"{relation.kind}: an end of kind {end!r}; valid: {', '.join(valid)}")
    if (relation.source_kind, relation.source) == (relation.target_kind, relation.target):
        raise ValueRejectedError(f"{relation.kind}: {relation.source!r} is related to itself", field="target")
    return relation.key(kind)


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


def origins(values: Values, provenance: Provenance) -> dict[str, Origin]:
    """Field → where its value came from."""
    default = provenance.get("", ["", ""])
    return {name: Origin(*provenance.get(name, default)) for name in values}


def merged_extension(stored: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Two kinds.json documents as one, the later checked by `Catalogue.extended`: what is named alike is joined."""
    merged = dict(stored)
    for key, entries in document.items():
        known = {entry.get("name"): entry for entry in stored.get(key, [])}
        for entry in entries:
            name = entry.get("name")
            known[name] = entry if key == "matches" else _joined(known.get(name, {}), entry)
        merged[key] = list(known.values())
    return merged


def _joined(known: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    fields = {declared["name"]: declared for declared in known.get("fields", [])}
    for declared in entry.get("fields", []):
        before = fields.get(declared["name"], {})
        fields[declared["name"]] = now = {**before, **declared}
        if before.get("access") == Access.REVEALED and now["access"] != Access.REVEALED:
            now["was_revealed"] = True  # what texts leave out rests on it
    return {**known, **entry, **({"fields": list(fields.values())} if fields else {})}
