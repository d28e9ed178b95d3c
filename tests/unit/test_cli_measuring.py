"""evaluate and score on a folder small enough to know what has to come out."""

from __future__ import annotations

import csv
import os
import random
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson
import pytest

from tests.unit.cli_running import Command, command_in
from tests.unit.running_docs import ROOT

TOPICS = ["激光雷达 lidar", "酶制剂 enzyme", "钙钛矿 perovskite", "热管理 cooling"]
GRADES = (0, 1, 2)


@pytest.fixture(autouse=True)
def _without_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoding takes minutes where the extra is installed; nothing here is about it."""
    monkeypatch.setattr("matching.candidates.encoder.installed", lambda: None)


@pytest.fixture
def qianxian(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return command_in(capsys, monkeypatch)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Needs and experts of four topics, invented; a grade counts how often an expert names the need's topic."""
    folder = tmp_path_factory.mktemp("judged")
    needs = [
        {"id": f"n{i}", "title": TOPICS[i % 4], "text": f"第{i}项需求", "need_type": f"类{i % 2}"} for i in range(24)
    ]
    experts = [{"id": f"x{i}", "tags": [TOPICS[i % 4]], "bio": f"研究{TOPICS[(i // 4) % 4]}"} for i in range(32)]
    _lines(folder / "entities" / "need.jsonl", needs)
    _lines(folder / "entities" / "expert.jsonl", experts)
    pairs = [(n, x, (n % 4 == x % 4) + (n % 4 == (x // 4) % 4)) for n in range(24) for x in range(32)]
    random.Random(3).shuffle(pairs)
    for name, part in (("train", pairs[:500]), ("test", pairs[500:])):
        _table(folder / "judgements" / f"{name}.tsv", part)
    about = {
        "match": "need-expert", "judged": "complete", "grades": GRADES, "relevant_from": 1, "fold": "subject",
        "metrics": ["roc_auc", "ndcg@10"],
    }  # fmt: skip
    (folder / "set.json").write_bytes(orjson.dumps(about))
    return folder


def _lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def _table(path: Path, pairs: list[tuple[int, int, int]]) -> None:
    path.parent.mkdir(exist_ok=True)
    rows = "".join(f"n{need}\tx{expert}\t{grade}\n" for need, expert, grade in pairs)
    path.write_text("subject\tcandidate\tgrade\n" + rows, encoding="utf-8")


def _read(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_training_on_a_split_measures_the_other_and_predicts_grades(
    qianxian: Command, judged: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run.tsv"
    (result,) = qianxian("evaluate", judged, "--train", "train", "--test", "test", "--run", run, "--json").json
    assert (result["split"], result["scores"]) == ("test", "trained on train")
    values = {measure["measure"]: measure["value"] for measure in result["measures"]}
    assert set(values) == {"roc_auc", "ndcg@10"} and values["roc_auc"] > 0.9
    rows = _read(run)
    wanted = [row[:2] for row in _read(judged / "judgements" / "test.tsv")[1:]]
    assert rows[0] == ["subject", "candidate", "score", "grade"] and [row[:2] for row in rows[1:]] == wanted
    assert all(GRADES[0] <= float(row[3]) <= GRADES[-1] for row in rows[1:])


@pytest.mark.parametrize("fold", ["subject", "pair", "none", "need_type"])
def test_every_way_of_folding_scores_every_pair(qianxian: Command, judged: Path, tmp_path: Path, fold: str) -> None:
    run = tmp_path / "run.tsv"
    (result,) = qianxian("evaluate", judged, "--fold", fold, "--run", run, "--json").json
    assert result["split"] == "test+train" and len(_read(run)) == 24 * 32 + 1
    assert result["scores"] == ("prior, nothing trained" if fold == "none" else f"cross-validated by {fold}")
    # Grades are learned or there are none: the prior knows none.
    assert all(bool(row[3]) == (fold != "none") for row in _read(run)[1:])
    for measure in result["measures"]:
        assert 0.5 < measure["low"] <= measure["value"] <= measure["high"] <= 1


def test_the_same_call_gives_the_same_run(qianxian: Command, judged: Path, tmp_path: Path) -> None:
    for name in ("a.tsv", "b.tsv"):
        assert qianxian("evaluate", judged, "--train", "train", "--run", tmp_path / name).status == 0
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()


def test_scores_order_pairs_by_grade(qianxian: Command, judged: Path, tmp_path: Path) -> None:
    pairs, out = tmp_path / "pairs.tsv", tmp_path / "out.tsv"
    # x0 is of need 0's topic twice, x4 once, x5 not at all; nobody is not in the graph.
    pairs.write_text("subject\tcandidate\nn0\tx5\nn0\tx0\nn0\tnobody\nn0\tx4\n", encoding="utf-8")
    words = ("score", judged, "--match", "need-expert", "--pairs", pairs, "--out", out, "--train", "train")
    assert qianxian(*words).status == 0
    rows = _read(out)[1:]
    assert [row[1] for row in rows] == ["x5", "x0", "nobody", "x4"]
    score = {row[1]: float(row[2]) for row in rows}
    assert score["x0"] > score["x4"] > score["x5"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "header"),
        ("n0\tx0\n", "header"),
        ("subject,candidate\nn0,x0\n", "header"),
        ("subject\tcandidate\nn0\n", ":2:"),
        ("subject\tcandidate\n\tx0\n", ":2:"),
        ("subject\tcandidate\tgrade\nn0\tx0\tgood\n", "'good' is no number"),
    ],
)
def test_what_is_wrong_with_pairs_is_named(
    qianxian: Command, judged: Path, tmp_path: Path, text: str, wanted: str
) -> None:
    pairs, out = tmp_path / "pairs.tsv", tmp_path / "out.tsv"
    pairs.write_text(text, encoding="utf-8")
    error = qianxian("score", judged, "--match", "need-expert", "--pairs", pairs, "--out", out).error
    assert wanted in error and "pairs.tsv" in error and not out.exists()


@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        ("{", "set.json"),
        ('{"match": "need-expert", "judged": "often"}', "judged"),
        ('{"judged": "complete"}', "match"),
        ('{"match": "need-expert", "metrics": ["beauty"]}', "beauty"),
        ('{"match": "need-expert", "grades": [2, 1]}', "each greater than the one before"),
        ('{"match": "need-expert", "grades": [1, 1]}', "each greater than the one before"),
        ('{"match": "need-expert", "grades": []}', "each greater than the one before"),
        ('{"match": "need-expert", "grades": [0, NaN]}', "each greater than the one before"),
        ('{"match": "need-expert", "grades": [0, 1], "relevant_from": 99}', "above the highest grade, 1"),
        ('{"match": "need-expert", "relevant_from": Infinity}', "relevant_from is a number"),
        ('{"match": "need-expert", "known": ["zzz"]}', "unknown relation 'zzz'; valid: "),
    ],
)
def test_what_is_wrong_with_a_set_is_named(
    qianxian: Command, judged: Path, tmp_path: Path, about: str, wanted: str
) -> None:
    for name in ("entities", "judgements"):
        shutil.copytree(judged / name, tmp_path / name)
    (tmp_path / "set.json").write_text(about, encoding="utf-8")
    assert wanted in qianxian("evaluate", tmp_path, "--fold", "none").error


@pytest.mark.parametrize(
    ("about", "metric", "reason"),
    [
        ({"grades": [0, 1, 2]}, "recall@10", "`judged` is complete"),
        ({"grades": [0, 1, 2]}, "mutual_yield@1", "`mutual` of the set is not true"),
        ({"grades": [0, 1, 2]}, "inverse_mae", "nothing was trained"),
        ({"relevant_from": 99}, "roc_auc", "no subject has both relevant and other pairs"),
        ({"judged": "positives"}, "roc_auc", "`judged` is positives"),
    ],
)
def test_a_measure_that_cannot_be_had_is_named_with_the_reason(
    qianxian: Command, judged: Path, tmp_path: Path, about: Mapping[str, object], metric: str, reason: str
) -> None:
    for name in ("entities", "judgements"):
        shutil.copytree(judged / name, tmp_path / name)
    had = "mrr" if about.get("judged") else "spearman"
    (tmp_path / "set.json").write_bytes(orjson.dumps({"match": "need-expert", "metrics": [metric, had], **about}))
    words = ("evaluate", tmp_path, "--fold", "none", "--test", "test")
    (result,) = qianxian(*words, "--json").json
    assert [measure["measure"] for measure in result["measures"]] == [had]
    ((name, told),) = ((one["measure"], one["reason"]) for one in result["missing"])
    assert name == metric and reason in told
    assert f"{metric} is not there: {told}" in qianxian(*words).out


def test_neither_a_device_nor_a_link_is_replaced_by_scores(qianxian: Command, judged: Path, tmp_path: Path) -> None:
    pairs, device, link = tmp_path / "pairs.tsv", tmp_path / "null", tmp_path / "link"
    pairs.write_text("subject\tcandidate\nn0\tx5\n", encoding="utf-8")
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        os.mkfifo(device)
    link.symlink_to(tmp_path / "out.tsv")
    mode = device.stat().st_mode
    score = ("score", judged, "--match", "need-expert", "--pairs", pairs, "--out")
    assert "is no regular file" in qianxian(*score, device).error
    assert "is no regular file" in qianxian("evaluate", judged, "--run", device).error
    assert device.stat().st_mode == mode
    assert qianxian(*score, link).status == 0
    assert link.is_symlink() and len(_read(tmp_path / "out.tsv")) == 2


def test_a_run_compared_with_itself_is_within_noise(qianxian: Command, judged: Path, tmp_path: Path) -> None:
    run = tmp_path / "run.tsv"
    words = ("evaluate", judged, "--train", "train", "--test", "test")
    assert qianxian(*words, "--run", run).status == 0
    (result,) = qianxian(*words, "--compare", run, "--json").json
    assert [(c["measure"], c["difference"], c["verdict"]) for c in result["compared"]] == [
        (name, 0, "within noise") for name in ("roc_auc", "ndcg@10")
    ]
    rows = _read(run)
    with run.open("w", encoding="utf-8") as file:  # the same pairs, scored the other way round
        file.writelines("\t".join([*row[:2], f"-{row[2]}".replace("--", "")]) + "\n" for row in rows[1:])
    assert "header" in qianxian(*words, "--compare", run).error
    body = run.read_text(encoding="utf-8")
    run.write_text("subject\tcandidate\tscore\n" + body, encoding="utf-8")
    shown = qianxian(*words, "--compare", run)
    assert shown.status == 0 and "against the run" in shown.out and "better" in shown.out


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda rows: rows[:-7], "lacks 7 of 268 judged pairs"),
        (lambda rows: [*rows, [*rows[1][:2], "7", ""]], "were scored otherwise before"),
        (lambda rows: [*rows[:3], ["n0", "x0", "high", ""]], ":4: score 'high' is no number"),
        (lambda rows: [*rows[:3], ["n0", "x0", "", ""]], ":4: score is missing"),
        (lambda rows: [row[:2] for row in rows], "the header must name subject, candidate and score"),
    ],
)
def test_a_run_of_other_pairs_is_told(
    qianxian: Command, judged: Path, tmp_path: Path, change: Callable[[list[list[str]]], list[list[str]]], wanted: str
) -> None:
    run = tmp_path / "run.tsv"
    words = ("evaluate", judged, "--train", "train", "--test", "test")
    assert qianxian(*words, "--run", run).status == 0
    run.write_text("".join("\t".join(row) + "\n" for row in change(_read(run))), encoding="utf-8")
    assert wanted in qianxian(*words, "--compare", run).error
    assert "nowhere.tsv does not exist" in qianxian(*words, "--compare", tmp_path / "nowhere.tsv").error


def test_groups_are_measured_one_by_one(qianxian: Command, judged: Path) -> None:
    words = ("evaluate", judged, "--fold", "none", "--by", "need_type", "--by", "language")
    (result,) = qianxian(*words, "--by", "candidate.tags", "--json").json
    names = {(group["by"], group["group"]): group for group in result["groups"]}
    assert {("need_type", "类0"), ("need_type", "类1"), ("language", "mixed")} <= names.keys()
    assert len([by for by, _ in names if by == "candidate.tags"]) == 4
    assert names["need_type", "类0"]["pairs"] == 12 * 32
    assert {m["units"] for m in names["need_type", "类0"]["measures"]} == {12}
    assert all(m["low"] <= m["value"] <= m["high"] for group in names.values() for m in group["measures"])
    assert "need_type: 类0" in qianxian(*words).out
    assert "valid: " in (error := qianxian("evaluate", judged, "--by", "name").error) and "candidate.tags" in error


def test_a_trained_model_has_measured_probabilities(qianxian: Command, judged: Path) -> None:
    for words in (("--train", "train", "--test", "test"), ("--fold", "subject")):
        (result,) = qianxian("evaluate", judged, *words, "--json").json
        told = {measure["measure"]: measure["value"] for measure in result["probabilities"]}
        assert told["ece"] <= 0.05 and told["brier_skill"] > 0.5
        assert [measure["measure"] for measure in result["measures"]] == ["roc_auc", "ndcg@10"]
    assert "probabilities" not in qianxian("evaluate", judged, "--fold", "none", "--json").json[0]


def test_a_split_of_one_subject_can_be_learned_from_and_gives_no_probability(
    qianxian: Command, judged: Path, tmp_path: Path
) -> None:
    shutil.copytree(judged, tmp_path / "few")
    _table(tmp_path / "few" / "judgements" / "train.tsv", [(0, 0, 2), (0, 4, 1), (0, 5, 0)])
    (result,) = qianxian("evaluate", tmp_path / "few", "--train", "train", "--test", "test", "--json").json
    assert result["measures"] and "probabilities" not in result


@pytest.mark.parametrize(
    ("name", "kinds", "skill"),
    [("need-achievement-zh", None, 0.02), ("two-sided-choice", "person-person.kinds.json", 0.0)],
)
def test_probabilities_hold_on_real_data(
    qianxian: Command, judged_data: Path, name: str, kinds: str | None, skill: float
) -> None:
    words = [judged_data / name, *(["--kinds", ROOT / "docs" / "examples" / kinds] if kinds else [])]
    told = {m["measure"]: m["value"] for m in qianxian("evaluate", *words, "--json").json[0]["probabilities"]}
    assert told["ece"] <= 0.05 and told["brier_skill"] >= skill


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"subject\tcandidate\tgrade\n", "no pair is judged"),
        (b"subject\tcandidate\tgrade\nn0\tx0\t1\nn1\tx1\t1\n", "hold one grade only"),
        (b"subject\tcandidate\tgrade\nn0\tx0\t1\nn1\tx1\t\n", "n1 and x1 have no grade"),
        (b"subject\tcandidate\tgrade\nn0\tx0\tnan\n", ":2: grade 'nan' is no number"),
        (b"subject\tcandidate\tgrade\nn0\tx0\t1\nn0\tx1\t1e308\n", ":3: grade '1e308' is no number"),
        (b"subject\tcandidate\tgrade\nn0\tx0\t1\n\xff\tx1\t1\n", "it is not UTF-8"),
        (b"subject\tcandidate\tgrade\nn0\t" + b"x" * 200_000 + b"\t1\n", "field larger than field limit"),
        (b"subject\tcandidate\tgrade\nq0\tx0\t1\nq1\tx1\t0\n", "of these 2 pairs are in the graph"),
    ],
)
def test_what_is_wrong_with_judged_pairs_is_told(
    qianxian: Command, judged: Path, tmp_path: Path, body: bytes, told: str
) -> None:
    csv.field_size_limit(1 << 17)  # of the process: whoever reads spreadsheets raises it
    shutil.copytree(judged, tmp_path / "set")
    (tmp_path / "set" / "judgements" / "train.tsv").write_bytes(body)
    ran = qianxian("evaluate", tmp_path / "set", "--train", "train", "--test", "test")
    assert ran.status == 1 and told in ran.error


def test_what_is_learned_from_is_not_tested_on_and_pairs_are_not_written_over(
    qianxian: Command, judged: Path, tmp_path: Path
) -> None:
    both = qianxian("evaluate", judged, "--train", "train", "--test", "train")
    assert both.status == 1 and "to learn from and to test on" in both.error
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("subject\tcandidate\nn0\tx0\n")
    score = ("score", judged, "--match", "need-expert", "--pairs")
    assert "holds the pairs" in qianxian(*score, pairs, "--out", pairs).error
    assert "is no file" in qianxian(*score, tmp_path / "nothing", "--out", pairs).error
    assert pairs.read_text() == "subject\tcandidate\nn0\tx0\n"
