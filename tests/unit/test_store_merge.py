"""How a stored record takes in another: by date, field by field, in plain Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from graph.errors import UnknownNameError, ValueRejectedError
from graph.kinds import BUILTIN
from graph.records import Entity, Origin, Relation, Values
from graph.store.merge import Intake, Kept, merged, merged_extension, origins, split_checked

OLD, MIDDLE, NEW = (Origin("s", date) for date in ("2021", "2022-06-01", "2024-01-01"))


def _stored(values: Values, origin: Origin) -> tuple[Values, dict[str, list[str]]]:
    return values, {"": list(origin)}


def test_nothing_new_gives_the_very_same_objects() -> None:
    values, provenance = _stored({"a": 1, "b": ["x"]}, NEW)
    for incoming, origin in (({"a": 1}, NEW), ({"a": 2}, OLD), ({}, NEW), ({"b": ["x"]}, OLD)):
        after, newer = merged(values, provenance, incoming, origin, replace=False)
        assert after is values
        assert newer is provenance


def test_of_the_same_date_the_later_write_wins() -> None:
    after, _ = merged(*_stored({"a": 1}, NEW), {"a": 2}, Origin("other", NEW.date), replace=False)
    assert after == {"a": 2}


def test_each_field_keeps_its_own_origin() -> None:
    after, provenance = merged(*_stored({"a": 1, "b": 1}, MIDDLE), {"b": 2, "c": 3}, NEW, replace=False)
    after, provenance = merged(after, provenance, {"a": 9, "b": 9, "d": 4}, OLD, replace=False)
    assert after == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert origins(after, provenance) == {"a": MIDDLE, "b": NEW, "c": NEW, "d": OLD}


def test_a_record_confirmed_whole_needs_one_origin_only() -> None:
    _, provenance = merged(*_stored({"a": 1, "b": 1}, OLD), {"a": 2}, MIDDLE, replace=False)
    assert merged({"a": 2, "b": 1}, provenance, {"a": 2, "b": 1}, NEW, replace=False)[1] == {"": list(NEW)}


def test_replacing_takes_the_values_as_they_are() -> None:
    assert merged(*_stored({"a": 1, "b": 1}, NEW), {"b": 2}, OLD, replace=True) == _stored({"b": 2}, OLD)
    assert merged(*_stored({}, NEW), {}, OLD, replace=True) == _stored({}, NEW)


_VALUES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2))
_BATCHES = st.lists(st.tuples(_VALUES, st.sampled_from(range(10)).map(str)), unique_by=lambda batch: batch[1])


@given(batches=_BATCHES, data=st.data())
def test_batches_of_different_dates_give_the_same_in_any_order(batches: list[Any], data: st.DataObject) -> None:
    results = []
    for order in (batches, data.draw(st.permutations(batches))):
        values, provenance = _stored({}, Origin("", ""))
        for incoming, date in order:
            values, provenance = merged(values, provenance, incoming, Origin("s", date), replace=False)
        results.append((values, origins(values, provenance)))
    assert results[0] == results[1]


@given(first=_VALUES, second=_VALUES, date=st.sampled_from([OLD, NEW]), replace=st.booleans())
def test_taking_in_twice_is_taking_in_once(first: Values, second: Values, date: Origin, replace: bool) -> None:
    intake = Intake(MIDDLE, False, 1)
    old = intake.take(first, None)
    assert old == Kept(first, {"": list(MIDDLE)}, 1)
    once = Intake(date, replace, 2).take(second, old) or old
    again = Intake(date, replace, 3)
    assert again.take(second, once) is None
    assert again.written.unchanged == 1
    assert not again.finish()
    assert again.written.revision == 2


def test_a_newer_origin_of_the_same_values_takes_no_revision() -> None:
    intake = Intake(NEW, False, 8)
    assert intake.take({"a": 1}, Kept({"a": 1}, {"": list(OLD)}, 5)) == Kept({"a": 1}, {"": list(NEW)}, 5)
    assert not intake.finish()


def test_a_batch_holds_each_identity_once() -> None:
    tie = Relation("holds", "fund", "f", "enterprise", "e", {"since": "2020", "share": 0.1})
    later = tie._replace(values={"since": "2020", "stage": "A"})
    other = tie._replace(values={"since": "2021"})
    expert = Entity("expert", "e", {"bio": "x"})
    records: list[Entity | Relation] = [tie, expert, other, Entity("expert", "e", {"title": "y"}), later]
    entities, relations = split_checked(BUILTIN, records, replace=False)
    assert entities == [Entity("expert", "e", {"bio": "x", "title": "y"})]
    assert relations == [tie._replace(values=tie.values | later.values), other]
    assert split_checked(BUILTIN, records, replace=True) == ([records[3]], [later, other])


@pytest.mark.parametrize(
    ("record", "error", "reason"),
    [
        (Entity("wizard", "w", {}), UnknownNameError, "valid: .*expert"),
        (Entity("expert", "", {}), ValueRejectedError, "an id is"),
        (Relation("likes", "expert", "a", "expert", "b", {}), UnknownNameError, "valid: .*holds"),
        (Relation("holds", "expert", "a", "expert", "b", {}), ValueRejectedError, "valid: enterprise"),
        (Relation("supplies", "enterprise", "a", "enterprise", "a", {}), ValueRejectedError, "to itself"),
    ],
)
def test_bad_records_are_refused_with_the_reason(
    record: Entity | Relation, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        split_checked(BUILTIN, [record], replace=False)


def test_kinds_files_are_joined_by_name() -> None:
    first = {"entities": [{"name": "a", "fields": [{"name": "x", "type": "text"}]}], "matches": [{"name": "m", "j": 1}]}
    second = {
        "entities": [{"name": "a", "fields": [{"name": "x", "access": "internal"}, {"name": "y"}]}, {"name": "b"}],
        "matches": [{"name": "m", "k": 2}],
    }
    joined = merged_extension(first, second)
    fields = [{"name": "x", "type": "text", "access": "internal"}, {"name": "y"}]
    assert joined == {"entities": [{"name": "a", "fields": fields}, {"name": "b"}], "matches": [{"name": "m", "k": 2}]}
    assert merged_extension(joined, second) == joined
