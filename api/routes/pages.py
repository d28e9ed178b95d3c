"""The API's description of itself: OpenAPI, the reference page, and the way to it from `/`."""

from __future__ import annotations

import hashlib

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from api import reference
from api.descriptions import descriptions
from api.problems import Problem

PAGE_HEADERS = {"Content-Security-Policy": reference.POLICY}
BRIEF = {"Cache-Control": "max-age=300"}


async def root() -> Response:
    """Leads to the reference page."""
    return RedirectResponse("/reference", 307)


async def document(request: Request) -> Response:
    """The OpenAPI document."""
    return Response((await descriptions(request)).document, headers=BRIEF, media_type="application/json")


async def page(request: Request) -> Response:
    """The reference page."""
    return Response(
        (await descriptions(request)).page, headers=PAGE_HEADERS | BRIEF, media_type="text/html; charset=utf-8"
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
