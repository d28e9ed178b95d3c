"""Commands about the service: serve, key, demo."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from api.cli.context import Context, print_json

Json = Annotated[bool, typer.Option("--json", help="Report as JSON.")]

key = typer.Typer(help="API keys: issue, list, revoke.", no_args_is_help=True)


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.command()(demo)
    app.add_typer(key, name="key")


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.")] = None,
) -> None:
    """Serve the REST API until SIGTERM or Ctrl-C."""
    from api.serve import serve as run
    from api.settings import load

    mine: Context = context.obj
    run(load(home=mine.home, store=mine.store, host=host, port=port, workers=workers))


@key.command("issue")
def issue_key(
    context: typer.Context,
    role: Annotated[str, typer.Option(help="outsider, enterprise, expert, fund-manager, owner, broker or operator.")],
    party: Annotated[
        list[str] | None, typer.Option(help="KIND:ID the key stands for, or a broker's mandate; * for all.")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option(help="match, read, write; default: what the role needs.")] = None,
    label: Annotated[str, typer.Option(help="What you call it.")] = "",
    days: Annotated[float | None, typer.Option(help="Days until it expires; default: never.")] = None,
    json: Json = False,
) -> None:
    """Make a key. Its token is shown once and kept nowhere."""
    from api.bootstrap import open_casework
    from api.casework.keys import issue

    casework = open_casework(context.obj.settings)
    try:
        valid_for = None if days is None else timedelta(days=days)
        token, made = issue(casework, role=role, scopes=scope, parties=party or (), label=label, valid_for=valid_for)
    finally:
        casework.close()
    if json:
        print_json({"token": token, **made.to_dict()})
    else:
        typer.echo(token)


@key.command("list")
def list_all(context: typer.Context, json: Json = False) -> None:
    """Show every key ever issued, without tokens."""
    from api.bootstrap import open_casework
    from api.casework.keys import list_keys

    casework = open_casework(context.obj.settings)
    try:
        keys = [made.to_dict() for made in list_keys(casework)]
    finally:
        casework.close()
    if json:
        print_json(keys)
        return
    for made in keys:
        state = "revoked" if made["revoked"] else "expires" if made["expires"] else "valid"
        typer.echo(f"{made['id']}  {made['role']:<12}  {state:<8}  {made['label']}")


@key.command("revoke")
def revoke_key(context: typer.Context, id: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """Make a key useless, within seconds also for running services."""
    from api.bootstrap import open_casework
    from api.casework.keys import revoke

    casework = open_casework(context.obj.settings)
    try:
        revoke(casework, id)
    finally:
        casework.close()
    typer.echo(f"revoked {id}")


def demo(
    context: typer.Context,
    experts: Annotated[int, typer.Option(help="Size of the generated world.")] = 4633,
) -> None:
    """Run the whole path on a generated world: data, graph, projection, models, matches here and over HTTP."""
    from api.cli.demo import run

    run(context.obj, experts)
