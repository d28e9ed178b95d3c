"""Random operations give in every store what they give in plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from hypothesis import HealthCheck, given, settings

from graph.records import Entity, EntityKey, Relation, RelationKey
from graph.store import GraphStore, open_store
from tests.contract.conftest import BACKENDS
from tests.contract.model import Key, Model, Step, apply, key_of, steps


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(steps=steps())
def test_random_operations(steps: list[Step], fresh: Callable[[str], str]) -> None:
    model = Model()
    middle = 0
    for number, step in enumerate(steps):
        model.apply(step)
        if number == len(steps) // 2:
            middle = model.revision
    for backend in BACKENDS:
        with open_store(fresh(backend)) as store:
            apply(store, steps)
            assert store.revision() == model.revision
            _same_records(store, model)
            _same_changes(store, model, 0)
            _same_changes(store, model, middle)


def _same_records(store: GraphStore, model: Model) -> None:
    records: list[Entity | Relation] = [*store.entities("enterprise"), *store.entities("fund")]
    records += store.relations("holds")
    assert len(records) == len(model.values)
    for record in records:
        # As JSON, which tells 1 from 1.0 and -0.0 from 0.0.
        assert _json(record.values) == _json(model.values[key_of(record)])
        if isinstance(record, Entity):
            assert store.get(record.kind, record.id) == record
            assert store.provenance(record.kind, record.id) == model.dates[key_of(record)]
            touching = [key for key in model.values if _touches(key, record)]
            assert [key_of(edge) for edge in store.neighbours(record.kind, record.id)] == sorted(touching)


def _touches(key: Key, entity: Entity) -> bool:
    return isinstance(key, RelationKey) and entity[:2] in (key[1:3], key[3:5])


def _same_changes(store: GraphStore, model: Model, since: int) -> None:
    expected = {key: revision for key, revision in model.changed.items() if revision > since}
    changes = list(store.changes_since(since))
    assert {change.key: change.revision for change in changes} == expected
    assert len(changes) == len(expected)
    assert [change.revision for change in changes] == sorted(expected.values())
    for change in changes:
        assert isinstance(change.key, EntityKey | RelationKey)
        values = None if change.record is None else change.record.values
        assert values == model.values.get(change.key)


def _json(values: object) -> bytes:
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
