"""Walks over the graph of a match kind: who is reached from a question, and how often (personalised PageRank).

Whoever walks goes along one edge at a time, each as likely as the next, and begins again with probability RESTART
(Page et al. 1999). From the documents that are near a text to their authors, their other documents and so on, it finds
experts (Serdyukov, Rode and Hiemstra 2008); from a subject along past outcomes and visible labels it finds who is
chosen by those like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.projection import spans

Values = NDArray[np.float64]
Floats = NDArray[np.float32]
Matrix = sp.csr_array

RESTART = 0.3
"""Chance that a walk along outcomes begins again."""
RESTART_DOCUMENTS = 0.1
"""The same of a walk through documents; measured on judged experts."""
ROUNDS_DOCUMENTS = 6
"""Steps after which a walk through documents is not followed any more."""
LINKED = np.float32(0.7)
"""Part of a document's relevance that comes from those that are most like it, each round."""
ROUNDS_LINKS = 8
"""Rounds of that. Measured on judged experts: from .5 and five on, with three to ten links, it is much the same."""
LARGEST = 2_000_000
"""Edges that an outcome walk has at the most: a bound on its time for each question."""


def links_of(nearest: NDArray[np.int32]) -> Matrix:
    """Documents × documents: from each to the k that are most like it (n × k), rows that add up to 1."""
    n, k = nearest.shape
    weights = np.full(n * k, 1 / k, np.float32)
    return sp.csr_array((weights, nearest.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))


def spread(relevance: Floats, links: Matrix | None) -> Floats:
    """The relevance of documents, taken in part from those that are most like each, and from those like these again."""
    if links is None:
        return relevance
    here = relevance
    for _ in range(ROUNDS_LINKS):
        here = np.asarray((1 - LINKED) * here + LINKED * (links @ here), np.float32)
    return here


class DocumentWalk:
    """From documents to the candidates they speak for, and on through documents that candidates share."""

    def __init__(self, of: Sequence[Matrix]) -> None:
        """`of`: candidates × documents, one matrix for each kind of documents."""
        owners = [_steps(matrix.T) for matrix in of]
        self._from = [sp.csr_array(matrix.T) for matrix in owners]
        self._onward = _arrivals(_steps(_steps(sp.hstack(of)) @ sp.vstack(owners)), RESTART_DOCUMENTS)

    def reached(self, relevance: Sequence[Floats], direct: Floats | None = None) -> Values:
        """How often each candidate is reached from documents that are begun at by their relevance (see `lift`).

        `direct` is what is begun with at the candidates themselves.
        """
        here = np.zeros(self._onward.shape[0], np.float32) if direct is None else direct
        for scores, owners in zip(relevance, self._from, strict=True):
            here = here + owners @ scores
        visits = here.copy()
        for _ in range(ROUNDS_DOCUMENTS):
            here = self._onward @ here
            visits += here
        return lift(visits)


class OutcomeWalk:
    """From a subject along past outcomes and along the visible labels of both sides: three steps, or five.

    It is with candidates after odd steps only.
    """

    def __init__(self, pairs: Matrix, subjects: Sequence[Matrix], candidates: Sequence[Matrix]) -> None:
        """`pairs`: subjects × candidates; then rows × labels of either side, one matrix for each field."""
        near, far = pairs.shape
        self._candidates = slice(near, near + far)
        self._size = near + far
        edges = [(pairs, 0, near)]
        for begin, matrices in ((0, subjects), (near, candidates)):
            for matrix in matrices:
                edges.append((matrix, begin, self._size))
                self._size += matrix.shape[1]
        small = sum(matrix.nnz for matrix, _, _ in edges) <= LARGEST
        self._steps = _steps(_joined(edges, self._size)) if small else None
        self._arriving = _arrivals(self._steps[:, self._candidates], RESTART) if self._steps is not None else None

    def reached(self, subject: int, *, far: bool = False) -> tuple[Values, Values | None]:
        """How often each candidate is reached from a subject in three steps, and in five where `far` (see `lift`).

        Never where the graph is too large.
        """
        if self._steps is None or self._arriving is None:
            never = np.zeros(self._candidates.stop - self._candidates.start)
            return never, never if far else None
        row = slice(self._steps.indptr[subject], self._steps.indptr[subject + 1])
        first, chances = self._steps.indices[row], self._steps.data[row]
        # Few nodes are left in the first step and only candidates matter in the last: neither needs the whole graph.
        lengths, places = spans(self._steps.indptr, first)
        second = np.repeat(chances, lengths) * self._steps.data[places]
        here = np.bincount(self._steps.indices[places], second, minlength=self._size).astype(np.float32)
        here *= np.float32(1 - RESTART)
        visits = here.copy()
        visits[first] += chances
        if not far:
            return lift(visits[self._candidates] + self._arriving @ here), None
        here = self._backwards @ here
        near = visits[self._candidates] + here[self._candidates]
        here = self._backwards @ here
        return lift(near), lift(near + self._arriving @ here)

    @cached_property
    def _backwards(self) -> Matrix:
        """To × from, for steps that need the whole graph."""
        assert self._steps is not None
        return _arrivals(self._steps, RESTART)


def _steps(matrix: sp.csr_array | sp.csc_array | sp.coo_array) -> Matrix:
    """The matrix with rows that sum to 1, or to 0 where they are empty: the chance of each step."""
    rows = sp.csr_array(matrix).astype(np.float32)
    total = np.asarray(rows.sum(axis=1), np.float32)
    rows.data /= np.repeat(np.maximum(total, np.float32(1e-12)), np.diff(rows.indptr))
    return rows


def _joined(edges: Sequence[tuple[Matrix, int, int]], size: int) -> Matrix:
    """One square matrix of edges in both directions; each matrix comes with the number of its first row and column."""
    parts = [sp.coo_array(matrix) for matrix, _, _ in edges]
    rows = np.concatenate([part.row + first for part, (_, first, _) in zip(parts, edges, strict=True)])
    columns = np.concatenate([part.col + first for part, (_, _, first) in zip(parts, edges, strict=True)])
    weights = np.concatenate([part.data for part in parts]).astype(np.float32)
    forth = sp.csr_array((weights, (rows, columns)), shape=(size, size))
    return sp.csr_array(forth + forth.T)


def _arrivals(steps: Matrix, restart: float) -> Matrix:
    """To × from: the chance of each step of those who do not begin again."""
    return sp.csr_array(steps.T * np.float32(1 - restart))


def lift(values: NDArray[np.floating[Any]], mean: float | None = None) -> Values:
    """ln(1 + value / mean): alike for questions with many and with few answers; the mean is that of all by default."""
    usual = float(values.mean()) if mean is None and len(values) else mean or 0.0
    return np.log1p(np.asarray(values, np.float64) / max(usual, 1e-9))
