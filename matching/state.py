"""Everything that answers of one revision read: projection, mask, indexes, models, what was learned from use."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from graph.projection import Projection
from matching.candidates.analysis import Codes
from matching.candidates.encoded import Encodings
from matching.candidates.evidence import Evidence
from matching.candidates.factors import Factors
from matching.candidates.texts import TextIndex
from matching.constraints import Constraints
from matching.explanation.wording import LANGUAGES, Wording
from matching.feedback.exposure import Policy
from matching.feedback.use import Learned, Use, path_of
from matching.kinds import MatchKind, MatchKinds
from matching.masking import Mask
from matching.ranking.features import Features
from matching.ranking.model import Model, StaleModelError

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Prepared:
    """One match kind, ready to answer."""

    evidence: Evidence
    features: Features
    constraints: Constraints
    model: Model
    use: Use | None
    """What was learned from use; None where nothing was."""
    rests_on: tuple[str, ...]
    """What it was made of: while that is the same, it is good for a newer state too."""

    def with_factors(self, factors: Factors | None) -> Prepared:
        """The same with factors of past outcomes; itself where there are none."""
        if factors is None:
            return self
        evidence = self.evidence.with_factors(factors)
        return replace(self, evidence=evidence, features=Features(evidence))

    @cached_property
    def wordings(self) -> Mapping[str, Wording]:
        """Language → what its explanations call things."""
        kind, catalogue = self.evidence.kind, self.evidence.projection.catalogue
        return {language: Wording(kind, catalogue, language) for language in LANGUAGES}


class State:
    """Everything that answers of one revision read; immutable and shared."""

    def __init__(
        self, projection: Projection, mask: Mask, indexes: Mapping[str, TextIndex], encodings: Encodings,
        models: Path | None, policy: Policy | None = None,
    ) -> None:  # fmt: skip
        self.projection, self.mask, self.indexes, self.models = projection, mask, dict(indexes), models
        self.encodings, self.policy = encodings, policy or Policy()
        self.asked: set[str] = set()
        """Match kinds that were asked for, of this state and of those before it."""
        self._prepared: dict[str, Prepared] = {}
        self._ties: dict[str, NDArray[np.int64]] = {}

    @cached_property
    def kinds(self) -> MatchKinds:
        """The match kinds of the projection's catalogue."""
        return MatchKinds.of(self.projection.catalogue)

    @property
    def hashes(self) -> list[Codes]:
        """Of the texts of each kind, by which their vectors are kept."""
        return [index.kept["words"].hashes for index in self.indexes.values()]

    def prepared(self, name: str) -> Prepared:
        """A match kind with its evidence, features, constraints and model; made on first use."""
        if name not in self._prepared:
            kind = self.kinds[name]
            rests_on = self._rests_on(kind)
            evidence = Evidence(kind, self.projection, self.mask, self.indexes, self.encodings)
            features = Features(evidence)
            constraints = Constraints(kind, self.projection, self.mask)
            model = self._model(kind, features)
            use = self._use(kind, model)
            prepared = Prepared(evidence, features, constraints, model, use, rests_on)
            self._prepared[name] = prepared.with_factors(model.factors)
        return self._prepared[name]

    def warm(self, previous: State | None = None, *, only: Collection[str] | None = None) -> None:
        """Prepare every match kind, or `only` some, taking from `previous` what rests on the same data."""
        known = previous._prepared if previous is not None else {}
        for name, kind in self.kinds.items():
            if name in self._prepared or (only is not None and name not in only):
                continue
            if name in known and known[name].rests_on == self._rests_on(kind):
                self._prepared[name] = known[name]
            else:
                self.prepared(name)
            if previous is not None and self._has_ids_of(previous, kind.candidate):
                self._ties.setdefault(kind.candidate, previous.tie_break(kind.candidate))
            self.tie_break(kind.candidate)

    def _has_ids_of(self, previous: State, kind: str) -> bool:
        """Whether the entities of a kind are the same, under the same key."""
        mine, theirs = self.projection.table(kind).ids, previous.projection.table(kind).ids
        same_key = hmac.compare_digest(self.mask.keys.tie, previous.mask.keys.tie)
        return same_key and np.array_equal(mine.offsets, theirs.offsets) and np.array_equal(mine.blob, theirs.blob)

    def _rests_on(self, kind: MatchKind) -> tuple[str, ...]:
        files = (self.models / f"{kind.name}.json", path_of(self.models, kind.name)) if self.models else ()
        changed = [str(file.stat().st_mtime_ns) if file.exists() else "" for file in files]
        mask, encoded = self.mask, sorted(self.encodings.names.values())
        return (self.projection.fingerprint, mask.epoch, str(mask.k), *changed, *encoded)

    def tie_break(self, kind: str) -> NDArray[np.int64]:
        """A keyed place for each row of a kind: orders equal scores, telling nothing of ids or insertion."""
        if kind not in self._ties:
            ids, key = self.projection.table(kind).ids, self.mask.keys.tie
            hashes = [hashlib.blake2b(name.encode(), key=key, digest_size=8).digest() for name in ids]
            self._ties[kind] = np.argsort(np.argsort(np.array(hashes, "S8"), kind="stable"), kind="stable")
        return self._ties[kind]

    def saved_model(self, name: str) -> Model:
        """The model of a match kind as it was saved, else its prior; StaleModelError where that cannot be read."""
        return self._opened_model(self.kinds[name], self.prepared(name).features)

    def _opened_model(self, kind: MatchKind, features: Features) -> Model:
        path = self.models / f"{kind.name}.json" if self.models else None
        return Model.prior(features) if path is None or not path.exists() else Model.open(path, features)

    def _model(self, kind: MatchKind, features: Features) -> Model:
        try:
            return self._opened_model(kind, features)
        except StaleModelError as error:
            log.warning("model_refused", match_kind=kind.name, reason=str(error))
            return Model.prior(features)

    def _use(self, kind: MatchKind, model: Model) -> Use | None:
        path = path_of(self.models, kind.name) if self.models else None
        if path is None or not path.exists():
            return None
        try:
            learned = Learned.open(path)
        except StaleModelError as error:
            log.warning("use_refused", match_kind=kind.name, reason=str(error))
            return None
        return Use.of(learned, self.projection.table(kind.candidate), model, self.policy, self.mask.epoch)
