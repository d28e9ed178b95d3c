"""Writing and reading records: atomic, once per Idempotency-Key, audited."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.bootstrap import Service
from api.casework.tables import AUDIT
from graph.errors import StoreUnavailableError
from graph.records import EntityKey
from graph.store import GraphStore, open_store
from tests.api.asking import Api, faults, problem

NEED = {"title": "功率芯片散热测试", "need_type": "technology"}


def store(api: Api) -> GraphStore:
    return api.service.stores.current()


def audited(api: Api) -> list[tuple[str, str]]:
    with api.service.casework.reading() as connection:
        rows = connection.execute(sa.select(AUDIT.c.action, AUDIT.c.object).order_by(AUDIT.c.seq))
        return [(row.action, row.object) for row in rows]


def test_put_get_replace_delete(api: Api, operator: str) -> None:
    path = "/v1/entities/need/n1"
    created = api.put(path, key=operator, json=NEED)
    assert (created.status_code, created.json()) == (201, {"id": "n1", **NEED})
    assert api.get(path, key=operator).json() == {"id": "n1", **NEED}
    replaced = api.put(path, key=operator, json={"id": "n1", "title": "新"})
    assert (replaced.status_code, replaced.json()) == (200, {"id": "n1", "title": "新"})
    assert api.get(path, key=operator).json() == {"id": "n1", "title": "新"}
    deleted = api.delete(path, key=operator)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for answer in (api.get(path, key=operator), api.delete(path, key=operator)):
        problem(answer, "not-found")
    assert store(api).provenance("need", "n1") == {}
    actions = [action for action, _ in audited(api)]
    assert actions == ["put", "look", "put", "look", "delete", "look", "delete"]
    assert api.service.audit.verify() == 7


@pytest.mark.parametrize("id", ["10.1000/182", "https://openalex.org/W1", "中文 编号", "a?b#c%2F", "."])
def test_an_id_may_be_any_text(api: Api, operator: str, id: str) -> None:
    from urllib.parse import quote

    path = f"/v1/entities/need/{quote(id, safe='')}"
    if id == ".":
        path = "/v1/entities/need/%2E"  # clients fold a plain dot away
    assert api.put(path, key=operator, json={"title": "x"}).status_code == 201
    assert api.get(path, key=operator).json()["id"] == id
    assert store(api).get("need", id) is not None


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_id_with_nul_is_absent_before_anything_is_done(api: Api, operator: str, method: str) -> None:
    problem(api.request(method, "/v1/entities/need/n%001", key=operator, json={"title": "x"}), "not-found")
    query = {"source": "e1", "source_kind": "enterprise", "target": "n\x001"}
    assert "NUL" in faults(api.delete("/v1/relations/posted", key=operator, params=query))["target"]
    assert audited(api) == []


def test_a_path_that_is_no_utf_8_names_nothing(api: Api, operator: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        problem(api.request(method, "/v1/entities/need/%ff", key=operator, json={"title": "x"}), "not-found")
    assert audited(api) == []
    assert api.put("/v1/entities/need/%EF%BF%BD", key=operator, json={"title": "x"}).status_code == 201


def test_post_merges_one_or_many(api: Api, operator: str) -> None:
    path = "/v1/entities/need"
    assert api.post(path, key=operator, json={"id": "a", **NEED}).json() == {
        "inserted": 1,
        "updated": 0,
        "unchanged": 0,
    }
    both = [{"id": "a", "title": "changed"}, {"id": "b", "title": "new"}]
    assert api.post(path, key=operator, json=both).json() == {"inserted": 1, "updated": 1, "unchanged": 0}
    kept = store(api).get("need", "a")
    assert kept is not None
    assert kept.values == {"title": "changed", "need_type": "technology"}
    assert store(api).provenance("need", "a")["title"].source == "api"


def test_questions_of_who_sees_the_order_are_audited(api: Api, operator: str, broker: str) -> None:
    for key in (operator, broker, api.key("expert", parties=["expert:e1"])):
        assert api.post("/v1/matches/need-expert", key=key, json={"subject": "n1"}).status_code == 200
    assert api.post("/v1/matches/need-expert", key=broker, json={"text": "heat"}).status_code == 200
    assert api.post("/v1/matches/need-expert", key=broker, json={"subject": "hidden"}).status_code == 404
    api.service.notes.close()
    told = [("match", "need-expert:n1")] * 2 + [("match", "need-expert:text")]
    assert audited(api) == told


def test_kinds_adopted_before_the_first_build_are_known_after_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "boat" not in service.stores.current().catalogue.entities  # open from here on
    labels = {"en": "boat", "zh": "船"}
    field = {"name": "name", "type": "string", "access": "public", "labels": labels}
    with open_store(service.settings.store_url) as store:
        adopted = store.adopt({"entities": [{"name": "boat", "labels": labels, "fields": [field]}]})
    mask = SimpleNamespace(redact=str, epoch="e")
    state = SimpleNamespace(projection=SimpleNamespace(catalogue=adopted), mask=mask)
    monkeypatch.setattr("api.bootstrap.open_matcher", lambda *_: SimpleNamespace(state=state))
    assert service.take_up()
    assert "boat" in service.stores.current().catalogue.entities


def test_a_bad_record_stops_the_whole_batch_and_every_fault_is_told(api: Api, operator: str) -> None:
    rows = [{"id": "good", "title": "x"}, {"title": "no id"}, {"id": "bad", "colour": "red"}]
    answer = api.post("/v1/entities/need", key=operator, json=rows)
    told = [(fault["index"], fault["field"]) for fault in problem(answer, "invalid")["errors"]]
    assert told == [(1, "id"), (2, "colour")]
    assert store(api).counts() == {}


@pytest.mark.parametrize("body", [[], [[]], ["x"], 5, "text"])
def test_what_is_no_record_is_refused(api: Api, operator: str, body: Any) -> None:
    problem(api.post("/v1/entities/need", key=operator, json=body), "invalid")
    problem(api.put("/v1/entities/need/n1", key=operator, json=body), "invalid")
    assert store(api).counts() == {}


def test_too_many_records_at_once_are_refused(api: Api, operator: str) -> None:
    rows = [{"id": str(number)} for number in range(1001)]
    assert "1 to 1000" in faults(api.post("/v1/entities/need", key=operator, json=rows))[""]


def test_ids_in_path_and_body_must_agree(api: Api, operator: str) -> None:
    assert "path" in faults(api.put("/v1/entities/need/n1", key=operator, json={"id": "n2"}))["id"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "entities/moon/x"), ("PUT", "entities/moon/x"), ("POST", "relations/moon")]
)
def test_an_operator_is_told_the_kinds_there_are(api: Api, operator: str, method: str, path: str) -> None:
    answer = api.request(method, f"/v1/{path}", key=operator, json={"id": "x", "source": "a", "target": "b"})
    assert "valid: " in problem(answer, "not-found")["detail"]


def test_edges_need_their_ends(api: Api, operator: str) -> None:
    edge = {"source": "e1", "source_kind": "enterprise", "target": "n1", "date": "2026-03-01"}
    told = faults(api.post("/v1/relations/posted", key=operator, json=edge))
    assert told == {"source": "no enterprise with this id", "target": "no need with this id"}
    api.put("/v1/entities/enterprise/e1", key=operator, json={})
    api.put("/v1/entities/need/n1", key=operator, json={})
    assert api.post("/v1/relations/posted", key=operator, json=edge).json()["inserted"] == 1
    query = {"source": "e1", "source_kind": "enterprise", "target": "n1"}
    assert api.delete("/v1/relations/posted", key=operator, params=query).status_code == 204
    assert store(api).counts() == {"enterprise": 1, "need": 1}
    problem(api.delete("/v1/relations/posted", key=operator, params=query), "not-found")


def test_an_end_that_goes_while_its_edge_is_written_is_told(
    api: Api, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, id in (("enterprise", "e1"), ("need", "n1"), ("need", "n2")):
        api.put(f"/v1/entities/{kind}/{id}", key=operator, json={})
    upsert = GraphStore.upsert

    def late(self: GraphStore, *arguments: Any, **options: Any) -> Any:
        self.delete([EntityKey("need", "n2")])
        return upsert(self, *arguments, **options)

    monkeypatch.setattr(GraphStore, "upsert", late)
    edges = [{"source": "e1", "source_kind": "enterprise", "target": id} for id in ("n1", "n2")]
    told = problem(api.post("/v1/relations/posted", key=operator, json=edges), "invalid")
    assert told["errors"] == [{"field": "target", "reason": "no need with this id", "index": 1}]
    assert "the other edges were written" in told["detail"]


def test_an_edge_is_found_by_its_identifying_properties(api: Api, operator: str) -> None:
    api.put("/v1/entities/expert/x1", key=operator, json={})
    api.put("/v1/entities/institution/i1", key=operator, json={})
    ends = {"source": "x1", "target": "i1", "target_kind": "institution"}
    for since in ("2001", "2011"):
        api.post("/v1/relations/employed_by", key=operator, json={**ends, "since": since}).raise_for_status()
    assert api.delete("/v1/relations/employed_by", key=operator, params={**ends, "since": "2001"}).status_code == 204
    assert [edge.values["since"] for edge in store(api).relations("employed_by")] == ["2011"]


def again(api: Api, key: str, token: str, body: Any, path: str = "/v1/entities/need/n1") -> httpx.Response:
    return api.put(path, key=key, json=body, headers={"Idempotency-Key": token})


def test_a_repeated_write_gets_the_first_answer(api: Api, operator: str) -> None:
    first = again(api, operator, "t-1", NEED)
    revision = store(api).revision()
    second = again(api, operator, "t-1", NEED)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert store(api).revision() == revision
    assert "another request" in faults(again(api, operator, "t-1", {"title": "other"}))["Idempotency-Key"]
    assert "another request" in faults(again(api, operator, "t-1", NEED, "/v1/entities/need/n2"))["Idempotency-Key"]
    assert again(api, api.key("operator"), "t-1", {"title": "other"}).status_code == 200


def test_a_refused_write_is_not_remembered(api: Api, operator: str) -> None:
    problem(again(api, operator, "t-1", {"colour": "red"}), "invalid")
    assert again(api, operator, "t-1", NEED).status_code == 201


@pytest.mark.parametrize("token", ["", "x" * 256, "a\tb"])
def test_a_key_for_repetition_has_a_form(api: Api, operator: str, token: str) -> None:
    assert "255" in faults(again(api, operator, token, NEED))["Idempotency-Key"]


def test_of_simultaneous_repetitions_one_writes_and_the_others_wait(
    api: Api, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go, original = threading.Event(), threading.Event(), type(store(api)).upsert

    def slow(self: GraphStore, *arguments: Any, **options: Any) -> Any:
        inside.set()
        assert go.wait(10)
        return original(self, *arguments, **options)

    monkeypatch.setattr(type(store(api)), "upsert", slow)
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(again(api, operator, "t-1", NEED)))
    thread.start()
    assert inside.wait(10)
    waiting = again(api, operator, "t-1", NEED)
    problem(waiting, "conflict")
    assert waiting.headers["retry-after"] == "1"
    go.set()
    thread.join()
    assert answers[0].status_code == 201
    assert again(api, operator, "t-1", NEED).status_code == 201


def test_a_store_that_is_down_is_said_and_the_write_may_be_repeated(
    api: Api, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_arguments: Any, **_options: Any) -> Any:
        raise StoreUnavailableError("bolt://user:password@host does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(type(store(api)), "upsert", down)
        answer = again(api, operator, "t-1", NEED)
        problem(answer, "unavailable")
        assert answer.headers["retry-after"]
        assert "password" not in answer.text
    assert again(api, operator, "t-1", NEED).status_code == 201


def test_what_cannot_be_audited_is_not_done(api: Api, operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: str) -> None:
        raise StoreUnavailableError("the casework database does not answer")

    monkeypatch.setattr(api.service.audit, "append", broken)
    problem(api.put("/v1/entities/need/n1", key=operator, json=NEED), "unavailable")
    problem(api.get("/v1/entities/need/n1", key=operator), "unavailable")
    assert store(api).counts() == {}
