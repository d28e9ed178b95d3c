"""sample, ingest, build, export: data in, data out."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest
import structlog

from graph.projection import build as project
from graph.store import open_store
from ingest import export
from tests.unit.cli_running import Command, command_in


@pytest.fixture
def qianxian(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return command_in(capsys, monkeypatch)


def _folder(path: Path, **files: list[dict[str, object]]) -> Path:
    for name, rows in files.items():
        file = path / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_name(f"{file.name}.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    return path


def test_sample_writes_the_same_world_twice(qianxian: Command, tmp_path: Path) -> None:
    for name in ("a", "b"):
        ran = qianxian("sample", tmp_path / name, "--experts", "20", "--seed", "5")
        assert ran.status == 0 and "generated" in ran.out
    first = {p.relative_to(tmp_path / "a"): p.read_bytes() for p in (tmp_path / "a").rglob("*") if p.is_file()}
    second = {p.relative_to(tmp_path / "b"): p.read_bytes() for p in (tmp_path / "b").rglob("*") if p.is_file()}
    assert first == second and len(first) > 10


def test_sample_refuses_a_folder_with_something_else(qianxian: Command, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    assert str(tmp_path) in qianxian("sample", tmp_path, "--experts", "20").error
    assert (tmp_path / "letter.txt").exists()


def test_ingest_reports_to_people_and_programs(qianxian: Command, tmp_path: Path) -> None:
    data = _folder(
        tmp_path / "data",
        entities__need=[{"id": "n1", "title": "热"}, {"id": "n2", "budget": "many"}, {"title": "no id"}],
        entities__enterprise=[{"id": "e1", "colour": "red"}],
        relations__posted=[{"source": "e1", "target": "n1"}, {"source": "e1", "target": "n9"}],
    )
    ran = qianxian("--home", tmp_path / "home", "ingest", data, "--json")
    assert ran.status == 0
    kinds = ran.json["kinds"]
    assert (kinds["need"]["inserted"], kinds["need"]["rejected"]) == (1, 2)
    assert (kinds["posted"]["inserted"], kinds["posted"]["rejected"]) == (1, 1)
    assert ran.json["unknown_fields"] == [{"kind": "enterprise", "field": "colour", "rows": 1}]
    again = qianxian("--home", tmp_path / "home", "ingest", data)
    assert again.status == 0
    assert "need.jsonl:2" in again.out and "budget" in again.out and "n9" in again.out
    rejects = (tmp_path / "home" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rejects) == 3


def test_strict_dry_run_date_and_rejects(qianxian: Command, tmp_path: Path) -> None:
    data = _folder(tmp_path / "data", entities__enterprise=[{"id": "e1", "colour": "red"}, {"id": "e2"}])
    home = tmp_path / "home"
    dry = qianxian("--home", home, "ingest", data, "--dry-run", "--json").json
    assert dry["dry_run"] and dry["revision"] == 0 and dry["kinds"]["enterprise"]["inserted"] == 2
    assert not home.exists()
    strict = qianxian("--home", home, "ingest", data, "--strict", "--rejects", tmp_path / "bad.jsonl", "--json").json
    assert strict["kinds"]["enterprise"]["rejected"] == 1
    assert b"colour" in (tmp_path / "bad.jsonl").read_bytes()
    newer = _folder(tmp_path / "newer", entities__enterprise=[{"id": "e2", "stage": "B轮"}])
    older = _folder(tmp_path / "older", entities__enterprise=[{"id": "e2", "stage": "A轮"}])
    qianxian("--home", home, "ingest", newer, "--date", "2026-02-01")
    qianxian("--home", home, "ingest", older, "--date", "2026-01-01")
    with open_store(f"sqlite:///{home / 'graph.db'}") as store:
        entity = store.get("enterprise", "e2")
    assert entity is not None and entity.values["stage"] == "B轮"


def test_a_single_file_and_a_store_of_its_own(qianxian: Command, tmp_path: Path) -> None:
    file = tmp_path / "need.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"id": "n1", "title": "a"}\n'))
    store = f"sqlite:///{tmp_path / 'other.db'}"
    assert qianxian("--home", tmp_path / "home", "ingest", file, "--store", store).status == 0
    with open_store(store) as opened:
        assert opened.counts() == {"need": 1}
    assert (
        qianxian("--home", tmp_path / "home", "export", tmp_path / "out", "--store", store, "--json").json["records"]
        == 1
    )


def test_export_and_ingest_round_trip(qianxian: Command, sample: Path, office: Path, tmp_path: Path) -> None:
    assert qianxian("--home", office, "export", tmp_path / "copy").status == 0
    assert qianxian("--home", tmp_path / "home", "ingest", tmp_path / "copy").status == 0
    with (
        open_store(f"sqlite:///{office / 'graph.db'}") as first,
        open_store(f"sqlite:///{tmp_path / 'home/graph.db'}") as second,
    ):
        assert first.counts() == second.counts()
        prints = {project(store, tmp_path / name).fingerprint for store, name in ((first, "p1"), (second, "p2"))}
    assert len(prints) == 1


def test_export_keeps_kinds_of_ones_own(qianxian: Command, tmp_path: Path) -> None:
    data = _folder(tmp_path / "data", entities__boat=[{"id": "b1", "name": "示例"}])
    labels = {"en": "boat", "zh": "船"}
    kind = {
        "name": "boat",
        "labels": labels,
        "fields": [{"name": "name", "type": "string", "access": "public", "labels": labels}],
    }
    (data / "kinds.json").write_bytes(orjson.dumps({"entities": [kind]}))
    assert qianxian("--home", tmp_path / "home", "ingest", data).status == 0
    assert qianxian("--home", tmp_path / "home", "export", tmp_path / "copy").status == 0
    assert (
        qianxian("--home", tmp_path / "home2", "ingest", tmp_path / "copy", "--json").json["kinds"]["boat"]["inserted"]
        == 1
    )


def test_export_never_overwrites(qianxian: Command, office: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear", encoding="utf-8")
    assert "not an empty folder" in qianxian("--home", office, "export", tmp_path / "full").error


@pytest.mark.parametrize("after", [0, 40])
def test_an_export_to_a_full_disk_names_it_and_leaves_nothing(
    office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    written: list[object] = []

    def full(data: object, option: int | None = None) -> bytes:
        written.append(data)
        if len(written) > after:
            raise OSError(errno.ENOSPC, "No space left on device", "somewhere")
        return dumps(data, option=option)

    dumps = orjson.dumps
    with open_store(f"sqlite:///{office / 'graph.db'}") as store:
        monkeypatch.setattr("ingest.export.orjson.dumps", full)
        with pytest.raises(OSError, match="No space left") as caught:
            export.write(store, tmp_path / "copy")
        assert caught.value.filename == str(tmp_path / "copy")
        assert list((tmp_path / "copy").iterdir()) == []


def test_what_a_killed_export_left_is_in_nobodys_way(qianxian: Command, office: Path, tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "copy" / f".{gone.pid}.part" / "entities").mkdir(parents=True)
    assert qianxian("--home", office, "export", tmp_path / "copy").status == 0
    assert {path.name for path in (tmp_path / "copy").iterdir()} <= {"entities", "relations", "kinds.json"}
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / "other" / f".{other.pid}.part").mkdir(parents=True)
        assert "is being written" in qianxian("--home", office, "export", tmp_path / "other").error
        other.kill()
    for left, wanted in ((f".{os.getpid()}.part", 0), ("thesis.2019.part", 1)):  # in a container the number is the same
        (tmp_path / left / left).mkdir(parents=True)
        assert qianxian("--home", office, "export", tmp_path / left).status == wanted
    assert (tmp_path / "thesis.2019.part" / "thesis.2019.part").is_dir()


def test_build_takes_up_what_changed(qianxian: Command, office: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(office, home)
    before = qianxian("--home", home, "build", "--json").json["revision"]
    data = _folder(tmp_path / "data", entities__need=[{"id": "n1", "title": "新需求"}])
    qianxian("--home", home, "ingest", data)
    assert qianxian("--home", home, "build", "--json").json["revision"] == before + 1
    assert f"built revision {before + 1}" in qianxian("--home", home, "build", "--full").out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("ingest", "nowhere"), "nowhere does not exist"),
        (("ingest", "."), "home: is a folder within"),
        (("export", "out"), "graph.db"),
        (("build",), "graph.db does not exist"),
        (("--store", "mysql://a:secret@b/c", "ingest", "."), "valid: sqlite:///FILE"),
        (("ingest", ".", "--date", "yesterday"), "2026-01-31"),
        (("ingest", ".", "--rejects", "no/where.jsonl"), "cannot be written there"),
        (("sample", "out", "--experts", "0"), "experts"),
        (("sample", "out", "--experts", "many"), "--experts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    qianxian: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], wanted: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QIANXIAN_HOME", str(tmp_path / "home"))
    error = qianxian(*words).error
    assert wanted in error and "secret" not in error
    assert not (tmp_path / "out").exists()


def test_what_is_written_is_for_its_user_alone(
    qianxian: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.installation.log", structlog.get_logger())  # one that no test before has used
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    data = _folder(tmp_path / "data", entities__need=[{"id": "n1", "title": "a"}, {"title": []}])
    ran = qianxian("--home", home, "ingest", data)
    assert "warning: home open to others: reason its mode lets others look into it; `chmod 700` it" in ran.err
    qianxian("--home", home, "export", tmp_path / "copy")
    qianxian("--home", home, "export", tmp_path / "table.csv", "--format", "uniquip")
    qianxian("--home", home, "feedback", "export", tmp_path / "feedback.jsonl")
    written = [*home.iterdir(), tmp_path / "copy", tmp_path / "table.csv", tmp_path / "feedback.jsonl"]
    assert {"graph.db", "casework.db", "rejects.jsonl", "secret.key"} <= {file.name for file in home.iterdir()}
    assert [file.name for file in written if file.stat().st_mode & 0o077] == []


def test_a_report_shows_no_terminal_controls(qianxian: Command, tmp_path: Path) -> None:
    file = tmp_path / "need.csv"
    file.write_text("id,title,\x1b]0;owned\x07odd\u202e\nn1,a,b\n", encoding="utf-8")
    ran = qianxian("--home", tmp_path / "home", "ingest", file)
    assert "unknown field need.]0;owned" in ran.out and not {"\x1b", "\x07", "\u202e"} & set(ran.out + ran.err)
    error = qianxian("--home", tmp_path / "\x1b[31mhome", "build").error
    assert "[31mhome" in error and "\x1b" not in error


@pytest.mark.parametrize("option", ["a link", "a link to nothing", "a pipe", "a link to a pipe", "a loop"])
def test_an_output_is_never_put_in_the_place_of_a_link_or_a_pipe(
    qianxian: Command, tmp_path: Path, option: str
) -> None:
    data = _folder(tmp_path / "data", entities__need=[{"title": []}])
    target, rejects = tmp_path / "target", tmp_path / "rejects"
    if option == "a loop":
        rejects.symlink_to(rejects)
    elif option == "a pipe":
        os.mkfifo(rejects)
    else:
        rejects.symlink_to(target)
        if option == "a link to a pipe":
            os.mkfifo(target)
        elif option == "a link":
            target.write_text("before", encoding="utf-8")
    before = rejects.lstat().st_mode, target.exists() and target.stat().st_mode
    ran = qianxian("--home", tmp_path / "home", "ingest", data, "--rejects", rejects)
    assert rejects.lstat().st_mode == before[0]
    if option in {"a link", "a link to nothing"}:
        assert ran.status == 0 and orjson.loads(target.read_bytes())["kind"] == "need"
    else:
        assert "is no regular file" in ran.error
        assert (target.exists() and target.stat().st_mode) == before[1]
