"""Past outcomes as evidence: how often a candidate was chosen, together with whom, and by what kind of subject.

A pair's own outcome is always hidden from its own evidence, at training and at serving: a score never says
"because they already did".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from matching.candidates.walks import OutcomeWalk

Rows = NDArray[np.int64]
Values = NDArray[np.float64]
Matrix = sp.csr_array

SMOOTHING = 5.0
"""Pseudo-outcomes that pull a candidate's profile towards the population's."""


@dataclass(frozen=True)
class Profile:
    """Which labels a candidate's past subjects carried, against the population: smoothed naive Bayes."""

    labels: Matrix
    """Subjects × labels."""
    counts: sp.csc_array
    """Candidates × labels: past subjects with the label."""
    lift: Values
    """ln(1 + count / (SMOOTHING · p)) of each cell of `counts`, p the label's share among all outcomes."""
    share: Values
    """p of each label."""
    degree: Values
    """Outcomes of each candidate."""

    @classmethod
    def build(cls, outcomes: Matrix, labels: Matrix) -> Profile:
        """The profile of one label field of the subjects."""
        counts = sp.csc_array(outcomes.T @ labels, dtype=np.float64)
        counts.sort_indices()
        degree = np.asarray(outcomes.sum(axis=0), np.float64).ravel()
        share = (np.asarray(counts.sum(axis=0)).ravel() + 0.5) / (degree.sum() + 1.0)
        label = np.repeat(np.arange(labels.shape[1]), np.diff(counts.indptr))
        return cls(labels, counts, np.log1p(counts.data / (SMOOTHING * share[label])), share, degree)

    @cached_property
    def unseen(self) -> Values:
        """The evidence of a label that none of a candidate's past subjects carried."""
        return np.log(SMOOTHING / (self.degree + SMOOTHING))

    def of(self, subject: int, partners: Rows) -> Values:
        """Mean over the subject's labels of ln P(label | candidate) / P(label), for every candidate; 0 without any.

        Its `partners` get it without their outcome with this subject, through which they carry each of its labels.
        """
        labels = _of(self.labels, subject)
        if len(labels) == 0:
            return np.zeros(len(self.degree))
        total = self.unseen * len(labels)
        others = -np.log(self.degree[partners] - 1 + SMOOTHING) * len(labels)
        for label in labels:
            span = slice(self.counts.indptr[label], self.counts.indptr[label + 1])
            carriers, counts = self.counts.indices[span], self.counts.data[span]
            total[carriers] += self.lift[span]
            left = counts[np.searchsorted(carriers, partners)] - 1
            others += np.log(left / self.share[label] + SMOOTHING)
        total[partners] = others
        return np.asarray(total / len(labels))


@dataclass(frozen=True)
class Outcomes:
    """Past outcomes of one match kind, and the profiles of its candidates."""

    pairs: Matrix
    """Subjects × candidates, 1 for a past outcome."""
    profiles: Mapping[str, Profile]
    """Label field of the subject → profile."""
    walk: OutcomeWalk
    """Along outcomes and labels."""
    labels: tuple[Mapping[str, Matrix], Mapping[str, Matrix]]
    """Visible labels of subjects and candidates, rows × labels by field."""
    owners: tuple[Rows, Rows]
    """Whose outcome it is for each subject and candidate: needs of one enterprise have its outcomes in common."""

    @classmethod
    def build(
        cls, walks: Matrix, labels: Mapping[str, Matrix], theirs: Mapping[str, Matrix],
        owners: tuple[Rows, Rows] | None = None,
    ) -> Outcomes:  # fmt: skip
        """From the number of walks between subjects and candidates and the visible labels of either side."""
        pairs = sp.csr_array((np.ones(walks.nnz), walks.indices, walks.indptr), shape=walks.shape)
        pairs.sort_indices()
        return cls(
            pairs,
            {name: Profile.build(pairs, matrix) for name, matrix in labels.items()},
            OutcomeWalk(pairs, list(labels.values()), list(theirs.values())),
            (labels, theirs),
            owners or (np.arange(pairs.shape[0]), np.arange(pairs.shape[1])),
        )

    def without(self, hidden: Rows) -> Outcomes:
        """These outcomes without some, given by their place among the cells of `pairs`: what a learner may see.

        What the same owners have between them is one outcome, and is hidden as one.
        """
        mine, theirs = self.owners
        subject = np.repeat(np.arange(self.pairs.shape[0]), np.diff(self.pairs.indptr))
        between = mine[subject] * (int(theirs.max(initial=0)) + 1) + theirs[self.pairs.indices]
        kept = self.pairs.copy()
        kept.data[np.isin(between, between[hidden])] = 0
        kept.eliminate_zeros()
        return Outcomes.build(kept, *self.labels, self.owners)

    @cached_property
    def degree(self) -> Values:
        """Outcomes of each candidate."""
        return np.asarray(self.pairs.sum(axis=0), np.float64).ravel()

    @cached_property
    def popularity(self) -> Values:
        """ln(1 + outcomes) of each candidate."""
        return np.log1p(self.degree)

    @cached_property
    def together(self) -> Matrix:
        """Candidates × candidates: subjects that chose both, without the diagonal."""
        matrix = sp.csr_array(self.pairs.T @ self.pairs)
        matrix.setdiag(0)
        matrix.eliminate_zeros()
        return matrix

    def partners(self, subject: int) -> Rows:
        """Candidates that the subject chose before."""
        return _of(self.pairs, subject).astype(np.int64)

    def popular(self, subject: int) -> Values:
        """ln(1 + outcomes with other subjects) of every candidate."""
        partners = self.partners(subject)
        if len(partners) == 0:
            return self.popularity
        others = self.popularity.copy()
        others[partners] = np.log(self.degree[partners])
        return others

    def neighbours(self, subject: int) -> Values:
        """For every candidate: cosine co-outcomes with the subject's partners, summed, over the root of their number.

        The partner itself is left out for its own row, and the subject's own choices from every count.
        """
        partners = self.partners(subject)
        scores = np.zeros(len(self.degree))
        if len(partners) == 0:
            return scores
        chosen = np.zeros(len(self.degree), bool)
        chosen[partners] = True
        degree = np.maximum(self.degree - chosen, 0.5)
        for partner in partners:
            span = slice(self.together.indptr[partner], self.together.indptr[partner + 1])
            others = self.together.indices[span]
            counts = self.together.data[span] - chosen[others]
            scores[others] += counts / np.sqrt(degree[others] * degree[partner])
        others_chosen = np.maximum(len(partners) - chosen, 1)
        return np.asarray(scores / np.sqrt(others_chosen))

    def reach(self, subject: int) -> Values:
        """How much of a walk from the subject each candidate sees; NaN for its partners, to whom it leads at once."""
        reached = self.walk.reached(subject)
        reached[self.partners(subject)] = np.nan
        return reached

    def profile(self, name: str, subject: int) -> Values:
        """A profile's evidence for every candidate, past pairs without their own outcome."""
        return self.profiles[name].of(subject, self.partners(subject))


def _of(matrix: Matrix, row: int) -> NDArray[np.int32]:
    return np.asarray(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])
