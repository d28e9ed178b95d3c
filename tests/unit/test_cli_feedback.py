"""feedback and exposure from the command line, and train taking the feedback in."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from api.casework import Casework
from api.casework.tables import AUDIT
from tests.unit.cli_running import Command, command_in

TEXT = ("--text", "功率模块结壳热阻过高")


@pytest.fixture
def qianxian(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return command_in(capsys, monkeypatch)


@pytest.fixture
def home(office: Path, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    shutil.copytree(office, home, ignore=shutil.ignore_patterns("casework.db*"))
    return home


def _aliases(qianxian: Command, home: Path) -> list[str]:
    answer = qianxian("--home", home, "match", "need-expert", *TEXT, "--as", "broker", "--limit", "10", "--json").json
    return [match["alias"] for group in answer["groups"] for match in group["matches"]]


def _audited(home: Path) -> list[tuple[str, str]]:
    casework = Casework(f"sqlite:///{home / 'casework.db'}")
    with casework.reading() as connection:
        rows = connection.execute(AUDIT.select().order_by(AUDIT.c.seq)).all()
    casework.close()
    return [(row.action, row.object) for row in rows]


def test_from_an_answer_to_a_better_one(qianxian: Command, home: Path, tmp_path: Path) -> None:
    first, second, *rest = _aliases(qianxian, home)
    give = ("--home", home, "feedback", "give", "need-expert")
    assert qianxian(*give, first, "dismiss", *TEXT, "--reason", "too-far", "--json").json["recorded"] == 1
    assert "unchanged" in qianxian(*give, first, "dismiss", *TEXT, "--reason", "too-far").out
    assert _aliases(qianxian, home)[:9] == [second, *rest]
    assert qianxian(*give, rest[-1], "accept", *TEXT).status == 0

    shown = qianxian("--home", home, "feedback", "list")
    newest, oldest = shown.out.splitlines()
    assert newest.endswith(f"need-expert (a text)  {rest[-1]}: accept")
    assert oldest.endswith(f"need-expert (a text)  {first}: dismiss (too-far)")
    assert [one["event"] for one in qianxian("--home", home, "feedback", "list", "--json").json] == [
        "accept",
        "dismiss",
    ]
    key = qianxian("--home", home, "key", "issue", "--role", "broker", "--json").json["id"]
    assert qianxian("--home", home, "feedback", "list", "--key", key).out == ""

    file = tmp_path / "feedback.jsonl"
    assert qianxian("--home", home, "feedback", "export", file, "--json").json["entries"] == 2
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    assert [(line["event"], line["key_id"]) for line in lines] == [
        ("dismiss", "command-line"),
        ("accept", "command-line"),
    ]
    assert all(line["candidate"].startswith("sample-expert-") for line in lines)
    assert _audited(home)[-2:] == [("feedback", key), ("export", "feedback")]

    learned = qianxian("--home", home, "train", "need-expert", "--json").json["need-expert"]["use"]
    assert learned["reactions"] == 2 and learned["candidates"] > 2
    assert (home / "matching" / "models" / "need-expert.use.json").exists()

    report = qianxian("--home", home, "exposure", "need-expert", "--json").json
    assert report["impressions"] == 20 and {group["group"] for group in report["groups"]} >= {"small", "large"}
    assert "Gini" in qianxian("--home", home, "exposure", "need-expert", "--by", "title").out


def test_what_is_wrong_is_told_and_nothing_recorded(qianxian: Command, home: Path, tmp_path: Path) -> None:
    alias = _aliases(qianxian, home)[0]
    give = ("--home", home, "feedback", "give", "need-expert")
    assert "valid: accept, deal" in qianxian(*give, alias, "like", *TEXT).error
    assert "`reason` is missing; valid: already-known" in qianxian(*give, alias, "decline", *TEXT).error
    assert "either `subject` (an id) or `text`" in qianxian(*give, alias, "save").error
    wrong = ("--home", home, "feedback", "give", "need-nothing", alias, "save", *TEXT)
    assert "valid: enterprise-fund" in qianxian(*wrong).error
    assert "no key 'other'" in qianxian("--home", home, "feedback", "list", "--key", "other").error
    assert "10000" in qianxian("--home", home, "feedback", "list", "--limit", str(10**30)).error
    assert "no such alias" in qianxian(*give, "nonsense", "save", *TEXT).error
    assert "no such alias" in qianxian(*give, alias, "save", "--text", "激光").error
    assert "valid: " in qianxian("--home", home, "exposure", "need-expert", "--by", "name").error
    assert "valid: " in qianxian("--home", home, "exposure", "nothing").error
    for taken in (tmp_path, home / "graph.db", home / "secret.key"):
        before = taken.stat().st_size
        assert "exists; name a new file" in qianxian("--home", home, "feedback", "export", taken).error
        assert taken.stat().st_size == before
    assert qianxian("--home", home, "feedback", "list", "--json").json == []
