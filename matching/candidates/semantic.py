"""Latent semantic vectors of one kind's texts (Deerwester et al. 1990), learned from the texts themselves.

A truncated SVD of both views' TF-IDF matrices side by side, fitted on a bounded sample and applied to all, so that
texts that share no term may still be near. Where texts are long, what they begin with counts as much as the whole:
there it says what they are about. What all texts of a script have in common is taken off: without that, Chinese texts
are near each other for being Chinese.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from matching.candidates.analysis import LATIN, Codes, places_of
from matching.candidates.lexical import Floats, LexicalIndex, Query


@dataclass(frozen=True)
class SemanticIndex:
    """Unit vectors of n documents in d dimensions, and the basis that maps a query there."""

    codes: Codes
    """Term codes that the basis knows, rising."""
    basis: Floats
    """terms × d, for texts that are no longer than a lead: a term counts as one of the whole and as one of the lead."""
    lead: Floats
    """terms × d: the part of it that is the lead's; 0 × d where leads were not looked at."""
    means: Floats
    """2 × d: where the unit vectors of documents in Latin script and of those in Chinese are in the mean."""
    vectors: Floats
    """n × d, without the mean of its script; zero for a document without a known term."""

    FIELDS: ClassVar[tuple[str, ...]] = ("codes", "basis", "lead", "means", "vectors")
    DIMENSIONS: ClassVar[int] = 64
    SAMPLE: ClassVar[int] = 5_000
    """Documents that the SVD is fitted on, evenly spread over the kind."""
    TERMS: ClassVar[int] = 30_000
    """Most frequent terms of a view that the basis knows."""
    USUAL: ClassVar[int] = 10
    """Documents of a script that count as much for its mean as that of all does."""

    @classmethod
    def build(cls, words: LexicalIndex, chars: LexicalIndex, *leads: LexicalIndex) -> SemanticIndex:
        """The index over the documents of both views; without dimensions where there is too little text.

        `leads` are the same two views of what texts begin with, which then counts as much as the whole.
        """
        from sklearn.utils.extmath import randomized_svd  # half a second that only building has to wait for

        codes, of_lead, matrix = _side_by_side([cls._usable(view) for view in (words, chars, *leads)])
        n, terms = matrix.shape
        dimensions = min(cls.DIMENSIONS, terms - 1)
        if dimensions < 2 or n <= cls.DIMENSIONS:  # with a dimension for each text, all are what they happen to share
            return cls(codes[:0], *(np.zeros(shape, np.float32) for shape in ((0, 0), (0, 0), (2, 0), (n, 0))))
        sample = np.unique(np.linspace(0, n - 1, min(n, cls.SAMPLE)).astype(np.int64))
        rounds = {"n_iter": 2, "power_iteration_normalizer": "LU"}  # normalised: these are single-precision numbers
        *_, components = randomized_svd(matrix[sample], dimensions, **rounds, flip_sign=False, random_state=0)
        basis = np.ascontiguousarray(components.T, np.float32)
        vectors = unit(np.asarray(matrix @ basis, np.float32))
        script = scripts(chars)
        means = np.tile(vectors.mean(axis=0), (2, 1))
        for each, mean in enumerate(means):
            mine = vectors[script == each]
            mean[:] = (mine.sum(axis=0) + cls.USUAL * mean) / (len(mine) + cls.USUAL)
        vectors -= means[script] * vectors.any(axis=1, keepdims=True)
        known, first = np.unique(codes, return_index=True)
        both, lead = (np.add.reduceat(part, first, axis=0) for part in (basis, basis * of_lead[:, None]))
        return cls(known, both, lead if leads else lead[:0], means, unit(vectors))

    @classmethod
    def _usable(cls, view: LexicalIndex) -> tuple[Codes, sp.csc_array]:
        """(codes, documents × terms) of the terms that several documents have, but not too many."""
        frequency = np.diff(view.indptr)
        usable = np.flatnonzero((frequency >= 2) & (frequency <= max(0.3 * view.n, 2)))
        terms = np.sort(usable[np.argsort(-frequency[usable], kind="stable")[: cls.TERMS]])
        shape = (view.n, len(view.vocabulary))
        return view.vocabulary[terms], sp.csc_array((view.weights, view.documents, view.indptr), shape=shape)[:, terms]

    def query(self, words: Query, chars: Query, *leads: Query) -> Floats:
        """The unit vector of a text as a query of the two indexes that this one was built over; shape (d,).

        `leads` are the same two of what it begins with, where that is not all of it and the index has a `lead`.
        """
        vector = np.zeros(self.basis.shape[1], np.float32)
        for query, lead in zip((words, chars), leads or (words, chars), strict=True):
            vector += self._placed(query, self.basis)
            if lead is not query:
                vector += self._placed(lead, self.lead) - self._placed(query, self.lead)
        if not vector.any():
            return vector
        script = int(2 * (chars.weights[chars.codes < LATIN] ** 2).sum() > (chars.weights**2).sum())
        return np.asarray(unit(unit(vector[None]) - self.means[script])[0], np.float32)

    def _placed(self, query: Query, basis: Floats) -> Floats:
        at, known = places_of(self.codes, query.codes)
        return query.weights[known] @ basis[at[known]]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of_arrays` makes the index of."""
        return {name: getattr(self, name) for name in self.FIELDS}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SemanticIndex:
        """The index whose `arrays` these are."""
        return cls(**{name: arrays[name] for name in cls.FIELDS})


def scripts(chars: LexicalIndex) -> NDArray[np.int64]:
    """Of each document whether most of its characters' weight is Chinese."""
    squares = chars.weights**2
    latin = chars.indptr[chars.vocabulary.searchsorted(LATIN)]
    both = np.bincount(chars.documents, squares, minlength=chars.n)
    chinese = np.bincount(chars.documents[:latin], squares[:latin], minlength=chars.n)
    return np.asarray(2 * chinese > both, np.int64)


def shared(vectors: Floats, of: sp.csr_array) -> Floats | None:
    """The d × d matrix that weighs directions by what two documents of one candidate have in common there.

    A root of the covariance between different documents of a candidate, in the mean over candidates (`of` is
    candidates × documents; relevant components: Bar-Hillel et al. 2005), with d candidates' weight of none preferred;
    None where no candidate has two documents, or theirs have nothing in common.
    """
    number = np.diff(of.indptr)
    several = np.flatnonzero(number >= 2)
    pairs = (number * (number - 1))[several].astype(np.float32)
    sums = np.asarray(of[several] @ vectors, np.float32)
    mine = vectors[of[several].indices]
    each = np.repeat(pairs, number[several])
    common = (sums / pairs[:, None]).T @ sums - (mine / each[:, None]).T @ mine
    d, total = len(common), float(np.trace(common))
    if total <= 0:
        return None
    values, directions = np.linalg.eigh(len(several) * common / total + np.eye(d, dtype=np.float32))
    return np.asarray(directions * np.sqrt(np.maximum(values, 0)), np.float32)


def _side_by_side(views: Sequence[tuple[Codes, sp.csc_array]]) -> tuple[Codes, NDArray[np.bool_], sp.csr_array]:
    """(codes, whether each is of a lead, documents × terms) of all views side by side, by rising code.

    A code means the same thing in words or characters only, and in the leads of the same.
    """
    codes = np.concatenate([known for known, _ in views])
    order = np.argsort(codes, kind="stable")
    matrix = sp.csc_array(sp.hstack([weights for _, weights in views], format="csc"))
    of_lead = np.repeat(np.arange(len(views)) >= 2, [len(known) for known, _ in views])  # behind words and characters
    return codes[order], of_lead[order], matrix[:, order].tocsr()


def unit(vectors: Floats) -> Floats:
    """Rows of length 1, or 0 where they are 0."""
    norm: NDArray[np.float32] = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return np.asarray(vectors / np.maximum(norm, 1e-12), np.float32)
