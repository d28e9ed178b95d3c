"""Learning a match kind's model from past outcomes in the graph or from judged pairs, and its candidates from use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from graph.files import replace
from matching.candidates.retrieve import retrieve
from matching.feedback.learning import Impression, Reaction, learn
from matching.feedback.use import Learned, path_of
from matching.ranking.additive import AdditiveCurves, BothChoose, Ranker
from matching.ranking.calibration import Calibration
from matching.ranking.features import Features
from matching.ranking.model import Model
from matching.state import Prepared, State
from matching.training.card import card
from matching.training.examination import Sample, against, examined, precisions, scored

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

WARM, COLD = 1500, 500
"""Subjects of which one outcome, and of which all are hidden for learning, at the most."""
HARD, RANDOM = 60, 12
"""Candidates without an outcome per sampled subject: retrieved ones and any."""
LEAST = 100
"""Outcomes below which the prior stays: too few to learn from."""
MANY = 20_000
"""Pairs from which on a model may be curved."""
SURFACES = 40
"""Pairs of features that may bend each other's curves, at the most, where outcomes are the subject's own."""
FOLDS = 3
SEED = 0
"""Of every draw: the same data teach the same model."""

BAND_SHARES = (0.5, 0.75, 0.92)
"""Parts of the known outcomes that score at least strong, good and fair."""


def outcome_sample(prepared: Prepared) -> Sample:
    """Pairs to learn from: outcomes that are hidden for it, and candidates without one.

    Of most sampled subjects one outcome is hidden, of some all: such are the subjects that come with none.
    """
    outcomes = prepared.evidence.outcomes
    nothing = Sample(np.empty((0, len(prepared.features.names))), np.empty(0), np.empty(0, np.int64), np.empty(0))
    if outcomes is None:
        return nothing
    rng = np.random.default_rng(SEED)
    hidden = _hidden(outcomes.pairs.indptr, rng)
    evidence = prepared.evidence.without(np.concatenate(list(hidden.values())) if hidden else np.empty(0, np.int64))
    if evidence.outcomes is not None:
        evidence = evidence.with_factors(evidence.outcomes.learned())
    made = Features(evidence)
    features, hits, owners, weights = [], [], [], []
    for subject, cells in hidden.items():
        asked = evidence.asked(subject)
        read = evidence.read(asked)
        partners = outcomes.partners(subject)
        found = retrieve(evidence, asked, read)
        positive = np.intersect1d(outcomes.pairs.indices[cells], found)  # what is not found is not ranked either
        retrieved = np.setdiff1d(found, partners)
        hard = rng.choice(retrieved, min(len(retrieved), HARD), replace=False)
        anyone = np.setdiff1d(rng.integers(0, evidence.n, RANDOM), partners)
        rows = np.concatenate([positive, hard, anyone])
        features.append(made.of(asked, read, rows))
        hits.append(np.concatenate([np.ones(len(positive)), np.zeros(len(hard) + len(anyone))]))
        owners.append(np.full(len(rows), subject))
        each = len(retrieved) / max(len(hard), 1)
        weights.append(np.concatenate([np.ones(len(positive)), np.full(len(hard), each), np.zeros(len(anyone))]))
    if not features:
        return nothing
    return Sample(*(np.concatenate(parts) for parts in (features, hits, owners, weights)))


def _hidden(indptr: NDArray[np.integer[Any]], rng: np.random.Generator) -> dict[int, Rows]:
    """Subject → places of its outcomes that are hidden: one of several, or all of it."""
    degree = np.diff(indptr)
    several, some = np.flatnonzero(degree > 1), np.flatnonzero(degree > 0)
    warm = rng.choice(several, min(len(several) // 2, WARM), replace=False)
    rest = np.setdiff1d(some, warm)
    cold = rng.choice(rest, min(len(rest) // 4, COLD), replace=False)
    one = indptr[warm] + (rng.random(len(warm)) * degree[warm]).astype(np.int64)
    hidden = {int(subject): np.array([place]) for subject, place in zip(warm, one, strict=True)}
    return hidden | {int(subject): np.arange(indptr[subject], indptr[subject + 1]) for subject in cold}


def fit(
    x: Floats, y: Floats, names: Sequence[str], increasing: Sequence[bool], sides: Sequence[NDArray[Any]] = (),
    surfaces: int = 0,
) -> AdditiveCurves:  # fmt: skip
    """An additive model of graded pairs: straight lines where they are few, monotone curves and surfaces where many.

    Lines are those of a mixed model where `sides` tell whose the pairs are (see AdditiveCurves.fit). What `surfaces`
    say of two features takes fewer and coarser trees than curves that say all there is.
    """
    if len(y) < MANY:
        model = AdditiveCurves(straight=True)
    elif surfaces:
        model = AdditiveCurves(
            increasing=increasing, learning_rate=0.07, iterations=200, leaves=6, smallest_leaf=60, l2=10.0, bins=32,
            pairs=surfaces,
        )  # fmt: skip
    else:
        model = AdditiveCurves(
            increasing=increasing, learning_rate=0.05, iterations=300, leaves=4, smallest_leaf=100, l2=10.0, bins=100
        )
    return model.fit(x, y, names, sides)


def fit_kind(features: Features, x: Floats, y: Floats, sides: Sequence[NDArray[Any]]) -> AdditiveCurves | BothChoose:
    """The model of a match kind from graded pairs; where both sides choose, of the choice of both.

    `sides` name what pairs have in common there, as far as it is known: n subjects, n candidates.
    """
    kind = features.evidence.kind
    if not kind.is_two_sided:
        surfaces = SURFACES if kind.has_own_outcomes else 0
        return fit(x, y, features.names, features.increasing, surfaces=surfaces)
    return BothChoose(fit(x, y, features.names, features.increasing, sides), features.turned)


def fold_of(groups: NDArray[Any], folds: int) -> NDArray[np.int64]:
    """Fold of each row so that equal groups stay together; groups are dealt out at random."""
    names, inverse = np.unique(groups, return_inverse=True)
    dealt = np.random.default_rng(SEED).permutation(len(names)) % folds
    return np.asarray(dealt[inverse], np.int64)


def learned(prepared: Prepared) -> Model:
    """The model of a match kind: curves, unless the prior ranks held-out outcomes better in a paired test.

    A few hundred hidden outcomes tell little; where they do not tell, curves are nearer to the truth (docs/quality.md).
    """
    sample = outcome_sample(prepared)
    x, y, owners, weight = sample
    prior = Model.prior(prepared.features)
    about: dict[str, Any] = {
        "learned_from": "past outcomes", "fingerprint": prepared.evidence.projection.fingerprint,
        "outcomes": int(y.sum()), "pairs": len(y), "subjects": len(np.unique(owners)),
    }  # fmt: skip
    if y.sum() < LEAST:
        return Model(prior.ranker, prior.bounds, {**about, "kept": "prior: too few outcomes"})
    fold = fold_of(owners, FOLDS)

    def fitted(kept: NDArray[np.bool_]) -> Ranker:
        return fit_kind(prepared.features, x[kept], y[kept], [owners[kept]])

    rankers = [fitted(fold != number) for number in range(FOLDS)]
    held_out = scored(rankers, x, fold)
    curves, by_prior = precisions(held_out, sample), precisions(prior.score(x), sample)
    means = [float(np.mean(list(each.values()))) if each else 0.0 for each in (curves, by_prior)]
    difference = against(curves, by_prior)
    about |= {"average_precision_curves": means[0], "average_precision_prior": means[1]}
    about["comparison"] = [found.to_dict() for found in difference]
    if difference and all(found.verdict != "worse" for found in difference):
        ranker = fitted(np.ones(len(y), bool))
        about["kept"] = "curves"
    else:
        ranker, rankers, held_out = prior.ranker, [prior.ranker] * FOLDS, prior.score(x)
        about["kept"] = "prior: it ranks held-out outcomes clearly better"
    bands = bounds(held_out[y > 0])
    about |= examined(ranker, rankers, bands, sample, fold)
    outcomes = prepared.evidence.outcomes
    factors = outcomes.learned() if outcomes is not None and about["kept"] == "curves" else None
    return Model(ranker, bands, about, Calibration.fit(held_out, y > 0, weight), factors)


def bounds(scores: Floats) -> tuple[float, float, float]:
    """Bounds of strong, good and fair from the scores of known outcomes."""
    strong, good, fair = np.quantile(scores, [1 - share for share in BAND_SHARES])
    return float(strong), float(good), float(fair)


def train(
    state: State, kinds: Sequence[str] | None = None, progress: Callable[[str, int], None] | None = None
) -> dict[str, Model]:
    """Learn and save the model and card of each match kind that has an outcome relation; what was learned, by name.

    On one thread where matrices are multiplied: with another number of them sums would round otherwise.
    """
    models = {}
    for name in state.kinds if kinds is None else kinds:
        prepared = state.prepared(name)
        if prepared.evidence.outcomes is None:
            continue
        if progress:
            progress(f"train {name}", 0)
        with threadpool_limits(limits=1, user_api="blas"):
            models[name] = learned(prepared)
        if state.models is not None:
            models[name].save(state.models / f"{name}.json", prepared.evidence.ids)
            told = card(prepared.evidence.kind, models[name], state.projection.catalogue)
            replace(state.models / f"{name}.md", told.encode())
    return models


def train_use(
    state: State, name: str, impressions: Iterable[Impression], reactions: Iterable[Reaction], shown: Mapping[str, int]
) -> Learned:
    """Learn and save what a match kind's candidates earn by use; `shown` counts their impressions of this epoch.

    Merged duplicates are one candidate, and those that are gone are left out.
    """
    table = state.projection.table(state.kinds[name].candidate)
    known: dict[str, str | None] = {}

    def now(id: str) -> str | None:
        if id not in known:
            row = table.find(id)
            known[id] = table.ids[row] if row >= 0 else None
        return known[id]

    seen = [dataclasses.replace(one, candidates=tuple(now(id) or id for id in one.candidates)) for one in impressions]
    done = [dataclasses.replace(one, candidate=now(one.candidate) or one.candidate) for one in reactions]
    counts: dict[str, int] = {}
    for id, count in shown.items():
        if (candidate := now(id)) is not None:
            counts[candidate] = counts.get(candidate, 0) + count
    shares = {candidate: share for candidate, share in learn(seen, done).items() if now(candidate) is not None}
    about = {"epoch": state.mask.epoch, "impressions": sum(counts.values()), "reactions": len(done)}
    learned = Learned(shares, counts, {**about, "candidates": len(shares)})
    if state.models is not None:
        learned.save(path_of(state.models, name))
    return learned
