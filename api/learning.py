"""Graph and casework → matching: what is learned from past outcomes and from use, and who was shown how often."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from api import logs
from api.bootstrap import open_built
from api.casework import Casework
from api.casework.feedback import FeedbackLog, parties, reactions
from api.casework.impressions import Impressions
from api.casework.keys import list_keys
from api.settings import Settings
from graph.errors import ProjectionError, UnknownNameError
from graph.processes import in_processes
from graph.progress import Progress, silent
from graph.projection import Projection
from matching.feedback.exposure import GroupExposure, by_group, gini
from matching.feedback.learning import Impression, examination
from matching.feedback.use import Learned, path_of
from matching.state import State
from matching.training.train import train, train_use

SIZE = "size"
"""Groups by the size of the house: small and large."""
HOUSES = (">employed_by", "<owns", "<posted")
"""Paths from a candidate to the institution or enterprise that it belongs to."""


MANY_RECORDS = 50_000
"""Records in the graph from which on match kinds are learned in several processes, which take a while to start."""


def learn_from_outcomes(
    settings: Settings, match_kinds: Iterable[str], processes: int = 1, progress: Progress = silent
) -> dict[str, dict[str, Any]]:
    """Learn and save the models of match kinds with an outcome relation; what is known of each, by name.

    Of a large graph several kinds at a time, each process with a state of its own.
    """
    state = open_built(settings)
    names = [name for name in dict.fromkeys(match_kinds) if state.kinds[name].outcome]
    records = sum(state.projection.table(kind).n for kind in state.projection.catalogue.entities)
    processes = min(processes, len(names))
    if records < MANY_RECORDS or processes < 2:
        return {name: dict(model.about) for name, model in train(state, names, progress).items()}
    del state

    def calls() -> Iterator[tuple[Settings, str]]:
        for name in names:
            progress(f"train {name}", 0)
            yield settings, name

    about: dict[str, dict[str, Any]] = {}
    for learned in in_processes(_learned_alone, calls(), processes):
        about |= learned
    return {name: about[name] for name in names if name in about}


def _learned_alone(settings: Settings, name: str) -> dict[str, dict[str, Any]]:
    """The same of one match kind, in a process that does nothing else."""
    logs.configure(settings.log_level)
    try:
        state = open_built(settings)
    except ProjectionError:  # a service switched to what it had built just while this was opened
        state = open_built(settings)
    return {name: dict(model.about) for name, model in train(state, [name]).items()}


def learn_from_use(
    casework: Casework, state: State, match_kinds: Iterable[str], progress: Progress = silent
) -> dict[str, Learned]:
    """Learn and save what the candidates of each match kind earn by use; of kinds without feedback nothing stays saved.

    What is older than a year is removed first.
    """
    Impressions(casework).forget(time.time())
    party = parties(list_keys(casework))
    learned = {}
    for name in match_kinds:
        progress(f"feedback {name}", 0)
        if (one := _learned(casework, state, name, party)) is not None:
            learned[name] = one
    return learned


def _learned(casework: Casework, state: State, match_kind: str, party: Mapping[str, str]) -> Learned | None:
    """What is learned of one match kind; None, and nothing saved, without feedback."""
    impressions, log = Impressions(casework), FeedbackLog(casework)
    seen = [
        Impression(party.get(key, key), about, shown.first, shown.candidates, shown.scores)
        for key, about, shown in impressions.answered(match_kind)
    ]
    if not seen:
        if state.models is not None:
            path_of(state.models, match_kind).unlink(missing_ok=True)
        return None
    counts = impressions.counts(match_kind, state.mask.epoch)
    return train_use(state, match_kind, seen, list(reactions(log.entries(match_kind=match_kind), party)), counts)


@dataclass(frozen=True)
class ExposureReport:
    """Who was shown how often in this epoch."""

    match_kind: str
    by: str
    impressions: int
    gini: float
    """Over all candidates."""
    groups: tuple[GroupExposure, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**vars(self), "groups": [group.to_dict() for group in self.groups]}


def exposure_report(casework: Casework, state: State, match_kind: str, by: str = SIZE) -> ExposureReport:
    """The exposure of groups of candidates; UnknownNameError where `by` is neither `size` nor a visible field."""
    kind = state.kinds[match_kind].candidate
    groups = _groups(state, kind, by)
    table = state.projection.table(kind)
    row_of = cache(table.find)
    tallies = (np.zeros(table.n), np.zeros(table.n), np.zeros(table.n))
    for shown in Impressions(casework).of_epoch(match_kind, state.mask.epoch):
        rows = np.array([row_of(id) for id in shown.candidates], np.int64)
        odds = np.exp(np.array(shown.scores) - max(shown.scores))
        worth = (np.ones(len(rows)), examination(shown.first + np.arange(len(rows))), odds / odds.sum())
        for tally, values in zip(tallies, worth, strict=True):
            np.add.at(tally, rows[rows >= 0], values[rows >= 0])
    total = int(tallies[0].sum())
    return ExposureReport(match_kind, by, total, gini(tallies[0]), by_group(groups, tallies))


def _groups(state: State, kind: str, by: str) -> list[str]:
    """The group of every candidate."""
    visible = state.mask.visible(kind)
    if by == SIZE:
        size = visible.numbers(SIZE) if SIZE in visible.figures else _house_sizes(state.projection, kind)
        middle = np.nanmedian(size) if np.isfinite(size).any() else np.nan
        return ["large" if one > middle else "small" if one <= middle else "unknown" for one in size.tolist()]
    if by not in visible.fields:
        raise UnknownNameError("group", by, [SIZE, *visible.fields], field="by")
    labels = visible.labels(by)
    return ["、".join(labels.of(row)) or "unknown" for row in range(visible.n)]


def _house_sizes(projection: Projection, kind: str) -> NDArray[np.float64]:
    """Candidates of the largest institution or enterprise that each belongs to; NaN for one without."""
    n = projection.table(kind).n
    sizes = np.full(n, np.nan)
    for path in HOUSES:
        relation = projection.catalogue.relations.get(path[1:])
        if relation is None or kind not in (relation.sources if path[0] == ">" else relation.targets):
            continue
        for end in projection.catalogue.end_kinds(kind, path):
            of = sp.csr_array(projection.path_matrix(kind, path, end))
            members = np.asarray(of.sum(axis=0)).ravel()
            candidate = np.repeat(np.arange(n), np.diff(of.indptr))
            np.fmax.at(sizes, candidate, members[of.indices])
    return sizes
