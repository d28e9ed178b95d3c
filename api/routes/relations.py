"""Edges between records: for operators only, every change audited."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response

from api.access import service_of
from api.bodies import read_json
from api.problems import Fault, Problem
from api.routes.describe import COUNTS, IDEMPOTENCY_KEY, KEYED, WITH_BODY, WRITTEN, json_answer, json_body, problems
from api.writes import Done, carried_out, known, normalised, origin, rows_of, strict, tallied
from graph.records import Relation
from graph.store import GraphStore

Kind = Annotated[str, Path(description="Relation kind, from /v1/kinds. 关系类型。", examples=["posted"])]
EDGE = {"$ref": "#/components/schemas/Edge"}
POSTED = {"source": "example-enterprise", "source_kind": "enterprise", "target": "example-need", "date": "2026-03-01"}
ENDS = {
    "source": "Id where the edge starts. 起点编号。",
    "source_kind": "Its kind, where the relation allows several. 起点类型。",
    "target": "Id where the edge ends. 终点编号。",
    "target_kind": "Its kind, where the relation allows several. 终点类型。",
}


def _missing_ends(store: GraphStore, edges: list[Relation]) -> list[Fault]:
    """A fault for every end that does not exist."""
    ends = [
        (index, side, kind, id)
        for index, edge in enumerate(edges)
        for side, kind, id in (
            ("source", edge.source_kind, edge.source),
            ("target", edge.target_kind, edge.target),
        )
    ]
    wanted: dict[str, set[str]] = {}
    for _, _, kind, id in ends:
        wanted.setdefault(kind, set()).add(id)
    there = {kind: store.existing(kind, sorted(ids)) for kind, ids in wanted.items()}
    return [
        Fault(field=side, reason=f"no {kind} with this id", index=index)
        for index, side, kind, id in ends
        if id not in there[kind]
    ]


async def post(request: Request, kind: Kind) -> Response:
    """Write one edge or many, all or none. An edge of the same identity is updated. For an operator's key.

    Both ends must exist: first write the need and the enterprise of the examples of `POST /v1/entities/{kind}`.
    """
    body, raw = await read_json(request)
    rows = rows_of(body, service_of(request).settings.batch_limit)

    def act(store: GraphStore) -> Done:
        known("relation", store.catalogue.relations, kind)
        edges = normalised(rows, kind, strict(store).relation)
        faults = _missing_ends(store, edges)
        if faults:
            raise Problem("invalid", errors=faults)
        written = store.upsert(edges, origin())
        if written.dangling:  # an end was deleted between the look and the write
            raise Problem("invalid", "the other edges were written", errors=_missing_ends(store, edges))
        return tallied(written)

    return await carried_out(request, raw, "relate", f"{kind}:*{len(rows)}", act)


async def delete(request: Request, kind: Kind) -> Response:
    """Delete the edge with these ends and identifying properties, all given in the query. For an operator's key."""
    row: dict[str, Any] = dict(request.query_params)

    def act(store: GraphStore) -> Done:
        known("relation", store.catalogue.relations, kind)
        (edge,) = normalised([row], kind, strict(store).relation)
        return Done(204 if store.delete([edge.key(store.catalogue.relation(kind))]) else 404)

    raw = request.url.query.encode()
    return await carried_out(request, raw, "unrelate", f"{kind}:{row.get('source')}>{row.get('target')}", act)


def add(app: FastAPI) -> None:
    """Add the routes."""
    path = "/v1/relations/{kind}"
    ends = [
        {
            "name": name,
            "in": "query",
            "required": not name.endswith("_kind"),
            "schema": {"type": "string", **({"examples": [POSTED[name]]} if name in POSTED else {})},
            "description": text,
        }
        for name, text in ENDS.items()
    ]
    app.add_api_route(
        path, post, methods=["POST"], tags=["records"], summary="Write edges · 写入关系",
        openapi_extra={
            "requestBody": json_body(
                {"oneOf": [EDGE, {"type": "array", "items": EDGE, "minItems": 1}]},
                {"posted": {"summary": "Who posted a need · 发布需求", "value": POSTED}},
            ),
            "parameters": [IDEMPOTENCY_KEY],
        },
        responses={
            200: json_answer("What was written.", WRITTEN, COUNTS),
            **problems(*KEYED, *WITH_BODY, "not-found", "conflict"),
        },
    )  # fmt: skip
    app.add_api_route(
        path, delete, methods=["DELETE"], tags=["records"], summary="Delete an edge · 删除关系", status_code=204,
        openapi_extra={"parameters": [*ends, IDEMPOTENCY_KEY]},
        responses={204: {"description": "Deleted."}, **problems(*KEYED, "not-found", "conflict", "invalid")},
    )  # fmt: skip
