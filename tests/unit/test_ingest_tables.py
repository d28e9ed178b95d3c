"""CSV as it comes: encodings, delimiters, quoted line breaks, titles in both languages, ids that stay."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from graph.errors import InputError
from graph.kinds import BUILTIN
from ingest.sources.csv_file import encoding_of
from ingest.sources.heads import Head, find_head
from ingest.sources.identity import identity, plain
from tests.unit.ingest_files import load, names, state, store_in, values

EXPERTS = "姓名,职称,研究方向,联系电话\n张生成,教授,催化、质谱,13800000001\n李生成,副教授,显微,13800000002\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(encoding: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "名单.csv"
    path.write_bytes(EXPERTS.replace(",", delimiter).encode(encoding))
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 0
        assert [v["name"] for v in values(store, "expert")] == ["张生成", "李生成"]
        assert values(store, "expert")[0]["tags"] == ["催化", "质谱"]


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
@settings(max_examples=60, deadline=None)
def test_utf_8_is_always_known(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("encodings") / "a.csv"
    path.write_bytes(text.encode())
    assert encoding_of(path) in {"utf-8", "utf-8-sig", "utf-16"}


def test_a_western_encoding_is_refused_rather_than_read_as_chinese(tmp_path: Path) -> None:
    path = tmp_path / "expert.csv"
    path.write_bytes("name,bio\nJürgen Müller,Wärmeübertragung\nLefèvre,matériaux\n".encode("latin-1"))
    assert "M黮ler" in path.read_text(encoding="gb18030")
    with store_in(tmp_path) as store, pytest.raises(InputError, match="save it as UTF-8"):
        load(store, path)
    for western in ("name,bio\nÉmile Zola,Åke Dahl\n".encode("latin-1"), "姓名,簡介\n張三,研究\n".encode("big5")):
        path.write_bytes(western)
        with pytest.raises(InputError, match="save it as UTF-8"):
            encoding_of(path)
    for chinese in (
        "编号,融资轮次\n1,A轮\n2,B轮\n",
        "name,part\nLED灯,X射线\nCu箔,a型\n",
        "姓名,bio\n張三豐,龍騰A座\n",
    ):
        path.write_bytes(chinese.encode("gb18030"))
        assert encoding_of(path) == "gb18030"


def test_quoted_line_breaks_formulas_and_nul_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "expert.csv"
    path.write_text('name,bio\n生成甲,"第一行\n第二行, ""引用"""\n生成乙,=1+1\n生成\0丙,@cmd\n', encoding="utf-8")
    with store_in(tmp_path) as store:
        load(store, path)
        found = {v["name"]: v["bio"] for v in values(store, "expert")}
    assert found == {"生成甲": '第一行\n第二行, "引用"', "生成乙": "=1+1", "生成丙": "@cmd"}


@pytest.mark.parametrize("closed", ["", '"'])
def test_an_open_quotation_mark_costs_its_own_row_only(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "expert.csv"
    told = "两行\n简介, 都是他的, 没有别人"
    rows = ['甲,教授,"没有结束的引号', f"乙,讲师,焊接{closed}", "丙,教授,激光", f'丁,教授,"{told}"']
    path.write_text("\n".join(["姓名,职称,简介", *rows]) + "\n", encoding="utf-8")
    with store_in(tmp_path) as store:
        report = load(store, path)
        found = {v["name"]: v["bio"] for v in values(store, "expert")}
    bad = [(reject["line"], reject["reason"]) for reject in report.rejects]
    assert bad[0][0] == 2 and "quotation mark in this row is not closed" in bad[0][1]
    assert set(found) == {"乙", "丙", "丁"} and found["丁"] == told


def test_a_broken_row_tells_its_line_and_the_rest_loads(tmp_path: Path) -> None:
    path = tmp_path / "expert.csv"
    path.write_text("name,orcid\n甲,0000-0002-1825-0097\n乙,0000-0002-1825-0098\n丙,\n", encoding="utf-8")
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert [(e["line"], e["field"]) for e in report.rejects] == [(3, "orcid")]
        assert store.counts() == {"expert": 2}


def test_an_id_is_made_of_an_identifier_and_stays_when_other_values_change(tmp_path: Path) -> None:
    path = tmp_path / "expert.csv"
    path.write_text("name,orcid,title\n甲,0000-0002-1825-0097,讲师\n", encoding="utf-8")
    with store_in(tmp_path) as store:
        load(store, path, date="2023-01-01")
        path.write_text("name,orcid,title\n甲,https://orcid.org/0000-0002-1825-0097,教授\n", encoding="utf-8")
        load(store, path, date="2024-01-01")
        assert [v["title"] for v in values(store, "expert")] == ["教授"]
        before = state(store)
        load(store, path, date="2022-01-01")
        assert state(store) == before


def test_an_older_file_does_not_overwrite_a_newer_one(tmp_path: Path) -> None:
    new, old = tmp_path / "expert.csv", tmp_path / "专家.csv"
    new.write_text("id,name,title\ne1,甲,教授\n", encoding="utf-8")
    old.write_text("id,name,title,phone\ne1,甲,讲师,13800000001\n", encoding="utf-8")
    with store_in(tmp_path) as store:
        load(store, new, date="2024-01-01")
        load(store, old, date="2020-01-01")
        assert values(store, "expert") == [{"name": "甲", "title": "教授", "phone": "13800000001"}]


def test_english_titles_and_an_institution_beside_a_person(tmp_path: Path) -> None:
    path = tmp_path / "researchers.csv"
    path.write_text("Name,E-Mail,Affiliation\nA. Made Up,a@example.org,Made University\n", encoding="utf-8")
    with store_in(tmp_path) as store:
        load(store, path)
        assert names(store, "employed_by") == [("A. Made Up", "Made University")]


def test_a_relation_table_is_named_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "expert.csv").write_text("id,name\ne1,甲\n", encoding="utf-8")
    (tmp_path / "patent.csv").write_text("id,title\np1,装置\n", encoding="utf-8")
    (tmp_path / "invented.csv").write_text("source,target,排名\ne1,p1,2\ne9,p1,1\n", encoding="utf-8")
    with store_in(tmp_path) as store:
        report = load(store, *(tmp_path / f"{name}.csv" for name in ("invented", "expert", "patent")))
        assert report.rejected == 1
        assert [edge.values for edge in store.relations("invented")] == [{"position": 2}]


def test_kinds_that_fit_alike_ask_for_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("名称,类型,备注\n甲,x,\n乙,y,\n", encoding="utf-8")
    with store_in(tmp_path) as store, pytest.raises(InputError, match=r"valid kinds|alike"):
        load(store, path)


def test_a_file_in_no_known_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "expert.csv").write_bytes(b"name\n\xff\xff\xff\n")
    with store_in(tmp_path) as store, pytest.raises(InputError, match="neither UTF-8 nor GB 18030"):
        load(store, tmp_path / "expert.csv")


def test_every_declared_title_of_a_kind_is_found_by_it() -> None:
    for kind in BUILTIN.entities.values():
        for labels in ([f.labels.zh for f in kind.fields], [f.name for f in kind.fields]):
            head = find_head([labels], (kind.name,), BUILTIN)
            assert isinstance(head, Head) and head.kind == kind.name
            assert [column.name for column in head.columns] == [field.name for field in kind.fields]


@given(st.text(max_size=30))
def test_titles_are_compared_without_width_case_and_blanks(text: str) -> None:
    assert plain(f" {text}： ") == plain(text) == plain(plain(text))


def test_the_same_row_always_has_the_same_id() -> None:
    raw = {"name": "质谱仪", "model": "QE 1"}
    assert identity("instrument", raw) == identity("instrument", {"model": "ＱＥ－１", "name": "质谱仪"})
    assert identity("instrument", raw) != identity("instrument", {**raw, "model": "QE 2"})
    assert identity("instrument", {"phone": "1"}) == ""
