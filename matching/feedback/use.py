"""What was learned from use for one match kind: a file beside its model, and the columns that the pipeline adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.files import replace
from graph.projection import EntityTable
from matching.feedback.exposure import FRESH, Policy, lost
from matching.feedback.learning import MOST
from matching.ranking.model import Model, StaleModelError

Floats = NDArray[np.float64]

FORMAT = 1


def path_of(models: Path, kind: str) -> Path:
    """Where a match kind's file lies."""
    return models / f"{kind}.use.json"


def band_width(model: Model) -> float:
    """Width of a band of the model: the unit in which what was learned from use holds for every model."""
    strong, _, fair = model.bounds
    return (strong - fair) / 2 or 1.0


@dataclass(frozen=True)
class Learned:
    """What `qianxian train` learned from use."""

    shares: Mapping[str, float]
    """Candidate → what feedback adds to its score, in widths of a band."""
    shown: Mapping[str, int]
    """Candidate → impressions in the epoch that `about` names."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What it was learned from."""

    def save(self, path: Path) -> None:
        """Write as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, orjson.dumps({"format": FORMAT, **vars(self)}))

    @classmethod
    def open(cls, path: Path) -> Learned:
        """The saved one; StaleModelError when it is damaged or of another format."""
        try:
            body = orjson.loads(path.read_bytes())
            if body["format"] != FORMAT:
                raise StaleModelError(f"{path.name}: format {body['format']!r}, this version reads {FORMAT}")
            shares = {name: float(share) for name, share in body["shares"].items()}
            shown = {name: int(count) for name, count in body["shown"].items()}
            if not all(abs(share) <= MOST for share in shares.values()) or min(shown.values(), default=0) < 0:
                raise StaleModelError(f"{path.name} is damaged: a share or a count is out of bounds")
            return cls(shares, shown, dict(body["about"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise StaleModelError(f"{path.name} is damaged ({error}); run `qianxian train` again") from error


@dataclass(frozen=True)
class Use:
    """What was learned, as columns over the candidates of one projection."""

    names: tuple[str, ...]
    """What it adds to a score: `feedback` and, under a cap, `exposure`."""
    shares: Floats
    """Candidates × names, in the unit of the model's score."""
    fresh: NDArray[np.bool_]
    """Candidates that were hardly shown yet."""
    explore: float
    """Share of the places that they get."""

    @classmethod
    def of(cls, learned: Learned, table: EntityTable, model: Model, policy: Policy, epoch: str) -> Use:
        """Impressions of an earlier epoch are not held against anyone."""
        feedback, shown = np.zeros(table.n), np.zeros(table.n)
        for column, values in ((feedback, learned.shares), (shown, learned.shown)):
            if column is shown and learned.about.get("epoch") != epoch:
                continue
            for name, value in values.items():
                if (row := table.find(name)) >= 0:
                    column[row] += value
        feedback, shown = feedback.clip(-MOST, MOST), shown / (shown.mean() or 1.0)  # duplicates merged since add up
        columns = {"feedback": feedback} | ({"exposure": -lost(shown, policy.cap)} if policy.cap is not None else {})
        return cls(
            tuple(columns), band_width(model) * np.column_stack(list(columns.values())), shown < FRESH, policy.explore
        )
