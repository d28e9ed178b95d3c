"""The OpenAPI document: FastAPI's, completed with what derives from the catalogue and the access table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.access import ACCESS, Rule
from api.problems import ProblemBody
from api.routes.feedback import FeedbackCounts, FeedbackPage, FeedbackRequest
from api.routes.matches import MatchAnswer, MatchRequest
from graph.schema import Catalogue, Field, FieldType
from matching.kinds import MatchKinds

TITLE = "Qianxian 牵线"
VERSION = "1"
DESCRIPTION = (
    "Who fits whom, between enterprises, experts, funds, patents and instruments; both sides stay masked until both "
    "agree. 企业、专家、基金、专利与仪器之间的双盲撮合服务。"
)
TAGS = {
    "matches": "Ask who fits. 提问：谁合适。",
    "feedback": "Say what became of it. 反馈：结果如何。",
    "kinds": "What can be asked. 可提问的类型。",
    "records": "The graph's records, for operators. 图数据，仅限运营方。",
    "service": "Health and metrics. 运行状态。",
}
JSON_TYPE = {
    FieldType.NUMBER: "number",
    FieldType.AMOUNT: "number",
    FieldType.INTEGER: "integer",
    FieldType.YEAR: "integer",
    FieldType.BOOLEAN: "boolean",
}


def document(app: FastAPI, catalogue: Catalogue) -> dict[str, Any]:
    """The document for these kinds."""
    whole = get_openapi(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    whole["components"] = {"securitySchemes": {"key": _security()}, "schemas": _schemas(catalogue)}
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            rule = ACCESS[method.upper(), path]
            operation["security"] = [] if rule in {Rule.OPEN, Rule.LOOPBACK} else [{"key": []}]
            operation["x-access"] = str(rule)
            operation["responses"].pop("422", None) if not _rejects(operation) else None
            for parameter in operation.get("parameters", ()):
                _complete(parameter, path, catalogue)
    return whole


def _rejects(operation: dict[str, Any]) -> bool:
    """Whether the route itself declared a 422; FastAPI adds one of a shape that is never sent."""
    content = operation["responses"].get("422", {}).get("content", {})
    return "application/problem+json" in content


def _complete(parameter: dict[str, Any], path: str, catalogue: Catalogue) -> None:
    """List the valid kinds of a path parameter."""
    names: Iterable[str] | None = None
    if parameter["name"] == "match_kind":
        names = MatchKinds.of(catalogue)
    elif parameter["name"] == "kind":
        names = catalogue.entities if path.startswith("/v1/entities") else catalogue.relations
    if names is not None:
        parameter["schema"]["enum"] = sorted(names)
    parameter["schema"].pop("title", None)


def _security() -> dict[str, str]:
    text = (
        "An API key: `Authorization: Bearer qx_…`. An operator issues it with `qianxian key issue`. "
        "由运营方签发的密钥。"
    )
    return {"type": "http", "scheme": "bearer", "description": text}


def _schemas(catalogue: Catalogue) -> dict[str, Any]:
    models: tuple[type[BaseModel], ...] = (
        MatchRequest, MatchAnswer, FeedbackRequest, FeedbackCounts, FeedbackPage, ProblemBody,
    )  # fmt: skip
    _, drawn = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = dict(drawn["$defs"])
    for kind in catalogue.entities.values():
        schemas[f"entity.{kind.name}"] = _object(kind.labels.en, kind.labels.zh, kind.fields, ("id",))
    for relation in catalogue.relations.values():
        ends = ("source", "source_kind", "target", "target_kind")
        schemas[f"relation.{relation.name}"] = _object(
            relation.labels.en, relation.labels.zh, relation.properties, ends
        )
        schemas[f"relation.{relation.name}"]["required"] = ["source", "target"]
    schemas["Record"] = {"anyOf": [{"$ref": f"#/components/schemas/entity.{name}"} for name in catalogue.entities]}
    schemas["Edge"] = {"anyOf": [{"$ref": f"#/components/schemas/relation.{name}"} for name in catalogue.relations]}
    schemas["RecordPage"] = {
        "type": "object",
        "properties": {
            "records": {"type": "array", "items": {"$ref": "#/components/schemas/Record"}},
            "next": {"type": ["string", "null"], "description": "Cursor of what follows; null at the end."},
        },
        "required": ["records", "next"],
    }
    counts = ("inserted", "updated", "unchanged")
    schemas["Written"] = {
        "type": "object",
        "properties": {name: {"type": "integer", "minimum": 0} for name in counts},
        "required": list(counts),
    }
    return schemas


def _object(en: str, zh: str, fields: Iterable[Field], strings: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "title": f"{en} · {zh}",
        "properties": {name: {"type": "string"} for name in strings} | {f.name: _property(f) for f in fields},
        "required": ["id"] if "id" in strings else [],
        "additionalProperties": False,
    }


def _property(field: Field) -> dict[str, Any]:
    one: dict[str, Any] = {"type": JSON_TYPE.get(field.type, "string")}
    facts = [f"{field.labels.en} · {field.labels.zh}", f"{field.access}"]
    facts += [part for part in (field.unit, str(field.scheme or "")) if part]
    schema: dict[str, Any] = {"type": "array", "items": one} if field.many else one
    return schema | {"description": "; ".join(facts)}
