"""Nothing hidden reaches a mask: neither cards and tables nor the files that they are read from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graph import projection
from graph.kinds import BUILTIN
from graph.records import Entity, Origin, Relation
from graph.schema import Access, Field, FieldType
from graph.store import open_store
from matching.masking import Mask
from tests.privacy.worlds import SECRET, people

HIDDEN = {Access.REVEALED, Access.INTERNAL}


def _mask(folder: Path, records: list[Entity | Relation], kinds: dict[str, Any] | None = None, k: int = 5) -> Mask:
    folder.mkdir(exist_ok=True)
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        if kinds:
            store.adopt(kinds)
        store.upsert(records, Origin("test", "2024-01-01"))
        built = projection.build(store, folder / "projection")
    return Mask.build(built, folder / "mask", None, k=k, epoch="e1", secret=SECRET)


def _secret(field: Field, mark: str) -> Any:
    if field.many:
        return [f"{mark}甲", f"{mark}乙"]
    if field.type.is_numeric:
        return 1e6 + len(mark)
    return f"{mark}秘密"


def _marked(mark: str) -> list[Entity | Relation]:
    """The same people, every hidden field but codes filled with something that carries the mark."""
    marked: list[Entity | Relation] = []
    for record in people():
        if not isinstance(record, Entity):
            marked.append(record)
            continue
        hidden = [f for f in BUILTIN.entity(record.kind).fields if f.access in HIDDEN and f.type is not FieldType.CODE]
        marked.append(record._replace(values=record.values | {f.name: _secret(f, mark) for f in hidden}))
    return marked


def _files(folder: Path) -> dict[str, bytes]:
    """What the mask keeps on disk, by kind, but for the redactor's names."""
    files = {path.name.split("-")[0]: path.read_bytes() for path in (folder / "mask").iterdir()}
    return {name: data for name, data in files.items() if name != "names"}


def test_two_graphs_that_differ_only_in_hidden_values_have_the_same_mask(tmp_path: Path) -> None:
    one, two = (_mask(tmp_path / mark, _marked(mark)) for mark in ("赤", "青青"))
    assert _files(tmp_path / "赤") == _files(tmp_path / "青青")
    for kind in BUILTIN.entities:
        for row in range(one.projection.table(kind).n):
            assert one.card(kind, row) == two.card(kind, row)


def test_no_hidden_value_is_in_any_file_but_that_of_the_redactors_names(tmp_path: Path) -> None:
    _mask(tmp_path / "w", _marked("朱砂痣"))
    for name, data in _files(tmp_path / "w").items():
        assert "朱砂痣".encode() not in data, name
    names = next(path for path in (tmp_path / "w" / "mask").iterdir() if path.name.startswith("names-"))
    assert "朱砂痣".encode() in names.read_bytes()


def test_a_matched_text_feeds_ranking_but_is_on_no_card(tmp_path: Path) -> None:
    mask = _mask(tmp_path / "w", people())
    assert "的方法" in repr(list(mask.texts("publication")["title"]))
    for row in range(60):
        assert mask.card("publication", row)["texts"] == {}


def test_redaction_of_a_text_depends_on_the_names_in_the_graph_alone(tmp_path: Path) -> None:
    """The declared release: another name, another text."""
    told = Entity("need", "m", {"text": "司徒样板与欧阳样板"})
    one = _mask(tmp_path / "one", [told, Entity("expert", "x", {"name": "司徒样板"})])
    two = _mask(tmp_path / "two", [told, Entity("expert", "x", {"name": "欧阳样板"})])
    assert "欧阳样板" in one.card("need", 0)["texts"]["text"]
    assert "司徒样板" in two.card("need", 0)["texts"]["text"]


def test_a_name_stays_a_name_when_a_kinds_file_closes_it(tmp_path: Path) -> None:
    closed = {"entities": [{"name": "expert", "fields": [{"name": "name", "access": "internal"}]}]}
    told = Entity("need", "m", {"text": "请司徒样板回复"})
    mask = _mask(tmp_path / "w", [told, Entity("expert", "x", {"name": "司徒样板"})], closed)
    assert "司徒样板" not in repr(mask.card("need", 0))


NOTE = {
    "name": "note",
    "labels": {"en": "note", "zh": "笔记"},
    "fields": [
        {"name": "motto", "type": "string", "access": "redacted", "labels": {"en": "motto", "zh": "座右铭"}},
        {"name": "hint", "type": "string", "access": "matched", "labels": {"en": "hint", "zh": "提示"}},
        {"name": "scores", "type": "number", "access": "public", "many": True, "labels": {"en": "s", "zh": "分"}},
        {"name": "grant", "type": "amount", "access": "public", "labels": {"en": "grant", "zh": "资助"}},
        {"name": "dates", "type": "date", "access": "generalised", "many": True, "hierarchy": "year_band",
         "labels": {"en": "dates", "zh": "日期"}},
        {"name": "checked", "type": "boolean", "access": "public", "labels": {"en": "checked", "zh": "已核"}},
    ],
}  # fmt: skip


def test_fields_of_every_form_are_masked(tmp_path: Path) -> None:
    note = {
        "motto": "电话13800138000",
        "hint": "微信号abc_12345",
        "scores": [1.5, 2.0],
        "grant": 1234567.0,
        "dates": ["2011-02-03", "2023"],
        "checked": True,
    }
    records: list[Entity | Relation] = [Entity("note", f"n{at}", note) for at in range(5)]
    mask = _mask(tmp_path / "w", records, {"entities": [NOTE]})
    card = mask.card("note", 0)
    assert card["fields"] == {
        "scores": ["1.5", "2"], "grant": "1234567", "dates": ["2010–2015", "2020–2025"], "checked": "true",
    }  # fmt: skip
    assert card["texts"] == {"motto": "［电话 phone］"}
    assert list(mask.texts("note")["hint"]) == ["［账号 account］"] * 5


def test_a_number_is_shown_whole_or_two_would_look_the_same(tmp_path: Path) -> None:
    records: list[Entity | Relation] = [Entity("patent", f"p{n}", {"price": 1234567.0 + n}) for n in range(2)]
    mask = _mask(tmp_path / "w", records)
    assert [mask.card("patent", row)["fields"]["price"] for row in range(2)] == ["1234567", "1234568"]
