"""Ladders: what a field of each entity shows at each level of coarsening, finest first, nothing last."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.codes import Scheme
from graph.projection import EntityTable, Labels, Projection, Strings, offsets_of, spans
from graph.projection.columns import year_fraction
from graph.schema import EntityKind, Field, FieldType, Hierarchy, HierarchyForm, Shown
from matching.masking.levels import Hashes

Floats = NDArray[np.float64]

KEPT_TAGS = (3, 2, 1)
"""Labels of a list without a hierarchy that its levels keep, after all of them: the most frequent ones."""


@dataclass(frozen=True)
class Counts:
    """How many entities had each label when the epoch began: what decides which labels of a list are kept.

    Counted anew at every write, a label that becomes frequent would change the cards of those who did not change.
    """

    words: Strings
    """Labels."""
    numbers: NDArray[np.int64]
    """Entities with each label."""

    @classmethod
    def of(cls, labels: Labels) -> Counts:
        """The counts of a population."""
        return cls(labels.vocabulary, np.bincount(labels.codes, minlength=len(labels.vocabulary)).astype(np.int64))

    def aligned(self, vocabulary: Strings) -> NDArray[np.int64]:
        """The count of each word of a vocabulary; 0 for one that came later."""
        known = dict(zip(self.words, self.numbers.tolist(), strict=True))
        return np.fromiter((known.get(word, 0) for word in vocabulary), np.int64, len(vocabulary))


@dataclass
class Ladder:
    """The levels of one visible field over n rows."""

    name: str
    steps: list[Labels]
    """Labels at each level that shows something."""
    raw: Floats | None = None
    """The numbers behind, where the field is numeric."""
    hierarchy: Hierarchy | None = None
    """The bands, where the numbers are shown as such."""
    scheme: Scheme | None = None
    """Code system of the labels."""
    counts: Counts | None = None
    """What its lists of labels were cut by."""

    @cached_property
    def hashes(self) -> Hashes:
        """Levels + 1 × n: a hash of what is shown, 0 for nothing; the same in every process and at every time."""
        n = len(self.steps[0].indptr) - 1
        return np.stack([*(_hashed(labels) for labels in self.steps), np.zeros(n, np.uint64)])

    def labels(self, levels: NDArray[np.int8]) -> Labels:
        """What is shown when row r is at level levels[r]."""
        rows, codes, words = [np.empty(0, np.int64)], [np.empty(0, np.int64)], list[str]()
        for level, step in enumerate(self.steps):
            owner = np.repeat(np.arange(len(levels)), np.diff(step.indptr))
            here = levels[owner] == level
            rows.append(owner[here])
            codes.append(len(words) + step.codes[here].astype(np.int64))
            words += step.vocabulary
        return labels_of(np.concatenate(rows), np.concatenate(codes), words, len(levels))

    def numbers(self, levels: NDArray[np.int8]) -> Floats | None:
        """The number each row shows: itself, or what stands for its band; NaN where nothing is shown."""
        if self.raw is None:
            return None
        if self.hierarchy is None or self.hierarchy.form is not HierarchyForm.BANDS:
            return np.where(levels == 0, self.raw, np.nan)
        shown = np.full(len(self.raw), np.nan)
        for level, bounds in enumerate(self.hierarchy.bands):
            edges = np.array(bounds)
            middles = np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]])
            here = (levels == level) & np.isfinite(self.raw)
            shown[here] = middles[np.searchsorted(edges, self.raw[here], side="right")]
        return shown


def labels_of(rows: NDArray[np.int64], codes: NDArray[np.integer[Any]], words: Sequence[str], n: int) -> Labels:
    """Labels from pairs of row and place in `words`, which may repeat themselves: each once in a row, sorted."""
    used = np.unique(codes)
    told = [words[at] for at in used.tolist()]
    vocabulary = sorted(set(told))
    place = {word: at for at, word in enumerate(vocabulary)}
    of = np.zeros(len(words), np.int64)
    of[used] = [place[word] for word in told]
    width = max(len(vocabulary), 1)
    cells = np.unique(rows * width + of[codes])
    counts = np.bincount(cells // width, minlength=n)
    indptr = offsets_of(counts)
    return Labels(indptr, (cells % width).astype(np.int32), Strings.of(vocabulary))


def ladders_of(
    projection: Projection, kind: EntityKind, *, whole: bool, counts: Mapping[str, Counts] | None = None
) -> list[Ladder]:
    """One ladder per visible field and shown neighbour, in declared order.

    `whole` leaves lists without a hierarchy as they are: for public records and for measuring. `counts` are those of
    the epoch, by field; without them labels are counted now.
    """
    own = [_of_field(projection, kind, f, whole=whole, counts=counts or {}) for f in kind.fields if f.is_visible]
    return [*own, *(_of_shown(projection, kind, shown) for shown in kind.shown)]


def declaration(projection: Projection, kind: EntityKind) -> str:
    """What the levels of a kind rest on beside its data: while it is the same, a level means the same."""
    fields: list[Field | Shown] = [*(f for f in kind.fields if f.is_visible), *kind.shown]
    hierarchies = [projection.catalogue.hierarchies.get(f.hierarchy or "") for f in fields]
    ends = [
        [end, neighbour.access]
        for shown in kind.shown
        for end in projection.catalogue.end_kinds(kind.name, shown.path)
        for neighbour in projection.catalogue.entity(end).fields
        if neighbour.name == shown.field
    ]
    return repr((kind.public_record, fields, hierarchies, ends))


def _of_field(
    projection: Projection, kind: EntityKind, declared: Field, *, whole: bool, counts: Mapping[str, Counts]
) -> Ladder:
    table = projection.table(kind.name)
    hierarchy = projection.catalogue.hierarchies[declared.hierarchy] if declared.hierarchy else None
    if declared.type.is_numeric and not declared.many:
        raw = table.numbers(declared.name)
        if hierarchy is not None and hierarchy.form is HierarchyForm.BANDS:
            return Ladder(declared.name, _banded(raw, hierarchy), raw, hierarchy)
        return Ladder(
            declared.name, [_written(raw) if declared.type is not FieldType.DATE else _dates(table, declared)], raw
        )
    labels = _listed_numbers(table, declared) if declared.type.is_numeric else table.labels(declared.name)
    if hierarchy is not None:
        return Ladder(declared.name, _generalised(labels, hierarchy), scheme=hierarchy.scheme)
    if not declared.many or whole:
        return Ladder(declared.name, [labels], scheme=declared.scheme)
    began = counts.get(declared.name) or Counts.of(labels)
    frequency = began.aligned(labels.vocabulary)
    steps = [labels, *(_most_frequent(labels, frequency, kept) for kept in KEPT_TAGS)]
    return Ladder(declared.name, steps, scheme=declared.scheme, counts=began)


def _of_shown(projection: Projection, kind: EntityKind, shown: Shown) -> Ladder:
    hierarchy = projection.catalogue.hierarchies[shown.hierarchy]
    ends = projection.catalogue.end_kinds(kind.name, shown.path)
    if shown.field is None:
        counts = sum(
            (np.diff(projection.path_matrix(kind.name, shown.path, end).indptr) for end in ends),
            np.zeros(projection.table(kind.name).n, np.int64),
        ).astype(np.float64)
        return Ladder(shown.name, _banded(counts, hierarchy), counts, hierarchy)
    rows, codes, words = [np.empty(0, np.int64)], [np.empty(0, np.int64)], list[str]()
    for end in ends:
        if not any(f.name == shown.field and f.is_visible for f in projection.catalogue.entity(end).fields):
            continue  # what the neighbour itself does not show, nobody's card does
        reach = projection.path_matrix(kind.name, shown.path, end)
        labels = projection.table(end).labels(shown.field)
        near = np.repeat(np.arange(reach.shape[0]), np.diff(reach.indptr))
        lengths, at = spans(labels.indptr, reach.indices)
        rows.append(np.repeat(near, lengths))
        codes.append(len(words) + labels.codes[at].astype(np.int64))
        words += labels.vocabulary
    joined = labels_of(np.concatenate(rows), np.concatenate(codes), words, projection.table(kind.name).n)
    return Ladder(shown.name, _generalised(joined, hierarchy), scheme=hierarchy.scheme)


def _banded(raw: Floats, hierarchy: Hierarchy) -> list[Labels]:
    known = np.flatnonzero(np.isfinite(raw))
    distinct, at = np.unique(raw[known], return_inverse=True)
    levels = [
        [hierarchy.generalise(value, level) or "" for value in distinct.tolist()] for level in range(hierarchy.depth)
    ]
    return [labels_of(known, at, bands, len(raw)) for bands in levels]


def _written(raw: Floats) -> Labels:
    known = np.flatnonzero(np.isfinite(raw))
    distinct, at = np.unique(raw[known], return_inverse=True)
    return labels_of(known, at, [_plain(value) for value in distinct.tolist()], len(raw))


def _plain(value: float) -> str:
    """A number as people write it, and no two numbers alike."""
    return str(int(value)) if value.is_integer() else repr(value)


def _listed_numbers(table: EntityTable, declared: Field) -> Labels:
    """Lists of numbers, or of dates (as fractional years where they are put into bands), as labels."""
    dated = declared.type is FieldType.DATE
    plain = dated and declared.hierarchy is None
    rows, names = [], []
    for row in range(table.n):
        for value in table.values(row).get(declared.name) or ():
            rows.append(row)
            names.append(value if plain else _plain(year_fraction(value) if dated else float(value)))
    return labels_of(np.array(rows, np.int64), np.arange(len(names)), names, table.n)


def _dates(table: EntityTable, declared: Field) -> Labels:
    """Dates as they are written."""
    dates = [(row, str(date)) for row in range(table.n) if (date := table.values(row).get(declared.name))]
    rows = np.fromiter((row for row, _ in dates), np.int64, len(dates))
    return labels_of(rows, np.arange(len(dates)), [date for _, date in dates], table.n)


def _generalised(labels: Labels, hierarchy: Hierarchy) -> list[Labels]:
    rows = np.repeat(np.arange(len(labels.indptr) - 1), np.diff(labels.indptr))
    steps = []
    for level in range(hierarchy.depth):
        names = [hierarchy.generalise(word, level) or "" for word in labels.vocabulary]
        told = np.array(list(map(bool, names)), bool)[labels.codes]
        steps.append(labels_of(rows[told], labels.codes[told], names, len(labels.indptr) - 1))
    return steps


def _most_frequent(labels: Labels, frequency: NDArray[np.int64], kept: int) -> Labels:
    """The most frequent labels of each row, at most `kept`."""
    rows = np.repeat(np.arange(len(labels.indptr) - 1), np.diff(labels.indptr))
    order = np.lexsort((labels.codes, -frequency[labels.codes], rows))
    first = labels.indptr[:-1][rows[order]]
    best = order[np.arange(len(order)) - first < kept]
    best = best[np.lexsort((labels.codes[best], rows[best]))]
    counts = np.bincount(rows[best], minlength=len(labels.indptr) - 1)
    indptr = offsets_of(counts)
    return Labels(indptr, labels.codes[best], labels.vocabulary)


def _hashed(labels: Labels) -> Hashes:
    """A hash of each row's labels: the sum of the labels' hashes, 0 for none."""
    digests = (hashlib.blake2b(word.encode(), digest_size=8).digest() for word in labels.vocabulary)
    each = np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(each[labels.codes], dtype=np.uint64)])
    return np.asarray(sums[labels.indptr[1:]] - sums[labels.indptr[:-1]], np.uint64)
