"""Duplicates tied by same_as are one entity in the projection, and two records in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings

from graph.projection import build, to_networkx
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey
from tests.unit.projection_memory import MemoryStore
from tests.unit.projection_worlds import ENDS, KINDS, PLAIN, assert_same, graphs, scratch

ORIGIN = Origin("test", "2024")
Node = tuple[str, str]


def _same(source: str, target: str) -> Relation:
    return Relation("same_as", "expert", source, "expert", target, {})


def _stands_for(store: MemoryStore) -> dict[Node, Node]:
    """Duplicate or representative → representative, by the rule in words, one cluster after another."""
    edges = [((r.source_kind, r.source), (r.target_kind, r.target)) for r in store.relations("same_as")]
    clusters: list[set[Node]] = []
    for source, target in edges:
        touching = [cluster for cluster in clusters if source in cluster or target in cluster]
        clusters = [cluster for cluster in clusters if cluster not in touching]
        clusters.append({source, target}.union(*touching))
    duplicates = {source for source, _ in edges}
    result: dict[Node, Node] = {}
    for cluster in clusters:
        ends = {target for _, target in edges if target in cluster}
        chosen = min(cluster - duplicates or ends)
        result |= dict.fromkeys(cluster, chosen)
    return result


def _expected(store: MemoryStore) -> tuple[dict[Node, Any], dict[tuple[Node, Node, str, str], Any]]:
    stands = _stands_for(store)
    nodes: dict[Node, Any] = {}
    edges: dict[tuple[Node, Node, str, str], Any] = {}
    entities = [entity for kind in KINDS for entity in store.entities(kind)]
    for entity in sorted(
        entities, key=lambda e: ((e.kind, e.id) in stands and stands[e.kind, e.id] != (e.kind, e.id), e.id)
    ):
        node = (entity.kind, entity.id)
        chosen = stands.get(node, node)
        nodes[chosen] = entity.values | nodes.get(chosen, {})
    relations = [relation for kind in PLAIN for relation in store.relations(kind)]

    def order(relation: Relation) -> tuple[Any, ...]:
        ends = (relation.source_kind, relation.source), (relation.target_kind, relation.target)
        moved = any(stands.get(end, end) != end for end in ends)
        return moved, relation.source, relation.target, relation.key(store.catalogue.relation(relation.kind)).key

    for relation in sorted(relations, key=order):
        source, target = (relation.source_kind, relation.source), (relation.target_kind, relation.target)
        source, target = stands.get(source, source), stands.get(target, target)
        if source != target:
            key = (source, target, relation.kind, relation.key(store.catalogue.relation(relation.kind)).key)
            edges[key] = relation.values | edges.get(key, {})
    return nodes, edges


@settings(max_examples=120, deadline=None)
@given(graphs(duplicates=True))
def test_folding_does_what_its_rule_says(records: list[Entity | Relation]) -> None:
    store = MemoryStore()
    store.upsert(records, ORIGIN)
    with scratch() as folder:
        projection = build(store, folder)
        graph = to_networkx(projection)
        nodes, edges = _expected(store)
        assert {node: graph.nodes[node] for node in graph} == nodes
        assert {(s, t, *key): values for s, t, key, values in graph.edges(keys=True, data=True)} == edges
        for (kind, id), (_, chosen) in _stands_for(store).items():
            table = projection.table(kind)
            assert table.find(id) == table.find(chosen) >= 0


def test_chains_end_at_their_last_and_cycles_at_their_smallest_id(tmp_path: Path) -> None:
    store = MemoryStore()
    store.upsert([Entity("expert", id, {"name": id}) for id in "abcdxyz"], ORIGIN)
    store.upsert([_same("a", "b"), _same("b", "c"), _same("z", "y"), _same("y", "x"), _same("x", "z")], ORIGIN)
    experts = build(store, tmp_path).table("expert")
    assert list(experts.ids) == ["c", "d", "x"]
    assert [experts.find(id) for id in "abcdxyz"] == [0, 0, 0, 1, 2, 2, 2]


def test_deleting_the_edge_undoes_the_merge(tmp_path: Path) -> None:
    store = MemoryStore()
    store.upsert(
        [
            Entity("expert", "a", {"name": "张三", "title": "教授"}),
            Entity("expert", "b", {"name": "张三丰", "tags": ["拳"]}),
            Entity("publication", "p", {}),
            Relation("authored", "expert", "b", "publication", "p", {"position": 2}),
        ],
        ORIGIN,
    )
    before = build(store, tmp_path)
    store.upsert([_same("b", "a")], ORIGIN)
    folded = build(store, tmp_path)
    experts = folded.table("expert")
    assert experts.values(0) == {"name": "张三", "title": "教授", "tags": ["拳"]}
    assert experts.labels("tags").of(0) == ["拳"]
    assert experts.digest != before.table("expert").digest
    assert folded.adjacency("authored", "expert", "publication").of(0).tolist() == [0]
    assert folded.adjacency("same_as", "expert", "expert").of(0).tolist() == []
    store.delete([RelationKey("same_as", "expert", "b", "expert", "a", "[]")])
    after = build(store, tmp_path)
    assert_same(after, before)


def test_the_fingerprint_is_that_of_the_store_and_sees_the_merge(tmp_path: Path) -> None:
    store = MemoryStore()
    store.upsert([Entity("expert", "a", {}), Entity("expert", "b", {})], ORIGIN)
    before = build(store, tmp_path)
    store.upsert([_same("b", "a")], ORIGIN)
    merged = build(store, tmp_path)
    store.upsert([Entity("expert", "b", {"name": "李"})], ORIGIN)
    assert len({before.fingerprint, merged.fingerprint, build(store, tmp_path).fingerprint}) == 3


def test_what_folding_does_not_touch_is_not_made_again(tmp_path: Path) -> None:
    store = MemoryStore()
    store.upsert([Entity("expert", id, {}) for id in "abc"], ORIGIN)
    store.upsert([Entity("publication", "p", {}), Entity("enterprise", "c", {}), _same("b", "a")], ORIGIN)
    store.upsert([Relation("authored", "expert", "b", "publication", "p", {})], ORIGIN)
    before = build(store, tmp_path)
    store.upsert([Entity("need", "n", {}), Relation("posted", "enterprise", "c", "need", "n", {})], ORIGIN)
    after = build(store, tmp_path)
    fresh = {file.partition("/")[2].partition("~")[0] for file in after.parts.keys() - before.parts.keys()}
    assert fresh == {"need", "posted-enterprise-need", "posted-enterprise-need-rows"}
    store.delete([EntityKey("expert", "c")])
    assert list(build(store, tmp_path).table("expert").ids) == ["a"]
    assert set(ENDS) >= {group.relation for group in after.manifest.groups}
