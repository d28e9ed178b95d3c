"""`qianxian demo`: the whole path on a generated world, told as it goes."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from rich.text import Text

from api.bootstrap import build, open_matcher
from api.casework import Casework, keys
from api.cli import words
from api.cli.borrowed import DemoError, ask, service
from api.cli.context import Context, Progress, processes_of
from api.cli.showing import show_answer
from api.cli.words import said
from api.installation import open_casework
from api.learning import learn_from_outcomes
from api.settings import PREFIX, Settings
from graph.errors import InputError
from graph.schema import Labels
from graph.store import GraphStore
from ingest.load import Options, ingest
from ingest.sample.world import write
from matching.masking import Role, Viewer
from matching.matcher import Matcher
from matching.question import Question
from matching.state import State

SHOWN = 3
LABEL = "qianxian demo (generated)"
"""What tells the demo's keys from people's own, which it leaves alone."""
GENERATED = "sample-"
"""What every id of a sample world begins with."""


class Story(NamedTuple):
    """A question that the demo asks."""

    title: Labels
    role: Role
    kind: str
    subject: str
    asked: str
    """What the subject is called when the answer is shown."""


def run(context: Context, experts: int) -> None:
    """Generate, load, build, learn, ask here and over HTTP, and say how to go on.

    Raises InputError where the store holds records that were not generated.
    """
    settings, out, progress = context.settings, context.out, Progress()
    started = time.monotonic()

    def step(what: Labels, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        progress.finish()
        took = said(words.SECONDS, time.monotonic() - began)
        out.print(Text.assemble(("✓ ", "green"), said(what), (f" · {took}", "dim")))

    out.print(Text(said(words.GENERATED), "bold"))
    world = settings.home / "sample-world"
    with context.open_store(create=True) as store:
        _check_generated(store)
        step(words.WRITTEN, lambda: write(world, experts=experts, progress=progress))
        step(words.LOADED, lambda: ingest(store, [world], Options(), progress))
        shutil.rmtree(world)
    step(words.BUILT, lambda: build(settings, processes=processes_of(None), progress=progress))
    matcher = open_matcher(settings)
    stories = _stories(matcher.state)
    asked = [story.kind for story in stories]
    step(words.LEARNED, lambda: learn_from_outcomes(settings, asked, processes_of(None), progress))
    matcher = open_matcher(settings)
    for story in stories:
        _tell(context, matcher, story)
    token = _over_http(context, settings, matcher, stories[0])
    out.print(Text(f"\n{said(words.DONE, time.monotonic() - started)}", "bold"))
    out.print(_how_to_go_on(settings, context.home, token, stories[0].subject), soft_wrap=True, markup=False)


def _check_generated(store: GraphStore) -> None:
    for kind in store.counts():
        real = kind in store.catalogue.entities and next(
            (entity.id for entity in store.entities(kind) if not entity.id.startswith(GENERATED)), None
        )
        if real:
            raise InputError(
                f"the store {store.url} holds records that were not generated, such as {kind} {real!r}; "
                "give the demo a folder of its own: qianxian --home FOLDER demo",
                field="store",
            )


def _stories(state: State) -> list[Story]:
    need, title = _need(state)
    fund, firm = _experienced(state, "fund-enterprise"), _experienced(state, "enterprise-fund")
    return [
        Story(words.FOR_EXPERTS, Role.BROKER, "need-expert", need, title),
        Story(words.FOR_PATENTS, Role.BROKER, "need-patent", need, title),
        Story(words.FOR_INSTRUMENTS, Role.BROKER, "need-instrument", need, title),
        Story(words.FOR_PROJECTS, Role.FUND_MANAGER, "fund-enterprise", fund, fund),
        Story(words.FOR_FUNDS, Role.ENTERPRISE, "enterprise-fund", firm, firm),
    ]


def _need(state: State) -> tuple[str, str]:
    """(id, title) of a need that says something, a Chinese one if there is any: most that it is asked of is Chinese."""
    table = state.projection.table("need")
    found = [
        (not any("一" <= char <= "鿿" for char in str(values["title"])), row)
        for row in range(table.n)
        if (values := table.values(row)).get("title") and values.get("text") and values.get("tags")
    ]
    if found:
        _, row = min(found)
        return table.ids[row], str(table.values(row)["title"])
    raise DemoError("the world has no need with a title and a text; make it larger with --experts")


def _experienced(state: State, match_kind: str) -> str:
    """The subject with most past outcomes: one that the models know something of."""
    evidence = state.prepared(match_kind).evidence
    table = state.projection.table(evidence.kind.subject)
    if evidence.outcomes is None or table.n == 0:
        raise DemoError(f"the world has no outcomes for {match_kind}; make it larger with --experts")
    return table.ids[int(evidence.outcomes.pairs.sum(axis=1).argmax())]


def _tell(context: Context, matcher: Matcher, story: Story) -> None:
    viewer = Viewer(id=f"demo-{story.role}", role=story.role, everything=True)
    answer = matcher.match(Question(story.kind, subject=story.subject, limit=SHOWN, explain=True), viewer)
    context.out.print(Text(f"\n{said(story.title)}", "bold underline"))
    _show(context, matcher, story, answer.to_dict())


def _show(context: Context, matcher: Matcher, story: Story, answer: dict[str, Any]) -> None:
    catalogue = matcher.state.projection.catalogue
    show_answer(context.out, answer, matcher.state.kinds[story.kind], story.asked, str(story.role), catalogue)


def _over_http(context: Context, settings: Settings, matcher: Matcher, story: Story) -> str:
    """Ask the first question of a service of its own, with a key; the token of that key."""
    casework = open_casework(settings)
    try:
        token = _issued(casework)
    finally:
        casework.close()
    context.out.print(Text(f"\n{said(words.OVER_HTTP)}", "bold underline"))
    with service(settings) as base:
        body = {"subject": story.subject, "limit": 1, "explain": True}
        answer, seconds = ask(f"{base}/v1/matches/{story.kind}", token, body)
    context.out.print(Text(said(words.TOOK, f"{base}/v1/matches/{story.kind}", seconds * 1000), "dim"))
    _show(context, matcher, story, answer)
    return token


def _issued(casework: Casework) -> str:
    """A broker's key for a month; those of earlier demos end."""
    for key in keys.list_keys(casework):
        if key.label == LABEL and key.revoked is None:
            keys.revoke(casework, key.id)
    token, _ = keys.issue(casework, role="broker", parties=["*"], label=LABEL, valid_for=timedelta(days=30))
    return token


def _how_to_go_on(settings: Settings, home: str | Path | None, token: str, need: str) -> str:
    """The next commands, ready to be copied."""
    address = f"http://{settings.host}:{settings.port}"
    given = f"{PREFIX}HOME={home} " if home else ""
    command = "qianxian" if shutil.which("qianxian") else sys.argv[0]
    body = orjson.dumps({"subject": need, "limit": 5, "explain": True}).decode()
    return (
        f"  {said(words.START, given, given, command, address)}\n"
        f"  {said(words.KEY, token)}\n"
        f"  curl -s {address}/v1/matches/need-expert -H 'Authorization: Bearer {token}' \\\n"
        f"       -H 'Content-Type: application/json' -d '{body}'\n"
        f"  {given}{command} match need-patent --subject {need} --as broker --explain"
    )
