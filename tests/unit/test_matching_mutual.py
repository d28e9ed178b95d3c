"""Where both sides choose: numbers among rivals, lines of a mixed model, and the choice of both, exactly shared out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from graph import projection
from graph.records import Entity, Origin, Relation
from graph.store import open_store
from matching.build import build
from matching.candidates.pools import relative
from matching.evaluation.judgements import Pairs
from matching.evaluation.scoring import pair_features, score_pairs
from matching.masking import Role, Viewer
from matching.pipeline import match
from matching.question import Question
from matching.ranking.additive import AdditiveCurves, BothChoose, ranker_from
from matching.ranking.mixed import _most_likely, _whitening, mixed
from matching.state import State
from matching.training.examination import against
from matching.training.train import train

N, POOLS = 240, 8
"""People, who meet in as many pools; in each the even ones choose among the odd ones."""


def _number(name: str) -> dict[str, Any]:
    return {"name": name, "type": "number", "access": "public", "labels": {"en": name, "zh": name}}


KINDS: dict[str, Any] = {
    "entities": [
        {"name": "guest", "labels": {"en": "guest", "zh": "来宾"}, "fields": [
            *(_number(name) for name in ("charm", "wit", "wants_wit")),
            *({"name": name, "type": "string", "access": "public", "labels": {"en": name, "zh": name}}
              for name in ("evening", "side")),
        ]},
    ],
    "relations": [
        {"name": "chose", "labels": {"en": "chose", "zh": "选择"}, "sources": ["guest"], "targets": ["guest"]}
    ],
    "matches": [
        {"name": "guest-guest", "subject": "guest", "candidate": "guest", "labels": {"en": "guests", "zh": "来宾"},
         "outcome": ">chose", "mutual": True, "pool": {"same": ["evening"], "differs": ["side"]},
         "compare": [{"name": "wit", "subject": "wants_wit", "candidate": "wit"}]}
    ],
}  # fmt: skip


class World:
    """Guests who choose whoever has charm, more than the others of the same evening have."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.evening, self.side = np.arange(N) % POOLS, np.arange(N) // POOLS % 2
        charm = rng.normal(size=N)
        self.shown = charm + 10 * self.evening  # every evening another scale
        self.wit, self.wants = rng.normal(size=(2, N))
        self.pairs = [
            (a, b) for a in range(N) for b in range(N)
            if self.evening[a] == self.evening[b] and self.side[a] != self.side[b]
        ]  # fmt: skip
        chance = {(a, b): 1 / (1 + np.exp(charm[a] - 2 * charm[b])) for a, b in self.pairs}
        self.both = np.array([chance[a, b] * chance[b, a] for a, b in self.pairs])
        self.chose = rng.random(len(self.pairs)) < [*chance.values()]
        rare = rng.random(len(self.pairs)) < 0.5
        self.known = [pair for pair, yes in zip(self.pairs, self.chose & rare, strict=True) if yes]

    def state(self, folder: Path, *, past: bool) -> State:
        values = zip(
            *(each.tolist() for each in (self.shown, self.wit, self.wants, self.evening, self.side)), strict=True
        )
        records: list[Entity | Relation] = [
            Entity(
                "guest", f"g{at}", {"charm": charm, "wit": wit, "wants_wit": wants, "evening": str(e), "side": str(s)}
            )
            for at, (charm, wit, wants, e, s) in enumerate(values)
        ]
        records += [Relation("chose", "guest", f"g{a}", "guest", f"g{b}", {}) for a, b in self.known if past]
        with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
            store.adopt(KINDS)
            store.upsert(records, Origin("test", "2024"))
            projection.build(store, folder / "projection")
        return build(folder / "projection", folder / "matching", b"s" * 32, k=1, epoch="e")

    def judged(self, kept: NDArray[np.bool_], *, turned: bool = False) -> Pairs:
        asking, asked = (np.array([f"g{pair[end]}" for pair in self.pairs]) for end in (0, 1))
        pairs = (asked, asking) if turned else (asking, asked)
        return Pairs(*pairs, self.chose.astype(float)).of(kept)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def state(world: World, tmp_path_factory: pytest.TempPathFactory) -> State:
    return world.state(tmp_path_factory.mktemp("mutual"), past=False)


def test_numbers_are_those_among_rivals() -> None:
    group = np.array([0, 1, 0, 1, 0, 2, 1])
    values = np.array([1.0, 10.0, 3.0, 30.0, np.nan, 7.0, 20.0])
    found = relative(values, group)
    np.testing.assert_allclose(found[[0, 2]], [-1, 1])
    np.testing.assert_allclose(found[[1, 3, 6]], np.sqrt(1.5) * np.array([-1, 1, 0]))
    assert np.isnan(found[4]) and found[5] == 0


def test_a_turned_pair_has_the_features_of_the_pair_in_other_places(world: World, state: State) -> None:
    prepared = state.prepared("guest-guest")
    names, turned = prepared.features.names, list(prepared.features.turned)
    assert {"own_charm", "value_charm", "compare_wit", "compare_wit_back"} <= set(names)
    assert [turned[at] for at in turned] == list(range(len(names)))
    everyone = np.ones(len(world.pairs), bool)
    x, back = (pair_features(state, prepared, world.judged(everyone, turned=how)) for how in (False, True))
    told = [at for at, name in enumerate(names) if name.partition("_")[0] in {"own", "value", "compare"}]
    np.testing.assert_allclose(x[:, turned][:, told], back[:, told])
    charm = x[:, names.index("value_charm")]
    assert np.abs(charm).max() < 4  # of the evening, whatever its scale


def test_the_mixed_model_is_generalised_least_squares_with_the_most_likely_variances() -> None:
    rng = np.random.default_rng(0)
    sides = [np.repeat(np.arange(12), 10), np.tile(np.arange(10), 12)]
    x = rng.normal(size=(120, 6))
    hit = x[:, 0] + rng.normal(size=12)[sides[0]] + rng.normal(size=120) > 0
    families = np.array([0, 0, 0, 1, 1, 1])
    rest = hit - hit.mean()
    solve = _whitening(rest, sides)
    inverse = solve(np.eye(120))
    covariance = np.linalg.inv(inverse)
    mine = sides[0][:, None] == sides[0]
    apart = ~np.eye(120, dtype=bool)
    shared = np.outer(rest, rest)[mine & apart].mean()
    assert covariance[0, 1] == pytest.approx(shared) and covariance[0, 0] == pytest.approx((rest**2).mean())
    design = np.column_stack([x, np.ones(120)])
    slopes, variances = _most_likely(design.T @ inverse @ design, design.T @ inverse @ rest, families, np.full(2, 0.01))
    ridge = design.T @ inverse @ design + np.diag([*(1 / variances[families]), 0])
    np.testing.assert_allclose(slopes, np.linalg.solve(ridge, design.T @ inverse @ rest), rtol=0.05, atol=1e-3)

    def unlikely(variances: NDArray[np.float64]) -> float:
        """Minus twice the log of the restricted likelihood, up to a constant."""
        whole = covariance + (x * variances[families]) @ x.T
        weighed = np.linalg.inv(whole)
        ones = np.ones(120)
        left = weighed - np.outer(weighed @ ones, ones @ weighed) / (ones @ weighed @ ones)
        return float(np.linalg.slogdet(whole)[1] + np.log(ones @ weighed @ ones) + rest @ left @ rest)

    for factor in (0.5, 2):
        assert unlikely(variances) < unlikely(variances * np.array([factor, 1]))
    assert variances[0] > 10 * variances[1]  # only the first family tells anything
    intercept, lines = mixed(x, hit, families, sides)
    again = mixed(x, hit, families, sides)
    assert intercept == again[0] and lines[0] > 5 * np.abs(lines[3:]).max()


def test_what_both_choose_is_shared_out_exactly() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 3))
    x[rng.random(400) < 0.1, 2] = np.nan
    hit = (x[:, 0] - x[:, 1] + rng.normal(size=400) > 0).astype(float)
    choice = AdditiveCurves(straight=True).fit(x, hit, ("value_a", "own_a", "compare_a"), [np.arange(400) % 40])
    both = BothChoose(choice, (1, 0, 2))
    one, other = (choice.intercept + choice.shares(pair).sum(axis=1) for pair in (x, x[:, [1, 0, 2]]))
    score = both.intercept + both.shares(x).sum(axis=1)
    np.testing.assert_allclose(score, np.log(1 / (1 + np.exp(-one)) / (1 + np.exp(-other))))
    np.testing.assert_allclose(score, both.intercept + both.shares(x[:, [1, 0, 2]]).sum(axis=1))
    middle = np.full((1, 3), np.nan)
    assert both.shares(middle).tolist() == [[0.0] * 3] and both.grades(x) is None
    twin = ranker_from(json.loads(json.dumps(both.to_dict())))
    np.testing.assert_array_equal(twin.shares(x), both.shares(x))
    assert twin.intercept == both.intercept and twin.features == both.features


def test_judged_choices_order_unseen_people_by_what_both_want(world: World, state: State) -> None:
    unseen = np.array([world.evening[a] == 0 for a, _ in world.pairs])
    scored = score_pairs(state, "guest-guest", world.judged(unseen), world.judged(~unseen)).score
    both, mine = world.both[unseen], np.array([a for a, _ in world.pairs])[unseen]
    within = [np.corrcoef(scored[mine == one], np.log(both[mine == one]))[0, 1] for one in np.unique(mine)]
    assert np.median(within) > 0.9
    turned = score_pairs(state, "guest-guest", world.judged(unseen, turned=True), world.judged(~unseen)).score
    np.testing.assert_allclose(scored, turned, rtol=1e-6)


@pytest.mark.parametrize(("lead", "kept"), [(0.0, "curves"), (-0.01, "curves"), (-0.2, "prior")])
def test_the_prior_stays_only_where_it_is_clearly_better(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: float, kept: str
) -> None:
    rng = np.random.default_rng(0)
    prior = {str(name): float(value) for name, value in enumerate(rng.random(40))}
    found = against({name: value + lead + 0.1 * rng.normal() for name, value in prior.items()}, prior)
    monkeypatch.setattr("matching.training.train.against", lambda *_: found)
    model = train(world.state(tmp_path, past=True), ["guest-guest"])["guest-guest"]
    assert found[0].verdict == ("worse" if kept == "prior" else "within noise")
    assert model.about["kept"].startswith(kept) and isinstance(model.ranker, BothChoose) == (kept == "curves")


def test_an_answer_is_ranked_by_the_same_mechanism(world: World, tmp_path: Path) -> None:
    state = world.state(tmp_path, past=True)
    model = train(state, ["guest-guest"])["guest-guest"]
    assert model.about["kept"] == "curves" and isinstance(model.ranker, BothChoose)
    answering = State(state.projection, state.mask, state.indexes, state.encodings, state.models)
    assert isinstance(answering.prepared("guest-guest").model.ranker, BothChoose)
    asked = Question("guest-guest", subject="g0", limit=5, explain=True)
    answer = match(answering, asked, Viewer("b", Role.BROKER, everything=True))
    assert sum(len(matches) for _, matches in answer.groups) == 5
