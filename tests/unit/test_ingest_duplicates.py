"""Duplicates: found by identifier or by likeness, tied, reviewed, parted."""

import builtins
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from graph.errors import InputError, NotFoundError, QianxianError, UnknownNameError
from graph.projection import build
from graph.store import GraphStore
from ingest import duplicates
from ingest.duplicates import Pair
from ingest.resemblance import core
from tests.unit.ingest_files import jsonl, load, store_in

ORCIDS = ("0000-0002-1825-0097", "0000-0001-5109-3700")
EXPERTS = [
    {"id": "a", "name": "甲", "orcid": ORCIDS[0]},
    {"id": "b", "name": "甲", "orcid": ORCIDS[0], "title": "教授", "bio": "生成"},
    {"id": "c", "name": "甲", "orcid": ORCIDS[0], "title": "教授", "email": "c@example.org"},
    {"id": "d", "name": "乙", "orcid": ORCIDS[1]},
    {"id": "e", "name": "乙"},
]


def _experts(folder: Path) -> GraphStore:
    store = store_in(folder)
    load(store, jsonl(folder / "expert.jsonl", EXPERTS), resolve="none")
    return store


def test_records_that_share_an_identifier_are_tied_as_they_load(tmp_path: Path) -> None:
    first, later = tmp_path / "1" / "expert.jsonl", tmp_path / "2" / "expert.jsonl"
    with store_in(tmp_path) as store:
        report = load(store, jsonl(first, EXPERTS))
        assert report.of("expert").merged == 2
        assert [pair[1:3] for pair in duplicates.listed(store)] == [("a", "b"), ("c", "b")]
        revision = store.revision()
        assert load(store, first).of("expert").merged == 0
        assert store.revision() == revision
        report = load(store, jsonl(later, [{"id": "z", "name": "丙", "orcid": ORCIDS[1]}, {"id": "y"}]))
        assert [pair[1:3] for pair in duplicates.listed(store)] == [("a", "b"), ("c", "b"), ("z", "d")]
        assert report.to_dict()["kinds"]["expert"]["merged"] == 1
        duplicates.undo(store, duplicates.tied(store, "expert", "z"))
        load(store, first, later, jsonl(tmp_path / "3" / "expert.jsonl", [{"id": "x", "orcid": ORCIDS[0]}]))
        assert ("z", "d") not in [pair[1:3] for pair in duplicates.listed(store)]


def test_what_a_person_parted_stays_apart_until_a_person_ties_it_again(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        load(store, jsonl(tmp_path / "1" / "expert.jsonl", EXPERTS))
        (parted,) = duplicates.tied(store, "expert", "a")
        assert duplicates.undo(store, [parted]) == 1
        kept = [pair[1:3] for pair in duplicates.listed(store)]
        changed = [EXPERTS[0] | {"bio": "新", "title": "教授", "email": "a@example.org"}, EXPERTS[1] | {"bio": "新"}]
        load(store, jsonl(tmp_path / "2" / "expert.jsonl", changed))
        assert [pair[1:3] for pair in duplicates.listed(store)] == kept == [("c", "b")]
        assert duplicates.find(store).pairs == []
        assert list(build(store, tmp_path / "projection").table("expert").ids) == ["a", "b", "d", "e"]
        again = Pair("expert", "b", "a", 1.0, "identifier")
        assert duplicates.accept(store, [again]) == 1
        assert store.counts()["same_as"] == 2 and "not_same_as" not in store.counts()
        assert duplicates.undo(store, [again]) == 1


def test_what_was_parted_is_not_tied_by_way_of_a_third(tmp_path: Path) -> None:
    with _experts(tmp_path) as store:
        duplicates.accept(store, duplicates.find(store).pairs)
        duplicates.undo(store, duplicates.tied(store, "expert", "b"))
        found = duplicates.find(store).pairs
        assert [pair[1:3] for pair in found] == [("a", "c")]
        duplicates.accept(store, found)
        assert duplicates.find(store).pairs == []
        load(store, jsonl(tmp_path / "expert.jsonl", [{"id": "z", "orcid": ORCIDS[0]}]))
        assert len(duplicates.listed(store)) == 2


def test_a_trial_run_ties_nothing(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        load(store, jsonl(tmp_path / "expert.jsonl", EXPERTS), dry_run=True)
        assert store.revision() == 0


def test_an_identifier_that_a_kinds_file_adds_ties_nothing(tmp_path: Path) -> None:
    labels = {"en": "client", "zh": "委托方"}
    client = {"name": "client", "type": "code", "scheme": "uscc", "access": "internal", "labels": labels}
    (tmp_path / "entities").mkdir()
    (tmp_path / "kinds.json").write_bytes(orjson.dumps({"entities": [{"name": "need", "fields": [client]}]}))
    code = "91110000600037341L"
    jsonl(tmp_path / "entities" / "need.jsonl", [{"id": "1", "client": code}, {"id": "2", "client": code}])
    with store_in(tmp_path) as store:
        assert load(store, tmp_path).of("need").inserted == 2
        assert duplicates.find(store).pairs == duplicates.listed(store) == []


def test_the_fuller_record_then_the_smaller_id_stands_for_all(tmp_path: Path) -> None:
    with _experts(tmp_path) as store:
        pairs = duplicates.find(store).pairs
        assert pairs == [Pair("expert", "a", "b", 1.0, "identifier"), Pair("expert", "c", "b", 1.0, "identifier")]
        assert duplicates.listed(store) == []
        assert duplicates.accept(store, pairs) == 2
        assert duplicates.listed(store) == pairs
        assert duplicates.find(store).pairs == []


def test_tied_records_are_one_in_the_projection_and_two_after_undo(tmp_path: Path) -> None:
    with _experts(tmp_path) as store:
        duplicates.accept(store, duplicates.find(store).pairs)
        table = build(store, tmp_path / "projection").table("expert")
        assert list(table.ids) == ["b", "d", "e"]
        assert table.values(0)["email"] == "c@example.org"
        before = store.provenance("expert", "c")
        assert duplicates.undo(store, duplicates.tied(store, "expert", "b")) == 2
        assert list(build(store, tmp_path / "projection").table("expert").ids) == ["a", "b", "c", "d", "e"]
        assert store.provenance("expert", "c") == before
        with pytest.raises(NotFoundError):
            duplicates.tied(store, "expert", "b")


def test_a_record_that_comes_later_is_tied_to_the_one_that_stands(tmp_path: Path) -> None:
    with _experts(tmp_path) as store:
        duplicates.accept(store, duplicates.find(store).pairs)
        late = [{"id": "z", "orcid": ORCIDS[0]}, {"id": "f", "orcid": ORCIDS[1], "name": "乙"}]
        load(store, jsonl(tmp_path / "expert.jsonl", late), resolve="none")
        assert [pair[1:3] for pair in duplicates.find(store).pairs] == [("f", "d"), ("z", "b")]


def test_wrong_arguments_name_the_valid_ones(tmp_path: Path) -> None:
    with _experts(tmp_path) as store:
        with pytest.raises(UnknownNameError, match="identifier, probabilistic"):
            duplicates.find(store, method="guess")
        with pytest.raises(UnknownNameError, match="expert"):
            duplicates.find(store, ["martian"])
        with pytest.raises(InputError, match="probability"):
            duplicates.find(store, threshold=1.5)
        with pytest.raises(UnknownNameError, match="enterprise, expert, institution"):
            duplicates.find(store, ["need"], "probabilistic")
        with pytest.raises(InputError, match="does not exist"):
            duplicates.accept(store, [Pair("expert", "a", "nobody", 1.0, "identifier")])


def _enterprises(folder: Path) -> GraphStore:
    cities = [f"3301{n:02d}" for n in (2, 5, 6, 8, 9, 10, 11, 12, 13, 14)] + ["310000", "110000", "440300", "320500"]
    rows: list[dict[str, Any]] = [
        {
            "id": f"e{n:03d}",
            "name": f"生成{chr(0x4E00 + n * 37)}{chr(0x5E00 + n * 11)}科技",
            "regions": [cities[n % len(cities)]],
        }
        for n in range(200)
    ]
    rows.append({**rows[7], "id": "same", "name": rows[7]["name"] + "有限公司", "size": 5})
    rows[9]["uscc"], other = "91330106MA2CFRYA0U", "91310115MA1K3XEW5P"
    rows.append({**rows[9], "id": "contrary", "uscc": other})
    rows.append({**rows[8], "id": "doubtful", "regions": ["650000"]})
    store = store_in(folder)
    load(store, jsonl(folder / "enterprise.jsonl", rows))
    return store


def test_likeness_ties_the_sure_pairs_and_leaves_the_doubtful_to_a_person(tmp_path: Path) -> None:
    pytest.importorskip("splink", reason="the extra `dedupe` is not installed")
    review = tmp_path / "review.jsonl"
    with _enterprises(tmp_path) as store:
        pairs = duplicates.find(store, ["enterprise"], "probabilistic", 0.95, review).pairs
        assert [pair[:3] for pair in pairs] == [("enterprise", "e007", "same")]
        assert pairs == duplicates.find(store, ["enterprise"], "probabilistic", 0.95, review).pairs
        low = duplicates.find(store, ["enterprise"], "probabilistic", 0.5, review).pairs
        assert {pair[:3] for pair in low} >= {pair[:3] for pair in pairs}
        duplicates.find(store, ["enterprise"], "probabilistic", 0.9999999, review)
        doubtful = [orjson.loads(line) for line in review.read_bytes().splitlines()]
        assert [entry["accept"] for entry in doubtful] == [False] * len(doubtful)
        assert list(duplicates.accepted(review)) == []
        jsonl(review, [entry | {"accept": entry["representative"] == "same"} for entry in doubtful])
        assert [pair[:3] for pair in duplicates.accepted(review)] == [("enterprise", "e007", "same")]
        duplicates.accept(store, duplicates.accepted(review))
        assert duplicates.find(store, ["enterprise"], "probabilistic", 0.95).pairs == []


def test_the_command_counts_the_doubtful_pairs(tmp_path: Path) -> None:
    pytest.importorskip("splink", reason="the extra `dedupe` is not installed")
    import typer

    from api.cli import duplicates as commands
    from api.cli.context import Context

    with _enterprises(tmp_path):
        pass
    app = typer.Typer()
    commands.add(app)
    context = Context(tmp_path, f"sqlite:///{tmp_path / 'graph.db'}")
    review = tmp_path / "review.jsonl"

    def run(*words: str) -> str:
        command = ["duplicates", "find", "--method", "probabilistic", "--review", str(review), *words]
        return CliRunner().invoke(app, command, obj=context, catch_exceptions=False).stdout

    told = run("--kind", "enterprise", "--threshold", "0.9999999")
    lines = len(review.read_bytes().splitlines())
    assert lines and f"0 pairs found, 0 tied; {lines} doubtful, in {review}: set `accept`" in told
    assert orjson.loads(run("--kind", "enterprise", "--threshold", "0.9999999", "--json"))["doubtful"] == lines
    assert run("--kind", "expert") == "0 pairs found, 0 tied; 0 doubtful\n"
    assert review.read_bytes() == b""


def test_a_review_line_that_is_no_pair_is_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "review.jsonl", [{"kind": "expert", "duplicate": "a", "representative": "b"}])
    with pytest.raises(InputError, match=r"review\.jsonl:1.*accept"):
        list(duplicates.accepted(path))


def test_without_splink_the_reason_is_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name in {"splink", "duckdb"}:
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    with _experts(tmp_path) as store:
        monkeypatch.setattr(builtins, "__import__", absent)
        with pytest.raises(QianxianError, match=r"qianxian\[dedupe\]"):
            duplicates.find(store, ["expert"], "probabilistic")


@pytest.mark.parametrize(
    ("one", "other"),
    [("生成科技有限公司", "生成科技 股份有限公司"), ("Made Co., Ltd.", "MADE"), ("有限公司", "有限公司")],
)
def test_names_are_compared_without_their_legal_form(one: str, other: str) -> None:
    assert core(one) == core(other) != ""


def test_the_commands(tmp_path: Path) -> None:
    import typer

    from api.cli import duplicates as commands
    from api.cli.context import Context

    with _experts(tmp_path):
        pass
    app = typer.Typer()
    commands.add(app)
    context = Context(tmp_path, f"sqlite:///{tmp_path / 'graph.db'}")

    def run(*words: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, ["duplicates", *words, "--json"], obj=context, catch_exceptions=False)
        assert done.exit_code == 0
        found: dict[str, Any] = orjson.loads(done.stdout)
        return found

    assert len(run("find")["pairs"]) == 2 and run("list")["pairs"] == []
    assert run("find", "--accept")["tied"] == 2
    assert len(run("list")["pairs"]) == 2
    review = run("undo", "expert", "a")["pairs"]
    assert run("find")["pairs"] == []
    path = jsonl(tmp_path / "review.jsonl", [pair | {"accept": True} for pair in review])
    assert run("accept", str(path))["tied"] == 1
    shutil.rmtree(tmp_path / "projection", ignore_errors=True)
