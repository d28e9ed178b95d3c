"""The rules of a store in plain dictionaries, and random operations on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from graph.kinds import BUILTIN
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey, Values
from graph.store import GraphStore


@dataclass(frozen=True)
class Put:
    """An upsert of one batch."""

    records: tuple[Entity | Relation, ...]
    origin: Origin
    replace: bool


@dataclass(frozen=True)
class Drop:
    """A deletion."""

    keys: tuple[EntityKey | RelationKey, ...]


Step = Put | Drop
Key = EntityKey | RelationKey


def key_of(record: Entity | Relation) -> Key:
    """The identity of a record."""
    if isinstance(record, Entity):
        return EntityKey(record.kind, record.id)
    return record.key(BUILTIN.relation(record.kind))


@dataclass
class Model:
    """What a store must hold."""

    values: dict[Key, Values] = field(default_factory=dict)
    dates: dict[Key, dict[str, Origin]] = field(default_factory=dict)
    revision: int = 0
    changed: dict[Key, int] = field(default_factory=dict)
    """Key → revision of its last change or deletion."""

    def apply(self, step: Step) -> None:
        before = {key: dict(values) for key, values in self.values.items()}
        if isinstance(step, Put):
            for record in (r for wanted in (Entity, Relation) for r in step.records if isinstance(r, wanted)):
                self._put(record, step.origin, step.replace)
        else:
            for key in step.keys:
                self._drop(key)
        changed = {key for key in {*before, *self.values} if before.get(key) != self.values.get(key)}
        if changed:
            self.revision += 1
            self.changed |= dict.fromkeys(changed, self.revision)

    def _put(self, record: Entity | Relation, origin: Origin, replace: bool) -> None:
        key = key_of(record)
        if isinstance(key, RelationKey):
            ends = EntityKey(key.source_kind, key.source), EntityKey(key.target_kind, key.target)
            if not all(end in self.values for end in ends):
                return
        values, dates = self.values.setdefault(key, {}), self.dates.setdefault(key, {})
        if replace:
            if values != record.values:
                self.values[key] = dict(record.values)
                self.dates[key] = dict.fromkeys(record.values, origin)
            return
        for name, value in record.values.items():
            newer = name not in values or origin.date > dates[name].date
            if newer or (origin.date == dates[name].date and values[name] != value):
                values[name], dates[name] = value, origin

    def _drop(self, key: Key) -> None:
        gone = {key}
        if isinstance(key, EntityKey):
            gone |= {k for k in self.values if isinstance(k, RelationKey) and key in (k[1:3], k[3:5])}
        for one in gone:
            self.values.pop(one, None)
            self.dates.pop(one, None)


def apply(store: GraphStore, steps: Iterable[Step]) -> None:
    """Do the steps on a store."""
    for step in steps:
        if isinstance(step, Put):
            store.upsert(step.records, step.origin, replace=step.replace)
        else:
            store.delete(step.keys)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_IDS = st.sampled_from(["a", "b", "\u4e2d", "B'\""])
_ORIGINS = st.builds(Origin, st.sampled_from(["x.csv", "y.csv"]), st.sampled_from(["2022", "2023-05", "2024-01-01"]))


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Values]:
    return st.fixed_dictionaries({}, optional=fields)


_FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)  # no -0.0: Neo4j keeps 0.0
_ENTERPRISE = _optional(
    name=_TEXT,
    size=st.integers(-(2**63), 2**63 - 1),
    revenue=_FLOATS,
    tags=st.lists(_TEXT, max_size=3),
)
_FUND = _optional(strategy=_TEXT, ticket_min=st.sampled_from([0.0, 1.0, 1e300, 5e-324]))
_HOLDS = _optional(since=st.sampled_from(["2020", "2021"]), share=st.floats(0, 1).map(abs))
_ENTITY = st.one_of(
    st.builds(Entity, st.just("enterprise"), _IDS, _ENTERPRISE), st.builds(Entity, st.just("fund"), _IDS, _FUND)
)
_TARGET = st.just("enterprise")
_RELATION: st.SearchStrategy[Relation] = st.builds(
    Relation, st.just("holds"), st.sampled_from(["enterprise", "fund"]), _IDS, _TARGET, _IDS, _HOLDS
).filter(lambda relation: relation[1:3] != relation[3:5])
_RECORD = st.one_of(_ENTITY, _RELATION)


def steps() -> st.SearchStrategy[list[Step]]:
    """Random operations on few identities, so that they meet."""
    put = st.builds(Put, st.lists(_RECORD, max_size=6, unique_by=key_of).map(tuple), _ORIGINS, st.booleans())
    drop = st.builds(Drop, st.lists(_RECORD.map(key_of), max_size=3).map(tuple))
    return st.lists(st.one_of(put, put, put, drop), min_size=1, max_size=10)
