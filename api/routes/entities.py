"""Records as the store holds them: for operators only, every look and change audited."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access import key_of, service_of
from api.bodies import answered, read_json
from api.problems import Fault, Problem, absent
from api.routes.describe import COUNTS, IDEMPOTENCY_KEY, KEYED, WITH_BODY, WRITTEN, json_answer, json_body, problems
from api.writes import Done, carried_out, known, normalised, origin, rows_of, strict, tallied
from graph.records import Entity, EntityKey
from graph.store import GraphStore

Kind = Annotated[str, Path(description="Entity kind, from /v1/kinds. 实体类型。", examples=["need"])]
Id = Annotated[str, Path(description="Id of the record; it may hold slashes. 记录编号。", examples=["example-need"])]
RECORD = {"$ref": "#/components/schemas/Record"}
PAGE = {"$ref": "#/components/schemas/RecordPage"}
FIRM = {"id": "example-enterprise", "industry": "C39", "regions": ["杭州市"], "tags": ["散热"]}
NEED = {"id": "example-need", "title": "功率芯片散热测试", "need_type": "technology", "tags": ["散热", "芯片"]}


def shown(entity: Entity) -> dict[str, Any]:
    """A record as a line of a data folder."""
    return {"id": entity.id, **entity.values}


async def look(request: Request, kind: Kind, id: Id) -> Response:
    """One record with all its fields, from the store. For an operator's key."""
    service, key = service_of(request), key_of(request)

    def found() -> Entity | None:
        store = service.stores.current()
        service.audit.append(key.id, "look", f"{known('entity', store.catalogue.entities, kind)}:{id}")
        return store.get(kind, id)

    entity = await run_in_threadpool(found)
    if entity is None:
        raise absent()
    return answered(shown(entity))


async def page(
    request: Request,
    kind: Kind,
    limit: Annotated[int, Query(ge=1, description="Most records on this page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=4096, description="`next` of the page before.")] = None,
) -> Response:
    """Records of a kind by id, as of the newest projection (so merged duplicates are one). For an operator's key."""
    service, key = service_of(request), key_of(request)
    most = service.settings.match_limit
    if limit > most:
        raise Problem("invalid", errors=[Fault(field="limit", reason=f"is {limit}; valid: 1 to {most}")])
    if service.matcher is None:
        raise Problem("unavailable", "no projection yet; try again", retry_after=1)
    state = service.matcher.state
    known("entity", state.projection.catalogue.entities, kind)
    after = ""
    if cursor is not None:
        opened = state.mask.keys.unseal(key.viewer, cursor)
        if opened is None or opened.get("list") != kind:
            reason = "belongs to another list, key or epoch; ask again without it"
            raise Problem("invalid", errors=[Fault(field="cursor", reason=reason)])
        after = str(opened["after"])
    table = state.projection.table(kind)
    start = bisect_right(table.ids, after) if after else 0
    stop = min(start + limit, table.n)

    def rows() -> list[dict[str, Any]]:
        service.audit.append(key.id, "list", f"{kind}:{table.ids[start] if start < stop else ''}+{stop - start}")
        return [{"id": table.ids[row], **table.values(row)} for row in range(start, stop)]

    records = await run_in_threadpool(rows)
    more = stop < table.n
    following = state.mask.keys.seal(key.viewer, {"list": kind, "after": records[-1]["id"]}) if more else None
    return answered({"records": records, "next": following})


async def post(request: Request, kind: Kind) -> Response:
    """Write one record or many, all or none; given fields are set, others stay as they are. For an operator's key."""
    body, raw = await read_json(request)
    rows = rows_of(body, service_of(request).settings.batch_limit)

    def act(store: GraphStore) -> Done:
        known("entity", store.catalogue.entities, kind)
        return tallied(store.upsert(normalised(rows, kind, strict(store).entity), origin()))

    return await carried_out(request, raw, "write", f"{kind}:*{len(rows)}", act)


async def put(request: Request, kind: Kind, id: Id) -> Response:
    """Set one record to exactly the given fields: 201 when it is new, else 200. For an operator's key."""
    body, raw = await read_json(request)
    rows = rows_of(body, 1)
    if rows[0].get("id", id) != id:
        raise Problem("invalid", errors=[Fault(field="id", reason="differs from the id in the path")])

    def act(store: GraphStore) -> Done:
        known("entity", store.catalogue.entities, kind)
        (record,) = normalised([{**rows[0], "id": id}], kind, strict(store).entity)
        written = store.upsert([record], origin(), replace=True)
        return Done(201 if written.inserted else 200, shown(record))

    return await carried_out(request, raw, "put", f"{kind}:{id}", act)


async def delete(request: Request, kind: Kind, id: Id) -> Response:
    """Delete a record and the relations that touch it. For an operator's key."""

    def act(store: GraphStore) -> Done:
        return Done(204 if store.delete([EntityKey(known("entity", store.catalogue.entities, kind), id)]) else 404)

    return await carried_out(request, b"", "delete", f"{kind}:{id}", act)


def add(app: FastAPI) -> None:
    """Add the routes."""
    one, many = "/v1/entities/{kind}/{id:path}", "/v1/entities/{kind}"
    body = {"requestBody": json_body(RECORD, {"need": {"summary": "A need · 一条需求", "value": NEED}})}
    keyed = {"parameters": [IDEMPOTENCY_KEY]}
    absent_too = problems(*KEYED, "not-found")
    writes = problems(*KEYED, *WITH_BODY, "not-found", "conflict")
    app.add_api_route(
        many, page, methods=["GET"], tags=["records"], summary="List records · 列出记录",
        responses={200: json_answer("A page.", PAGE), **absent_too, **problems("invalid")},
    )  # fmt: skip
    app.add_api_route(
        many, post, methods=["POST"], tags=["records"], summary="Write records · 写入记录",
        openapi_extra={
            "requestBody": json_body(
                {"oneOf": [RECORD, {"type": "array", "items": RECORD, "minItems": 1}]},
                {
                    "one": {"summary": "One need · 一条需求", "value": NEED},
                    "many": {"summary": "Many · 多条", "value": [NEED, {**NEED, "id": "example-need-2"}]},
                    "firm": {"summary": "An enterprise, to /v1/entities/enterprise · 一家企业", "value": FIRM},
                },
            )
        } | keyed | {"x-also": {"kind": "enterprise", "example": "firm"}},
        responses={200: json_answer("What was written.", WRITTEN, COUNTS), **writes},
    )  # fmt: skip
    app.add_api_route(
        one, look, methods=["GET"], tags=["records"], summary="Look at a record · 查看记录",
        responses={200: json_answer("The record.", RECORD, NEED), **absent_too, **problems("invalid")},
    )  # fmt: skip
    app.add_api_route(
        one, put, methods=["PUT"], tags=["records"], summary="Replace a record · 替换记录", openapi_extra=body | keyed,
        responses={200: json_answer("Replaced.", RECORD, NEED), 201: json_answer("Created.", RECORD, NEED), **writes},
    )  # fmt: skip
    app.add_api_route(
        one, delete, methods=["DELETE"], tags=["records"], summary="Delete a record · 删除记录", status_code=204,
        openapi_extra=keyed | {"x-also": {"kind": "enterprise", "id": FIRM["id"]}},
        responses={204: {"description": "Deleted."}, **absent_too, **problems("conflict", "invalid")},
    )  # fmt: skip
