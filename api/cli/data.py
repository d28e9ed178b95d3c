"""Commands about data: sample, ingest, build, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import Context, Progress, print_json

Json = Annotated[bool, typer.Option("--json", help="Report as JSON.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(sample)
    app.command()(ingest)
    app.command()(build)
    app.command()(export)


def sample(
    path: Annotated[Path, typer.Argument(help="Folder to write; an earlier sample world in it is replaced.")],
    experts: Annotated[int, typer.Option(help="Size of the world; everything else scales with it.")] = 4633,
    seed: Annotated[int, typer.Option(help="The same seed and size always give the same files.")] = 2023,
) -> None:
    """Write a generated sample world as a data folder. Nobody in it is real."""
    from ingest.sample.world import write

    progress = Progress()
    write(path, experts=experts, seed=seed, progress=progress)
    progress.finish()
    typer.echo(f"generated sample world in {path}")


def ingest(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Data folders and files.")],
    store: Annotated[str | None, typer.Option(help="Graph store to load into.")] = None,
    strict: Annotated[bool, typer.Option(help="Reject rows with undeclared fields.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check everything, write nothing.")] = False,
    date: Annotated[str | None, typer.Option(help="ISO date of the data; default: when the file changed.")] = None,
    kinds: Annotated[Path | None, typer.Option(help="A kinds.json with kinds of your own.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Where rejected rows go; default HOME/rejects.jsonl.")] = None,
    json: Json = False,
) -> None:
    """Load data into the store: good rows load, bad ones are set aside with file, line, field and reason."""
    from api.bootstrap import checked_kinds
    from ingest.load import Options
    from ingest.load import ingest as load

    mine: Context = context.obj
    mine = Context(mine.home, store or mine.store)
    progress = Progress()
    with mine.open_store(create=True) as opened:
        checked_kinds(opened.catalogue, paths, kinds)
        options = Options(
            strict=strict,
            dry_run=dry_run,
            date=date,
            kinds=kinds,
            rejects=rejects or mine.settings.home / "rejects.jsonl",
        )
        report = load(opened, paths, options, progress)
    progress.finish()
    if json:
        print_json(report.to_dict())
    else:
        typer.echo(report.render())


def build(
    context: typer.Context,
    full: Annotated[bool, typer.Option(help="Build from all records instead of the changes.")] = False,
) -> None:
    """Bring projection, masks and text indexes up to the store's revision."""
    from api.bootstrap import build as built

    progress = Progress()
    revision = built(context.obj.settings, full=full, progress=progress)
    progress.finish()
    typer.echo(f"built revision {revision}")


def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder to write; must not exist or be empty.")],
) -> None:
    """Write the whole store as a data folder that `ingest` reads back. It holds everything, unmasked."""
    from ingest.export import write

    progress = Progress()
    with context.obj.open_store() as store:
        count = write(store, folder, progress)
    progress.finish()
    typer.echo(f"{count:,} records in {folder}")
