"""The text of one kind, indexed in every view; kept on disk under a key of its content, so that nothing is redone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.candidates import analysis
from matching.candidates.lexical import Floats, LexicalIndex, Query, mapped
from matching.candidates.semantic import SemanticIndex


class TextQuery(NamedTuple):
    """One text as a query in every view of one kind's index."""

    words: Query
    chars: Query
    vector: Floats


class TextScores(NamedTuple):
    """Scores of a query over every document of a kind; `semantic` is computed for the rows asked."""

    words: Floats
    chars: Floats


@dataclass(frozen=True)
class TextIndex:
    """The indexes of one kind's texts."""

    words: LexicalIndex
    chars: LexicalIndex
    semantic: SemanticIndex
    carried: analysis.Terms
    """The words of each document."""

    @property
    def n(self) -> int:
        """Documents."""
        return self.words.n

    @classmethod
    def build(cls, texts: Sequence[str], previous: Path | None = None) -> tuple[TextIndex, dict[str, analysis.Kept]]:
        """The index of texts, one a row, and their terms; what an index in `previous` analysed is not redone."""
        hashes = analysis.hashes_of(texts)
        kept: dict[str, analysis.Kept] = {}
        for view, analyser in analysis.VIEWS.items():
            place = previous / f"{view}-terms" if previous else None
            before = _kept_in(place) if place and place.exists() else None
            kept[view] = analysis.Kept(hashes, analysis.reused(texts, analyser, hashes, before))
        words, chars = (LexicalIndex.build(kept[view].terms) for view in ("words", "chars"))
        return cls(words, chars, SemanticIndex.build(chars), kept["words"].terms), kept

    def query(self, analysed: Mapping[str, analysis.Terms]) -> TextQuery:
        """A text analysed by `analyse` as a query of this index."""
        chars = self.chars.query(analysed["chars"])
        return TextQuery(self.words.query(analysed["words"]), chars, self.semantic.query(chars))

    def scores(self, query: TextQuery) -> TextScores:
        """Lexical cosines over all documents."""
        return TextScores(self.words.scores(query.words), self.chars.scores(query.chars))

    def save(self, folder: Path, kept: Mapping[str, analysis.Kept]) -> None:
        """Write the index and the analysed terms into `folder`, whole or not at all."""
        scratch = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        shutil.rmtree(scratch, ignore_errors=True)
        for name in ("words", "chars", "semantic"):
            getattr(self, name).save(scratch / name)
        for view, terms in kept.items():
            (scratch / f"{view}-terms").mkdir()
            for name, array in {"hashes": terms.hashes, **terms.terms._asdict()}.items():
                np.save(scratch / f"{view}-terms" / f"{name}.npy", array, allow_pickle=False)
        try:
            scratch.rename(folder)
        except OSError:  # another process was faster with the same content
            shutil.rmtree(scratch)

    @classmethod
    def open(cls, folder: Path) -> TextIndex:
        """The index saved in `folder`, memory-mapped."""
        return cls(
            LexicalIndex.open(folder / "words"),
            LexicalIndex.open(folder / "chars"),
            SemanticIndex.open(folder / "semantic"),
            _kept_in(folder / "words-terms").terms,
        )


def _kept_in(folder: Path) -> analysis.Kept:
    hashes, *terms = (mapped(folder / f"{name}.npy") for name in ("hashes", "indptr", "codes", "counts"))
    return analysis.Kept(hashes, analysis.Terms(*terms))


def analyse(text: str) -> dict[str, analysis.Terms]:
    """One text in every view."""
    return {view: analyser([text]) for view, analyser in analysis.VIEWS.items()}


def joined(columns: Mapping[str, Sequence[str]], row: int, *, lead: int = 1) -> str:
    """The texts of one row as one, its first column (the title) `lead` times: what is in the title counts more."""
    texts = [column[row] for column in columns.values()]
    return "\n".join([*texts[:1] * (lead - 1), *texts]).strip()


def rows_of(columns: Mapping[str, Sequence[str]], n: int) -> list[str]:
    """The joined text of each of n rows."""
    return ["\n".join(texts).strip() for texts in zip(*columns.values(), strict=True)] if columns else [""] * n


def nearest(scores: NDArray[np.floating[Any]], most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows of the `most` highest positive scores, in no order."""
    positive = np.flatnonzero(scores > 0)
    if len(positive) <= most:
        return positive
    return positive[np.argpartition(-scores[positive], most)[:most]]
