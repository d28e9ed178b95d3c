"""match, train, evaluate, score: asking and measuring from the command line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from api.bootstrap import open_matcher
from api.settings import load
from matching.training.card import card
from matching.training.train import learned, train
from tests.unit.cli_running import Command, command_in

NEED = "sample-need-0000000"


@pytest.fixture(autouse=True)
def _without_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoding takes minutes where the extra is installed; nothing here is about it."""
    monkeypatch.setattr("matching.candidates.encoder.installed", lambda: None)


@pytest.fixture
def qianxian(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return command_in(capsys, monkeypatch)


def _ask(qianxian: Command, home: Path, kind: str, *words: str) -> Any:
    ran = qianxian("--home", home, "match", kind, *words, "--json")
    assert ran.status == 0, ran.err
    return ran.json


def _matches(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [match for group in answer["groups"] for match in group["matches"]]


@pytest.mark.parametrize("kind", ["need-expert", "need-patent", "need-instrument", "need-publication"])
def test_a_broker_gets_an_order(qianxian: Command, office: Path, kind: str) -> None:
    asked = _ask(qianxian, office, kind, "--subject", NEED, "--as", "broker", "--limit", "4", "--explain")
    matches = _matches(asked)
    assert [match["rank"] for match in matches] == [1, 2, 3, 4]
    for match in matches:
        explanation = match["explanation"]
        total = explanation["base"] + sum(part["share"] for part in explanation["contributions"])
        assert total == pytest.approx(explanation["score"])


@pytest.mark.parametrize("role", ["outsider", "enterprise"])
def test_others_get_groups_in_no_order(qianxian: Command, office: Path, role: str) -> None:
    answer = _ask(qianxian, office, "need-expert", "--text", "激光器", "--as", role, "--limit", "1", "--explain")
    assert answer["groups"] and all(len(group["matches"]) >= 5 for group in answer["groups"])
    hidden = {"score", "base", "probability"}
    assert not any("rank" in match or hidden & set(match["explanation"]) for match in _matches(answer))


def test_the_outsider_is_the_default(qianxian: Command, office: Path) -> None:
    words = ("--text", "激光器")
    answer = _ask(qianxian, office, "need-expert", *words)
    assert answer == _ask(qianxian, office, "need-expert", *words, "--as", "outsider")
    assert answer != _ask(qianxian, office, "need-expert", *words, "--as", "broker")


def test_names_stay_hidden_on_screen(qianxian: Command, office: Path) -> None:
    from api.settings import load
    from graph.store import open_store

    hidden = ("name", "email", "phone")
    with open_store(load(home=office).store_url) as store:
        values = [entity.values.get(field) for entity in store.entities("expert") for field in hidden]
    names = {str(value) for value in values if value and len(str(value)) > 2}
    assert len(names) > 100
    for role in ("outsider", "broker", "operator"):
        words = ("--subject", NEED, "--as", role, "--limit", "100", "--explain")
        ran = qianxian("--home", office, "match", "need-expert", *words)
        assert ran.status == 0
        assert not [name for name in names if name in ran.out]


def test_what_a_person_reads(qianxian: Command, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    words = ("--home", office, "match", "need-expert", "--subject", NEED, "--as", "broker", "--limit", "3", "--explain")
    ran = qianxian(*words)
    assert f"experts for a need · “{NEED}” · asked as broker" in ran.out
    assert len(re.findall(r"(?:5|10|20) or more show these same values", ran.out)) == 3
    assert not [line for line in ran.out.splitlines() if line != line.rstrip()]


def test_the_last_line_has_what_the_sentence_names(
    qianxian: Command, office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.cli.showing import why_lines
    from graph.kinds import BUILTIN
    from matching.explanation.wording import Wording
    from matching.kinds import MatchKinds

    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    wording = Wording(MatchKinds.of(BUILTIN)["need-instrument"], BUILTIN, "en")
    answer = _ask(qianxian, office, "need-instrument", "--subject", NEED, "--as", "broker", "--explain")
    for match in _matches(answer):
        over = match["explanation"].get("over_next")
        if over and not over["level"]:
            last = why_lines(match["explanation"], wording)[-1][0]
            for part in (*over["ahead"], *over["behind"]):
                assert f"{wording.features((part['feature'],))} " in last
    together = "value_price_external+value_price_internal"
    shares = [("words", 0.9), ("chars", 0.8), ("title", 0.7), ("parts", 0.6), ("value_price_internal", 0.5)]
    shares += [("value_price_external", -0.45), ("semantic", 0.1)]
    over = {"level": False, "ahead": [{"feature": together}], "behind": [{"feature": "walk"}], "without": []}
    explanation = {
        "score": 1.0, "contributions": [{"feature": name, "share": share} for name, share in shares],
        "over_next": over, "summary": {"en": ""},
    }  # fmt: skip
    ((line, _),) = why_lines(explanation, wording, {"semantic"})
    assert line.count(" · ") == 6 and line.endswith("related documents +0.00")
    assert (
        "closeness of subject +0.10 · what is known of them (external price per hour, internal price per hour) +0.05"
        in line
    )


def test_numbers_have_units_and_no_band_praises_what_is_no_match(
    qianxian: Command, office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    words = ("--as", "broker", "--limit", "5")
    shown = qianxian("--home", office, "match", "need-instrument", "--subject", NEED, *words).out
    assert re.search(r"internal price per hour\s+[0-9]+\s+yuan/h", shown)
    assert "Of a list a card may show only some" not in shown  # instruments are public records
    nobody = qianxian("--home", office, "match", "need-expert", "--text", "猫咪美容", *words, "--explain").out
    assert "There is no good match" in nobody and "● highest scores here" in nobody and "strong score" not in nobody


def test_that_lists_may_be_cut_is_said_of_all_cards_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shows all of a list and whoever shows some look alike, or the groups of k would be smaller."""
    from io import StringIO

    from rich.console import Console

    from api.cli.showing import show_answer
    from graph.kinds import BUILTIN
    from matching.kinds import MatchKinds

    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def shown(kind: str, field: str) -> str:
        card = {"kind": "x", "fields": {field: ["a"]}, "texts": {}}
        groups = [{"band": "good", "matches": [{"alias": "0", "card": card, "rank": rank} for rank in (1, 2)]}]
        out = Console(file=StringIO(), width=200)
        show_answer(out, {"groups": groups}, MatchKinds.of(BUILTIN)[kind], "x", "broker", BUILTIN)
        assert isinstance(out.file, StringIO)
        return out.file.getvalue()

    assert shown("enterprise-fund", "sectors").count("Of a list a card may show only some") == 1
    assert "only some" not in shown("need-instrument", "technique")  # a public record
    assert "only some" not in shown("enterprise-fund", "region")


def test_filters_act_on_what_is_shown(qianxian: Command, office: Path) -> None:
    words = ("--home", office, "match", "need-instrument", "--subject", NEED, "--as", "broker", "--json")
    category = _matches(qianxian(*words).json)[0]["card"]["fields"]["category"]
    found = _matches(qianxian(*words, "--filter", f"category={category}").json)
    assert found and {match["card"]["fields"]["category"] for match in found} == {category}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("need-boat", "--text", "a"), "valid: enterprise-fund"),
        (("need-expert",), "subject"),
        (("need-expert", "--text", "a", "--subject", "b"), "not both"),
        (("need-expert", "--text", " "), "text"),
        (("need-expert", "--subject", "nobody"), "no need with this id"),
        (("need-expert", "--text", "a", "--as", "king"), "valid: broker"),
        (("need-expert", "--text", "a", "--limit", "0"), "1 to 100"),
        (("need-expert", "--text", "a", "--limit", "1000"), "1 to 100"),
        (("need-expert", "--text", "a", "--filter", "title"), "FIELD=VALUE"),
        (("need-expert", "--text", "a", "--filter", "name=x"), "valid:"),
        (("need-expert", "--text", "a" * 20_001), "20000"),
        (("need-expert", "--colour", "red"), "--colour"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_question(qianxian: Command, office: Path, words: tuple[str, ...], wanted: str) -> None:
    assert wanted in qianxian("--home", office, "match", *words).error


def test_without_a_build_the_way_to_one_is_said(qianxian: Command, tmp_path: Path) -> None:
    assert "run `qianxian build`" in qianxian("--home", tmp_path, "match", "need-expert", "--text", "a").error
    assert "run `qianxian build`" in qianxian("--home", tmp_path, "train").error


def test_train_says_what_it_learned(qianxian: Command, office: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(office, home)
    learned = qianxian("--home", home, "train", "fund-enterprise", "--json").json
    assert list(learned) == ["fund-enterprise"] and learned["fund-enterprise"]["outcomes"] > 0
    shown = qianxian("--home", home, "train", "fund-enterprise")
    assert "fund-enterprise" in shown.out and "kept" in shown.out
    assert "valid: enterprise-fund" in qianxian("--home", home, "train", "nothing").error
    assert "nothing was learned" in qianxian("--home", home, "train", "need-patent").out


@pytest.fixture(scope="module")
def trained(office: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that has learned; its world is small, so fewer outcomes have to do."""
    home = tmp_path_factory.mktemp("trained") / "home"
    shutil.copytree(office, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matching.training.train.LEAST", 40)
        train(open_matcher(load(home=home)).state)
    return home


def test_every_learned_kind_is_calibrated_and_has_a_card(qianxian: Command, trained: Path, tmp_path: Path) -> None:
    kinds = sorted(path.stem for path in (trained / "matching" / "models").glob("*.json"))
    assert len(kinds) == 5
    for kind in kinds:
        about = qianxian("--home", trained, "card", kind, "--json").json
        told = {measure["measure"]: measure["value"] for measure in about["calibration"]["measures"]}
        assert told["ece"] <= 0.05 and told["brier_skill"] <= 1
        bands = about["calibration"]["bands"]
        said = [band["probability"] for band in bands]
        assert said == sorted(said, reverse=True) and bands[0]["observed"] > bands[-1]["observed"]
        shown = qianxian("--home", trained, "card", kind).out
        assert shown.strip() == (trained / "matching" / "models" / f"{kind}.md").read_text(encoding="utf-8").strip()
        for part in ("Data", "Held-out measures", "Calibration", "Features", "Ablation", "Limits"):
            assert f"## {part}\n" in shown
        assert about["fingerprint"] in shown
        assert "| `words` | shared words · 关键词重合度 | " in shown
        rows = [line.split(" | ") for line in shown.splitlines() if line.startswith("| `") and line.count("|") > 5]
        assert rows and all(words and "_" not in words for _, words, *_ in rows)
    plot = tmp_path / "plot.svg"
    assert qianxian("--home", trained, "card", kinds[0], "--plot", plot).status == 0
    assert plot.read_text(encoding="utf-8").startswith("<svg")


def test_the_same_data_give_the_same_card(trained: Path) -> None:
    state = open_matcher(load(home=trained)).state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matching.training.train.LEAST", 40)
        model = learned(state.prepared("need-instrument"))
    written = (trained / "matching" / "models" / "need-instrument.md").read_text(encoding="utf-8")
    assert card(state.kinds["need-instrument"], model, state.projection.catalogue) == written


def test_a_probability_is_for_brokers_who_ask_with_a_subject(qianxian: Command, trained: Path) -> None:
    subject, text = ("--subject", NEED), ("--text", "激光器")
    for role, words, told in (
        ("broker", subject, True), ("operator", subject, True), ("broker", text, False), ("outsider", text, False),
        ("enterprise", subject, False),
    ):  # fmt: skip
        matches = _matches(_ask(qianxian, trained, "need-instrument", *words, "--as", role, "--explain"))
        assert matches and {"probability" in match["explanation"] for match in matches} == {told}, role
    shown = _matches(_ask(qianxian, trained, "need-instrument", *subject, "--as", "broker", "--explain"))
    said = [match["explanation"]["probability"] for match in shown]
    assert said == sorted(said, reverse=True) and 0 < said[-1] < said[0] < 1


def test_a_card_of_what_was_not_learned(qianxian: Command, office: Path, tmp_path: Path) -> None:
    shown = qianxian("--home", office, "card", "need-patent").out
    assert (
        "documented prior" in shown
        and "| `chars` | similar wording · 表述相近度 | 1 |" in shown
        and "No probability is given" in shown
    )
    plot = tmp_path / "plot.svg"
    assert "no measured probability" in qianxian("--home", office, "card", "need-patent", "--plot", plot).error
    assert not plot.exists()
    assert "valid: enterprise-fund" in qianxian("--home", office, "card", "moon").error
    home = tmp_path / "home"
    shutil.copytree(office, home)
    (home / "matching" / "models").mkdir(exist_ok=True)
    (home / "matching" / "models" / "need-patent.json").write_text("{}", encoding="utf-8")
    assert "need-patent.json" in qianxian("--home", home, "card", "need-patent").error


def test_evaluate_measures_and_writes_the_run(qianxian: Command, sample: Path, tmp_path: Path) -> None:
    run = tmp_path / "run.tsv"
    ran = qianxian("evaluate", sample, "--fold", "none", "--run", run, "--json")
    (result,) = ran.json
    assert result["match"] == "need-expert"
    assert all(m["low"] <= m["value"] <= m["high"] for m in result["measures"])
    lines = run.read_text(encoding="utf-8").splitlines()
    judged = sum(len(p.read_text(encoding="utf-8").splitlines()) - 1 for p in (sample / "judgements").glob("*.tsv"))
    assert lines[0].split("\t")[:3] == ["subject", "candidate", "score"] and len(lines) == judged + 1


def test_evaluate_ranks_a_set_of_positives(qianxian: Command, sample: Path, tmp_path: Path) -> None:
    run = tmp_path / "run.tsv"
    ran = qianxian("evaluate", sample / "sets" / "enterprise-fund", "--test", "dev", "--run", run, "--top", "3")
    assert ran.status == 0 and "95 % interval" in ran.out and "recall" in ran.out
    subjects = [line.split("\t")[0] for line in run.read_text(encoding="utf-8").splitlines()[1:]]
    assert max(subjects.count(subject) for subject in set(subjects)) == 3


def test_rankings_are_compared_and_told_apart_by_warmth(qianxian: Command, sample: Path, tmp_path: Path) -> None:
    run, folder = tmp_path / "run.tsv", sample / "sets" / "enterprise-fund"
    words = ("evaluate", folder, "--test", "dev")
    (first,) = qianxian(*words, "--run", run, "--by", "warmth", "--json").json
    assert {group["group"] for group in first["groups"]} <= {"warm", "cold"}
    recall = {m["measure"]: m for m in first["measures"]}["recall@10"]
    parts = [m for group in first["groups"] for m in group["measures"] if m["measure"] == "recall@10"]
    assert sum(m["units"] for m in parts) == recall["units"]
    (again,) = qianxian(*words, "--compare", run, "--json").json
    assert {(c["difference"], c["p"], c["verdict"]) for c in again["compared"]} == {(0, 1, "within noise")}
    rows = [line.split("\t") for line in run.read_text(encoding="utf-8").splitlines()]
    lines = ["\t".join([row[0], row[1], f"{-float(row[2])!r}", ""]) for row in rows[1:]]
    run.write_text("\n".join(["\t".join(rows[0]), *lines]) + "\n", encoding="utf-8")
    (other,) = qianxian(*words, "--compare", run, "--json").json
    assert {c["measure"]: c["verdict"] for c in other["compared"]}["mrr"] == "better"
    few = [line for line in lines if line.split("\t")[0] != rows[1][0]]
    run.write_text("\n".join(["\t".join(rows[0]), *few]) + "\n", encoding="utf-8")
    assert "lacks 1 of " in qianxian(*words, "--compare", run).error


def test_score_keeps_the_order_of_the_pairs(qianxian: Command, sample: Path, tmp_path: Path) -> None:
    split = next((sample / "judgements").glob("*.tsv"))
    pairs = [line.split("\t")[:2] for line in split.read_text(encoding="utf-8").splitlines()][:30]
    asked, out = tmp_path / "pairs.tsv", tmp_path / "out.tsv"
    asked.write_text("".join("\t".join(pair) + "\n" for pair in pairs), encoding="utf-8")
    words = ("score", sample, "--match", "need-expert", "--pairs", asked, "--out", out)
    assert qianxian(*words).status == 0
    prior = [line.split("\t") for line in out.read_text(encoding="utf-8").splitlines()]
    assert prior[0] == ["subject", "candidate", "score", "grade"]
    assert [row[:2] for row in prior[1:]] == pairs[1:]
    assert {row[3] for row in prior[1:]} == {""}, "the prior predicts no grade"
    assert qianxian(*words, "--train", split.stem, "--json").json["pairs"] == 29
    trained = [line.split("\t") for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row[:2] for row in trained[1:]] == pairs[1:] and trained != prior


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("evaluate", "nowhere"), "nowhere"),
        (("evaluate", "SAMPLE", "--test", "moon"), "unknown split 'moon'; valid:"),
        (("evaluate", "SAMPLE", "--match", "moon-sun"), "unknown match kind"),
        (("evaluate", "SAMPLE", "--fold", "moon"), "unknown fold 'moon'; valid:"),
        (("evaluate", "SAMPLE", "--kinds", "nowhere.json"), "nowhere.json"),
        (("score", "SAMPLE", "--match", "need-expert", "--pairs", "nowhere.tsv", "--out", "o"), "nowhere.tsv is no"),
        (("score", "SAMPLE", "--match", "need-expert"), "--pairs"),
        (("score", "nowhere", "--match", "need-expert", "--pairs", "x", "--out", "o"), "nowhere is no folder"),
        (("evaluate", "SAMPLE", "--run", "no/where.tsv"), "cannot be written there"),
        (("evaluate", "SAMPLE", "--top", "0"), "--top"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_measurement(
    qianxian: Command,
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    wanted: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert wanted in qianxian(*(str(sample) if word == "SAMPLE" else word for word in words)).error


def test_a_question_is_shown_without_terminal_controls(qianxian: Command, office: Path) -> None:
    text = "激光器 \x1b]0;owned\x07\x1b[31m\u202e"
    ran = qianxian("--home", office, "match", "need-expert", "--text", text, "--as", "broker", "--explain")
    assert "激光器 ]0;owned[31m" in ran.out and not {"\x1b", "\x07", "\u202e"} & set(ran.out + ran.err)
