"""duplicates: found, accepted, listed and parted from the command line."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.unit.cli_running import Command, command_in


@pytest.fixture
def qianxian(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return command_in(capsys, monkeypatch)


@pytest.fixture
def home(qianxian: Command, tmp_path: Path) -> Path:
    """An installation that knows one invented person twice."""
    orcid = "0000-0002-1825-0097"  # the example of ORCID's own documentation
    rows = [{"id": "x1", "orcid": orcid, "tags": "激光"}, {"id": "x2", "orcid": orcid}, {"id": "x3"}]
    file = tmp_path / "expert.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    assert qianxian("--home", tmp_path / "home", "ingest", file, "--apart").status == 0
    return tmp_path / "home"


def test_a_pair_is_found_tied_listed_and_parted(qianxian: Command, home: Path) -> None:
    found = qianxian("--home", home, "duplicates", "find", "--json").json
    pair = {"kind": "expert", "duplicate": "x2", "representative": "x1", "score": 1.0, "method": "identifier"}
    assert found["pairs"] == [pair] and found["tied"] == 0
    assert "0 pairs are tied" in qianxian("--home", home, "duplicates", "list").out
    assert "1 pairs found, 1 tied" in qianxian("--home", home, "duplicates", "find", "--accept").out
    assert qianxian("--home", home, "duplicates", "list", "--json").json["pairs"] == [pair]
    assert qianxian("--home", home, "duplicates", "undo", "expert", "x1", "--json").json["parted"] == 1
    assert not qianxian("--home", home, "duplicates", "list", "--json").json["pairs"]


def test_a_person_decides_in_the_review_file(qianxian: Command, home: Path, tmp_path: Path) -> None:
    review = tmp_path / "review.jsonl"
    pairs = [{"kind": "expert", "duplicate": f"x{n}", "representative": "x1", "accept": n == 3} for n in (2, 3)]
    review.write_bytes(b"\n".join(orjson.dumps(pair) for pair in pairs))
    assert qianxian("--home", home, "duplicates", "accept", review, "--json").json["tied"] == 1
    (tied,) = qianxian("--home", home, "duplicates", "list", "--json").json["pairs"]
    assert (tied["duplicate"], tied["representative"]) == ("x3", "x1")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("find", "--kind", "boat"), "valid: enterprise"),
        (("find", "--method", "magic"), "valid: identifier, probabilistic"),
        (("find", "--threshold", "2", "--method", "probabilistic"), "threshold"),
        (("accept", "nowhere.jsonl"), "nowhere.jsonl"),
        (("undo", "expert", "x1"), "tied to no other record"),
        (("undo", "expert"), "'id'"),
        (("undo", "boat", "x1"), "valid: enterprise"),
    ],
)
def test_what_is_wrong_is_named(qianxian: Command, home: Path, words: tuple[str, ...], wanted: str) -> None:
    assert wanted in qianxian("--home", home, "duplicates", *words).error
