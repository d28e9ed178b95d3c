"""Store → projection: a full build, or the parts of the one before with what changed since."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from pathlib import Path

import orjson

from graph.errors import ProjectionError
from graph.files import locked
from graph.progress import Progress, silent
from graph.projection.folding import folded
from graph.projection.manifest import (
    FORMAT,
    Current,
    GroupEntry,
    KindEntry,
    Manifest,
    next_build,
    publish,
    read_manifest,
    sweep,
)
from graph.projection.opening import open_projection
from graph.projection.parts import Part
from graph.projection.projection import Projection
from graph.projection.reading import read_all
from graph.projection.stored import Edges, Group, Parts, Shelf
from graph.projection.updating import updated
from graph.records import digest
from graph.schema import Catalogue
from graph.store import Change, GraphStore

_FEW = 20_000
_CATCH_UPS = 3


def build(
    store: GraphStore, folder: Path, *, full: bool = False, used: Collection[str] = (), progress: Progress | None = None
) -> Projection:
    """Bring the projection in `folder` up to the store's revision, switch to it and open it.

    Only the parts that changed since the current projection are made anew; everything is with `full`, and where
    there is none, catalogue, store or its history are others (a backup came back), or too much changed. `progress` is
    told (kind or relation, records so far). Builders of one folder wait for each other. Of earlier builds the last one
    stays, and those that are `used`.

    Raises ProjectionError where the current projection is damaged or of another version (unless `full`) or the disk
    refuses; the current projection stays as it was.
    """
    say = progress or silent
    with locked(folder):
        before = None if full or not Current.exists(folder) else open_projection(folder)
        if before is not None and _is_of(before, store) and before.revision == store.revision():
            return before
        old = before.manifest if before else _readable(folder)
        if old is not None:
            sweep(folder, old, used)
        with Shelf(folder, next_build(folder)) as shelf:
            manifest = _built(store, shelf, before, old, say)
            publish(folder, manifest)
        sweep(folder, manifest, used)
    return open_projection(folder)


def _built(store: GraphStore, shelf: Shelf, before: Projection | None, old: Manifest | None, say: Progress) -> Manifest:
    revision = store.revision()
    lent = _parts_of(before) if before is not None and _is_of(before, store) else None
    changes = None
    if before is not None and lent is not None and before.revision <= revision:
        changes = _few_changes(store, before)
    if changes is None or lent is None:
        stored = read_all(store, shelf, say)
    else:
        say("changes", len(changes))
        stored = updated(lent[0], changes, store.catalogue, shelf)
    for _ in range(_CATCH_UPS):
        # Writers did not wait: what they wrote meanwhile may be in these parts by half.
        now = store.revision()
        if now == revision:
            break
        stored = updated(stored, store.changes_since(revision), store.catalogue, shelf)
        revision = now
    seen = folded(stored, store.catalogue, shelf, lent)
    return _manifest(store, shelf, revision, old, stored, seen)


def _few_changes(store: GraphStore, before: Projection) -> list[Change] | None:
    """What changed since, or None where it is so much that a full build is the faster way."""
    total = sum(len(part.arrays["digests"]) for part in before.parts.values() if "digests" in part.arrays)
    limit = max(_FEW, total // 10)
    changes = list(islice(store.changes_since(before.revision), limit + 1))
    return changes if len(changes) <= limit else None


def _is_of(before: Projection, store: GraphStore) -> bool:
    """Whether a projection can be continued: same catalogue, same store, and of the history that this one has now."""
    same = before.catalogue.fingerprint() == store.catalogue.fingerprint() and before.manifest.store == store.url
    return same and before.manifest.stamp == store.stamp(before.revision)


def _parts_of(before: Projection) -> tuple[Parts, Parts]:
    """The parts of a projection, as stored and as seen."""
    stored, seen = Parts(), Parts()
    for kind, entry in before.manifest.kinds.items():
        stored.kinds[kind], seen.kinds[kind] = before.parts[entry.stored], before.parts[entry.table]
    for about in before.manifest.groups:
        group = Group(about.relation, about.source, about.target)
        stored.groups[group] = Edges(before.parts[about.stored_rows], before.parts[about.stored_records])
        if about.rows is not None and about.records is not None:
            seen.groups[group] = Edges(before.parts[about.rows], before.parts[about.records])
    return stored, seen


def _manifest(
    store: GraphStore, shelf: Shelf, revision: int, old: Manifest | None, stored: Parts, seen: Parts
) -> Manifest:
    used: dict[str, Part] = {}

    def name(part: Part) -> str:
        used[part.about.file] = part
        return part.about.file

    kinds = {
        kind: KindEntry(stored=name(part), table=name(seen.kinds[kind])) for kind, part in sorted(stored.kinds.items())
    }
    groups = []
    for group, edges in sorted(stored.groups.items()):
        shown = seen.groups.get(group)
        groups.append(
            GroupEntry(
                relation=group.relation,
                source=group.source,
                target=group.target,
                stored_rows=name(edges.rows),
                stored_records=name(edges.records),
                rows=name(shown.rows) if shown else None,
                records=name(shown.records) if shown else None,
            )
        )
    return Manifest(
        format=FORMAT,
        build=shelf.build,
        previous=old.build if old else None,
        store=store.url,
        revision=revision,
        stamp=store.stamp(revision),
        fingerprint=_fingerprint(store.catalogue, stored),
        catalogue=orjson.loads(store.catalogue.to_json()),
        kinds=kinds,
        groups=tuple(groups),
        parts={file: part.about for file, part in sorted(used.items())},
    )


def _fingerprint(catalogue: Catalogue, stored: Parts) -> str:
    """Hash of the catalogue and of the digests of all records, sorted by kind and identity."""
    said = [catalogue.fingerprint()]
    for kind, part in sorted(stored.kinds.items()):
        said += [kind, part.about.digest]
    for group, edges in sorted(stored.groups.items()):
        said += [*group, edges.records.about.digest]
    return digest(*said).hex()


def _readable(folder: Path) -> Manifest | None:
    """The current manifest where it can be read: what a full build replaces may be damaged or of another version."""
    try:
        return read_manifest(folder, Current.read(folder))
    except (ProjectionError, FileNotFoundError):
        return None
