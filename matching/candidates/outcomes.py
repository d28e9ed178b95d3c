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

from graph.projection import spans
from matching.candidates.factors import Factors
from matching.candidates.walks import OutcomeWalk

Rows = NDArray[np.int64]
Values = NDArray[np.float64]
Matrix = sp.csr_array

SMOOTHING = 5.0
"""Pseudo-outcomes that pull a candidate's profile towards the population's."""


MOST_MARKS = 200
"""Different labels of outcomes from which on they tell nothing of each other."""


@dataclass(frozen=True)
class Profile:
    """Which labels a candidate's past subjects carried, against the population: smoothed naive Bayes.

    With likeness of labels each label of a subject also counts, in part, as those like it.
    """

    labels: Matrix
    """Subjects × labels."""
    counted: Matrix
    """Subjects × labels: how much of each label an outcome with a subject counts as."""
    mass: Values
    """How much an outcome with each subject counts altogether."""
    counts: sp.csc_array
    """Candidates × labels: past subjects with the label."""
    lift: Values
    """ln(1 + count / (SMOOTHING · p)) of each cell of `counts`, p the label's share among all outcomes."""
    share: Values
    """p of each label."""
    degree: Values
    """What the outcomes of each candidate count altogether."""

    @classmethod
    def build(cls, outcomes: Matrix, labels: Matrix, likeness: Matrix | None = None) -> Profile:
        """The profile of one label field of the subjects; `likeness` is labels × labels, 1 for a label with itself."""
        counted = labels if likeness is None else sp.csr_array(labels @ likeness)
        counted.sort_indices()
        counts = sp.csc_array(outcomes.T @ counted, dtype=np.float64)
        counts.sort_indices()
        mass = np.ones(labels.shape[0]) if likeness is None else np.asarray(counted.sum(axis=1), np.float64).ravel()
        degree = np.asarray(outcomes.T @ mass, np.float64)
        share = (np.asarray(counts.sum(axis=0)).ravel() + 0.5) / (degree.sum() + 1.0)
        label = np.repeat(np.arange(labels.shape[1]), np.diff(counts.indptr))
        lift = np.log1p(counts.data / (SMOOTHING * share[label]))
        return cls(labels, counted, mass, counts, lift, share, degree)

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
        others = -np.log(self.degree[partners] - self.mass[subject] + SMOOTHING) * len(labels)
        mine = np.zeros(self.labels.shape[1])
        mine[_of(self.counted, subject)] = self.counted.data[_span(self.counted, subject)]
        for label in labels:
            span = slice(self.counts.indptr[label], self.counts.indptr[label + 1])
            carriers, counts = self.counts.indices[span], self.counts.data[span]
            total[carriers] += self.lift[span]
            left = counts[np.searchsorted(carriers, partners)] - mine[label]
            others += np.log(left / self.share[label] + SMOOTHING)
        total[partners] = others
        return np.asarray(total / len(labels))


@dataclass(frozen=True)
class Kin:
    """Which labels the past subjects of those carried who carry a candidate's labels: what is known of a newcomer."""

    labels: Matrix
    """Subjects × labels."""
    theirs: Matrix
    """Candidates × their own labels."""
    counts: Values
    """Candidates' labels × subjects' labels: past outcomes between the two."""
    share: Values
    """Share of each subject's label among all of these."""
    degree: Values
    """Past outcomes with each candidate's label."""

    @classmethod
    def build(cls, outcomes: Matrix, labels: Matrix, theirs: Matrix) -> Kin:
        """Of one label field of the subjects, and the labels of the candidates."""
        chosen = sp.csr_array(outcomes @ theirs)
        counts = np.asarray((chosen.T @ labels).toarray(), np.float64)
        degree = np.asarray(chosen.sum(axis=0), np.float64).ravel()
        share = (counts.sum(axis=0) + 0.5) / (degree.sum() + 1.0)
        return cls(labels, theirs, counts, share, degree)

    @cached_property
    def lift(self) -> Values:
        """Ln P(subject's label | candidate's) / P(subject's label), smoothed."""
        return _lift(self.counts, self.degree, self.share)

    def of(self, subject: int, partners: Rows) -> Values:
        """Mean over a candidate's labels and the subject's of ln P(subject's | candidate's) / P(subject's); else 0.

        Partners get it without their outcome with this subject.
        """
        labels = _of(self.labels, subject)
        if len(labels) == 0:
            return np.zeros(self.theirs.shape[0])
        lengths = np.diff(self.theirs.indptr)
        value = self.lift[:, labels].mean(axis=1)
        total = np.asarray(self.theirs @ value) / np.maximum(lengths, 1)
        many, places = spans(self.theirs.indptr, partners)
        own = self.theirs.indices[places]
        left = _lift(self.counts[np.ix_(own, labels)] - 1, self.degree[own] - 1, self.share[labels]).mean(axis=1)
        total[partners] = np.bincount(np.repeat(np.arange(len(partners)), many), left, len(partners)) / np.maximum(
            many, 1
        )
        return np.asarray(total)


@dataclass(frozen=True)
class Marks:
    """Labels of the outcomes themselves, such as the round of an investment: whether theirs are like the subject's."""

    cells: Matrix
    """Cells of the outcomes × labels."""
    counts: Values
    """Candidates × labels."""
    share: Values
    """Of each label among all outcomes."""

    @classmethod
    def build(cls, outcomes: Matrix, cells: Matrix) -> Marks:
        """From the labels of each cell of the outcomes."""
        n = outcomes.shape[1]
        of = sp.csr_array((np.ones(outcomes.nnz), (outcomes.indices, np.arange(outcomes.nnz))), (n, outcomes.nnz))
        counts = np.asarray((of @ cells).toarray(), np.float64)
        total = counts.sum(axis=0) + 0.5
        return cls(cells, counts, total / total.sum())

    @cached_property
    def lift(self) -> Values:
        """Candidates × labels: ln P(label | candidate) / P(label), smoothed."""
        return _lift(self.counts, self.counts.sum(axis=1), self.share)

    def of(self, first: int, partners: Rows) -> Values:
        """Mean of that over the labels of the subject's outcomes, the first of which is cell `first`; NaN without any.

        Partners get it without their outcome with this subject, on both sides.
        """
        mine = self.cells[first : first + len(partners)].toarray()
        mix = mine.sum(axis=0)
        if mix.sum() == 0:
            return np.full(len(self.counts), np.nan)
        score = self.lift @ (mix / mix.sum())
        left = self.counts[partners] - mine
        rest = mix - mine
        known = rest.sum(axis=1)
        weighed = (rest * _lift(left, left.sum(axis=1), self.share)).sum(axis=1)
        score[partners] = np.where(known > 0, weighed / np.maximum(known, 1e-9), np.nan)
        return np.asarray(score)


@dataclass(frozen=True)
class Outcomes:
    """Past outcomes of one match kind, and the profiles of its candidates."""

    pairs: Matrix
    """Subjects × candidates, 1 for a past outcome."""
    profiles: Mapping[str, Profile]
    """Label field of the subject → profile."""
    walk: OutcomeWalk
    """Along outcomes and labels."""
    like: Mapping[str, Profile]
    """The same where like labels count as well."""
    kin: Mapping[str, Kin]
    """Label field of the subject → what those chose who carry a candidate's labels."""
    marks: Mapping[str, Marks] | None
    """Label field of the outcomes; None where they are not the subject's own: then `like` and `kin` are empty, too."""
    labels: tuple[Mapping[str, Matrix], Mapping[str, Matrix]]
    """Visible labels of subjects and candidates, rows × labels by field."""
    owners: tuple[Rows, Rows]
    """Whose outcome it is for each subject and candidate: needs of one enterprise have its outcomes in common."""
    factors: Factors | None = None
    """Where some were learned."""

    @classmethod
    def build(
        cls, walks: Matrix, labels: Mapping[str, Matrix], theirs: Mapping[str, Matrix],
        owners: tuple[Rows, Rows] | None = None, marks: Mapping[str, Matrix] | None = None,
    ) -> Outcomes:  # fmt: skip
        """From the number of walks between subjects and candidates and the visible labels of either side.

        `marks` are the labels of outcomes that are the subject's own: cells of `walks`, candidates rising within a
        subject, × labels.
        """
        pairs = sp.csr_array((np.ones(walks.nnz), walks.indices, walks.indptr), shape=walks.shape)
        pairs.sort_indices()
        carried = sp.csr_array(sp.hstack([sp.csr_array((pairs.shape[1], 0)), *theirs.values()], format="csr"))
        profiles = {name: Profile.build(pairs, matrix) for name, matrix in labels.items()}
        own = labels if marks is not None else {}
        return cls(
            pairs,
            profiles,
            OutcomeWalk(pairs, list(labels.values()), list(theirs.values())),
            {name: Profile.build(pairs, own[name], _likeness(profiles[name].counts)) for name in own},
            {name: Kin.build(pairs, matrix, carried) for name, matrix in own.items()},
            None if marks is None else {name: Marks.build(pairs, cells) for name, cells in marks.items()},
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
        gone = np.isin(between, between[hidden])
        kept.data[gone] = 0
        kept.eliminate_zeros()
        marks = None
        if self.marks is not None:
            marks = {name: sp.csr_array(mark.cells[np.flatnonzero(~gone)]) for name, mark in self.marks.items()}
        return Outcomes.build(kept, *self.labels, self.owners, marks)

    def learned(self) -> Factors | None:
        """Factors of these outcomes; None where they are not the subject's own, or of too many candidates."""
        if self.marks is None:
            return None
        labels, theirs = self.labels
        cells = [mark.cells for mark in self.marks.values()]
        return Factors.learn(self.pairs, list(labels.values()), list(theirs.values()), cells)

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

    def reach(self, subject: int) -> tuple[Values, Values | None]:
        """How much of a walk from the subject each candidate sees; NaN for its partners, to whom it leads at once.

        Also of a longer walk, where outcomes are the subject's own.
        """
        near, far = self.walk.reached(subject, far=self.are_own)
        partners = self.partners(subject)
        near[partners] = np.nan
        if far is not None:
            far[partners] = np.nan
        return near, far

    def likely(self, subject: int) -> Values | None:
        """Log of how probable each candidate is the next, by `factors`; NaN for partners, who taught it."""
        if self.factors is None:
            return None
        log = self.factors.of(subject)
        log[self.partners(subject)] = np.nan
        return log

    @property
    def are_own(self) -> bool:
        """Whether they are the subject's own."""
        return self.marks is not None

    def company(self, subject: int) -> Values:
        """Of every candidate, ln of how many are chosen by those who choose it: its mean, drawn to that of all.

        Some are mostly chosen alone. Partners get it without their outcome with this subject.
        """
        total, degree, usual = self._company
        partners = self.partners(subject)
        company = (total + SMOOTHING * usual) / (degree + SMOOTHING)
        left = total[partners] - np.log(max(len(partners), 1))
        company[partners] = (left + SMOOTHING * usual) / (degree[partners] - 1 + SMOOTHING)
        return np.asarray(company)

    @cached_property
    def _company(self) -> tuple[Values, Values, float]:
        size = np.log(np.maximum(np.diff(self.pairs.indptr), 1))
        total = np.asarray(self.pairs.T @ size)
        return total, self.degree, float(total.sum() / max(self.degree.sum(), 1.0))

    def settled(self, subject: int) -> Values:
        """For every candidate, ln(1 + how many others the subject chose)."""
        partners = self.partners(subject)
        number = np.full(len(self.degree), np.log1p(len(partners)))
        number[partners] = np.log(max(len(partners), 1))
        return number

    def by_field(self, subject: int) -> dict[str, Values]:
        """Feature → what each label field tells of every candidate, past pairs without their own outcome."""
        partners = self.partners(subject)
        first = int(self.pairs.indptr[subject])
        return {
            **{f"profile_{name}": profile.of(subject, partners) for name, profile in self.profiles.items()},
            **{f"like_{name}": profile.of(subject, partners) for name, profile in self.like.items()},
            **{f"kin_{name}": kin.of(subject, partners) for name, kin in self.kin.items()},
            **{f"mark_{name}": marks.of(first, partners) for name, marks in (self.marks or {}).items()},
        }

    def fields(self) -> tuple[str, ...]:
        """The features that `by_field` tells."""
        families = {"profile": self.profiles, "like": self.like, "kin": self.kin, "mark": self.marks or {}}
        return tuple(f"{family}_{name}" for family, of in families.items() for name in of)


def _likeness(counts: sp.csc_array) -> Matrix:
    """Labels × labels: squared cosine of their columns in `counts`, which tells who chooses whom; 1 on the diagonal."""
    length = np.sqrt(np.asarray(counts.power(2).sum(axis=0), np.float64)).ravel()
    unit = sp.csc_array(counts @ sp.diags_array(1 / np.maximum(length, 1e-12)))
    likeness = sp.csr_array((unit.T @ unit).power(2))
    likeness.setdiag(1.0)
    return likeness


def _lift(counts: Values, degree: Values, share: Values) -> Values:
    """Ln P(label | row) / P(label) of rows × labels, each row with SMOOTHING further outcomes like all others."""
    return np.asarray(np.log((counts / share + SMOOTHING) / (degree[:, None] + SMOOTHING)))


def _span(matrix: Matrix, row: int) -> slice:
    return slice(int(matrix.indptr[row]), int(matrix.indptr[row + 1]))


def _of(matrix: Matrix, row: int) -> NDArray[np.int32]:
    return np.asarray(matrix.indices[_span(matrix, row)])
