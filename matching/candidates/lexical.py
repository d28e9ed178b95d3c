"""TF-IDF index of one kind's texts in one view: cosines of a query with every document.

Weights are (1 + ln tf) · idf, idf = ln((1 + n) / (1 + df)) + 1, vectors of length 1 (Salton & Buckley 1988; the
variant that scikit-learn's TfidfVectorizer documents with sublinear_tf). Stored as postings per term, so that a query
touches only its own terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.projection import offsets_of
from matching.candidates.analysis import Codes, Terms, numbered, places_of

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Query:
    """A query in one index: its known terms by rising code."""

    codes: Codes
    weights: Floats
    """Of length 1 over all terms of the query."""
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    """Where the postings of each term start and end."""


@dataclass(frozen=True)
class LexicalIndex:
    """Postings of n documents over m terms."""

    n: int
    """Documents."""
    vocabulary: Codes
    """m term codes, rising."""
    idf: Floats
    """m inverse document frequencies."""
    indptr: NDArray[np.int64]
    """m + 1 offsets of postings."""
    documents: NDArray[np.int32]
    """Document of each posting, rising within a term."""
    weights: Floats
    """Normalised weight of each posting."""

    FIELDS: ClassVar[tuple[str, ...]] = ("vocabulary", "idf", "indptr", "documents", "weights")
    LONGEST: ClassVar[int] = 128
    """Most terms of a query that are looked up: the heaviest, so that a long text costs no more than this."""
    MOST_POSTINGS: ClassVar[int] = 20_000
    """Most postings of a query that are added up, of the heaviest terms: a bound on its time in a large index."""

    @cached_property
    def unseen(self) -> np.float32:
        """The idf of a term that no document has."""
        return np.float32(np.log(1 + self.n) + 1)

    @classmethod
    def build(cls, terms: Terms) -> LexicalIndex:
        """The index of analysed documents."""
        n = len(terms.indptr) - 1
        vocabulary, at = numbered(terms.codes)
        frequency = np.bincount(at, minlength=len(vocabulary))
        idf = (np.log((1 + n) / (1 + frequency)) + 1).astype(np.float32)
        weights = (1 + np.log(terms.counts)) * idf[at]
        rows = sp.csr_array((weights, at, terms.indptr), shape=(n, len(vocabulary)))
        norm = np.sqrt(np.asarray((rows * rows).sum(axis=1), np.float64))
        weights /= np.repeat(np.maximum(norm, 1e-12).astype(np.float32), np.diff(terms.indptr))
        postings = rows.tocsc()
        return cls(n, vocabulary, idf, postings.indptr.astype(np.int64), postings.indices, postings.data)

    def query(self, terms: Terms) -> Query:
        """The first analysed text as a query; terms that no document has only lengthen it."""
        codes, counts = terms.codes[: terms.indptr[1]], terms.counts[: terms.indptr[1]]
        place, there = places_of(self.vocabulary, codes)
        known = np.flatnonzero(there)
        place = place[known]
        idf = np.full(len(codes), self.unseen)
        idf[known] = self.idf[place]
        weights = (1 + np.log(counts)) * idf
        weights = weights[known] / max(float(np.sqrt((weights**2).sum())), 1e-12)
        starts, ends = self.indptr[place], self.indptr[place + 1]
        costs = ends - starts
        if len(costs) <= self.LONGEST and costs.sum() <= self.MOST_POSTINGS:
            return Query(codes[known], weights, starts, ends)
        heaviest = (-weights).argsort(kind="stable")[: self.LONGEST]
        keep = np.sort(heaviest[costs[heaviest].cumsum() <= self.MOST_POSTINGS])
        return Query(codes[known[keep]], weights[keep], starts[keep], ends[keep])

    def parted(self, query: Query, parts: Terms) -> Floats:
        """Terms of the query × parts of its text: weights of each part, of length 1 over all its terms."""
        if len(query.codes) == 0:
            return np.zeros((0, len(parts.indptr) - 1), np.float32)
        of = np.repeat(np.arange(len(parts.indptr) - 1), np.diff(parts.indptr))
        at, known = places_of(self.vocabulary, parts.codes)
        idf = np.full(len(parts.codes), self.unseen)
        idf[known] = self.idf[at[known]]
        weights = (1 + np.log(parts.counts)) * idf
        norm = np.sqrt(np.bincount(of, weights**2, minlength=len(parts.indptr) - 1))
        place, known = places_of(query.codes, parts.codes)
        out = np.zeros((len(query.codes), len(parts.indptr) - 1), np.float32)
        out[place[known], of[known]] = (weights / np.maximum(norm, 1e-12)[of])[known]
        return out

    def scores(self, query: Query) -> Floats:
        """Cosine of the query with each of the n documents."""
        total = np.zeros(self.n, np.float32)
        documents, cells = self._postings_of(query)
        cells *= query.weights.repeat(query.ends - query.starts)
        np.add.at(total, documents, cells)
        return total

    def part_scores(self, query: Query, weights: Floats) -> Floats:
        """Cosine of each of the n documents with each part of the query; `weights` are as `parted`."""
        if len(query.codes) == 0:
            return np.zeros((self.n, weights.shape[1]), np.float32)
        documents, cells = self._postings_of(query)
        offsets = offsets_of(query.ends - query.starts)
        return sp.csc_array((cells, documents, offsets), shape=(self.n, len(query.codes))) @ weights

    def _postings_of(self, query: Query) -> tuple[NDArray[np.int32], Floats]:
        """(documents, weights) of all postings of a query's terms, term by term."""
        spans = list(map(slice, query.starts.tolist(), query.ends.tolist()))
        return _joined(self.documents, spans), _joined(self.weights, spans)

    def postings(self, terms: NDArray[np.int64], most: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(documents of some terms, the first `most` of each; place in `terms` that each is of)."""
        starts = self.indptr[terms]
        lengths = np.minimum(self.indptr[terms + 1] - starts, most)
        of = np.repeat(np.arange(len(terms)), lengths)
        return self.documents[(starts - np.cumsum(lengths) + lengths)[of] + np.arange(len(of))], of

    def rows(self) -> sp.csr_array:
        """Documents × terms: the unit vector of each document."""
        postings = sp.csc_array((self.weights, self.documents, self.indptr), shape=(self.n, len(self.vocabulary)))
        return sp.csr_array(postings.tocsr())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of_arrays` makes the index of."""
        return {"n": np.array([self.n]), **{name: getattr(self, name) for name in self.FIELDS}}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> LexicalIndex:
        """The index whose `arrays` these are."""
        return cls(n=int(arrays["n"][0]), **{name: arrays[name] for name in cls.FIELDS})


def _joined(values: NDArray[Any], spans: Sequence[slice]) -> NDArray[Any]:
    """Parts of an array as one new array; for hundreds of short ones bytes are joined in half the time of arrays."""
    return np.frombuffer(bytearray().join(map(values.data.__getitem__, spans)), values.dtype)
