"""Commands about use: feedback, exposure."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import COMMAND_LINE, Json, print_json, report, writable

feedback = typer.Typer(help="What became of matches: give, list, export.", no_args_is_help=True)


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(feedback, name="feedback")
    app.command()(exposure)


@feedback.command()
def give(
    context: typer.Context,
    match_kind: Annotated[str, typer.Argument(help="Match kind that was asked.")],
    alias: Annotated[str, typer.Argument(help="The candidate's alias in an answer of `qianxian match`.")],
    event: Annotated[str, typer.Argument(help="open, save, dismiss, restore, accept, decline or deal.")],
    subject: Annotated[str | None, typer.Option(help="Id that was asked with.")] = None,
    text: Annotated[str | None, typer.Option(help="Text that was asked, to the letter.")] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            help="For dismiss and decline: wrong-field, too-far, already-known, too-expensive, not-available, "
            "conflict or other."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say what became of a match that the command line was shown in this epoch."""
    from api.bootstrap import open_built
    from api.casework.feedback import Entry, FeedbackLog, by_alias, checked
    from api.casework.impressions import Impressions, Inquiry
    from api.installation import open_casework
    from graph.errors import NotFoundError
    from matching.masking import Role, Viewer
    from matching.question import Question, either

    either(subject, text)
    known, why = checked(event, reason)
    state = open_built(context.obj.settings)
    mask, match_kind = state.mask, state.kinds[match_kind].name
    about = Question(match_kind, subject=subject, text=text).about
    inquiry = Inquiry(mask.epoch, COMMAND_LINE, match_kind, about)
    with closing(open_casework(context.obj.settings)) as casework:
        shown = Impressions(casework).candidates(inquiry)
        candidate = by_alias(mask.keys, Viewer(COMMAND_LINE, Role.OUTSIDER), inquiry, shown).get(alias)
        if candidate is None:
            raise NotFoundError("no such alias was shown for this question in this epoch", field="alias")
        recorded = FeedbackLog(casework).record([Entry(inquiry, candidate, known, why)])
    told = "recorded" if recorded else "unchanged: that is where it stands already"
    report({"recorded": recorded, "unchanged": 1 - recorded}, told, json=json)


@feedback.command("list")
def list_own(
    context: typer.Context,
    key: Annotated[str, typer.Option(help="Id of a key; such a look is audited.")] = COMMAND_LINE,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most entries.")] = 50,
    json: Json = False,
) -> None:
    """Show the feedback of the command line, or of a key, newest first: aliases of this epoch, no candidates."""
    from api.bootstrap import open_built
    from api.casework.feedback import FeedbackLog, alias_now
    from api.casework.keys import find
    from api.installation import open_casework
    from graph.errors import NotFoundError, ProjectionError
    from matching.masking import Role, Viewer

    try:
        keys = open_built(context.obj.settings).mask.keys
    except ProjectionError:  # nothing was built, or it has to be built again: there are no aliases now
        keys = None
    with closing(open_casework(context.obj.settings)) as casework:
        known = find(casework, key)
        if known is None and key != COMMAND_LINE:
            raise NotFoundError(f"no key {key!r}; `qianxian key list` shows the ids", field="key")
        if known is not None:
            context.obj.audit("feedback", key)
        viewer = Viewer(COMMAND_LINE, Role.OUTSIDER) if known is None else known.viewer
        page = FeedbackLog(casework).page(key, None, limit)
    entries = [{**entry.told(), "alias": keys and alias_now(keys, viewer, entry)} for entry in page]
    if json:
        print_json(entries)
        return
    for entry in entries:
        asked = f"{entry['match_kind']} {entry['subject'] or '(a text)'}"
        reason = f" ({entry['reason']})" if entry["reason"] else ""
        typer.echo(f"{entry['time']}  {asked}  {entry['alias'] or '(no alias now)'}: {entry['event']}{reason}")


@feedback.command()
def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="File to write, one JSON object a line.")],
    json: Json = False,
) -> None:
    """Write everyone's feedback with keys and candidates. It is unmasked, and audited."""
    import orjson

    from api.casework.feedback import FeedbackLog
    from api.installation import open_casework
    from graph.files import replacing

    path = writable(path, "path", new=True)
    context.obj.audit("export", "feedback")
    count = 0
    with closing(open_casework(context.obj.settings)) as casework, replacing(path) as file:
        for entry in FeedbackLog(casework).entries():
            line = {**entry.inquiry._asdict(), **entry.told(), "candidate": entry.candidate}
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    report({"entries": count, "path": str(path)}, f"{count:,} entries in {path}", json=json)


def exposure(
    context: typer.Context,
    match_kind: Annotated[str, typer.Argument(help="e.g. need-expert, enterprise-fund.")],
    by: Annotated[
        str, typer.Option(help="What groups candidates: size (of their institution or enterprise) or a visible field.")
    ] = "size",
    json: Json = False,
) -> None:
    """Show who was shown how often in this epoch: share of impressions, attention and relevance of each group."""
    from api.bootstrap import open_built
    from api.cli.showing import show_exposure
    from api.installation import open_casework
    from api.learning import exposure_report

    state = open_built(context.obj.settings)
    with closing(open_casework(context.obj.settings)) as casework:
        found = exposure_report(casework, state, match_kind, by)
    if json:
        print_json(found.to_dict())
    else:
        show_exposure(context.obj.out, found)
