"""Sources → normalised records → the store, batch by batch; what cannot be loaded is set aside with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from graph.errors import InputError, QianxianError, StoreError, ValueRejectedError
from graph.progress import Progress, silent
from graph.records import Entity, Origin, Relation, RelationKey
from graph.store import GraphStore
from graph.store.port import BATCH
from ingest import duplicates
from ingest.clashes import Clashes
from ingest.ends import Ends
from ingest.inventors import KINDS, Inventors
from ingest.normalise import Normaliser
from ingest.report import Rejects, Report
from ingest.sources import folder
from ingest.sources.detect import sources_of
from ingest.sources.heads import valid_titles
from ingest.sources.row import Joined, Row, Skipped, Source
from ingest.sources.titles import ID


@dataclass(frozen=True)
class Options:
    """How to load."""

    strict: bool = False
    """Reject rows with undeclared fields."""
    dry_run: bool = False
    """Check everything, write nothing."""
    date: str | None = None
    """ISO date of the data; a file's time of change where None."""
    source: str | None = None
    """Name of the source; the file's name where None."""
    rejects: Path | None = None
    """Where rejected rows go."""
    kinds: Path | None = None
    """A kinds.json beside the data."""
    resolve: Literal["exact", "none"] = "exact"
    """Whether records that share an identifier are tied at once."""

    def __post_init__(self) -> None:
        """InputError for a date that is none: dates decide which of two values is the newer."""
        try:
            datetime.fromisoformat(self.date or "2000-01-01")
        except ValueError:
            raise InputError(
                f"date {self.date!r} is no ISO date; valid: such as 2026-01-31 or 2026-01-31T12:00:00+08:00",
                field="date",
            ) from None


@dataclass
class _Load:
    store: GraphStore
    options: Options
    report: Report
    rejects: Rejects
    normaliser: Normaliser
    progress: Progress
    seen: set[tuple[str, str] | RelationKey] = field(default_factory=set)
    """Entities and relations of a dry run, which the store does not get to know."""
    kept: dict[str, list[Entity | Relation]] = field(default_factory=dict)
    """Records of a dry run by which people are found."""
    clashes: Clashes = field(default_factory=Clashes)
    rejected: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    """(kind, id) of a rejected entity → name of its source, and line."""
    clashed: dict[tuple[Path, str, int], tuple[str, str]] = field(default_factory=dict)
    """File, sheet and line of an entity that is rejected for a clash → kind, and the id that it cannot have."""

    def existing(self, kind: str, ids: Sequence[str]) -> set[str]:
        """Which of the ids exist, those of a dry run included, whose kinds the store need not know."""
        stored = self.store.existing(kind, ids) if kind in self.store.catalogue.entities else set[str]()
        return stored | {id for id in ids if (kind, id) in self.seen}

    def stored(self, relations: Sequence[Relation]) -> set[RelationKey]:
        """The relations of their kind that the store has from the sources of these."""
        known = self.store.catalogue
        if not relations or relations[0].kind not in known.relations:
            return set()
        kind = known.relations[relations[0].kind]
        sources = {relation[1:3] for relation in relations if relation.source_kind in known.entities}
        return {edge.key(kind) for end in sorted(sources) for edge in self.store.neighbours(*end, kind.name)}

    def records(self, kind: str) -> Iterator[Entity | Relation]:
        """The records of a kind, those kept of a dry run included."""
        yield from self.store.entities(kind) if kind in self.store.catalogue.entities else self.store.relations(kind)
        yield from self.kept.get(kind, ())


def ingest(
    store: GraphStore, paths: Sequence[Path], options: Options | None = None, progress: Progress | None = None
) -> Report:
    """Load files and folders; kinds first, then entities, then relations, whatever the order of `paths`.

    Good rows load, bad ones are rejected one by one; sheets and files that list no known kind are skipped. Raises
    InputError for a path that cannot be read, or where everything would be skipped, DeclarationError for a bad kinds
    file, StoreError when the store fails or goes away: what was loaded stays, and the load can be repeated.
    """
    options = options or Options()
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist", field="path")
    catalogue = store.catalogue
    documents = list(_kinds(paths, options))
    for document in documents:
        catalogue = catalogue.extended(document)
    read = [found for path in paths for found in sources_of(path, catalogue)]
    found = [source for source in read if isinstance(source, Source)]
    skipped = [source for source in read if isinstance(source, Skipped)]
    if skipped and not found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped)
        raise InputError(f"nothing to load: {reasons}; valid titles: {valid_titles(catalogue)}", field="path")
    for document in documents if not options.dry_run else ():
        store.adopt(document)
    joined = [source for source in read if isinstance(source, Joined)]
    report = Report(dry_run=options.dry_run, skipped=skipped, joined=joined)
    rejects = Rejects(report, options.rejects)
    normaliser = Normaliser(catalogue, strict=options.strict)
    load = _Load(store, options, report, rejects, normaliser, progress or silent)
    naming = [source for source in found if source.by_name]
    if naming and options.dry_run:
        load.kept = {kind: [] for kind in KINDS}
    try:
        before = store.revision()
        for source in found:
            if not source.is_relation:
                _load_source(load, source)
        if options.resolve == "exact" and not options.dry_run:
            _resolve(load, before)
        for source in found:
            if source.is_relation and not source.by_name:
                _load_source(load, source)
        inventors = Inventors((row for source in naming for row in source.rows()), load.records)
        for source in naming:
            _load_source(load, replace(source, rows=partial(inventors.tied, source.rows)))
        report.untied_inventors = inventors.untied
    except StoreError as error:
        error.args = (f"{error}; {report.loaded:,} records were loaded, the same command can be repeated to go on",)
        raise
    except OSError as error:
        raise InputError(f"{error.filename or 'a file'} cannot be read or written: {error}", field="path") from error
    finally:
        rejects.close()
    mended = options.rejects is not None and options.rejects.resolve() in {path.resolve() for path in paths}
    if options.rejects is not None and mended and not report.rejected and not options.dry_run:
        options.rejects.unlink()  # what was mended is in the store now
    report.unknown = normaliser.unknown
    report.revision = store.revision()
    return report


def _kinds(paths: Sequence[Path], options: Options) -> Iterator[dict[str, Any]]:
    files = [path / folder.KINDS for path in paths if (path / folder.KINDS).is_file()]
    for file in [*files, *([options.kinds] if options.kinds else [])]:
        yield folder.kinds_document(file)


def _load_source(load: _Load, source: Source) -> None:
    changed = datetime.fromtimestamp(source.path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    origin = Origin(load.options.source or source.name, load.options.date or changed)
    for rows in _batched(source.rows()):
        tally = load.report.of(source.kind)
        tally.read += len(rows)
        records = list(_normalised(load, source, rows))
        if source.is_relation:
            records = _with_ends(load, source, records)
        if load.options.dry_run:
            _check_only(load, source, records)
        else:
            _write(load, source, records, origin)
        load.progress(source.name, tally.read)


def _resolve(load: _Load, before: int) -> None:
    """Tie the records that changed to those that share an identifier with them."""
    if load.store.revision() == before:
        return
    load.progress("duplicates", 0)
    pairs = duplicates.of_changed(load.store, before)
    duplicates.accept(load.store, pairs)
    for pair in pairs:
        load.report.of(pair.kind).merged += 1


def _batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


_Record = tuple[Row, Entity | Relation]


def _normalised(load: _Load, source: Source, rows: Iterable[Row]) -> Iterator[_Record]:
    convert = load.normaliser.relation if source.is_relation else load.normaliser.entity
    for row in rows:
        if row.raw is None:
            load.rejects.add(source.kind, source.name, row.line, None, row.problem, None)
            continue
        try:
            record = convert(source.kind, row.raw)
        except QianxianError as error:
            load.rejects.add(source.kind, source.name, row.line, error.field, str(error), row.raw)
            if not source.is_relation and ID in row.raw:
                load.rejected.setdefault((source.kind, str(row.raw[ID])), (source.name, row.line))
            continue
        if not row.is_id_made or not isinstance(record, Entity) or _may_be(load, source, row, record):
            yield row, record


def _may_be(load: _Load, source: Source, row: Row, entity: Entity) -> bool:
    """Whether a row with a made id may be what earlier rows with it are; it is rejected, without that id, where not."""
    try:
        load.report.restated += load.clashes.check(entity, source, row.line)
    except ValueRejectedError as error:
        load.clashed[source.path, source.sheet, row.line] = entity[:2]
        load.rejects.add(source.kind, source.name, row.line, error.field, str(error), _without(row, ID))
        return False
    return True


def _without(row: Row, field: str) -> dict[str, Any]:
    return {name: value for name, value in (row.raw or {}).items() if name != field}


def _with_ends(load: _Load, source: Source, records: list[_Record]) -> list[_Record]:
    """The relations whose ends are known; the others are rejected."""
    relations = [(row, record) for row, record in records if isinstance(record, Relation)]
    ends = Ends(load.normaliser.catalogue, (relation for _, relation in relations), load.existing)
    kept: list[_Record] = []
    for row, relation in relations:
        try:
            closed = ends.closed(relation)
        except QianxianError as error:
            end = relation.source if error.field == "source" else relation.target
            kinds = load.normaliser.catalogue.ends(source.kind)[error.field != "source"]
            reason = _follows(load, source, str(error.field), kinds, end) or str(error)
            load.rejects.add(source.kind, source.name, row.line, error.field, reason, row.raw)
            continue
        clash = load.clashed.get((source.path, source.sheet, row.line)) if load.clashed else None
        if clash is not None and clash in {closed[1:3], closed[3:5]}:
            end = "source" if clash == closed[1:3] else "target"
            reason = f"field {end!r}: follows from line {row.line}, where the {clash[0]} is rejected; give its new id"
            load.rejects.add(source.kind, source.name, row.line, end, reason, _without(row, end))
        else:
            kept.append((row, closed))
    return kept


def _write(load: _Load, source: Source, records: list[_Record], origin: Origin) -> None:
    written = load.store.upsert([record for _, record in records], origin)
    tally = load.report.of(source.kind)
    tally.inserted += written.inserted
    tally.updated += written.updated
    tally.unchanged += written.unchanged
    if written.dangling:
        gone = {record[:5] for record in written.dangling}
        for row, record in records:
            if isinstance(record, Relation) and record[:5] in gone:
                _reject_dangling(load, source, row, record)


def _reject_dangling(load: _Load, source: Source, row: Row, record: Relation) -> None:
    missing = "source" if not load.existing(record.source_kind, [record.source]) else "target"
    kind, id = (record.source_kind, record.source) if missing == "source" else (record.target_kind, record.target)
    reason = _follows(load, source, missing, (kind,), id) or f"field {missing!r}: there is no {kind} {id!r}"
    load.rejects.add(source.kind, source.name, row.line, missing, reason, row.raw)


def _follows(load: _Load, source: Source, end: str, kinds: Sequence[str], id: str) -> str:
    """What the reject of a relation follows from: that of its end; "" where no end of these kinds was rejected."""
    for kind in kinds:
        if (kind, id) in load.rejected:
            name, line = load.rejected[kind, id]
            place = f"line {line}" if name == source.name else f"{name}:{line}"
            return f"field {end!r}: follows from {place}, where the {kind} is rejected; mend that and load both"
    return ""


def _check_only(load: _Load, source: Source, records: list[_Record]) -> None:
    tally = load.report.of(source.kind)
    ids = {record.id for _, record in records if isinstance(record, Entity)}
    tally.inserted += len(ids - load.existing(source.kind, sorted(ids)))
    load.seen.update((source.kind, id) for id in ids)
    kept = load.kept.get(source.kind, [])
    kept += (record for _, record in records if isinstance(record, Entity))
    relations = [(row, record) for row, record in records if isinstance(record, Relation)]
    present = _present(load, [end for _, relation in relations for end in (relation[1:3], relation[3:5])])
    whole: list[Relation] = []
    for row, relation in relations:
        if {relation[1:3], relation[3:5]} <= present:
            whole.append(relation)
        else:
            _reject_dangling(load, source, row, relation)
    keys = {relation.key(load.normaliser.catalogue.relation(source.kind)) for relation in whole}
    new = keys - load.seen - load.stored(whole)
    tally.inserted += len(new)
    load.seen |= new
    kept += whole


def _present(load: _Load, ends: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the (kind, id) that exist."""
    by_kind: dict[str, set[str]] = {}
    for kind, id in ends:
        by_kind.setdefault(kind, set()).add(id)
    return {(kind, id) for kind, ids in by_kind.items() for id in load.existing(kind, sorted(ids))}
