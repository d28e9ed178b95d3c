"""Projection → mask → text indexes on disk, and opening the state that they make."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from pydantic import BaseModel, ValidationError
from threadpoolctl import threadpool_limits

from graph.errors import ProjectionError
from graph.files import is_being_written, locked, map_arrays, replace
from graph.processes import in_processes
from graph.progress import Progress, silent
from graph.projection import Current, Projection, open_projection
from matching.candidates import analysis
from matching.candidates.encoded import LONGEST, SILENT, Encodings, VectorFile
from matching.candidates.encoder import Encoder
from matching.candidates.texts import TextIndex, joined, rows_of
from matching.feedback.exposure import Policy
from matching.kinds import MatchKinds
from matching.masking import Mask
from matching.masking.stored import About
from matching.masking.texts import texts_in
from matching.state import State

FORMAT = 7
ANALYSED = f"{FORMAT}.{analysis.VERSION}"
"""Ends the name of every index: it is of texts analysed and written as they are now."""
BATCH = 64
"""Texts that are encoded at a time."""
MANY_TEXTS = 20_000
"""Texts to index from which on other processes help: starting them takes a second or two."""


class Built(BaseModel):
    """What `current.json` says of the artefacts that hold."""

    format: int
    projection: tuple[str, int]
    revision: int
    fingerprint: str
    mask: About
    indexes: dict[str, str]
    encoded: dict[str, str]
    vectors: tuple[str, int]


def indexed_kinds(kinds: MatchKinds, projection: Projection) -> list[str]:
    """Entity kinds whose texts speak for candidates: the candidates themselves and their documents."""
    return list(
        dict.fromkeys([*(kind.candidate for kind in kinds.values()), *sorted(document_kinds(kinds, projection))])
    )


def document_kinds(kinds: MatchKinds, projection: Projection) -> set[str]:
    """Entity kinds whose texts speak for others."""
    ends = projection.catalogue.end_kinds
    return {end for kind in kinds.values() for path in kind.documents for end in ends(kind.candidate, path)}


def build(
    projection_folder: Path, folder: Path, secret: bytes, *, k: int, epoch: str, full: bool = False,
    vectors: Path | None = None, processes: int = 1, progress: Progress | None = None,
) -> State:  # fmt: skip
    """Bring mask and indexes in `folder` up to the current projection and switch to them.

    What is unchanged and sound stays; `full` makes the indexes anew, in several `processes` where that is worth it.
    Vectors of the encoder are in the folder `vectors`, by default in `folder` too. Builders of one folder wait for each
    other. Raises ProjectionError without a projection.
    """
    with locked(folder):
        projection, say = open_projection(projection_folder), progress or silent
        return _built(projection, folder, secret, k, epoch, full, vectors or folder / "encoded", processes, say)


def _built(
    projection: Projection, folder: Path, secret: bytes, k: int, epoch: str, full: bool, vectors: Path, processes: int,
    say: Progress,
) -> State:  # fmt: skip
    say("mask", 0)
    last = _noted(folder).get("mask")
    mask = Mask.build(projection, folder / "mask", last, k=k, epoch=epoch, secret=secret, processes=processes)
    kinds = MatchKinds.of(projection.catalogue)
    keys = {kind: f"{mask.digest(kind)}-{ANALYSED}" for kind in indexed_kinds(kinds, projection) if mask.texts(kind)}
    indexes = _indexes(projection, mask, folder, keys, full, processes, say)
    hashes = {kind: index.kept["words"].hashes for kind, index in indexes.items()}
    digests = {kind: mask.digest(kind) for kind in hashes}
    encoded = folder / "encoded"
    linked = document_kinds(kinds, projection)
    encodings = Encodings.build(encoded, vectors, hashes, digests, linked=linked, full=full)
    manifest = Built(
        format=FORMAT,
        projection=projection.at,
        revision=projection.revision,
        fingerprint=projection.fingerprint,
        mask=mask.about,
        indexes=keys,
        encoded=dict(encodings.names),
        vectors=(encodings.file.name, encodings.file.count),
    )
    replace(folder / "current.json", orjson.dumps(manifest.model_dump()))
    _sweep(folder / "mask", set(mask.about.parts.values()))
    _sweep(folder / "index", {f"{kind}-{key}" for kind, key in keys.items()})
    _sweep(encoded, {*encodings.names.values(), *(path.name for path in encoded.glob("*.vectors"))})
    return State(projection, mask, indexes, encodings, folder / "models")


def _indexes(
    projection: Projection, mask: Mask, folder: Path, keys: Mapping[str, str], full: bool, processes: int, say: Progress
) -> dict[str, TextIndex]:
    """The indexes of the kinds, each in the file of its key; those that are not there yet, or all, are made."""
    indexes = folder / "index"
    indexes.mkdir(exist_ok=True)
    places = {kind: indexes / f"{kind}-{key}" for kind, key in keys.items()}
    size = {kind: projection.table(kind).n for kind in keys}
    wanted = [kind for kind, place in places.items() if full or _opened(place) is None]
    wanted.sort(key=lambda kind: -size[kind])  # the longest first, so that none is left over at the end

    def calls() -> Iterator[tuple[Path, int, Path | None, str, Path]]:
        for kind in wanted:
            say(f"index {kind}", size[kind])
            masked = folder / "mask" / mask.about.parts[kind]
            yield masked, size[kind], None if full else indexes, kind, places[kind]

    many = sum(size[kind] for kind in wanted) >= MANY_TEXTS
    for _ in in_processes(_index, calls(), min(processes, len(wanted)) if many else 1):
        pass
    return {kind: TextIndex.open(place) for kind, place in places.items()}


def _index(masked: Path, n: int, indexes: Path | None, kind: str, place: Path) -> None:
    """Index the n texts in a mask's file, going on from the latest index of their kind in the folder `indexes`.

    On one thread: with another number of them sums would round otherwise, and so would answers.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        previous = None if indexes is None else _previous(indexes, kind)
        TextIndex.build(rows_of(texts_in(map_arrays(masked)), n), previous).save(place)


def encode(
    state: State, encoder: Encoder, *, most: int | None = None, check: bool = True, progress: Progress | None = None
) -> int:
    """Fill vectors of texts that had none, `most` at the most; how many, those that others filled meanwhile included.

    Each batch is durable at once, so that this may end at any time and go on later; the next `build` takes them up.
    Where `check` is on, damaged vectors are made again.
    """
    say = progress or silent
    done = 0
    file = VectorFile(state.encodings.file.path.parent, encoder.name)
    for kind, index in state.indexes.items():
        if done == most:
            break
        hashes = index.kept["words"].hashes
        places = file.sound(file.find(hashes)) if check else file.find(hashes)
        rows = np.flatnonzero((places < 0) & (hashes != SILENT))
        rows = rows[np.unique(hashes[rows], return_index=True)[1]]
        rows = np.random.default_rng().permutation(rows)  # so that two processes hardly ever encode the same
        rows = rows[: None if most is None else most - done]
        columns = state.mask.texts(kind)
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            done += len(batch)
            batch = batch[file.lacks(hashes[batch])]
            if len(batch):
                texts = [joined(columns, row)[:LONGEST] for row in batch.tolist()]
                file.add(hashes[batch], encoder.passage(texts))
            say(f"encode {kind}", min(start + BATCH, len(rows)))
    return done


def projection_of(folder: Path) -> list[str]:
    """The projection's build that the artefacts in `folder` were made of, as a list; none where that cannot be read."""
    made_of = _noted(folder).get("projection")
    return [str(made_of[0])] if isinstance(made_of, list) and made_of else []


def _noted(folder: Path) -> dict[str, Any]:
    """What `build` noted last, of whatever format; empty where that cannot be read."""
    try:
        manifest = orjson.loads((folder / "current.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def open_state(projection_folder: Path, folder: Path, secret: bytes, policy: Policy | None = None) -> State:
    """The state that `build` switched to last; ProjectionError when there is none or it does not fit the projection."""
    path = folder / "current.json"
    if not path.exists():
        raise ProjectionError(f"{folder} has no matching artefacts; run `qianxian build`")
    try:
        found = orjson.loads(path.read_bytes())
        made_as = found.get("format") if isinstance(found, dict) else None
        if made_as != FORMAT:
            raise ProjectionError(f"{path} has format {made_as!r}, this version reads {FORMAT}; run `qianxian build`")
        manifest = Built.model_validate(found)
    except orjson.JSONDecodeError as error:
        raise ProjectionError(f"{path} is damaged: {error}; run `qianxian build`") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise ProjectionError(f"{path} is damaged at `{where}`; run `qianxian build`") from error
    projection = open_projection(projection_folder, Current(*manifest.projection))
    if projection.fingerprint != manifest.fingerprint:
        raise ProjectionError("mask and indexes are of another revision than the projection; run `qianxian build`")
    mask = Mask.open(projection, folder / "mask", manifest.mask, secret)
    indexes = {kind: TextIndex.open(folder / "index" / f"{kind}-{key}") for kind, key in manifest.indexes.items()}
    vectors = VectorFile(folder / "encoded", *manifest.vectors)
    encodings = Encodings.open(folder / "encoded", vectors, manifest.encoded)
    return State(projection, mask, indexes, encodings, folder / "models", policy)


def _previous(folder: Path, kind: str) -> TextIndex | None:
    """The latest index of a kind whose texts were analysed as they are now."""
    found = sorted(folder.glob(f"{kind}-*-{ANALYSED}"), key=lambda path: path.stat().st_mtime_ns)
    return _opened(found[-1]) if found else None


def _opened(path: Path) -> TextIndex | None:
    """The index in a file; None where it is absent or damaged."""
    try:
        return TextIndex.open(path)
    except ProjectionError:
        return None


def _sweep(folder: Path, kept: set[str]) -> None:
    """Remove indexes that nothing refers to; who has them mapped keeps their pages."""
    for path in folder.iterdir() if folder.exists() else ():
        if path.name not in kept and not is_being_written(path):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
