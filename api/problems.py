"""Every error of the API as `application/problem+json` (RFC 9457), one table of what there is.

A problem's `type` ends in its code and leads to its entry on the reference page. `errors` lists what is wrong with the
input: the field, the reason (which names the valid values), and the place in the list where many were given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from graph.errors import (
    DiskFullError,
    NotFoundError,
    ProjectionError,
    QianxianError,
    ReadOnlyError,
    StoreError,
    StoreUnavailableError,
)

MEDIA_TYPE = "application/problem+json"
Model = TypeVar("Model", bound=BaseModel)


class Meaning(NamedTuple):
    """What a problem code stands for."""

    status: int
    en: str
    zh: str
    advice: str
    """What to do about it."""


CODES: dict[str, Meaning] = {
    "http": Meaning(400, "Not HTTP", "不是有效的 HTTP 请求", "Send HTTP/1.1 with a head of at most 64 KiB."),
    "json": Meaning(400, "Not JSON", "不是有效的 JSON", "Send a JSON body in UTF-8."),
    "unauthorized": Meaning(
        401,
        "Key needed",
        "需要密钥",
        "Send `Authorization: Bearer qx_…`; an operator issues keys with `qianxian key issue`.",
    ),
    "forbidden": Meaning(403, "Scope missing", "权限不足", "Ask for a key with the scope that the detail names."),
    "not-found": Meaning(
        404, "Not found", "未找到", "It does not exist, or this key may not know of it: both look the same."
    ),
    "method-not-allowed": Meaning(405, "Method not allowed", "方法不允许", "Use one of the methods in `Allow`."),
    "conflict": Meaning(
        409, "Still running", "处理中", "The first request with this Idempotency-Key still runs; try again."
    ),
    "too-large": Meaning(413, "Body too large", "请求体过大", "Send fewer records at once."),
    "media-type": Meaning(415, "Wrong media type", "媒体类型不支持", "Send `Content-Type: application/json`."),
    "invalid": Meaning(
        422, "Input rejected", "输入无效", "`errors` names each field, the reason and the valid values."
    ),
    "rate-limited": Meaning(429, "Too many requests", "请求过于频繁", "Wait as many seconds as `Retry-After` says."),
    "internal": Meaning(500, "Internal error", "内部错误", "Tell the operator the `instance`: the log has it too."),
    "unavailable": Meaning(503, "Not available now", "暂不可用", "Wait as many seconds as `Retry-After` says."),
}
"""Every problem code there is."""

OF_STATUS = {meaning.status: code for code, meaning in reversed(CODES.items())}
ABSENT = "nothing here that you may see"
"""Detail of every 404 on an object: absent and hidden ones cannot be told apart."""
NO_PATH = "no such path; /openapi.json and /reference list what there is"
"""Detail of the 404 on a path that does not exist, or that is not open to the caller: both look the same."""


class Fault(BaseModel):
    """One thing wrong with the input."""

    model_config = ConfigDict(extra="forbid")

    field: str
    """Name of the field or parameter, dotted where nested."""
    reason: str
    """What is wrong with it and what would be valid."""
    index: int | None = None
    """Place in the list of records, where many were sent."""


class ProblemBody(BaseModel):
    """A problem document, RFC 9457."""

    type: str
    """Reference to the problem's description; ends in its code."""
    title: str
    """The same for every problem of this type."""
    status: int
    """The HTTP status."""
    detail: str | None = None
    """What happened here."""
    errors: list[Fault] | None = None
    """What is wrong with the input."""
    instance: str | None = None
    """Names this very occurrence in the log; only on internal errors."""


class Problem(Exception):
    """Raise it anywhere on the way of a request to answer with this problem."""

    def __init__(
        self, code: str, detail: str | None = None, *, errors: Sequence[Fault] = (), retry_after: int | None = None
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.errors = code, detail, list(errors)
        self.headers: dict[str, str] = {}
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)
        if code == "too-large":
            self.headers["Connection"] = "close"  # the rest of the body is not wanted
        if code == "unauthorized":
            self.headers["WWW-Authenticate"] = 'Bearer realm="qianxian"'

    def response(self, instance: str | None = None) -> Response:
        """The answer."""
        meaning = CODES[self.code]
        body: dict[str, Any] = {
            "type": f"/reference#problem-{self.code}",
            "title": f"{meaning.en} · {meaning.zh}",
            "status": meaning.status,
        }
        if self.detail is not None:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = [fault.model_dump(exclude_none=True) for fault in self.errors]
        if instance is not None:
            body["instance"] = instance
        return Response(orjson.dumps(body), meaning.status, self.headers, MEDIA_TYPE)


def absent() -> Problem:
    """The one 404 for objects that are hidden or absent."""
    return Problem("not-found", ABSENT)


def problem_of(error: QianxianError) -> Problem:
    """The problem that an error of the product's family is."""
    if isinstance(error, NotFoundError):
        return Problem("not-found", str(error))
    if isinstance(error, DiskFullError):
        return Problem("unavailable", "the service's disk is full; nothing was written", retry_after=30)
    if isinstance(error, ReadOnlyError):
        return Problem("unavailable", "the service's data is read-only; nothing was written", retry_after=30)
    if isinstance(error, StoreUnavailableError):
        return Problem("unavailable", "the store does not answer now; nothing was written", retry_after=2)
    if isinstance(error, StoreError | ProjectionError):
        # Their messages hold addresses and paths, which are the operator's business: the log has the class.
        return Problem("unavailable", "the service cannot read its data now", retry_after=5)
    return Problem("invalid", errors=[Fault(field=error.field or "", reason=str(error))])


def faults_of(errors: Sequence[ErrorDetails | Mapping[str, Any]], skip: int = 0) -> list[Fault]:
    """Faults of pydantic's error list; the rejected input itself is not repeated."""
    return [Fault(field=".".join(str(part) for part in error["loc"][skip:]), reason=_reason(error)) for error in errors]


def _reason(error: ErrorDetails | Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown field"
    if error["type"] == "model_type":
        return "must be a JSON object"
    return str(error["msg"]).removeprefix("Value error, ")


def validated(model: type[Model], value: object) -> Model:
    """`value` as `model`; Problem 422 that names every wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = faults_of(error.errors(include_url=False, include_input=False))
        for fault in faults:
            if fault.reason == "unknown field":
                fault.reason += f"; valid: {', '.join(model.model_fields)}"
        raise Problem("invalid", errors=faults) from None


def install(app: FastAPI) -> None:
    """Answer every foreseen error with a problem; unforeseen ones are the edge's."""

    async def on_problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    async def on_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, QianxianError)
        return problem_of(error).response()

    async def on_parameter(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return Problem("invalid", errors=faults_of(error.errors(), skip=1)).response()

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = Problem(OF_STATUS.get(error.status_code, "invalid"), _detail(request, error.status_code))
        problem.headers |= dict(error.headers or {})
        return problem.response()

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(QianxianError, on_error)
    app.add_exception_handler(RequestValidationError, on_parameter)
    app.add_exception_handler(HTTPException, on_http)


def _detail(request: Request, status: int) -> str | None:
    if status == 404:
        return NO_PATH
    if status == 405:
        return f"{request.method} is not defined here"
    return None
