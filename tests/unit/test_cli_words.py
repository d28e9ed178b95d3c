"""What `match` says to people, in the language they read."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from api.cli import words
from api.cli.showing import show_answer
from graph.kinds import BUILTIN
from graph.schema import Labels
from matching.explanation.reasons import SHARE_BANDS
from matching.kinds import MatchKinds
from matching.masking import Role
from matching.ranking.model import BANDS
from tests.unit.cli_running import Command, command_in


@pytest.fixture
def qianxian(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return command_in(capsys, monkeypatch)


def test_a_chinese_reader_reads_no_english(qianxian: Command, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    english = [word for label in said_by(words) for word in label.en.split("{}") if re.search("[a-z]{3}", word)]
    for role in ("broker", "outsider"):
        for asked in ("柔性心电贴片的导电银浆易断", "猫咪美容"):
            question = ("match", "need-expert", "--text", asked, "--as", role, "--limit", "5", "--explain")
            out = qianxian("--home", office, *question).out
            assert f"为需求找专家 · “{asked}” · 提问身份：{words.ROLES[role].zh}" in out
            assert "需求逐条对照" in out and "得分" in out and "所示信息相同的不少于" in out
            assert not [word for word in english if word in out]


def said_by(table: ModuleType) -> list[Labels]:
    """All that a table of words says."""
    rows = [list(row.values()) if isinstance(row, dict) else [row] for row in vars(table).values()]
    return [label for row in rows for label in row if isinstance(label, Labels)]


def test_everything_is_said_in_both_languages() -> None:
    labels = said_by(words)
    assert len(labels) > 40
    for label in labels:
        assert re.findall("{.*?}", label.zh) == re.findall("{.*?}", label.en), label
        assert re.search("[㐀-鿿、]", label.zh) and not re.search("[㐀-鿿]", label.en.replace("牵线", "")), label
    assert set(words.ROLES) == set(Role) and set(words.BAND_NAMES) == set(BANDS)
    assert set(words.SHARES) == {word for _, word in SHARE_BANDS}


@pytest.mark.parametrize(("language", "none"), [("C.UTF-8", "patents none"), ("zh_CN.UTF-8", "专利数 无")])
def test_no_neighbours_are_none(monkeypatch: pytest.MonkeyPatch, language: str, none: str) -> None:
    """Only a number of neighbours is none below 1."""
    monkeypatch.setenv("LC_ALL", language)
    card = {"fields": {"patents": "<1", "publications": "1–5", "title": "<1"}, "texts": {}}
    answer = {"groups": [{"band": "weak", "matches": [{"alias": "a", "card": card, "k": 1, "rank": 1}]}], "next": None}
    out = Console(file=StringIO(), width=120)
    show_answer(out, answer, MatchKinds.of(BUILTIN)["need-expert"], "n", "broker", BUILTIN)
    assert isinstance(out.file, StringIO)
    shown = out.file.getvalue()
    assert none in shown and "1–5" in shown and shown.count("<1") == 1


def test_the_help_names_every_role(qianxian: Command) -> None:
    shown = {name: qianxian(*name, "--help").out for name in (("match",), ("key", "issue"))}
    assert not [(name, role) for name, out in shown.items() for role in Role if role not in out]
