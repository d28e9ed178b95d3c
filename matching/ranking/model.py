"""What was learned for one match kind: a ranker, bands and probability of its scores, what it was learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import ProjectionError, QianxianError
from graph.files import replace
from graph.projection import Strings
from matching.candidates.factors import Factors
from matching.ranking.additive import LinearPrior, Ranker, ranker_from
from matching.ranking.calibration import Calibration
from matching.ranking.features import Features

BANDS = ("strong", "good", "fair", "weak")
"""Bands of a score, best first; `weak` is everything below the last bound."""

PRIOR_BOUNDS = (5.0, 3.5, 2.0)
"""Bounds of a prior's score before any outcome tells better ones."""

FORMAT = 4
FACTORS = ".factors"
"""Ends the name of a file of factors."""


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
    factors: Factors | None = None
    """Of past outcomes, where a feature reads them."""

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

    def save(self, path: Path, ids: tuple[Strings, Strings] | None = None) -> None:
        """Write as JSON, whole or not at all, and beside it the factors of the subjects and candidates with the ids."""
        path.parent.mkdir(parents=True, exist_ok=True)
        before = set(path.parent.glob(f"{path.stem}.*{FACTORS}"))
        factors = None
        if self.factors is not None and ids is not None:
            factors = path.with_suffix(f".{self.factors.digest}{FACTORS}")
            self.factors.save(factors, ids)
        calibration = self.calibration.to_dict() if self.calibration is not None else None
        body = {
            "format": FORMAT, "ranker": self.ranker.to_dict(), "bounds": self.bounds, "calibration": calibration,
            "factors": factors.name if factors is not None else None, "about": dict(self.about),
        }  # fmt: skip
        replace(path, orjson.dumps(body, option=orjson.OPT_INDENT_2))
        for old in before - {factors}:
            old.unlink(missing_ok=True)

    @classmethod
    def open(cls, path: Path, features: Features) -> Model:
        """The saved model; StaleModelError when it is damaged, or of other features or another format."""
        try:
            return cls._read(orjson.loads(path.read_bytes()), path, features)
        except ProjectionError as error:
            raise StaleModelError(f"{path.name}: {error}; run `qianxian train` again") from error
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
        factors = Factors.open(path.with_name(body["factors"]), features.evidence.ids) if body["factors"] else None
        told = Calibration.from_dict(calibration) if calibration else None
        return cls(ranker, (strong, good, fair), body["about"], told, factors)
