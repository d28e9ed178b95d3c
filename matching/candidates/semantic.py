"""Latent semantic vectors of one kind's texts (Deerwester et al. 1990), learned from the texts themselves.

A truncated SVD of the character view's TF-IDF matrix, fitted on a bounded sample and applied to all, so that texts
that share no term may still be near.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from matching.candidates.analysis import Codes
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
    DIMENSIONS: ClassVar[int] = 96
    SAMPLE: ClassVar[int] = 5_000
    """Documents that the SVD is fitted on, evenly spread over the kind."""
    TERMS: ClassVar[int] = 30_000
    """Most frequent terms that the basis knows."""

    @classmethod
    def build(cls, lexical: LexicalIndex) -> SemanticIndex:
        """The index over the documents of a lexical one; without dimensions where there is too little text."""
        from sklearn.decomposition import TruncatedSVD  # half a second that only building has to wait for

        frequency = np.diff(lexical.indptr)
        usable = np.flatnonzero((frequency >= 2) & (frequency <= max(0.3 * lexical.n, 2)))
        terms = np.sort(usable[np.argsort(-frequency[usable], kind="stable")[: cls.TERMS]])
        dimensions = min(cls.DIMENSIONS, len(terms) - 1, lexical.n - 1)
        if dimensions < 2:
            empty = np.zeros((len(terms), 0), np.float32)
            return cls(lexical.vocabulary[terms], empty, np.zeros((lexical.n, 0), np.float32))
        matrix = sp.csc_array(
            (lexical.weights, lexical.documents, lexical.indptr), shape=(lexical.n, len(lexical.vocabulary))
        )[:, terms].tocsr()
        sample = np.unique(np.linspace(0, lexical.n - 1, min(lexical.n, cls.SAMPLE)).astype(np.int64))
        svd = TruncatedSVD(dimensions, n_iter=3, random_state=0).fit(matrix[sample])
        basis = np.ascontiguousarray(svd.components_.T, np.float32)
        vectors = np.asarray(matrix @ basis, np.float32)
        return cls(lexical.vocabulary[terms], basis, _unit(vectors))

    def query(self, query: Query) -> Floats:
        """The unit vector of a query of the lexical index that this one was built over; shape (d,)."""
        if len(self.codes) == 0 or len(query.codes) == 0:
            return np.zeros(self.basis.shape[1], np.float32)
        at = np.minimum(np.searchsorted(self.codes, query.codes), len(self.codes) - 1)
        known = self.codes[at] == query.codes
        vector = query.weights[known] @ self.basis[at[known]]
        return np.asarray(vector / max(float(np.sqrt(vector @ vector)), 1e-12), np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of_arrays` makes the index of."""
        return {name: getattr(self, name) for name in self.FIELDS}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> SemanticIndex:
        """The index whose `arrays` these are."""
        return cls(**{name: arrays[name] for name in cls.FIELDS})


def _unit(vectors: Floats) -> Floats:
    norm: NDArray[np.float32] = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return np.asarray(vectors / np.maximum(norm, 1e-12), np.float32)
