"""Constraints: who may not be answered, whatever the score — pool rules, conflicts of interest, past partners."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from graph.projection import Projection
from matching.candidates.asked import QUESTIONS_KEPT, Asked, Rows
from matching.kinds import MatchKind
from matching.masking import Mask

Kept = NDArray[np.bool_]


class Constraints:
    """The constraints of one match kind.

    The exclusion of conflicts is a declared release: who is missing from an answer may depend on relations that the
    viewer does not see, and on nothing else hidden.
    """

    def __init__(self, kind: MatchKind, projection: Projection, mask: Mask) -> None:
        self.kind, self.projection, self.mask = kind, projection, mask
        self._excluded = lru_cache(QUESTIONS_KEPT)(partial(_reached, kind, projection))
        """Candidates that a subject row must not be answered with, as they are asked for."""

    def kept(self, asked: Asked, rows: Rows) -> Kept:
        """Which candidate rows may be answered."""
        kept = self.pool(asked, rows)
        if asked.row is None:
            return kept
        kept &= ~np.isin(rows, self._excluded(asked.row))
        if self.kind.subject == self.kind.candidate:
            kept &= rows != asked.row
        return kept

    def pool(self, asked: Asked, rows: Rows) -> Kept:
        """Which candidate rows compete at all: equal and different fields as declared, over visible values."""
        kept = np.ones(len(rows), bool)
        if asked.row is None:
            return kept
        for names, wanted in ((self.kind.pool.same, True), (self.kind.pool.differs, False)):
            for name in names:
                mine = self.mask.visible(self.kind.subject).labels(name).of(asked.row)
                labels = self.mask.visible(self.kind.candidate).labels(name)
                kept &= np.array([(labels.of(int(row)) == mine) is wanted for row in rows], bool)
        return kept


def _reached(kind: MatchKind, projection: Projection, subject: int) -> Rows:
    paths = [conflict.path for conflict in kind.conflicts]
    if kind.outcome is not None:
        paths.append(kind.outcome)
    found = [projection.walk(kind.subject, [subject], path).get(kind.candidate) for path in paths]
    return np.concatenate([np.empty(0, np.int64), *(rows for rows in found if rows is not None)])
