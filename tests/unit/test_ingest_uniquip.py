"""UNIQUIP with the titles of 2012 and the field names of 2025."""

import csv
from pathlib import Path

import pytest

from graph.errors import InputError
from ingest.export import write_uniquip
from ingest.sources.uniquip import TITLES_2012
from tests.unit.ingest_files import load, names, state, store_in, values, xlsx

ROW_2012 = {
    "Type": "equipment",
    "Name": "Made Microscope",
    "Description": "Generated: looks at small things",
    "Technique": "Microscopy",
    "Contact Name": "M. Adeup",
    "Contact Telephone": "01234 567",
    "Contact Email": "m@example.org",
    "ID": "F0001",
    "Department": "Department of Generated Science",
    "Location": "杭州市",
    "Web Address": "https://example.org/f1",
}


def _csv(path: Path, titles: tuple[str, ...], rows: list[dict[str, str]]) -> Path:
    lines = [",".join(titles), *(",".join(row.get(title, "") for title in titles) for row in rows)]
    path.write_text("\r\n".join(lines), encoding="utf-8")
    return path


def test_the_titles_of_2012(tmp_path: Path) -> None:
    nameless = {"Description": "Generated thing\nmore", "ID": "F0002", "Secondary Contact Email": "s@example.org"}
    nameless["Description"] = '"Generated thing"'
    path = _csv(tmp_path / "export.csv", TITLES_2012, [ROW_2012, nameless])
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 0, report.render()
        thing, microscope = values(store, "instrument")
        assert microscope == {
            "name": "Made Microscope",
            "description": "Generated: looks at small things",
            "category": "equipment",
            "technique": ["Microscopy"],
            "contact": "M. Adeup",
            "phone": "01234 567",
            "email": "m@example.org",
            "serial_number": "F0001",
            "region": "330100",
        }
        assert thing["name"] == "Generated thing" and thing["email"] == "s@example.org"
        assert names(store, "owns") == [("Department of Generated Science", "Made Microscope")]
        assert report.to_dict()["unknown_fields"] == [{"kind": "instrument", "field": "Web Address", "rows": 1}]
        before = state(store)
        load(store, path)
        assert state(store) == before


def test_instruments_go_out_with_the_titles_of_2012_and_come_back(tmp_path: Path) -> None:
    path = _csv(tmp_path / "in.csv", TITLES_2012, [ROW_2012, ROW_2012 | {"ID": "F0002"}])
    with store_in(tmp_path) as store:
        load(store, path)
        assert write_uniquip(store, tmp_path / "out.csv") == 2
        before = state(store)
        report = load(store, tmp_path / "out.csv")
        assert report.rejected == 0, report.render()
        assert state(store) == before
        with pytest.raises(InputError, match="exists"):
            write_uniquip(store, tmp_path / "out.csv")
    row = next(csv.DictReader((tmp_path / "out.csv").read_text("utf-8-sig").splitlines()))
    assert {title: text for title, text in row.items() if text} == {
        title: text for title, text in ROW_2012.items() if title != "Web Address"
    }


def test_the_field_names_of_2025_in_excel_too(tmp_path: Path) -> None:
    titles = ["type", "institutionID", "name", "description", "manufacturer", "model", "measuredVariables"]
    titles += ["contactName", "contactEmail", "managingDepartment", "commissionedDate"]
    row = ["equipment", "77", "Made Spectrometer", "Generated", "Made Works", "M1", "mass; charge"]
    row += ["M. Adeup", "m@example.org", "Chemistry", "2020-01-01"]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"records": [titles, row]}))
        assert report.rejected == 0
        (found,) = values(store, "instrument")
        assert (found["manufacturer"], found["model"], found["technique"]) == ("Made Works", "M1", ["mass", "charge"])
        assert names(store, "owns") == [("Chemistry", "Made Spectrometer")]


def test_the_same_number_in_two_departments_is_two_instruments(tmp_path: Path) -> None:
    other = ROW_2012 | {"Department": "Another Generated Department"}
    with store_in(tmp_path) as store:
        load(store, _csv(tmp_path / "a.csv", TITLES_2012, [ROW_2012, other]))
        assert store.counts()["instrument"] == 2
