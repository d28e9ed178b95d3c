"""What holds within a masking epoch, and what a mask never shows whatever the catalogue says."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from graph import projection
from graph.errors import ProjectionError
from graph.records import Entity, EntityKey, Origin, Relation
from graph.store import open_store
from matching.build import open_state
from matching.masking import Mask
from matching.masking.redact import Redactor
from matching.masking.texts import Before, Redaction, texts_of
from matching.state import State
from tests.privacy.worlds import SECRET, people, state_of


def _fields(state: State, kind: str) -> dict[str, Any]:
    """Id → shown fields."""
    table = state.projection.table(kind)
    return {table.ids[row]: state.mask.card(kind, row)["fields"] for row in range(table.n)}


def _tagged() -> list[Entity | Relation]:
    """Generated: twenty experts whose lists of tags are shown cut to the most frequent ones."""
    return [
        Entity("expert", f"a{at:02}", {"tags": ["x", "y", "z", f"u{at // 10}", f"solo{at}"], "title": "教授"})
        for at in range(20)
    ]


def test_labels_that_become_frequent_within_an_epoch_move_no_card(tmp_path: Path) -> None:
    before = _fields(state_of(tmp_path, _tagged()), "expert")
    assert any(shown.get("tags") == ["x", "y", "z"] for shown in before.values())
    crowd = [Entity("expert", f"b{at:03}", {"tags": ["solo3", "u0"]}) for at in range(80)]
    after = _fields(state_of(tmp_path, crowd), "expert")
    assert {name: after[name] for name in before} == before
    third = _fields(state_of(tmp_path, [Entity("expert", "c", {"tags": ["solo4"]})]), "expert")
    assert {name: third[name] for name in after} == after


def test_the_next_epoch_counts_labels_anew(tmp_path: Path) -> None:
    state_of(tmp_path, _tagged())
    crowd = [Entity("expert", f"b{at:03}", {"tags": ["solo3", "u0"]}) for at in range(80)]
    after = _fields(state_of(tmp_path, crowd, epoch="e2"), "expert")
    assert sum(shown.get("tags") == ["solo3", "u0"] for shown in after.values()) == 80


def test_a_floor_is_never_more_than_what_is_true(tmp_path: Path) -> None:
    state_of(tmp_path, people())
    moved: list[Entity | Relation] = [Entity("expert", f"e{at:03}", {"title": "博士后"}) for at in range(0, 57)]
    state = state_of(tmp_path, [*moved, Entity("expert", "new", {"tags": ["nobody else"]})])
    shown = Counter(map(repr, _fields(state, "expert").values()))
    floors = state.mask.visible("expert").floor
    for floor, fields in zip(floors, _fields(state, "expert").values(), strict=True):
        assert floor <= shown[repr(fields)]
    alone = state_of(tmp_path / "alone", [Entity("expert", "one", {"title": "教授"})])
    assert alone.mask.visible("expert").floor.tolist() == [1]


@pytest.mark.parametrize("access", ["revealed", "internal"])
def test_a_field_that_is_closed_is_not_shown_on_a_neighbours_card_either(tmp_path: Path, access: str) -> None:
    closed = {"entities": [{"name": "institution", "fields": [{"name": "institution_type", "access": access}]}]}
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.adopt(closed)
        store.upsert(people(), Origin("test", "2024-01-01"))
        built = projection.build(store, tmp_path / "projection")
    mask = Mask.build(built, tmp_path / "mask", None, k=1, epoch="e1", secret=SECRET)
    card = mask.card("expert", 0)
    assert "institution_region" in card["fields"]
    assert "高校" not in repr(card)
    assert "institution_type" in mask.visible("expert").fields  # a column all the same, with nothing in it
    assert "institution_type" not in card["fields"]


def test_a_damaged_mask_is_refused_and_built_again(tmp_path: Path) -> None:
    state = state_of(tmp_path, people())
    folder = tmp_path / "matching" / "mask"
    about = state.mask.about.model_dump()
    absent = {**about, "parts": {**about["parts"], "expert": "absent"}}
    broken: object
    for broken in (None, [], {}, {**about, "format": 1}, absent):
        with pytest.raises(ProjectionError, match="qianxian build"):
            Mask.open(state.projection, folder, broken, SECRET)
        built = Mask.build(state.projection, folder, broken, k=5, epoch="e1", secret=SECRET)
        assert built.card("expert", 0) == state.mask.card("expert", 0)


def test_a_build_that_ends_before_its_switch_leaves_the_answers_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts() -> set[str]:
        return {path.name for path in (tmp_path / "matching" / "mask").iterdir()}

    before = state_of(tmp_path, people())
    more = Entity("expert", "x1", {"name": "欧阳样板", "tags": ["散热"]})
    with monkeypatch.context() as patched:
        patched.setattr("matching.build.replace", Mock(side_effect=OSError("no space")))
        with pytest.raises(OSError, match="no space"):
            state_of(tmp_path, [more])
    opened = open_state(tmp_path / "projection", tmp_path / "matching", SECRET)
    assert opened.projection.fingerprint == before.projection.fingerprint
    assert opened.mask.card("expert", 0) == before.mask.card("expert", 0)
    assert parts() > set(before.mask.about.parts.values())  # those of the build that failed wait for the next
    after = state_of(tmp_path, [])
    assert after.projection.table("expert").n == before.projection.table("expert").n + 1
    assert parts() == set(after.mask.about.parts.values())


def _texts(state: State, kind: str) -> dict[str, list[str]]:
    return {name: list(texts) for name, texts in state.mask.texts(kind).items()}


def test_texts_follow_the_names_as_if_all_were_redacted_anew(tmp_path: Path) -> None:
    """One change of names after another gives the texts that a fresh mask has."""
    told = [
        Entity("need", "m0", {"title": "请找欧阳样板", "text": "Ann Leeds and Ann Lee, 欧阳样板甲"}),
        Entity("need", "m1", {"title": "无人", "text": "电话13800138000欧阳样板"}),
    ]
    steps: list[list[Entity | Relation]] = [
        [*people(), *told],
        [Entity("expert", "x1", {"name": "欧阳样板"})],
        [Entity("expert", "x2", {"name": "欧阳样板甲"}), Entity("expert", "x3", {"name": "Ann Lee"})],
        [Entity("expert", "x1", {"name": "司徒样板"})],
        [Entity("expert", "x3", {"name": "Ann"})],
    ]
    for at in range(len(steps)):
        grown = state_of(tmp_path / "grown", steps[at])
        fresh = state_of(tmp_path / f"fresh{at}", [record for step in steps[: at + 1] for record in step])
        for kind in ("need", "expert", "publication", "fund"):
            assert _texts(grown, kind) == _texts(fresh, kind), (at, kind)
    assert "欧阳样板" in repr(_texts(grown, "need"))  # the name has gone, so the word is one like any other


def test_the_name_of_a_duplicate_is_taken_out_too(tmp_path: Path) -> None:
    bio = {"bio": "与欧阳样板、Ouyang Yangban是同一人，师从司徒样板"}
    records: list[Entity | Relation] = [
        *people(),
        Entity("expert", "x1", {"name": "司徒样板", **bio}),
        Entity("expert", "x2", {"name": "欧阳样板"}),
    ]
    state_of(tmp_path, records)
    merged = state_of(tmp_path, [Relation("same_as", "expert", "x2", "expert", "x1", {})])
    row = merged.projection.table("expert").find("x2")
    assert merged.projection.table("expert").ids[row] == "x1"
    told = merged.mask.texts("expert")["bio"][row]
    assert told.count("［名称 name］") == 3 and "样板" not in told
    renamed = state_of(tmp_path, [Entity("expert", "x2", {"name": "诸葛样板"})])
    assert "欧阳样板" in renamed.mask.texts("expert")["bio"][row]


def test_a_name_of_ones_own_kind_stays_out_of_texts_when_its_field_is_closed(tmp_path: Path) -> None:
    name = {"name": "name", "type": "string", "labels": {"en": "name", "zh": "名称"}}
    lab = {"name": "lab", "labels": {"en": "lab", "zh": "实验室"}, "fields": [{**name, "access": "revealed"}]}
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.adopt({"entities": [lab]})
        records = [Entity("lab", "l1", {"name": "紫金量子舱"}), Entity("expert", "e1", {"bio": "任职于紫金量子舱"})]
        store.upsert(records, Origin("test", "2024-01-01"))
        closed = {**lab, "fields": [{**name, "access": "internal"}]}
        for _ in range(2):
            store.adopt({"entities": [closed]})
            built = projection.build(store, tmp_path / "projection")
            mask = Mask.build(built, tmp_path / "mask", None, k=5, epoch="e1", secret=SECRET)
            assert list(mask.texts("expert")["bio"]) == ["任职于［名称 name］"]


def test_texts_of_who_came_and_went_are_those_of_a_fresh_mask(tmp_path: Path) -> None:
    def needs(ids: range, text: str) -> list[Entity | Relation]:
        return [Entity("need", f"n{at:02}", {"title": f"散热 {at}", **({"text": text} if text else {})}) for at in ids]

    state_of(tmp_path / "grown", needs(range(3, 30), ""))
    with open_store(f"sqlite:///{tmp_path / 'grown' / 'graph.db'}") as store:
        store.delete([EntityKey("need", f"n{at:02}") for at in (3, 4, 11, 29)])
    more = [*needs(range(3), "热阻"), *needs(range(40, 42), "测试"), *needs(range(8, 9), "改了")]
    grown = _texts(state_of(tmp_path / "grown", more), "need")
    kept = [at for at in range(5, 29) if at not in (8, 11)]
    fresh = state_of(tmp_path / "fresh", [*(n for at in kept for n in needs(range(at, at + 1), "")), *more])
    assert grown == _texts(fresh, "need") and len(grown["text"]) == 28


def test_carrying_texts_over_takes_little_more_memory_than_they_are(tmp_path: Path) -> None:
    state = state_of(tmp_path, [Entity("need", f"n{at:04}", {"title": "热" * 3000}) for at in range(1000)])
    table, kind = state.projection.table("need"), state.projection.catalogue.entity("need")
    redactor = Redactor(["欧阳样板"])
    part = texts_of(table, kind, Redaction(redactor), None)
    rows = np.arange(table.n)
    rows[500] = -1
    carried = Before(kind, part, rows)
    redaction = Redaction(redactor, redactor.version, [])
    tracemalloc.start()
    again = texts_of(table, kind, redaction, carried)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert all(np.array_equal(part[name], again[name]) for name in part)
    assert peak < 2 * len(part["text.title.blob"])


def test_a_text_that_is_closed_within_an_epoch_is_redacted(tmp_path: Path) -> None:
    open_kind = {"name": "note", "labels": {"en": "note", "zh": "笔记"}}
    field = {"name": "body", "type": "text", "labels": {"en": "body", "zh": "正文"}}
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.adopt({"entities": [{**open_kind, "fields": [{**field, "access": "public"}]}]})
        store.upsert([Entity("note", "n1", {"body": "电话13800138000"})], Origin("test", "2024-01-01"))
        built = projection.build(store, tmp_path / "projection")
        mask = Mask.build(built, tmp_path / "mask", None, k=5, epoch="e1", secret=SECRET)
        assert mask.card("note", 0)["texts"] == {"body": "电话13800138000"}
        store.adopt({"entities": [{"name": "note", "fields": [{"name": "body", "access": "redacted"}]}]})
        built = projection.build(store, tmp_path / "projection")
    mask = Mask.build(built, tmp_path / "mask", mask.about, k=5, epoch="e1", secret=SECRET)
    assert "13800138000" not in repr(mask.card("note", 0))
    assert "13800138000" not in repr(list(mask.texts("note")["body"]))


def test_hidden_values_change_nothing_in_a_mask(tmp_path: Path) -> None:
    """Two worlds that differ in internal values, in codes and in hidden properties of relations have one mask."""
    linked: list[Entity | Relation] = [
        *(Entity("fund", f"u{at}", {"stages": ["A轮"]}) for at in range(6)),
        *(Relation("collaborated", "expert", f"e{at:03}", "enterprise", f"f{at % 12}", {}) for at in range(30)),
        *(Relation("holds", "fund", f"u{at}", "enterprise", f"f{at}", {}) for at in range(6)),
    ]
    other: list[Entity | Relation] = []
    for at, record in enumerate([*people(), *linked]):
        values = dict(record.values)
        if record.kind == "enterprise":
            values |= {"registered_capital": 1e6 + at, "insured_staff": at, "uscc": "91330106589876543C"}
        if record.kind == "expert":
            values |= {"email": f"someone{at}@example.net", "phone": f"139{at:08}"}
        if record.kind == "publication":
            values |= {"doi": f"10.5555/other{at}"}
        if record.kind == "collaborated":
            values |= {"topic": f"topic {at}"}
        if record.kind == "holds":
            values |= {"share": at / 1000}
        other.append(record._replace(values=values))
    one, two = state_of(tmp_path / "one", [*people(), *linked]), state_of(tmp_path / "two", other)
    for kind in one.projection.catalogue.entities:
        cards = [
            [
                (state.mask.card(kind, row), state.mask.visible(kind).floor[row])
                for row in range(state.projection.table(kind).n)
            ]
            for state in (one, two)
        ]
        assert cards[0] == cards[1]
        assert _texts(one, kind) == _texts(two, kind)
        assert one.mask.digest(kind) == two.mask.digest(kind)
