"""What was learned for one match kind: a ranker, bands and probability of its scores, what it was learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import QianxianError
from graph.files import replace
from matching.ranking.additive import LinearPrior, Ranker, ranker_from
from matching.ranking.calibration import Calibration
from matching.ranking.features import Features

BANDS = ("strong", "good", "fair", "weak")
"""Bands of a score, best first; `weak` is everything below the last bound."""

PRIOR_BOUNDS = (5.0, 3.5, 2.0)
"""Bounds of a prior's score before any outcome tells better ones."""

FORMAT = 3


def bands_of(score: NDArray[np.float64], bounds: Sequence[float]) -> NDArray[np.int64]:
    """Place in BANDS of each of n scores; `bounds` are the least scores of all bands but the last, falling."""
    return np.searchsorted(-np.asarray(bounds), -score, side="left")


class StaleModelError(QianxianError):
    """A model was learned for other features than the kind has now."""

    code = "stale-model"


@dataclass(frozen=True)
class Model:
    """A ranker with the bounds of its bands."""

    ranker: Ranker
    bounds: tuple[float, float, float]
    """Least score of strong, good and fair."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """How it was learned and measured."""
    calibration: Calibration | None = None
    """From a score to a probability; None where there was too little to measure one."""

    @classmethod
    def prior(cls, features: Features) -> Model:
        """The documented prior of a match kind."""
        return cls(LinearPrior(features.prior), PRIOR_BOUNDS, {"learned_from": "nothing: documented prior"})

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """N scores of n × m features."""
        return np.asarray(self.ranker.intercept + self.ranker.shares(x).sum(axis=1))

    def probability(self, score: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """N probabilities that the pairs of n scores are outcomes; None where nothing tells.

        That is: among the candidates that the retrievers find for a subject of the graph.
        """
        return None if self.calibration is None else self.calibration.probability(score)

    def save(self, path: Path) -> None:
        """Write as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        calibration = self.calibration.to_dict() if self.calibration is not None else None
        body = {
            "format": FORMAT, "ranker": self.ranker.to_dict(), "bounds": self.bounds, "calibration": calibration,
            "about": dict(self.about),
        }  # fmt: skip
        replace(path, orjson.dumps(body, option=orjson.OPT_INDENT_2))

    @classmethod
    def open(cls, path: Path, features: Features) -> Model:
        """The saved model; StaleModelError when it is damaged, or of other features or another format."""
        try:
            return cls._read(orjson.loads(path.read_bytes()), path, features)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise StaleModelError(f"{path.name} is damaged ({error}); run `qianxian train` again") from error

    @classmethod
    def _read(cls, body: dict[str, Any], path: Path, features: Features) -> Model:
        if body.get("format") != FORMAT:
            raise StaleModelError(f"{path.name}: model format {body.get('format')!r}, this version reads {FORMAT}")
        ranker = ranker_from(body["ranker"])
        if ranker.features != features.names:
            raise StaleModelError(f"{path.name}: learned for other features; run `qianxian train` again")
        strong, good, fair = body["bounds"]
        calibration = body.get("calibration")
        return cls(
            ranker, (strong, good, fair), body["about"], Calibration.from_dict(calibration) if calibration else None
        )
