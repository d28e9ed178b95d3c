"""Latent factors of outcomes: what is learned on a graph with two camps, what it is learned from, and its bounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from graph.errors import ProjectionError
from graph.projection import Strings
from matching.candidates import factors
from matching.candidates.factors import Factors, Known
from matching.candidates.outcomes import Outcomes


def _camps(seed: int = 0) -> tuple[sp.csr_array, sp.csr_array]:
    """400 subjects of two camps, who choose three of the ten candidates of theirs; the camp of each subject."""
    rng = np.random.default_rng(seed)
    camp = rng.integers(0, 2, 400)
    pairs = np.zeros((400, 20))
    for subject, side in enumerate(camp):
        pairs[subject, rng.choice(10, 3, replace=False) + 10 * side] = 1
    return sp.csr_array(pairs), sp.csr_array(np.eye(2)[camp])


@pytest.fixture(scope="module")
def learned() -> tuple[Factors, sp.csr_array, sp.csr_array]:
    pairs, camp = _camps()
    before = factors.ROUNDS
    factors.ROUNDS = 60
    try:
        found = Factors.learn(pairs, [], [], [])
    finally:
        factors.ROUNDS = before
    assert found is not None
    return found, pairs, camp


def test_those_of_the_camp_are_chosen_next(learned: tuple[Factors, sp.csr_array, sp.csr_array]) -> None:
    found, pairs, camp = learned
    for subject in range(20):
        log = found.of(subject)
        np.testing.assert_allclose(np.exp(log).sum(), 1)
        log[pairs[[subject]].indices] = -np.inf
        assert set(np.argsort(-log)[:7] // 10) == {camp[[subject]].indices[0]}


def test_labels_tell_of_a_subject_without_outcomes() -> None:
    pairs, camp = _camps()
    new = sp.csr_array(sp.vstack([pairs, sp.csr_array((2, 20))]))
    labels = sp.csr_array(sp.vstack([camp, sp.eye_array(2)]))
    found = Factors.learn(new, [labels], [], [])
    assert found is not None
    for side, subject in enumerate((400, 401)):
        log = found.of(subject)
        assert log[10 * side : 10 * side + 10].min() > log[10 - 10 * side : 20 - 10 * side].max()


def test_the_same_outcomes_teach_the_same() -> None:
    pairs, camp = _camps()
    one, other = (Factors.learn(pairs, [camp], [], []) for _ in range(2))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.of(3), other.of(3))


def test_an_outcome_is_never_learned_from_itself() -> None:
    pairs, camp = _camps()
    marks = sp.csr_array(np.eye(2)[np.arange(pairs.nnz) % 2])
    known = Known(pairs.astype(np.float32), camp, sp.csr_array((20, 0)), marks)
    asking = np.repeat(np.arange(400), 3)
    partners, told = known.context(asking, pairs.indices, np.random.default_rng(0))
    row = np.repeat(np.arange(len(asking)), np.diff(partners.indptr))
    assert (partners.indices != pairs.indices[row]).all()
    assert (pairs[asking].toarray()[row, partners.indices] > 0).all()
    length = np.sqrt(np.bincount(row, partners.data**2, len(asking)))
    assert set(np.round(length, 5)) == {0, 1}
    np.testing.assert_allclose(told.sum(axis=1), length, atol=1e-6)


def test_too_many_or_no_candidates_teach_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors, "LARGEST", 19)
    assert Factors.learn(_camps()[0], [], [], []) is None
    assert Factors.learn(sp.csr_array((3, 0)), [], [], []) is None


def test_partners_have_none_and_outcomes_of_others_no_factors() -> None:
    pairs, camp = _camps()
    own = Outcomes.build(pairs, {"camp": camp}, {}, marks={})
    assert own.likely(0) is None
    likely = replace(own, factors=own.learned()).likely(0)
    assert likely is not None
    assert list(np.flatnonzero(np.isnan(likely))) == list(own.partners(0))
    assert Outcomes.build(pairs, {"camp": camp}, {}).learned() is None


def test_saved_factors_follow_the_ids(learned: tuple[Factors, sp.csr_array, sp.csr_array], tmp_path: Path) -> None:
    found = learned[0]
    ids = Strings.of(f"s{at:03}" for at in range(400)), Strings.of(f"c{at:02}" for at in range(20))
    found.save(tmp_path / "x.factors", ids)
    for name in Factors.FIELDS:
        np.testing.assert_array_equal(getattr(Factors.open(tmp_path / "x.factors", ids), name), getattr(found, name))
    now = Strings.of(["new", "s007"]), Strings.of(["c03", "c00", "later"])
    moved = Factors.open(tmp_path / "x.factors", now)
    assert np.isnan(moved.of(0)).all()
    log, before = moved.of(1), found.of(7)
    np.testing.assert_allclose(np.exp(log[:2]).sum(), 1)
    np.testing.assert_allclose(log[0] - log[1], before[3] - before[0], atol=1e-5)
    assert np.isnan(log[2])
    (tmp_path / "x.factors").write_bytes(b"damaged")
    with pytest.raises(ProjectionError):
        Factors.open(tmp_path / "x.factors", ids)
