"""Commands about data: sample, ingest, build, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import Context, Json, Kinds, Processes, Progress, Store, processes_of, report, writable


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(sample)
    app.command()(ingest)
    app.command()(build)
    app.command()(encode)
    app.command()(export)


def sample(
    path: Annotated[Path, typer.Argument(help="Folder to write; an earlier sample world in it is replaced.")],
    experts: Annotated[int, typer.Option(help="Size of the world; everything else scales with it.")] = 4633,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and size always give the same files.")] = 2023,
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
    store: Store = None,
    strict: Annotated[bool, typer.Option("--strict", help="Reject rows with undeclared fields.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing but --rejects.")] = False,
    date: Annotated[str | None, typer.Option(help="ISO date of the data; default: when the file changed.")] = None,
    kinds: Kinds = None,
    rejects: Annotated[Path | None, typer.Option(help="Where rejected rows go; default HOME/rejects.jsonl.")] = None,
    apart: Annotated[bool, typer.Option("--apart", help="Do not tie records that share an identifier.")] = False,
    json: Json = False,
) -> None:
    """Load data into the store: good rows load, bad ones are set aside with file, line, field and reason."""
    from api.bootstrap import checked_kinds
    from ingest.load import Options, ingest as load
    from ingest.sources.rejects import NAME

    mine: Context = context.obj.with_store(store)
    if rejects is not None:
        rejects = writable(rejects, "rejects")
    options = Options(
        strict=strict,
        dry_run=dry_run,
        date=date,
        kinds=kinds,
        rejects=rejects or (None if dry_run else mine.settings.home / NAME),
        resolve="none" if apart else "exact",
    )
    progress = Progress()
    with mine.store_to_check() if dry_run else mine.open_store(create=True) as opened:
        checked_kinds(opened.catalogue, paths, kinds)
        loaded = load(opened, paths, options, progress)
    progress.finish()
    report(loaded.to_dict(), loaded.render(), json=json)


def build(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Build from all records instead of the changes.")] = False,
    processes: Processes = None,
    json: Json = False,
) -> None:
    """Bring projection, masks and text indexes up to the store's revision."""
    from api.bootstrap import build as built

    progress = Progress()
    revision = built(context.obj.settings, full=full, processes=processes_of(processes), progress=progress)
    progress.finish()
    report({"revision": revision}, f"built revision {revision}", json=json)


def encode(
    context: typer.Context,
    most: Annotated[int | None, typer.Option(min=1, help="Texts to encode at the most; default: all.")] = None,
    json: Json = False,
) -> None:
    """Encode texts that have no vector yet (extra `encoder`) and build; may be stopped, and goes on where it was."""
    from api.bootstrap import build as built, encode as encoded
    from graph.errors import InputError

    progress = Progress()
    done = encoded(context.obj.settings, most=most, progress=progress)
    if done is None:
        raise InputError("the encoder is not installed; add the extra `encoder`", field="encoder")
    revision = built(context.obj.settings, progress=progress)
    progress.finish()
    report({"encoded": done, "revision": revision}, f"encoded {done:,} texts", json=json)


class Form(StrEnum):
    """What an export is written as."""

    FOLDER = "folder"
    UNIQUIP = "uniquip"


def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="Folder to write, absent or empty; or a new file for UNIQUIP.")],
    form: Annotated[
        Form, typer.Option("--format", help="A data folder with everything, or the instruments as a UNIQUIP CSV file.")
    ] = Form.FOLDER,
    store: Store = None,
    json: Json = False,
) -> None:
    """Write the store so that `ingest` reads it back. It holds everything, unmasked, and is audited."""
    from ingest.export import write, write_uniquip

    progress = Progress()
    if form is Form.UNIQUIP:
        path = writable(path, "path")
    with context.obj.with_store(store).open_store() as opened:
        context.obj.audit("export", str(form))
        count = write(opened, path, progress) if form is Form.FOLDER else write_uniquip(opened, path)
    progress.finish()
    report({"records": count, "path": str(path)}, f"{count:,} records in {path}", json=json)
