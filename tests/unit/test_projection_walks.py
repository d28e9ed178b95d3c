"""Neighbours, walks and counted walks against networkx."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TypeAlias

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from graph.errors import DeclarationError, UnknownNameError
from graph.projection import Projection, build, to_networkx
from graph.records import Entity, Origin, Relation
from graph.schema import Path as Walk
from tests.unit.projection_memory import MemoryStore
from tests.unit.projection_worlds import KINDS, graphs, scratch

ORIGIN = Origin("test", "2024")
Node = tuple[str, str]
Graph: TypeAlias = "nx.MultiDiGraph[Node]"

PATHS = {
    "expert": (">authored", ">employed_by", ">employed_by:institution", ">authored <authored", ">employed_by >posted"),
    "need": ("<posted", "<posted:enterprise", "<posted <employed_by >authored", "<posted >supplies <supplies"),
    "publication": (">cites", "<cites <authored", ">cites >cites >cites"),
    "enterprise": (">supplies", "<supplies <employed_by", ">posted", "<employed_by >employed_by"),
}


def _projection(folder: Path, records: list[Entity | Relation]) -> tuple[Projection, MemoryStore]:
    store = MemoryStore()
    store.upsert(records, ORIGIN)
    return build(store, folder), store


def _counted(graph: Graph, start: Node, path: str) -> Counter[Node]:
    """End node → number of walks, edge by edge."""
    here = Counter({start: 1})
    for step in Walk(path).steps:
        ahead: Counter[Node] = Counter()
        for node, walks in here.items():
            edges = graph.out_edges(node, keys=True) if step.forward else graph.in_edges(node, keys=True)
            for source, target, (relation, _) in edges:
                end = target if step.forward else source
                if relation == step.relation and step.kind in (None, end[0]):
                    ahead[end] += walks
        here = ahead
    return here


@settings(max_examples=60, deadline=None)
@given(graphs(), st.data())
def test_walks_and_their_number_are_those_of_networkx(records: list[Entity | Relation], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(PATHS)))
    path = data.draw(st.sampled_from(PATHS[kind]))
    with scratch() as folder:
        projection, _ = _projection(folder, records)
        graph = to_networkx(projection)
        table = projection.table(kind)
        rows = data.draw(st.lists(st.sampled_from(range(table.n)), unique=True)) if table.n else []
        walks = [_counted(graph, (kind, table.ids[row]), path) for row in rows]
        reached = projection.walk(kind, rows, path)
        assert set(reached) == set(projection.catalogue.end_kinds(kind, path))
        for end, found in reached.items():
            ends = projection.table(end)
            assert found.tolist() == sorted({ends.find(id) for counted in walks for at, id in counted if at == end})
            matrix = projection.path_matrix(kind, path, end).toarray()
            assert matrix.shape == (table.n, ends.n)
            for row, counted in zip(rows, walks, strict=True):
                assert matrix[row].tolist() == [counted[end, id] for id in ends.ids]


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_the_networkx_view_is_the_store(records: list[Entity | Relation]) -> None:
    with scratch() as folder:
        projection, store = _projection(folder, records)
        graph = to_networkx(projection)
    entities = {(e.kind, e.id): e.values for kind in KINDS for e in store.entities(kind)}
    assert {node: graph.nodes[node] for node in graph} == entities
    expected = [
        (
            (r.source_kind, r.source),
            (r.target_kind, r.target),
            (r.kind, r.key(store.catalogue.relation(r.kind)).key),
            r.values,
        )
        for kind in store.catalogue.relations
        for r in store.relations(kind)
    ]
    assert sorted(graph.edges(keys=True, data=True), key=str) == sorted(expected, key=str)


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_a_transposed_adjacency_holds_the_same_edges(records: list[Entity | Relation]) -> None:
    with scratch() as folder:
        projection, _ = _projection(folder, records)
        adjacency = projection.adjacency("employed_by", "expert", "institution")
        back = adjacency.transposed()
        assert back.shape == adjacency.shape[::-1]
        assert (back.matrix().toarray() == adjacency.matrix().toarray().T).all()
        sources = np.repeat(np.arange(adjacency.shape[0]), np.diff(adjacency.indptr))
        targets = np.repeat(np.arange(back.shape[0]), np.diff(back.indptr))
        since = np.nan_to_num(adjacency.numbers("since")), np.nan_to_num(back.numbers("since"))
        forward = sorted(zip(sources.tolist(), adjacency.indices.tolist(), since[0].tolist(), strict=True))
        assert forward == sorted(zip(back.indices.tolist(), targets.tolist(), since[1].tolist(), strict=True))
        for at in range(len(back.indices)):
            assert np.isnan(back.numbers("since")[at]) == ("since" not in back.values(at))
        twice = back.transposed()
        assert twice.indices.tolist() == adjacency.indices.tolist()
        assert twice.numbers("since") == pytest.approx(adjacency.numbers("since"), nan_ok=True)


def test_rows_may_repeat_and_come_in_any_order(tmp_path: Path) -> None:
    experts = [Entity("expert", id, {}) for id in "abc"]
    edges = [Relation("authored", "expert", id, "publication", "p", {}) for id in "abc"]
    projection, _ = _projection(tmp_path, [*experts, Entity("publication", "p", {}), *edges])
    assert projection.walk("expert", [2, 0, 2], ">authored")["publication"].tolist() == [0]
    assert projection.walk("publication", [0, 0], "<authored")["expert"].tolist() == [0, 1, 2]
    assert projection.walk("expert", np.empty(0, np.int64), ">authored <authored")["expert"].tolist() == []


def test_unknown_paths_relations_and_ends_are_named(tmp_path: Path) -> None:
    projection, _ = _projection(tmp_path, [])
    with pytest.raises(DeclarationError, match="authored does not touch need"):
        projection.walk("need", [], ">authored")
    with pytest.raises(DeclarationError, match="write steps like"):
        projection.path_matrix("need", "posted", "enterprise")
    with pytest.raises(UnknownNameError, match=r"valid: .*authored"):
        projection.adjacency("wrote", "expert", "publication")
    with pytest.raises(UnknownNameError, match="'need'; valid: publication"):
        projection.adjacency("authored", "expert", "need")
    with pytest.raises(UnknownNameError, match=r"valid: .*expert"):
        projection.table("wizard")
