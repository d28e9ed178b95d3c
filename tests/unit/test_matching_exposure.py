"""Exploration, the cap and the measures of exposure; and how the pipeline adds what was learned from use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matching.build import open_state
from matching.feedback.exposure import BLOCK, MOST_EXPLORED, MOST_LOST, PROTECTED, Policy, gini, lost, swaps
from matching.feedback.learning import BOUND, Event, Impression, Reaction, learn
from matching.feedback.use import Learned, band_width, path_of
from matching.masking import Role, Viewer
from matching.matcher import Matcher
from matching.pipeline import match
from matching.question import Question, Shown
from matching.state import State
from matching.training.train import train_use
from tests.privacy.worlds import SECRET, people, state_of

BROKER, OUTSIDER = Viewer("b", Role.BROKER, everything=True), Viewer("o", Role.OUTSIDER, everything=True)
KIND = "need-expert"
ASKED = Question(KIND, subject="n0", limit=20)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exposure")
    state_of(folder / "world", people(120))
    return folder / "world"


@pytest.fixture
def plain(built: Path) -> State:
    path_of(built / "matching" / "models", KIND).unlink(missing_ok=True)
    return opened(built)


def opened(built: Path, policy: Policy | None = None) -> State:
    return open_state(built / "projection", built / "matching", SECRET, policy)


def with_use(built: Path, learned: Learned, policy: Policy | None = None) -> State:
    learned.save(path_of(built / "matching" / "models", KIND))
    return opened(built, policy)


def test_what_was_learned_is_one_more_exact_share(built: Path, plain: State) -> None:
    first = match(plain, ASKED, BROKER).shown
    assert isinstance(first, Shown) and first.explored == ()
    last = first.candidates[-1]
    state = with_use(built, Learned({last: 1.0, "gone": -1.0}, {}))
    answer = match(state, Question(KIND, subject="n0", limit=20, explain=True), BROKER)
    shown = {one.rank: one for _, group in answer.groups for one in group}
    place = answer.shown.candidates.index(last)
    why = shown[place + 1].explanation
    assert why is not None
    shares = {one["feature"]: one["share"] for one in why["contributions"]}
    assert shares["feedback"] == pytest.approx(band_width(state.prepared(KIND).model))
    assert why["score"] == pytest.approx(why["base"] + sum(shares.values()), abs=1e-12)
    assert place < len(first.candidates) - 1, "it has not moved up"
    before, after = dict(zip(first.candidates, first.scores, strict=True)), answer.shown
    assert dict(zip(after.candidates, after.scores, strict=True))[last] == before[last], "learned from what it learned"


def test_one_party_moves_a_rank_no_further_than_the_bound_tells(built: Path, plain: State) -> None:
    """Whoever is more than two bounds ahead before stays ahead, whatever one party does."""
    everyone = match(plain, Question(KIND, subject="n0", limit=100), BROKER).shown
    target = everyone.candidates[60]
    seen = [Impression("evil", f"q{n}", 1, everyone.candidates, everyone.scores) for n in range(1_000)]
    done = [Reaction("evil", f"q{n}", target, Event.ACCEPT) for n in range(1_000)]
    state = with_use(built, Learned(learn(seen, done), {}))
    after = match(state, Question(KIND, subject="n0", limit=100), BROKER).shown
    base = dict(zip(everyone.candidates, everyone.scores, strict=True))
    safe = [name for name in everyone.candidates if base[name] > base[target] + 2 * BOUND + 0.002]
    place = after.candidates.index(target)
    assert len(safe) <= place < 60
    assert set(safe) <= set(after.candidates[:place])


def test_running_services_take_it_up_and_a_damaged_file_is_refused(built: Path, plain: State) -> None:
    matcher = Matcher.open(built / "matching", built / "projection", SECRET)
    assert matcher.state.prepared(KIND).use is None and not matcher.refresh()
    path = path_of(built / "matching" / "models", KIND)
    Learned({"e001": 0.5}, {}).save(path)
    assert matcher.refresh()
    assert matcher.state.prepared(KIND).use is not None
    path.write_bytes(b'{"format": 1, "shares": 3}')
    assert matcher.refresh()
    assert matcher.state.prepared(KIND).use is None
    shares = ("x", '"nan"', '"inf"', "1e308", "-9")
    for damaged in (
        '{"format": 99}',
        "[]",
        *(f'{{"format": 1, "shares": {{"e001": {share}}}, "shown": {{}}, "about": {{}}}}' for share in shares),
    ):
        path.write_text(damaged)
        assert opened(built).prepared(KIND).use is None


def test_training_counts_merged_and_leaves_out_what_is_gone(built: Path, plain: State) -> None:
    seen = [Impression("p", "q", 1, ("e001", "gone"), (0.0, 0.0))]
    learned = train_use(plain, KIND, seen, [Reaction("p", "q", "e001", Event.DEAL)], {"e001": 3, "gone": 4})
    assert list(learned.shares) == ["e001"] and learned.shares["e001"] > 0
    assert learned.shown == {"e001": 3}
    assert Learned.open(path_of(built / "matching" / "models", KIND)) == learned


def test_a_cap_takes_a_bounded_part_in_its_own_epoch_only(built: Path, plain: State) -> None:
    n = plain.projection.table("expert").n
    shown = {f"e{number:03}": 10 for number in range(n)} | {"e001": 1_000, "e002": 28}
    learned = Learned({}, shown, {"epoch": plain.mask.epoch})
    state = with_use(built, learned, Policy(cap=2.0))
    use = state.prepared(KIND).use
    assert use is not None and use.names == ("feedback", "exposure")
    losses = use.shares[:, 1] / band_width(state.prepared(KIND).model)
    rows = [state.projection.table("expert").find(name) for name in ("e001", "e002", "e003")]
    assert losses[rows[0]] == pytest.approx(-MOST_LOST)
    assert losses[rows[1]] == 0 and losses[rows[2]] == 0, "under the cap nobody loses"
    other = with_use(built, Learned({}, shown, {"epoch": "earlier"}), Policy(cap=2.0)).prepared(KIND).use
    assert other is not None and not other.shares.any()
    none = with_use(built, learned).prepared(KIND).use
    assert none is not None and none.names == ("feedback",)
    assert lost(np.array([0.0, 2.0, 3.0, 4.0, 99.0]), 2.0).tolist() == [0, 0, MOST_LOST / 2, MOST_LOST, MOST_LOST]


def test_explored_places_are_few_late_enough_and_within_their_band() -> None:
    rng = np.random.default_rng(0)
    explored = 0
    for number in range(400):
        n = int(rng.integers(1, 150))
        bands, fresh = np.sort(rng.integers(0, 4, n)), rng.random(n) < 0.5
        taken = swaps(b"k" * 32, f"q{number}", bands, fresh, n, MOST_EXPLORED)
        assert taken == swaps(b"k" * 32, f"q{number}", bands, fresh, n, MOST_EXPLORED)
        assert all(place >= PROTECTED and later // BLOCK > place // BLOCK for place, later in taken.items())
        assert len({place // BLOCK for place in taken}) == len(taken) == len(set(taken.values()))
        assert all(bands[place] == bands[later] and fresh[later] for place, later in taken.items())
        few = swaps(b"k" * 32, f"q{number}", bands, fresh, 20, MOST_EXPLORED)
        assert few == {place: later for place, later in taken.items() if place < 20}, "a page depends on the next one"
        explored += len(taken)
    assert explored > 200
    assert swaps(b"k" * 32, "q", np.zeros(100, np.int64), np.ones(100, bool), 100, 0.0) == {}


def test_the_setting_is_the_share_of_places() -> None:
    bands, fresh = np.zeros(1_000, np.int64), np.ones(1_000, bool)
    taken = [len(swaps(b"k" * 32, f"q{number}", bands, fresh, 500, 0.05)) for number in range(100)]
    assert np.mean(taken) / 500 == pytest.approx(0.05, abs=0.005)
    keys = [tuple(swaps(key * 32, "q", bands, fresh, 500, 0.05)) for key in (b"a", b"b")]
    assert keys[0] != keys[1], "another epoch explores the same"


@pytest.mark.parametrize("viewer", [BROKER, OUTSIDER])
def test_pages_with_explored_places_hold_everyone_once(built: Path, plain: State, viewer: Viewer) -> None:
    exact = ids(plain, viewer)
    state = with_use(built, Learned({}, {f"e{n:03}": 9 for n in range(60)}, {"epoch": "e1"}), Policy(explore=0.1))
    found = ids(state, viewer)
    assert sorted(found) == sorted(exact) and len(set(found)) == len(found)
    if viewer is BROKER:
        assert found != exact and found[:PROTECTED] == exact[:PROTECTED]
    shown = match(state, ASKED, viewer).shown
    assert all(int(shown.candidates[place][1:]) >= 60 for place in shown.explored), "not a fresh one"
    assert ids(state, viewer) == found


def test_why_one_stands_where_it_is_seen_is_told_as_it_is(built: Path) -> None:
    state = with_use(built, Learned({}, {f"e{n:03}": 9 for n in range(60)}, {"epoch": "e1"}), Policy(explore=0.1))
    answer = match(state, replace(ASKED, explain=True), BROKER)
    why = [one.explanation or {} for _, group in answer.groups for one in group]
    explored = set(answer.shown.explored)
    assert explored
    for place, one in enumerate(why):
        assert ("explored" in one) == (place in explored)
        assert not ("over_next" in one and {place, place + 1} & explored)
        assert ("hardly shown" in one["summary"]["en"]) == (place in explored)
        assert one.get("over_next", {"lead": 0.0})["lead"] >= 0


def ids(state: State, viewer: Viewer) -> list[str]:
    """Everyone that is answered, page by page."""
    found: list[str] = []
    cursor = None
    while True:
        answer = match(state, Question(KIND, subject="n0", limit=20, cursor=cursor), viewer)
        found += answer.shown.candidates
        cursor = answer.next
        if cursor is None:
            return found


def test_a_dismissal_between_two_pages_moves_nobody(plain: State) -> None:
    everyone = ids(plain, BROKER)
    first = match(plain, ASKED, BROKER)
    gone = frozenset(everyone[:3])
    rest = match(plain, Question(KIND, subject="n0", limit=20, cursor=first.next, dismissed=gone), BROKER)
    assert list(rest.shown.candidates) == everyone[20:40]
    again = match(plain, Question(KIND, subject="n0", limit=20, dismissed=gone), BROKER)
    assert list(again.shown.candidates) == everyone[3:23]
    ranks = [one.rank for _, group in again.groups for one in group]
    assert ranks == list(range(1, 21))


def test_toward_the_blind_nobody_moves_up(plain: State) -> None:
    before = match(plain, ASKED, OUTSIDER)
    gone = before.shown.candidates[4]
    after = match(plain, Question(KIND, subject="n0", limit=20, dismissed=frozenset({gone})), OUTSIDER)
    assert after.shown.candidates == tuple(one for one in before.shown.candidates if one != gone)
    assert after.next == before.next


def test_gini() -> None:
    assert gini(np.ones(10)) == pytest.approx(0) and gini(np.zeros(3)) == 0
    assert gini(np.array([0.0] * 9 + [5.0])) == pytest.approx(0.9)
    counts = np.random.default_rng(1).exponential(size=50)
    differences = np.abs(counts[:, None] - counts[None, :]).mean() / (2 * counts.mean())
    assert gini(counts) == pytest.approx(differences)
