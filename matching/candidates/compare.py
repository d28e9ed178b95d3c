"""Comparisons of visible fields: how much of what the subject names does a candidate carry, how near are numbers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graph import codes
from graph.errors import UnknownNameError
from graph.projection import Projection, offsets_of, spans
from graph.schema import Field, Shown
from matching.candidates.pools import Numbers
from matching.kinds import Comparison, MatchKind, comparable, split_reach
from matching.masking import Mask

Rows = NDArray[np.int64]
Matrix = sp.csr_array


class Comparator(Protocol):
    """Compares one subject with many candidates."""

    def compare(self, subject: int, rows: Rows) -> NDArray[np.float64]:
        """A value for each candidate row; NaN where one side says nothing."""
        ...


class LabelComparator:
    """Share of the subject's labels that the candidate carries, rare labels weighing more.

    sum of idf over shared terms / sum of idf over the subject's terms, in [0, 1]; codes of a hierarchy count with
    their broader codes as terms, so that C391 is near C39.
    """

    def __init__(self, subjects: Matrix, candidates: Matrix) -> None:
        self.subjects, self.candidates = subjects, candidates
        self.carrying = sp.csc_array(candidates)
        frequency = np.diff(self.carrying.indptr)
        self.idf = np.log((1 + candidates.shape[0]) / (1 + frequency)) + 1

    def compare(self, subject: int, rows: Rows) -> NDArray[np.float64]:
        """See Comparator."""
        terms, weights = self._asked(subject)
        if len(terms) == 0:
            return np.full(len(rows), np.nan)
        weight = np.zeros(self.subjects.shape[1])
        weight[terms] = weights
        lengths, at = spans(self.candidates.indptr, rows)
        owner = np.repeat(np.arange(len(rows)), lengths)
        shared = np.bincount(owner, weight[self.candidates.indices[at]], minlength=len(rows))
        return np.where(lengths > 0, shared, np.nan)

    def carriers(self, subject: int) -> NDArray[np.float64]:
        """The same share over every candidate, 0 where nothing is known; what a retriever ranks by."""
        terms, weights = self._asked(subject)
        lengths, at = spans(self.carrying.indptr, terms)
        shared = np.bincount(self.carrying.indices[at], np.repeat(weights, lengths), minlength=self.candidates.shape[0])
        return shared.astype(np.float64, copy=False)

    def _asked(self, subject: int) -> tuple[Rows, NDArray[np.float64]]:
        """(the subject's terms, their parts of the whole)."""
        terms = _of(self.subjects, subject).astype(np.int64)
        return terms, self.idf[terms] / self.idf[terms].sum()


class NumberComparator:
    """Nearness of numbers: 1 / (1 + |a - b| / s), s the candidates' standard deviation; in (0, 1]."""

    def __init__(self, subjects: NDArray[np.float64], candidates: NDArray[np.float64]) -> None:
        self.subjects, self.candidates = subjects, candidates
        known = candidates[np.isfinite(candidates)]
        self.scale = float(known.std()) if len(known) > 1 else 0.0

    def compare(self, subject: int, rows: Rows) -> NDArray[np.float64]:
        """See Comparator."""
        distance = np.abs(self.candidates[rows] - self.subjects[subject])
        return np.asarray(1 / (1 + distance / (self.scale or 1.0)))


def comparator(
    projection: Projection, mask: Mask, kind: MatchKind, comparison: Comparison, numbers: Numbers
) -> Comparator:
    """The comparator of a declared or derived comparison, over visible values only."""
    subject = _field(projection, kind.subject, comparison.subject)
    candidate = _field(projection, kind.candidate, comparison.candidate)
    if _is_number(subject) and _is_number(candidate):
        return NumberComparator(
            numbers.of(kind.subject, comparison.subject), numbers.of(kind.candidate, comparison.candidate)
        )
    vocabulary: dict[str, int] = {}
    left = _terms(projection, mask, kind.subject, comparison.subject, subject, vocabulary)
    right = _terms(projection, mask, kind.candidate, comparison.candidate, candidate, vocabulary)
    width = max(len(vocabulary), 1)
    return LabelComparator(_widened(left, width), _widened(right, width))


def _widened(matrix: Matrix, width: int) -> Matrix:
    """The same cells in a wider matrix."""
    return Matrix((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], width))


def own_labels(projection: Projection, mask: Mask, kind: str) -> dict[str, Matrix]:
    """Visible label field of a kind → rows × terms."""
    declared = projection.catalogue.entity(kind)
    fields: list[Field | Shown] = [*(f for f in declared.fields if comparable(f)), *declared.shown]
    return {f.name: _own_terms(projection, mask, kind, f.name, f, {}) for f in fields if not _is_number(f)}


def _is_number(field: Field | Shown) -> bool:
    return isinstance(field, Field) and field.type.is_numeric and not field.many


def _field(projection: Projection, start: str, reach: str) -> Field | Shown:
    path, name = split_reach(reach)
    ends = (start,) if path is None else projection.catalogue.end_kinds(start, path)
    for end in ends:
        kind = projection.catalogue.entity(end)
        fields: list[Field | Shown] = [*kind.fields, *kind.shown]
        for field in fields:
            if field.name == name:
                return field
    raise UnknownNameError(f"field of {' or '.join(ends)}", name, (), field=name)


def _terms(
    projection: Projection, mask: Mask, start: str, reach: str, field: Field | Shown, vocabulary: dict[str, int]
) -> Matrix:
    """Rows of `start` × terms (labels and their broader codes), growing `vocabulary`."""
    path, name = split_reach(reach)
    if path is None:
        return _own_terms(projection, mask, start, name, field, vocabulary)
    total: Matrix | None = None
    for end in projection.catalogue.end_kinds(start, path):
        if name not in mask.visible(end).fields:
            continue
        reached = projection.path_matrix(start, path, end) @ _own_terms(projection, mask, end, name, field, vocabulary)
        total = reached if total is None else _widened(total, len(vocabulary)) + _widened(reached, len(vocabulary))
    return sp.csr_array((projection.table(start).n, max(len(vocabulary), 1))) if total is None else sp.csr_array(total)


def _own_terms(
    projection: Projection, mask: Mask, kind: str, name: str, field: Field | Shown, vocabulary: dict[str, int]
) -> Matrix:
    labels = mask.visible(kind).labels(name)
    hierarchy = projection.catalogue.hierarchies.get(field.hierarchy or "")
    scheme = hierarchy.scheme if hierarchy else getattr(field, "scheme", None)
    spread: list[list[int]] = []
    for at in range(len(labels.vocabulary)):
        label = labels.vocabulary[at]
        names = dict.fromkeys((label, *(codes.levels(scheme, label) if scheme in codes.DEPTH else ())))
        spread.append([vocabulary.setdefault(text.casefold(), len(vocabulary)) for text in names])
    lengths = np.array([len(terms) for terms in spread], np.int64)
    mapping = sp.csr_array(
        (
            np.ones(int(lengths.sum())),
            np.fromiter((t for terms in spread for t in terms), np.int64),
            offsets_of(lengths),
        ),
        shape=(len(spread), max(len(vocabulary), 1)),
    )
    rows = sp.csr_array(
        (np.ones(len(labels.codes)), np.asarray(labels.codes), np.asarray(labels.indptr)),
        shape=(len(labels.indptr) - 1, len(spread)),
    )
    return sp.csr_array(rows @ mapping)


def _of(matrix: Matrix, row: int) -> NDArray[np.int32]:
    return np.asarray(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])
