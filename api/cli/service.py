"""Commands about the service: serve, key, audit, demo."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Annotated

import typer

from api.cli.context import Context, Json, print_json, report
from graph.records import EntityKey

key = typer.Typer(help="API keys: issue, list, revoke.", no_args_is_help=True)
audit = typer.Typer(help="The audit log: verify.", no_args_is_help=True)


def add(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.add_typer(key, name="key")
    app.add_typer(audit, name="audit")
    app.command()(demo)


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
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Days until it expires; default: never.")] = None,
    json: Json = False,
) -> None:
    """Make a key. Its token is shown once and kept nowhere."""
    from api.casework.keys import issue
    from api.installation import open_casework

    valid_for = None if days is None else timedelta(days=days)
    absents = _absent(context.obj, party or ())
    with closing(open_casework(context.obj.settings)) as casework:
        token, made = issue(casework, role=role, scopes=scope, parties=party or (), label=label, valid_for=valid_for)
    report({"token": token, **made.to_dict()}, token, json=json)
    for absent in absents:
        typer.echo(f"{absent} is not in the graph: the key stands for nobody until it is", err=True)


def _absent(mine: Context, parties: Sequence[str]) -> list[str]:
    """Those of KIND:ID that the graph does not hold; before a key is made, for the store may not answer."""
    keys = {party: EntityKey(*party.split(":", 1)) for party in parties if ":" in party}
    if not keys:
        return []
    with mine.store_to_check() as store:
        kinds = store.catalogue.entities
        return [party for party, key in keys.items() if key.kind not in kinds or store.get(*key) is None]


@key.command("list")
def list_all(context: typer.Context, json: Json = False) -> None:
    """Show every key ever issued, without tokens."""
    import time

    from api.casework.keys import list_keys
    from api.cli.showing import show_keys
    from api.installation import open_casework

    with closing(open_casework(context.obj.settings)) as casework:
        keys = [made.to_dict() for made in list_keys(casework)]
    if json:
        print_json(keys)
    else:
        show_keys(context.obj.out, keys, time.time())


@key.command("revoke")
def revoke_key(
    context: typer.Context, id: Annotated[str, typer.Argument(help="Id of the key.")], json: Json = False
) -> None:
    """Make a key useless, within seconds also for running services."""
    from api.casework.keys import revoke
    from api.installation import open_casework

    with closing(open_casework(context.obj.settings)) as casework:
        revoked = revoke(casework, id)
    report(revoked.to_dict(), f"revoked {id}", json=json)


@audit.command("verify")
def verify_audit(context: typer.Context, json: Json = False) -> None:
    """Check that no audited action was changed or removed; of the newest ones only their number can tell."""
    from api.casework.audit import AuditLog
    from api.installation import open_casework, secret_of

    with closing(open_casework(context.obj.settings)) as casework:
        count = AuditLog(casework, secret_of(context.obj.settings)).verify()
    report({"entries": count}, f"{count:,} entries, none changed or removed between them", json=json)


def demo(
    context: typer.Context,
    experts: Annotated[int, typer.Option(help="Size of the generated world.")] = 4633,
) -> None:
    """Run the whole path on a generated world: data, graph, projection, models, matches here and over HTTP."""
    from api.cli.demo import run

    run(context.obj, experts)
