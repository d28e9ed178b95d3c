"""The documents that speak most for each candidate: ranking pools them, and explanations read them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graph.projection import spans
from matching.candidates.asked import Rows
from matching.candidates.evidence import Evidence
from matching.candidates.lexical import Floats

POOLED = 3
"""Documents of a candidate that are looked at, of all kinds together."""


class Best(NamedTuple):
    """The best documents of some candidates, best first, one candidate after the other."""

    owner: Rows
    """Place of the candidate in the rows asked for, rising."""
    place: Rows
    """The document's place among those of its candidate."""
    kind: Rows
    """Place of the document's kind in `Evidence.documents`."""
    document: Rows
    """Row of the document in its kind."""


def best_documents(evidence: Evidence, lexical: Floats, rows: Rows, most: int = POOLED) -> Best:
    """The `most` lexically best documents of each candidate; `lexical` is that of the question's `Reading`."""
    lengths, places = spans(evidence.of.indptr, rows)
    document = evidence.of.indices[places]
    order, owner, place = firsts(lengths, lexical[document], most)
    return Best(owner, place, *_by_kind(evidence, document[order]))


def every_document(evidence: Evidence, rows: Rows) -> tuple[Rows, Rows, Rows]:
    """(how many documents each candidate has; the kind and the row there of each, one candidate after the other)."""
    lengths, places = spans(evidence.of.indptr, rows)
    return lengths, *_by_kind(evidence, evidence.of.indices[places])


def _by_kind(evidence: Evidence, document: NDArray[np.integer[Any]]) -> tuple[Rows, Rows]:
    """(place of each document's kind, its row there) of documents that are counted over all kinds."""
    kind = evidence.first.searchsorted(document, side="right") - 1
    return kind, document - evidence.first[kind]


def firsts(lengths: Rows, scores: NDArray[np.floating[Any]], most: int) -> tuple[Rows, Rows, Rows]:
    """(where the `most` greatest scores of each of consecutive runs are, the run of each, its place in the run)."""
    run = np.arange(len(lengths)).repeat(lengths)
    order = np.lexsort((-scores, run))
    place = np.arange(len(order)) - (lengths.cumsum() - lengths).repeat(lengths)
    first = (place < most).nonzero()[0]
    return order[first], run[first], place[first]
