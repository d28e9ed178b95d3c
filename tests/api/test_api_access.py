"""Who may use which route."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.access import ACCESS, GuardedRoute, Rule
from api.casework import keys
from tests.api.asking import Api, DoubleMatcher

KEYED = [(method, path) for (method, path), rule in ACCESS.items() if rule not in {Rule.OPEN, Rule.LOOPBACK}]
OPERATORS = [(method, path) for (method, path), rule in ACCESS.items() if rule in {Rule.READ, Rule.WRITE}]


def filled(path: str) -> str:
    return path.replace("{kind}", "need").replace("{id}", "n1").replace("{match_kind}", "need-expert")


def routes_of(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    for route in app.routes:
        assert isinstance(route, GuardedRoute), f"{route} is not guarded"
        for method in route.methods or ():
            yield method, route


def test_every_route_has_its_rule_and_every_rule_its_route(api: Api) -> None:
    assert {(method, route.path_format) for method, route in routes_of(api.app)} == set(ACCESS)


def test_open_are_only_health_kinds_and_the_description() -> None:
    free = {path for (_, path), rule in ACCESS.items() if rule in {Rule.OPEN, Rule.LOOPBACK}}
    assert free == {
        "/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/reference", "/static/{name}", "/v1/kinds",
    }  # fmt: skip


def test_a_route_without_a_rule_cannot_be_added(api: Api) -> None:
    async def handler() -> None: ...

    with pytest.raises(KeyError):
        api.app.add_api_route("/v1/new", handler, methods=["GET"])


@pytest.mark.parametrize(("method", "path"), KEYED)
def test_without_a_key_nothing_is_answered(api: Api, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer qx_abcdefabcdef_" + "x" * 43}):
        answer = api.request(method, filled(path), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), OPERATORS)
@pytest.mark.parametrize("role", ["outsider", "enterprise", "expert", "fund-manager", "owner", "broker"])
def test_only_operators_learn_whether_a_record_exists(
    api: Api, operator: str, role: str, method: str, path: str
) -> None:
    """The same bytes as an operator gets for an absent record, whatever is asked and sent."""
    reference = api.get("/v1/entities/need/absent", key=operator)
    assert reference.status_code == 404
    key = api.key(role)
    api.put("/v1/entities/need/n1", key=operator, json={"title": "there"})
    for kind in ("need", "nonsense"):
        answer = api.request(method, filled(path).replace("need", kind), key=key, content=b"{")
        assert (answer.status_code, answer.content, dict(answer.headers)) == (
            404, reference.content, dict(reference.headers),
        )  # fmt: skip


def test_a_scope_that_is_missing_is_named(api: Api) -> None:
    reader = api.key("operator", scopes=["read"])
    assert "`match`" in api.post("/v1/matches/need-expert", key=reader, json={"text": "x"}).json()["detail"]
    answer = api.put("/v1/entities/need/n1", key=reader, json={})
    assert answer.status_code == 403
    assert "`write`" in answer.json()["detail"]


def test_a_revoked_key_is_refused(api: Api, broker: str) -> None:
    assert api.post("/v1/matches/need-expert", key=broker, json={"text": "x"}).status_code == 200
    keys.revoke(api.service.casework, broker.split("_")[1])
    api.service.keys._known.clear()  # as after the ttl
    answer = api.post("/v1/matches/need-expert", key=broker, json={"text": "x"})
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


def test_metrics_are_for_this_machine(api: Api) -> None:
    unknown = api.get("/nowhere", client="203.0.113.5")
    for client in ("203.0.113.5", "::ffff:203.0.113.5", "10.0.0.1"):
        answer = api.get("/metrics", client=client)
        assert (answer.status_code, answer.content) == (404, unknown.content)
    for client in ("127.0.0.1", "::1", "127.0.1.9"):
        assert "qianxian_requests_total" in api.get("/metrics", client=client).text


def test_a_team_is_asked_for_and_explained(api: Api, matcher: DoubleMatcher, broker: str) -> None:
    assert api.post("/v1/matches/need-expert", key=broker, json={"text": "x", "cover": True}).status_code == 200
    question, _ = matcher.asked[-1]
    assert question.cover and question.explain
    refused = api.post("/v1/matches/need-expert", key=broker, json={"text": "x", "cover": "yes"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "cover"
