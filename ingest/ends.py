"""Which kind an end of a relation is of, where its row does not say: the one kind that has the id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from graph.errors import ValueRejectedError
from graph.records import Relation
from graph.schema import Catalogue

Existing = Callable[[str, Sequence[str]], set[str]]
"""(kind, ids) → those ids that exist."""


class Ends:
    """Where the open ends of a batch of relations exist."""

    def __init__(self, catalogue: Catalogue, relations: Iterable[Relation], existing: Existing) -> None:
        self._catalogue = catalogue
        wanted: dict[str, set[str]] = {}
        for relation in relations:
            for given, id, kinds in self._ends(relation):
                for kind in kinds if not given else ():
                    wanted.setdefault(kind, set()).add(id)
        self._present = {kind: existing(kind, sorted(ids)) for kind, ids in wanted.items()}

    def _ends(self, relation: Relation) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        sources, targets = self._catalogue.ends(relation.kind)
        return (relation.source_kind, relation.source, sources), (relation.target_kind, relation.target, targets)

    def closed(self, relation: Relation) -> Relation:
        """The relation with the kinds of both ends; ValueRejectedError where one is unknown, or both ends are one."""
        kinds = [
            given or self._only(name, id, kinds)
            for name, (given, id, kinds) in zip(("source", "target"), self._ends(relation), strict=True)
        ]
        closed = relation._replace(source_kind=kinds[0], target_kind=kinds[1])
        if closed[1:3] == closed[3:5]:
            raise ValueRejectedError(f"field 'target': {closed.target!r} is related to itself", field="target")
        return closed

    def _only(self, name: str, id: str, kinds: tuple[str, ...]) -> str:
        having = [kind for kind in kinds if id in self._present[kind]]
        if not having:
            raise ValueRejectedError(f"field {name!r}: there is no {' or '.join(kinds)} {id!r}", field=name)
        if len(having) > 1:
            raise ValueRejectedError(
                f"field {name!r}: {id!r} exists as {' and '.join(having)}; add `{name}_kind`", field=name
            )
        return having[0]
