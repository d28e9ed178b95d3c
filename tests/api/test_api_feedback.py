"""Feedback over HTTP: what was shown is remembered, what is said of it is recorded once, and acts at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
import sqlalchemy as sa

from api.app import create_app
from api.bootstrap import Service, open_service
from api.casework import batches, feedback
from api.casework.feedback import parties
from api.casework.keys import list_keys
from api.casework.tables import FEEDBACK, IMPRESSIONS
from api.learning import exposure_report, learn_from_use
from graph.errors import UnknownNameError
from matching.feedback.learning import BOUND
from matching.feedback.use import path_of
from matching.masking import Role
from tests.api.asking import Api, faults, problem

ASKED = {"match_kind": "need-expert", "text": "功率模块结壳热阻过高"}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.feedback.PAUSE", 0.0)


@pytest.fixture
def api(office_api: Api) -> Iterator[Api]:
    yield office_api
    service = office_api.service
    service.impressions.flush()
    with service.casework.writing() as connection:
        connection.execute(IMPRESSIONS.delete())
        connection.execute(FEEDBACK.delete())
    service.dismissals.look("another epoch")
    path_of(service.settings.matching_folder / "models", "need-expert").unlink(missing_ok=True)
    service.take_up()


def aliases(api: Api, key: str, **more: Any) -> list[str]:
    body = {"text": ASKED["text"], "limit": 20, **more}
    answer = api.post("/v1/matches/need-expert", key=key, json=body)
    assert answer.status_code == 200, answer.text
    return [match["alias"] for group in answer.json()["groups"] for match in group["matches"]]


def said(api: Api, key: str, alias: str, event: str, **more: Any) -> httpx.Response:
    return api.post("/v1/feedback", key=key, json={**ASKED, "alias": alias, "event": event, **more})


def history(service: Service) -> list[tuple[str, str | None]]:
    with service.casework.reading() as connection:
        rows = connection.execute(sa.select(FEEDBACK).order_by(FEEDBACK.c.number)).all()
    return [(row.event, row.reason) for row in rows]


@pytest.mark.parametrize("role", list(Role))
def test_a_key_of_every_role_may_say_what_became_of_what_it_was_shown(api: Api, role: Role) -> None:
    key = api.key(role, **({"parties": ["*"]} if role is Role.BROKER else {}))
    first, second, *_ = aliases(api, key)
    assert said(api, key, first, "accept").json() == {"recorded": 1, "unchanged": 0}
    assert said(api, key, second, "decline", reason="too-far").json() == {"recorded": 1, "unchanged": 0}
    listed = api.get("/v1/feedback", key=key).json()
    assert listed["next"] is None
    assert [(entry["alias"], entry["event"], entry["reason"]) for entry in listed["entries"]] == [
        (second, "decline", "too-far"),
        (first, "accept", None),
    ]
    assert set(listed["entries"][0]) == {"alias", "match_kind", "subject", "event", "reason", "time"}


def test_an_answer_is_one_impression(api: Api, broker: str) -> None:
    given = aliases(api, broker)
    api.service.impressions.flush()
    with api.service.casework.reading() as connection:
        (row,) = connection.execute(sa.select(IMPRESSIONS)).all()
    shown = orjson.loads(row.shown)
    assert shown["first"] == 1 and shown["explored"] == []
    assert len(shown["candidates"]) == len(shown["scores"]) == len(given) == 20
    assert row.about.startswith("text:") and ASKED["text"] not in row.about + row.shown
    assert sorted(shown["scores"], reverse=True) == shown["scores"]


@pytest.fixture
def broker(api: Api) -> str:
    return api.key("broker", parties=["*"])


def test_repetitions_change_nothing_and_history_stays(api: Api, broker: str) -> None:
    alias = aliases(api, broker)[0]
    for event, reason, recorded in (
        ("open", None, 1), ("open", None, 0), ("decline", "other", 1), ("decline", "other", 0), ("open", None, 0),
        ("accept", None, 1), ("accept", None, 0), ("restore", None, 0), ("decline", "conflict", 1), ("deal", None, 1),
    ):  # fmt: skip
        more = {"reason": reason} if reason else {}
        assert said(api, broker, alias, event, **more).json()["recorded"] == recorded, (event, reason)
    assert [event for event, _ in history(api.service)] == ["open", "decline", "accept", "decline", "deal"]


def test_many_are_recorded_all_or_none(api: Api, broker: str) -> None:
    one, two, *_ = aliases(api, broker)
    events = [{**ASKED, "alias": one, "event": "save"}, {**ASKED, "alias": two, "event": "open"}]
    problem(api.post("/v1/feedback", key=broker, json=[*events, {**events[0], "alias": "unknown"}]), "not-found")
    assert history(api.service) == []
    assert api.post("/v1/feedback", key=broker, json=[*events, events[0]]).json() == {"recorded": 2, "unchanged": 1}


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ({"event": "like"}, "event", "accept, deal, decline, dismiss, open, restore, save"),
        ({"event": "dismiss"}, "reason", "is missing; valid: already-known, conflict"),
        ({"event": "decline", "reason": "ugly"}, "reason", "is 'ugly'; valid: already-known"),
        ({"reason": "other"}, "reason", "goes with decline, dismiss only"),
        ({"text": None}, "subject", "either `subject` (an id) or `text`"),
        ({"subject": "n1"}, "subject", "either `subject` (an id) or `text`"),
        ({"colour": "red"}, "colour", "valid: match_kind, subject, text, alias, event, reason"),
        ({"alias": 3}, "alias", "string"),
        ({"match_kind": "need-x"}, "match_kind", "need-expert"),
    ],
)
def test_what_is_wrong_is_named(api: Api, broker: str, wrong: dict[str, Any], field: str, says: str) -> None:
    good = {**ASKED, "alias": aliases(api, broker)[0], "event": "save"}
    answer = api.post("/v1/feedback", key=broker, json=[good, {**good, **wrong}])
    assert says in faults(answer)[field]
    assert answer.json()["errors"][0]["index"] == 1
    assert history(api.service) == []


def test_a_write_is_carried_out_once_per_idempotency_key(api: Api, broker: str) -> None:
    alias = aliases(api, broker)[0]
    body, headers = {**ASKED, "alias": alias, "event": "save"}, {"Idempotency-Key": "a"}
    first = api.post("/v1/feedback", key=broker, json=body, headers=headers)
    assert first.json()["recorded"] == 1
    assert api.post("/v1/feedback", key=broker, json=body, headers=headers).content == first.content
    other = api.post("/v1/feedback", key=broker, json={**body, "event": "open"}, headers=headers)
    assert "another request" in faults(other)["Idempotency-Key"]


def test_a_dismissal_acts_at_once_and_can_be_taken_back(api: Api, broker: str) -> None:
    party = api.key("outsider")
    for key, moves_up in ((broker, True), (party, False)):
        before = aliases(api, key)
        gone = before[2]
        assert said(api, key, gone, "dismiss", reason="wrong-field").json()["recorded"] == 1
        after = aliases(api, key)
        rest = [alias for alias in before if alias != gone]
        assert after[: len(rest)] == rest and len(after) == len(before) - (not moves_up)
        assert said(api, key, gone, "restore").json()["recorded"] == 1
        assert aliases(api, key) == before


def test_a_dismissal_holds_for_its_viewer_and_question_only(api: Api, broker: str) -> None:
    other, text = api.key("broker", parties=["*"]), "激光焊接缺陷检测"
    theirs, elsewhere = aliases(api, other), aliases(api, broker, text=text)
    for alias in aliases(api, broker):
        said(api, broker, alias, "dismiss", reason="other")
    assert aliases(api, other) == theirs
    assert aliases(api, broker, text=text) == elsewhere


def test_other_processes_take_a_dismissal_up(api: Api, broker: str) -> None:
    alias = aliases(api, broker)[0]
    with_another = open_service(api.service.settings)
    assert with_another.take_up()
    said(api, broker, alias, "dismiss", reason="other")
    assert with_another.take_up()
    twin = Api(create_app(with_another), with_another)
    assert alias not in aliases(twin, broker)
    said(twin, broker, aliases(twin, broker)[0], "dismiss", reason="other")
    with_another.close()


def test_own_feedback_is_paged_and_nobody_else_reads_it(api: Api, broker: str) -> None:
    given = aliases(api, broker)[:5]
    for alias in given:
        said(api, broker, alias, "open")
    found: list[str] = []
    cursor: str | None = None
    for size in (2, 2, 1):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = api.get("/v1/feedback", key=broker, params=query).json()
        assert len(page["entries"]) == size
        found += [entry["alias"] for entry in page["entries"]]
        last, cursor = cursor, page["next"]
    assert cursor is None and found == given[::-1]
    other = api.key("broker", parties=["*"])
    assert api.get("/v1/feedback", key=other).json() == {"entries": [], "next": None}
    answer = api.get("/v1/feedback", key=other, params={"cursor": last or ""})
    assert "another list, key or epoch" in faults(answer)["cursor"]
    assert "valid: 1 to 100" in faults(api.get("/v1/feedback", key=broker, params={"limit": 101}))["limit"]


def test_answers_do_not_wait_for_impressions_nor_fail_without_them(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_WAITING", 0)
    key = api.key("outsider")
    problem(said(api, key, aliases(api, key)[0], "open"), "not-found")


def test_keys_of_one_party_are_one(api: Api) -> None:
    casework = api.service.casework
    for number in range(20):
        api.key("enterprise", parties=["enterprise:evil"], label=f"evil {number}")
    api.key("enterprise", parties=["enterprise:evil", "enterprise:hidden"], label="evil too")
    api.key("enterprise", parties=["enterprise:hidden"], label="evil through another")
    for label in ("broker", "same broker"):
        api.key("broker", parties=["need:n2", "enterprise:evil"], label=label)
    for label in ("all", "all too"):
        api.key("broker", parties=["*"], label=label)
    api.key("outsider", label="nobody")
    api.key("expert", label="nobody either")
    api.key("broker", label="no mandate")
    keys = list_keys(casework)
    party = parties(keys)
    of = {key.label: party[key.id] for key in keys if key.label}
    assert len({of[label] for label in of if label.startswith("evil")}) == 1
    assert of["broker"] == of["same broker"] != of["evil 0"], "a broker is not the enterprise it speaks for"
    assert of["all"] != of["all too"]
    assert of["nobody"] == of["nobody either"] == of["no mandate"]


def test_what_twenty_keys_of_one_party_click_up_stays_within_the_bound(api: Api) -> None:
    """Through the whole path: answers, feedback, training, answers again."""
    service = api.service
    assert service.matcher is not None
    target = 15
    for number in range(20):
        key = api.key("broker", parties=["enterprise:evil"])
        for question in range(3):
            text = f"{ASKED['text']}" + "，" * (3 * number + question)
            found = aliases(api, key, text=text)
            event = {"match_kind": "need-expert", "text": text, "alias": found[target], "event": "deal"}
            assert api.post("/v1/feedback", key=key, json=event).status_code == 200
    learned = learn_from_use(service.casework, service.matcher.state, ["need-expert"])["need-expert"]
    assert learned.about["reactions"] == 60
    assert max(map(abs, learned.shares.values())) <= BOUND
    assert service.take_up()
    use = service.matcher.state.prepared("need-expert").use
    assert use is not None and abs(use.shares).max() > 0, "nothing of it is in the answers"


def test_training_needs_feedback_and_forgets_with_it(api: Api, broker: str) -> None:
    service = api.service
    assert service.matcher is not None
    alias = aliases(api, broker)[0]
    service.impressions.flush()
    state = service.matcher.state
    path = path_of(service.settings.matching_folder / "models", "need-expert")

    def learned() -> list[str]:
        return list(learn_from_use(service.casework, state, ["need-patent", "need-expert"]))

    assert learned() == [] and not path.exists()
    said(api, broker, alias, "accept")
    assert learned() == ["need-expert"] and path.exists()
    with service.casework.writing() as connection:
        for table in (IMPRESSIONS, FEEDBACK):
            connection.execute(table.update().values(time=1_000))
    assert learned() == [] and not path.exists()
    assert history(service) == []


def test_exposure_is_told_by_group(api: Api, broker: str) -> None:
    service = api.service
    assert service.matcher is not None
    for text in ("焊接", "电池"):
        aliases(api, broker, text=text)
    service.impressions.flush()
    for by in ("size", "title", "institution_type"):
        report = exposure_report(service.casework, service.matcher.state, "need-expert", by)
        assert report.impressions == 40 and 0 < report.gini < 1
        assert sum(group.candidates for group in report.groups) == service.matcher.state.projection.table("expert").n
        for share in ("impressions", "exposure", "relevance"):
            assert sum(getattr(group, share) for group in report.groups) == pytest.approx(1)
    firms = exposure_report(service.casework, service.matcher.state, "fund-enterprise")
    assert firms.impressions == 0 and {group.group for group in firms.groups} >= {"small", "large"}
    with pytest.raises(UnknownNameError, match="size"):
        exposure_report(service.casework, service.matcher.state, "need-expert", "name")


def test_a_pair_that_is_changed_too_often_is_told_when_it_may_again(
    api: Api, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "MOST_CHANGES", 1)
    one, two, *_ = aliases(api, broker)
    event = {**ASKED, "alias": one, "event": "save"}
    assert api.post("/v1/feedback", key=broker, json=[event, {**event, "event": "accept"}] * 2).json() == {
        "recorded": 1,
        "unchanged": 3,
    }
    answer = api.post("/v1/feedback", key=broker, json=[{**event, "alias": two}, {**event, "event": "deal"}])
    (fault,) = problem(answer, "rate-limited")["errors"]
    assert (fault["field"], fault["index"]) == ("alias", 1) and "1 times within a day" in fault["reason"]
    assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400
    assert history(api.service) == [("accept", None)]
