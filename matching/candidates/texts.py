"""The text of one kind, indexed in every view; kept on disk under a key of its content, so that nothing is redone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graph.files import map_arrays, write_arrays
from matching.candidates import analysis
from matching.candidates.lexical import Floats, LexicalIndex, Query
from matching.candidates.semantic import SemanticIndex

_KEPT = "-terms"
"""Ends the names of parts that hold analysed texts."""
MANY_LONG = 0.1
"""Share of texts longer than their lead from which on leads are looked at: those of shorter ones say nothing new."""


class TextQuery(NamedTuple):
    """One text as a query in every view of one kind's index."""

    words: Query
    chars: Query
    vector: Floats


@dataclass(frozen=True)
class TextIndex:
    """The indexes of one kind's texts."""

    words: LexicalIndex
    chars: LexicalIndex
    semantic: SemanticIndex
    kept: Mapping[str, analysis.Kept]
    """The analysed texts in every view: what the next index goes on from, and what explanations read."""

    @classmethod
    def build(cls, texts: Sequence[str], previous: TextIndex | None = None) -> TextIndex:
        """The index of texts, one a row; what the `previous` one analysed is not analysed again."""
        kept: dict[str, analysis.Kept] = {}

        def keep(texts: Sequence[str], views: Mapping[str, str], known: Mapping[str, analysis.Kept]) -> None:
            hashes = analysis.hashes_of(texts)
            for view, name in views.items():
                before = previous.kept.get(name) if previous is not None else None
                terms = analysis.reused(texts, analysis.VIEWS[view], hashes, before or known.get(view))
                kept[name] = analysis.Kept(hashes, terms)

        keep(texts, {view: view for view in analysis.VIEWS}, {})
        if sum(len(text) > analysis.LEAD for text in texts) >= MANY_LONG * max(len(texts), 1):
            keep([analysis.lead_of(text) for text in texts], analysis.LEADS, kept)  # a short text is its own lead
        words, chars, *others = (LexicalIndex.build(analysed.terms) for analysed in kept.values())
        return cls(words, chars, SemanticIndex.build(words, chars, *others), kept)

    def query(self, analysed: Mapping[str, analysis.Terms]) -> TextQuery:
        """A text analysed by `analyse` as a query of this index."""
        words, chars = (getattr(self, view).query(analysed[view]) for view in analysis.VIEWS)
        leads: list[Query] = []
        if len(self.semantic.lead) and len(analysed) > len(analysis.VIEWS):
            leads = [getattr(self, view).query(analysed[lead]) for view, lead in analysis.LEADS.items()]
        return TextQuery(words, chars, self.semantic.query(words, chars, *leads))

    def scores(self, query: TextQuery) -> tuple[Floats, Floats]:
        """(word cosines, character cosines) with all documents."""
        return self.words.scores(query.words), self.chars.scores(query.chars)

    def parts(self, query: TextQuery, parts: analysis.Terms) -> Floats:
        """Character cosines of all documents × parts of the query's text."""
        return self.chars.part_scores(query.chars, self.chars.parted(query.chars, parts))

    def title(self, title: analysis.Terms) -> Floats:
        """Character cosines of all documents with a title."""
        return self.chars.scores(self.chars.query(title))

    def save(self, path: Path) -> None:
        """Write the index as one file, whole or not at all."""
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            name: getattr(self, name).arrays() for name in (*analysis.VIEWS, "semantic")
        }
        for view, kept in self.kept.items():
            parts[f"{view}{_KEPT}"] = {"hashes": kept.hashes, **kept.terms._asdict()}
        write_arrays(
            path, {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        )

    @classmethod
    def open(cls, path: Path) -> TextIndex:
        """The index saved at `path`, memory-mapped; ProjectionError where it is gone or damaged."""
        parts: dict[str, dict[str, NDArray[Any]]] = {}
        for name, array in map_arrays(path).items():
            part, _, field = name.partition(".")
            parts.setdefault(part, {})[field] = array
        kept = {part.removesuffix(_KEPT): _kept_of(arrays) for part, arrays in parts.items() if part.endswith(_KEPT)}
        return cls(
            LexicalIndex.of_arrays(parts["words"]),
            LexicalIndex.of_arrays(parts["chars"]),
            SemanticIndex.of_arrays(parts["semantic"]),
            kept,
        )


def _kept_of(arrays: Mapping[str, NDArray[Any]]) -> analysis.Kept:
    return analysis.Kept(arrays["hashes"], analysis.Terms(arrays["indptr"], arrays["codes"], arrays["counts"]))


def analyse(text: str) -> dict[str, analysis.Terms]:
    """One text in every view, and the lead of a longer one."""
    analysed = {view: analyser([text]) for view, analyser in analysis.VIEWS.items()}
    if len(text) > analysis.LEAD:
        lead = [analysis.lead_of(text)]
        analysed |= {analysis.LEADS[view]: analyser(lead) for view, analyser in analysis.VIEWS.items()}
    return analysed


def joined(columns: Mapping[str, Sequence[str]], row: int, *, lead: int = 1) -> str:
    """The texts of one row as one, its first column (the title) `lead` times: what is in the title counts more."""
    texts = [column[row] for column in columns.values()]
    return "\n".join([*texts[:1] * (lead - 1), *texts]).strip()


def rows_of(columns: Mapping[str, Sequence[str]], n: int) -> list[str]:
    """The joined text of each of n rows."""
    return ["\n".join(texts).strip() for texts in zip(*columns.values(), strict=True)] if columns else [""] * n


def nearest(scores: NDArray[np.floating[Any]], most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows of the `most` highest positive scores, in no order."""
    positive = (scores > 0).nonzero()[0]
    if len(positive) <= most:
        return positive
    return positive[greatest(scores[positive], most)] if most else positive[:0]


def greatest(scores: NDArray[np.floating[Any]], number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows of the greatest of more scores than their number, 1 at least, in no order; no score is NaN."""
    return scores.argpartition(len(scores) - number)[-number:]
