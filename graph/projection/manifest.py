"""The folder of a projection: its manifests, which one is current, and what may be removed."""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from graph.errors import ProjectionError
from graph.files import replace, synced_folder
from graph.projection.parts import REBUILD, PartFile

FORMAT = 3
"""Version of what is written; a projection of another version is refused."""

_CURRENT = "CURRENT"
_MANIFEST = "manifest.json"
_BUILD = re.compile(r"\d{6,}")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KindEntry(_Entry):
    """The parts of one entity kind."""

    stored: str
    """The records as the store has them."""
    table: str
    """The rows that readers see: the same part, or one with duplicates folded."""


class GroupEntry(_Entry):
    """The parts of one relation between two kinds."""

    relation: str
    source: str
    target: str
    stored_rows: str
    """Where the stored edges go, in rows of the stored records."""
    stored_records: str
    """The records of the stored edges."""
    rows: str | None
    """Where the edges go that readers see; None where folding left none."""
    records: str | None
    """Their records."""


class Manifest(_Entry):
    """What one build consists of."""

    format: int
    """See FORMAT."""
    build: str
    """Name of the build's folder."""
    previous: str | None
    """The build before, kept for readers that still have it open."""
    store: str
    """Address of the store, without password."""
    revision: int
    """Revision of the store."""
    stamp: str
    """What tells it from the same number in another history (see GraphStore.stamp)."""
    fingerprint: str
    """Hash of catalogue and records."""
    catalogue: dict[str, Any]
    """The catalogue's JSON."""
    kinds: dict[str, KindEntry]
    """Kinds that have entities."""
    groups: tuple[GroupEntry, ...]
    """Relations that have edges, by pair of end kinds."""
    parts: dict[str, PartFile]
    """Every part file that the build uses."""


class Current(NamedTuple):
    """The name of the current build and the checksum of its manifest, as the file CURRENT says."""

    build: str
    crc32: int

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether a projection was ever built there."""
        return (folder / _CURRENT).exists()

    @classmethod
    def is_current(cls, folder: Path, build: str) -> bool:
        """Whether a build is the current one."""
        try:
            return cls.read(folder).build == build
        except ProjectionError:
            return False

    @classmethod
    def read(cls, folder: Path) -> Current:
        """What CURRENT says; ProjectionError where it is absent or damaged."""
        path = folder / _CURRENT
        try:
            build, checksum = path.read_bytes().decode("ascii").split()
            if _BUILD.fullmatch(build):
                return cls(build, int(checksum, 16))
        except FileNotFoundError:
            raise ProjectionError(f"there is no projection in {folder}; run `qianxian build`") from None
        except ValueError:
            raise ProjectionError(f"{path} is damaged; {REBUILD}") from None
        raise ProjectionError(f"{path} is damaged; {REBUILD}")


def read_manifest(folder: Path, current: Current) -> Manifest:
    """The manifest of a build; ProjectionError where it is damaged or of another version."""
    path = folder / current.build / _MANIFEST
    data = path.read_bytes()
    try:
        document = orjson.loads(data)
        version = document["format"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ProjectionError(f"{path} is damaged; {REBUILD}") from None
    if version != FORMAT:
        raise ProjectionError(f"{path} has format {version!r}, this version reads {FORMAT}; {REBUILD}")
    if zlib.crc32(data) != current.crc32:
        raise ProjectionError(f"{path} is damaged: its checksum differs; {REBUILD}")
    try:
        return Manifest.model_validate(document)
    except ValidationError:
        raise ProjectionError(f"{path} is damaged; {REBUILD}") from None


def next_build(folder: Path) -> str:
    """A name for a new build's folder, greater than every other."""
    numbers = [int(path.name) for path in folder.iterdir() if _BUILD.fullmatch(path.name)]
    return f"{max(numbers, default=0) + 1:06d}"


def publish(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and switch CURRENT to it; a crash at any moment leaves the old or the new one current."""
    data = orjson.dumps(manifest.model_dump(mode="json"))
    replace(folder / manifest.build / _MANIFEST, data)
    synced_folder(folder)
    replace(folder / _CURRENT, f"{manifest.build} {zlib.crc32(data):08x}\n".encode())


def sweep(folder: Path, keep: Manifest | None, also: Collection[str] = ()) -> None:
    """Remove the builds and parts that neither `keep`, nor the build before it, nor those named in `also` use.

    Readers that have them mapped are not disturbed: a removed file lives on until it is unmapped.
    """
    used: set[str] = set()
    others = [_manifest_of(folder, build) for build in also]
    for manifest in (keep, _manifest_of(folder, keep.previous if keep is not None else None), *others):
        if manifest is not None:
            used |= {f"{manifest.build}/{_MANIFEST}", *manifest.parts}
    for scratch in folder.glob(f"{_CURRENT}.*"):  # of a builder that died
        scratch.unlink()
    for build in sorted(folder.iterdir()):
        if not (build.is_dir() and _BUILD.fullmatch(build.name)):
            continue
        files = sorted(build.iterdir())
        kept = [file for file in files if f"{build.name}/{file.name}" in used]
        if not kept:
            shutil.rmtree(build)
            continue
        for file in files:
            if file not in kept:
                file.unlink()


def _manifest_of(folder: Path, build: str | None) -> Manifest | None:
    if build is None:
        return None
    try:
        return Manifest.model_validate_json((folder / build / _MANIFEST).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
