"""How a route says in OpenAPI what it takes and gives; `api.openapi` fills in what the references name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from api.problems import CODES, MEDIA_TYPE
from graph.schema import Access, Catalogue, EntityKind, Field, FieldType
from matching.kinds import MatchKinds

BODIES: dict[str, type[BaseModel]] = {}
"""Body and answer models by name, for the document's components."""


def ref(model: type[BaseModel]) -> dict[str, str]:
    """A reference to the model's schema."""
    BODIES[model.__name__] = model
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def json_body(schema: Mapping[str, Any], examples: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A required JSON body; examples are name → {summary, value}."""
    return {"required": True, "content": {"application/json": {"schema": dict(schema), "examples": dict(examples)}}}


def json_answer(description: str, schema: Mapping[str, Any], example: object = None) -> dict[str, Any]:
    """A JSON answer."""
    content: dict[str, Any] = {"schema": dict(schema)}
    if example is not None:
        content["example"] = example
    return {"description": description, "content": {"application/json": content}}


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route."""
    return {
        CODES[code].status: {
            "description": f"{CODES[code].en} · {CODES[code].zh}",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for code in codes
    }


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "Repeat a write with the same key and body within a day and it is carried out once. "
    "同一键和内容的重复写入只执行一次。",
}
WRITTEN = {"$ref": "#/components/schemas/Written"}
COUNTS = {"inserted": 1, "updated": 0, "unchanged": 0}
"""Example of a `Written`."""
KEYED = ("unauthorized", "forbidden", "rate-limited", "internal", "unavailable")
"""Problems of every route that needs a key."""
WITH_BODY = ("json", "too-large", "media-type", "invalid")
"""Problems of every route that takes a body."""


def kinds_of(catalogue: Catalogue) -> dict[str, Any]:
    """The catalogue as /v1/kinds shows it."""
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
                "filters": _filters(catalogue.entity(kind.candidate)),
            }
            for kind in MatchKinds.of(catalogue).values()
        ],
    }


def _filters(kind: EntityKind) -> list[str]:
    """What a card of the kind may show as a label: its visible fields, and what it shows of its neighbours."""
    visible = {Access.PUBLIC, Access.GENERALISED}
    own = [field.name for field in kind.fields if field.access in visible and field.type is not FieldType.TEXT]
    return [*own, *(shown.name for shown in kind.shown)]


def _field(field: Field) -> dict[str, Any]:
    shown = {"name", "type", "access", "labels", "many", "unit", "scheme"}
    return field.model_dump(mode="json", include=shown, exclude_none=True)
