"""Everything that retrievers and features of one match kind read: texts, comparisons, outcomes — visible forms only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.projection import Projection, Strings, offsets_of, spans
from graph.projection.columns import has_column, is_number
from graph.schema import Access
from matching.candidates.analysis import word_code, words_of
from matching.candidates.asked import QUESTIONS_KEPT, Asked, Rows
from matching.candidates.compare import Comparator, comparator, own_labels
from matching.candidates.encoded import SCANNED, EncodedIndex, Encodings, cosines, readers
from matching.candidates.factors import Factors
from matching.candidates.lexical import Floats
from matching.candidates.outcomes import MOST_MARKS, Outcomes, Values
from matching.candidates.pools import Numbers
from matching.candidates.semantic import shared, unit
from matching.candidates.texts import TextIndex, TextQuery, joined
from matching.candidates.walks import DocumentWalk, links_of, spread
from matching.kinds import MatchKind
from matching.masking import Mask

TITLE_WEIGHT = 2
"""How often a subject's title counts: measured on judged needs, twice ranks better than once."""

CHARS_WEIGHT = np.float32(2)
"""What character n-grams count against words where documents are picked; measured on judged needs."""

MEANING_WEIGHT = np.float32(3)
"""What semantic cosines count against lexical ones where a walk begins; measured on judged experts."""

WITHHELD_KEPT = 10_000
"""Candidates of whom is remembered what their cards do not show."""

MOST_COUNTED = 2_000
"""Documents of a term that are looked at to see whether enough candidates carry it."""


@dataclass(frozen=True)
class Documents:
    """Texts of one kind that speak for candidates."""

    kind: str
    """Entity kind of the documents; the candidate kind itself for a candidate's own text."""
    texts: TextIndex
    """Their index."""
    encoded: EncodedIndex | None
    """Their encoded index; None while the encoder has not filled it."""
    of: sp.csr_array
    """Candidates × documents."""
    owners: sp.csr_array
    """Documents × candidates."""
    semantic: Floats
    """Semantic vectors of all, weighed by `weighs`."""
    weighs: Floats | None
    """What semantic vectors are multiplied by where candidates have several documents (see `shared`)."""
    vectors: Floats | None
    """Semantic and encoded vectors, side by side, to compare with each question: of the documents that speak for
    anyone; of the candidates, each the mean of its documents', where documents are too many; None where candidates are
    too."""
    compared: slice | Rows | None
    """The documents that `vectors` are of; None where they are of candidates."""
    readers: NDArray[np.int8]
    """How many encoders read each of those."""
    links: sp.csr_array | None
    """Documents × those that are most like each, rows that add up to 1; None where they are not known."""

    _common: dict[int, NDArray[np.int8]] = field(default_factory=dict)
    """k → whether each word is carried by as many; -1 where nobody asked yet."""

    def query(self, asked: Asked) -> TextQuery:
        """A question in this kind's index, its semantic vector to be compared with `semantic`."""
        query = asked.query(self.kind, self.texts)
        return query if self.weighs is None else query._replace(vector=unit((query.vector @ self.weighs)[None])[0])

    def commonly_carried(self, terms: Rows, k: int) -> NDArray[np.bool_]:
        """Whether at least k candidates have documents with each word; `terms` are places in the vocabulary."""
        if k not in self._common:
            self._common[k] = np.full(len(self.texts.words.idf), -1, np.int8)
        known = self._common[k]
        new = terms[known[terms] < 0]
        if len(new):
            known[new] = self._counted(new, k)
        return known[terms] > 0

    def _counted(self, terms: Rows, k: int) -> NDArray[np.bool_]:
        words, n = self.texts.words, self.owners.shape[1]
        frequency = words.indptr[terms + 1] - words.indptr[terms]
        common = np.zeros(len(terms), bool)
        waiting = np.arange(len(terms))
        for looked_at in (4 * k, MOST_COUNTED):  # the first few documents nearly always tell
            documents, of = words.postings(terms[waiting], looked_at)
            lengths, places = spans(self.owners.indptr, documents)
            carried = np.unique(np.repeat(waiting[of], lengths) * n + self.owners.indices[places])
            common |= np.bincount(carried // n, minlength=len(terms)) >= k
            waiting = np.flatnonzero(~common & (frequency > looked_at))
            if len(waiting) == 0:
                break
        return common


class DocumentScores(NamedTuple):
    """What a question scores on the documents of one kind."""

    words: Floats
    """Word cosines of all."""
    chars: Floats
    """Character n-gram cosines of all."""
    lexical: Floats
    """Both together, as retrieval and explanation rank documents: a part of `Reading.lexical`."""
    meaning: Floats | None
    """Products with `Documents.vectors`, the sum of semantic and encoded cosines, negative ones as 0. Of candidates'
    own texts it is one for each candidate."""
    query: TextQuery
    """The question in this kind's index."""
    encoded: Floats | None
    """The question in this kind's encoded index."""
    title: Floats | None
    """Character cosines of all with the question's title; None where candidates have documents, not only a text."""
    parts: Floats | None
    """The same of all × parts of the question."""

    def views(self, source: Documents, rows: Rows) -> list[Floats]:
        """Cosines of some documents in each view but the encoder's: words, chars, semantic; negative ones as 0."""
        return [
            self.words[rows],
            self.chars[rows],
            np.maximum(source.semantic[rows] @ self.query.vector, 0),
        ]

    def encoded_cosines(self, source: Documents, rows: Rows) -> list[Floats]:
        """Encoded cosines of some documents, negative ones and unknown ones as 0."""
        if source.encoded is None or self.encoded is None:
            return [np.zeros(len(rows), np.float32)]
        return [np.maximum(source.encoded.cosines(rows, self.encoded), 0)]


class Reading(NamedTuple):
    """What a question finds over the whole population; retrievers pick from it and features are slices of it."""

    documents: list[DocumentScores]
    """One entry per kind of documents."""
    lexical: Floats
    """Of the documents of all kinds, one kind after the other."""
    walk: Values | None
    """How much every candidate is reached through documents; None where candidates have no documents."""
    popularity: Values | None
    """ln(1 + outcomes) of every candidate; None without an outcome relation."""
    reach: Values | None
    """How much every candidate is reached from the subject along outcomes and labels; None for a free text."""
    neighbours: Values | None
    """Co-outcomes with the subject's partners; None for a free text."""
    far: Values | None
    """The same by a longer walk; None for a free text, and where outcomes are not the subject's own."""
    factors: Values | None
    """How probable every candidate is the next, by latent factors; None likewise, and where candidates are too many."""
    company: Values | None
    """In how large a company every candidate is chosen; None for a free text, and where outcomes are not its own."""
    settled: Values | None
    """How many others the subject chose; None likewise."""
    fields: dict[str, Values]
    """Feature → what a label field tells of past outcomes (see `Outcomes.by_field`); empty for a free text."""

    @property
    def profiles(self) -> list[Values]:
        """Of these the candidates' own profiles."""
        return [values for name, values in self.fields.items() if name.startswith("profile_")]


class Evidence:
    """The evidence of one match kind over one projection."""

    def __init__(
        self, kind: MatchKind, projection: Projection, mask: Mask, indexes: Mapping[str, TextIndex],
        encodings: Encodings,
    ) -> None:  # fmt: skip
        self.kind, self.projection, self.mask = kind, projection, mask
        self.n = projection.table(kind.candidate).n
        self.documents = _documents(kind, projection, indexes, encodings)
        self.first = offsets_of(np.array([source.of.shape[1] for source in self.documents], np.int64))
        """Number of each kind's first document, where those of all kinds are counted one after the other."""
        matrices = [sp.csr_array((self.n, 0)), *(source.of for source in self.documents)]
        self.of = sp.csr_array(sp.hstack(matrices, format="csr"))
        """Candidates × documents of all kinds."""
        self.comparisons = kind.comparisons(projection.catalogue)
        numbers = Numbers(kind, mask)
        self.comparators: dict[str, Comparator] = {
            c.name: comparator(projection, mask, kind, c, numbers) for c in self.comparisons
        }
        reach = [source.of for source in self.documents] if kind.documents else []
        self.walk = DocumentWalk(reach) if reach else None
        self.outcomes = _outcomes(kind, projection, mask)
        self.values = {n: numbers.of(kind.candidate, n) for n in _numbers(projection, kind.candidate)}
        own = _numbers(projection, kind.subject) if kind.mutual else []
        self.own = {name: numbers.of(kind.subject, name) for name in own}
        # Of functions, since the cache of a method holds what it is kept in: old evidence would wait for the collector.
        self.asked = lru_cache(QUESTIONS_KEPT)(
            partial(_of_row, kind.subject, mask, encodings if self.is_encoded else None)
        )
        """An entity of the subject kind as it asks, by its row."""
        self.asked_text = lru_cache(QUESTIONS_KEPT)(partial(_of_text, mask))
        """A free text as it asks, redacted as if it were posted; its first line counts as its title."""
        self.withheld = lru_cache(WITHHELD_KEPT)(partial(_withheld, kind.candidate, mask))
        """Codes of the words of a candidate's own text that its card does not show, by its row."""

    @property
    def is_encoded(self) -> bool:
        """Whether any documents are compared by vectors of the encoder."""
        return any(source.encoded is not None for source in self.documents)

    def without(self, hidden: Rows) -> Evidence:
        """This evidence without some past outcomes (see `Outcomes.without`): what a learner may see of them."""
        copied = copy(self)
        copied.outcomes = self.outcomes.without(hidden) if self.outcomes is not None else None
        return copied

    @property
    def ids(self) -> tuple[Strings, Strings]:
        """Of subjects and of candidates."""
        return self.projection.table(self.kind.subject).ids, self.projection.table(self.kind.candidate).ids

    def with_factors(self, factors: Factors | None) -> Evidence:
        """This evidence with factors of its outcomes."""
        copied = copy(self)
        copied.outcomes = replace(self.outcomes, factors=factors) if self.outcomes is not None else None
        return copied

    def read(self, asked: Asked) -> Reading:
        """Score every document and weigh every past outcome for a question."""
        documents = []
        lexical = np.empty(self.first[-1], np.float32)
        for source, mine in zip(self.documents, self.parts_of(lexical), strict=True):
            query = source.query(asked)
            words, chars = source.texts.scores(query)
            encoded = source.encoded.query(asked.encoded) if source.encoded and asked.encoded is not None else None
            meaning = _meaning(source, query.vector, encoded)
            title = source.texts.title(asked.title) if self.walk is None else None
            parts = source.texts.parts(query, asked.parts) if self.walk is None else None
            np.multiply(chars, CHARS_WEIGHT, out=mine)
            mine += words
            documents.append(DocumentScores(words, chars, mine, meaning, query, encoded, title, parts))
        walk = self._walked(documents, lexical) if self.walk is not None else None
        if self.outcomes is None:
            return Reading(documents, lexical, walk, None, None, None, None, None, None, None, {})
        if asked.row is None:
            return Reading(documents, lexical, walk, self.outcomes.popularity, None, None, None, None, None, None, {})
        near, far = self.outcomes.reach(asked.row)
        return Reading(
            documents,
            lexical,
            walk,
            self.outcomes.popular(asked.row),
            near,
            self.outcomes.neighbours(asked.row),
            far,
            self.outcomes.likely(asked.row),
            self.outcomes.company(asked.row) if self.outcomes.are_own else None,
            self.outcomes.settled(asked.row) if self.outcomes.are_own else None,
            self.outcomes.by_field(asked.row),
        )

    def parts_of(self, values: Floats) -> list[Floats]:
        """The values of the documents of all kinds as those of each kind."""
        return [values[start:end] for start, end in pairwise(self.first.tolist())]

    def _walked(self, documents: Sequence[DocumentScores], lexical: Floats) -> Values:
        """How much each candidate is reached from documents, which count by their squared relevance."""
        assert self.walk is not None
        relevance, direct = self.parts_of(lexical**2), np.zeros(self.n, np.float32)
        for source, scores, squared in zip(self.documents, documents, relevance, strict=True):
            if scores.meaning is None:
                continue
            near = (MEANING_WEIGHT * scores.meaning) ** 2
            if source.compared is None:
                direct += near
            else:
                squared[source.compared] += near
        return self.walk.reached(
            [spread(values, source.links) for values, source in zip(relevance, self.documents, strict=True)], direct
        )


def _withheld(kind: str, mask: Mask, row: int) -> frozenset[int]:
    hidden = words_of(mask.withheld(kind, row))
    if not hidden:
        return frozenset()
    card = mask.card(kind, row)
    shown = [*card["texts"].values()]
    for value in card["fields"].values():
        shown += value if isinstance(value, list) else [str(value)]
    return frozenset(map(word_code, hidden)) - frozenset(map(word_code, words_of("\n".join(shown))))


def _of_row(kind: str, mask: Mask, encodings: Encodings | None, row: int) -> Asked:
    texts = mask.texts(kind)
    encoded = encodings.of(kind, joined(texts, row)) if encodings is not None else None
    return Asked(row, joined(texts, row, lead=TITLE_WEIGHT), encoded)


def _of_text(mask: Mask, text: str) -> Asked:
    redacted = mask.redact(text)
    title = redacted.split("\n", 1)[0]
    return Asked(None, "\n".join([title] * (TITLE_WEIGHT - 1) + [redacted]))


def _meaning(source: Documents, semantic: Floats, encoded: Floats | None) -> Floats | None:
    """See `DocumentScores.meaning`."""
    if source.vectors is None:
        return None
    near: Floats = source.vectors[:, : len(semantic)] @ semantic
    if encoded is not None:
        near += cosines(source.vectors[:, len(semantic) :], source.readers, encoded)
    np.maximum(near, 0, out=near)
    return near


def _documents(
    kind: MatchKind, projection: Projection, indexes: Mapping[str, TextIndex], encodings: Encodings
) -> list[Documents]:
    found = own_documents(kind.candidate, projection, indexes, encodings)
    for path in kind.documents:
        for end in projection.catalogue.end_kinds(kind.candidate, path):
            if end in indexes:
                of = sp.csr_array(projection.path_matrix(kind.candidate, path, end))
                found.append(_documents_of(end, of, indexes, encodings))
    return found


def own_documents(
    kind: str, projection: Projection, indexes: Mapping[str, TextIndex], encodings: Encodings
) -> list[Documents]:
    """The texts of entities of a kind as documents that speak for themselves; none where they have no text."""
    if kind not in indexes:
        return []
    return [_documents_of(kind, sp.csr_array(sp.eye_array(projection.table(kind).n, format="csr")), indexes, encodings)]


def _documents_of(kind: str, of: sp.csr_array, indexes: Mapping[str, TextIndex], encodings: Encodings) -> Documents:
    encoded = encodings.indexes.get(kind)
    encoded = encoded if encoded is not None and encoded.is_enough else None
    owners = sp.csr_array(of.T.tocsr())
    links = links_of(encoded.nearest) if encoded is not None and encoded.nearest.shape[1] else None
    semantic = indexes[kind].semantic.vectors
    weighs = shared(semantic, of) if encoded is None and of.shape[1] <= SCANNED else None
    if weighs is not None:
        semantic = unit(semantic @ weighs)
    compared = _compared(of, owners, semantic, encoded)
    return Documents(kind, indexes[kind], encoded, of, owners, semantic, weighs, *compared, links)


def _compared(
    of: sp.csr_array, owners: sp.csr_array, semantic: Floats, encoded: EncodedIndex | None
) -> tuple[Floats | None, slice | Rows | None, NDArray[np.int8]]:
    """See `Documents.vectors`, `Documents.compared` and `Documents.readers`."""
    parts = encoded.parts if encoded is not None else []
    views = [semantic, *parts]
    compared: slice | Rows | None = None
    if of.shape[1] <= SCANNED:
        speaks = np.diff(owners.indptr) > 0
        compared = slice(None) if speaks.all() else np.flatnonzero(speaks)
        views = [vectors[compared] for vectors in views]
    elif of.shape[0] <= SCANNED:
        views = [unit(np.asarray(of @ vectors, np.float32)) for vectors in views]
    else:
        return None, None, readers(parts)
    return views[0] if len(views) == 1 else np.hstack(views), compared, readers(views[1:])


def _outcomes(kind: MatchKind, projection: Projection, mask: Mask) -> Outcomes | None:
    if kind.outcome is None:
        return None
    walks = sp.csr_array(projection.path_matrix(kind.subject, kind.outcome, kind.candidate))
    labels = own_labels(projection, mask, kind.subject)
    theirs = own_labels(projection, mask, kind.candidate)
    marks = _marks(kind, kind.outcome, projection, walks) if kind.has_own_outcomes else None
    return Outcomes.build(walks, labels, theirs, _owners(kind, projection), marks)


def _marks(kind: MatchKind, step: str, projection: Projection, walks: sp.csr_array) -> dict[str, sp.csr_array]:
    """Public label of an outcome, which is one edge → cells of `walks` × labels."""
    relation = projection.catalogue.relation(step[1:].partition(":")[0])
    forward = step.startswith(">")
    ends = (kind.subject, kind.candidate) if forward else (kind.candidate, kind.subject)
    edges = projection.adjacency(relation.name, *ends)
    edges = edges if forward else edges.transposed()
    here = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr)) * walks.shape[1] + edges.indices
    cell = np.unique(here, return_inverse=True)[1]
    marks = {}
    for declared in relation.properties:
        if declared.access is not Access.PUBLIC or is_number(declared) or not has_column(declared):
            continue
        labels = edges.labels(declared.name)
        if len(labels.vocabulary) <= MOST_MARKS:
            rows = np.repeat(cell, np.diff(labels.indptr))
            shape = (walks.nnz, len(labels.vocabulary))
            marks[declared.name] = sp.csr_array((np.ones(len(rows)), (rows, labels.codes)), shape=shape)
    return marks


def _owners(kind: MatchKind, projection: Projection) -> tuple[Rows, Rows]:
    """Of a path of several steps: the one that a subject's first step leads to, the one that owns a candidate.

    Where there may be several, or the path is one step, everyone stands for itself.
    """
    steps = (kind.outcome or "").split()
    n, m = projection.table(kind.subject).n, projection.table(kind.candidate).n
    if len(steps) < 2:
        return np.arange(n), np.arange(m)
    back = steps[-1].partition(":")[0].translate(str.maketrans("<>", "><"))
    return _owner_of(projection, kind.subject, steps[0], n), _owner_of(projection, kind.candidate, back, m)


def _owner_of(projection: Projection, kind: str, step: str, n: int) -> Rows:
    """The one that a step leads to from each of n rows, a number of its own for a row that it leads nowhere from."""
    reach = sp.hstack([projection.path_matrix(kind, step, end) for end in projection.catalogue.end_kinds(kind, step)])
    rows = sp.csr_array(reach)
    lengths = np.diff(rows.indptr)
    owner: Rows = np.arange(n) + rows.shape[1]
    if lengths.max(initial=0) <= 1:
        owner[lengths == 1] = rows.indices
    return owner


def _numbers(projection: Projection, kind: str) -> list[str]:
    """Visible numeric fields of a kind: what a learner may weigh by themselves."""
    fields = projection.catalogue.entity(kind).fields
    return [field.name for field in fields if field.is_visible and field.type.is_numeric and not field.many]
