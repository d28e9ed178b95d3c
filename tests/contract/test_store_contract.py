"""What every store does, the same on SQLite, PostgreSQL and Neo4j."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from graph.errors import DeclarationError, UnknownNameError, ValueRejectedError
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey
from graph.store import GraphStore, open_store
from tests.contract.conftest import BACKENDS

OLD, NEW = Origin("old.xlsx", "2022-01-01"), Origin("new.xlsx", "2024-01-01")

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


def test_every_revision_has_a_stamp_of_its_own_that_stays(store: GraphStore) -> None:
    assert store.stamp(0) == store.stamp(1) == ""
    for number in range(3):
        store.upsert([Entity("expert", f"stamped-{number}", {"bio": "x"})], OLD)
    last = store.revision()
    stamps = [store.stamp(revision) for revision in range(1, last + 1)]
    assert all(stamps) and len(set(stamps)) == last
    store.delete([EntityKey("expert", "stamped-0")])
    assert store.stamp(last + 1) and [store.stamp(revision) for revision in range(1, last + 1)] == stamps
    assert store.stamp(last + 2) == ""


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
        with pytest.raises(DeclarationError, match="kind 'lab_person' exists"):
            store.adopt({"entities": [{**PERSON["entities"][0], "public_record": True}]})
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


def test_unknown_kinds_are_told_everywhere(store: GraphStore) -> None:
    key = RelationKey("bewitched", "expert", "e1", "enterprise", "f1", "[]")
    calls: list[Callable[[], object]] = [
        lambda: store.get("wizard", "w"),
        lambda: store.existing("wizard", ["w"]),
        lambda: store.provenance("wizard", "w"),
        lambda: list(store.entities("wizard")),
        lambda: list(store.relations("bewitched")),
        lambda: store.neighbours("wizard", "w"),
        lambda: store.neighbours("expert", "e1", "bewitched"),
        lambda: store.delete([EntityKey("wizard", "w")]),
        lambda: store.delete([key]),
    ]
    for call in calls:
        with pytest.raises(UnknownNameError, match="valid: "):
            call()


def test_of_two_records_of_one_identity_in_a_batch_the_later_wins(store: GraphStore) -> None:
    first, second = Entity("expert", "e", {"title": "教授", "bio": "x"}), Entity("expert", "e", {"title": "讲师"})
    store.upsert([first, second], NEW)
    assert store.get("expert", "e") == Entity("expert", "e", {"title": "讲师", "bio": "x"})
    store.upsert([first, second], OLD, replace=True)
    assert store.get("expert", "e") == second


def test_a_large_value_and_a_large_batch_go_through(store: GraphStore) -> None:
    large = Entity("enterprise", "f", {"business_scope": "研发 " * 400_000})
    store.upsert([large], NEW)
    assert store.get("enterprise", "f") == large
    people = [Entity("expert", f"e{n}", {"tags": [str(n)]}) for n in range(10_000)]
    ties = [Relation("collaborated", "expert", person.id, "enterprise", "f", {}) for person in people]
    assert store.upsert([*people, *ties], NEW).inserted == 20_000
    assert len(store.neighbours("enterprise", "f")) == 10_000
    assert store.delete([EntityKey("enterprise", "f")]) == 1
    assert store.counts() == {"expert": 10_000}
    assert len(list(store.changes_since(2))) == 10_001


@pytest.mark.parametrize("values", [{"size": 2**70}, {"name": "\ud800"}])
def test_what_no_store_can_keep_is_a_rejected_value(store: GraphStore, values: dict[str, Any]) -> None:
    with pytest.raises(ValueRejectedError, match="cannot be stored"):
        store.upsert([FIRM, Entity("enterprise", "f2", values)], NEW)
    assert store.counts() == {}


def test_half_a_character_in_an_origin_or_an_identity_is_a_rejected_value(store: GraphStore) -> None:
    half = "\ud800"
    store.upsert([EXPERT, FIRM], NEW)
    with pytest.raises(ValueRejectedError, match="cannot be stored"):
        store.upsert([Entity("expert", "e2", {})], Origin(half, "2024"))
    with pytest.raises(ValueRejectedError, match="cannot be stored"):
        store.upsert([WORKED._replace(values={"since": half})], NEW)
    with pytest.raises(ValueRejectedError, match="cannot be stored"):
        store.delete([EntityKey("expert", half)])


def test_a_mistake_of_the_caller_is_no_rejected_value(store: GraphStore) -> None:
    store.upsert([FIRM], NEW)
    with pytest.raises(TypeError):
        store.upsert([Entity("enterprise", "f1", {"size": 1})], Origin("new.xlsx", 2025))  # type: ignore[arg-type]


@pytest.mark.parametrize("id", ["", "a\0b"])
def test_ids_that_not_every_store_can_keep_are_rejected(store: GraphStore, id: str) -> None:
    with pytest.raises(ValueRejectedError, match="an id is"):
        store.upsert([Entity("expert", id, {})], NEW)


def test_deleting_counts_what_was_there_once(store: GraphStore) -> None:
    store.upsert([EXPERT, FIRM, WORKED], NEW)
    tie = RelationKey("collaborated", "expert", "e1", "enterprise", "f1", '["2020-03"]')
    expert = EntityKey("expert", "e1")
    assert store.delete([expert, tie, expert, tie]) == 2
    assert store.delete([]) == 0
    assert store.revision() == 2
    store.upsert([EXPERT, WORKED], NEW)
    assert [change.record for change in store.changes_since(2)] == [EXPERT, WORKED]


def test_names_that_are_words_of_a_query_language_are_names(store: GraphStore) -> None:
    label = {"en": "x", "zh": "x"}
    names = ("order", "match", "select", "null", "in")
    entities = [
        {
            "name": name,
            "labels": label,
            "fields": [{"name": "where", "type": "text", "access": "public", "labels": label}],
        }
        for name in names
    ]
    relation = {"name": "set", "labels": label, "sources": ["*"], "targets": ["*"]}
    store.adopt({"entities": entities, "relations": [relation]})
    records = [Entity(name, "a", {"where": name}) for name in names]
    ties = [Relation("set", a, "a", b, "a", {}) for a, b in pairwise(names)]
    store.upsert([*records, *ties], NEW)
    assert [store.get(name, "a") for name in names] == records
    assert sorted(store.relations("set")) == sorted(ties)
    assert len(store.neighbours("match", "a")) == 2
