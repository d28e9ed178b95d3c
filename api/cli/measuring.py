"""Commands that measure on judged data: evaluate, score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import Json, Kinds, Progress, print_json, report, writable

Folder = Annotated[Path, typer.Argument(help="Data folder with set.json and judgements/.")]
Encode = Annotated[
    bool, typer.Option("--encoder/--no-encoder", help="Encode all texts first, where the encoder is installed.")
]
Train = Annotated[list[str] | None, typer.Option(help="Split to learn from; may be repeated.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(evaluate)
    app.command()(score)


def evaluate(
    context: typer.Context,
    folder: Folder,
    match: Annotated[str | None, typer.Option(help="Match kind; default: the set's own.")] = None,
    train: Train = None,
    test: Annotated[
        str | None, typer.Option(help="Split to measure; default: all that nothing is learned from.")
    ] = None,
    fold: Annotated[str | None, typer.Option(help="subject, pair, none, or a field of the subject.")] = None,
    run: Annotated[Path | None, typer.Option(help="File to write: subject, candidate, score, grade.")] = None,
    top: Annotated[
        int, typer.Option(min=1, help="Candidates per subject in the run where a split lists only positives.")
    ] = 1000,
    compare: Annotated[
        Path | None, typer.Option(help="Run of the same pairs, written by --run: is the difference more than noise?")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure group by group: language, warmth, a visible field of the subject, or candidate.FIELD; "
            "may be repeated."
        ),
    ] = None,
    kinds: Kinds = None,
    encoder: Encode = True,
    json: Json = False,
) -> None:
    """Measure a match kind on judged data, in a store of its own: each measure with a 95 % interval.

    Of a trained model the probabilities are measured too: ece, brier, brier_skill. A measure that set.json asks for and
    that cannot be had is named with the reason.
    """
    from api.cli.scratch import loaded
    from api.cli.showing import show_measures
    from matching.candidates.encoder import installed
    from matching.evaluation.evaluate import evaluate as measured
    from matching.evaluation.judgements import read_run, write_run

    _check_set(folder, [*(train or ()), *([test] if test else ())])
    if run is not None:
        run = writable(run, "run")
    other = read_run(compare) if compare is not None else None
    progress = Progress()
    encoding = installed() if encoder else None
    with loaded([folder], kinds, progress, encoder=encoding, vectors=_vectors(context, encoding)) as state:
        results = measured(
            state, folder, match=match, train=train or (), test=test, fold=fold, top=top, by=by or (), other=other,
            progress=progress,
        )  # fmt: skip
    progress.finish()
    if run is not None:
        write_run(run, [row for result in results for row in result.run])
    if json:
        print_json([result.to_dict() for result in results])
    else:
        show_measures(context.obj.out, results)


def _vectors(context: typer.Context, encoder: object) -> Path | None:
    """Where vectors of what is measured are kept, apart from those of the installation's own texts; None without."""
    from api.installation import make_home

    if encoder is None:
        return None
    home: Path = context.obj.settings.home
    make_home(home)
    return home / "measured"


def _check_set(folder: Path, named: list[str]) -> None:
    """Raise before the folder is loaded where set.json or a named split is not what it should be."""
    from graph.errors import UnknownNameError
    from matching.evaluation.judgements import read_set, splits

    read_set(folder)
    known = splits(folder)
    for split in named:
        if split not in known:
            raise UnknownNameError("split", split, known, field="split")


def score(
    context: typer.Context,
    folder: Folder,
    match: Annotated[str, typer.Option(help="Match kind.")],
    pairs: Annotated[Path, typer.Option(help="Tab-separated file with the header subject, candidate.")],
    out: Annotated[Path, typer.Option(help="File to write: subject, candidate, score, grade, in the same order.")],
    train: Train = None,
    kinds: Kinds = None,
    encoder: Encode = True,
    json: Json = False,
) -> None:
    """Score given pairs; with --train by a model of judged splits, else by the prior."""
    from api.cli.scratch import loaded
    from graph.errors import InputError
    from matching.candidates.encoder import installed
    from matching.evaluation.judgements import read_judged, read_pairs
    from matching.evaluation.scoring import score_pairs, write_scores

    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", field="folder")
    if not pairs.is_file():
        raise InputError(f"{pairs} is no file", field="pairs")
    target = writable(out, "out")
    if target.exists() and target.samefile(pairs):
        raise InputError(f"{out} holds the pairs; name another file", field="out")
    asked = read_pairs(pairs)
    seen = read_judged(folder, train) if train else None
    progress = Progress()
    encoding = installed() if encoder else None
    with loaded([folder], kinds, progress, encoder=encoding, vectors=_vectors(context, encoding)) as state:
        scored = score_pairs(state, match, asked, seen)
    progress.finish()
    write_scores(target, asked, scored)
    report({"pairs": len(asked), "file": str(out)}, f"{len(asked):,} pairs scored in {out}", json=json)
