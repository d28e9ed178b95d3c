"""One store revision as immutable, memory-mapped columns and CSR matrices; what matching reads."""

from __future__ import annotations

from graph.projection.arrays import Labels, Strings, offsets_of, spans
from graph.projection.building import build
from graph.projection.manifest import Current
from graph.projection.opening import open_projection
from graph.projection.projection import Projection
from graph.projection.splice import Splice
from graph.projection.tables import Adjacency, EntityTable
from graph.projection.view import to_networkx

__all__ = [
    "Adjacency",
    "Current",
    "EntityTable",
    "Labels",
    "Projection",
    "Splice",
    "Strings",
    "build",
    "offsets_of",
    "open_projection",
    "spans",
    "to_networkx",
]
