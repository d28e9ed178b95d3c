"""Inventors become experts' patents where name and patentee together fit one expert, and never by the name alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.ingest_files import jsonl, load, names, state, store_in, xlsx

TITLES = {"zh": ("专利名称", "发明人", "专利权人"), "en": ("Title", "Inventors", "Patentee")}
EXPERTS = [
    ["姓名", "工作单位", "职称"],
    ["张生成", "生成大学", "教授"],
    ["张生成", "另生大学", "教授"],
    ["李生成", "生成甲有限公司", "工程师"],
]


def _patents(path: Path, *rows: Sequence[object], language: str = "zh") -> Path:
    return xlsx(path, {"patents": [TITLES[language], *rows]})


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("separator", ["、", "；", ",", "; "])
def test_name_and_patentee_together_find_the_expert(separator: str, language: str, tmp_path: Path) -> None:
    row = ["装置", separator.join(("王生成", "张生成", "李生成")), "生成大学;生成甲有限公司"]
    patents = _patents(tmp_path / "b.xlsx", row, language=language)
    experts = xlsx(tmp_path / "a.xlsx", {"a": EXPERTS})
    with store_in(tmp_path) as store:
        dry = load(store, patents, experts, dry_run=True)
        report = load(store, patents, experts)
        assert report.rejected == 0, report.render()
        assert names(store, "invented") == [("张生成", "装置"), ("李生成", "装置")]
        assert sorted(edge.values["position"] for edge in store.relations("invented")) == [2, 3]
        (edge,) = [edge for edge in store.relations("invented") if edge.values["position"] == 2]
        employers = store.neighbours("expert", edge.source, "employed_by")
        university = store.get("institution", employers[0].target)
        assert university is not None and university.values["name"] == "生成大学"
        assert report.untied_inventors == dry.untied_inventors == 1
        assert dry.of("invented") == report.of("invented")
        assert "1 inventors of patents are tied to no expert" in report.render()
        assert report.to_dict()["untied_inventors"] == 1
        before = state(store)
        assert load(store, patents, experts).loaded == 0
        assert state(store) == before


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("装置", "张生成", "第三大学"), "another patentee"),
        (("装置", "张生成", ""), "no patentee"),
        (("装置", "张生成、张生成", "生成大学"), "two inventors of one name"),
        (("装置", "李生成", "生成大学"), "of another employer"),
        (("装置", "李生成", "李生成"), "its own patentee"),
        (("装置", "赵生成", "生成大学"), "nobody"),
        (("装置", "张生成", "生成"), "a part of the employer's name"),
    ],
)
def test_what_does_not_fit_one_expert_is_counted_and_left(row: tuple[str, ...], why: str, tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        load(store, xlsx(tmp_path / "a.xlsx", {"a": EXPERTS}))
        report = load(store, _patents(tmp_path / "b.xlsx", row))
        assert "invented" not in store.counts(), why
        assert report.untied_inventors == (2 if "、" in row[1] else 1)
        assert report.rejected == 0


@pytest.mark.parametrize("second", ["生成大学", "生成大学化学系"])
def test_namesakes_at_one_place_are_not_guessed(second: str, tmp_path: Path) -> None:
    experts = [["id", "姓名", "工作单位"], ["e1", "张生成", "生成大学"], ["e2", "张生成", second]]
    files = [
        xlsx(tmp_path / "专家.xlsx", {"a": experts}),
        _patents(tmp_path / "b.xlsx", ["装置", "张生成", "生成大学"]),
    ]
    with store_in(tmp_path) as store:
        assert load(store, *files, dry_run=True).untied_inventors == 1
        assert load(store, *files).untied_inventors == 1
        assert "invented" not in store.counts()


ORCID = "0000-0002-1825-0097"


@pytest.mark.parametrize(
    ("first", "second", "ties"),
    [
        ({"orcid": ORCID}, {"orcid": ORCID}, []),
        ({}, {}, [{"source": "e2", "source_kind": "expert", "target": "e1", "target_kind": "expert"}]),
    ],
)
def test_two_records_of_one_person_are_one(
    first: dict[str, Any], second: dict[str, Any], ties: list[dict[str, Any]], tmp_path: Path
) -> None:
    world = tmp_path / "world"
    people = [{"id": "e1", "name": "张生成"} | first, {"id": "e2", "name": "张 生成"} | second]
    jsonl(world / "entities/expert.jsonl", people)
    jsonl(world / "entities/institution.jsonl", [{"id": "i1", "name": "生成大学"}])
    jsonl(world / "relations/employed_by.jsonl", [{"source": id, "target": "i1"} for id in ("e1", "e2")])
    jsonl(world / "relations/same_as.jsonl", ties)
    patents = _patents(tmp_path / "b.xlsx", ["装置", "张生成", "生成大学"])
    with store_in(tmp_path) as store:
        assert load(store, world, patents, dry_run=True).untied_inventors == 0
        assert load(store, world, patents).untied_inventors == 0
        assert [edge.source for edge in store.relations("invented")] == ["e1"]
