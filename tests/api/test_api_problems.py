"""Errors: one shape, told apart by code, without leaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given, strategies as st

from api.limits import deeper_than
from api.logs import _Patient, redacted
from api.problems import problem_of
from api.settings import Settings
from graph.errors import DiskFullError, ProjectionError, ReadOnlyError, StoreError, StoreUnavailableError
from tests.api.asking import Api, faults, problem


def test_an_unknown_path_and_a_wrong_method(api: Api, broker: str) -> None:
    for path in ("/nowhere", "/v1", "/v1/", "/v1/matches", "/v1/matches/a/b", "/v1/kinds/", "/reference/x"):
        problem(api.get(path, key=broker), "not-found")
    answer = api.get("/v1/matches/need-expert")
    problem(answer, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_a_crash_tells_nothing_but_a_name_for_the_log(api: Api, broker: str, captured: list[dict[str, Any]]) -> None:
    answer = api.post("/v1/matches/need-expert", key=broker, json={"text": "crash"}, headers={"X-Request-ID": "r-1"})
    body = problem(answer, "internal")
    assert body["instance"] == "urn:qianxian:request:r-1"
    assert "secret" not in answer.text
    assert "Runtime" not in answer.text
    crash = next(event for event in captured if event["event"] == "crash")
    assert crash["error"] == "RuntimeError"
    assert crash["request_id"] == "r-1"
    assert any("matches.py" in frame for frame in crash["frames"])
    assert "secret words" not in repr(captured)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/xml"])
def test_a_wrong_media_type(api: Api, broker: str, media_type: str) -> None:
    answer = api.post(
        "/v1/matches/need-expert", key=broker, content=b'{"text": "x"}', headers={"Content-Type": media_type}
    )
    assert "application/json" in problem(answer, "media-type")["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"{'text': 1}", b'{"text": "\xff"}', b"NaN", b'{"a": 1}x'])
def test_a_body_that_is_no_json(api: Api, broker: str, body: bytes) -> None:
    answer = api.post("/v1/matches/need-expert", key=broker, content=body, headers={"Content-Type": "application/json"})
    problem(answer, "json")


def test_deep_nesting(api: Api, broker: str) -> None:
    for depth in (13, 900, 100_000):
        body = b'{"text": ' + b"[" * depth + b"]" * depth + b"}"
        answer = api.post(
            "/v1/matches/need-expert", key=broker, content=body, headers={"Content-Type": "application/json"}
        )
        assert "at most 12 levels" in faults(answer)[""]


@given(st.recursive(st.integers(0, 9) | st.text("[{"), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=2), x)))
def test_depth_is_what_a_recursive_count_says(value: Any) -> None:
    def depth(node: Any) -> int:
        if isinstance(node, dict):
            return 1 + max(map(depth, node.values()), default=0)
        return 1 + max(map(depth, node), default=0) if isinstance(node, list) else 0

    body = orjson.dumps(value)
    assert [deeper_than(value, limit, body) for limit in range(5)] == [depth(value) > limit for limit in range(5)]


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ([], "", "object"),
        ({}, "subject", "either"),
        ({"subject": "a", "text": "b"}, "subject", "either"),
        ({"text": "x", "limit": 0}, "limit", "greater than or equal to 1"),
        ({"text": "x", "limit": 101}, "limit", "1 to 100"),
        ({"text": "x", "limit": "5"}, "limit", "integer"),
        ({"text": "x", "limit": 10**30}, "limit", "integer"),
        ({"text": "x", "speed": 1}, "speed", "valid: subject, text, limit"),
        ({"text": "x" * 20_001}, "text", "at most 20000"),
        ({"text": "x", "filters": {"a": 1}}, "filters.a", "string"),
        ({"text": "x", "exclude": ["a" * 513]}, "exclude.0", "512"),
        ({"text": "x", "explain": "yes"}, "explain", "boolean"),
        ({"text": None, "subject": 5}, "subject", "string"),
    ],
)
def test_every_wrong_field_is_named_with_what_is_valid(
    api: Api, broker: str, body: object, field: str, says: str
) -> None:
    assert says in faults(api.post("/v1/matches/need-expert", key=broker, json=body))[field]


def test_several_faults_are_told_at_once_and_the_input_is_not_repeated(api: Api, broker: str) -> None:
    answer = api.post("/v1/matches/need-expert", key=broker, json={"text": 5, "limit": "secret-value", "x": 1})
    assert set(faults(answer)) == {"text", "limit", "x"}
    assert "secret-value" not in answer.text


def test_the_query_is_checked_too(api: Api, operator: str) -> None:
    assert "greater" in faults(api.get("/v1/entities/need?limit=0", key=operator))["limit"]
    assert "1 to 100" in faults(api.get("/v1/entities/need?limit=1000", key=operator))["limit"]


@pytest.mark.parametrize(
    ("method", "path", "valid"),
    [
        ("GET", "/v1/entities/need?limti=3", "valid: cursor, limit"),
        ("GET", "/v1/entities/need/n1?limti=3", "takes none"),
        ("POST", "/v1/matches/need-expert?limti=3", "takes none"),
    ],
)
def test_an_unknown_parameter_is_refused(api: Api, operator: str, method: str, path: str, valid: str) -> None:
    answer = api.request(method, path, key=operator, json={"text": "x"})
    assert valid in faults(answer)["limti"]
    assert api.get("/healthz?probe=1").status_code == 200


def test_the_body_limit_holds_with_and_without_a_declared_length(api: Api, broker: str) -> None:
    size = api.service.settings.body_limit + 1
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 10 * size:
            sent += 65_536
            yield b" " * 65_536

    declared = api.post(
        "/v1/matches/need-expert", key=broker, content=b" " * size, headers={"Content-Type": "application/json"}
    )
    problem(declared, "too-large")
    streamed = api.post(
        "/v1/matches/need-expert", key=broker, content=endless(), headers={"Content-Type": "application/json"}
    )
    problem(streamed, "too-large")
    assert declared.content == streamed.content
    assert sent < 2 * size


def test_the_rate_is_limited_per_key_and_says_when_to_come_back(api: Api) -> None:
    one, other = api.key("outsider"), api.key("outsider")
    codes = [api.post("/v1/matches/need-expert", key=one, json={"text": "x"}).status_code for _ in range(70)]
    assert codes[:60] == [200] * 60
    assert 429 in codes[60:]
    answer = next(
        a
        for _ in range(5)
        if (a := api.post("/v1/matches/need-expert", key=one, json={"text": "x"})).status_code == 429
    )
    problem(answer, "rate-limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert api.post("/v1/matches/need-expert", key=other, json={"text": "x"}).status_code == 200


def test_without_a_projection_one_is_asked_to_wait(api: Api, broker: str, operator: str) -> None:
    api.service.matcher = None
    for answer in (
        api.post("/v1/matches/need-expert", key=broker, json={"text": "x"}),
        api.get("/readyz"),
        api.get("/v1/entities/need", key=operator),
    ):
        problem(answer, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert api.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("error", [StoreError, StoreUnavailableError, ProjectionError])
def test_errors_of_the_store_keep_addresses_to_themselves(error: type[StoreError]) -> None:
    answer = problem_of(error("bolt://user:password@host is down")).response()
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert b"password" not in answer.body


@pytest.mark.parametrize(("error", "reason"), [(DiskFullError, "disk is full"), (ReadOnlyError, "read-only")])
def test_why_nothing_can_be_written_is_told_without_the_address(error: type[StoreError], reason: str) -> None:
    answer = problem_of(error("sqlite:////folder/graph.db cannot be written")).response()
    assert answer.status_code == 503
    assert reason in bytes(answer.body).decode()
    assert b"folder" not in answer.body


def test_absent_and_forbidden_subjects_look_the_same(api: Api, broker: str) -> None:
    answers = [api.post("/v1/matches/need-expert", key=broker, json={"subject": s}) for s in ("hidden", "absent")]
    assert answers[0].status_code == 404
    assert (answers[0].content, dict(answers[0].headers)) == (answers[1].content, dict(answers[1].headers))


def test_an_unknown_match_kind_lists_the_known_ones(api: Api, broker: str) -> None:
    answer = api.post("/v1/matches/need-moon", key=broker, json={"text": "x"})
    assert "valid: need-expert" in problem(answer, "not-found")["detail"]


def test_headers_depend_on_nothing_but_the_request(api: Api, broker: str) -> None:
    answer = api.post("/v1/matches/need-expert", key=broker, json={"text": "x"})
    assert dict(answer.headers) == {
        "content-length": str(len(answer.content)),
        "content-type": "application/json",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    echoed = api.get("/healthz", headers={"X-Request-ID": "abc-1"})
    assert echoed.headers["x-request-id"] == "abc-1"
    assert "x-request-id" not in api.get("/healthz", headers={"X-Request-ID": "a b\x01"}).headers


@pytest.fixture
def captured() -> Iterator[list[dict[str, Any]]]:
    structlog.reset_defaults()  # the command line filters for its whole process
    with structlog.testing.capture_logs() as events:
        yield events  # type: ignore[misc]


def test_a_request_is_logged_without_who_and_what(api: Api, broker: str, captured: list[dict[str, Any]]) -> None:
    api.post("/v1/matches/need-expert", key=broker, json={"text": "私密的需求"})
    api.get("/v1/entities/need/secret-id", key=broker)
    api.get("/nowhere/secret-path")
    lines = [event for event in captured if event["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/matches/{match_kind}", 200),
        ("GET", "/v1/entities/{kind}/{id}", 404),
        ("GET", "unmatched", 404),
    ]
    assert lines[0]["key"] == broker.split("_")[1][:6]
    assert all(
        set(line) == {"event", "log_level", "request_id", "method", "route", "status", "ms", "key"} for line in lines
    )
    for word in ("私密", "secret", broker):
        assert word not in repr(captured)


def test_a_log_on_a_full_disk_stops_nobody() -> None:
    with suppress(OSError), open("/dev/full", "wb") as full:
        log = _Patient(full)
        for _ in range(200):
            log.write(b"x" * 100)
            log.flush()


def test_a_caller_who_goes_away_is_no_crash(api: Api, broker: str, captured: list[dict[str, Any]]) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    path = "/v1/matches/need-expert"
    headers = [(b"authorization", f"Bearer {broker}".encode()), (b"content-type", b"application/json")]
    about = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    asyncio.run(api.app({**about, "headers": headers, "http_version": "1.1", "scheme": "http"}, receive, send))
    assert [(line["event"], line["status"]) for line in captured] == [("request", 499)]


def test_what_is_not_listed_is_redacted() -> None:
    assert redacted(None, "info", {"event": "x", "status": 5, "text": "secret"}) == {
        "event": "x", "status": 5, "text": "[redacted]",
    }  # fmt: skip


def test_library_logs_lose_their_arguments(capfdbinary: pytest.CaptureFixture[bytes], settings: Settings) -> None:
    from api import logs

    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        logs.configure("info")
        logging.getLogger("uvicorn.error").info("Started server process [%d]", 17)
        logging.getLogger("uvicorn.error").info("Running on '%s://%s:%d' (Press CTRL+C to quit)", "secret", "host", 1)
        logging.getLogger("alembic").warning("Context impl %s.", "secret-argument")
        logging.getLogger("somebody").warning("all of it is secret-text")
    finally:
        root.handlers[:], root.level = before, level
        structlog.reset_defaults()
    lines = [orjson.loads(line) for line in capfdbinary.readouterr().err.splitlines()]
    assert [line.get("message") for line in lines] == [
        "Started server process",
        "Running on (Press CTRL+C to quit)",
        "Context impl.",
        None,
    ]
    assert "secret" not in repr(lines)
