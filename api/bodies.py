"""Reading request bodies and writing answers: JSON within limits in, JSON out."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request, Response

from api.access import service_of
from api.limits import deeper_than
from api.problems import Fault, Problem
from graph.errors import InputError
from matching.question import either


async def read_json(request: Request) -> tuple[Any, bytes]:
    """(parsed body, its bytes); Problems 400, 413 (from the edge), 415 and 422."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise Problem("media-type", f"Content-Type is {media_type[:60] or 'missing'}; valid: application/json")
    body = await request.body()
    limit = service_of(request).settings.depth_limit
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "limit" in error.msg:  # the parser's own limit, far above any of ours
            raise _too_deep(limit) from None
        raise Problem("json", f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    if deeper_than(parsed, limit, body):
        raise _too_deep(limit)
    return parsed, body


def _too_deep(limit: int) -> Problem:
    return Problem("invalid", errors=[Fault(field="", reason=f"nested too deeply; at most {limit} levels")])


def question_faults(subject: str | None, text: str | None, longest: int, index: int | None = None) -> list[Fault]:
    """What is wrong with how a question is named: not by exactly one of both, or by too long a text."""
    faults = []
    try:
        either(subject, text)
    except InputError as error:
        faults.append(Fault(field="subject", reason=str(error), index=index))
    if text is not None and len(text) > longest:
        faults.append(Fault(field="text", reason=f"has {len(text)} characters; at most {longest}", index=index))
    return faults


def answered(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer, with a line end for those who read it in a terminal."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
    return Response(body, status, headers, "application/json")
