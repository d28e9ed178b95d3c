"""Measures: against scikit-learn, scipy, brute force, and the reference definitions that come with the judged data."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError
from scipy.stats import spearmanr
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    mean_absolute_error,
    ndcg_score,
    roc_auc_score,
)

from graph.errors import InputError
from matching.evaluation.judgements import SetAbout
from matching.evaluation.measures import (
    BINS,
    KNOWN,
    PLACES,
    Judged,
    average_precisions,
    combined,
    measure,
    measure_places,
    measure_probabilities,
    mutual_of,
    values_of,
)

GRADES = (1.0, 2.0, 3.0, 4.0, 5.0)


def _judged(seed: int, grades: tuple[float, ...], *, square: bool = False) -> Judged:
    rng = np.random.default_rng(seed)
    people = [f"p{at}" for at in range(12)]
    left = people if square else [f"s{at}" for at in range(9)]
    pairs = [(s, c) for s in left for c in people if s != c and rng.uniform() < 0.8]
    if square:
        pairs = sorted({*pairs, *((c, s) for s, c in pairs)})
    grade = rng.choice(grades, len(pairs))
    subjects, candidates = (np.array(side) for side in zip(*pairs, strict=True))
    return Judged(
        subjects=subjects,
        candidates=candidates,
        grade=grade,
        level=np.searchsorted(np.array(grades), grade).astype(float),
        relevant=grade >= grades[-1],
        score=np.round(rng.uniform(size=len(pairs)) + grade / 4, 1),
        predicted=rng.choice(grades, len(pairs)) if len(grades) > 2 else None,
        mutual=mutual_of(subjects, candidates, grade >= grades[-1]) if square else None,
    )


def _without_intervals(names: Sequence[str], judged: Judged) -> dict[str, float]:
    """The measures alone: intervals take time, and are those of the reference."""
    values = values_of(names, judged)
    return {name: combined(name, np.array(list(each.values()), np.float64)) for name, each in values.items()}


@pytest.fixture(scope="module")
def reference(judged_data: Path) -> ModuleType:
    """The definitions that come with the judged data."""
    spec = importlib.util.spec_from_file_location("reference", judged_data / "measure.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("grades", "mutual"), [(GRADES, False), ((0.0, 1.0), True)])
@pytest.mark.parametrize("seed", range(4))
def test_every_measure_is_that_of_the_reference(
    grades: tuple[float, ...], mutual: bool, seed: int, tmp_path: Path, reference: ModuleType
) -> None:
    judged = _judged(seed, grades, square=mutual)
    about = {"judged": "complete", "grades": grades, "relevant_from": grades[-1], "mutual": mutual, "metrics": KNOWN}
    (tmp_path / "judgements").mkdir()
    (tmp_path / "set.json").write_text(json.dumps(about))
    rows = zip(judged.subjects, judged.candidates, judged.grade, strict=True)
    lines = ["subject\tcandidate\tgrade", *(f"{s}\t{c}\t{g}" for s, c, g in rows)]
    (tmp_path / "judgements" / "dev.tsv").write_text("\n".join(lines) + "\n")
    run = [
        {"subject": s, "candidate": c, "score": x, "grade": "" if judged.predicted is None else judged.predicted[at]}
        for at, (s, c, x) in enumerate(zip(judged.subjects, judged.candidates, judged.score, strict=True))
    ]
    expected = {
        name: (reference.combine(name, values), *reference.interval(name, values))
        for name, values in reference.measure(tmp_path, ["dev"], run).items()
        if not name.startswith("pair_") or len(grades) > 2
    }
    names = [name for name in KNOWN if not name.startswith("pair_") or len(grades) > 2]
    got = {m.name: (m.value, m.low, m.high) for m in measure(names, judged)}
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, rtol=1e-9, err_msg=name)


def test_places_are_pooled_over_judged_pairs() -> None:
    places = {"a": np.array([1.0, 60.0]), "b": np.array([np.inf])}
    got = {m.name: m.value for m in measure_places(("recall@10", "recall@50", "mrr"), places)}
    assert got == pytest.approx({"recall@10": 1 / 3, "recall@50": 1 / 3, "mrr": (1 + 1 / 60) / 3})


def test_an_unknown_measure_lists_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"recal@10.*valid: .*roc_auc.*recall@10"):
        SetAbout.model_validate({"judged": "positives", "metrics": ["recal@10"]})


def test_places_are_those_of_the_reference(tmp_path: Path, reference: ModuleType) -> None:
    rng = np.random.default_rng(5)
    subjects, candidates = [f"s{at}" for at in range(20)], [f"c{at}" for at in range(80)]
    hidden = [(s, c) for s in subjects for c in rng.choice(candidates, 2, replace=False).tolist()]
    about = {"judged": "positives", "grades": [1], "relevant_from": 1, "known": [], "metrics": PLACES}
    (tmp_path / "judgements").mkdir()
    (tmp_path / "set.json").write_text(json.dumps(about))
    lines = ["subject\tcandidate\tgrade", *(f"{s}\t{c}\t1" for s, c in hidden)]
    (tmp_path / "judgements" / "dev.tsv").write_text("\n".join(lines) + "\n")
    orders = {s: rng.permutation(candidates)[:60].tolist() for s in subjects}
    run = [{"subject": s, "candidate": c, "score": -at} for s in subjects for at, c in enumerate(orders[s])]
    found = {s: {c: at for at, c in enumerate(order, start=1)} for s, order in orders.items()}
    places = {s: np.array([float(found[s].get(c, np.inf)) for of, c in hidden if of == s]) for s in subjects}
    got = {m.name: (m.value, m.low, m.high) for m in measure_places(PLACES, places)}
    for name, values in reference.measure(tmp_path, ["dev"], run).items():
        expected = (reference.combine(name, values), *reference.interval(name, values))
        np.testing.assert_allclose(got.pop(name), expected, rtol=1e-9, err_msg=name)
    assert not got


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_measures_within_a_subject_are_those_of_the_libraries(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 40))
    grade = rng.choice(GRADES, n)
    grade[:2] = GRADES[0], GRADES[-1]
    score = rng.permutation(n).astype(float)  # no ties: of those the libraries think otherwise
    hit, predicted = grade >= 4, rng.choice(GRADES, n)
    names = np.array([f"c{at}" for at in range(n)])
    judged = Judged(np.full(n, "s"), names, grade, grade - 1, hit, score, predicted)
    got = _without_intervals(KNOWN[:6], judged)
    gains = 2 ** (grade - 1) - 1
    assert got == pytest.approx({
        "inverse_mae": 1 / (1 + mean_absolute_error(grade, predicted)),
        "spearman": spearmanr(score, grade).statistic,
        "ndcg@10": ndcg_score([gains], [score], k=10),
        "roc_auc": roc_auc_score(hit, score),
        "precision@10": hit[np.argsort(-score)[:10]].mean(),
        "average_precision": average_precision_score(hit, score),
    })  # fmt: skip


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_average_precisions_are_those_of_the_library(seed: int) -> None:
    rng = np.random.default_rng(seed)
    owners, hit, score = rng.integers(0, 9, 80), rng.random(80) < 0.3, rng.permutation(80).astype(float)
    got = average_precisions(score, hit, owners)
    for owner in range(9):
        mine = owners == owner
        if 0 < hit[mine].sum() < mine.sum():
            assert got.pop(str(owner)) == pytest.approx(average_precision_score(hit[mine], score[mine]))
    assert not got


def test_a_tie_counts_against_the_ranker() -> None:
    alike, owners = np.zeros(4), np.zeros(4)
    for hit in ([True, False, False, False], [False, False, False, True]):
        assert average_precisions(alike, np.array(hit), owners) == {"0.0": 0.25}


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_pairs_are_ordered_as_by_hand(seed: int) -> None:
    judged = _judged(seed % 1000, GRADES)
    wrong = weight = 0.0
    easy, hard = [], []
    for a, b in combinations(range(len(judged.grade)), 2):
        low, high = sorted((a, b), key=lambda at: judged.grade[at])
        if judged.candidates[a] == judged.candidates[b] and judged.grade[low] < judged.grade[high]:
            distance = judged.grade[high] - judged.grade[low]
            weight += distance
            wrong += distance * (1 - np.heaviside(judged.score[high] - judged.score[low], 0.5))
            if judged.grade[low] >= 4:
                hard.append(judged.score[high] > judged.score[low])
            elif judged.grade[high] >= 4 and judged.grade[low] <= 2:
                easy.append(judged.score[high] > judged.score[low])
    expected = {"pair_loss": wrong / weight, "pair_easy": np.mean(easy), "pair_hard": np.mean(hard)}
    assert _without_intervals(tuple(expected), judged) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_mutual_measures_are_those_of_the_library(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = [f"p{at}" for at in range(14)]
    pairs = [(a, b) for a, b in product(people, people) if a != b]
    subjects, candidates = (np.array(side) for side in zip(*pairs, strict=True))
    relevant, score = rng.random(len(pairs)) < 0.5, rng.permutation(len(pairs)).astype(float)
    chosen = {pair for pair, yes in zip(pairs, relevant, strict=True) if yes}
    mutual = np.array([(a, b) in chosen and (b, a) in chosen for a, b in pairs], float)
    np.testing.assert_array_equal(mutual_of(subjects, candidates, relevant), mutual)
    grade = relevant.astype(float)
    judged = Judged(subjects, candidates, grade, grade, relevant, score, None, mutual)
    got = _without_intervals(KNOWN[-4:], judged)
    for k in (1, 5):
        best, gains = [], []
        for person in people:
            mine = subjects == person
            best += mutual[mine][np.argsort(-score[mine])[:k]].tolist()
            if mutual[mine].any():
                gains.append(ndcg_score([mutual[mine]], [score[mine]], k=k))
        assert got[f"mutual_yield@{k}"] == pytest.approx(np.mean(best))
        assert got[f"mutual_ndcg@{k}"] == pytest.approx(np.mean(gains))


def test_one_direction_alone_is_not_mutual() -> None:
    told = mutual_of(np.array(["a", "b", "a"]), np.array(["b", "a", "c"]), np.array([True, True, True]))
    np.testing.assert_array_equal(told, [1, 1, np.nan])


def test_a_measure_of_nothing_is_an_error() -> None:
    judged = _judged(0, (0.0, 1.0))
    with pytest.raises(InputError, match="'pair_hard' has nothing to measure"):
        measure(("pair_hard",), judged)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_probabilities_are_measured_as_by_the_library_and_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability, weight = rng.random(500), rng.uniform(0.5, 3, 500)
    hit = rng.random(500) < probability
    got = {m.name: m for m in measure_probabilities(probability, hit, rng.integers(0, 40, 500), weight)}
    brier = brier_score_loss(hit, probability, sample_weight=weight)
    share = np.average(hit, weights=weight)
    order = np.argsort(probability)
    ends = np.searchsorted(np.cumsum(weight[order]) - weight[order] / 2, weight.sum() * np.arange(1, BINS) / BINS)
    ece = sum(
        abs(np.average(probability[part], weights=weight[part]) - np.average(hit[part], weights=weight[part]))
        * weight[part].sum()
        for part in np.split(order, ends)
    ) / weight.sum()  # fmt: skip
    assert [got[name].value for name in ("ece", "brier", "brier_skill")] == pytest.approx(
        [ece, brier, 1 - brier / (share * (1 - share))]
    )
    assert all(m.low <= m.high for m in got.values())


def test_a_flat_predictor_has_no_error_and_no_skill() -> None:
    hit = np.arange(1000) % 50 == 0
    ece, brier, skill = measure_probabilities(np.full(1000, 0.02), hit, np.arange(1000) % 20)
    assert (ece.value, skill.value) == pytest.approx((0, 0)) and brier.value == pytest.approx(0.02 * 0.98)
