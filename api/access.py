"""Who may use which route: one table, enforced for every route when the app is put together.

A route that the table does not name cannot be added, so nothing is open by oversight.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.casework.keys import Key, Scope
from api.problems import NO_PATH, Fault, Problem, absent
from matching.masking import Role

if TYPE_CHECKING:
    from api.bootstrap import Service


class Rule(StrEnum):
    """What a route asks of its caller; NEEDS says it in words."""

    OPEN = "open"
    LOOPBACK = "loopback"
    MATCH = Scope.MATCH
    READ = Scope.READ
    WRITE = Scope.WRITE


class Need(NamedTuple):
    """A rule in words."""

    en: str
    zh: str
    text: str


NEEDS = {
    Rule.OPEN: Need("open", "公开", "No key needed."),
    Rule.LOOPBACK: Need("local", "本机", "From the service's own machine only, unless set otherwise; others get 404."),
    Rule.MATCH: Need("key: match", "密钥", "A key with the scope `match`."),
    Rule.READ: Need("operator: read", "运营方", "An operator's key with the scope `read`; other keys get 404."),
    Rule.WRITE: Need("operator: write", "运营方", "An operator's key with the scope `write`; other keys get 404."),
}
"""What each rule means."""


ACCESS: dict[tuple[str, str], Rule] = {
    ("GET", "/"): Rule.OPEN,
    ("GET", "/healthz"): Rule.OPEN,
    ("GET", "/readyz"): Rule.OPEN,
    ("GET", "/metrics"): Rule.LOOPBACK,
    ("GET", "/openapi.json"): Rule.OPEN,
    ("GET", "/reference"): Rule.OPEN,
    ("GET", "/static/{name}"): Rule.OPEN,
    ("GET", "/v1/kinds"): Rule.OPEN,
    ("GET", "/v1/entities/{kind}"): Rule.READ,
    ("POST", "/v1/entities/{kind}"): Rule.WRITE,
    ("GET", "/v1/entities/{kind}/{id}"): Rule.READ,
    ("PUT", "/v1/entities/{kind}/{id}"): Rule.WRITE,
    ("DELETE", "/v1/entities/{kind}/{id}"): Rule.WRITE,
    ("POST", "/v1/relations/{kind}"): Rule.WRITE,
    ("DELETE", "/v1/relations/{kind}"): Rule.WRITE,
    ("POST", "/v1/matches/{match_kind}"): Rule.MATCH,
    ("POST", "/v1/feedback"): Rule.MATCH,
    ("GET", "/v1/feedback"): Rule.MATCH,
}
"""(method, path) → rule, for every route there is."""


class GuardedRoute(APIRoute):
    """A route that checks its rule before anything of the request is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the check; KeyError for a route without a rule."""
        handler = super().get_route_handler()
        path = self.path_format
        rules = {method: ACCESS[method, path] for method in self.methods or ()}

        known = None if _takes_any(self) else {parameter.alias for parameter in self.dependant.query_params}

        async def guarded(request: Request) -> Response:
            rule = rules[request.method]
            if rule is not Rule.OPEN:
                await _check(request, rule)
                _refuse_unknown(request, known)
            _refuse_nul(request)
            return await handler(request)

        return guarded


def key_of(request: Request) -> Key:
    """The key that the request came with; only where the rule asks for one."""
    key: Key = request.scope["qianxian.key"]
    return key


def service_of(request: Request) -> Service:
    """What the app was put together with."""
    service: Service = request.app.state.service
    return service


async def _check(request: Request, rule: Rule) -> None:
    service = service_of(request)
    if rule is Rule.LOOPBACK:
        if not (service.settings.metrics_public or _is_loopback(request)):
            raise Problem("not-found", NO_PATH)
        return
    key = await _authenticated(request, service)
    request.scope["qianxian.key"] = key
    wait = service.allowance.take(key.slot)
    if wait > 0:
        raise Problem("rate-limited", "this key's requests per minute are used up", retry_after=math.ceil(wait))
    if rule in {Rule.READ, Rule.WRITE} and key.role != Role.OPERATOR:
        raise absent()
    if Scope(rule) not in key.scopes:
        raise Problem("forbidden", f"this key lacks the scope `{rule}`")


def _takes_any(route: APIRoute) -> bool:
    """Whether a route reads the query itself, and so says itself what in it is unknown."""
    return any(one["in"] == "query" for one in (route.openapi_extra or {}).get("parameters", ()))


def _refuse_unknown(request: Request, known: set[str] | None) -> None:
    if known is None or not request.scope["query_string"]:
        return
    reason = f"unknown parameter; valid: {', '.join(sorted(known))}" if known else "unknown parameter; this takes none"
    faults = [Fault(field=name, reason=reason) for name in dict(request.query_params) if name not in known]
    if faults:
        raise Problem("invalid", errors=faults)


def _is_broken(request: Request) -> bool:
    """Whether the path is no UTF-8, so that different ones look the same."""
    try:
        unquote_to_bytes(request.scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:
        return True
    return False


def _refuse_nul(request: Request) -> None:
    """Nothing that exists has the character NUL, which PostgreSQL cannot hold, or broken text in its name."""
    values = [str(value) for value in request.path_params.values()]
    if any("\x00" in value for value in values) or (any("\ufffd" in value for value in values) and _is_broken(request)):
        raise absent()
    faults = [Fault(field=n, reason="holds the character NUL") for n, v in request.query_params.items() if "\x00" in v]
    if faults:
        raise Problem("invalid", errors=faults)


async def _authenticated(request: Request, service: Service) -> Key:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token:
        key = service.keys.remembered(token) or await run_in_threadpool(service.keys.look_up, token)
        if key is not None:
            return key
        raise Problem("unauthorized", "the key is unknown, expired or revoked")
    raise Problem("unauthorized", "this route needs an API key: `Authorization: Bearer qx_…`")


def _is_loopback(request: Request) -> bool:
    if request.client is None:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
