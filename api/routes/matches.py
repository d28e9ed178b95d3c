"""The question the service is for: who fits?"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import key_of, service_of
from api.bodies import answered, question_faults, read_json
from api.casework.impressions import Inquiry
from api.problems import Fault, Problem, validated
from api.routes.describe import KEYED, WITH_BODY, json_answer, json_body, problems, ref
from graph.errors import UnknownNameError
from matching.question import Question

MATCH_KIND = Path(description="Match kind, from /v1/kinds. 匹配类型。", examples=["need-expert"])
EXCLUDED = 1_000
"""Most aliases in `exclude`."""
Short = Annotated[str, Field(max_length=512)]


class MatchRequest(BaseModel):
    """A question; give either `subject` or `text`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    subject: Short | None = Field(
        default=None, description="Id of a record that this key may ask for. 需求方记录编号。"
    )
    text: str | None = Field(default=None, description="Free text instead of a record, Chinese or English. 需求文本。")
    limit: int = Field(default=20, ge=1, description="Matches wanted; an answer has whole groups, so it may have more.")
    filters: dict[Short, Short] = Field(
        default_factory=dict,
        description="Visible field of the candidate → the value its card must show: a code or name, and all that lies "
        "within it (a province, an industry section). 含下级。",
        max_length=32,
    )
    exclude: list[Short] = Field(
        default_factory=list, description="Aliases from earlier answers to this question.", max_length=EXCLUDED
    )
    explain: bool = Field(
        default=False, description="Whether to say why, how good the answer is, and what is missing. 是否给出理由。"
    )
    cover: bool = Field(
        default=False,
        description="Whether a team is wanted that covers the parts of the need, for keys that see the order. 组队。",
    )
    cursor: Annotated[str, Field(max_length=4096)] | None = Field(
        None, description="`next` of the answer before; belongs to this key and question."
    )


class MatchItem(BaseModel):
    """One candidate, as far as this key may see it."""

    alias: str
    """Its name toward this key in this question."""
    card: dict[str, Any]
    """What may be seen of it."""
    k: int | None
    """How many entities at least share this card; null for public records."""
    rank: int | None = None
    """Place in the order: brokers with a mandate and operators only."""
    explanation: dict[str, Any] | None = None
    """Why, where asked; toward parties the same for all of a band."""


class MatchPart(BaseModel):
    """A part of the question's text: its title, a sentence."""

    text: str
    asks: bool
    """Whether it asks for something; other parts tell of the asker, and nobody need cover them."""
    covered: bool
    """Whether anyone of the first twenty covers it; toward parties at least k do."""
    one_word: bool
    """Whether it has several words, but is covered by single ones."""
    ranks: list[int] | None = None
    """Who covers it, for keys that see the order."""


class MatchGroup(BaseModel):
    """Candidates of one band."""

    band: str
    """strong, good, fair or weak: how high the score is. What the texts cover is the verdict's."""
    matches: list[MatchItem]
    """At least k cards; toward parties their order says nothing."""


class MatchAnswer(BaseModel):
    """The best candidates, best band first."""

    groups: list[MatchGroup]
    next: str | None
    """Cursor of what follows; null at the end."""
    verdict: Literal["good", "weak", "none"] | None = None
    """Whether there is a good match; this and what follows on the first page of an explained answer."""
    basis: Literal["text", "record"] | None = None
    """What it rests on: what texts say, or fields and past outcomes."""
    parts: list[MatchPart] | None = None
    """The parts of the question."""
    missing: list[dict[str, Any]] | None = None
    """Parts that nobody covers, `part` and `text`; filters without which there were better, `filter` and `value`."""
    summary: dict[str, str] | None = None
    """The verdict in words, `zh` and `en`."""


TEXT = "功率芯片在150℃下的散热测试 heat dissipation of a power chip at 150 °C"
EXAMPLES: dict[str, dict[str, Any]] = {
    "text": {"summary": "By text · 按文本", "value": {"text": TEXT, "limit": 10}},
    "subject": {"summary": "By record · 按记录", "value": {"subject": "example-need", "explain": True}},
    "team": {
        "summary": "Team · 组队",
        "value": {"text": "柔性心电贴片的导电银浆易断。需要低功耗采集芯片。", "cover": True, "limit": 5},
    },
    "narrowed": {
        "summary": "Narrowed · 筛选",
        "value": {
            "subject": "example-need",
            "filters": {"institution_type": "高校"},
            "exclude": ["9f3c07b2e41d58a6c0be7714"],
        },
    },
}
ANSWER = {
    "groups": [
        {
            "band": "strong",
            "matches": [
                {
                    "alias": "9f3c07b2e41d58a6c0be7714",
                    "card": {"kind": "expert", "fields": {"title": "教授", "tags": ["散热"]}, "texts": {}},
                    "k": 10,
                }
            ],
        }
    ],
    "next": None,
}


async def match(request: Request, match_kind: Annotated[str, MATCH_KIND]) -> Response:
    """Rank the candidates for a record or a text: masked, in groups, best first.

    A party sees groups of at least k cards whose inner order says nothing; a broker with a mandate sees the order, and
    is audited as operators are. A text needs no record: begin with that example. `example-need` is there once an
    operator wrote the example of `POST /v1/entities/{kind}` (a second or more ago); aliases to leave out are those of
    an answer.
    """
    body, _ = await read_json(request)
    asked = validated(MatchRequest, body)
    service, key = service_of(request), key_of(request)
    _check(asked, service.settings.match_limit, service.settings.text_limit)
    if service.matcher is None:
        raise Problem("unavailable", "no projection yet; try again", retry_after=1)
    state = service.matcher.state
    question = Question(
        kind=match_kind,
        subject=asked.subject,
        text=asked.text,
        limit=asked.limit,
        filters=asked.filters,
        exclude=frozenset(asked.exclude),
        explain=asked.explain or asked.cover,
        cover=asked.cover,
        cursor=asked.cursor,
    )
    inquiry = Inquiry(state.mask.epoch, key.id, match_kind, question.about)
    if dismissed := service.dismissals.of(inquiry):
        question = replace(question, dismissed=dismissed)
    try:
        # In the loop, not in a thread: an answer takes a few milliseconds, and handing it over costs more than
        # it gives (measured in docs/api.md).
        answer = service.matcher.match(question, key.viewer, state)  # whatever is taken up meanwhile
    except UnknownNameError as error:
        if error.field == "match_kind":
            raise Problem("not-found", str(error)) from None
        raise
    if key.viewer.sees_order:
        service.notes.note(key.id, "match", f"{match_kind}:{asked.subject or 'text'}")
    service.impressions.note(inquiry, answer.shown)
    return answered(answer.to_dict())


def _check(asked: MatchRequest, most: int, longest: int) -> None:
    faults = question_faults(asked.subject, asked.text, longest)
    if asked.limit > most:
        faults.append(Fault(field="limit", reason=f"is {asked.limit}; valid: 1 to {most}"))
    if faults:
        raise Problem("invalid", errors=faults)


def add(app: FastAPI) -> None:
    """Add the route."""
    app.add_api_route(
        "/v1/matches/{match_kind}",
        match,
        methods=["POST"],
        tags=["matches"],
        summary="Who fits · 谁合适",
        openapi_extra={"requestBody": json_body(ref(MatchRequest), EXAMPLES)},
        responses={
            200: json_answer("Groups of masked candidates.", ref(MatchAnswer), ANSWER),
            **problems(*KEYED, *WITH_BODY, "not-found"),
        },
    )
