"""The graph as networkx knows it: for analysts, and as the oracle of the tests."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from graph.records import identity_key

if TYPE_CHECKING:
    import networkx as nx

    from graph.projection.projection import Projection


def to_networkx(projection: Projection) -> nx.MultiDiGraph[tuple[str, str]]:
    """Nodes `(kind, id)` and edges keyed `(relation, identity)`, both with their fields as attributes.

    Everything is copied into memory, about 1 KB per node or edge; `identity` is as in `graph.records.identity_key`.
    """
    import networkx as nx

    graph: nx.MultiDiGraph[tuple[str, str]] = nx.MultiDiGraph()
    ids = {kind: list(projection.table(kind).ids) for kind in sorted(projection.catalogue.entities)}
    for kind, names in ids.items():
        table = projection.table(kind)
        graph.add_nodes_from(((kind, name), table.values(row)) for row, name in enumerate(names))
    for name, relation in sorted(projection.catalogue.relations.items()):
        for source, target in product(*projection.catalogue.ends(name)):
            adjacency = projection.adjacency(name, source, target)
            rows = np.repeat(np.arange(adjacency.shape[0]), np.diff(adjacency.indptr)).tolist()
            for position, (row, column) in enumerate(zip(rows, adjacency.indices.tolist(), strict=True)):
                values = adjacency.values(position)
                edge = (source, ids[source][row]), (target, ids[target][column]), (name, identity_key(relation, values))
                graph.add_edge(*edge)
                graph.edges[edge].update(values)
    return graph
