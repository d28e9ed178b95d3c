"""What is learned from use: corrected for place, once per pair, and bounded whatever one party does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from matching.feedback.learning import (
    BOUND,
    MOST,
    MOST_WEIGHT,
    PARTY,
    SHRINKAGE,
    UNFIT,
    Event,
    Impression,
    Reaction,
    Reason,
    examination,
    learn,
    settled,
)

CANDIDATES = tuple(f"c{number:02}" for number in range(40))


def shown(party: str, question: str, candidates: Iterable[str], first: int = 1) -> Impression:
    names = tuple(candidates)
    return Impression(party, question, first, names, (0.0,) * len(names))


def accepted(party: str, question: str, candidate: str, event: Event = Event.ACCEPT) -> Reaction:
    return Reaction(party, question, candidate, event)


def use(seed: int, answers: int = 300) -> tuple[list[Impression], list[Reaction]]:
    """Some parties, each with several questions, who like the candidates with high numbers and look by place."""
    rng = np.random.default_rng(seed)
    impressions, reactions = [], []
    for number in range(answers):
        party, names = f"p{rng.integers(60)}", rng.permutation(CANDIDATES)[:20].tolist()
        looked = rng.random(20) < examination(np.arange(1, 21))
        likes = np.array([int(name[1:]) / 80 for name in names])
        impressions.append(Impression(party, f"q{number}", 1, tuple(names), tuple(rng.normal(0, 0.5, 20).tolist())))
        chosen = np.flatnonzero(looked & (rng.random(20) < likes))
        reactions += [accepted(party, f"q{number}", names[place]) for place in chosen]
    return impressions, reactions


def test_shares_follow_what_users_like() -> None:
    shares = learn(*use(1, answers=1_500))
    liking = [int(name[1:]) for name in shares]
    assert np.corrcoef(liking, list(shares.values()))[0, 1] > 0.8
    assert max(map(abs, shares.values())) <= MOST


def test_a_late_place_is_no_fault() -> None:
    """Of two equally liked candidates, one always first and one always third, where half as many look, both end alike.

    Later still the most that one party counts for would count against them.
    """
    rng = np.random.default_rng(4)
    others = [f"o{number}" for number in range(18)]
    impressions, reactions = [], []
    for number in range(4_000):
        names = ["early", others[0], "late", *others[1:]]
        impressions.append(shown(f"p{number}", "q", names))
        seen = rng.random(20) < examination(np.arange(1, 21))
        taken = np.flatnonzero(seen & (rng.random(20) < np.where(np.isin(names, ["early", "late"]), 0.5, 0.2)))
        reactions += [accepted(f"p{number}", "q", names[place]) for place in taken]
    shares = learn(impressions, reactions)
    assert shares["early"] == pytest.approx(shares["late"], abs=0.1)
    assert min(shares["early"], shares["late"]) > max(shares.get(name, 0.0) for name in others) + 0.2


def test_a_choice_counts_by_inverse_propensity_up_to_a_limit() -> None:
    def first_choice(place: int) -> float:
        """N / (D + SHRINKAGE) solved for N where nobody else was shown near: D is small against it."""
        return learn([shown("p", "q", CANDIDATES[:30], first=place)], [accepted("p", "q", "c00")])["c00"]

    weights = [min(1 / float(examination(np.array([place]))[0]), MOST_WEIGHT, PARTY) for place in (1, 3, 100)]
    expected = [w * (1 - 1 / 30) / (w * (1 / 30) * (29 / 30) + SHRINKAGE) for w in weights[:1]]
    assert first_choice(1) == pytest.approx(expected[0])
    assert first_choice(1) < first_choice(3) < PARTY / SHRINKAGE
    assert first_choice(100) == first_choice(10_000)
    passed_over = learn([shown("p", "q", CANDIDATES[:30], first=10_000)], [accepted("p", "q", "c00")])["c01"]
    assert passed_over > -MOST_WEIGHT / 30 / SHRINKAGE, "a choice at a late place counts for any number of choices"


def test_what_everyone_chooses_earns_the_most_and_no_more() -> None:
    everyone = range(300)
    impressions = [shown(f"p{number}", "q", CANDIDATES[:30]) for number in everyone]
    assert learn(impressions, [accepted(f"p{number}", "q", "c00") for number in everyone])["c00"] == MOST


def test_scores_say_what_was_to_be_expected() -> None:
    """Choosing whom the ranking put far ahead tells less than choosing whom it did not."""
    scores = (3.0, 0.0, 0.0)
    impression = Impression("p", "q", 1, ("ahead", "behind", "other"), scores)
    ahead = learn([impression], [accepted("p", "q", "ahead")])["ahead"]
    behind = learn([impression], [accepted("p", "q", "behind")])["behind"]
    assert 0 < ahead < behind / 4


def test_repetitions_and_unseen_candidates_say_nothing() -> None:
    impressions, reactions = use(2)
    before = learn(impressions, reactions)
    assert learn(impressions * 3, reactions) == before
    assert learn(impressions, [one for one in reactions for _ in range(3)]) == before
    assert learn(impressions, [*reactions, accepted("p1", "q-unknown", "c00"), accepted("px", "q0", "c00")]) == before
    answered = {(one.party, one.question) for one in reactions}
    assert learn([one for one in impressions if (one.party, one.question) in answered], reactions) == before


def test_where_a_pair_stands_is_its_latest_event() -> None:
    def at_last(*events: Event) -> Event:
        return settled([Reaction("p", "q", "c", event, Reason.OTHER) for event in events])["c"][0]

    assert at_last(Event.DECLINE, Event.ACCEPT) is Event.ACCEPT
    assert at_last(Event.ACCEPT, Event.OPEN) is Event.ACCEPT
    assert at_last(Event.DISMISS, Event.RESTORE) is Event.RESTORE
    assert at_last(Event.OPEN) is Event.OPEN


def test_reasons_that_say_nothing_of_the_match_teach_nothing() -> None:
    for event in (Event.DISMISS, Event.DECLINE):
        for reason in Reason:
            shares = learn([shown("p", "q", CANDIDATES[:5])], [Reaction("p", "q", "c00", event, reason)])
            assert (shares.get("c00", 0.0) < 0) == (reason in UNFIT)


Attack = Callable[[np.random.Generator], tuple[list[Impression], list[Reaction]]]


def clicked_up(rng: np.random.Generator) -> tuple[list[Impression], list[Reaction]]:
    """One candidate accepted in 1,000 questions, at the latest places, as if nothing had been expected of it."""
    impressions = [
        Impression("evil", f"e{number}", 100, ("c03", *rng.permutation(CANDIDATES[4:])[:9]), (-9.0, *([0.0] * 9)))
        for number in range(1_000)
    ]
    return impressions, [accepted("evil", f"e{number}", "c03") for number in range(1_000)]


def rivals_run_down(rng: np.random.Generator) -> tuple[list[Impression], list[Reaction]]:
    """All others dismissed, and passed over in favour of one, 1,000 times."""
    impressions, reactions = clicked_up(rng)
    for one in impressions:
        reactions += [Reaction("evil", one.question, c, Event.DISMISS, Reason.OTHER) for c in one.candidates[1:]]
    return impressions, reactions


def anything(rng: np.random.Generator) -> tuple[list[Impression], list[Reaction]]:
    impressions, reactions = [], []
    for number in range(200):
        names = tuple(rng.permutation(CANDIDATES)[: rng.integers(2, 20)].tolist())
        scores = tuple(rng.normal(0, 5, len(names)).tolist())
        impressions.append(Impression("evil", f"e{number}", int(rng.integers(1, 200)), names, scores))
        for name in names:
            event = list(Event)[rng.integers(len(Event))]
            reactions.append(Reaction("evil", f"e{number}", name, event, Reason.OTHER))
    return impressions, reactions


@pytest.mark.parametrize("attack", [clicked_up, rivals_run_down, anything])
@pytest.mark.parametrize("others", [0, 20, 300])
def test_one_party_moves_no_candidate_further_than_the_bound(attack: Attack, others: int) -> None:
    for seed in range(3):
        impressions, reactions = use(seed, answers=others)
        more, evil = attack(np.random.default_rng(seed))
        before, after = learn(impressions, reactions), learn([*impressions, *more], [*reactions, *evil])
        moved = {name: abs(after.get(name, 0.0) - before.get(name, 0.0)) for name in CANDIDATES}
        assert max(moved.values()) <= BOUND
        assert max(moved.values()) > 0, "the attack does nothing at all"


def test_the_bound_is_not_far_from_what_can_be_reached() -> None:
    """Against a candidate that everyone loves, dismissals take nearly all of it."""
    friends = [shown(f"p{number}", "q", ["loved", "other"], first=100) for number in range(200)]
    love = [accepted(f"p{number}", "q", "loved") for number in range(200)]
    evil = [shown("evil", f"e{number}", ["loved"], first=100) for number in range(9)]
    hate = [Reaction("evil", one.question, "loved", Event.DISMISS, Reason.OTHER) for one in evil]
    alone = learn(evil, hate)["loved"]
    assert -BOUND <= alone < -0.19
    fall = learn(friends, love)["loved"] - learn([*friends, *evil], [*love, *hate])["loved"]
    assert 0 <= fall <= BOUND
