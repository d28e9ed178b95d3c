"""What the reference page shows can be tried from its top to its end, with what its descriptions say comes first."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api import reference
from api.bootstrap import build
from graph.store import open_store
from tests.api.asking import Api
from tests.api.running import ROOT, running

ASKED, ENTITIES, RELATIONS = "/v1/matches/{match_kind}", "/v1/entities/{kind}", "/v1/relations/{kind}"


@pytest.fixture
def page(office_api: Api) -> dict[str, dict[str, Any]]:
    """Operations of the page by method and path."""
    document = office_api.get("/openapi.json").json()
    return {
        f"{operation['method']} {operation['path']}": operation
        for tag in document["tags"]
        for operation in reference._operations(document, tag["name"])
    }


def test_a_reader_who_types_everything_from_top_to_bottom_gets_no_error(office: Path, tmp_path: Path) -> None:
    """Every line of the page in its order, in one shell, against a started service; nothing that it wrote is left."""
    home = tmp_path / "home"
    shutil.copytree(office, home, ignore=shutil.ignore_patterns("casework.db*"))
    (tmp_path / "qianxian").write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from api.cli import main; main()' --home {home} \"$@\"\n", "utf-8"
    )
    (tmp_path / "qianxian").chmod(0o755)
    with running(home) as service:
        service.wait_until_ready()
        main = httpx.get(f"{service.url}/reference").text.partition("<main")[2]
        shown = re.findall(
            r'(?:<section id="start">|<details class="curl">).*?<pre><code>(.*?)</code></pre>', main, re.DOTALL
        )
        lines = [html.unescape(block).replace("http://127.0.0.1:8000", service.url) for block in shown]
        assert len(lines) > 12 and sum("-X DELETE" in line for line in lines) == 2
        script = ["set -eu", 'curl() { command curl -sS --fail-with-body -w "\\n" "$@"; }', *lines]
        done = subprocess.run(
            ["sh", "-c", "\n".join(script)],
            env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        assert '{"recorded":1,"unchanged":0}' in done.stdout
        failed = [e for e in service.events() if e["event"] == "request" and e["status"] >= 400]
        assert [e for e in failed if e["route"] != "/readyz"] == []
    with open_store(f"sqlite:///{home / 'graph.db'}") as store:
        assert store.get("need", "example-need") is store.get("enterprise", "example-enterprise") is None


def test_every_body_that_the_page_shows_works(office_api: Api, page: dict[str, dict[str, Any]]) -> None:
    broker, operator = office_api.key("broker", parties=["*"]), office_api.key("operator")

    def examples(operation: str) -> dict[str, Any]:
        return {name: orjson.loads(text) for name, text in page[operation]["body"]["examples"]}

    def posted(path: str, body: Any, key: str = operator) -> Any:
        answer = office_api.post(path, key=key, json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    asked = "/v1/matches/need-expert"
    groups = posted(asked, next(iter(examples(f"POST {ASKED}").values())), broker)["groups"]
    for body in examples("POST /v1/feedback").values():
        office_api.service.impressions.flush()
        alias = {"alias": groups[0]["matches"][0]["alias"]}
        given = [one | alias for one in body] if isinstance(body, list) else body | alias
        assert posted("/v1/feedback", given, broker) == {"recorded": 1, "unchanged": 0}

    one, many, firm = examples(f"POST {ENTITIES}").values()
    for kind, body in (("need", one), ("need", many), ("enterprise", firm)):
        assert posted(f"/v1/entities/{kind}", body)
    for body in examples(f"POST {RELATIONS}").values():
        assert posted("/v1/relations/posted", body)
    build(office_api.service.settings)
    assert office_api.service.take_up()
    assert all(posted(asked, body, broker)["groups"] for body in examples(f"POST {ASKED}").values())


def test_what_is_written_is_deleted_last_and_in_reverse(page: dict[str, dict[str, Any]]) -> None:
    records = [name for name in page if "/v1/entities" in name or "/v1/relations" in name]
    assert records[-2:] == [f"DELETE {RELATIONS}", f"DELETE {ENTITIES}/{{id}}"]


def test_the_page_says_which_key_and_what_comes_first(page: dict[str, dict[str, Any]]) -> None:
    for name, operation in page.items():
        if "/v1/entities" in name or "/v1/relations" in name:
            assert "operator's key" in operation["description"] and "$QIANXIAN_OPERATOR" in operation["curl"]
    assert "ask first" in page["POST /v1/feedback"]["description"]
    assert "POST /v1/entities" in page["POST /v1/relations/{kind}"]["description"]
