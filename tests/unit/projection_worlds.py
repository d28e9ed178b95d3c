"""Small random graphs for tests of the projection, and comparing two projections array by array."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from graph.projection import Projection
from graph.records import Entity, EntityKey, Relation, RelationKey
from graph.store import GraphStore

KINDS = ("expert", "institution", "enterprise", "publication", "need")
IDS = ("a", "b", "B", "é", "钱", "a0", "😀", "!")
ENDS = {
    "employed_by": (("expert",), ("institution", "enterprise")),
    "authored": (("expert",), ("publication",)),
    "posted": (("enterprise", "institution"), ("need",)),
    "cites": (("publication",), ("publication",)),
    "supplies": (("enterprise",), ("enterprise",)),
    "same_as": (KINDS, KINDS),
}
PLAIN = tuple(name for name in ENDS if name != "same_as")

_LABELS = st.sampled_from(["纳米", "nano", "光学", "Zebra", "x"])
_LISTS = st.lists(_LABELS, min_size=1, max_size=4)
_DATES = st.sampled_from(["2020", "2020-07", "2021-03-15"])
_YEARS = st.integers(1990, 1995)
_FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "expert": {"name": st.sampled_from(["张三", "李四"]), "tags": _LISTS, "bio": _LABELS},
    "institution": {"region": _LABELS, "institution_type": _LABELS},
    "enterprise": {"stage": _LABELS, "founded_year": _YEARS},
    "publication": {"year": _YEARS, "keywords": _LISTS},
    "need": {"title": _LABELS, "deadline": _DATES, "budget": st.floats(0, 1e6)},
    "employed_by": {"since": _DATES, "until": _DATES},
    "authored": {"position": st.integers(1, 9)},
    "posted": {"date": _DATES},
    "cites": {},
    "supplies": {"since": _DATES},
    "same_as": {"score": st.floats(0, 1)},
}


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder where nothing waits for the disk: for tests that build hundreds of projections."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda descriptor: None)
        yield Path(name)


def _values(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=_FIELDS[kind])


@st.composite
def entities(draw: st.DrawFn) -> Entity:
    kind = draw(st.sampled_from(KINDS))
    return Entity(kind, draw(st.sampled_from(IDS)), draw(_values(kind)))


@st.composite
def relations(draw: st.DrawFn, kinds: tuple[str, ...] = PLAIN) -> Relation:
    kind = draw(st.sampled_from(kinds))
    source_kind = draw(st.sampled_from(ENDS[kind][0]))
    target_kind = draw(st.sampled_from((source_kind,) if kind == "same_as" else ENDS[kind][1]))
    source = draw(st.sampled_from(IDS))
    target = draw(st.sampled_from([id for id in IDS if id != source]))
    return Relation(kind, source_kind, source, target_kind, target, draw(_values(kind)))


@st.composite
def graphs(draw: st.DrawFn, *, duplicates: bool = False) -> list[Entity | Relation]:
    """Entities and relations (few of them dangling); with `duplicates` also same_as edges."""
    edges = draw(st.lists(relations(("same_as", *PLAIN) if duplicates else PLAIN), max_size=15))
    ends = {end: None for edge in edges for end in ((edge.source_kind, edge.source), (edge.target_kind, edge.target))}
    absent = draw(st.sets(st.sampled_from(list(ends)), max_size=2)) if ends else set()
    plain = [Entity(*end, {}) for end in ends if end not in absent]
    return [*plain, *draw(st.lists(entities(), max_size=15)), *edges]


def keys_in(store: GraphStore) -> list[EntityKey | RelationKey]:
    """The identity of everything that a store holds."""
    keys: list[EntityKey | RelationKey] = [EntityKey(e.kind, e.id) for kind in KINDS for e in store.entities(kind)]
    for kind in ENDS:
        declared = store.catalogue.relation(kind)
        keys += [r.key(declared) for r in store.relations(kind)]
    return sorted(keys)


def contents(projection: Projection) -> dict[str, NDArray[Any]]:
    """Every array of a projection by what it is, not by the file that it is in."""
    files: dict[str, str | None] = {}
    for kind, entry in projection.manifest.kinds.items():
        files |= {f"{kind} stored": entry.stored, f"{kind} seen": entry.table}
    for group in projection.manifest.groups:
        key = f"{group.relation} {group.source} {group.target}"
        files |= {f"{key} stored rows": group.stored_rows, f"{key} stored records": group.stored_records}
        files |= {f"{key} seen rows": group.rows, f"{key} seen records": group.records}
    return {
        f"{what}: {name}": array
        for what, file in files.items()
        if file is not None
        for name, array in projection.parts[file].arrays.items()
    }


def assert_same(left: Projection, right: Projection) -> None:
    """Both hold the same, to the last bit."""
    assert left.fingerprint == right.fingerprint
    ours, theirs = contents(left), contents(right)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype, name
        np.testing.assert_array_equal(array, theirs[name], name)
