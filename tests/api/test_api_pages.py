"""The API's description of itself: complete, self-hosted, safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from api import openapi
from api.access import ACCESS, Rule
from api.bootstrap import open_matcher
from api.problems import CODES
from api.routes.matches import EXAMPLES
from api.settings import load
from graph.kinds import BUILTIN
from matching.kinds import MatchKinds
from tests.api.asking import Api


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.bootstrap.Service.catalogue", lambda _self: BUILTIN)


@pytest.fixture
def document(api: Api, catalogue: None) -> dict[str, Any]:
    answer = api.get("/openapi.json")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(m.upper(), path, op) for path, ops in document["paths"].items() for m, op in ops.items()]


def test_every_route_is_described_with_its_security(document: dict[str, Any]) -> None:
    undescribed = {"/", "/openapi.json", "/reference", "/static/{name}"}
    assert {(m, p) for m, p, _ in operations(document)} == {(m, p) for m, p in ACCESS if p not in undescribed}
    for method, path, operation in operations(document):
        keyed = ACCESS[method, path] not in {Rule.OPEN, Rule.LOOPBACK}
        assert operation["security"] == ([{"key": []}] if keyed else [])
        assert re.search(r"[\u4e00-\u9fff]", operation["summary"])
        assert operation["description"]


def test_every_answer_has_a_shape_and_every_problem_is_one(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        keyed = bool(operation["security"])
        assert not keyed or {"401", "403", "429", "500", "503"} <= operation["responses"].keys()
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= operation["responses"].keys()
            assert operation["requestBody"]["content"]["application/json"]["examples"]
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert set(answer["content"]) == {"application/problem+json"}, (method, path, status)
            elif status != "204":
                assert answer["content"]


def test_the_filters_are_what_cards_show(api: Api, catalogue: None, office: Path) -> None:
    matcher = open_matcher(load(home=office))
    listed = api.get("/v1/kinds").json()["matches"]
    assert {kind["name"] for kind in listed} == set(MatchKinds.of(BUILTIN))
    for kind in listed:
        assert tuple(kind["filters"]) == matcher.state.mask.visible(kind["candidate"]).fields
    named = {name for example in EXAMPLES.values() for name in example["value"].get("filters", {})}
    assert named and named <= set(next(kind["filters"] for kind in listed if kind["name"] == "need-expert"))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [r for child in node.values() for r in references(child)]
        return [r for child in node for r in references(child)] if isinstance(node, list) else []

    schemas = document["components"]["schemas"]
    assert {r.rpartition("/")[2] for r in references(document)} <= schemas.keys()


def test_parameters_and_schemas_derive_from_the_catalogue(document: dict[str, Any]) -> None:
    kind = document["paths"]["/v1/matches/{match_kind}"]["post"]["parameters"][0]
    assert kind["schema"]["enum"] == sorted(MatchKinds.of(BUILTIN))
    kind = document["paths"]["/v1/entities/{kind}"]["post"]["parameters"][0]
    assert kind["schema"]["enum"] == sorted(BUILTIN.entities)
    need = document["components"]["schemas"]["entity.need"]["properties"]
    assert set(need) == {"id"} | {field.name for field in BUILTIN.entity("need").fields}


def test_the_document_is_the_same_every_time(api: Api) -> None:
    assert orjson.dumps(openapi.document(api.app, BUILTIN)) == orjson.dumps(openapi.document(api.app, BUILTIN))


def test_the_page_is_strict_and_names_everything(api: Api, catalogue: None, document: dict[str, Any]) -> None:
    answer = api.get("/reference")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "牵线" in answer.text
    for _, path, operation in operations(document):
        assert path in answer.text
        assert f'id="{operation["operationId"]}"' in answer.text
    for code in CODES:
        assert f'id="problem-{code}"' in answer.text
    assert not re.search(r"<script|<style|style=|\son\w+=|javascript:", answer.text)
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    assert set(loaded) == {"/static/qianxian.svg", "/static/reference.css", "/openapi.json"}
    anchors = set(re.findall(r'href="#([^"]+)"', answer.text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', answer.text))


@pytest.mark.parametrize("name", ["reference.css", "qianxian.svg"])
def test_its_files_are_served_and_revalidated(api: Api, name: str) -> None:
    answer = api.get(f"/static/{name}")
    assert answer.status_code == 200
    assert b"http" not in answer.content.replace(b"http://www.w3.org/2000/svg", b"")
    again = api.get(f"/static/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["..%2f..%2fsettings.py", "%2e%2e/app.py", "none.css"])
def test_no_other_file_is_served(api: Api, name: str) -> None:
    assert api.get(f"/static/{name}").status_code == 404


def test_the_root_leads_to_the_page(api: Api) -> None:
    answer = api.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/reference")


def test_kinds_are_told_to_everyone(api: Api, catalogue: None) -> None:
    body = api.get("/v1/kinds").json()
    assert [kind["name"] for kind in body["entities"]] == list(BUILTIN.entities)
    assert {kind["name"] for kind in body["matches"]} == set(MatchKinds.of(BUILTIN))
    need = next(kind for kind in body["entities"] if kind["name"] == "need")
    assert {"name": "budget", "access": "generalised"}.items() <= next(
        field for field in need["fields"] if field["name"] == "budget"
    ).items()
