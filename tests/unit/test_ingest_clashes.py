"""Rows of one load with one made id: equal, adding, or of two things; and what follows from a reject."""

from pathlib import Path

import orjson
import pytest

from tests.unit.ingest_files import jsonl, load, names, store_in, values, xlsx

TITLES = ["仪器名称", "型号", "联系人", "联系电话", "所属单位"]


def test_rows_of_one_id_that_differ_are_rejected_and_mended_by_an_id(tmp_path: Path) -> None:
    rows = [
        TITLES,
        ["质谱仪", "QE-1", "张生成", "", "生成大学"],
        ["质谱仪", "QE-1", "李生成", "", "生成大学"],
        ["质谱仪", "QE-1", "张生成", "", "生成大学"],
    ]
    rejects = tmp_path / "rejects.jsonl"
    path = xlsx(tmp_path / "a.xlsx", {"仪器": rows})
    with store_in(tmp_path) as store:
        assert load(store, path, dry_run=True).rejected == 2
        report = load(store, path, rejects=rejects)
        assert [(e["kind"], e["line"], e["field"]) for e in report.rejects] == [
            ("instrument", 3, "contact"),
            ("owns", 3, "target"),
        ]
        assert "line 2 gives the same instrument" in report.rejects[0]["reason"]
        assert "follows from line 3" in report.rejects[1]["reason"]
        assert [v["contact"] for v in values(store, "instrument")] == ["张生成"]
        assert load(store, rejects, rejects=rejects).rejected == 2  # not mended: nothing is overwritten
        assert [v["contact"] for v in values(store, "instrument")] == ["张生成"]
        thing, tie = map(orjson.loads, rejects.read_bytes().splitlines())
        thing["row"]["id"] = tie["row"]["target"] = "second"
        jsonl(rejects, [thing, tie])
        assert load(store, rejects, rejects=rejects).rejected == 0
        assert sorted(v["contact"] for v in values(store, "instrument")) == ["张生成", "李生成"]
        assert names(store, "owns") == [("生成大学", "质谱仪")] * 2


def test_a_row_that_only_adds_is_of_the_same_thing(tmp_path: Path) -> None:
    long = "经营" * 300
    rows = [
        ["企业名称", "注册资本", "联系人", "经营范围"],
        ["生成甲公司", "500万", "", ""],
        ["生成甲公司", "", "张生成", long],
        ["生成甲公司", "500万", "", long],
        ["生成甲公司", "", "李生成", ""],
        ["生成甲公司", "", "", long + "。"],
    ]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"企业": rows[:3], "公司": [rows[0], *rows[3:]]}))
        found = [(e["file"], e["line"], e["field"]) for e in report.rejects]
        assert found == [("a.xlsx#公司", 3, "contact"), ("a.xlsx#公司", 4, "business_scope")]
        assert "a.xlsx#企业:2 gives the same enterprise" in report.rejects[0]["reason"]
        told = {"registered_capital": 5e6, "contact": "张生成", "business_scope": long}
        assert values(store, "enterprise") == [{"name": "生成甲公司"} | told]


def test_of_two_files_the_newer_counts_and_it_is_told(tmp_path: Path) -> None:
    paths = []
    for year, contact in ((2023, "张生成"), (2024, "李生成")):
        paths.append(tmp_path / f"企业{year}.csv")
        paths[-1].write_text(f"企业名称,联系人\n生成甲公司,{contact}\n", encoding="utf-8")
    with store_in(tmp_path) as store:
        report = load(store, *paths, date="2024-01-01")
        assert (report.rejected, report.restated) == (0, 1)
        assert "1 rows say otherwise" in report.render()
        assert [v["contact"] for v in values(store, "enterprise")] == ["李生成"]


def test_who_stands_beside_is_not_rejected_for_what_a_list_says_of_them(tmp_path: Path) -> None:
    needs = [["需求名称", "企业名称", "联系人"], ["散热", "生成甲公司", "张生成"], ["降噪", "生成乙公司", "王生成"]]
    companies = [["企业名称", "联系人", "注册资本"], ["生成甲公司", "李生成", "500万"], ["生成乙公司", "王生成", ""]]
    again = [companies[0], ["生成乙公司", "", "300万"], ["生成乙公司", "", "900万"]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"需求": needs, "企业": companies, "公司": again}))
        assert [(e["file"], e["line"]) for e in report.rejects] == [("a.xlsx#公司", 3)] and report.restated == 1
        assert [v["contact"] for v in values(store, "enterprise")] == ["王生成", "李生成"]
        assert store.counts()["posted"] == 2


def test_rows_with_ids_of_their_own_are_updates(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "expert.jsonl", [{"id": "e1", "name": "甲"}, {"id": "e1", "name": "乙"}])
    with store_in(tmp_path) as store:
        assert load(store, path).rejected == 0
        assert values(store, "expert") == [{"name": "乙"}]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_relation_of_a_rejected_row_says_what_it_follows_from(dry_run: bool, tmp_path: Path) -> None:
    rows = [["需求名称", "企业名称", "成立时间"], ["散热", "生成甲公司", "很久以前"]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"a": rows}), dry_run=dry_run)
        assert [(e["kind"], e["line"]) for e in report.rejects] == [("enterprise", 2), ("posted", 2)]
        assert report.rejects[1]["reason"].startswith("field 'source': follows from line 2, where the enterprise")


def test_so_does_one_whose_row_does_not_say_the_kind_of_its_end(tmp_path: Path) -> None:
    jsonl(tmp_path / "world/entities/institution.jsonl", [{"id": "u1", "region": "西湖区"}])
    jsonl(tmp_path / "world/entities/instrument.jsonl", [{"id": "i1", "name": "质谱仪"}])
    jsonl(tmp_path / "world/relations/owns.jsonl", [{"source": "u1", "target": "i1", "target_kind": "instrument"}])
    with store_in(tmp_path) as store:
        report = load(store, tmp_path / "world")
        assert "follows from institution.jsonl:1, where the institution is rejected" in report.rejects[1]["reason"]
