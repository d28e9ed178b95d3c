"""Simulated users of the sample world: what their feedback gives, held against the world's hidden truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from api.bootstrap import build, open_matcher
from api.casework import Casework
from api.casework.feedback import Entry, FeedbackLog
from api.casework.impressions import Impressions, Inquiry
from api.installation import make_home, open_casework
from api.learning import exposure_report, learn_from_use
from api.settings import Settings
from graph.records import EntityKey
from graph.store import open_store
from ingest.load import ingest
from ingest.sample import affinity, judgements, texts
from ingest.sample.chance import Floats, Ints
from ingest.sample.ontology import load
from ingest.sample.population import World, populate
from ingest.sample.records import identifier
from ingest.sample.sizes import ORIGINAL, sizes
from ingest.sample.world import write
from matching.feedback.exposure import gini
from matching.feedback.learning import Event, examination
from matching.masking import Role, Viewer
from matching.matcher import Matcher
from matching.question import Question
from matching.training.train import train

pytestmark = pytest.mark.benchmark

EXPERTS, SEED = ORIGINAL.expert, 2023
NIGHTS = (500, 1_000, 2_000, 5_000)
"""Answers after which is learned."""
BROKERS = 45
"""Keys of brokers, who ask every other question; the asking enterprises' own keys ask the others."""
MEASURED, SHOWN, TOP = 1_000, 20, 10
ACCEPTED, SPREAD = 3.6, 0.35
"""Truth at which a candidate is accepted in one of two cases, and how sharply."""
OPERATOR = Viewer("measure", Role.OPERATOR)

Looks = Callable[[NDArray[np.int64]], Floats]
LOOKS: dict[str, Looks] = {
    "as assumed, 1 / log2(place + 1)": examination,
    "less far, place ** -0.8": lambda places: np.asarray(places**-0.8),
}
"""Chance that a user looks as far as a place."""


@dataclass(frozen=True)
class Users:
    """People who look by place and accept by a truth that no record carries."""

    world: World
    needs: texts.Needs
    asked: Ints
    """Needs that are asked."""
    fresh: Ints
    """Needs that nobody ever gives feedback on."""

    @classmethod
    def of(cls, world: World) -> Users:
        needs = texts.needs(world)
        able = np.flatnonzero((needs.type == texts.TECHNOLOGY) & ~needs.institutional & ~needs.texts.bare)
        able = np.random.default_rng(SEED).permutation(able).astype(np.int32)
        return cls(world, needs, able[MEASURED:], able[:MEASURED])

    def truth(self, need: int, experts: Ints) -> Floats:
        """How well experts suit a need."""
        asking, firm = np.full(len(experts), need), np.full(len(experts), self.needs.texts.by[need])
        return affinity.expertise(
            self.world, self.needs.texts.about, asking, self.world.enterprises.party, firm, experts
        )

    def accepted(self, rng: np.random.Generator, need: int, experts: Ints, first: int, looks: Looks) -> Ints:
        """Places, from 0, of those whom somebody sees and accepts."""
        seen = rng.random(len(experts)) < looks(first + np.arange(len(experts)))
        fits = 1 / (1 + np.exp((ACCEPTED - self.truth(need, experts)) / SPREAD))
        return np.flatnonzero(seen & (rng.random(len(experts)) < fits))

    def ndcg(self, matcher: Matcher, needs: Ints) -> Floats:
        """nDCG@10 of each need's answer against the truth of every expert that may be answered."""
        table, prepared = matcher.state.projection.table("expert"), matcher.state.prepared("need-expert")
        experts = numbers(table.ids)
        discount = 1 / np.log2(np.arange(2, TOP + 2))
        values = []
        for need in needs.tolist():
            name = identifier("need", need)
            asked = prepared.evidence.asked(matcher.state.projection.table("need").find(name))
            grade = np.digitize(self.truth(need, experts), judgements.GRADES)
            gain = np.where(prepared.constraints.kept(asked, np.arange(table.n)), 2.0**grade - 1, 0)
            shown = matcher.match(Question("need-expert", subject=name, limit=TOP), OPERATOR).shown.candidates
            found = gain[[table.find(one) for one in shown]] @ discount[: len(shown)]
            values.append(float(found) / max(float(np.sort(gain)[::-1][:TOP] @ discount), 1e-9))
        return np.array(values)


def numbers(ids: Sequence[str]) -> Ints:
    return np.array([int(name.rpartition("-")[2]) for name in ids], np.int32)


def _built(home: Path, experts: int) -> Settings:
    settings = Settings(home=home)
    make_home(home)
    write(home / "world", experts=experts, seed=SEED)
    with open_store(settings.store_url) as store:
        ingest(store, [home / "world"])
    build(settings)
    return settings


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = _built(tmp_path_factory.mktemp("learning") / "home", EXPERTS)
    train(open_matcher(settings).state, ["need-expert"])
    return settings.home


@pytest.mark.parametrize("experts", [200, 600, 2_000, EXPERTS])
def test_curves_and_the_prior_against_the_truth(tmp_path: Path, experts: int) -> None:
    settings = _built(tmp_path / "home", experts)
    users = Users.of(populate(SEED, sizes(experts), load()))
    needs, matcher = np.concatenate([users.fresh, users.asked])[:600], open_matcher(settings)
    prior = users.ndcg(matcher, needs)
    about = train(matcher.state, ["need-expert"])["need-expert"].about
    gain = _gain("curves", users.ndcg(open_matcher(settings), needs), prior)
    (held_out,) = about["comparison"]
    print(f"\n{experts} experts, {about['outcomes']} outcomes, nDCG@{TOP}: prior {prior.mean():.4f}, {gain}")
    print(f"held-out average precision {held_out['difference']:+.4f}, p = {held_out['p']:.3f}; kept: {about['kept']}")
    assert about["kept"] == "curves"


@pytest.mark.parametrize("looking", LOOKS)
def test_the_learning_curve(home: Path, looking: str) -> None:
    (home / "casework.db").unlink(missing_ok=True)
    (home / "matching" / "models" / "need-expert.use.json").unlink(missing_ok=True)
    users = Users.of(populate(SEED, sizes(EXPERTS), load()))
    served, exact = open_matcher(Settings(home=home)), open_matcher(Settings(home=home, explore=0))
    everyone = np.random.default_rng(1).permutation(np.concatenate([users.asked, users.fresh]))[:MEASURED]
    measured = {"no feedback": users.fresh, "all": everyone}
    before = {name: users.ndcg(exact, needs) for name, needs in measured.items()}
    print(f"\nusers look {looking}: nDCG@{TOP} of {MEASURED} needs")
    print("   0 answers: " + ", ".join(f"{name} {values.mean():.4f}" for name, values in before.items()))
    casework = open_casework(Settings(home=home))
    impressions, log = Impressions(casework), FeedbackLog(casework)
    rng, answers = np.random.default_rng(2), 0
    after = before
    for night in NIGHTS:
        while answers < night:
            _answer(users, served, impressions, log, rng, answers, LOOKS[looking])
            answers += 1
        learned = learn_from_use(casework, served.state, ["need-expert"])["need-expert"]
        assert served.refresh() and exact.refresh()
        after = {name: users.ndcg(exact, needs) for name, needs in measured.items()}
        told = ", ".join(_gain(name, values, before[name]) for name, values in after.items())
        print(f"{answers:4} answers, {learned.about['reactions']} accepted: {told}")
    print(f"as served, with exploration: no feedback {users.ndcg(served, users.fresh).mean():.4f}")
    _tell_exposure(casework, exact)
    casework.close()
    for name, values in after.items():
        gain = values - before[name]
        assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain)), f"{name}: no clear rise"


def _answer(
    users: Users, matcher: Matcher, impressions: Impressions, log: FeedbackLog, rng: np.random.Generator, number: int,
    looks: Looks,
) -> None:  # fmt: skip
    need = int(rng.choice(users.asked))
    name, firm = identifier("need", need), identifier("enterprise", int(users.needs.texts.by[need]))
    viewer = (
        Viewer(f"broker {number // 2 % BROKERS}", Role.BROKER, everything=True)
        if number % 2
        else Viewer(firm, Role.ENTERPRISE, (EntityKey("enterprise", firm),))
    )
    question = Question("need-expert", subject=name, limit=SHOWN)
    inquiry = Inquiry(matcher.state.mask.epoch, viewer.id, "need-expert", question.about)
    shown = matcher.match(question, viewer).shown
    impressions.note(inquiry, shown)
    impressions.flush()
    places = users.accepted(rng, need, numbers(shown.candidates), shown.first, looks)
    log.record([Entry(inquiry, shown.candidates[place], Event.ACCEPT) for place in places.tolist()])


def _gain(name: str, after: Floats, before: Floats) -> str:
    gain = after - before
    rng = np.random.default_rng(3)
    low, high = np.quantile(rng.choice(gain, (1000, len(gain))).mean(axis=1), [0.025, 0.975])
    return f"{name} {after.mean():.4f} ({gain.mean():+.4f} [{low:+.4f}, {high:+.4f}])"


def _tell_exposure(casework: Casework, matcher: Matcher) -> None:
    report = exposure_report(casework, matcher.state, "need-expert")
    print(f"{report.impressions} impressions, Gini {report.gini:.3f}")
    for group in report.groups:
        print(f"{group.group}: exposure {group.exposure:.3f}, relevance {group.relevance:.3f}, ratio {group.ratio:.3f}")


@pytest.mark.parametrize("cap", [None, 4.0, 2.0])
def test_what_a_cap_does(home: Path, cap: float | None) -> None:
    """After the curve above: nDCG and how unequal the next answers are."""
    matcher = open_matcher(Settings(home=home, explore=0, exposure_cap=cap))
    users = Users.of(populate(SEED, sizes(EXPERTS), load()))
    table, counts = matcher.state.projection.table("expert"), np.zeros(EXPERTS)
    for need in users.fresh.tolist():
        question = Question("need-expert", subject=identifier("need", need), limit=SHOWN)
        counts[[table.find(one) for one in matcher.match(question, OPERATOR).shown.candidates]] += 1
    quality = users.ndcg(matcher, users.fresh).mean()
    print(f"\ncap {cap}: nDCG@{TOP} {quality:.4f}, Gini of the next answers {gini(counts):.3f}", end="")
