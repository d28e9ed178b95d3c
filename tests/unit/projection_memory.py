"""A store in memory: the port's rules and nothing else, as a double for tests of what reads stores."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from graph.kinds import BUILTIN
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey
from graph.schema import Catalogue
from graph.store import Change, GraphStore, Written
from graph.store.merge import Provenance, merged

Key = EntityKey | RelationKey


class MemoryStore(GraphStore):
    """Keeps everything in dictionaries; streams newest first, so that nobody relies on an order."""

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        self.catalogue = BUILTIN
        self._extension: dict[str, Any] = {}
        self._records: dict[Key, Entity | Relation] = {}
        self._origins: dict[Key, Provenance] = {}
        self._revisions: dict[Key, int] = {}
        self._revision = 0
        self._stamps: dict[int, str] = {}

    def _key(self, record: Entity | Relation) -> Key:
        if isinstance(record, Entity):
            return EntityKey(record.kind, record.id)
        return record.key(self.catalogue.relation(record.kind))

    def _upsert(
        self, entities: Sequence[Entity], relations: Sequence[Relation], origin: Origin, replace: bool
    ) -> Written:
        written = Written()
        changed: list[Key] = []
        records: list[Entity | Relation] = [*entities, *relations]
        for record in records:
            if (
                isinstance(record, Relation)
                and not {
                    EntityKey(record.source_kind, record.source),
                    EntityKey(record.target_kind, record.target),
                }
                <= self._records.keys()
            ):
                written.dangling.append(record)
                continue
            key = self._key(record)
            old = self._records.get(key)
            stored = old.values if old is not None else {}
            values, self._origins[key] = merged(stored, self._origins.get(key, {}), record.values, origin, replace)
            if old is not None and values == stored:
                written.unchanged += 1
                continue
            written.inserted += old is None
            written.updated += old is not None
            self._records[key] = record._replace(values=values)
            changed.append(key)
        self._touch(changed)
        written.revision = self._revision
        return written

    def _touch(self, keys: Collection[Key]) -> None:
        if keys:
            self._revision += 1
            self._stamps[self._revision] = secrets.token_hex(8)
            self._revisions |= dict.fromkeys(keys, self._revision)

    def _read_extension(self) -> dict[str, Any]:
        return self._extension

    def _write_extension(self, before: Mapping[str, Any], after: Mapping[str, Any], catalogue: Catalogue) -> bool:
        self._extension = dict(after)
        return True

    def delete(self, keys: Collection[Key]) -> int:
        gone = [key for key in keys if key in self._records]
        edges = [
            relation
            for key in gone
            if isinstance(key, EntityKey)
            for relation in self._records
            if isinstance(relation, RelationKey) and key in (relation[1:3], relation[3:5])
        ]
        for key in {*gone, *edges}:
            del self._records[key], self._origins[key]
        self._touch({*gone, *edges})
        return len(gone)

    def get(self, kind: str, id: str) -> Entity | None:
        record = self._records.get(EntityKey(kind, id))
        return record if isinstance(record, Entity) else None

    def existing(self, kind: str, ids: Sequence[str]) -> set[str]:
        return {id for id in ids if EntityKey(kind, id) in self._records}

    def provenance(self, kind: str, id: str) -> dict[str, Origin]:
        return {name: Origin(*origin) for name, origin in self._origins.get(EntityKey(kind, id), {}).items()}

    def entities(self, kind: str) -> Iterator[Entity]:
        for record in reversed(list(self._records.values())):
            if isinstance(record, Entity) and record.kind == kind:
                yield record

    def relations(self, kind: str) -> Iterator[Relation]:
        for record in reversed(list(self._records.values())):
            if isinstance(record, Relation) and record.kind == kind:
                yield record

    def neighbours(self, kind: str, id: str, relation: str | None = None) -> list[Relation]:
        return [
            record
            for _, record in sorted(self._records.items())
            if isinstance(record, Relation)
            and relation in (None, record.kind)
            and (kind, id) in (record[1:3], record[3:5])
        ]

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for key in self._records:
            counts[key.kind] = counts.get(key.kind, 0) + 1
        return counts

    def revision(self) -> int:
        return self._revision

    def stamp(self, revision: int) -> str:
        return self._stamps.get(revision, "")

    def changes_since(self, revision: int) -> Iterator[Change]:
        for key, changed in sorted(self._revisions.items(), key=lambda item: item[1]):
            if changed > revision:
                yield Change(changed, key, self._records.get(key))

    def close(self) -> None:
        self._records.clear()
