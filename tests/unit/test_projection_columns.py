"""Typed columns: what they hold for each type of field, and that they agree with the records."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from graph.errors import DeclarationError, UnknownNameError
from graph.projection import Projection, Strings, build, offsets_of, spans
from graph.projection.columns import number, year_fraction
from graph.records import Entity, Origin, Relation
from tests.unit.projection_memory import MemoryStore
from tests.unit.projection_worlds import KINDS, graphs, scratch

ORIGIN = Origin("test", "2024")
KNOWN = {
    "entities": [
        {
            "name": "ship",
            "labels": {"en": "ship", "zh": "船"},
            "fields": [
                {"name": name, "type": type, "access": access, "many": many, "labels": {"en": name, "zh": name}}
                for name, type, access, many in (
                    ("fast", "boolean", "public", False),
                    ("depths", "number", "public", True),
                    ("log", "text", "public", False),
                    ("crew", "string", "internal", True),
                    ("cost", "amount", "internal", False),
                )
            ],
        }
    ]
}


def _built(folder: Path, *records: Entity | Relation) -> Projection:
    store = MemoryStore()
    store.adopt(KNOWN)
    store.upsert(records, ORIGIN)
    return build(store, folder)


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_columns_agree_with_the_records(records: list[Entity | Relation]) -> None:
    with scratch() as folder:
        projection = _built(folder, *records)
        for kind in KINDS:
            table = projection.table(kind)
            assert list(table.ids) == sorted(table.ids)
            for field in projection.catalogue.entity(kind).fields:
                values = [table.values(row).get(field.name) for row in range(table.n)]
                if field.type.is_numeric:
                    np.testing.assert_array_equal(table.numbers(field.name), [number(value) for value in values])
                elif field.type in {"string", "code"}:
                    labels = table.labels(field.name)
                    lists = [value if isinstance(value, list) else [value] if value else [] for value in values]
                    assert [labels.of(row) for row in range(table.n)] == [sorted(set(parts)) for parts in lists]
                    assert list(labels.vocabulary) == sorted({part for parts in lists for part in parts})


def test_truth_lists_and_closed_fields_have_columns_too(tmp_path: Path) -> None:
    first = {"fast": True, "depths": [1.0, 4.0], "crew": ["李四", "Ann"], "cost": 5.0}
    projection = _built(
        tmp_path, Entity("ship", "a", first), Entity("ship", "b", {"fast": False}), Entity("ship", "c", {})
    )
    ships = projection.table("ship")
    np.testing.assert_array_equal(ships.numbers("fast"), [1, 0, math.nan])
    assert [ships.labels("fast").of(row) for row in range(3)] == [["true"], ["false"], []]
    np.testing.assert_array_equal(ships.numbers("depths"), [2.5, math.nan, math.nan])
    assert [ships.labels("crew").of(row) for row in range(3)] == [["Ann", "李四"], [], []]
    np.testing.assert_array_equal(ships.numbers("cost"), [5, math.nan, math.nan])


def test_a_kind_without_entities_has_empty_columns(tmp_path: Path) -> None:
    experts = _built(tmp_path).table("expert")
    assert (experts.n, list(experts.ids), experts.find("x")) == (0, [], -1)
    assert len(experts.labels("tags")) == 0
    assert _built(tmp_path).table("need").numbers("budget").shape == (0,)


def test_wrong_fields_are_refused_with_the_right_ones(tmp_path: Path) -> None:
    experts = _built(tmp_path, Entity("expert", "e", {"bio": "x"})).table("expert")
    with pytest.raises(UnknownNameError, match=r"unknown field of expert 'age'; valid: .*tags"):
        experts.labels("age")
    with pytest.raises(DeclarationError, match=r"expert\.bio is text and has no column of labels; valid: .*name"):
        experts.labels("bio")
    with pytest.raises(DeclarationError, match=r"expert\.tags is string and has no column of numbers; valid: none"):
        experts.numbers("tags")


def test_edges_have_numbers_and_labels(tmp_path: Path) -> None:
    projection = _built(
        tmp_path,
        Entity("fund", "f", {}),
        Entity("enterprise", "a", {}),
        Relation("invested", "fund", "f", "enterprise", "a", {"stage": "B", "date": "2021", "amount": 2e6}),
        Relation("invested", "fund", "f", "enterprise", "a", {"stage": "A", "date": "2019-07-01"}),
    )
    invested = projection.adjacency("invested", "fund", "enterprise")
    assert invested.of(0).tolist() == [0, 0]
    assert [invested.labels("stage").of(at) for at in (0, 1)] == [["A"], ["B"]]
    np.testing.assert_allclose(invested.numbers("date"), [2019 + 181 / 365, 2021])
    np.testing.assert_array_equal(invested.transposed().numbers("amount"), [math.nan, 2e6])
    assert invested.matrix().toarray().tolist() == [[2.0]]
    with pytest.raises(UnknownNameError, match="unknown field of invested 'sum'; valid: amount, date"):
        invested.numbers("sum")


@given(st.dates())
def test_fractions_of_years_order_dates(day: date) -> None:
    fraction = year_fraction(day.isoformat())
    assert math.floor(fraction) == day.year
    assert fraction < year_fraction(day.replace(day=28).isoformat()) or day.day >= 28
    assert year_fraction(f"{day.year:04}") == day.year
    assert year_fraction(f"{day.year:04}-{day.month:02}") <= fraction


@pytest.mark.parametrize("value", ["", "soon", "2021-13", "2021-02-30", None, [], {}])
def test_what_is_no_number_is_absent(value: object) -> None:
    assert math.isnan(number(value))


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_strings_are_a_list(items: list[str]) -> None:
    strings = Strings.of(items)
    assert list(strings) == items
    assert [strings[at] for at in range(len(items))] == items
    assert strings[-2:] == items[-2:]
    ordered = sorted(items)
    ids = Strings.of(ordered)
    assert all(ids[ids.find(item)] == item for item in items)
    assert ids.find("".join(items) + "?") == -1
    with pytest.raises(IndexError, match="row"):
        strings[len(items)]


def test_spans_of_rows_are_their_entries_one_row_after_the_other() -> None:
    indptr = offsets_of(np.array([2, 0, 3]))
    assert indptr.tolist() == [0, 2, 2, 5]
    for rows, lengths, positions in (
        ([2, 1, 0, 2], [3, 0, 2, 3], [2, 3, 4, 0, 1, 2, 3, 4]),
        ([1], [0], []),
        ([], [], []),
    ):
        found = spans(indptr, np.array(rows, np.int32))
        assert [part.tolist() for part in found] == [lengths, positions]
        assert {part.dtype for part in found} == {np.dtype(np.int64)}
