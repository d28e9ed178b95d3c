"""Declarations that cannot work are refused where they are declared, with what is wrong and what is valid."""

from __future__ import annotations

from typing import Any

import pytest

from graph.errors import DeclarationError, InputError, UnknownNameError
from graph.kinds import BUILTIN
from graph.schema import Hierarchy, HierarchyForm
from ingest.load import Options

LABELS = {"en": "x", "zh": "x"}


def _kind(**declared: Any) -> dict[str, Any]:
    return {"entities": [{"name": "thing", "labels": LABELS, **declared}]}


def _field(type: str, hierarchy: str, **more: str) -> dict[str, Any]:
    return {"name": "f", "type": type, "access": "generalised", "hierarchy": hierarchy, "labels": LABELS, **more}


def _shown(path: str, field: str | None, hierarchy: str) -> dict[str, Any]:
    return {"name": "s", "labels": LABELS, "path": path, "field": field, "hierarchy": hierarchy}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (_kind(fields=[_field("string", "amount_band")]), "thing.f is of type string: hierarchies of form `bands`"),
        (_kind(fields=[_field("year", "title_level")]), "thing.f is of type year"),
        (
            {"relations": [{"name": "expert", "labels": LABELS, "sources": ["need"], "targets": ["expert"]}]},
            "'expert' is declared as an entity kind and as a relation kind",
        ),
        (
            _kind(fields=[_field("code", "region", scheme="industry")]),
            "thing.f: hierarchy 'region' is for codes",
        ),
        (_kind(shown=[_shown(">same_as:expert", "nothing", "label")]), "thing.s: no field 'nothing' in expert"),
        (_kind(shown=[_shown(">same_as:enterprise", "size", "size_band")]), "labels of neighbours only"),
        (_kind(shown=[_shown(">same_as", None, "label")]), "thing.s counts neighbours"),
        (_kind(fields=[_field("string", "label")], public_record=True), "'thing' is a public record.*'f'"),
        (_kind(shown=[_shown(">same_as", None, "count_band")], public_record=True), "'thing' is a public record.*'s'"),
        ({"entities": [{"name": "patent", "fields": [_field("string", "label")]}]}, "'patent' is a public record"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(document: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeclarationError, match=reason.replace("(", r"\(")):
        BUILTIN.extended(document)


PLOT: dict[str, Any] = {
    "hierarchies": [{"name": "size", "form": "bands", "bands": [[1.0, 100.0]]}],
    "entities": [
        {
            "name": "plot",
            "labels": LABELS,
            "fields": [
                {"name": "area", "type": "string", "access": "generalised", "hierarchy": "label", "labels": LABELS}
            ],
        }
    ],
    "relations": [
        {
            "name": "rents",
            "labels": LABELS,
            "sources": ["enterprise"],
            "targets": ["plot"],
            "properties": [{"name": "since", "type": "date", "access": "public", "labels": LABELS}],
            "identity": ["since"],
        }
    ],
}


def _plot(**changed: Any) -> dict[str, Any]:
    return {"entities": [{**PLOT["entities"][0], **changed}]}


def _area(**changed: Any) -> dict[str, Any]:
    return _plot(fields=[{**PLOT["entities"][0]["fields"][0], **changed}])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (_plot(synonyms=["y"]), "kind 'plot' exists: only its `fields`"),
        (_plot(labels={"en": "y", "zh": "y"}), "kind 'plot' exists"),
        (_area(type="number", hierarchy="size"), "plot.area exists: only its `access`"),
        (_area(access="public"), "plot.area is generalised and cannot be loosened to public"),
        ({"relations": [{**PLOT["relations"][0], "identity": []}]}, "relation kind 'rents' exists"),
        ({"hierarchies": [{"name": "size", "form": "bands", "bands": [[1, 2, 100]]}]}, "hierarchy 'size' exists"),
        ({"entities": [_plot()["entities"][0], _plot(synonyms=["y"])["entities"][0]]}, "kind 'plot' exists"),
    ],
)
def test_what_a_kinds_file_brought_stays_as_declared(document: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeclarationError, match=reason):
        BUILTIN.extended(PLOT).extended(document)


def test_what_a_kinds_file_brought_can_be_repeated_widened_and_tightened() -> None:
    known = BUILTIN.extended(PLOT)
    assert known.extended(PLOT) == known
    more = _area(access="internal")["entities"][0]
    more["fields"].append({"name": "note", "type": "text", "access": "redacted", "labels": LABELS})
    plot = known.extended({"entities": [more]}).entity("plot")
    assert [(field.name, field.access.value) for field in plot.fields] == [("area", "internal"), ("note", "redacted")]
    assert plot.fields[0].hierarchy == "label"


@pytest.mark.parametrize(
    "document",
    [
        {"entities": 5},
        {"entities": [5]},
        {"entities": [{"name": "plot", "fields": 1}]},
        {"entities": [{"name": "plot", "fields": [{"name": []}]}]},
        {"spells": []},
        {"entities": [{}]},
        {"entities": [{"name": []}]},
        {"entities": [{"name": "expert", "fields": [{"name": "name", "access": "secret"}]}]},
    ],
)
def test_what_is_malformed_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises((DeclarationError, UnknownNameError)):
        BUILTIN.extended(PLOT).extended(document)


def test_bands_are_written_as_people_write_numbers() -> None:
    bands = Hierarchy(name="b", form=HierarchyForm.BANDS, bands=((0.5, 1e6, 1e8),))
    assert [bands.generalise(value, 0) for value in (0.1, 0.5, 2e6, 3e8)] == [
        "<0.5",
        "0.5–1000000",
        "1000000–100000000",
        "≥100000000",
    ]


@pytest.mark.parametrize("date", ["yesterday", "2024-13-01", "2024/01/01"])
def test_a_date_of_the_data_is_a_date(date: str) -> None:
    with pytest.raises(InputError, match="is no ISO date"):
        Options(date=date)
