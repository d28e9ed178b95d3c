"""Feedback tells nothing: not whether somebody exists, not what another viewer did."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.casework.feedback import Dismissals, Entry, FeedbackLog
from api.casework.impressions import Inquiry
from api.learning import learn_from_use
from graph.records import EntityKey
from matching.feedback.learning import Event, Reason
from matching.masking import EpochKeys, Viewer
from matching.question import Question
from tests.api.asking import Api, problem

TEXT = "功率模块结壳热阻过高"


@pytest.fixture
def api(office_api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr("api.routes.feedback.PAUSE", 0.0)
    return office_api


def asked(api: Api, key: str, **more: Any) -> httpx.Response:
    return api.post("/v1/matches/need-expert", key=key, json={"text": TEXT, "limit": 10, **more})


def aliases(answer: httpx.Response) -> list[str]:
    return [match["alias"] for group in answer.json()["groups"] for match in group["matches"]]


def said(api: Api, key: str, **event: Any) -> httpx.Response:
    body = {"match_kind": "need-expert", "text": TEXT, "event": "open", **event}
    return api.post("/v1/feedback", key=key, json=body)


def viewer_of(api: Api, key: str) -> Viewer:
    found = api.service.keys.look_up(key)
    assert found is not None
    return found.viewer


def test_every_alias_that_was_not_shown_is_the_same_404(api: Api) -> None:
    mine, other = api.key("outsider"), api.key("outsider")
    shown, theirs = aliases(asked(api, mine)), aliases(asked(api, other))
    elsewhere = aliases(asked(api, mine, text="作物育种"))
    matcher = api.service.matcher
    assert matcher is not None
    state = matcher.state
    about, ids = Question("need-expert", text=TEXT).about, state.projection.table("expert").ids
    every = [state.mask.keys.alias(viewer_of(api, mine), about, EntityKey("expert", id)) for id in ids]
    unseen = next(alias for alias in every if alias not in shown)
    need = state.projection.table("need").ids[0]
    bodies = {
        said(api, mine, alias="nonsense").content,
        said(api, mine, alias=unseen).content,
        said(api, mine, alias=theirs[0]).content,
        said(api, mine, alias=elsewhere[0]).content,
        said(api, mine, alias=ids[0]).content,
        said(api, mine, alias=shown[0], match_kind="need-patent").content,
        said(api, mine, alias=shown[0], text=None, subject=need).content,
        said(api, mine, alias=shown[0], text=None, subject="absent").content,
    }
    absent = api.get("/v1/entities/expert/absent", key=mine)
    problem(absent, "not-found")
    assert bodies == {absent.content}
    assert said(api, mine, alias=shown[0]).status_code == 200


def test_an_alias_is_looked_for_among_what_was_shown_only(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    key = api.key("outsider")
    shown = aliases(asked(api, key))
    asked(api, key)
    tried: list[EntityKey] = []
    alias_of = EpochKeys.alias

    def counted(keys: EpochKeys, viewer: Viewer, question: str, entity: EntityKey) -> str:
        tried.append(entity)
        return alias_of(keys, viewer, question, entity)

    monkeypatch.setattr(EpochKeys, "alias", counted)
    problem(said(api, key, alias="nonsense"), "not-found")
    assert len(set(tried)) == len(shown) and len(tried) == 2 * len(shown), "the second look is the last"


def test_what_one_viewer_does_another_sees_only_through_trained_weights(api: Api) -> None:
    service, acting = api.service, api.key("broker", parties=["*"])
    watching = {role: api.key(role, **({"parties": ["*"]} if role == "broker" else {}))
                for role in ("outsider", "broker", "operator")}  # fmt: skip

    def seen() -> list[tuple[bytes, tuple[tuple[str, str], ...]]]:
        answers = [asked(api, key, explain=True) for key in watching.values()]
        answers += [api.get("/v1/feedback", key=key) for key in watching.values()]
        return [(answer.content, tuple(sorted(answer.headers.items()))) for answer in answers]

    before = seen()
    for number, alias in enumerate(aliases(asked(api, acting, limit=30))):
        event = {"event": "dismiss", "reason": "other"} if number % 2 else {"event": "deal"}
        assert said(api, acting, alias=alias, **event).status_code == 200
    assert service.take_up() and seen() == before

    assert service.matcher is not None
    learn_from_use(service.casework, service.matcher.state, ["need-expert"])
    assert service.take_up()
    assert seen() != before, "the declared release: what was learned from use"


def test_feedback_tells_no_id(api: Api) -> None:
    key = api.key("outsider")
    shown = aliases(asked(api, key))
    said(api, key, alias=shown[0])
    text = api.get("/v1/feedback", key=key).text + asked(api, key, explain=True).text
    assert "sample-" not in text
    assert TEXT not in api.get("/v1/feedback", key=key).text


def test_an_epoch_ends_aliases_and_dismissals(api: Api) -> None:
    """Neither a listed alias nor a card that stays away ties the cards of two epochs together."""
    service, key = api.service, api.key("broker", parties=["*"])
    asked(api, key)
    log, viewer = FeedbackLog(service.casework), viewer_of(api, key)
    earlier = Inquiry("earlier", viewer.id, "need-expert", Question("need-expert", text=TEXT).about)
    service.impressions.flush()
    candidate = service.impressions.candidates(earlier._replace(epoch=_epoch(api)))
    log.record([Entry(earlier, candidate[0], Event.DISMISS, Reason.OTHER)])
    service.take_up()
    assert len(aliases(asked(api, key))) == 10
    (entry,) = api.get("/v1/feedback", key=key).json()["entries"]
    assert entry["alias"] is None
    dismissals = Dismissals(log)
    dismissals.look("earlier")
    assert dismissals.of(earlier) == {candidate[0]}
    dismissals.look(_epoch(api))
    assert dismissals.of(earlier) == frozenset()


def _epoch(api: Api) -> str:
    assert api.service.matcher is not None
    return api.service.matcher.state.mask.epoch
