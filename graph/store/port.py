"""The GraphStore port: final templates that hold the rules, abstract methods that a backend fills in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self, final

from graph.errors import StoreError
from graph.kinds import BUILTIN
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey
from graph.schema import Catalogue
from graph.store.merge import Written, merged_extension, split_checked

SCHEMA_VERSION = 2
"""Version of what the backends write; a store of another version is refused."""

BATCH = 2_000
"""Records per transaction: what a crash can lose was never acknowledged."""


class Change(NamedTuple):
    """One record as it stands after a revision; `record` is None where it was deleted."""

    revision: int
    key: EntityKey | RelationKey
    record: Entity | Relation | None


class GraphStore(ABC):
    """System of record of the graph.

    Every write is one transaction that raises the revision by one if anything changed, and is durable when the call
    returns. Records are merged field by field: a field is replaced when the new origin's date is not older than the
    stored field's, and kept otherwise; a field that a record does not carry stays as it is. An unknown kind raises
    UnknownNameError in every method. One store may be shared by threads; each stream belongs to one.
    """

    url: str
    """Address without a password, for messages."""

    catalogue: Catalogue
    """The built-in catalogue with the kinds that this store adopted."""

    # -- final templates -------------------------------------------------------------------------------------------

    @final
    def upsert(self, records: Iterable[Entity | Relation], origin: Origin, *, replace: bool = False) -> Written:
        """Write one batch in one transaction, entities before relations.

        `replace` sets each record to exactly the given values (newer or not) instead of merging. A relation whose end
        is neither stored nor in the batch comes back in `dangling`; unknown kinds raise UnknownNameError, a
        self-loop or an end of a wrong kind ValueRejectedError, before anything is written.
        """
        entities, relations = split_checked(self.catalogue, records, replace)
        return self._upsert(entities, relations, origin, replace)

    @final
    def adopt(self, document: Mapping[str, Any]) -> Catalogue:
        """Extend the store's catalogue by a kinds.json document, for good; idempotent. Raises DeclarationError."""
        while True:
            before = self._read_extension()
            catalogue = BUILTIN.extended(before).extended(document)
            extension = merged_extension(before, document)
            if self._write_extension(before, extension, catalogue):
                self.catalogue = catalogue
                return catalogue

    @final
    def extension(self) -> dict[str, Any]:
        """The kinds.json document of all that was adopted; `{}` where nothing was."""
        return self._read_extension()

    @final
    def _check_schema(self, found: object) -> None:
        """Refuse a store whose schema version is another than ours."""
        if str(found) == str(SCHEMA_VERSION):
            return
        newer = str(found).isdigit() and int(str(found)) > SCHEMA_VERSION
        advice = (
            "install the newer program that wrote it"
            if newer
            else ("export it with the program that wrote it and ingest the export into a new store")
        )
        raise StoreError(
            f"store {self.url} has schema version {found}, this program reads {SCHEMA_VERSION}: {advice}", field="store"
        )

    @final
    def __enter__(self) -> Self:
        return self

    @final
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what a backend provides ------------------------------------------------------------------------------------

    @abstractmethod
    def _upsert(
        self, entities: Sequence[Entity], relations: Sequence[Relation], origin: Origin, replace: bool
    ) -> Written:
        """Merge and write in one transaction; the batch is checked and has no duplicate identity."""

    @abstractmethod
    def _read_extension(self) -> dict[str, Any]:
        """The adopted kinds.json document, `{}` at first."""

    @abstractmethod
    def _write_extension(self, before: Mapping[str, Any], after: Mapping[str, Any], catalogue: Catalogue) -> bool:
        """Keep the document `after` and make what its kinds need; False where `before` is not the one kept now."""

    @abstractmethod
    def delete(self, keys: Collection[EntityKey | RelationKey]) -> int:
        """Delete in one transaction, an entity with its relations; how many of `keys` existed, each counted once."""

    @abstractmethod
    def get(self, kind: str, id: str) -> Entity | None:
        """One entity, or None."""

    @abstractmethod
    def existing(self, kind: str, ids: Sequence[str]) -> set[str]:
        """Which of the ids exist in a kind."""

    @abstractmethod
    def provenance(self, kind: str, id: str) -> dict[str, Origin]:
        """Field → where its value came from; `{}` for an absent entity."""

    @abstractmethod
    def entities(self, kind: str) -> Iterator[Entity]:
        """Every entity of a kind, streamed, in no particular order."""

    @abstractmethod
    def relations(self, kind: str) -> Iterator[Relation]:
        """Every relation of a kind, streamed, in no particular order."""

    @abstractmethod
    def neighbours(self, kind: str, id: str, relation: str | None = None) -> list[Relation]:
        """The relations that touch an entity, of one kind or all, sorted by identity."""

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Kind → how many entities or relations there are; kinds with none are absent."""

    @abstractmethod
    def revision(self) -> int:
        """The number of the last write that changed anything; 0 for an empty store."""

    @abstractmethod
    def stamp(self, revision: int) -> str:
        """What tells a revision from the same number in another history, as of a backup that came back; random.

        Empty for 0, and for a revision that this store never had.
        """

    @abstractmethod
    def changes_since(self, revision: int) -> Iterator[Change]:
        """The records that changed after `revision`, each once in its present state, by revision."""

    @abstractmethod
    def close(self) -> None:
        """Give connections back; the store is not usable afterwards."""
