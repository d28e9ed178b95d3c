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
        got = outcomes.profile("tags", subject)
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
