"""Outcome evidence against brute force on small random graphs: a pair's own outcome is hidden from itself."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings, strategies as st

from matching.candidates.outcomes import SMOOTHING, Outcomes

BINARY = st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=2, max_size=7)


def _outcomes(chosen: list[list[bool]], seed: int) -> tuple[Outcomes, np.ndarray, np.ndarray]:
    pairs = np.array(chosen, float)
    labels = np.random.default_rng(seed).integers(0, 2, (len(pairs), 3)).astype(float)
    return Outcomes.build(sp.csr_array(pairs), {"tags": sp.csr_array(labels)}, {}), pairs, labels


@settings(deadline=None, max_examples=80)
@given(BINARY, st.integers(0, 9))
def test_neighbours_never_see_the_pairs_own_outcome(chosen: list[list[bool]], seed: int) -> None:
    outcomes, pairs, _ = _outcomes(chosen, seed)
    for subject in range(len(pairs)):
        got = outcomes.neighbours(subject)
        others = np.delete(pairs, subject, axis=0)
        mine = np.flatnonzero(pairs[subject])
        for candidate in range(pairs.shape[1]):
            partners = [p for p in mine if p != candidate]
            expected = 0.0
            for partner in partners:
                both = float((others[:, partner] * others[:, candidate]).sum())
                if both:
                    expected += both / np.sqrt(others[:, candidate].sum() * others[:, partner].sum())
            expected /= np.sqrt(max(len(partners), 1))
            np.testing.assert_allclose(got[candidate], expected, atol=1e-9)


@settings(deadline=None, max_examples=80)
@given(BINARY, st.integers(0, 9))
def test_profiles_are_smoothed_naive_bayes_without_the_pair_itself(chosen: list[list[bool]], seed: int) -> None:
    outcomes, pairs, labels = _outcomes(chosen, seed)
    share = (pairs.T @ labels).sum(axis=0) + 0.5
    share = share / (pairs.sum() + 1)
    for subject in range(len(pairs)):
        got = outcomes.by_field(subject)["profile_tags"]
        mine = np.flatnonzero(labels[subject])
        for candidate in range(pairs.shape[1]):
            rest = pairs[:, candidate].copy()
            rest[subject] = 0
            counts = rest @ labels
            expected = [
                np.log((counts[at] + SMOOTHING * share[at]) / (rest.sum() + SMOOTHING) / share[at]) for at in mine
            ]
            np.testing.assert_allclose(got[candidate], np.mean(expected) if len(mine) else 0.0, atol=1e-9)


def test_popularity_leaves_the_subjects_own_choice_out() -> None:
    outcomes, _, _ = _outcomes([[True, True, False, False, False], [True, False, False, False, False]], 0)
    np.testing.assert_allclose(outcomes.popular(0), np.log1p([1, 0, 0, 0, 0]))
    np.testing.assert_allclose(outcomes.popularity, np.log1p([2, 1, 0, 0, 0]))


def _without(outcomes: Outcomes, subject: int, candidate: int) -> Outcomes:
    """The same outcomes had the two never met, the likeness of labels aside."""
    row = slice(outcomes.pairs.indptr[subject], outcomes.pairs.indptr[subject + 1])
    place = row.start + int(np.flatnonzero(outcomes.pairs.indices[row] == candidate)[0])
    return outcomes.without(np.array([place]))


@settings(deadline=None, max_examples=40)
@given(BINARY, st.integers(0, 9))
def test_a_past_pair_is_told_as_if_it_had_not_met_where_that_is_exact(chosen: list[list[bool]], seed: int) -> None:
    """Of `kin` and `like` only that they are known: the shares of labels are those of the whole population."""
    pairs = np.array(chosen, float)
    rng = np.random.default_rng(seed)
    labels, theirs = (rng.integers(0, 2, (n, 3)).astype(float) for n in pairs.shape)
    marks = {"stage": sp.csr_array(rng.integers(0, 2, (int(pairs.sum()), 2)).astype(float))}
    outcomes = Outcomes.build(
        sp.csr_array(pairs), {"tags": sp.csr_array(labels)}, {"home": sp.csr_array(theirs)}, marks=marks
    )
    for subject, candidate in zip(*np.nonzero(pairs), strict=True):
        fewer = _without(outcomes, subject, candidate)
        got, expected = (one.by_field(subject) for one in (outcomes, fewer))
        assert np.isnan(got["mark_stage"][candidate]) == np.isnan(expected["mark_stage"][candidate])
        assert outcomes.settled(subject)[candidate] == fewer.settled(subject)[candidate]
        assert np.isfinite([got["kin_tags"][candidate], got["like_tags"][candidate]]).all()


def test_company_is_the_mean_size_of_a_candidates_outcomes_drawn_to_the_mean() -> None:
    outcomes, _, _ = _outcomes([[True, True, False, False, False], [True, False, False, False, False]], 0)
    usual = 2 * np.log(2) / 3
    alone = SMOOTHING * usual / (1 + SMOOTHING)
    np.testing.assert_allclose(outcomes.company(0)[:3], [alone, SMOOTHING * usual / SMOOTHING, usual])
    np.testing.assert_allclose(outcomes.company(1)[1], (np.log(2) + SMOOTHING * usual) / (1 + SMOOTHING))


def test_kin_tells_a_newcomer_by_those_who_carry_its_labels() -> None:
    pairs = sp.csr_array(np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]]))
    tags, home = sp.csr_array(np.eye(2)), sp.csr_array(np.array([[1.0, 0], [0, 1], [1, 0], [0, 0]]))
    outcomes = Outcomes.build(pairs, {"tags": tags}, {"home": home}, marks={})
    lift = np.log((1 / 0.5 + SMOOTHING) / (1 + SMOOTHING))
    low = np.log(SMOOTHING / (1 + SMOOTHING))
    np.testing.assert_allclose(outcomes.by_field(0)["kin_tags"], [0.0, low, lift, 0.0])


def test_like_labels_count_as_the_label_in_part() -> None:
    """Labels 0 and 1 are carried by the subjects of the same candidate, label 2 by those of another."""
    pairs = sp.csr_array(np.array([[1.0, 0], [1, 0], [0, 1], [0, 0]]))
    tags = sp.csr_array(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]))
    told = Outcomes.build(pairs, {"tags": tags}, {}, marks={}).by_field(3)
    assert told["like_tags"][0] > told["like_tags"][1]
    np.testing.assert_allclose(told["like_tags"][0], np.log((2 / (2.5 / 6) + SMOOTHING) / (4 + SMOOTHING)))


def test_marks_compare_the_labels_of_outcomes() -> None:
    pairs = sp.csr_array(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]))
    stage = sp.csr_array(np.array([[1.0, 0], [1, 0], [0, 1]]))
    told = Outcomes.build(pairs, {}, {}, marks={"stage": stage}).by_field(0)["mark_stage"]
    assert np.isnan(told[0]), "nothing is left of it without this pair"
    assert told[1] > 0 > told[2]
