"""key, serve and demo; and how the command as a whole starts, ends and complains."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from api.cli.context import Context
from api.cli.demo import run as demo
from graph.errors import InputError
from graph.records import Entity, Origin
from graph.store import open_store
from tests.unit.cli_running import START, Command, command_in, spawned


@pytest.fixture
def qianxian(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return command_in(capsys, monkeypatch)


def test_a_key_is_issued_listed_and_revoked(qianxian: Command, tmp_path: Path) -> None:
    issued = qianxian(
        "--home", tmp_path, "key", "issue", "--role", "enterprise", "--party", "enterprise:e1", "--label", "firm",
        "--days", "3", "--json",
    ).json  # fmt: skip
    token, id = issued["token"], issued["id"]
    assert token.startswith(f"qx_{id}_") and issued["parties"] == ["enterprise:e1"]
    assert issued["expires"] - issued["created"] == 3 * 86_400
    listed = qianxian("--home", tmp_path, "key", "list")
    assert re.search(rf"{id}\s+enterprise\s+valid\s+match\s+enterprise:e1\s+firm", listed.out)
    assert token not in listed.out
    assert qianxian("--home", tmp_path, "key", "revoke", id).out == f"revoked {id}\n"
    assert qianxian("--home", tmp_path, "key", "list", "--json").json[0]["revoked"]
    again = qianxian("--home", tmp_path, "key", "issue", "--role", "outsider")
    assert re.fullmatch(r"qx_[a-z0-9]{12}_[\w-]{43}\n", again.out)
    assert token.encode() not in b"".join(p.read_bytes() for p in tmp_path.iterdir() if p.is_file())


def test_a_key_for_nobody_says_so_and_is_issued(qianxian: Command, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.upsert([Entity("enterprise", "e1", {"name": "某样本公司"})], Origin("test", "2024"))
    parties = ("enterprise:e1", "enterprise:e2", "planet:mars")
    words = [word for party in parties for word in ("--party", party)]
    issued = qianxian("--home", tmp_path, "key", "issue", "--role", "broker", *words)
    assert issued.out.startswith("qx_")
    assert issued.err == "".join(
        f"{party} is not in the graph: the key stands for nobody until it is\n" for party in parties[1:]
    )


@pytest.mark.parametrize("name", ["home", "store", "casework"])
def test_an_empty_name_is_refused_and_nothing_is_made_here(
    qianxian: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"QIANXIAN_{name.upper()}", "")
    for words in (["build"], ["key", "list"], ["match", "need-expert", "--text", "a"]):
        assert "is empty" in qianxian(*words).error
        if name != "casework":
            assert "is empty" in qianxian(f"--{name}", "", *words).error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("match", "need-expert", "--text", "a", "--home", "x"), "before the command: qianxian --home … match …"),
        (("key", "list", "--store=x"), "--store belongs before the command: qianxian --store … key list …"),
        (("--json", "match", "need-expert"), "--json belongs after the command: qianxian COMMAND … --json"),
        (("key", "--json", "list"), "after the command: qianxian key COMMAND … --json"),
        (("--role", "broker", "key", "issue"), "--role belongs after the command: qianxian COMMAND … --role"),
        (("--colour", "match"), "No such option: --colour"),
        (("match", "need-expert", "--colour"), "No such option: --colour"),
    ],
)
def test_a_misplaced_option_is_told_where_it_belongs(qianxian: Command, words: tuple[str, ...], told: str) -> None:
    ran = qianxian(*words)
    assert told in ran.error and ran.status == 2


def test_what_the_command_line_shows_unmasked_is_audited(qianxian: Command, office: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(office, home)
    before = qianxian("--home", home, "audit", "verify", "--json").json["entries"]
    for role in ("operator", "broker", "expert"):
        assert qianxian("--home", home, "match", "need-patent", "--text", "激光", "--as", role).status == 0
    assert qianxian("--home", home, "export", tmp_path / "copy").status == 0
    assert qianxian("--home", home, "audit", "verify", "--json").json["entries"] == before + 3
    with closing(sqlite3.connect(home / "casework.db")) as casework, casework:
        casework.execute("DROP TRIGGER audit_no_delete")
        casework.execute("DELETE FROM audit WHERE seq = ?", (before + 2,))
    assert f"entry {before + 2} was changed or removed" in qianxian("--home", home, "audit", "verify").error


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("issue", "--role", "king"), "valid: broker"),
        (("issue",), "--role"),
        (("issue", "--role", "outsider", "--party", "*"), "broker and operator"),
        (("issue", "--role", "enterprise", "--party", "e1"), "KIND:ID"),
        (("issue", "--role", "broker", "--scope", "write"), "valid: match"),
        (("issue", "--role", "broker", "--days", "0"), "--days"),
        (("revoke", "nothing"), "qianxian key list"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_key(qianxian: Command, tmp_path: Path, words: tuple[str, ...], wanted: str) -> None:
    assert wanted in qianxian("--home", tmp_path, "key", *words).error


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(("--port", "70000"), "QIANXIAN_PORT"), (("--workers", "0"), "QIANXIAN_WORKERS"), (("--port", "a"), "--port")],
)
def test_what_is_wrong_with_a_service(qianxian: Command, tmp_path: Path, words: tuple[str, ...], wanted: str) -> None:
    assert wanted in qianxian("--home", tmp_path, "serve", *words).error


def test_help_comes_at_once_and_every_command_has_it(qianxian: Command) -> None:
    started = time.monotonic()
    done = subprocess.run([*START, "--help"], capture_output=True, text=True, check=True)
    print(f"--help took {time.monotonic() - started:.2f} s")  # noqa: T201
    code = "import sys; from api.cli.app import app; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "scipy", "sklearn", "sqlalchemy", "fastapi", "neo4j"} & set(loaded), "what help does not need"
    commands = re.findall(r"^│ ([a-z]+)\s", done.stdout, re.MULTILINE)
    assert {
        "demo",
        "sample",
        "ingest",
        "build",
        "train",
        "serve",
        "match",
        "key",
        "evaluate",
        "score",
        "export",
    } <= set(commands)
    for name in commands:
        ran = qianxian(name, "--help")
        assert ran.status == 0 and "Usage" in ran.out
    assert qianxian("--version").out.startswith("qianxian ")


@pytest.mark.parametrize(("words", "wanted"), [(("fly",), "fly"), (("--fly",), "--fly"), (("key", "fly"), "fly")])
def test_a_wrong_call_is_an_error(qianxian: Command, words: tuple[str, ...], wanted: str) -> None:
    ran = qianxian(*words)
    assert ran.status == 2 and wanted in ran.error


@pytest.mark.parametrize(
    "words",
    [("match", "need-expert", "--text"), ("key", "revoke"), ("serve", "--host"), ("key", "issue", "--role")],
)
def test_arguments_that_are_no_utf_8_are_refused(qianxian: Command, words: tuple[str, ...]) -> None:
    ran = qianxian(*words, os.fsdecode(b"\xff"))
    assert ran.status == 2 and "argument \ufffd is not UTF-8" in ran.error


def test_a_seed_is_not_negative(qianxian: Command, tmp_path: Path) -> None:
    assert "--seed" in qianxian("sample", tmp_path / "world", "--experts", "10", "--seed", "-1").error
    assert not (tmp_path / "world").exists()


def test_without_arguments_the_help_is_shown(qianxian: Command) -> None:
    ran = qianxian()
    assert ran.status != 0 and "Usage" in ran.out + ran.err and "Traceback" not in ran.err


def test_an_interrupt_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    process = spawned("sample", tmp_path / "world", "--experts", "200000")
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err


def test_a_reader_that_goes_away_is_no_error_to_shout_about(office: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    words = [
        "--home",
        str(office),
        "match",
        "need-patent",
        "--text",
        "激光",
        "--as",
        "broker",
        "--limit",
        "100",
        "--json",
    ]
    done = subprocess.run([*START, *words], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.returncode != 0 and "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_on_a_terminal_there_is_colour_and_a_moving_line(tmp_path: Path) -> None:
    parent, child = pty.openpty()
    process = spawned("--home", tmp_path, "key", "list", stdin=child)
    process.communicate(timeout=60)
    done = subprocess.run(
        [*START, "sample", str(tmp_path / "world"), "--experts", "50"], stdout=child, stderr=child, check=True
    )
    os.close(child)
    shown = os.read(parent, 100_000).decode()
    os.close(parent)
    assert done.returncode == 0 and "\r\x1b[2K" in shown


def test_warnings_go_to_stderr(qianxian: Command, office: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(office, home)
    (home / "matching" / "models").mkdir(exist_ok=True)
    (home / "matching" / "models" / "need-patent.json").write_text('{"format": 0}', encoding="utf-8")
    ran = qianxian("--home", home, "match", "need-patent", "--text", "激光", "--json")
    assert ran.status == 0 and ran.json["groups"]
    assert "warning: model refused" in ran.err


def test_the_demo_runs_twice_and_says_how_to_go_on(qianxian: Command, tmp_path: Path) -> None:
    home = tmp_path / "home"
    qianxian("--home", home, "key", "issue", "--role", "outsider", "--label", "demo")
    for _ in range(2):
        ran = qianxian("--home", home, "demo", "--experts", "150")
        assert ran.status == 0, ran.err[-2000:]
    for word in ("generated", "A broker", "A fund", "An enterprise", "over HTTP", "→ 200", "make serve", "qx_", "curl"):
        assert word in ran.out
    assert not (home / "sample-world").exists()
    keys = qianxian("--home", home, "key", "list", "--json").json
    assert [bool(key["revoked"]) for key in keys] == [False, True, False], "the key of the first demo has ended"


def test_the_demo_keeps_away_from_real_data(tmp_path: Path) -> None:
    context = Context(tmp_path / "home", None)
    with context.open_store(create=True) as store:
        store.upsert([Entity("enterprise", "e1", {})], Origin("test", "2026-01-01"))
    with pytest.raises(InputError, match="not generated, such as enterprise 'e1'"):
        demo(context, 150)
    with open_store(context.settings.store_url) as store:
        assert store.counts() == {"enterprise": 1}
