"""Workbooks of offices: titles, merged cells, units in titles, totals; damage told row by row."""

from datetime import date
from pathlib import Path

import orjson
import pytest
from openpyxl import Workbook
from python_calamine import CalamineWorkbook

from graph.errors import InputError
from ingest.sources import excel
from tests.unit.ingest_files import (
    EQUIPMENT_TITLES,
    equipment_rows,
    equipment_xls,
    equipment_xlsx,
    load,
    names,
    state,
    store_in,
    values,
    xlsx,
)


@pytest.mark.parametrize("make", [equipment_xlsx, equipment_xls])
def test_an_equipment_offices_sheet_loads_as_it_is(make: object, tmp_path: Path) -> None:
    suffix = "xlsx" if make is equipment_xlsx else "xls"
    assert callable(make)
    path = make(tmp_path / f"共享目录.{suffix}")
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 0, report.render()
        assert store.counts() == {"instrument": 3, "institution": 2, "owns": 3}
        found = {record["name"]: record for record in values(store, "instrument")}
        assert found["扫描电子显微镜"] == {
            "name": "扫描电子显微镜",
            "model": "SU8010",
            "manufacturer": "生成仪器厂",
            "description": "形貌观察\n分辨率1nm",
            "contact": "张生成",
            "phone": "13800000001",
            "price_internal": 100.0,
            "price_external": 200.0,
        }
        assert found["核磁共振谱仪"]["model"] == "AV400"
        assert found["核磁共振谱仪"]["price_external"] == 300.0
        assert ("生成大学化学系", "质谱仪") in names(store, "owns")
        before = state(store)
        again = load(store, path)
        assert state(store) == before
        assert again.loaded == 0


def test_a_sheet_is_parsed_once_and_anew_when_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = equipment_xlsx(tmp_path / "设备.xlsx")
    opened: list[Path] = []
    real = excel._opened

    def told(path: Path) -> CalamineWorkbook:
        opened.append(path)
        return real(path)

    monkeypatch.setattr(excel, "_opened", told)
    with store_in(tmp_path) as store:
        assert load(store, path).of("instrument").read == 3
        assert len(opened) == 2  # for the names of the sheets, and for the rows
        equipment_xlsx(path, list(equipment_rows())[:1])
        assert load(store, path).of("instrument").read == 1


def test_the_old_and_the_new_format_give_the_same_records(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        load(store, equipment_xlsx(tmp_path / "a.xlsx"))
        report = load(store, equipment_xls(tmp_path / "b.xls"))
        assert report.loaded == 0
        assert store.counts()["instrument"] == 3


def test_a_damaged_sheet_is_told_row_by_row_and_mended(tmp_path: Path) -> None:
    rows = equipment_rows()
    rows[1][10] = "很贵"
    rows[2][9] = "100或200"
    rows.append([4, *[""] * 7, "13800000009", "", "", ""])
    path = equipment_xlsx(tmp_path / "仪器.xlsx", rows)
    rejects = tmp_path / "rejects.jsonl"
    with store_in(tmp_path) as store:
        report = load(store, path, rejects=rejects)
        bad = {(entry["line"], entry["field"]) for entry in report.rejects if entry["kind"] == "instrument"}
        assert bad == {(5, "price_external"), (6, "price_internal"), (7, None)}
        assert "很贵" in report.render() and "仪器.xlsx#Sheet1:5" in report.render()
        assert store.counts()["instrument"] == 1
        entries = [orjson.loads(line) for line in rejects.read_bytes().splitlines()]
        for entry in entries:
            if entry["row"] is not None:
                entry["row"].pop("price_external", None)
                entry["row"].pop("price_internal", None)
        mended = tmp_path / "mended.jsonl"
        mended.write_bytes(b"\n".join(orjson.dumps(entry) for entry in entries if entry["row"]))
        again = load(store, mended)
        assert again.rejected == 0, again.render()
        assert store.counts() == {"instrument": 3, "institution": 2, "owns": 3}


def test_titles_over_two_rows_and_values_merged_downwards(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "仪器设备"
    for row in (
        ["仪器名称", "收费标准", "", "所属单位"],
        ["", "校内", "校外", ""],
        ["质谱仪", 1, 2, "化学系"],
        ["色谱仪", 3, 4, ""],
    ):
        sheet.append(row)
    for area in ("A1:A2", "B1:C1", "D1:D2", "D3:D4"):
        sheet.merge_cells(area)
    # The titles of the catalogue read the other way round: 校内收费标准.
    path = tmp_path / "a.xlsx"
    book.save(path)
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 0
        assert [(v["name"], v["price_internal"], v["price_external"]) for v in values(store, "instrument")] == [
            ("色谱仪", 3.0, 4.0),
            ("质谱仪", 1.0, 2.0),
        ]
        assert names(store, "owns") == [("化学系", "色谱仪"), ("化学系", "质谱仪")]


def test_several_sheets_units_in_titles_and_dates(tmp_path: Path) -> None:
    companies: list[list[object]] = [
        ["企业名称", "统一社会信用代码", "注册资本（万元）", "成立日期", "研发费用（元）"],
        ["生成甲公司", "", 500, date(2015, 6, 1), 1000000],
        ["生成乙公司", "", "1.2亿元", "2018年", "300万"],
    ]
    experts = [["姓名", "工作单位", "职称"], ["张生成", "生成大学", "教授"], ["李生成", "生成大学", "讲师"]]
    path = xlsx(tmp_path / "名单.xlsx", {"说明": [["请按要求填写"]], "公司": companies, "专家": experts})
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 0, report.render()
        first, second = sorted(values(store, "enterprise"), key=lambda v: float(v["registered_capital"]))
        assert (first["registered_capital"], first["founded_year"], first["rd_expense"]) == (5e6, 2015, 1e6)
        assert (second["registered_capital"], second["founded_year"], second["rd_expense"]) == (1.2e8, 2018, 3e6)
        assert names(store, "employed_by") == [("张生成", "生成大学"), ("李生成", "生成大学")]


def test_unknown_columns_are_told_once_with_their_rows(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        report = load(
            store, xlsx(tmp_path / "expert.xlsx", {"a": [["姓名", "血型"], ["张生成", "A"], ["李生成", "B"]]})
        )
        assert report.to_dict()["unknown_fields"] == [{"kind": "expert", "field": "血型", "rows": 2}]
        strict = load(store, xlsx(tmp_path / "expert.xlsx", {"a": [["姓名", "血型"], ["王生成", "A"]]}), strict=True)
        assert strict.rejected == 1


def test_titles_that_fit_no_kind_say_which_kinds_there_are(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", {"a": [["甲", "乙", "丙"], ["1", "2", "3"], ["4", "5", "6"]]})
    with store_in(tmp_path) as store, pytest.raises(InputError, match=r"fit no kind.*instrument"):
        load(store, path)


def test_damaged_files_are_refused_in_plain_words(tmp_path: Path) -> None:
    whole = equipment_xlsx(tmp_path / "whole.xlsx").read_bytes()
    old = equipment_xls(tmp_path / "whole.xls").read_bytes()
    cases = {"cut.xlsx": whole[: len(whole) // 2], "no.xlsx": b"hello", "cut.xls": old[:2000], "empty.xlsx": b""}
    with store_in(tmp_path) as store:
        for name, content in cases.items():
            (tmp_path / name).write_bytes(content)
            with pytest.raises(InputError, match="damaged"):
                load(store, tmp_path / name)
        assert store.counts() == {}


def test_titles_are_found_below_a_title_row_of_many_columns(tmp_path: Path) -> None:
    rows = [["生成目录"] * len(EQUIPMENT_TITLES), EQUIPMENT_TITLES, *equipment_rows()]
    with store_in(tmp_path) as store:
        load(store, xlsx(tmp_path / "a.xlsx", {"a": rows}))
        assert store.counts()["instrument"] == 3


def test_numbers_are_ids_too(tmp_path: Path) -> None:
    expert: list[list[object]] = [["id", "姓名"], [1, "甲"]]
    patent: list[list[object]] = [["id", "专利名称"], [7, "装置"]]
    invented: list[list[object]] = [["source", "target", "排名"], [1, 7, 1]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"expert": expert, "patent": patent, "invented": invented}))
        assert report.rejected == 0, report.render()
        assert names(store, "invented") == [("甲", "装置")]
