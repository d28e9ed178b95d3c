"""Commands that ask and measure: match, train, evaluate, score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.context import Progress, print_json

Json = Annotated[bool, typer.Option("--json", help="Report as JSON.")]
Folder = Annotated[Path, typer.Argument(help="Data folder with set.json and judgements/.")]
Kinds = Annotated[Path | None, typer.Option(help="A kinds.json with kinds of your own.")]
Train = Annotated[list[str] | None, typer.Option(help="Split to learn from; may be repeated.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(match)
    app.command()(train)
    app.command()(evaluate)
    app.command()(score)


def match(
    context: typer.Context,
    match_kind: Annotated[str, typer.Argument(help="e.g. need-expert, need-patent, enterprise-fund.")],
    subject: Annotated[str | None, typer.Option(help="Id of the one who asks.")] = None,
    text: Annotated[str | None, typer.Option(help="A need as free text instead of an id.")] = None,
    role: Annotated[str, typer.Option("--as", help="Role of the viewer: decides what is shown.")] = "outsider",
    limit: Annotated[int, typer.Option(help="Matches wanted.")] = 20,
    explain: Annotated[bool, typer.Option(help="Say why.")] = False,
    filters: Annotated[list[str] | None, typer.Option("--filter", help="FIELD=VALUE that a card must show.")] = None,
    json: Json = False,
) -> None:
    """Rank candidates for a need, an enterprise, a fund or an expert; the answer is masked for the role."""
    from api.bootstrap import open_matcher
    from api.cli.showing import show_answer
    from graph.errors import InputError, UnknownNameError
    from matching.masking import Role, Viewer
    from matching.pipeline import Question

    if role not in list(Role):
        raise UnknownNameError("role", role, list(Role), field="as")
    wanted = {}
    for entry in filters or ():
        name, sign, value = entry.partition("=")
        if not sign:
            raise InputError(f"filter {entry!r} is not of the form FIELD=VALUE", field="filter")
        wanted[name] = value
    question = Question(match_kind, subject=subject, text=text, limit=limit, filters=wanted, explain=explain)
    viewer = Viewer(id="command-line", role=Role(role), everything=True)
    answer = open_matcher(context.obj.settings).match(question, viewer)
    if json:
        print_json(answer.to_dict())
    else:
        show_answer(context.obj.out, question, answer, role)


def train(
    context: typer.Context,
    match_kinds: Annotated[
        list[str] | None, typer.Argument(help="Match kinds; default: all with past outcomes.")
    ] = None,
    json: Json = False,
) -> None:
    """Learn each match kind's model from the past outcomes in the graph."""
    from api.bootstrap import open_matcher
    from matching.training import train as learn

    progress = Progress()
    models = learn(open_matcher(context.obj.settings).state, match_kinds, progress)
    progress.finish()
    if json:
        print_json({name: dict(model.about) for name, model in models.items()})
        return
    for name, model in models.items():
        typer.echo(f"{name}: " + ", ".join(f"{key} {_short(value)}" for key, value in model.about.items()))


def _short(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def evaluate(
    context: typer.Context,
    folder: Folder,
    match: Annotated[str | None, typer.Option(help="Match kind; default: the set's own.")] = None,
    train: Train = None,
    test: Annotated[
        str | None, typer.Option(help="Split to measure; default: all that nothing is learned from.")
    ] = None,
    fold: Annotated[str | None, typer.Option(help="subject, pair, none, or a field of the subject.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="Write subject, candidate, score and grade of every pair here.")
    ] = None,
    top: Annotated[
        int, typer.Option(help="Candidates per subject in the run where a split lists only positives.")
    ] = 1000,
    kinds: Kinds = None,
    json: Json = False,
) -> None:
    """Measure a match kind on judged data, in a store of its own: each measure with a 95 % interval."""
    from api.cli.showing import show_measures
    from api.measuring import loaded
    from matching.evaluation import evaluate as measured
    from matching.evaluation import write_run

    progress = Progress()
    with loaded([folder], kinds, progress) as state:
        results = measured(
            state, folder, match=match, train=train or (), test=test, fold=fold, top=top, progress=progress
        )
    progress.finish()
    if run is not None:
        write_run(run, [row for result in results for row in result.run])
    if json:
        print_json([result.to_dict() for result in results])
    else:
        show_measures(context.obj.out, results)


def score(
    context: typer.Context,
    folder: Folder,
    match: Annotated[str, typer.Option(help="Match kind.")],
    pairs: Annotated[Path, typer.Option(help="Tab-separated file with the header subject, candidate.")],
    out: Annotated[Path, typer.Option(help="File to write: subject, candidate, score, grade, in the same order.")],
    train: Train = None,
    kinds: Kinds = None,
) -> None:
    """Score given pairs; with --train by a model of judged splits, else by the prior."""
    from api.measuring import loaded
    from matching.evaluation import joined, read_pairs, score_pairs, write_scores

    asked = read_pairs(pairs)
    progress = Progress()
    with loaded([folder], kinds, progress) as state:
        seen = joined([read_pairs(folder / "judgements" / f"{name}.tsv") for name in train]) if train else None
        scored = score_pairs(state, match, asked, seen)
    progress.finish()
    write_scores(out, asked, scored)
    typer.echo(f"{len(asked):,} pairs scored in {out}")
