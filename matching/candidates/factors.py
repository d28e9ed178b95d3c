"""Latent factors of outcomes: who is chosen next, by those chosen before and by visible labels, as a log-linear model.

A subject is a vector: what its partners, its labels and the labels of its outcomes say, added up. A candidate is one,
too, and the log-odds of being chosen are their product and a level of its own (a two-tower model, Yi et al. 2019). Each
outcome is learned from the other outcomes of its subject, so a subject is seen as it is when it asks, and some of them
are left out at random (dropout, Srivastava et al. 2014). The softmax goes over a sample of the candidates, each of whom
stands for as many as it is seldom drawn (Bengio and Senécal 2008). Steps are those of Adam with decay of the weights
(Loshchilov and Hutter 2019). One such model is noisy: the mean of several is better than each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from graph.files import map_arrays, write_arrays
from graph.projection import Strings, offsets_of, spans

Rows = NDArray[np.int64]
Places = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]
Matrix = sp.csr_array

MODELS = 4
"""Models whose mean counts, each begun and sampled anew."""
SIZE = 64
"""Numbers of a vector of one model."""
BATCH = 1024
"""Outcomes of a step."""
ROUNDS = 7
"""How often each outcome is learned from."""
STEPS = 500
"""Steps of a model at the most, and…"""
LARGEST = 20_000
"""…candidates at the most: bounds on the time, of learning and of each answer."""
RATE = 0.006
"""Of learning."""
DECAY = 0.7
"""Of the weights in a step, times RATE."""
MOMENTS = (0.9, 0.99)
"""Of Adam: what remains of the mean slope and of the mean square in a step."""
DROPPED = 0.3
"""Part of a subject's partners that is left out, anew each time."""
ALONE = 0.2
"""Part of the subjects that are learned from by their labels only, as those who come without outcomes."""
SAMPLED = 512
"""Candidates that are drawn for a step, by their outcomes and one more."""
SPREAD = 0.1
"""Standard deviation of the numbers that are begun with."""


@dataclass(frozen=True)
class Weights:
    """What one model learned."""

    candidates: Floats
    """Candidates × SIZE."""
    levels: Floats
    """Of each candidate."""
    turn: Floats
    """SIZE × SIZE: from a partner's vector to what it says of the subject."""
    labels: Floats
    """Labels of subjects × SIZE."""
    marks: Floats
    """Labels of outcomes × SIZE."""


@dataclass(frozen=True)
class Known:
    """What is learned from."""

    pairs: Matrix
    """Subjects × candidates."""
    labels: Matrix
    """Subjects × their labels."""
    theirs: Matrix
    """Candidates × theirs."""
    marks: Matrix
    """Cells of `pairs` × labels of outcomes."""

    def subjects(self, model: Weights) -> Floats:
        """The vector of each subject, by all that is known of it."""
        many = np.diff(self.pairs.indptr)
        each = 1 / np.sqrt(np.maximum(many, 1))
        partners = sp.csr_array(sp.diags_array(each) @ self.pairs)
        cells = _rows(
            np.ones(self.pairs.nnz, np.float32),
            np.arange(self.pairs.nnz),
            np.asarray(self.pairs.indptr, np.int64),
            self.pairs.nnz,
        )
        marks = _shares(sp.csr_array(cells @ self.marks))
        past = np.asarray(partners @ model.candidates, np.float32) @ model.turn
        return np.asarray(self.labels @ model.labels + past + marks @ model.marks, np.float32)

    def context(self, asking: Rows, target: Places, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
        """Of each asking subject a draw of its partners but the target: its rows × candidates, × labels of outcomes.

        Rows of the first have length 1, those of the second add up to 1.
        """
        lengths, place = spans(self.pairs.indptr, asking)
        row = np.repeat(np.arange(len(asking)), lengths)
        partner = self.pairs.indices[place]
        kept = (partner != target[row]) & (rng.random(len(row)) > DROPPED) & (rng.random(len(asking)) > ALONE)[row]
        row, place, partner = row[kept], place[kept], partner[kept]
        many = np.bincount(row, minlength=len(asking))
        begin = offsets_of(many)
        each = (1 / np.sqrt(many[row])).astype(np.float32)
        partners = _rows(each, partner, begin, self.pairs.shape[1])
        cells = _rows(np.ones(len(row), np.float32), np.arange(len(row)), begin, len(row))
        return partners, _shares(sp.csr_array(cells @ self.marks[place]))


@dataclass(frozen=True)
class Factors:
    """What several models learned, side by side; the product of two vectors is the mean of theirs."""

    subjects: Floats
    """N × SIZE times MODELS; NaN for one who was not there when it was learned."""
    candidates: Floats
    """M × the same."""
    levels: Floats
    """Of each candidate."""

    FIELDS: ClassVar[tuple[str, ...]] = ("subjects", "candidates", "levels")

    @classmethod
    def learn(
        cls, pairs: Matrix, labels: Sequence[Matrix], theirs: Sequence[Matrix], marks: Sequence[Matrix]
    ) -> Factors | None:
        """From subjects × candidates, rows × labels of either side, and cells of `pairs` × labels of outcomes.

        None where there are no candidates, or too many. On one thread where matrices are multiplied: with another
        number of them sums would round otherwise.
        """
        n, m = pairs.shape
        if not 0 < m <= LARGEST:
            return None
        known = Known(
            sp.csr_array(pairs.astype(np.float32)), _beside(labels, n), _beside(theirs, m), _beside(marks, pairs.nnz)
        )
        with threadpool_limits(limits=1, user_api="blas"):
            models = [_learned(known, np.random.default_rng(seed)) for seed in range(MODELS)]
            subjects = [known.subjects(model) / np.float32(MODELS) for model in models]
        levels = np.mean([model.levels for model in models], axis=0)
        return cls(np.hstack(subjects), np.hstack([model.candidates for model in models]), levels)

    def of(self, subject: int) -> NDArray[np.float64]:
        """Log of how probable each candidate is the next that the subject chooses; NaN where nothing was learned."""
        odds = np.asarray(self.candidates @ self.subjects[subject] + self.levels, np.float64)
        likely = np.exp(odds - np.fmax.reduce(odds, initial=-np.inf))
        return np.log(likely / np.nansum(likely)) if np.isfinite(likely).any() else np.full(len(odds), np.nan)

    @property
    def digest(self) -> str:
        """Of what was learned: the same outcomes make the same."""
        hasher = hashlib.blake2b(digest_size=8)
        for name in self.FIELDS:
            hasher.update(np.ascontiguousarray(getattr(self, name)).data)
        return hasher.hexdigest()

    def save(self, path: Path, ids: tuple[Strings, Strings]) -> None:
        """Write the factors of the subjects and candidates with these ids as one file, whole or not at all."""
        arrays = {name: getattr(self, name) for name in self.FIELDS}
        for side, names in zip(("subject", "candidate"), ids, strict=True):
            arrays |= {f"{side}.blob": np.asarray(names.blob), f"{side}.offsets": np.asarray(names.offsets)}
        write_arrays(path, arrays)

    @classmethod
    def open(cls, path: Path, ids: tuple[Strings, Strings]) -> Factors:
        """The saved factors of the subjects and candidates that are there now; ProjectionError for a damaged file."""
        arrays = map_arrays(path)
        rows = [
            _rows_of(now, Strings(arrays[f"{side}.blob"], arrays[f"{side}.offsets"]))
            for side, now in zip(("subject", "candidate"), ids, strict=True)
        ]
        return cls(*(_moved(arrays[name], rows[name != "subjects"]) for name in cls.FIELDS))


def _rows_of(now: Strings, then: Strings) -> Rows | None:
    """Row of each string in another list, -1 where it is not there; None where both are the same."""
    if np.array_equal(now.offsets, then.offsets) and np.array_equal(now.blob, then.blob):
        return None
    place = {name: row for row, name in enumerate(then)}
    return np.fromiter((place.get(name, -1) for name in now), np.int64, len(now))


def _moved(values: Floats, rows: Rows | None) -> Floats:
    """The given rows of an array, NaN for -1."""
    if rows is None:
        return values
    moved = np.full((len(rows), *values.shape[1:]), np.nan, np.float32)
    moved[rows >= 0] = values[rows[rows >= 0]]
    return moved


def _learned(known: Known, rng: np.random.Generator) -> Weights:
    pairs = known.pairs
    degree = np.bincount(pairs.indices, minlength=pairs.shape[1])
    chance = (degree + 1) / (degree + 1).sum()
    stands_for = np.log(-np.expm1(SAMPLED * np.log1p(-np.minimum(chance, 0.5)))).astype(np.float32)
    counts = (pairs.shape[1], *(matrix.shape[1] for matrix in (known.theirs, known.labels, known.marks)))
    own, kin, labels, marks = (rng.normal(0, SPREAD, (count, SIZE)).astype(np.float32) for count in counts)
    turn, levels = np.eye(SIZE, dtype=np.float32), np.log(degree + 0.5).astype(np.float32)
    steps = _Adam([own, kin, labels, marks], [turn, levels])
    subject = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    for cells in _batches(pairs.nnz, rng):
        asking, target = subject[cells], pairs.indices[cells]
        partners, told = known.context(asking, target, rng)
        mine = known.labels[asking]
        vectors = own + known.theirs @ kin
        past = partners @ vectors
        here = past @ turn + mine @ labels + told @ marks
        drawn = np.unique(rng.choice(len(chance), SAMPLED, p=chance))
        odds = here @ vectors[drawn].T + (levels - stands_for)[drawn]
        odds[pairs[asking][:, drawn].toarray() > 0] = -np.inf  # nobody is held against those chosen as well
        right = np.einsum("nk,nk->n", here, vectors[target]) + levels[target]
        most = np.maximum(odds.max(axis=1), right)
        odds, right = np.exp(odds - most[:, None]), np.exp(right - most)
        total = (odds.sum(axis=1) + right) * len(cells)
        odds /= total[:, None]
        miss = right / total - np.float32(1 / len(cells))
        # Slopes of the mean loss, from the log-odds back to what they are made of.
        hit = _rows(miss, target, np.arange(len(cells) + 1), len(own))
        back = odds @ vectors[drawn] + miss[:, None] * vectors[target]
        slope = hit.T @ here + partners.T @ (back @ turn.T)
        level = np.asarray(hit.sum(axis=0), np.float32)
        slope[drawn] += odds.T @ here
        level[drawn] += odds.sum(axis=0)
        steps.go([slope, known.theirs.T @ slope, mine.T @ back, told.T @ back, past.T @ back, level])
    return Weights(own + known.theirs @ kin, levels, turn, labels, marks)


def _beside(matrices: Sequence[Matrix], n: int) -> Matrix:
    """N rows × the columns of all."""
    return sp.csr_array(sp.hstack([sp.csr_array((n, 0)), *matrices], format="csr"), dtype=np.float32)


def _rows(values: Floats, columns: Places, offsets: Rows, n: int) -> Matrix:
    """Rows of n columns from what begins at each of their offsets."""
    return sp.csr_array((values, columns, offsets), shape=(len(offsets) - 1, n))


def _shares(matrix: Matrix) -> Matrix:
    """Rows that add up to 1, or to 0 where they are empty."""
    total = np.asarray(matrix.sum(axis=1))
    matrix.data /= np.repeat(total, np.diff(matrix.indptr))
    return matrix


def _batches(n: int, rng: np.random.Generator) -> list[Rows]:
    """Cells of each step."""
    rounds = (rng.permutation(n) for _ in range(ROUNDS))
    return [order[begin : begin + BATCH] for order in rounds for begin in range(0, n, BATCH)][:STEPS]


class _Adam:
    """Steps down the slopes; only the first weights decay."""

    def __init__(self, decaying: Sequence[Floats], others: Sequence[Floats]) -> None:
        self._weights, self._decaying, self._step = [*decaying, *others], len(decaying), 0
        self._means = [np.zeros_like(weights) for weights in self._weights]
        self._squares = [np.zeros_like(weights) for weights in self._weights]

    def go(self, slopes: Sequence[Floats]) -> None:
        """One step; weights change in place."""
        self._step += 1
        first, second = MOMENTS
        begun = [1 - moment**self._step for moment in MOMENTS]
        for weights, slope, mean, square in zip(self._weights, slopes, self._means, self._squares, strict=True):
            mean *= first
            mean += (1 - first) * slope
            square *= second
            step = slope * slope
            step *= 1 - second
            square += step
            np.sqrt(square, out=step)
            step += 1e-6
            np.divide(mean, step, out=step)
            step *= RATE * np.sqrt(begun[1]) / begun[0]
            weights -= step
        for weights in self._weights[: self._decaying]:
            weights *= 1 - RATE * DECAY
