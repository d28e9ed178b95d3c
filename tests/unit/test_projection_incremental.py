"""A projection that grew by small builds is the one that a single full build gives, array by array."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray


from graph.projection import Projection, build
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey, identity_key
from tests.unit.projection_memory import MemoryStore

KINDS = ("expert", "institution", "enterprise", "publication", "need")
IDS = ("a", "b", "B", "é", "钱", "a0", "😀", "")
LABELS = st.sampled_from(["纳米", "nano", "光学", "Zebra", "x"])
DATES = st.sampled_from(["2020", "2020-07", "2021-03-15"])
ENDS = {
    "employed_by": (("expert",), ("institution", "enterprise")),
    "authored": (("expert",), ("publication",)),
    "posted": (("enterprise", "institution"), ("need",)),
    "cites": (("publication",), ("publication",)),
    "supplies": (("enterprise",), ("enterprise",)),
    "same_as": (KINDS, KINDS),
}


def _values(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return {
        "expert": st.fixed_dictionaries(
            {}, optional={"name": st.sampled_from(["张三", "李四"]), "tags": st.lists(LABELS, min_size=1), "bio": LABELS}
        ),
        "institution": st.fixed_dictionaries({}, optional={"region": LABELS, "institution_type": LABELS}),
        "enterprise": st.fixed_dictionaries({}, optional={"stage": LABELS, "founded_year": st.integers(1990, 2020)}),
        "publication": st.fixed_dictionaries({}, optional={"year": st.integers(1990, 1995), "keywords": st.lists(LABELS, min_size=1)}),
        "need": st.fixed_dictionaries({}, optional={"title": LABELS, "deadline": DATES, "budget": st.floats(0, 1e6)}),
        "employed_by": st.fixed_dictionaries({}, optional={"since": DATES, "until": DATES}),
        "authored": st.fixed_dictionaries({}, optional={"position": st.integers(1, 9)}),
        "supplies": st.fixed_dictionaries({}, optional={"since": DATES}),
        "posted": st.fixed_dictionaries({}, optional={"date": DATES}),
    }.get(kind, st.just({}))


@st.composite
def _entity(draw: st.DrawFn) -> Entity:
    kind = draw(st.sampled_from(KINDS))
    return Entity(kind, draw(st.sampled_from(IDS)), draw(_values(kind)))


@st.composite
def _relation(draw: st.DrawFn, *, kinds: tuple[str, ...]) -> Relation:
    kind = draw(st.sampled_from(kinds))
    source_kind = draw(st.sampled_from(ENDS[kind][0]))
    target_kind = draw(st.sampled_from((source_kind,) if kind == "same_as" else ENDS[kind][1]))
    source, target = draw(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)).filter(lambda ends: ends[0] != ends[1]))
    return Relation(kind, source_kind, source, target_kind, target, draw(_values(kind)))


PLAIN = ("employed_by", "authored", "posted", "cites", "supplies")
WRITES = st.lists(st.one_of(_entity(), _entity(), _relation(kinds=PLAIN), _relation(kinds=tuple(ENDS))), max_size=12)
DELETES = st.lists(st.integers(0, 1000), max_size=3)
ROUNDS = st.lists(st.tuples(WRITES, DELETES), min_size=2, max_size=6)


def _delete(store: MemoryStore, numbers: list[int]) -> None:
    keys: list[EntityKey | RelationKey] = [EntityKey(e.kind, e.id) for kind in KINDS for e in store.entities(kind)]
    for kind in ENDS:
        declared = store.catalogue.relation(kind)
        keys += [RelationKey(*r[:5], identity_key(declared, r.values)) for r in store.relations(kind)]
    store.delete([keys[number % len(keys)] for number in numbers if keys])


def contents(projection: Projection) -> dict[str, NDArray[Any]]:
    """Every array of a projection by what it is, not by the file that it is in."""
    found = {}
    for kind, entry in projection.manifest.kinds.items():
        found |= {f"{kind} {name}": array for name, array in projection.parts[entry.stored].arrays.items()}
        found |= {f"{kind} seen {name}": array for name, array in projection.parts[entry.table].arrays.items()}
    for group in projection.manifest.groups:
        key = f"{group.relation} {group.source} {group.target}"
        for file in (group.stored_rows, group.stored_records, group.rows, group.records):
            place = [group.stored_rows, group.stored_records].count(file)
            if file is not None:
                found |= {f"{key} {place} {name}": array for name, array in projection.parts[file].arrays.items()}
    return found


def assert_same(left: Projection, right: Projection) -> None:
    assert left.fingerprint == right.fingerprint
    ours, theirs = contents(left), contents(right)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype, name
        np.testing.assert_array_equal(array, theirs[name], name)


@settings(max_examples=150, deadline=None)
@given(ROUNDS)
def test_small_builds_equal_a_full_one(rounds: list[tuple[list[Entity | Relation], list[int]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        store = MemoryStore()
        for at, (writes, deletes) in enumerate(rounds):
            store.upsert(writes, Origin("test", "2024"), replace=at % 2 == 0)
            _delete(store, deletes)
            grown = build(store, Path(name) / "grown")
            whole = build(store, Path(name) / "whole", full=True)
            assert_same(grown, whole)
            assert grown.revision == store.revision()
