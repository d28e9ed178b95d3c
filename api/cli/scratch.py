"""Data folders loaded into a store of their own, gone when the measuring is done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from api.bootstrap import checked_kinds
from graph import projection
from graph.store import open_store
from ingest.load import Options, ingest
from matching.build import State, build

UNMASKED = 1
"""k of measuring: quality is measured before the mask, with every visible value at its finest level."""


@contextmanager
def loaded(
    folders: Sequence[Path], kinds: Path | None, progress: Callable[[str, int], None] | None = None
) -> Iterator[State]:
    """The matching state of data folders, in a temporary place."""
    with tempfile.TemporaryDirectory(prefix="qianxian-") as scratch:
        home = Path(scratch)
        with open_store(f"sqlite:///{home / 'graph.db'}") as store:
            checked_kinds(store.catalogue, folders, kinds)
            ingest(store, folders, Options(kinds=kinds, resolve="none"), progress)
            projection.build(store, home / "projection", progress=progress)
        secret = bytes(32)  # nothing leaves this process under an alias
        yield build(home / "projection", home / "matching", secret, k=UNMASKED, epoch="measuring", progress=progress)
