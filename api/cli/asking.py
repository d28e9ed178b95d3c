"""Commands that ask: match, train, which makes the answers better, and card, which says how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import COMMAND_LINE, Json, Processes, Progress, print_json, processes_of, report, writable


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(train)
    app.command()(match)
    app.command()(card)


def match(
    context: typer.Context,
    match_kind: Annotated[str, typer.Argument(help="e.g. need-expert, need-patent, enterprise-fund.")],
    subject: Annotated[str | None, typer.Option(help="Id of the one who asks.")] = None,
    text: Annotated[str | None, typer.Option(help="A need, or whatever else asks, as free text instead.")] = None,
    role: Annotated[
        str,
        typer.Option(
            "--as",
            help="Role of the viewer, which decides what is shown: broker and operator see the order; outsider, "
            "enterprise, expert, fund-manager and owner see groups.",
        ),
    ] = "outsider",
    limit: Annotated[int, typer.Option(help="Matches wanted.")] = 20,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Add whether there is a good match at all, which parts of the question are covered and which are "
            "missing, and why each is there.",
        ),
    ] = False,
    cover: Annotated[
        bool,
        typer.Option("--cover", help="A team that covers the parts of the need, explained; for broker and operator."),
    ] = False,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help="FIELD=VALUE that a card must show: a code or name, and all that lies within it (for experts "
            "institution_region=浙江, for projects industry=C).",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Rank candidates for a need, an enterprise, a fund or an expert; the answer is masked for the role.

    Give --subject or --text. Questions of a broker or operator are audited.
    """
    from api.bootstrap import open_matcher
    from api.casework.feedback import Dismissals, FeedbackLog
    from api.casework.impressions import Impressions, Inquiry
    from api.cli.showing import show_answer
    from api.installation import open_casework
    from graph.errors import UnknownNameError
    from matching.masking import Role, Viewer
    from matching.question import Question

    if role not in list(Role):
        raise UnknownNameError("role", role, list(Role), field="as")
    question = Question(
        match_kind, subject=subject, text=text, limit=limit, filters=_wanted(filters or ()),
        explain=explain or cover, cover=cover,
    )  # fmt: skip
    viewer = Viewer(id=COMMAND_LINE, role=Role(role), everything=True)
    matcher = open_matcher(context.obj.settings)
    with closing(open_casework(context.obj.settings)) as casework:
        inquiry = Inquiry(matcher.state.mask.epoch, viewer.id, match_kind, question.about)
        dismissals, impressions = Dismissals(FeedbackLog(casework)), Impressions(casework)
        dismissals.look(matcher.state.mask.epoch)
        found = matcher.match(replace(question, dismissed=dismissals.of(inquiry)), viewer)
        impressions.note(inquiry, found.shown)
        impressions.close()
    answer = found.to_dict()
    if viewer.sees_order:
        context.obj.audit("match", f"{match_kind}:{subject or 'text'}")
    if json:
        print_json(answer)
    else:
        asked, state = subject or (text or "").strip().split("\n", 1)[0], matcher.state
        show_answer(context.obj.out, answer, state.kinds[match_kind], asked, role, state.projection.catalogue)


def _wanted(filters: Sequence[str]) -> dict[str, str]:
    """`FIELD=VALUE`s as a mapping; InputError for one of another form."""
    from graph.errors import InputError

    wanted = {}
    for entry in filters:
        name, sign, value = entry.partition("=")
        if not (name and sign and value):
            raise InputError(f"filter {entry!r} is not of the form FIELD=VALUE", field="filter")
        wanted[name] = value
    return wanted


def train(
    context: typer.Context,
    match_kinds: Annotated[
        list[str] | None, typer.Argument(help="Match kinds; default: all with past outcomes or feedback.")
    ] = None,
    processes: Processes = None,
    json: Json = False,
) -> None:
    """Learn each match kind's model from the past outcomes in the graph, and what its candidates earn by feedback.

    Run it nightly; running services take up what it learned.
    """
    from api.bootstrap import open_built
    from api.cli.showing import show_models
    from api.installation import open_casework
    from api.learning import learn_from_outcomes, learn_from_use

    progress = Progress()
    settings = context.obj.settings
    names = match_kinds or list(open_built(settings).kinds)
    about = learn_from_outcomes(settings, names, processes_of(processes), progress)
    state = open_built(settings)
    with closing(open_casework(settings)) as casework:
        for name, use in learn_from_use(casework, state, names, progress).items():
            about.setdefault(name, {})["use"] = dict(use.about)
    progress.finish()
    if json:
        print_json(about)
    else:
        show_models(context.obj.out, about)


def card(
    context: typer.Context,
    match_kind: Annotated[str, typer.Argument(help="e.g. need-expert, enterprise-fund.")],
    plot: Annotated[
        Path | None, typer.Option(help="SVG file to write: said probabilities against what came of them.")
    ] = None,
    json: Json = False,
) -> None:
    """Print the model card: data, held-out measures, calibration, features, ablation, limits."""
    from api.bootstrap import open_built
    from graph.errors import InputError
    from matching.training.card import card as written, reliability_plot

    if plot is not None:
        plot = writable(plot, "plot")
    state = open_built(context.obj.settings)
    model = state.saved_model(match_kind)
    if plot is not None:
        bins = model.about.get("calibration", {}).get("bins")
        if not bins:
            raise InputError(
                f"the model of {match_kind} has no measured probability; see `qianxian train`", field="plot"
            )
        plot.write_text(reliability_plot(f"{match_kind}: reliability", bins), encoding="utf-8")
    report(dict(model.about), written(state.kinds[match_kind], model, state.projection.catalogue), json=json)
    if model.about.get("fingerprint", state.projection.fingerprint) != state.projection.fingerprint:
        typer.echo("the data have changed since; `qianxian train` learns from them", err=True)
