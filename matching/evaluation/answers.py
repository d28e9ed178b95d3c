"""Judged pairs as evidence for others: what was said of like candidates, to the same subject and to subjects like it.

Kernel regression over judged pairs (Nadaraya 1964, Watson 1964): how far each grade is from the mean one, weighed by
how alike the texts of both sides are. And a Gaussian process, which knows that ten pairs that are all alike tell little
more than one. A pair never has its own grade as evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from matching.candidates.evidence import Documents, Evidence, own_documents
from matching.candidates.semantic import unit
from matching.evaluation.process import Process
from matching.state import State

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Even = NDArray[np.float32]

BY_OTHERS = ("answers_alike",)
"""What subjects like this one were told of candidates like this one."""
BY_ALL = ("answers_all", "answers_level")
"""What Gaussian processes say of the grade, and of reaching the level that parts the judged pairs most evenly."""
BY_ITSELF = ("answers_near", "answers_mean")
"""What this subject was told of candidates like this one, and of any."""
NEAREST = 50
"""Subjects whose judgements are evidence for another one's, at the most."""
POWER = 2
"""Of a likeness, where it becomes a weight."""
SMOOTHING = 0.1
"""Weight of an answer that says nothing."""
SUBJECT_SMOOTHING = 5.0
"""Answers that pull a subject's mean to that of all."""
SUBJECTS, BOTH, FEATURES, ITSELF = 0.15, 1.5, 0.25, 0.25
"""Covariance of two pairs by like subjects, by like subjects and candidates, by like features, by the same subject, in
the unit of the noise; chosen on judged needs, see docs/quality-steps.md. How alike subjects are counts as the sum of
their likeness and its square: those a little alike tell something, those much alike more than in proportion."""
MOST = 8_000
"""Judged pairs of a Gaussian process, whose cost grows with their cube; of more, so many are drawn."""
AT_A_TIME = 2_000
"""Pairs that are compared with all of these at a time."""


class Judged(NamedTuple):
    """Judged pairs as rows of the graph; -1 for who is not in it."""

    subjects: Rows
    candidates: Rows
    grades: Floats

    def of(self, kept: NDArray[np.bool_] | Rows) -> Judged:
        """Some of the pairs."""
        return Judged(self.subjects[kept], self.candidates[kept], self.grades[kept])


class Likeness:
    """How alike the texts of one side's entities are: mean of the cosines of character terms and of encoded vectors."""

    def __init__(self, documents: list[Documents], rows: Rows) -> None:
        """Of `rows` among the entities that the documents speak for."""
        self._at = {int(row): at for at, row in enumerate(rows)}
        chars = [_unit_rows(sp.csr_array(source.of[rows] @ source.texts.chars.rows())) for source in documents]
        self._chars = _unit_rows(sp.csr_array(sp.hstack(chars, format="csr")))
        encoded = [source.of[rows] @ source.encoded.vectors for source in documents if source.encoded is not None]
        self._encoded = unit(np.hstack(encoded).astype(np.float32)) if encoded else None

    def between(self, some: Rows, others: Rows) -> NDArray[np.float32]:
        """len(some) × len(others) likenesses, at most 1; hardly ever below 0, and a positive definite kernel."""
        near, far = ([self._at[row] for row in rows.tolist()] for rows in (some, others))
        alike = np.asarray((self._chars[near] @ self._chars[far].T).toarray(), np.float32)
        if self._encoded is None:
            return alike
        return np.asarray((alike + self._encoded[near] @ self._encoded[far].T) / 2, np.float32)

    def pairwise(self, some: Rows, others: Rows) -> NDArray[np.float32]:
        """The same, where the same rows come again and again."""
        near, far = (np.unique(rows, return_inverse=True) for rows in (some, others))
        return self.between(near[0], far[0])[np.ix_(near[1], far[1])]


class Answers:
    """Judged pairs of one match kind, and what they say of others."""

    def __init__(self, state: State, evidence: Evidence, judged: Judged, asked: Judged) -> None:
        """`asked` are the pairs that features will be wanted of."""
        kind, documents = evidence.kind, evidence.documents
        self._told = told = (judged.subjects >= 0) & (judged.candidates >= 0)
        self._judged = judged.of(told)
        self._mean = float(self._judged.grades.mean()) if told.any() else 0.0
        subjects, candidates = (
            np.unique(np.concatenate([mine, theirs])) for mine, theirs in zip(self._judged[:2], asked[:2], strict=True)
        )
        own = own_documents(kind.subject, state.projection, state.indexes, state.encodings)
        self.is_silent = not (own and documents and told.any())
        """Whether nothing can be alike: one side has no text, or nothing is judged."""
        if not self.is_silent:
            self._subjects = Likeness(own, subjects[subjects >= 0])
            self._candidates = Likeness(documents, candidates[candidates >= 0])
        self._known, of = np.unique(self._judged.subjects, return_inverse=True)
        self._cells = {int(row): np.flatnonzero(of == at) for at, row in enumerate(self._known)}

    def knows(self, asked: Judged) -> bool:
        """Whether most of the asked pairs are of subjects that were answered before."""
        return len(asked.subjects) > 0 and float(np.isin(asked.subjects, self._known).mean()) >= 0.5

    def features(self, asked: Judged, names: tuple[str, ...]) -> Floats:
        """len(asked) × len(names): mean grades above that of all; NaN where nothing was said."""
        out = {name: np.full(len(asked.subjects), np.nan) for name in (*BY_OTHERS, *BY_ITSELF)}
        there = (asked.subjects >= 0) & (asked.candidates >= 0)
        for subject in np.unique(asked.subjects[there]).tolist():
            at = np.flatnonzero(there & (asked.subjects == subject))
            rows = asked.candidates[at]
            out["answers_alike"][at] = self._by_others(subject, rows)
            out["answers_near"][at], out["answers_mean"][at] = self._by_itself(subject, rows)
        return np.column_stack([out[name] for name in names])

    def by_all(self, x: Floats, asked: Judged, asked_x: Floats, *, itself: bool) -> tuple[Floats, Floats]:
        """BY_ALL of the judged pairs, whose features are `x`, and of asked ones, a column each.

        A pair is told without its own grade, and without all of its subject's unless subjects know themselves. NaN for
        pairs that are not in the graph, and for judged pairs that were not drawn.
        """
        places = np.flatnonzero(self._told)
        drawn = np.sort(np.random.default_rng(0).permutation(len(places))[:MOST])
        known, places = self._judged.of(drawn), places[drawn]
        there = np.flatnonzero((asked.subjects >= 0) & (asked.candidates >= 0))
        groups = _groups(known, asked.of(there), itself=itself)
        near, far = _even(x[places], asked_x[there])
        values = np.column_stack([known.grades, known.grades >= _middle(known.grades)])
        values = values - values.mean(axis=0)
        process = Process(self._covariance(known, near, known, near), values, groups[: len(drawn)])
        of_known, of_asked = (np.full((n, len(BY_ALL)), np.nan) for n in (len(x), len(asked.subjects)))
        of_known[places] = process.held_out
        for start in range(0, len(there), AT_A_TIME):
            some = slice(start, start + AT_A_TIME)
            covariance = self._covariance(asked.of(there[some]), far[some], known, near)
            of_asked[there[some]] = process.of(covariance, groups[len(drawn) :][some])
        return of_known, of_asked

    def _covariance(self, some: Judged, x: Even, others: Judged, theirs: Even) -> Even:
        """Of m pairs and n others with their even features, m × n; positive definite, made of sums and products."""
        alike = self._subjects.pairwise(some.subjects, others.subjects)
        alike += alike**2
        found = self._candidates.pairwise(some.candidates, others.candidates)
        found *= BOTH
        found += SUBJECTS
        found *= alike
        found[some.subjects[:, None] == others.subjects] += ITSELF
        apart = x @ theirs.T
        apart *= -2
        apart += (x**2).sum(axis=1)[:, None]
        apart += (theirs**2).sum(axis=1)
        np.maximum(apart, 0, out=apart)
        apart *= -0.5
        found += FEATURES * np.exp(apart, out=apart)
        return found

    def _by_others(self, subject: int, rows: Rows) -> Floats:
        likeness = self._subjects.between(np.array([subject]), self._known)[0]
        likeness[self._known == subject] = 0
        nearest = np.argsort(-likeness, kind="stable")[:NEAREST]
        nearest = nearest[likeness[nearest] > 0]
        cells = [self._cells[int(self._known[at])] for at in nearest]
        if not cells:
            return np.full(len(rows), np.nan)
        weight = np.repeat(likeness[nearest] ** POWER, [len(part) for part in cells])
        places = np.concatenate(cells)
        weights = weight * self._candidates.between(rows, self._judged.candidates[places]) ** POWER
        above = self._judged.grades[places] - self._mean
        return np.asarray(weights @ above / (weights.sum(axis=1) + SMOOTHING), np.float64)

    def _by_itself(self, subject: int, rows: Rows) -> tuple[Floats, Floats]:
        cells = self._cells.get(subject)
        if cells is None:
            return np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        candidates, above = self._judged.candidates[cells], self._judged.grades[cells] - self._mean
        others = (rows[:, None] != candidates).astype(np.float64)
        number = others.sum(axis=1)
        mean = np.where(number > 0, others @ above / (number + SUBJECT_SMOOTHING), np.nan)
        weights = others * self._candidates.between(rows, candidates) ** POWER
        return (weights @ above + SMOOTHING * mean) / (weights.sum(axis=1) + SMOOTHING), mean


def _middle(grades: Floats) -> float:
    """The grade that most nearly half of all reach."""
    levels = np.unique(grades)
    reached = (grades[:, None] >= levels).mean(axis=0)
    return float(levels[np.abs(reached - 0.5).argmin()])


def _groups(known: Judged, asked: Judged, *, itself: bool) -> Rows:
    """A number for the subject of each known and asked pair; for each pair, where subjects know themselves."""
    columns = [np.concatenate(part) for part in zip(known[:2], asked[:2], strict=True)]
    pairs = np.column_stack(columns if itself else columns[:1])
    return np.asarray(np.unique(pairs, axis=0, return_inverse=True)[1].ravel(), np.int64)


def _even(x: Floats, asked: Floats) -> tuple[Even, Even]:
    """Features of known and of asked pairs in units of the known ones' spread, over the root of their number.

    What is unknown is as usual, and what is the same everywhere left out.
    """
    told = np.flatnonzero([len(np.unique(column[~np.isnan(column)])) > 1 for column in x.T])
    mean, spread = (found(x[:, told], axis=0) for found in (np.nanmean, np.nanstd))
    root = np.sqrt(max(len(told), 1))
    near, far = (np.asarray(np.nan_to_num((some[:, told] - mean) / spread) / root, np.float32) for some in (x, asked))
    return near, far


def _unit_rows(matrix: sp.csr_array) -> sp.csr_array:
    norm = np.sqrt(np.asarray((matrix * matrix).sum(axis=1), np.float64))
    return sp.csr_array(sp.diags_array(1 / np.maximum(norm, 1e-12)) @ matrix)
