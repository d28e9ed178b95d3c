"""What every write has in common: once per `Idempotency-Key`, off the event loop, audited before it happens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from api.access import key_of, service_of
from api.problems import Fault, Problem, absent
from graph.errors import QianxianError
from graph.records import Origin
from graph.store import GraphStore, Written
from ingest.normalise import Normaliser

LONGEST_TOKEN = 255
Record = TypeVar("Record")


@dataclass(frozen=True)
class Done:
    """Outcome of a write."""

    status: int
    content: object | None = None

    def body(self) -> bytes:
        """Bytes of the answer, empty where there is nothing to say."""
        return b"" if self.content is None else orjson.dumps(self.content)


def known(what: str, kinds: Mapping[str, Any], kind: str) -> str:
    """`kind`, if it is one of the declared `kinds`; else a 404 that lists them."""
    if kind not in kinds:
        raise Problem("not-found", f"no {what} kind of this name; valid: {', '.join(sorted(kinds))}")
    return kind


def rows_of(body: Any, most: int) -> list[dict[str, Any]]:
    """The records of a body: one object or a list of objects."""
    rows = body if isinstance(body, list) else [body]
    if not rows or len(rows) > most:
        raise Problem("invalid", errors=[Fault(field="", reason=f"holds {len(rows)} records; valid: 1 to {most}")])
    faults = [
        Fault(field="", reason="a record is a JSON object", index=index)
        for index, row in enumerate(rows)
        if not isinstance(row, dict)
    ]
    if faults:
        raise Problem("invalid", errors=faults)
    return rows


def strict(store: GraphStore) -> Normaliser:
    """What makes records of rows and refuses undeclared fields."""
    return Normaliser(store.catalogue, strict=True)


def normalised(rows: list[dict[str, Any]], kind: str, one: Callable[[str, dict[str, Any]], Record]) -> list[Record]:
    """Every row through `one`; a 422 that names each bad row, so that nothing of a bad batch is written."""
    records, faults = [], []
    for index, row in enumerate(rows):
        try:
            records.append(one(kind, row))
        except QianxianError as error:
            faults.append(Fault(field=error.field or "", reason=str(error), index=index))
    if faults:
        raise Problem("invalid", errors=faults)
    return records


def tallied(written: Written) -> Done:
    """The answer that says how much was written."""
    return Done(200, {"inserted": written.inserted, "updated": written.updated, "unchanged": written.unchanged})


def origin() -> Origin:
    """Where values written through the API come from."""
    return Origin("api", datetime.now(UTC).isoformat(timespec="seconds"))


async def carried_out(
    request: Request, body: bytes, action: str, object: str, act: Callable[[GraphStore], Done]
) -> Response:
    """Run `act` on the store in a thread and answer what it returns; see `once`.

    `action` and `object` go to the audit log first.
    """
    service, key = service_of(request), key_of(request)

    def run() -> Done:
        service.audit.append(key.id, action, object)
        return act(service.stores.current())

    return await once(request, body, run)


async def once(request: Request, body: bytes, act: Callable[[], Done]) -> Response:
    """Run `act` in a thread and answer what it returns; a repetition gets the first answer.

    A write that fails, for whatever reason, is not remembered.
    """
    token = request.headers.get("idempotency-key")
    if token is not None and not (1 <= len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable()):
        reason = f"valid: 1 to {LONGEST_TOKEN} printable ASCII characters"
        raise Problem("invalid", errors=[Fault(field="Idempotency-Key", reason=reason)])
    service, key = service_of(request), key_of(request)

    def run() -> tuple[int, bytes]:
        done = act()
        return done.status, done.body()

    def run_once() -> tuple[int, bytes]:
        assert token is not None
        digest = hashlib.sha256(b"\x00".join((request.method.encode(), request.url.path.encode(), body))).digest()
        known = service.replies.begin(key.id, token, digest)
        if known is not None:
            return _repeated(known.status, known.body, known.same)
        try:
            status, content = run()
        except BaseException:
            service.replies.forget(key.id, token)
            raise
        service.replies.finish(key.id, token, status, content)
        return status, content

    status, content = await run_in_threadpool(run if token is None else run_once)
    if status == 404:
        raise absent()
    return Response(content, status, media_type="application/json" if content else None)


def _repeated(status: int | None, body: bytes, same: bool) -> tuple[int, bytes]:
    if not same:
        raise Problem(
            "invalid", errors=[Fault(field="Idempotency-Key", reason="was used for another request; choose a new one")]
        )
    if status is None:
        raise Problem("conflict", "the first request with this Idempotency-Key still runs", retry_after=1)
    return status, body
