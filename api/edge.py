"""The outermost layer of the app, plain ASGI: limits the body, catches what nobody foresaw, logs and counts."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import frames
from api.metrics import Metrics
from api.problems import Problem

log = structlog.get_logger("api.request")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
GONE = 499
"""What is logged and counted as status where the caller went away before all of the request was there."""
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
"""On every answer; all of them constant, so that headers tell nothing."""


class Edge:
    """Wraps the app. A sane `X-Request-ID` of the caller is repeated in the answer and in the log."""

    def __init__(self, app: ASGIApp, *, body_limit: int, metrics: Metrics) -> None:
        self._app, self._limit, self._metrics = app, body_limit, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        echoed = [(b"x-request-id", given)] if REQUEST_ID.fullmatch(given) else []
        request_id = given.decode() if echoed else secrets.token_hex(8)
        status = 0

        async def counted_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"], *(h for h in HEADERS if h[0] not in present), *echoed
                ]  # fmt: skip
            await send(message)

        try:
            await self._app(scope, self._limited(scope, receive), counted_send)
        except ClientDisconnect:
            status = status or GONE  # nobody is there to answer to
        except Exception as error:
            log.error("crash", request_id=request_id, error=type(error).__name__, frames=frames(error))
            if status:
                raise  # the answer has begun: the server can only cut the connection
            await Problem("internal").response(f"urn:qianxian:request:{request_id}")(scope, receive, counted_send)
        finally:
            self._report(scope, status, time.perf_counter() - started, request_id)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """`receive` that raises Problem 413 as soon as the body is known or seen to be too large."""
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        too_large = Problem("too-large", f"the body is larger than {self._limit} bytes")
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            if declared.isdigit() and int(declared) > self._limit:
                raise too_large
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise too_large
            return message

        return limited

    def _report(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path_format", "unmatched")
        key = scope.get("qianxian.key")
        self._metrics.answered(scope["method"] if route != "unmatched" else "*", route, status, seconds)
        log.info(
            "request",
            request_id=request_id,
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            key=key.id[:6] if key else None,
        )
