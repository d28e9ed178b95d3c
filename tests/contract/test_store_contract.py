"""What every store does, the same on SQLite, PostgreSQL and Neo4j."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from graph.errors import DeclarationError, StoreError, UnknownNameError, ValueRejectedError
from graph.projection import build
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey
from graph.store import GraphStore, open_store
from tests.contract.conftest import BACKENDS

OLD, NEW = Origin("old.xlsx", "2022-01-01"), Origin("new.xlsx", "2024-01-01")
ROOT = Path(__file__).parents[2]

EXPERT = Entity("expert", "e1", {"name": "张三 Zhang", "tags": ["散热", "chips"], "title": "教授"})
FIRM = Entity("enterprise", "f1", {"name": "杭州某公司", "size": 120, "revenue": 1.5e8, "founded_year": 2001})
WORKED = Relation("collaborated", "expert", "e1", "enterprise", "f1", {"since": "2020-03", "topic": "热"})


def test_an_empty_store_has_nothing(store: GraphStore) -> None:
    assert store.revision() == 0
    assert store.counts() == {}
    assert store.get("expert", "nobody") is None
    assert store.provenance("expert", "nobody") == {}
    assert list(store.entities("expert")) == []
    assert list(store.changes_since(0)) == []


def test_what_is_written_is_read_back_with_its_types(store: GraphStore) -> None:
    values = {"name": "\U0001f600 名 ' \" \\ \n", "size": 2**53, "revenue": 1.0, "tags": ["b", "a", "b2"], "stage": "A"}
    store.upsert([Entity("enterprise", "行/1 '", values)], NEW)
    read = store.get("enterprise", "行/1 '")
    assert read is not None
    assert read.values == values
    assert {name: type(value) for name, value in read.values.items()} == {n: type(v) for n, v in values.items()}


def test_writing_again_changes_nothing(store: GraphStore) -> None:
    first = store.upsert([EXPERT, FIRM, WORKED], NEW)
    again = store.upsert([WORKED, FIRM, EXPERT], NEW)
    assert (first.inserted, first.revision) == (3, 1)
    assert (again.inserted, again.updated, again.unchanged, again.revision) == (0, 0, 3, 1)
    assert store.revision() == 1


def test_fields_merge_by_date(store: GraphStore) -> None:
    store.upsert([Entity("expert", "e1", {"title": "教授", "bio": "old"})], NEW)
    store.upsert([Entity("expert", "e1", {"title": "副教授", "tags": ["a"]})], OLD)
    read = store.get("expert", "e1")
    assert read is not None
    assert read.values == {"title": "教授", "bio": "old", "tags": ["a"]}
    assert store.provenance("expert", "e1") == {"title": NEW, "bio": NEW, "tags": OLD}
    store.upsert([Entity("expert", "e1", {"bio": "new"})], Origin("newer", "2025"))
    assert store.get("expert", "e1") == Entity("expert", "e1", {"title": "教授", "bio": "new", "tags": ["a"]})


def test_a_repeated_value_is_as_new_as_its_last_source(store: GraphStore) -> None:
    store.upsert([Entity("expert", "e1", {"title": "教授"})], OLD)
    assert store.upsert([Entity("expert", "e1", {"title": "教授"})], NEW).unchanged == 1
    store.upsert([Entity("expert", "e1", {"title": "讲师"})], Origin("between", "2023-01-01"))
    read = store.get("expert", "e1")
    assert read is not None
    assert read.values["title"] == "教授"
    assert store.revision() == 1


def test_replace_sets_exactly_the_given_values(store: GraphStore) -> None:
    store.upsert([EXPERT], NEW)
    written = store.upsert([Entity("expert", "e1", {"title": "讲师"})], OLD, replace=True)
    assert written.updated == 1
    assert store.get("expert", "e1") == Entity("expert", "e1", {"title": "讲师"})


def test_relations_need_both_ends(store: GraphStore) -> None:
    written = store.upsert([EXPERT, WORKED], NEW)
    assert written.dangling == [WORKED]
    assert list(store.relations("collaborated")) == []
    assert store.upsert([FIRM, WORKED], NEW).dangling == []
    assert list(store.relations("collaborated")) == [WORKED]


def test_identity_properties_tell_parallel_edges_apart(store: GraphStore) -> None:
    later = WORKED._replace(values={"since": "2021", "topic": "x"})
    undated = WORKED._replace(values={"topic": "y"})
    store.upsert([EXPERT, FIRM, WORKED, later, undated], NEW)
    store.upsert([WORKED._replace(values={"since": "2020-03", "topic": "changed"})], Origin("newer", "2025"))
    found = store.neighbours("expert", "e1")
    assert sorted(str(edge.values.get("topic")) for edge in found) == ["changed", "x", "y"]
    assert store.neighbours("enterprise", "f1", "collaborated") == found
    assert store.neighbours("enterprise", "f1", "supplies") == []


def test_deleting_an_entity_deletes_its_relations(store: GraphStore) -> None:
    store.upsert([EXPERT, FIRM, WORKED], NEW)
    assert store.delete([EntityKey("expert", "e1"), EntityKey("expert", "nobody")]) == 1
    assert store.get("expert", "e1") is None
    assert store.counts() == {"enterprise": 1}
    assert store.delete([EntityKey("expert", "e1")]) == 0
    assert store.revision() == 2
    store.upsert([EXPERT], OLD)
    assert store.get("expert", "e1") == EXPERT
    assert store.neighbours("expert", "e1") == []


def test_deleting_a_relation_leaves_its_ends(store: GraphStore) -> None:
    store.upsert([EXPERT, FIRM, WORKED], NEW)
    key = RelationKey("collaborated", "expert", "e1", "enterprise", "f1", '["2020-03"]')
    assert store.delete([key]) == 1
    assert store.counts() == {"expert": 1, "enterprise": 1}


def test_changes_since_tell_the_present_state_once(store: GraphStore) -> None:
    store.upsert([EXPERT, FIRM], NEW)
    store.upsert([WORKED], NEW)
    store.upsert([Entity("expert", "e1", {"bio": "x"})], NEW)
    changes = list(store.changes_since(1))
    assert [(c.revision, c.key[0]) for c in changes] == [(2, "collaborated"), (3, "expert")]
    store.delete([EntityKey("expert", "e1")])
    gone = list(store.changes_since(3))
    assert {(c.revision, c.key[0], c.record) for c in gone} == {(4, "expert", None), (4, "collaborated", None)}
    assert list(store.changes_since(4)) == []


def test_a_batch_is_checked_before_anything_is_written(store: GraphStore) -> None:
    with pytest.raises(UnknownNameError, match=r"valid: .*expert"):
        store.upsert([EXPERT, Entity("wizard", "w", {})], NEW)
    loop = Relation("supplies", "enterprise", "f1", "enterprise", "f1", {})
    with pytest.raises(ValueRejectedError, match="related to itself"):
        store.upsert([FIRM, loop], NEW)
    with pytest.raises(ValueRejectedError, match="valid: fund"):
        store.upsert([FIRM, EXPERT, Relation("invested", "expert", "e1", "enterprise", "f1", {})], NEW)
    assert store.counts() == {}
    assert store.revision() == 0


PERSON: dict[str, Any] = {
    "entities": [
        {
            "name": "lab_person",
            "labels": {"en": "person", "zh": "人"},
            "fields": [{"name": "age", "type": "number", "access": "public", "labels": {"en": "age", "zh": "年龄"}}],
        }
    ]
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_adopted_kinds_stay(backend: str, fresh: Callable[[str], str]) -> None:
    url = fresh(backend)
    with open_store(url) as store:
        store.adopt(PERSON)
        store.adopt(PERSON)
        store.upsert([Entity("lab_person", "p", {"age": 20.0})], NEW)
        with pytest.raises(DeclarationError, match="loosened"):
            store.adopt({"entities": [{"name": "expert", "fields": [{"name": "name", "access": "public"}]}]})
    with open_store(url) as store:
        assert "lab_person" in store.catalogue.entities
        assert list(store.entities("lab_person")) == [Entity("lab_person", "p", {"age": 20.0})]
        assert store.extension() == PERSON


def test_streams_are_whole(store: GraphStore) -> None:
    people = [Entity("expert", f"e{n:05}", {"bio": "x" * (n % 50), "tags": [str(n)]}) for n in range(6_000)]
    for at in range(0, len(people), 2_000):
        store.upsert(people[at : at + 2_000], NEW)
    assert sorted(store.entities("expert")) == people
    assert store.existing("expert", ["e00001", "x"]) == {"e00001"}


WRITER = """
import sys
from graph.records import Entity, Origin
from graph.store import open_store
with open_store(sys.argv[1]) as store:
    for n in range(40):
        name = f"{sys.argv[2]}{n}"
        both = [Entity("expert", name, {"bio": "x"}), Entity("expert", "both", {"bio": name})]
        store.upsert(both, Origin("w", "2024"))
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_processes_write_at_once(backend: str, fresh: Callable[[str], str]) -> None:
    url = fresh(backend)
    open_store(url).close()
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, name], cwd=ROOT) for name in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    with open_store(url) as store:
        assert store.counts() == {"expert": 81}
        assert store.revision() == 80


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://x/y", "valid: sqlite"),
        ("sqlite:////nowhere/at/all/graph.db", "does not exist"),
        ("sqlite://", "needs a file"),
        ("postgresql://u:secret-word@127.0.0.1:1/x", "does not answer"),
        ("bolt://u:secret-word@127.0.0.1:1", "does not answer"),
    ],
)
def test_a_wrong_address_is_told_without_the_password(url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        open_store(url)
    assert "secret-word" not in str(caught.value)


def test_files_that_are_no_store_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(StoreError, match="there is no store"):
        open_store(f"sqlite:///{tmp_path / 'y.db'}", create=False)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_store_of_another_schema_is_refused(
    backend: str, fresh: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fresh(backend)
    open_store(url).close()
    monkeypatch.setattr("graph.store.port.SCHEMA_VERSION", 2)
    with pytest.raises(StoreError, match="schema version 1, this program reads 2"):
        open_store(url)


IDS = st.sampled_from(["a", "b", "c"])
VALUES = st.fixed_dictionaries({}, optional={"bio": st.sampled_from(["x", "中"]), "tags": st.just(["t", "u"])})
ORIGINS = st.sampled_from([OLD, NEW])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, VALUES, ORIGINS, st.booleans()),
        st.tuples(st.just("tie"), IDS, IDS, st.sampled_from(["2020", "2021", ""]), ORIGINS),
        st.tuples(st.just("drop"), IDS),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_after_the_same_operations_every_store_gives_the_same_projection(
    steps: list[tuple[Any, ...]], fresh: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    prints, contents = set(), []
    for backend in BACKENDS:
        with open_store(fresh(backend)) as store:
            for step in steps:
                _apply(store, step)
            contents.append(
                (store.revision(), sorted(store.entities("enterprise")), sorted(map(str, store.relations("holds"))))
            )
            prints.add(build(store, tmp_path_factory.mktemp("p") / "projection").fingerprint)
    assert contents[0] == contents[1] == contents[2]
    assert len(prints) == 1


def _apply(store: GraphStore, step: tuple[Any, ...]) -> None:
    if step[0] == "put":
        values = {"business_scope" if name == "bio" else name: value for name, value in step[2].items()}
        store.upsert([Entity("enterprise", step[1], values)], step[3], replace=step[4])
    elif step[0] == "tie" and step[1] != step[2]:
        since = {"since": step[3]} if step[3] else {}
        store.upsert([Relation("holds", "enterprise", step[1], "enterprise", step[2], since)], step[4])
    elif step[0] == "drop":
        store.delete([EntityKey("enterprise", step[1])])
