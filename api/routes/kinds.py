"""What exists: the declared entity, relation and match kinds."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from api.descriptions import descriptions
from api.routes.describe import json_answer, problems

EXAMPLE = {
    "entities": [{"name": "need", "labels": {"en": "need", "zh": "需求"}, "fields": []}],
    "relations": [{"name": "posted", "sources": ["enterprise"], "targets": ["need"], "identity": [], "properties": []}],
    "matches": [{"name": "need-expert", "subject": "need", "candidate": "expert", "filters": ["title"]}],
}
OBJECTS = {"type": "array", "items": {"type": "object"}}
SCHEMA = {
    "type": "object",
    "properties": {"entities": OBJECTS, "relations": OBJECTS, "matches": OBJECTS},
    "required": ["entities", "relations", "matches"],
}


async def kinds(request: Request) -> Response:
    """Entity kinds with their fields and who may see them, relation kinds with their ends, match kinds.

    `filters` of a match kind are the fields by which its candidates can be narrowed.
    """
    return Response((await descriptions(request)).kinds, media_type="application/json")


def add(app: FastAPI) -> None:
    """Add the route."""
    app.add_api_route(
        "/v1/kinds",
        kinds,
        methods=["GET"],
        tags=["kinds"],
        summary="What exists · 有哪些类型",
        responses={200: json_answer("Every declared kind.", SCHEMA, EXAMPLE), **problems("internal", "unavailable")},
    )
