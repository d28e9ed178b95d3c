"""What exists: the declared entity, relation and match kinds."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access import service_of
from api.bodies import answered
from api.routes.describe import json_answer, problems
from graph.schema import Catalogue, Field
from matching.kinds import MatchKinds

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


def described(catalogue: Catalogue) -> dict[str, Any]:
    """The catalogue as this route shows it."""
    return {
        "entities": [
            {
                "name": kind.name,
                "labels": kind.labels.model_dump(),
                "public_record": kind.public_record,
                "fields": [_field(field) for field in kind.fields],
            }
            for kind in catalogue.entities.values()
        ],
        "relations": [
            {
                "name": kind.name,
                "labels": kind.labels.model_dump(),
                "sources": kind.sources,
                "targets": kind.targets,
                "identity": kind.identity,
                "properties": [_field(field) for field in kind.properties],
            }
            for kind in catalogue.relations.values()
        ],
        "matches": [
            {
                "name": kind.name,
                "labels": kind.labels.model_dump(),
                "subject": kind.subject,
                "candidate": kind.candidate,
                "mutual": kind.mutual,
                "filters": [
                    field.name
                    for field in catalogue.entity(kind.candidate).fields
                    if field.access in {"public", "generalised"} and field.type != "text"
                ],
            }
            for kind in MatchKinds.of(catalogue).values()
        ],
    }


def _field(field: Field) -> dict[str, Any]:
    shown = {"name", "type", "access", "labels", "many", "unit", "scheme"}
    return field.model_dump(mode="json", include=shown, exclude_none=True)


async def kinds(request: Request) -> Response:
    """Entity kinds with their fields and who may see them, relation kinds with their ends, match kinds.

    `filters` of a match kind are the fields by which its candidates can be narrowed.
    """
    catalogue = await run_in_threadpool(service_of(request).catalogue)
    return answered(described(catalogue))


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
