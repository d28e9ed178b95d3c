"""What the reference page shows can be tried from its top to its end, with what its descriptions say comes first."""

from __future__ import annotations

import shlex
from typing import Any

import orjson
import pytest

from api import reference
from api.bootstrap import build
from tests.api.asking import Api


@pytest.fixture
def page(office_api: Api) -> dict[str, dict[str, Any]]:
    """Operations of the page by method and path."""
    document = office_api.get("/openapi.json").json()
    return {
        f"{operation['method']} {operation['path']}": operation
        for tag in document["tags"]
        for operation in reference._operations(document, tag["name"])
    }


def test_the_examples_work_one_after_the_other(office_api: Api, page: dict[str, dict[str, Any]]) -> None:
    keys = {"QIANXIAN_KEY": office_api.key("broker", parties=["*"]), "QIANXIAN_OPERATOR": office_api.key("operator")}

    def tried(operation: str, body: Any = None) -> Any:
        """The answer to the page's own curl line, with another body where one is given."""
        words = shlex.split(page[operation]["curl"].replace("\\\n", ""))
        url = next(word for word in words if word.startswith("$QIANXIAN_URL")).removeprefix("$QIANXIAN_URL")
        key = next(keys[word.partition("$")[2]] for word in words if word.startswith("Authorization"))
        content = words[words.index("-d") + 1] if "-d" in words else None
        headers = {"Content-Type": "application/json"} if content else {}
        sent = {"json": body} if body is not None else {"content": content}
        answer = office_api.request(operation.partition(" ")[0], url, key=key, headers=headers, **sent)
        assert answer.status_code in {200, 201, 204}, f"{operation}: {answer.text}"
        return answer.json() if answer.content else None

    def examples(operation: str) -> dict[str, Any]:
        return {name: orjson.loads(text) for name, text in page[operation]["body"]["examples"]}

    asked = "POST /v1/matches/{match_kind}"
    (alias, *_) = [match["alias"] for group in tried(asked)["groups"] for match in group["matches"]]
    for body in examples("POST /v1/feedback").values():
        office_api.service.impressions.flush()
        given = [{**one, "alias": alias} for one in body] if isinstance(body, list) else {**body, "alias": alias}
        assert tried("POST /v1/feedback", given) == {"recorded": 1, "unchanged": 0}
    assert len(tried("GET /v1/feedback")["entries"]) == 2

    entities, relations = "/v1/entities/{kind}", "/v1/relations/{kind}"
    assert tried(f"GET {entities}")["records"]
    one, many, firm = examples(f"POST {entities}").values()
    for body in (one, many):
        assert tried(f"POST {entities}", body)
    written = office_api.post("/v1/entities/enterprise", key=keys["QIANXIAN_OPERATOR"], json=firm)
    assert written.status_code == 200
    for operation in (f"GET {entities}/{{id}}", f"PUT {entities}/{{id}}", f"POST {relations}"):
        assert tried(operation)
    build(office_api.service.settings)
    assert office_api.service.take_up()
    assert all(tried(asked, body)["groups"] for body in examples(asked).values())
    tried(f"DELETE {relations}")
    tried(f"DELETE {entities}/{{id}}")


def test_the_page_says_which_key_and_what_comes_first(page: dict[str, dict[str, Any]]) -> None:
    for name, operation in page.items():
        if "/v1/entities" in name or "/v1/relations" in name:
            assert "operator's key" in operation["description"] and "$QIANXIAN_OPERATOR" in operation["curl"]
    assert "ask first" in page["POST /v1/feedback"]["description"]
    assert "POST /v1/entities" in page["POST /v1/relations/{kind}"]["description"]
