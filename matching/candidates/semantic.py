"""Latent semantic vectors of one kind's texts (Deerwester et al. 1990), learned from the texts themselves.

A truncated SVD of both views' TF-IDF matrices side by side, fitted on a bounded sample and applied to all, so that
texts that share no term may still be near.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from matching.candidates.analysis import Codes, places_of
from matching.candidates.lexical import Floats, LexicalIndex, Query


@dataclass(frozen=True)
class SemanticIndex:
    """Unit vectors of n documents in d dimensions, and the basis that maps a query there."""

    codes: Codes
    """Term codes that the basis knows, rising."""
    basis: Floats
    """terms × d."""
    vectors: Floats
    """n × d; zero for a document without a known term."""

    FIELDS: ClassVar[tuple[str, ...]] = ("codes", "basis", "vectors")
    DIMENSIONS: ClassVar[int] = 64
    SAMPLE: ClassVar[int] = 5_000
    """Documents that the SVD is fitted on, evenly spread over the kind."""
    TERMS: ClassVar[int] = 30_000
    """Most frequent terms that the basis knows."""

    @classmethod
    def build(cls, words: LexicalIndex, chars: LexicalIndex) -> SemanticIndex:
        """The index over the documents of both views; without dimensions where there is too little text."""
        from sklearn.decomposition import TruncatedSVD  # half a second that only building has to wait for

        codes, matrix = _side_by_side(*(cls._usable(view) for view in (words, chars)))
        n, terms = matrix.shape
        dimensions = min(cls.DIMENSIONS, terms - 1, n - 1)
        if dimensions < 2:
            return cls(codes, np.zeros((terms, 0), np.float32), np.zeros((n, 0), np.float32))
        sample = np.unique(np.linspace(0, n - 1, min(n, cls.SAMPLE)).astype(np.int64))
        svd = TruncatedSVD(dimensions, n_iter=3, random_state=0).fit(matrix[sample])
        basis = np.ascontiguousarray(svd.components_.T, np.float32)
        return cls(codes, basis, unit(np.asarray(matrix @ basis, np.float32)))

    @classmethod
    def _usable(cls, view: LexicalIndex) -> tuple[Codes, sp.csc_array]:
        """(codes, documents × terms) of the terms that several documents have, but not too many."""
        frequency = np.diff(view.indptr)
        usable = np.flatnonzero((frequency >= 2) & (frequency <= max(0.3 * view.n, 2)))
        terms = np.sort(usable[np.argsort(-frequency[usable], kind="stable")[: cls.TERMS]])
        shape = (view.n, len(view.vocabulary))
        return view.vocabulary[terms], sp.csc_array((view.weights, view.documents, view.indptr), shape=shape)[:, terms]

    def query(self, words: Query, chars: Query) -> Floats:
        """The unit vector of a text as a query of the two indexes that this one was built over; shape (d,)."""
        vector = np.zeros(self.basis.shape[1], np.float32)
        for query in (words, chars):
            at, known = places_of(self.codes, query.codes)
            vector += query.weights[known] @ self.basis[at[known]]
        return np.asarray(vector / max(float(np.sqrt(vector @ vector)), 1e-12), np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of_arrays` makes the index of."""
        return {name: getattr(self, name) for name in self.FIELDS}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SemanticIndex:
        """The index whose `arrays` these are."""
        return cls(**{name: arrays[name] for name in cls.FIELDS})


def _side_by_side(words: tuple[Codes, sp.csc_array], chars: tuple[Codes, sp.csc_array]) -> tuple[Codes, sp.csr_array]:
    """The terms of both views in one matrix, by rising code; a code means the same thing in one view only."""
    codes = np.concatenate([words[0], chars[0]])
    order = np.argsort(codes)
    return codes[order], sp.csc_array(sp.hstack([words[1], chars[1]], format="csc"))[:, order].tocsr()


def unit(vectors: Floats) -> Floats:
    """Rows of length 1, or 0 where they are 0."""
    norm: NDArray[np.float32] = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return np.asarray(vectors / np.maximum(norm, 1e-12), np.float32)
