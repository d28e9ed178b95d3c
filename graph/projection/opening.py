"""Opening the current projection of a folder."""

from __future__ import annotations

from pathlib import Path

from graph.errors import ProjectionError
from graph.projection.manifest import Current, read_manifest
from graph.projection.parts import REBUILD, map_part, verify
from graph.projection.projection import Projection

_ATTEMPTS = 5


def open_projection(folder: Path, at: Current | None = None) -> Projection:
    """The current projection in `folder`, or the one `at` a build before; all parts mapped, their checksums compared.

    Raises ProjectionError, naming the file, where it is absent, damaged or of another version.
    """
    for _ in range(_ATTEMPTS):
        current = at or Current.read(folder)
        try:
            return _opened(folder, current)
        except FileNotFoundError as error:
            # Two builds finished between reading CURRENT and mapping a part; if not, the file is really gone.
            if at or Current.read(folder) == current:
                raise ProjectionError(f"{error.filename} is missing; {REBUILD}") from None
        except OSError as error:
            raise ProjectionError(f"{error.filename} cannot be read: {error.strerror}") from error
    raise ProjectionError(f"the projection in {folder} changes faster than it can be opened; try again")


def _opened(folder: Path, current: Current) -> Projection:
    manifest = read_manifest(folder, current)
    parts = {name: map_part(folder, about) for name, about in manifest.parts.items()}
    for about in manifest.parts.values():
        verify(folder, about)
    return Projection(folder, current, manifest, parts)
