"""Projection → mask → text indexes on disk, and opening them: what one answer reads, all of one revision."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import orjson
import structlog

from graph.errors import ProjectionError
from graph.projection import Projection, open_projection
from matching.candidates import analysis
from matching.candidates.evidence import Evidence
from matching.candidates.texts import TextIndex, rows_of
from matching.constraints import Constraints
from matching.kinds import MatchKind, MatchKinds
from matching.masking import Mask
from matching.model import Model, StaleModelError
from matching.ranking.features import Features

FORMAT = 1
log = structlog.get_logger(__name__)

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Prepared:
    """One match kind, ready to answer."""

    evidence: Evidence
    features: Features
    constraints: Constraints
    model: Model


class State:
    """Everything that answers of one revision read; immutable and shared."""

    def __init__(self, projection: Projection, mask: Mask, indexes: Mapping[str, TextIndex], models: Path | None) -> None:
        self.projection, self.mask, self.indexes, self.models = projection, mask, dict(indexes), models
        self._prepared: dict[str, Prepared] = {}

    @cached_property
    def kinds(self) -> MatchKinds:
        """The match kinds of the projection's catalogue."""
        return MatchKinds.of(self.projection.catalogue)

    def prepared(self, name: str) -> Prepared:
        """A match kind with its evidence, features, constraints and model; made on first use."""
        if name not in self._prepared:
            kind = self.kinds[name]
            evidence = Evidence(kind, self.projection, self.mask, self.indexes)
            features = Features(evidence)
            self._prepared[name] = Prepared(
                evidence, features, Constraints(kind, self.projection, self.mask), self._model(kind, features)
            )
        return self._prepared[name]

    def _model(self, kind: MatchKind, features: Features) -> Model:
        path = self.models / f"{kind.name}.json" if self.models else None
        if path is None or not path.exists():
            return Model.prior(features)
        try:
            return Model.open(path, features)
        except StaleModelError as error:
            log.warning("model_refused", match_kind=kind.name, reason=str(error))
            return Model.prior(features)


def indexed_kinds(kinds: MatchKinds, projection: Projection) -> list[str]:
    """Entity kinds whose texts speak for candidates: the candidates themselves and their documents."""
    names: dict[str, None] = {}
    for kind in kinds.values():
        names[kind.candidate] = None
        for path in kind.documents:
            names.update(dict.fromkeys(projection.catalogue.end_kinds(kind.candidate, path)))
    return list(names)


def build(
    projection_folder: Path, folder: Path, secret: bytes, *, k: int, epoch: str, progress: Progress | None = None
) -> State:
    """Bring mask and indexes in `folder` up to the current projection and switch to them; what is unchanged stays.

    Raises ProjectionError when there is no projection.
    """
    projection = open_projection(projection_folder)
    say = progress or (lambda stage, done: None)
    say("mask", 0)
    mask = Mask.build(projection, folder / "mask", k=k, epoch=epoch, secret=secret, previous=_previous_mask(folder, secret))
    indexes, keys = {}, {}
    for kind in indexed_kinds(MatchKinds.of(projection.catalogue), projection):
        columns = mask.texts(kind)
        if not columns:
            continue
        texts = rows_of(columns, projection.table(kind).n)
        say(f"index {kind}", len(texts))
        keys[kind] = _key(texts)
        indexes[kind] = _indexed(folder / "index" / f"{kind}-{keys[kind]}", texts)
    manifest = {"format": FORMAT, "revision": projection.revision, "fingerprint": projection.fingerprint, "indexes": keys}
    _switch(folder, orjson.dumps(manifest))
    _sweep(folder / "index", {f"{kind}-{key}" for kind, key in keys.items()})
    return State(projection, mask, indexes, folder / "models")
