"""The only wiring: settings → store, projection, matcher, casework, limits, metrics.

Importing this module opens nothing; `open_service` opens what a server process needs, the other functions what one
command needs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api.casework import Casework
from api.casework.audit import AuditLog, Notes
from api.casework.feedback import Dismissals, FeedbackLog
from api.casework.impressions import Impressions
from api.casework.keys import KeyRing
from api.casework.replies import Replies
from api.installation import epoch_of, open_casework, secret_of
from api.limits import Allowance
from api.metrics import Metrics
from api.settings import Settings
from graph import projection
from graph.errors import ProjectionError
from graph.schema import Catalogue
from graph.store import GraphStore, file_of, open_store
from ingest.sources.folder import kinds_document
from matching import build as matching_build
from matching.candidates.encoder import installed
from matching.kinds import MatchKinds
from matching.matcher import Matcher
from matching.state import State

Progress = Callable[[str, int], None]


@dataclass
class Service:
    """Everything a server process works with."""

    settings: Settings
    secret: bytes = field(repr=False)
    casework: Casework
    keys: KeyRing
    replies: Replies
    audit: AuditLog
    notes: Notes
    impressions: Impressions
    feedback: FeedbackLog
    dismissals: Dismissals
    stores: Stores
    allowance: Allowance
    metrics: Metrics
    matcher: Matcher | None = None
    """None until a projection was taken up."""

    def take_up(self) -> bool:
        """Open the newest projection, or move on to it; True when answers can be given now."""
        if self.matcher is None:
            try:
                self.matcher = open_matcher(self.settings, self.secret)
            except ProjectionError:
                self.metrics.ready(False)
                return False
        else:
            self.matcher.refresh()
        self.stores.keep_to(self.matcher.state.projection.catalogue)
        self.metrics.ready(True)
        self.dismissals.look(self.matcher.state.mask.epoch)
        return True

    def settle(self) -> None:
        """Make what the first free text would wait for: it takes a while until names can be looked for in texts."""
        if self.matcher is not None:
            self.matcher.state.mask.redact("")

    def catalogue(self) -> Catalogue:
        """The declared kinds: of the projection that answers, else of the store."""
        return self.stores.current().catalogue if self.matcher is None else self.matcher.state.projection.catalogue

    def close(self) -> None:
        """Give everything back."""
        self.notes.close()
        self.impressions.close()
        self.stores.close()
        self.casework.close()
        self.allowance.close()


class Stores:
    """The graph store, opened on first use; shared by the process's threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: GraphStore | None = None
        self._retired: GraphStore | None = None
        self._file: tuple[int, int] | None = None
        """Device and number of a SQLite store's file as it was opened."""
        self._lock = threading.Lock()

    def current(self) -> GraphStore:
        """The open store, anew where another file was put in its place; StoreError when it cannot be opened."""
        with self._lock:
            there = self._file_there()
            stale = self._retire() if there is not None and there != self._file else None
            if self._store is None:
                self._store = open_store(self._url)
                self._file = self._file_there()
            current = self._store
        if stale is not None:
            stale.close()
        return current

    def _file_there(self) -> tuple[int, int] | None:
        file = file_of(self._url)
        try:
            found = file.stat() if file is not None else None
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if found is not None else None

    def keep_to(self, catalogue: Catalogue) -> None:
        """Open the store anew when kinds were adopted since, as this newer catalogue shows."""
        if self._store is not None and self._store.catalogue.fingerprint() != catalogue.fingerprint():
            self.reopen()

    def reopen(self) -> None:
        """Let the next use open the store anew."""
        with self._lock:
            retired = self._retire()
        if retired is not None:
            retired.close()

    def _retire(self) -> GraphStore | None:
        """Put the store aside, open for the threads that are using it until the next one is; the one to close now."""
        retired, self._retired, self._store = self._retired, self._store, None
        return retired

    def close(self) -> None:
        """Give the connections back."""
        self.reopen()
        self.reopen()


def checked_kinds(catalogue: Catalogue, paths: Sequence[Path], kinds: Path | None = None) -> Catalogue:
    """The catalogue with the kinds that data folders (their kinds.json) and a kinds file bring.

    Raises DeclarationError for a declaration that does not fit, match kinds included, before any store has adopted it.
    """
    files = [path / "kinds.json" for path in paths if (path / "kinds.json").is_file()]
    for file in [*files, *([kinds] if kinds else [])]:
        catalogue = catalogue.extended(kinds_document(file))
    MatchKinds.of(catalogue)
    return catalogue


def open_built(settings: Settings) -> State:
    """What was built last; ProjectionError when there is nothing."""
    return matching_build.open_state(settings.projection_folder, settings.matching_folder, secret_of(settings))


def encode(settings: Settings, *, most: int | None = None, progress: Progress | None = None) -> int | None:
    """Encode texts that have no vector yet; how many, None where the encoder is not installed."""
    encoder = installed()
    if encoder is None:
        return None
    return matching_build.encode(open_built(settings), encoder, most=most, progress=progress)


def build(settings: Settings, *, full: bool = False, processes: int = 1, progress: Progress | None = None) -> int:
    """Bring projection, masks and text indexes up to the store's revision, which is returned."""
    with open_store(settings.store_url) as store:
        used = matching_build.projection_of(settings.matching_folder)
        built = projection.build(store, settings.projection_folder, full=full, used=used, progress=progress)
    matching_build.build(
        settings.projection_folder,
        settings.matching_folder,
        secret_of(settings),
        k=settings.k,
        epoch=epoch_of(settings),
        full=full,
        processes=processes,
        progress=progress,
    )
    return built.revision


def open_matcher(settings: Settings, secret: bytes | None = None) -> Matcher:
    """The matcher on what was last built; ProjectionError when nothing was."""
    return Matcher.open(
        settings.matching_folder, settings.projection_folder, secret or secret_of(settings), settings.policy
    )


def open_service(settings: Settings) -> Service:
    """What a server process works with; the projection is taken up by the refresher."""
    secret = secret_of(settings)
    casework = open_casework(settings)
    audit, feedback = AuditLog(casework, secret), FeedbackLog(casework)
    return Service(
        settings=settings,
        secret=secret,
        casework=casework,
        keys=KeyRing(casework, settings.key_ttl),
        replies=Replies(casework),
        audit=audit,
        notes=Notes(audit),
        impressions=Impressions(casework),
        feedback=feedback,
        dismissals=Dismissals(feedback),
        stores=Stores(settings.store_url),
        allowance=Allowance(settings.home / "run" / "allowance", settings.rate_limit),
        metrics=Metrics(),
    )
