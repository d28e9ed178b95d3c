"""Everything that retrievers and features of one match kind read: texts, comparisons, outcomes — visible forms only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.projection import Projection
from graph.schema import FieldType
from matching.candidates.analysis import Terms
from matching.candidates.compare import Comparator, comparator, own_labels, spans
from matching.candidates.lexical import Floats
from matching.candidates.outcomes import Outcomes, Values
from matching.candidates.texts import TextIndex, TextQuery, analyse, joined
from matching.kinds import MatchKind
from matching.masking import Mask

Rows = NDArray[np.int64]

TITLE_WEIGHT = 2
"""How often a subject's title counts: measured on judged needs, twice ranks better than once."""

SCANNED = 25_000
"""Semantic vectors that are compared one by one for each question at the most."""
MOST_COUNTED = 2_000
"""Documents of a term that are looked at to see whether enough candidates carry it."""


@dataclass(frozen=True)
class Documents:
    """Texts of one kind that speak for candidates."""

    kind: str
    """Entity kind of the documents; the candidate kind itself for a candidate's own text."""
    texts: TextIndex
    """Their index."""
    of: sp.csr_array
    """Candidates × documents."""
    owners: sp.csr_array
    """Documents × candidates."""
    centroids: Floats | None
    """Mean semantic vector of each candidate's documents, where these are too many to compare one by one."""
    _common: dict[tuple[int, int], bool] = field(default_factory=dict)

    def commonly_carried(self, term: int, k: int) -> bool:
        """Whether at least k candidates have documents with a word; `term` is its place in the vocabulary."""
        known = self._common.get((term, k))
        if known is None:
            index = self.texts.words
            posting = index.documents[index.indptr[term] : index.indptr[term + 1]]
            owners = self.owners.indices[spans(self.owners, posting[:MOST_COUNTED].astype(np.int64))[1]]
            known = self._common[term, k] = len(np.unique(owners)) >= k
        return known


@dataclass
class Asked:
    """A subject as it asks: its row if it is in the graph, and its redacted text."""

    row: int | None
    """Row among the subject kind, None for a free text."""
    text: str
    """Redacted text."""

    @cached_property
    def analysed(self) -> Mapping[str, Terms]:
        """The text in every view."""
        return analyse(self.text)


@dataclass(frozen=True)
class DocumentScores:
    """What a question scores on every document of one kind."""

    words: Floats
    """Word cosines."""
    chars: Floats
    """Character n-gram cosines."""
    semantic: Floats | None
    """Semantic cosines; None where the documents are too many to compare one by one."""
    query: TextQuery
    """The question in this kind's index."""

    def semantic_of(self, source: Documents, rows: Rows) -> Floats:
        """Semantic cosines of some documents, negative ones as 0."""
        near = source.texts.semantic.vectors[rows] @ self.query.vector if self.semantic is None else self.semantic[rows]
        return np.asarray(np.maximum(near, 0), np.float32)


class Reading(NamedTuple):
    """What a question finds over the whole population; retrievers pick from it and features are slices of it."""

    documents: list[DocumentScores]
    """One entry per kind of documents."""
    popularity: Values | None
    """ln(1 + outcomes) of every candidate; None without an outcome relation."""
    neighbours: Values | None
    """Co-outcomes with the subject's partners; None for a free text."""
    profiles: dict[str, Values]
    """Profile evidence by the subject's label field; empty for a free text."""


class Evidence:
    """The evidence of one match kind over one projection."""

    def __init__(self, kind: MatchKind, projection: Projection, mask: Mask, indexes: Mapping[str, TextIndex]) -> None:
        self.kind, self.projection, self.mask = kind, projection, mask
        self.n = projection.table(kind.candidate).n
        self.documents = _documents(kind, projection, indexes)
        self.comparators: dict[str, Comparator] = {
            c.name: comparator(projection, mask, kind, c) for c in kind.comparisons(projection.catalogue)
        }
        self.outcomes = _outcomes(kind, projection, mask)
        self.values = {n: mask.visible(kind.candidate).numbers(n) for n in _numbers(projection, kind.candidate)}
        own = _numbers(projection, kind.subject) if kind.mutual else []
        self.own = {name: mask.visible(kind.subject).numbers(name) for name in own}

    def asked(self, row: int) -> Asked:
        """An entity of the subject kind as it asks."""
        return Asked(row, joined(self.mask.texts(self.kind.subject), row, lead=TITLE_WEIGHT))

    def asked_text(self, text: str) -> Asked:
        """A free text as it asks, redacted as if it were posted; its first line counts as its title."""
        redacted = self.mask.redact(text)
        title = redacted.split("\n", 1)[0]
        return Asked(None, "\n".join([title] * (TITLE_WEIGHT - 1) + [redacted]))

    def read(self, asked: Asked) -> Reading:
        """Score every document and weigh every past outcome for a question."""
        documents = []
        for source in self.documents:
            query = source.texts.query(asked.analysed)
            scores = source.texts.scores(query)
            whole = source.centroids is None and source.texts.n <= SCANNED
            semantic = source.texts.semantic.vectors @ query.vector if whole else None
            documents.append(DocumentScores(scores.words, scores.chars, semantic, query))
        if self.outcomes is None:
            return Reading(documents, None, None, {})
        if asked.row is None:
            return Reading(documents, self.outcomes.popularity, None, {})
        return Reading(
            documents,
            self.outcomes.popular(asked.row),
            self.outcomes.neighbours(asked.row),
            {name: self.outcomes.profile(name, asked.row) for name in self.outcomes.profiles},
        )


def _documents(kind: MatchKind, projection: Projection, indexes: Mapping[str, TextIndex]) -> list[Documents]:
    n = projection.table(kind.candidate).n
    own = sp.csr_array(sp.eye_array(n, format="csr"))
    found = []
    if kind.candidate in indexes:
        found.append(Documents(kind.candidate, indexes[kind.candidate], own, own, None))
    for path in kind.documents:
        for end in projection.catalogue.end_kinds(kind.candidate, path):
            if end in indexes:
                of = sp.csr_array(projection.path_matrix(kind.candidate, path, end))
                owners = sp.csr_array(of.T.tocsr())
                found.append(Documents(end, indexes[end], of, owners, _centroids(of, indexes[end])))
    return found


def _centroids(of: sp.csr_array, texts: TextIndex) -> Floats | None:
    if of.shape[0] > SCANNED or texts.n < of.shape[0]:
        return None
    means = np.asarray(of @ texts.semantic.vectors, np.float32)
    norm = np.sqrt((means**2).sum(axis=1, keepdims=True))
    return np.asarray(means / np.maximum(norm, 1e-12), np.float32)


def _outcomes(kind: MatchKind, projection: Projection, mask: Mask) -> Outcomes | None:
    if kind.outcome is None:
        return None
    walks = sp.csr_array(projection.path_matrix(kind.subject, kind.outcome, kind.candidate))
    return Outcomes.build(walks, own_labels(projection, mask, kind.subject))


def _numbers(projection: Projection, kind: str) -> list[str]:
    """Visible numeric fields of a kind: what a learner may weigh by themselves."""
    visible = {"public", "generalised"}
    return [
        field.name
        for field in projection.catalogue.entity(kind).fields
        if field.access in visible and field.type.is_numeric and not field.many and field.type is not FieldType.BOOLEAN
    ]
