"""What a load did, for a person to read and a program to parse; and the rejects that can be mended and loaded again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from ingest.sources.row import Joined, Skipped

SHOWN = 20
"""Rejects, unknown fields and skipped sheets that the report itself shows."""


@dataclass
class Tally:
    """Counts of one kind."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    rejected: int = 0


@dataclass
class Report:
    """What a load did."""

    dry_run: bool = False
    revision: int = 0
    """The store's revision after the load."""
    kinds: dict[str, Tally] = field(default_factory=dict)
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, field) that nobody declared → rows."""
    skipped: list[Skipped] = field(default_factory=list)
    """Files and sheets that list no known kind."""
    joined: list[Joined] = field(default_factory=list)
    """Columns of tables that are joined in one field."""
    restated: int = 0
    """Rows of tables without ids that say otherwise of a thing than one of another file, or one beside which it is."""
    untied_inventors: int = 0
    """Inventors that tables of patents name and that are tied to no expert."""
    rejects: list[dict[str, Any]] = field(default_factory=list)
    """The first rejects."""
    rejects_path: str = ""
    """Where all of them are."""

    def of(self, kind: str) -> Tally:
        """The counts of a kind."""
        return self.kinds.setdefault(kind, Tally())

    @property
    def rejected(self) -> int:
        """Rejected rows of all kinds."""
        return sum(tally.rejected for tally in self.kinds.values())

    @property
    def loaded(self) -> int:
        """Inserted and updated records of all kinds."""
        return sum(tally.inserted + tally.updated for tally in self.kinds.values())

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "dry_run": self.dry_run,
            "revision": self.revision,
            "kinds": {kind: vars(tally) for kind, tally in self.kinds.items()},
            "unknown_fields": [{"kind": k, "field": f, "rows": n} for (k, f), n in sorted(self.unknown.items())],
            "skipped": [{"file": name, "reason": reason} for name, reason in self.skipped],
            "joined": [
                {"file": joined.name, "kind": joined.kind, "field": joined.field, "columns": list(joined.titles)}
                for joined in self.joined
            ],
            "restated": self.restated,
            "untied_inventors": self.untied_inventors,
            "rejects": self.rejects,
            "rejects_file": self.rejects_path,
        }

    def render(self) -> str:
        """Plain text, one line a kind."""
        columns = ("read", "inserted", "updated", "unchanged", "merged", "rejected")
        width = max([12, *(len(kind) for kind in self.kinds)])
        lines = ["dry run: nothing was written" if self.dry_run else f"store revision {self.revision}"]
        lines.append(" " * width + "".join(f"{name:>11}" for name in columns))
        for kind, tally in self.kinds.items():
            lines.append(f"{kind:<{width}}" + "".join(f"{getattr(tally, name):>11,}" for name in columns))
        for (kind, name), rows in sorted(self.unknown.items())[:SHOWN]:
            lines.append(f"unknown field {kind}.{name} in {rows:,} rows: not loaded")
        if len(self.unknown) > SHOWN:
            lines.append(f"… and {len(self.unknown) - SHOWN:,} more unknown fields")
        lines += [f"skipped {name}: {reason}" for name, reason in self.skipped[:SHOWN]]
        if len(self.skipped) > SHOWN:
            lines.append(f"… and {len(self.skipped) - SHOWN:,} more skipped")
        for joined in self.joined[:SHOWN]:
            titles = ", ".join(joined.titles)
            lines.append(f"joined {joined.name}: {titles} are put together as {joined.kind}.{joined.field}, one a line")
        if len(self.joined) > SHOWN:
            lines.append(f"… and {len(self.joined) - SHOWN:,} more joined")
        if self.restated:
            lines.append(
                f"{self.restated:,} rows say otherwise of a thing than an earlier row elsewhere: the newer counts"
            )
        if self.untied_inventors:
            reason = "name and patentee together have to fit exactly one expert"
            lines.append(f"{self.untied_inventors:,} inventors of patents are tied to no expert: {reason}")
        for reject in self.rejects[:SHOWN]:
            lines.append(f"rejected {reject['file']}:{reject['line']}: {reject['reason']}")
        if self.rejected > SHOWN:
            lines.append(f"… and {self.rejected - min(SHOWN, len(self.rejects)):,} more")
        if self.rejects_path:
            lines.append(f"rejects are in {self.rejects_path}: mend them there and ingest that file")
        return "\n".join(lines)


class Rejects:
    """Collects rejected rows; writes them as JSON Lines that can be ingested again."""

    def __init__(self, report: Report, path: Path | None) -> None:
        self._report, self._path = report, path
        self._file: IO[bytes] | None = None

    def add(self, kind: str, file: str, line: int, field: str | None, reason: str, raw: dict[str, Any] | None) -> None:
        """Take in one rejected row."""
        self._report.of(kind).rejected += 1
        entry = {"kind": kind, "file": file, "line": line, "field": field, "reason": reason, "row": raw}
        if len(self._report.rejects) < SHOWN:
            self._report.rejects.append({key: entry[key] for key in ("kind", "file", "line", "field", "reason")})
        if self._path is not None:
            if self._file is None:
                # Beside it until the load is done: an earlier rejects file may be what is being loaded.
                self._file = self._path.with_name(f"{self._path.name}.part").open("wb")
                self._report.rejects_path = str(self._path)
            self._file.write(orjson.dumps(entry, default=str, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None and self._path is not None:
            self._file.close()
            Path(self._file.name).replace(self._path)
            self._file = None
