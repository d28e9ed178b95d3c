"""Judged pairs as evidence for others: against the formula written out, and never a pair's own grade."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.kernel_ridge import KernelRidge

from graph import projection
from graph.records import Entity, Origin
from graph.store import open_store
from matching.build import build
from matching.evaluation import answers as answering
from matching.evaluation.answers import BY_ALL, BY_ITSELF, BY_OTHERS, Answers, Judged
from matching.evaluation.process import NOISE, Process
from matching.state import State

NEEDS = ["电池散热", "电池热管理", "小麦育种", ""]
PATENTS = ["电池散热片", "电池冷却板", "小麦种子", "齿轮", ""]
BOTH = (*BY_OTHERS, *BY_ITSELF)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    folder = tmp_path_factory.mktemp("answers")
    records = [Entity("need", f"n{i}", {"title": text}) for i, text in enumerate(NEEDS)]
    records += [Entity("patent", f"p{i}", {"title": text}) for i, text in enumerate(PATENTS)]
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        store.upsert(records, Origin("test", "2024"))
        projection.build(store, folder / "projection")
    return build(folder / "projection", folder / "matching", b"s" * 32, k=1, epoch="e")


def _judged(state: State, *pairs: tuple[int, int, float]) -> Judged:
    needs, patents = state.projection.table("need"), state.projection.table("patent")
    return Judged(
        np.array([needs.find(f"n{n}") for n, _, _ in pairs]),
        np.array([patents.find(f"p{p}") for _, p, _ in pairs]),
        np.array([grade for _, _, grade in pairs]),
    )


def _cosine(state: State, kind: str, a: int, b: int) -> float:
    rows = state.indexes[kind].chars.rows()
    table = state.projection.table(kind)
    mine, theirs = (table.find(f"{kind[0]}{at}") for at in (a, b))
    return float((rows[[mine]] @ rows[[theirs]].T).toarray()[0, 0])


def test_what_like_subjects_were_told_of_like_candidates(state: State) -> None:
    known = _judged(state, (1, 0, 4), (1, 3, 1), (2, 2, 4), (2, 0, 1))
    asked = _judged(state, (0, 1, np.nan), (0, 3, np.nan), (3, 1, np.nan))
    answers = Answers(state, state.prepared("need-patent").evidence, known, asked)
    assert not answers.knows(asked) and answers.knows(known)
    (found,) = answers.features(asked, BY_OTHERS).T
    weights = [
        _cosine(state, "need", 0, n) ** 2 * _cosine(state, "patent", 1, p) ** 2
        for n, p in ((1, 0), (1, 3), (2, 2), (2, 0))
    ]
    above = np.array([4, 1, 4, 1]) - 2.5
    assert found[0] == pytest.approx(weights @ above / (sum(weights) + 0.1), rel=1e-5)
    assert found[0] > 0 > found[1]
    assert np.isnan(found[2])  # a need without a word is like no other


def test_what_the_subject_itself_was_told_leaves_out_the_pair(state: State) -> None:
    known = _judged(state, (0, 0, 4), (0, 2, 1), (0, 3, 1), (1, 1, 2))
    answers = Answers(state, state.prepared("need-patent").evidence, known, known)
    near, mean = answers.features(known, BY_ITSELF).T
    assert mean[0] == pytest.approx((1 + 1 - 2 * 2.0) / (2 + 5))  # of its two other pairs, beside five usual ones
    assert np.isnan(mean[3]) and np.isnan(near[3])  # it has no other
    cooling = _judged(state, (0, 1, np.nan), (0, 2, np.nan))
    near, mean = Answers(state, state.prepared("need-patent").evidence, known, cooling).features(cooling, BY_ITSELF).T
    assert near[0] > mean[0]  # like the one that was good
    changed = known._replace(grades=known.grades + np.array([-3, 0, 0, 3.0]))  # the mean of all stays
    same = Answers(state, state.prepared("need-patent").evidence, changed, known).features(known, BY_ITSELF)
    assert same[0] == pytest.approx(answers.features(known, BY_ITSELF)[0])


def test_pairs_that_are_not_in_the_graph_are_no_evidence(state: State) -> None:
    known = Judged(np.array([-1, 0]), np.array([0, -1]), np.array([4.0, 1.0]))
    answers = Answers(state, state.prepared("need-patent").evidence, known, known)
    assert answers.is_silent
    one = _judged(state, (1, 0, 4), (2, 2, 1))
    asked = Judged(np.array([-1, 0]), np.array([0, 0]), np.array([np.nan, np.nan]))
    found = Answers(state, state.prepared("need-patent").evidence, one, asked).features(asked, BOTH)
    assert np.isnan(found[0]).all() and not np.isnan(found[1, 0])


def test_the_process_is_that_of_scikit_learn_and_leaves_groups_out() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 3))
    covariance = 2 * np.exp(-((points[:, None] - points) ** 2).sum(axis=2) / 2)
    values, groups = rng.normal(size=(40, 2)), rng.integers(0, 12, 40)

    def predicted(kept: NDArray[Any], asked: Any) -> NDArray[Any]:
        model = KernelRidge(alpha=NOISE, kernel="precomputed").fit(covariance[np.ix_(kept, kept)], values[kept])
        return np.asarray(model.predict(covariance[np.ix_(asked, kept)]))

    known, asked, nobody = np.arange(30), np.arange(30, 40), np.full(10, 99)
    process = Process(covariance[:30, :30].astype(np.float32), values[:30], groups[:30])
    far = covariance[30:, :30].astype(np.float32)
    np.testing.assert_allclose(process.of(far, nobody), predicted(known, asked), atol=1e-4)
    for at, group in zip(asked, groups[asked], strict=True):
        others = known[groups[:30] != group]
        np.testing.assert_allclose(process.of(far, groups[asked])[at - 30], predicted(others, [at])[0], atol=1e-4)
    for group in np.unique(groups[:30]):
        mine = known[groups[:30] == group]
        others = np.setdiff1d(known, mine)
        np.testing.assert_allclose(process.held_out[mine], predicted(others, mine), atol=1e-4)
    with pytest.raises(ValueError, match="not positive definite"):
        Process(-2 * np.eye(3, dtype=np.float32), np.ones(3), np.arange(3))


@pytest.mark.parametrize("itself", [False, True])
def test_the_process_hears_no_grade_of_the_pair_it_speaks_of(state: State, itself: bool) -> None:
    known = _judged(state, (0, 0, 4), (0, 3, 1), (1, 1, 4), (1, 3, 1), (2, 2, 4), (2, 0, 1))
    asked = _judged(state, (0, 1, np.nan), (0, 2, np.nan))
    x = np.column_stack([np.linspace(0, 1, 6), np.full(6, np.nan), np.ones(6)])
    evidence = state.prepared("need-patent").evidence

    def by_all(judged: Judged) -> tuple[NDArray[Any], NDArray[Any]]:
        return Answers(state, evidence, judged, asked).by_all(x, asked, x[:2], itself=itself)

    of_known, of_asked = by_all(known)
    assert of_asked.shape == (2, len(BY_ALL)) and (of_asked[0] > of_asked[1]).all()
    own, others = (known._replace(grades=np.array(grades)) for grades in ([1.0, 4, 4, 1, 4, 1], [4.0, 1, 1, 4, 4, 1]))
    assert (by_all(others)[1][0] < of_asked[0]).all()  # the mean of all stays
    of_known_again, of_asked_again = by_all(own)
    if itself:
        assert (of_asked_again[0] < of_asked[0]).all()
        assert of_known_again[0] != pytest.approx(of_known[0])  # it hears the other one of its need
    else:
        np.testing.assert_allclose(of_asked_again, of_asked, atol=1e-5)
        np.testing.assert_allclose(of_known_again[:2], of_known[:2], atol=1e-5)
    of_known, of_asked = Answers(state, evidence, known, known).by_all(x, known, x, itself=itself)
    np.testing.assert_allclose(of_asked, of_known, atol=1e-5)  # asked again, too
    missing = Judged(np.array([-1]), np.array([0]), np.array([np.nan]))
    assert np.isnan(Answers(state, evidence, known, missing).by_all(x, missing, x[:1], itself=itself)[1]).all()


def test_of_too_many_judged_pairs_some_are_drawn(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "MOST", 3)
    known = _judged(state, (0, 0, 4), (0, 3, 1), (1, 1, 4), (1, 3, 1), (2, 2, 4), (2, 0, 1))
    answers = Answers(state, state.prepared("need-patent").evidence, known, known)
    of_known, of_asked = answers.by_all(np.zeros((6, 1)), known, np.zeros((6, 1)), itself=True)
    assert np.isnan(of_known).all(axis=1).sum() == 3 and not np.isnan(of_asked).any()


def test_the_level_that_the_process_speaks_of_parts_judged_pairs_most_evenly(state: State) -> None:
    known = _judged(state, (0, 0, 4), (0, 3, 1), (1, 1, 3), (1, 3, 1), (2, 2, 3), (2, 0, 1))
    answers = Answers(state, state.prepared("need-patent").evidence, known, known)
    x = np.zeros((6, 1))
    level = answers.by_all(x, known, x, itself=True)[0][:, 1]
    reached = known._replace(grades=(known.grades >= 3).astype(np.float64))
    again = Answers(state, state.prepared("need-patent").evidence, reached, known).by_all(x, known, x, itself=True)[0]
    np.testing.assert_allclose(again, np.column_stack([level, level]), atol=1e-5)
