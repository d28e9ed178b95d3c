"""What a viewer did with what it was shown: recorded, and read back by the same key only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.access import key_of, service_of
from api.bodies import answered, question_faults, read_json
from api.bootstrap import Service
from api.casework.batches import PAUSE
from api.casework.feedback import Entry, TooManyChangesError, alias_now, by_alias, checked
from api.casework.impressions import Inquiry
from api.casework.keys import Key
from api.problems import Fault, Problem, absent, validated
from api.routes.describe import IDEMPOTENCY_KEY, KEYED, WITH_BODY, json_answer, json_body, problems, ref
from api.routes.matches import TEXT
from api.writes import Done, once, rows_of
from graph.errors import QianxianError
from matching.kinds import MatchKinds
from matching.question import Question

Short = Annotated[str, Field(max_length=512)]


class FeedbackRequest(BaseModel):
    """One event; it names the question as it was asked, by `subject` or `text`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    match_kind: Short = Field(description="Match kind that was asked. 匹配类型。")
    subject: Short | None = Field(default=None, description="Id of the record that was asked for. 需求方记录编号。")
    text: str | None = Field(default=None, description="The text that was asked, to the letter. 需求文本。")
    alias: Short = Field(description="The candidate's alias in the answer. 候选方匿名代号。")
    event: Short = Field(
        description="open, save, dismiss, restore (undoes a dismissal), accept, decline or deal (signed). 反馈事件。"
    )
    reason: Short | None = Field(
        default=None,
        description="For dismiss and decline: wrong-field, too-far, already-known, too-expensive, not-available, "
        "conflict or other. 理由。",
    )


class FeedbackCounts(BaseModel):
    """What a write changed."""

    recorded: int
    """Events that are new."""
    unchanged: int
    """Events that repeat where the pair stands already, or that others of the same list take back."""


class FeedbackEntry(BaseModel):
    """One recorded event."""

    match_kind: str
    subject: str | None
    """Null where a text was asked: only its hash is kept."""
    alias: str | None
    """The candidate's alias; null once the epoch of the answer is over."""
    event: str
    reason: str | None
    time: str
    """When it was recorded, UTC."""


class FeedbackPage(BaseModel):
    """The key's own entries, newest first."""

    entries: list[FeedbackEntry]
    next: str | None
    """Cursor of what follows; null at the end."""


ONE = {"match_kind": "need-expert", "text": TEXT, "alias": "9f3c07b2e41d58a6c0be7714", "event": "open"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "one": {"summary": "One · 一条", "value": ONE},
    "many": {"summary": "Many · 多条", "value": [{**ONE, "event": "dismiss", "reason": "too-far"}]},
}


async def give(request: Request) -> Response:
    """Record one event or many, all or none; an alias that this key was not shown for that question is a 404.

    So ask first: the example asks that of `/v1/matches/need-expert` again and takes an alias of the answer. A
    repetition of where a pair stands changes nothing, of a list counts where it leaves each pair, and 20 changes of one
    pair a day are the most. A dismissed candidate is at once left out of this key's answers
    to that question.
    """
    body, raw = await read_json(request)
    service, key = service_of(request), key_of(request)
    if service.matcher is None:
        raise Problem("unavailable", "no projection yet; try again", retry_after=1)
    rows = rows_of(body, service.settings.batch_limit)
    state = service.matcher.state
    wanted = _wanted(rows, service.settings.text_limit, state.kinds)

    def act() -> Done:
        service.impressions.flush()
        entries = _entries(service, key, wanted)
        if entries is None:  # another process may have shown it a moment ago, and be about to say so
            time.sleep(2 * PAUSE)
            entries = _entries(service, key, wanted)
        if entries is None:
            raise absent()
        try:
            recorded = service.feedback.record(entries)
        except TooManyChangesError as error:
            fault = Fault(field="alias", reason=str(error), index=error.number if isinstance(body, list) else None)
            raise Problem("rate-limited", errors=[fault], retry_after=error.wait) from None
        service.dismissals.look(state.mask.epoch)
        return Done(200, {"recorded": recorded, "unchanged": len(entries) - recorded})

    return await once(request, raw, act)


def _wanted(rows: Sequence[dict[str, Any]], longest: int, kinds: MatchKinds) -> list[FeedbackRequest]:
    """The events of a body; a 422 that names what is wrong with each."""
    wanted, faults = [], []
    for index, row in enumerate(rows):
        try:
            one = validated(FeedbackRequest, row)
            checked(one.event, one.reason)
            _ = kinds[one.match_kind]
            faults += question_faults(one.subject, one.text, longest, index)
            wanted.append(one)
        except Problem as problem:
            faults += [Fault(field=fault.field, reason=fault.reason, index=index) for fault in problem.errors]
        except QianxianError as error:
            faults.append(Fault(field=error.field or "", reason=str(error), index=index))
    if faults:
        raise Problem("invalid", errors=faults)
    return wanted


def _entries(service: Service, key: Key, wanted: Sequence[FeedbackRequest]) -> list[Entry] | None:
    """The events with the candidates that the aliases stand for; None where one stands for none."""
    assert service.matcher is not None
    mask = service.matcher.state.mask
    shown: dict[Inquiry, dict[str, str]] = {}
    entries = []
    for one in wanted:
        question = Question(one.match_kind, subject=one.subject, text=one.text)
        inquiry = Inquiry(mask.epoch, key.id, one.match_kind, question.about)
        if inquiry not in shown:
            shown[inquiry] = by_alias(mask.keys, key.viewer, inquiry, service.impressions.candidates(inquiry))
        candidate = shown[inquiry].get(one.alias)
        if candidate is None:
            return None
        entries.append(Entry(inquiry, candidate, *checked(one.event, one.reason)))
    return entries


async def own(
    request: Request,
    limit: Annotated[int, Query(ge=1, description="Most entries on this page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=4096, description="`next` of the page before.")] = None,
) -> Response:
    """The feedback given with this key, newest first."""
    service, key = service_of(request), key_of(request)
    if limit > (most := service.settings.match_limit):
        raise Problem("invalid", errors=[Fault(field="limit", reason=f"is {limit}; valid: 1 to {most}")])
    if service.matcher is None:
        raise Problem("unavailable", "no projection yet; try again", retry_after=1)
    mask, before = service.matcher.state.mask, None
    if cursor is not None:
        opened = mask.keys.unseal(key.viewer, cursor)
        if opened is None or opened.get("list") != "feedback":
            reason = "belongs to another list, key or epoch; ask again without it"
            raise Problem("invalid", errors=[Fault(field="cursor", reason=reason)])
        before = int(opened["before"])
    entries = await run_in_threadpool(service.feedback.page, key.id, before, limit + 1)
    more, entries = len(entries) > limit, entries[:limit]
    following = mask.keys.seal(key.viewer, {"list": "feedback", "before": entries[-1].number}) if more else None
    return answered(
        {
            "entries": [{**entry.told(), "alias": alias_now(mask.keys, key.viewer, entry)} for entry in entries],
            "next": following,
        }
    )


def add(app: FastAPI) -> None:
    """Add the routes."""
    one = ref(FeedbackRequest)
    app.add_api_route(
        "/v1/feedback", give, methods=["POST"], tags=["feedback"], summary="Give feedback · 反馈",
        openapi_extra={
            "requestBody": json_body({"oneOf": [one, {"type": "array", "items": one, "minItems": 1}]}, EXAMPLES),
            "parameters": [IDEMPOTENCY_KEY],
        },
        responses={
            200: json_answer("What was recorded.", ref(FeedbackCounts), {"recorded": 1, "unchanged": 0}),
            **problems(*KEYED, *WITH_BODY, "not-found", "conflict"),
        },
    )  # fmt: skip
    app.add_api_route(
        "/v1/feedback", own, methods=["GET"], tags=["feedback"], summary="Own feedback · 本密钥的反馈",
        responses={200: json_answer("A page.", ref(FeedbackPage)), **problems(*KEYED, "invalid")},
    )  # fmt: skip
