"""The `qianxian` command: global options, error texts and exit codes; the commands are in the modules beside."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from api.cli import asking, data, duplicates, feedback, measuring, service
from api.cli.context import Context, printable
from graph.errors import QianxianError

INTERRUPTED = 130
BROKEN_PIPE = 141

app = typer.Typer(
    name="qianxian",
    help="Qianxian 牵线: double-blind matchmaking on a graph of enterprises, experts, instruments, funds and patents.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"qianxian {version('qianxian')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    home: Annotated[
        str | None, typer.Option(metavar="<path>", help="Folder of the installation; default $QIANXIAN_HOME.")
    ] = None,
    store: Annotated[str | None, typer.Option(help="Graph store; default sqlite:///HOME/graph.db.")] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    from api.cli.logs import to_stderr

    to_stderr()
    context.obj = Context(home, store)


for module in (data, duplicates, asking, feedback, measuring, service):
    module.add(app)


def main() -> None:
    """Run the command; errors that a user can act on are one line on stderr and a status that is not 0.

    What it writes is for its user alone: much of it is unmasked.
    """
    os.umask(0o077)
    _refuse_broken(sys.argv[1:])
    # Before numeric libraries are loaded: threads that spin while they wait make learning several times slower on cores
    # that others use, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        status = app(prog_name=app.info.name, standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except QianxianError as error:
        _fail(str(error))
    except BrokenPipeError:
        # The reader has gone; nothing more can be said, and Python must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:
        if not hasattr(error, "format_message") or not hasattr(error, "exit_code"):
            raise
        # A usage error of the command-line library: unknown options, missing arguments, bad values.
        _fail(_misplaced(error) or error.format_message(), int(error.exit_code))
    else:
        sys.exit(status if isinstance(status, int) else 0)


def _misplaced(error: Any) -> str:
    """Where an option belongs that was given in another place than its own; "" where it belongs nowhere."""
    option, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    if option is None or context is None:
        return ""
    root = context.find_root()
    if context is not root and any(option in param.opts for param in root.command.params):
        words = context.command_path.removeprefix(root.command_path)
        return f"{option} belongs before the command: {root.command_path} {option} …{words} …"
    groups = [context.command]
    for group in groups:
        for command in getattr(group, "commands", {}).values():
            groups.append(command)
            if any(option in param.opts for param in command.params):
                return f"{option} belongs after the command: {context.command_path} COMMAND … {option}"
    return ""


def _refuse_broken(words: list[str]) -> None:
    """Refuse words that are no UTF-8, which no database can hold and no terminal can show; files may be named so."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            if not os.path.lexists(word):
                shown = os.fsencode(word).decode(errors="replace")
                _fail(f"argument {shown} is not UTF-8, and no file of that name exists", 2)


def _fail(message: str, code: int = 1) -> None:
    sys.stderr.write(f"error: {printable(message)}\n")
    sys.exit(code)
