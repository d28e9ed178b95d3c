"""The architecture in one file: a question goes through retrieve → score → constrain → mask and becomes an answer.

Masking is the last stage of `PIPELINE` and the only one that makes an answer, so no way leads around it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import InputError, NotFoundError, UnknownNameError
from graph.projection import spans
from graph.records import EntityKey
from matching.candidates.asked import Asked, Rows
from matching.candidates.evidence import Reading
from matching.candidates.retrieve import DEPTH, retrieve as retrieved
from matching.explanation.coverage import team
from matching.explanation.reasons import Explanation, Page, Ranked, explanations, explanations_together
from matching.explanation.verdict import VERDICTS, Verdict, at_most, is_better, told, verdict_of
from matching.feedback.exposure import swaps
from matching.feedback.use import band_width
from matching.masking import Aliases, Viewer, grouped, joined
from matching.question import Answer, Match, Question, Shown, checked
from matching.ranking.model import BANDS, bands_of
from matching.state import Prepared, State

MOST_LISTED = 20
"""Most valid values that an error lists."""
LOOKED_AT = 20
"""Places from the first on that a verdict looks at, and candidates of a band that explain it toward the blind."""


@dataclass
class Run:
    """One question on its way; each stage fills in what the next one reads."""

    state: State
    prepared: Prepared
    question: Question
    viewer: Viewer
    asked: Asked
    offset: int
    read: Reading | None = None
    rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    shares: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    score: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    names: tuple[str, ...] = ()
    """What each share of a score comes from: the features, and what was learned from use."""
    passes: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Filter → whether each candidate of `everyone` passes it."""
    usual: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    """The candidates that are found without filters."""
    everyone: Ranked = field(default_factory=lambda: Ranked(np.empty(0, np.int64), np.empty((0, 0)), np.empty(0)))
    """The usual candidates in order, before filters and exploration: what is said of an answer rests on these."""
    places: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    """Place of each row in the whole order, which a cursor counts by: an exclusion between two pages moves nobody."""
    explored: frozenset[int] = frozenset()
    """Rows that were put where they are to be seen."""
    adds: list[list[int]] | None = None
    """The parts that each row adds, where they are a team."""
    answer: Answer | None = None
    named: dict[int, str] = field(default_factory=dict)
    """Aliases by row, as far as they were asked for."""

    @cached_property
    def aliases(self) -> Aliases:
        """The names of the candidates toward the viewer."""
        kind = self.prepared.evidence.kind.candidate
        return self.state.mask.keys.aliases(self.viewer, self.question.about, kind)

    @cached_property
    def ids(self) -> Sequence[str]:
        """Of the candidate kind, by row."""
        return self.state.projection.table(self.prepared.evidence.kind.candidate).ids

    @property
    def size(self) -> int:
        """Places of this page: one more than asked would tell who comes next, so the blind get whole steps of k."""
        limit, k = self.question.limit, self.state.mask.k
        return limit if self.viewer.sees_order else -(-limit // k) * k

    @property
    def ranked(self) -> Ranked:
        """The candidates as they are now."""
        return Ranked(self.rows, self.shares, self.score)

    def take(self, places: Rows | Sequence[int]) -> None:
        """Go on with the candidates in these places, in this order."""
        at = np.asarray(places, np.int64)
        self.rows, self.shares, self.score = self.rows[at], self.shares[at], self.score[at]


def retrieve(run: Run) -> None:
    """Stage 1: the union of what the retrievers find, the same for every page; deeper where filters take some away."""
    evidence = run.prepared.evidence
    run.read = evidence.read(run.asked)
    run.rows = run.usual = retrieved(evidence, run.asked, run.read, DEPTH)
    if run.question.filters:
        run.rows = np.union1d(run.usual, retrieved(evidence, run.asked, run.read, 5 * DEPTH))


def score(run: Run) -> None:
    """Stage 2: features weighed by the model, and what was learned from use; shares add up to the score."""
    assert run.read is not None
    x = run.prepared.features.of(run.asked, run.read, run.rows)
    run.shares, run.names = run.prepared.model.ranker.shares(x), run.prepared.features.names
    if (use := run.prepared.use) is not None:
        run.shares, run.names = np.hstack([run.shares, use.shares[run.rows]]), (*run.names, *use.names)
    run.score = run.prepared.model.ranker.intercept + run.shares.sum(axis=1)


def constrain(run: Run) -> None:
    """Stage 3: leave out who may not be answered, then order; ties break by a keyed hash of the identity.

    A few places go to candidates that were hardly shown yet, within their band.
    """
    kept = run.prepared.constraints.kept(run.asked, run.rows)
    tie = run.state.tie_break(run.prepared.evidence.kind.candidate)[run.rows]
    order = np.lexsort((tie, -run.score))
    run.take(order[kept[order]])
    run.everyone = run.ranked
    if run.question.filters:
        passes, usual = _passes(run), np.isin(run.rows, run.usual)
        run.everyone, run.passes = run.ranked.where(usual), {name: passed[usual] for name, passed in passes.items()}
        run.take(np.flatnonzero(np.all(list(passes.values()), axis=0)))
    _explore(run)
    run.places = np.arange(len(run.rows))
    if run.viewer.sees_order and (run.question.exclude or run.question.dismissed):
        run.places = np.array([at for at, row in enumerate(run.rows) if _is_wanted(run, int(row))], np.int64)
        run.take(run.places)
    if run.question.cover:
        _choose_team(run)


def mask(run: Run) -> None:
    """Stage 4, always last: aliases, cards, bands and groups as the viewer may see them."""
    kind, viewer, state = run.prepared.evidence.kind, run.viewer, run.state
    first = int(np.searchsorted(run.places, run.offset))
    page = slice(first, first + run.size)
    shown = _page(run, run.ranked, page)
    bands = bands_of(shown.score, run.prepared.model.bounds)
    groups = grouped(
        shown.rows, bands, names=BANDS, k=state.mask.k, ordered=viewer.sees_order, key=lambda row: _alias(run, row)
    )
    why = _why(run, shown, groups) if run.question.explain else {}
    places = {row: at for at, row in enumerate(shown.rows.tolist())}
    visible = state.mask.visible(kind.candidate)
    shown_groups, rows = [], []
    for band, members in groups:
        members = members if viewer.sees_order else [row for row in members if _is_wanted(run, row)]
        matches = tuple(
            Match(
                alias=_alias(run, row),
                card=state.mask.card(kind.candidate, row),
                k=int(visible.floor[row]) or None,
                rank=first + places[row] + 1 if viewer.sees_order else None,
                explanation=why.get(row),
            )
            for row in members
        )
        shown_groups.append((band, matches))
        rows += members
    more = len(run.rows) > page.stop and bool(groups)
    cursor = {"token": run.question.token, "offset": int(run.places[page.stop - 1]) + 1} if more else None
    sealed = state.mask.keys.seal(viewer, cursor) if cursor else None
    about: dict[str, Any] = {}
    if run.question.explain and run.offset == 0:
        about = _about(run, shown, page)
    run.answer = Answer(tuple(shown_groups), sealed, _shown(run, first, rows, places), about)


PIPELINE = (retrieve, score, constrain, mask)
"""The stages in their order."""


def match(state: State, question: Question, viewer: Viewer) -> Answer:
    """Answer a question.

    Raises UnknownNameError for an unknown match kind or filter, InputError for a bad limit, text or cursor, and
    NotFoundError for a subject that does not exist or that the viewer may not ask for: both look the same.
    """
    checked(question, viewer)
    prepared = state.prepared(question.kind)
    state.asked.add(question.kind)
    run = Run(
        state, prepared, question, viewer, _asked(state, prepared, question, viewer), _offset(state, question, viewer)
    )
    for stage in PIPELINE:
        stage(run)
    assert run.answer is not None
    return run.answer


def _asked(state: State, prepared: Prepared, question: Question, viewer: Viewer) -> Asked:
    if question.subject is None:
        return prepared.evidence.asked_text(question.text or "")
    kind = prepared.evidence.kind.subject
    allowed = viewer.may_ask(state.projection, EntityKey(kind, question.subject))
    row = state.projection.table(kind).find(question.subject)
    if row < 0 or not allowed:
        raise NotFoundError(f"no {kind} with this id", field="subject")
    return prepared.evidence.asked(row)


def _offset(state: State, question: Question, viewer: Viewer) -> int:
    if question.cursor is None:
        return 0
    opened = state.mask.keys.unseal(viewer, question.cursor)
    if opened is None or not hmac.compare_digest(str(opened.get("token")), question.token):
        raise InputError("`cursor` belongs to another question, viewer or epoch; ask again without it", field="cursor")
    return int(opened["offset"])


def _passes(run: Run) -> dict[str, NDArray[np.bool_]]:
    """For each filter: whether a visible value of each row is the wanted one or lies within it."""
    kind, mask = run.prepared.evidence.kind.candidate, run.state.mask
    visible = mask.visible(kind)
    passes = {}
    for name, value in run.question.filters.items():
        if name not in visible.fields:
            raise UnknownNameError("filter", name, visible.fields, field="filters")
        within = mask.within(kind, name)
        places = within.places(value)
        if len(places) == 0:
            valid = ", ".join(within.valid[:MOST_LISTED]) or "none"
            raise InputError(f"no card shows {value!r} as {name}; valid values are such as {valid}", field="filters")
        labels = visible.labels(name)
        wanted = np.zeros(len(labels.vocabulary), np.int64)
        wanted[places] = 1
        lengths, shown = spans(labels.indptr, run.rows)
        owner = np.arange(len(run.rows)).repeat(lengths)
        passes[name] = np.bincount(owner, wanted[labels.codes[shown]], len(run.rows)) > 0
    return passes


def _choose_team(run: Run) -> None:
    """Go on with a team that covers the question's parts; with the best of the order where nobody covers any."""
    everyone = _page(run, run.ranked, slice(0, None))
    members = team(everyone.found, everyone.score, run.question.limit)
    run.adds = [adds for _, adds in members] or [[] for _ in run.rows[: run.question.limit]]
    run.take([at for at, _ in members] or range(len(run.adds)))


def _alias(run: Run, row: int) -> str:
    if row not in run.named:
        run.named[row] = run.aliases.of(run.ids[row])
    return run.named[row]


def _is_wanted(run: Run, row: int) -> bool:
    """Whether the viewer neither excluded nor dismissed a candidate."""
    question = run.question
    if question.dismissed and run.ids[row] in question.dismissed:
        return False
    return not question.exclude or _alias(run, row) not in question.exclude


def _explore(run: Run) -> None:
    """Swap a few places so that candidates that were hardly shown are seen."""
    use = run.prepared.use
    if use is None or use.explore == 0:
        return
    bands = bands_of(run.score, run.prepared.model.bounds)
    asked = f"{run.question.kind}\x00{run.question.about}"
    taken = swaps(
        run.state.mask.keys.tie, asked, bands, use.fresh[run.rows], max(run.offset + run.size, LOOKED_AT), use.explore
    )
    order = np.arange(len(run.rows))
    for place, later in taken.items():
        order[[place, later]] = order[[later, place]]
    run.take(order)
    run.explored = frozenset(int(row) for row in run.rows[list(taken)])


def _shown(run: Run, first: int, rows: Sequence[int], places: Mapping[int, int]) -> Shown:
    """What is remembered of the answer: `rows` in the order shown, `places` where each is on the page."""
    at = [first + places[row] for row in rows]
    features = len(run.prepared.features.names)
    base = run.prepared.model.ranker.intercept + run.shares[at, :features].sum(axis=1)
    return Shown(
        first + 1,
        tuple(map(run.ids.__getitem__, rows)),
        tuple((base / band_width(run.prepared.model)).round(3).tolist()),
        tuple(place for place, row in enumerate(rows) if row in run.explored),
    )


def _page(run: Run, ranked: Ranked, page: slice) -> Page:
    assert run.read is not None
    model = run.prepared.model
    said = run.prepared.evidence, run.asked, run.read, run.names, run.prepared.wordings, model.ranker.intercept
    probability = None
    # Calibrated on scores without what use adds.
    if run.question.explain and run.viewer.sees_order and run.asked.row is not None:
        features = ranked.shares[page, : len(run.prepared.features.names)]
        probability = model.probability(model.ranker.intercept + features.sum(axis=1))
    return Page(*said, ranked, page, run.state.mask.k, run.viewer.sees_order, probability, run.explored)


def _why(run: Run, shown: Page, groups: Sequence[tuple[str, list[int]]]) -> dict[int, Explanation]:
    """Row → why it is there; toward the blind the same for all of a group."""
    if shown.exact:
        return dict(zip(shown.rows.tolist(), explanations(shown, run.adds), strict=True))
    of = _why_of_bands(run)
    return {row: of[band] for band, members in groups for row in members if band in of}


def _why_of_bands(run: Run) -> dict[str, Explanation]:
    """Band → why its candidates are there, for the blind.

    It is said of the first candidates of the band in the whole order, so that neither `limit` nor a filter nor a cursor
    tells by what it changes which candidate the words are of. A band that joins another is explained with it.
    """
    bands = bands_of(run.everyone.score, run.prepared.model.bounds)
    groups = [(band, places[:LOOKED_AT]) for band, places in joined(bands, run.state.mask.k)]
    if not groups:
        return {}
    ends = np.cumsum([len(places) for _, places in groups])
    page = _page(run, run.everyone.where(np.concatenate([places for _, places in groups])), slice(0, None))
    why = explanations_together(page, np.split(np.arange(ends[-1]), ends[:-1]))
    of = np.searchsorted([band for band, _ in groups], np.arange(len(BANDS))).clip(max=len(groups) - 1)
    return {name: why[at] for name, at in zip(BANDS, of.tolist(), strict=True)}


def _about(run: Run, shown: Page, page: slice) -> dict[str, Any]:
    """What the first page says of the whole answer, by its first places.

    Toward the blind what is covered is the same whatever they filter, and filters are in the way where the first band
    is worse with them: by leaving cards out nobody may learn what one covers.
    """
    first = slice(0, LOOKED_AT)
    if run.viewer.sees_order:
        looked_at = shown if page == first or run.adds is not None else _page(run, run.ranked, first)
        band = _first_band(run, run.ranked)
        verdict = verdict_of(looked_at, band)
        return told(looked_at, verdict, band, _in_the_way(run, verdict, first))
    everyone = _page(run, run.everyone, first)
    before, now = _first_band(run, run.everyone), _first_band(run, run.ranked)
    verdict = verdict_of(everyone, before)
    if not run.question.filters:
        return told(everyone, verdict, before, {})
    verdict = min(verdict, at_most(now), key=VERDICTS.index)
    return told(everyone, verdict, now, run.question.filters if now > before else {})


def _first_band(run: Run, ranked: Ranked) -> int:
    """Place in BANDS of the first group of all candidates, behind the last where there is none.

    The few of the last bands, who join the group before them, make it no worse.
    """
    least = 1 if run.viewer.sees_order else run.state.mask.k
    first = bands_of(ranked.score[:least], run.prepared.model.bounds)
    return int(first.max()) if len(first) == least else len(BANDS)


def _in_the_way(run: Run, verdict: Verdict, first: slice) -> dict[str, str]:
    """The filters without which an answer were better: single ones, else all of them together."""
    found: dict[str, str] = {}
    if not run.passes or verdict == VERDICTS[-1]:
        return found
    for dropped in [*({name} for name in run.passes), set(run.passes)]:
        others = [passed for name, passed in run.passes.items() if name not in dropped]
        without = run.everyone.where(np.all(others, axis=0) if others else slice(None))
        better = verdict_of(_page(run, without, first), _first_band(run, without))
        if not found.keys() & dropped and is_better(better, verdict):
            found |= {name: run.question.filters[name] for name in dropped}
    return found
