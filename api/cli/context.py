"""What every command works with: settings, progress on stderr, output for people or for programs."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from api.settings import Settings
    from graph.store import GraphStore

REFRESH_SECONDS = 0.1
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
COMMAND_LINE = "command-line"
"""Who asks and is audited as this machine's operator."""
PIPED_WIDTH = 120
"""Columns of a report that goes to a file or a pipe."""

Json = Annotated[bool, typer.Option("--json", help="Report as JSON.")]
Store = Annotated[str | None, typer.Option("--store", help="Graph store; default: that of the installation.")]
Processes = Annotated[
    int | None,
    typer.Option(
        "--processes",
        min=1,
        help="Processes that share the work, each with memory of its own; default: one for each core.",
    ),
]
Kinds = Annotated[Path | None, typer.Option("--kinds", help="A kinds.json with kinds of your own.")]


@dataclass
class Context:
    """The global options and what follows from them."""

    home: str | Path | None
    store: str | None

    def with_store(self, store: str | None) -> Context:
        """The same with a command's own `--store`, if it got one."""
        return Context(self.home, store or self.store)

    @cached_property
    def settings(self) -> Settings:
        """Settings from the options, else the environment, else defaults."""
        from api.settings import load

        return load(home=self.home, store=self.store)

    def open_store(self, *, create: bool = False) -> GraphStore:
        """The installation's store."""
        from api.installation import make_home, warn_if_open
        from graph.store import open_store

        if create:
            make_home(self.settings.home)
            warn_if_open(self.settings.home)
        return open_store(self.settings.store_url, create=create)

    @contextmanager
    def store_to_check(self) -> Iterator[GraphStore]:
        """The installation's store to look at; an empty one for as long as that takes where its file is not there."""
        from graph.store import file_of, open_store, sqlite_url

        file = file_of(self.settings.store_url)
        if file is None or file.exists():
            with self.open_store() as store:
                yield store
        else:
            with (
                TemporaryDirectory(prefix="qianxian-") as scratch,
                open_store(sqlite_url(Path(scratch) / "graph.db")) as store,
            ):
                yield store

    def audit(self, action: str, object: str) -> None:
        """Record in the installation's audit log what this command is about to do."""
        from api.casework.audit import AuditLog
        from api.installation import open_casework, secret_of

        with closing(open_casework(self.settings)) as casework:
            AuditLog(casework, secret_of(self.settings)).append(COMMAND_LINE, action, object)

    @cached_property
    def out(self) -> Console:
        """Where results go."""
        from rich.console import Console

        return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


class Progress:
    """One line on stderr that says what is being done; on a terminal it moves, elsewhere each stage is told once."""

    def __init__(self) -> None:
        self._stage, self._told = "", 0.0

    def __call__(self, stage: str, done: int) -> None:
        """Tell that `done` items of a stage are through."""
        now = time.monotonic()
        if sys.stderr.isatty():
            if now - self._told < REFRESH_SECONDS and stage == self._stage:
                return
            sys.stderr.write(f"\r\x1b[2K{stage} {done:,}" if done else f"\r\x1b[2K{stage}")
            sys.stderr.flush()
        elif stage != self._stage:
            sys.stderr.write(f"{stage}\n")
        self._stage, self._told = stage, now

    def finish(self) -> None:
        """Leave the line."""
        if self._stage and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
        self._stage = ""


def writable(path: Path, field: str, *, new: bool = False) -> Path:
    """The path of a file to write; InputError, before any work is done, where it cannot become one.

    A link is followed: what is written takes the place of the file that it leads to, never of the link. A device or a
    pipe would be replaced by a file, so none is taken. What is `new` takes the place of no other file.
    """
    from graph.errors import InputError

    target = Path(os.path.realpath(path))
    if new and target.exists():
        raise InputError(f"{path} exists; name a new file", field=field)
    if target.is_dir():
        raise InputError(f"{path} is a folder; a file is needed", field=field)
    if os.path.lexists(target) and not target.is_file():
        raise InputError(f"{path} is no regular file; name a file, or none that exists", field=field)
    if not target.parent.is_dir():
        raise InputError(f"{target.parent} is no folder, so {target.name} cannot be written there", field=field)
    return target if path.is_symlink() else path


def printable(text: str) -> str:
    """A text without what a terminal would obey: control characters other than line ends and tabs, and bidi marks."""
    return _OBEYED.sub("", text)


def report(body: Any, text: str, *, json: bool) -> None:
    """Say a result: `body` to programs, `text` to people."""
    if json:
        print_json(body)
    else:
        typer.echo(printable(text))


def print_json(body: Any) -> None:
    """A result for programs."""
    import orjson

    sys.stdout.write(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode() + "\n")


def processes_of(wanted: int | None) -> int:
    """So many processes as are wanted; by default as many as there are cores for this one."""
    from joblib import cpu_count

    return wanted or int(cpu_count())
