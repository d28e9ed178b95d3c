"""A need in one language finds documents in the other, and explanations know that a word is meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph import projection
from graph.records import Entity, Origin, Relation
from graph.store import open_store
from matching.build import build
from matching.candidates import crossing
from matching.candidates.analysis import word_code
from matching.candidates.crossing import Crossing, codes_of, crossings, widened
from matching.candidates.texts import analyse
from matching.masking import Role, Viewer
from matching.pipeline import match
from matching.question import Question
from matching.state import State

BROKER = Viewer("b", Role.BROKER, everything=True)
SUBJECTS = (
    ("激光焊接铝合金的气孔", "porosity in laser welding of aluminium alloy"),
    ("锂离子电池热失控预警", "early warning of thermal runaway in lithium-ion batteries"),
    ("污水处理中的膜污染", "membrane fouling in wastewater treatment"),
    ("水稻抗旱育种", "breeding of rice for drought"),
    ("轴承故障诊断", "fault diagnosis of bearings"),
    ("知识图谱与推荐系统", "knowledge graphs for recommender systems"),
)
GLOSSARY = Path(crossing.__file__).with_name("glossary.tsv").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Of each subject four experts write in Chinese only, and four in English only."""
    folder = tmp_path_factory.mktemp("world")
    records: list[Entity | Relation] = []
    for number, languages in enumerate(SUBJECTS):
        for language, text in enumerate(languages):
            for at in range(4):
                name = f"{number}{'ce'[language]}{at}"
                said = f"{text}的研究{at}" if language == 0 else f"A study of {text}, part {at}"
                records.append(Entity("expert", name, {}))
                records.append(Entity("publication", f"p{name}", {"title": said, "abstract": said}))
                records.append(Relation("authored", "expert", name, "publication", f"p{name}", {}))
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        store.upsert(records, Origin("test", "2024"))
        projection.build(store, folder / "projection")
    return build(folder / "projection", folder / "matching", b"s" * 32, k=2, epoch="e")


def _first(state: State, text: str) -> tuple[list[str], dict[str, Any]]:
    """Ids of the first eight experts, and the answer."""
    evidence = state.prepared("need-expert").evidence
    read = evidence.read(evidence.asked_text(text))
    assert read.walk is not None
    order = np.argsort(-read.walk, kind="stable")[:8]
    answer = match(state, Question("need-expert", text=text, limit=8, explain=True), BROKER).to_dict()
    return [state.projection.table("expert").ids[int(row)] for row in order], answer


@pytest.mark.parametrize("number", range(len(SUBJECTS)))
@pytest.mark.parametrize("language", [0, 1])
def test_a_need_finds_who_writes_in_either_language(state: State, number: int, language: int) -> None:
    names, answer = _first(state, SUBJECTS[number][language])
    assert {name[:2] for name in names} == {f"{number}c", f"{number}e"}
    assert len(answer["parts"][0]["ranks"]) == 8  # all eight cover it, four by what the words mean


def test_without_the_glossary_it_finds_one_language_only(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing, "MOST", 0)
    kept = state.prepared("need-expert").evidence.asked_text
    kept.cache_clear()  # the same questions were asked with it
    found = [_first(state, SUBJECTS[number][0])[0] for number in range(len(SUBJECTS))]
    kept.cache_clear()
    assert np.mean([sum(name[:2] == f"{number}e" for name in names) for number, names in enumerate(found)]) < 1


def test_terms_are_found_whole_and_longest_first() -> None:
    assert crossings("激光焊接的热阻")[0] == Crossing("激光焊接", "laser welding")
    assert Crossing("激光", "laser") not in crossings("激光焊接的热阻")
    english = crossings("Thermal runaway of batteries")
    assert english[0].meant == "热失控"
    assert Crossing("batteries", "电池") in english  # by its stem
    assert crossings("") == crossings("，。！") == crossings("qwerty") == []


def test_what_is_said_counts_more_than_what_it_means() -> None:
    analysed = analyse("热阻与 resistance")
    wide = widened(analysed, crossings("热阻与 resistance"))
    for view, terms in wide.items():
        assert (np.diff(terms.codes.astype(object)) > 0).all()
        own = np.isin(terms.codes, analysed[view].codes)
        assert own.sum() == len(analysed[view].codes)
        assert terms.counts[own].tolist() == analysed[view].counts.tolist()
        assert (terms.counts[~own] < 1).all()
    assert word_code("thermal") in wide["words"].codes.tolist()
    assert widened(analysed, []) == analysed


def test_a_short_form_is_found_by_its_full_one() -> None:
    assert Crossing("扫描电镜", "扫描电子显微镜") in crossings("想做扫描电镜")
    assert Crossing("扫描电子显微镜", "扫描电镜") in crossings("扫描电子显微镜看断口")
    assert Crossing("scanning electron microscopes", "扫描电镜") in crossings("Scanning electron microscopes")


def test_the_glossary_is_sound() -> None:
    rows = [row.split("\t") for row in GLOSSARY[1:]]
    assert len(rows) >= 400 and rows == sorted(rows) and len({tuple(row) for row in rows}) == len(rows)
    for zh, en in rows:
        assert re.search("[\u3400-\u9fff]", zh) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 -]*|[\u3400-\u9fff]+", en), (
            zh,
            en,
        )
        assert len(codes_of("words", zh)) and len(codes_of("words", en))
        assert not re.fullmatch(r".", zh) or zh in "钢铜铝锂钠硅泵膜酶氢煤猪鱼茶骨"
