"""Commands about records of the same thing: find, accept, list, undo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import Json, Store, report

if TYPE_CHECKING:
    from ingest.duplicates import Pair

Kind = Annotated[list[str] | None, typer.Option("--kind", help="Entity kind; may be given several times.")]
SHOWN = 50


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Records of the same thing.")
    group.command()(find)
    group.command()(accept)
    group.command("list")(listing)
    group.command()(undo)
    app.add_typer(group, name="duplicates")


def find(
    context: typer.Context,
    store: Store = None,
    kind: Kind = None,
    method: Annotated[str, typer.Option(help="identifier, or probabilistic (extra `dedupe`).")] = "identifier",
    threshold: Annotated[float, typer.Option(help="Least probability of a pair, above 0, at most 1.")] = 0.95,
    review: Annotated[
        Path | None, typer.Option(help="Where doubtful pairs go; default HOME/review.jsonl if probabilistic.")
    ] = None,
    apply: Annotated[bool, typer.Option("--accept", help="Tie the pairs found at once.")] = False,
    json: Json = False,
) -> None:
    """Find records of the same thing; nothing is tied unless --accept is given."""
    from ingest import duplicates

    mine = context.obj.with_store(store)
    if review is None and method == "probabilistic":
        review = mine.settings.home / "review.jsonl"
    with mine.open_store() as opened:
        pairs, doubtful = duplicates.find(opened, kind or (), method, threshold, review)
        count = duplicates.accept(opened, pairs) if apply else 0
    text = f"{len(pairs):,} pairs found, {count:,} tied"
    if method == "probabilistic":
        text += f"; {len(doubtful):,} doubtful"
    if doubtful:
        text += f", in {review}: set `accept` to true there, then `qianxian duplicates accept {review}`"
    _report(pairs, text, {"tied": count, "doubtful": len(doubtful), "review": str(review or "")}, json=json)


def accept(
    context: typer.Context,
    review: Annotated[Path, typer.Argument(help="Review file with `accept` set to true where a pair is one thing.")],
    store: Store = None,
    json: Json = False,
) -> None:
    """Tie the pairs that a person accepted in a review file."""
    from graph.errors import InputError
    from ingest import duplicates

    if not review.is_file():
        raise InputError(f"{review} is no file", field="review")
    pairs = list(duplicates.accepted(review))
    with context.obj.with_store(store).open_store() as opened:
        count = duplicates.accept(opened, pairs)
    _report(pairs, f"{len(pairs):,} pairs accepted, {count:,} of them new", {"tied": count}, json=json)


def listing(context: typer.Context, store: Store = None, json: Json = False) -> None:
    """List the pairs that are tied."""
    from ingest import duplicates

    with context.obj.with_store(store).open_store() as opened:
        pairs = duplicates.listed(opened)
    _report(pairs, f"{len(pairs):,} pairs are tied", {}, json=json)


def undo(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="Entity kind.")],
    id: Annotated[str, typer.Argument(help="Id of a record; all pairs that it is in are parted.")],
    store: Store = None,
    json: Json = False,
) -> None:
    """Part a record from the ones it was tied to; all of them are as they were."""
    from ingest import duplicates

    with context.obj.with_store(store).open_store() as opened:
        pairs = duplicates.tied(opened, kind, id)
        count = duplicates.undo(opened, pairs)
    _report(pairs, f"{count:,} pairs parted", {"parted": count}, json=json)


def _report(pairs: list[Pair], text: str, more: dict[str, object], *, json: bool) -> None:
    lines = [f"{p.kind} {p.duplicate} → {p.representative}  {p.score:.3f} {p.method}" for p in pairs[:SHOWN]]
    if len(pairs) > SHOWN:
        lines.append(f"… and {len(pairs) - SHOWN:,} more (--json lists all)")
    report({"pairs": [pair._asdict() for pair in pairs], **more}, "\n".join([*lines, text]), json=json)
