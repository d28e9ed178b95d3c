"""The projection: one revision of the graph as tables and adjacencies, and walking over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.errors import UnknownNameError
from graph.projection.arrays import Codes, spans
from graph.projection.manifest import Current, Manifest
from graph.projection.parts import Part
from graph.projection.tables import Adjacency, EntityTable
from graph.schema import Catalogue, Step

_Step = list[tuple[str, str, Adjacency]]


class Projection:
    """One store revision as immutable, memory-mapped tables and adjacencies; safe to share among threads."""

    def __init__(self, folder: Path, current: Current, manifest: Manifest, parts: dict[str, Part]) -> None:
        self.path = folder
        """The folder it was opened from."""
        self.manifest = manifest
        self.parts = parts
        """Part file → opened part; for builders."""
        self.catalogue = Catalogue.model_validate(manifest.catalogue)
        """The kinds of the store."""
        self.revision = manifest.revision
        """The store revision that it shows."""
        self.fingerprint = manifest.fingerprint
        """Hash of the catalogue and all stored records; the same whichever store they came from."""
        self.at = current
        """Where it is: what `open_projection` opens it again by, as long as it is kept."""
        self._tables: dict[str, EntityTable] = {}
        self._adjacencies: dict[tuple[str, str, str], Adjacency] = {}
        self._plans: dict[tuple[str, str], list[_Step]] = {}
        self._matrices: dict[tuple[str, str, str], sp.csr_array] = {}
        self._groups = {(g.relation, g.source, g.target): g for g in manifest.groups}

    def is_current(self) -> bool:
        """Whether no newer one has been built in its folder since."""
        return Current.read(self.path) == self.at

    def table(self, kind: str) -> EntityTable:
        """The entities of a kind; UnknownNameError lists the kinds."""
        if kind not in self._tables:
            declared = self.catalogue.entity(kind)
            entry = self.manifest.kinds.get(kind)
            part = self.parts[entry.table] if entry else None
            self._tables[kind] = EntityTable(declared, part.arrays if part else None, part.about.digest if part else "")
        return self._tables[kind]

    def adjacency(self, relation: str, source_kind: str, target_kind: str) -> Adjacency:
        """The edges of a relation between two kinds; UnknownNameError lists the relations or the kinds of an end."""
        key = (relation, source_kind, target_kind)
        if key not in self._adjacencies:
            kind = self.catalogue.relation(relation)
            for end, valid in zip(key[1:], self.catalogue.ends(relation), strict=True):
                if end not in valid:
                    raise UnknownNameError(f"end of {relation}", end, valid)
            entry = self._groups.get(key)
            if entry is None or entry.rows is None or entry.records is None:
                found = Adjacency.empty(kind, self.table(source_kind).n, self.table(target_kind).n)
            else:
                found = Adjacency.opened(kind, self.parts[entry.rows].arrays, self.parts[entry.records].arrays)
            self._adjacencies[key] = found
        return self._adjacencies[key]

    def walk(self, kind: str, rows: Sequence[int] | NDArray[Any], path: str) -> dict[str, Codes]:
        """Where a path leads from some rows of a kind: end kind → rows, rising, each once.

        Every kind that the path can end at is there, with no rows where nothing is reached. DeclarationError when
        the path cannot be walked.
        """
        here = {kind: np.asarray(rows, np.int64)}
        for step in self._plan(kind, path):
            reached: dict[str, list[Codes]] = {}
            for near, far, adjacency in step:
                reached.setdefault(far, []).append(_gathered(adjacency, here[near]))
            here = {far: np.unique(np.concatenate(found)) for far, found in reached.items()}
        return {end: found.astype(np.int32, copy=False) for end, found in here.items()}

    def path_matrix(self, kind: str, path: str, end_kind: str) -> sp.csr_array:
        """Start rows × end rows: the number of walks along the path from one to the other; kept, so not to be changed.

        DeclarationError when the path cannot be walked; all zeros where it cannot end at `end_kind`.
        """
        key = (kind, path, end_kind)
        if key not in self._matrices:
            self._matrices[key] = self._counted(*key)
        return self._matrices[key]

    def _counted(self, kind: str, path: str, end_kind: str) -> sp.csr_array:
        here: dict[str, sp.csr_array] = {}
        for at, step in enumerate(self._plan(kind, path)):
            ahead: dict[str, sp.csr_array] = {}
            for near, far, adjacency in step:
                matrix = adjacency.matrix() if at == 0 else sp.csr_array(here[near] @ adjacency.matrix())
                ahead[far] = sp.csr_array(ahead[far] + matrix) if far in ahead else matrix
            here = ahead
        shape = (self.table(kind).n, self.table(end_kind).n)
        result = here.get(end_kind, sp.csr_array(shape))
        result.sort_indices()
        return result

    def _plan(self, kind: str, path: str) -> list[_Step]:
        """Per step of a path every (near kind, far kind, adjacency in the direction of the walk)."""
        key = (kind, path)
        if key not in self._plans:
            self._plans[key] = [
                [(here, end, self._directed(step, here, end)) for here in near for end in far]
                for step, near, far in self.catalogue.walked(kind, path)
            ]
        return self._plans[key]

    def _directed(self, step: Step, near: str, far: str) -> Adjacency:
        if step.forward:
            return self.adjacency(step.relation, near, far)
        return self.adjacency(step.relation, far, near).transposed()


def _gathered(adjacency: Adjacency, rows: NDArray[Any]) -> Codes:
    """The targets of some rows, repeated as often as they are reached."""
    if len(rows) == 1:
        return adjacency.of(int(rows[0]))
    return adjacency.indices[spans(adjacency.indptr, rows)[1]]
