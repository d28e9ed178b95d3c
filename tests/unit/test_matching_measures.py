"""Measures: by hand, and against the reference definitions that come with the judged data."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from matching.judgements import SetAbout
from matching.measures import KNOWN, Judged, measure, measure_places, mutual_of


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


@pytest.mark.parametrize(("grades", "mutual"), [((1.0, 2.0, 3.0, 4.0, 5.0), False), ((0.0, 1.0), True)])
@pytest.mark.parametrize("seed", range(4))
def test_every_measure_is_that_of_the_reference(
    grades: tuple[float, ...], mutual: bool, seed: int, tmp_path: Path
) -> None:
    data = os.environ.get("QIANXIAN_DATA")
    if not data:
        pytest.skip("QIANXIAN_DATA names no folder of judged data")
    spec = importlib.util.spec_from_file_location("reference", Path(data) / "measure.py")
    assert spec is not None and spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
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
