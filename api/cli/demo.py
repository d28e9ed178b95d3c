"""`qianxian demo`: the whole path on a generated world, told as it goes."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx

from api import bootstrap
from api.casework import keys
from api.cli.context import Context, Progress
from api.cli.showing import card_text, show_answer, why_text
from api.serve import serve
from api.settings import Settings, load
from graph.errors import QianxianError
from ingest.load import Options, ingest
from ingest.sample.world import write
from matching.build import State
from matching.masking import Role, Viewer
from matching.pipeline import Matcher, Question
from matching.training import train

READY_SECONDS = 60
SHOWN = 5


class DemoError(QianxianError):
    """The demo's own service did not do what it should."""

    code = "demo"


def run(context: Context, experts: int) -> None:
    """Generate, load, build, learn, ask here and over HTTP, and say how to go on."""
    settings, out, progress = context.settings, context.out, Progress()
    started = time.monotonic()

    def step(what: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        progress.finish()
        out.print(f"[green]✓[/green] {what} [dim]({time.monotonic() - began:.1f} s)[/dim]")

    bootstrap.make_home(settings.home)
    world = settings.home / "sample-world"
    out.print("[bold]Qianxian 牵线[/bold] — a generated world: nobody and nothing in it is real.\n")
    step("sample world written", lambda: write(world, experts=experts, progress=progress))
    step("loaded into the graph store", lambda: _load(context, progress))
    step("projection, masks and text indexes built", lambda: bootstrap.build(settings, progress=progress))
    step("models learned from past outcomes", lambda: train(bootstrap.open_matcher(settings).state, None, progress))
    matcher = bootstrap.open_matcher(settings)
    _ask_here(context, matcher)
    out.print("\n[bold]The same over HTTP[/bold], from a service that this command starts and stops:")
    _ask_over_http(context, settings, matcher.state)
    shutil.rmtree(world)
    casework = bootstrap.open_casework(settings)
    token, _ = keys.issue(casework, role="broker", parties=["*"], label="demo", valid_for=timedelta(days=30))
    casework.close()
    out.print(f"\nDone in {time.monotonic() - started:.0f} s. To go on:", style="bold")
    out.print(f"  make serve        then open http://{settings.host}:{settings.port}/")
    out.print(f"  a broker's key    {token}   (30 days; `qianxian key list`, `qianxian key revoke`)")
    need = _needs(matcher.state, 1)[0]
    out.print(
        f"  curl -s http://{settings.host}:{settings.port}/v1/matches/need-expert -H 'Authorization: Bearer {token}' \\\n"
        f"       -H 'Content-Type: application/json' -d '{{\"subject\": \"{need}\", \"limit\": 5, \"explain\": true}}'",
        soft_wrap=True,
    )


def _load(context: Context, progress: Progress) -> None:
    with context.open_store(create=True) as store:
        ingest(store, [context.settings.home / "sample-world"], Options(), progress)


def _needs(state: State, count: int) -> list[str]:
    """Ids of needs that say something, spread over the population."""
    table = state.projection.table("need")
    titled = [row for row in range(0, table.n, max(table.n // 50, 1)) if table.values(row).get("title")]
    return [table.ids[row] for row in titled[:count]]


def _first(state: State, kind: str, match_kind: str) -> str:
    """A subject with past outcomes: one that the models know something of."""
    outcomes = state.prepared(match_kind).evidence.outcomes
    if outcomes is None:
        return state.projection.table(kind).ids[0]
    return state.projection.table(kind).ids[int(outcomes.pairs.sum(axis=1).argmax())]


def _ask_here(context: Context, matcher: Matcher) -> None:
    broker = Viewer(id="demo-broker", role=Role.BROKER, everything=True)
    fund = Viewer(id="demo-fund", role=Role.FUND_MANAGER, everything=True)
    firm = Viewer(id="demo-enterprise", role=Role.ENTERPRISE, everything=True)
    need = _needs(matcher.state, 1)[0]
    text = str(matcher.state.projection.table("need").values(matcher.state.projection.table("need").find(need))["title"])
    asked = [
        (f"A broker looks for experts for the need “{text}”", broker, "need-expert", need),
        ("… patents for the same need", broker, "need-patent", need),
        ("… instruments for the same need", broker, "need-instrument", need),
        ("A fund browses projects", fund, "fund-enterprise", _first(matcher.state, "fund", "fund-enterprise")),
        ("An enterprise looks for funds", firm, "enterprise-fund", _first(matcher.state, "enterprise", "enterprise-fund")),
    ]
    for title, viewer, kind, subject in asked:
        context.out.print(f"\n[bold]{title}[/bold]")
        question = Question(kind, subject=subject, limit=SHOWN, explain=True)
        show_answer(context.out, question, matcher.match(question, viewer), str(viewer.role))


def _ask_over_http(context: Context, settings: Settings, state: State) -> None:
    casework = bootstrap.open_casework(settings)
    token, key = keys.issue(casework, role="broker", parties=["*"], label="demo over HTTP", valid_for=timedelta(hours=1))
    try:
        with _service(settings) as base, httpx.Client(base_url=base, timeout=30) as client:
            body = {"subject": _needs(state, 1)[0], "limit": SHOWN, "explain": True}
            reply = client.post("/v1/matches/need-expert", json=body, headers={"Authorization": f"Bearer {token}"})
            if reply.status_code != 200:
                raise DemoError(f"the service answered {reply.status_code}: {reply.text[:300]}")
            answer: dict[str, Any] = reply.json()
            context.out.print(f"POST /v1/matches/need-expert → {reply.status_code}, {reply.elapsed.total_seconds() * 1000:.1f} ms")
            for group in answer["groups"]:
                for match in group["matches"]:
                    why = why_text(match.get("explanation")).replace("\n", "; ")
                    context.out.print(f"  {group['band']:<7}{match['alias']}  {card_text(match['card'])!r}  {why}", markup=False)
    finally:
        keys.revoke(casework, key.id)
        casework.close()


@contextmanager
def _service(settings: Settings) -> Iterator[str]:
    """A service of its own on a free port; its address."""
    port = _free_port()
    own = load(home=settings.home, store=settings.store, port=port, host="127.0.0.1", workers=1, log_level="error")
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(own,), name="demo-service")
    process.start()
    base = f"http://127.0.0.1:{port}"
    try:
        _await_ready(base, process)
        yield base
    finally:
        process.terminate()
        process.join(READY_SECONDS)
        if process.exitcode is None:
            process.kill()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(base: str, process: multiprocessing.process.BaseProcess) -> None:
    for _ in range(READY_SECONDS * 10):
        if process.exitcode is not None:
            raise DemoError(f"the service ended with status {process.exitcode} before it was ready")
        try:
            if httpx.get(f"{base}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise DemoError(f"the service was not ready after {READY_SECONDS} s")
