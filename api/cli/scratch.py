"""Data folders loaded into a store of their own, gone when the measuring is done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from api.bootstrap import checked_kinds
from graph import projection
from graph.store import open_store, sqlite_url
from ingest.load import Options, ingest
from matching.build import build, encode
from matching.candidates.encoder import Encoder
from matching.state import State

UNMASKED = 1
"""k of measuring: quality is measured before the mask, with every visible value at its finest level."""


@contextmanager
def loaded(
    folders: Sequence[Path], kinds: Path | None, progress: Callable[[str, int], None] | None = None, *,
    encoder: Encoder | None = None, vectors: Path | None = None,
) -> Iterator[State]:  # fmt: skip
    """The matching state of data folders, in a temporary place; with an encoder every text is encoded first.

    Vectors alone are kept, in the folder `vectors`: the next time nothing need be encoded.
    """
    with tempfile.TemporaryDirectory(prefix="qianxian-") as scratch:
        home = Path(scratch)
        with open_store(sqlite_url(home / "graph.db")) as store:
            checked_kinds(store.catalogue, folders, kinds)
            ingest(store, folders, Options(kinds=kinds, resolve="none"), progress)
            projection.build(store, home / "projection", progress=progress)
        secret = bytes(32)  # nothing leaves this process under an alias
        built = partial(
            build, home / "projection", home / "matching", secret, k=UNMASKED, epoch="measuring",
            vectors=vectors if encoder is not None else None, progress=progress,
        )  # fmt: skip
        state = built()
        if encoder is not None and encode(state, encoder, progress=progress):
            state = built()
        yield state
