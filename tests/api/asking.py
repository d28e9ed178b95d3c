"""An app asked through its ASGI interface, and a stand-in for the matcher."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI

from api.bootstrap import Service
from api.casework.keys import issue
from api.problems import CODES
from graph.errors import NotFoundError, UnknownNameError
from matching.masking import Viewer
from matching.question import Question, Shown


@dataclass
class Reply:
    """What the double answers."""

    content: dict[str, Any]
    shown: Shown = field(default_factory=lambda: Shown(1, (), (), ()))

    def to_dict(self) -> dict[str, Any]:
        return self.content


@dataclass
class DoubleMatcher:
    """Stands in for the matcher where only the HTTP side is looked at; remembers what it was asked."""

    asked: list[tuple[Question, Viewer]] = field(default_factory=list)
    state: Any = field(default_factory=lambda: SimpleNamespace(mask=SimpleNamespace(epoch="e")))

    def match(self, question: Question, viewer: Viewer, state: object = None) -> Reply:
        self.asked.append((question, viewer))
        if question.kind != "need-expert":
            raise UnknownNameError("match kind", question.kind, ["need-expert"], field="match_kind")
        if question.subject == "hidden" or question.subject == "absent":
            raise NotFoundError("no need with this id", field="subject")
        if question.text == "crash":
            raise RuntimeError("secret words of a crash")
        return Reply({"groups": [{"band": "strong", "matches": []}], "next": None})

    def refresh(self) -> bool:
        return False


class Api:
    """The app, asked through its ASGI interface."""

    def __init__(self, app: FastAPI, service: Service) -> None:
        self.app, self.service = app, service

    def request(
        self, method: str, path: str, *, key: str | None = None, client: str = "127.0.0.1", **options: Any
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(client, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
                return await http.request(method, path, headers=headers, **options)

        return asyncio.run(once())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def key(self, role: str, **options: Any) -> str:
        return issue(self.service.casework, role=role, **options)[0]


def problem(answer: httpx.Response, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"/reference#problem-{code}"
    assert body["status"] == answer.status_code == CODES[code].status
    assert body["title"] == f"{CODES[code].en} · {CODES[code].zh}"
    assert set(body) <= {"type", "title", "status", "detail", "errors", "instance"}
    return body


def faults(answer: httpx.Response) -> dict[str, str]:
    return {fault["field"]: fault["reason"] for fault in problem(answer, "invalid")["errors"]}
