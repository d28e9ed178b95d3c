"""Sheets and files that list nothing known: named with the reason, while the others load."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from graph.errors import InputError
from tests.unit.cli_running import command_in
from tests.unit.ingest_files import jsonl, load, state, store_in, values, xlsx

COVER = [["填报说明（生成数据）"], ["填报单位", "生成科技局"], ["填报人", "张生成"], ["日期", "2024-03-01"]]
NOTES = [["Notes"], ["All data are made up."]]
STATISTICS: list[list[object]] = [["地区", "所属行业", "企业数量"], ["杭州市", "I65", 3], ["宁波市", "C39", 4]]
GUIDE = [["需求名称", "填写全称"], ["需求内容", "不少于50字"], ["企业名称", "与营业执照一致"], ["预算", "万元"]]
NEEDS = {
    "zh": [["需求名称", "需求内容"], ["散热", "热阻"], ["降噪", "噪声"]],
    "en": [["Title", "Text"], ["Heat", "thermal"], ["Noise", "loud"]],
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_sheets_that_list_nothing_known_are_named_and_the_others_load(language: str, tmp_path: Path) -> None:
    sheets: dict[str, Sequence[Sequence[object]]] = {
        "封面": COVER,
        "notes": NOTES,
        "需求": NEEDS[language],
        "统计": STATISTICS,
        "填表说明": GUIDE,
        "Sheet6": [],
    }
    path = xlsx(tmp_path / "企业技术需求.xlsx", sheets)
    with store_in(tmp_path) as store:
        dry = load(store, path, dry_run=True)
        report = load(store, path)
        assert store.counts() == {"need": 2}
        assert report.rejected == 0, report.render()
        assert [(name.partition("#")[2], reason.partition(":")[0]) for name, reason in report.skipped] == [
            ("封面", "its column titles fit no kind"),
            ("notes", "it holds no table"),
            ("统计", "no column identifies the enterprise"),
            ("填表说明", "its column titles fit no kind"),
            ("Sheet6", "it is empty"),
        ]
        assert "skipped 企业技术需求.xlsx#封面: its column titles fit no kind: '填报单位'" in report.render()
        assert report.to_dict()["skipped"][1] == {
            "file": "企业技术需求.xlsx#notes",
            "reason": "it holds no table: column titles and at least one row are needed",
        }
        assert dry.skipped == report.skipped
        before = state(store)
        load(store, path)
        assert state(store) == before


def test_where_nothing_fits_the_error_names_sheets_reasons_and_titles(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", {"封面": COVER, "统计": [["甲", "乙"], [1, 2]]})
    with store_in(tmp_path) as store:
        with pytest.raises(InputError) as told:
            load(store, path)
        for part in (
            "a.xlsx#封面: its column",
            "a.xlsx#统计: its column",
            "'甲', '乙'",
            "需求名称",
            "need",
            "budget 预算",
        ):
            assert part in str(told.value)
        assert store.counts() == {}


def test_kinds_that_fit_alike_are_skipped_with_both(tmp_path: Path) -> None:
    unclear = [["名称", "类型", "备注"], ["甲", "x", ""], ["乙", "y", ""]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"Sheet1": unclear, "Sheet2": NEEDS["zh"]}))
        assert store.counts() == {"need": 2}
        assert "fit need and institution alike: name the file or sheet by its kind" in report.render()


def test_a_damaged_sheet_of_a_known_kind_is_told_row_by_row_beside_a_cover(tmp_path: Path) -> None:
    needs: list[list[object]] = [["需求名称", "预算"], ["散热", "很多"], ["降噪", 1], ["", 2]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"封面": COVER, "Sheet2": needs}))
        assert [(entry["file"], entry["line"], entry["field"]) for entry in report.rejects] == [
            ("a.xlsx#Sheet2", 2, "budget"),
            ("a.xlsx#Sheet2", 4, None),
        ]
        assert [need["title"] for need in values(store, "need")] == ["降噪"]


def test_a_plain_folder_loads_what_its_files_hold(tmp_path: Path) -> None:
    folder = tmp_path / "收到的"
    jsonl(folder / "expert.jsonl", [{"id": "e1", "name": "甲"}])
    jsonl(folder / "martian.jsonl", [{"id": "1"}])
    jsonl(folder / "rejects.jsonl", [{"kind": "expert", "row": {"id": "e2"}}])
    jsonl(folder / "bad.jsonl", [{"kind": "expert", "row": {"id": "e3"}}])
    xlsx(folder / "汇总.xlsx", {"封面": COVER, "需求": NEEDS["zh"]})
    (folder / "needs.csv").write_text("title,text\nMixing,paint\n", encoding="utf-8")
    (folder / "readme.txt").write_text("made up\n", encoding="utf-8")
    (folder / "broken.xlsx").write_bytes(b"PK\3\4 no workbook")
    (folder / "letter.docx").write_bytes(b"x")
    (folder / "~$汇总.xlsx").write_bytes(b"x")
    (folder / ".hidden.csv").write_bytes(b"x")
    (folder / "more").mkdir()
    (tmp_path / "secret.csv").write_text("title,text\nSecret,x\n", encoding="utf-8")
    (folder / "secret.csv").symlink_to(tmp_path / "secret.csv")
    with store_in(tmp_path) as store:
        report = load(store, folder)
        assert store.counts() == {"expert": 1, "need": 3}
        assert {name: reason.partition(":")[0] for name, reason in report.skipped} == {
            "martian.jsonl": "unknown kind 'martian' (a file is named by its kind); valid",
            "bad.jsonl": "holds rejects of an earlier load",
            "rejects.jsonl": "holds rejects of an earlier load",
            "汇总.xlsx#封面": "its column titles fit no kind",
            "readme.txt": "it holds no table",
            "broken.xlsx": f"{folder / 'broken.xlsx'} is damaged or encrypted",
            "letter.docx": "is of no known format; valid",
            "more": "is a folder within",
            "secret.csv": "leads out of the folder",
        }
        before = state(store)
        load(store, folder)
        assert state(store) == before
        assert load(store, folder / "letter.docx", folder / "needs.csv").skipped[0].name == "letter.docx"
        with pytest.raises(InputError, match="damaged"):
            load(store, folder / "broken.xlsx", folder / "needs.csv")


def test_the_current_folder_is_a_path_like_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    qianxian = command_in(capsys, monkeypatch)
    (tmp_path / "needs.csv").write_text("title,budget\nHeat,1\nNoise,many\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for times in range(2):
        ran = qianxian("ingest", ".", "--json")
        assert ran.status == 0
        assert ran.json["kinds"]["need"]["rejected"] == 1
        assert ran.json["kinds"]["need"]["inserted"] == (0 if times else 1)
        assert [entry["file"] for entry in ran.json["skipped"]] == ["qianxian-data"]
    error = qianxian("ingest", xlsx(tmp_path / "a.xlsx", {"封面": COVER}))
    assert error.status != 0 and "a.xlsx#封面" in error.error
