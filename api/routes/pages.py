"""The API's description of itself: OpenAPI, the reference page, and the way to it from `/`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api import openapi, reference
from api.access import service_of
from api.problems import Problem
from graph.errors import QianxianError
from graph.kinds import BUILTIN
from graph.schema import Catalogue

PAGE_HEADERS = {"Content-Security-Policy": reference.POLICY}
BRIEF = {"Cache-Control": "max-age=300"}


@dataclass(frozen=True)
class _Described:
    catalogue: Catalogue
    document: bytes
    page: bytes


async def _described(request: Request) -> _Described:
    """The document and page of the present kinds; the built-in ones while the store cannot be read."""

    def drawn() -> _Described:
        try:
            catalogue = service_of(request).catalogue()
        except QianxianError:
            catalogue = BUILTIN
        known: _Described | None = getattr(request.app.state, "described", None)
        if known is None or known.catalogue is not catalogue:
            document = openapi.document(request.app, catalogue)
            page = reference.page(document).encode()
            known = _Described(catalogue, openapi.dumped(document), page)
            request.app.state.described = known
        return known

    return await run_in_threadpool(drawn)


async def root() -> Response:
    """Leads to the reference page."""
    return RedirectResponse("/reference", 307)


async def document(request: Request) -> Response:
    """The OpenAPI document."""
    return Response((await _described(request)).document, headers=BRIEF, media_type="application/json")


async def page(request: Request) -> Response:
    """The reference page."""
    return Response(
        (await _described(request)).page, headers=PAGE_HEADERS | BRIEF, media_type="text/html; charset=utf-8"
    )


async def static(request: Request, name: str) -> Response:
    """A file beside the page."""
    found = reference.static(name)
    if found is None:
        raise Problem("not-found", "no such file")
    content, media_type = found
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = BRIEF | {"ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def add(app: FastAPI) -> None:
    """Add the routes; they are not part of what they describe."""
    for path, handler in (
        ("/", root),
        ("/openapi.json", document),
        ("/reference", page),
        ("/static/{name}", static),
    ):
        app.add_api_route(path, handler, methods=["GET"], include_in_schema=False)
