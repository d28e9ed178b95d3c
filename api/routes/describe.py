"""How a route says in OpenAPI what it takes and gives; `api.openapi` fills in what the references name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from api.problems import CODES, MEDIA_TYPE


def ref(model: type[BaseModel]) -> dict[str, str]:
    """A reference to the model's schema."""
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
