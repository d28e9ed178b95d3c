"""Input made to do harm: a clear error or a rejected row, bounded memory, nothing half-written."""

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from graph.errors import InputError, QianxianError
from ingest.sources import excel
from ingest.sources.folder import kinds_document
from tests.unit.ingest_files import equipment_xlsx, jsonl, load, store_in, xlsx

GOOD = b'{"id": "e1", "name": "good"}\n'


def _lying(path: Path, size: int) -> Path:
    """A zip whose directory declares ten bytes for a part that holds `size`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"\0" * size)
    content = path.read_bytes()
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    return path


def _bomb(path: Path, parts: int, size: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(parts):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", b" " * size)
    return path


def test_zip_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "LARGEST_UNPACKED", 8 << 20)
    cases = {
        "packed more than": _bomb(tmp_path / "steep.xlsx", 1, 4 << 20),
        "unpacks to more": _bomb(tmp_path / "large.xlsx", 9, 1 << 20),
        "damaged": _lying(tmp_path / "lying.xlsx", 4 << 20),
        "parts; at most": _bomb(tmp_path / "many.xlsx", 5_001, 1),
    }
    with store_in(tmp_path) as store:
        for reason, path in cases.items():
            with pytest.raises(InputError, match=reason):
                load(store, path)
        assert store.counts() == {}


@pytest.mark.parametrize("name", ["../../evil.xml", "/etc/evil.xml", "..\\evil.xml", "c:/evil.xml"])
def test_parts_that_lead_out_of_a_workbook_are_refused(name: str, tmp_path: Path) -> None:
    path = equipment_xlsx(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    with store_in(tmp_path) as store, pytest.raises(InputError, match="leads out"):
        load(store, path)


def test_a_zip_that_is_no_workbook_and_cells_far_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("readme.txt", b"x")
    far = xlsx(tmp_path / "far.xlsx", {"expert": [["姓名"], ["甲"]]})
    with zipfile.ZipFile(far) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    parts[sheet] = parts[sheet].replace(b"</sheetData>", cell)
    with zipfile.ZipFile(far, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with store_in(tmp_path) as store:
        with pytest.raises(InputError, match="no Excel workbook"):
            load(store, tmp_path / "a.xlsx")
        with pytest.raises(InputError, match="too much memory"):
            load(store, far)


SCRIPT = """
import resource, sys
from pathlib import Path
from tests.unit.ingest_files import load, store_in
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path = Path(sys.argv[1])
with store_in(path.parent) as store:
    report = load(store, path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(report.rejected, store.counts().get("expert", 0), (peak - before) // 1024)
"""


@pytest.mark.parametrize("name", ["expert.jsonl", "expert.jsonl.gz", "expert.csv"])
def test_a_line_without_end_is_rejected_in_bounded_memory(name: str, tmp_path: Path) -> None:
    size = 300 << 20
    opened = gzip.open if name.endswith(".gz") else open
    head, tail = (b"id,name\n", b"\ne1,good\n") if name.endswith("csv") else (b"", b"\n" + GOOD)
    with opened(tmp_path / name, "wb") as file:
        file.write(head)
        for _ in range(size >> 20):
            file.write(b"a" * (1 << 20))
        file.write(tail)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / name)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    rejected, loaded, mebibytes = map(int, done.stdout.split())
    assert (rejected, loaded) == (1, 1)
    assert mebibytes < 200


def test_deep_nesting_nul_and_half_characters_are_rejected_alone(tmp_path: Path) -> None:
    path = tmp_path / "expert.jsonl"
    deep = b'{"id": "e2", "bio": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    half = b'{"id": "e3", "bio": "\\ud800"}\n'
    nul = b'{"id": "e4", "name": "a\\u0000b"}\n\0\0\0\n'
    path.write_bytes(GOOD + deep + half + nul)
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert [entry["line"] for entry in report.rejects] == [2, 3, 5]
        found = store.get("expert", "e4")
        assert found is not None and found.values == {"name": "ab"}


def test_a_quotation_mark_that_is_never_closed(tmp_path: Path) -> None:
    path = tmp_path / "expert.csv"
    path.write_text('id,name\ne1,good\ne2,"open\n' + "x,y\n" * 400_000, encoding="utf-8")
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert any("cannot be read as CSV" in entry["reason"] for entry in report.rejects)
        assert store.get("expert", "e1") is not None


def test_a_gzip_cut_short_loads_up_to_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "expert.jsonl.gz"
    whole = gzip.compress(
        b"".join(b'{"id": "%d", "name": "%s"}\n' % (n, os.urandom(20).hex().encode()) for n in range(2000))
    )
    path.write_bytes(whole[: len(whole) // 2])
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 1 and "ends in the middle" in report.render()
        assert 0 < store.counts()["expert"] < 2000


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    jsonl(tmp_path / "secret.jsonl", [{"id": "e1"}])
    (tmp_path / "world/entities").mkdir(parents=True)
    (tmp_path / "world/entities/expert.jsonl").symlink_to(tmp_path / "secret.jsonl")
    with store_in(tmp_path) as store, pytest.raises(InputError, match="leads out"):
        load(store, tmp_path / "world")


def test_a_pipe_and_a_device_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "expert.jsonl")
    with store_in(tmp_path) as store:
        for path in (tmp_path / "expert.jsonl", Path("/dev/zero")):
            with pytest.raises(InputError, match="neither a file nor a folder"):
                load(store, path)


def test_a_pipe_in_a_data_folder_and_as_kinds_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "data/entities").mkdir(parents=True)
    os.mkfifo(tmp_path / "data/entities/need.jsonl")
    with store_in(tmp_path) as store:
        with pytest.raises(InputError, match=r"need\.jsonl is no file"):
            load(store, tmp_path / "data")
        for kinds in (tmp_path / "data/entities/need.jsonl", Path("/dev/zero")):
            with pytest.raises(InputError, match="is no file"):
                kinds_document(kinds)


@pytest.mark.parametrize("seed", range(30))
def test_workbooks_damaged_anywhere_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    content = bytearray(equipment_xlsx(tmp_path / "whole.xlsx").read_bytes())
    start = seed * len(content) // 30
    content[start : start + 40] = bytes((byte * 7 + seed) % 256 for byte in content[start : start + 40])
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with store_in(tmp_path) as store:
        try:
            load(store, path)
        except QianxianError as error:
            assert str(path) in str(error)


def test_ever_new_fields_and_endless_rows_stay_bounded(tmp_path: Path) -> None:
    fields = jsonl(tmp_path / "need.jsonl", ({"id": f"n{n}", f"field{n}": 1} for n in range(3_000)))
    wide = tmp_path / "expert.csv"
    wide.write_text("\n".join(["name," + ",".join(f"c{n}" for n in range(5_000)), "甲" + ",x" * 5_000]), "utf-8")
    with store_in(tmp_path) as store:
        report = load(store, fields)
        assert len(report.unknown) == 1_001
        assert sum(report.unknown.values()) == 3_000
        assert "981 more unknown fields" in report.render()
        assert len(load(store, wide).unknown) < 1_000
        assert store.counts() == {"need": 3_000, "expert": 1}
