"""Why a candidate is where it is: exact shares of its score, the terms it shares with the need, and through what.

Toward a counterpart shares are bands and a term is named only if at least k candidates carry it; brokers and
operators see exact shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.projection import spans
from matching.candidates import analysis
from matching.candidates.evidence import Asked, Documents, Evidence, Reading, Rows

Floats = NDArray[np.float64]

MOST_TERMS = 6
TRIED = 32
"""Heaviest words of a need that are looked for in a document."""
SHARE_BANDS = ((0.4, "most"), (0.15, "much"), (0.03, "some"))
"""Least part of all that speaks for a candidate, and the word for it."""


def contributions(names: Sequence[str], shares: Floats, *, exact: bool) -> list[dict[str, Any]]:
    """One pair's shares, largest first: exact numbers that add up to score - intercept, or bands of the part for it."""
    said = [(name, share) for name, share in zip(names, shares.tolist(), strict=True) if share]
    ordered = sorted(said, key=lambda pair: (-abs(pair[1]), pair[0]))
    if exact:
        return [{"feature": name, "share": share} for name, share in ordered]
    total = sum(share for _, share in ordered if share > 0) or 1.0
    banded = []
    for name, share in ordered:
        band = next((word for bound, word in SHARE_BANDS if share / total >= bound), None)
        if band:
            banded.append({"feature": name, "share": band})
    return banded


def shared_terms(evidence: Evidence, asked: Asked, read: Reading, rows: Rows, k: int) -> list[dict[str, Any]]:
    """For each row: the heaviest words shared with its best document, and the kind of that document."""
    best = [_best_documents(source, scores.lexical, rows)
            for source, scores in zip(evidence.documents, read.documents, strict=True)]  # fmt: skip
    if not best:
        return [{} for _ in rows]
    through = np.argmax(np.stack([score for _, score in best]), axis=0)
    words = _spelled(asked.text)
    found: list[dict[str, Any]] = [{} for _ in rows]
    for at, source in enumerate(evidence.documents):
        here = np.flatnonzero(through == at)
        if len(here) == 0:
            continue
        query = read.documents[at].query.words
        heaviest = np.argsort(-query.weights, kind="stable")
        named = heaviest[source.commonly_carried(query.terms[heaviest], k)][:TRIED]
        spelled = [words[code] for code in query.codes[named].tolist()]
        carried = _carried(source, query.codes[named], best[at][0][here])
        for row, hits in zip(here.tolist(), carried, strict=True):
            terms = [spelled[hit] for hit in np.flatnonzero(hits)[:MOST_TERMS].tolist()]
            found[row] = {"terms": terms, "through": source.kind} if terms else {}
    return found


def _spelled(text: str) -> dict[int, str]:
    """Term code → the word as the text first has it."""
    return {analysis.word_code(word): word for word in reversed(analysis.words_of(text))}


def _best_documents(source: Documents, scores: NDArray[np.float32], rows: Rows) -> tuple[Rows, Floats]:
    """(best document, its score) of each candidate row; score -1 for one without documents of this kind."""
    lengths, places = spans(source.of.indptr, rows)
    mine = source.of.indices[places]
    owner = np.repeat(np.arange(len(rows)), lengths)
    order = np.lexsort((-scores[mine], owner))
    document = np.zeros(len(rows), np.int64)
    value = np.full(len(rows), -1.0)
    has = np.flatnonzero(lengths)
    best = order[(np.cumsum(lengths) - lengths)[has]]
    document[has], value[has] = mine[best], scores[mine[best]]
    return document, value


def _carried(source: Documents, words: analysis.Codes, documents: Rows) -> NDArray[np.bool_]:
    """Documents × words: whether the document has the word."""
    terms = source.texts.kept["words"].terms
    lengths, places = spans(terms.indptr, documents)
    at, word = np.nonzero(terms.codes[places][:, None] == words)
    carried = np.zeros((len(documents), len(words)), bool)
    carried[np.repeat(np.arange(len(documents)), lengths)[at], word] = True
    return carried
