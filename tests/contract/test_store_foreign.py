"""What other Cypher tools write is read, taken over and left alone as their users expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from graph.errors import DeclarationError
from graph.projection import build
from graph.records import Entity, EntityKey, Origin, Relation, RelationKey
from graph.store import GraphStore, open_store
from tests.contract.conftest import cypher

ORIGIN = Origin("w", "2024")
Run = Callable[..., list[dict[str, object]]]


@pytest.fixture
def graph(fresh: Callable[[str], str]) -> Iterator[tuple[GraphStore, Run]]:
    """An empty store on Neo4j, and another tool's access to its server."""
    url = fresh("neo4j")
    with open_store(url) as store, cypher(url) as run:
        yield store, run


def test_labels_types_and_properties_are_as_cypher_users_expect(graph: tuple[GraphStore, Run]) -> None:
    store, run = graph
    tie = Relation("collaborated", "expert", "e", "enterprise", "f", {"since": "2020"})
    store.upsert([Entity("expert", "e", {"tags": ["a"]}), Entity("enterprise", "f", {"size": 3}), tie], ORIGIN)
    query = "MATCH (e:Expert {id: 'e'})-[r:COLLABORATED]->(f:Enterprise) RETURN e.tags AS t, r.since AS s, f.size AS n"
    assert run(query) == [{"t": ["a"], "s": "2020", "n": 3}]
    names = {row["name"] for row in run("SHOW CONSTRAINTS YIELD name RETURN name")}
    assert {f"node_{kind}_id" for kind in store.catalogue.entities} <= names


def test_nodes_and_relationships_of_others_are_read(graph: tuple[GraphStore, Run], tmp_path: object) -> None:
    store, run = graph
    run("CREATE (:Expert {id: 'e', title: '教授', tags: 'one', born: 1970})-[:COLLABORATED]->(:Enterprise {id: 'f'})")
    run("CREATE (:Need {id: 'n', deadline: date('2024-05-01'), budget: 0.0 / 0.0, text: point({x: 1, y: 2})})")
    run("CREATE (:Expert {name: 'without id'})-[:COLLABORATED]->(:Thing {id: 't'}), (:Expert {id: 7})")
    assert list(store.entities("expert")) == [Entity("expert", "e", {"title": "教授", "tags": ["one"]})]
    assert list(store.entities("need")) == [Entity("need", "n", {"deadline": "2024-05-01"})]
    tie = Relation("collaborated", "expert", "e", "enterprise", "f", {})
    assert list(store.relations("collaborated")) == store.neighbours("expert", "e") == [tie]
    assert store.counts() == {"expert": 1, "enterprise": 1, "need": 1, "collaborated": 1}
    assert store.provenance("expert", "e") == {"title": Origin("", ""), "tags": Origin("", "")}


def test_what_others_wrote_is_in_a_full_build(
    graph: tuple[GraphStore, Run], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store, run = graph
    run("CREATE (:Expert {id: 'e'})-[:COLLABORATED]->(:Enterprise {id: 'f'})")
    projection = build(store, tmp_path_factory.mktemp("p") / "projection", full=True)
    assert list(projection.table("expert").ids) == ["e"]
    assert projection.adjacency("collaborated", "expert", "enterprise").indices.tolist() == [0]


def test_what_others_wrote_is_taken_over_once(graph: tuple[GraphStore, Run]) -> None:
    store, run = graph
    run("CREATE (:Expert {id: 'e', bio: 'x'})-[:COLLABORATED {since: '2020', topic: 't'}]->(:Enterprise {id: 'f'})")
    tie = Relation("collaborated", "expert", "e", "enterprise", "f", {"since": "2020", "until": "2021"})
    written = store.upsert([Entity("expert", "e", {"title": "讲师"}), tie], ORIGIN)
    assert (written.inserted, written.updated) == (0, 2)
    assert store.get("expert", "e") == Entity("expert", "e", {"bio": "x", "title": "讲师"})
    assert [edge.values for edge in store.relations("collaborated")] == [tie.values | {"topic": "t"}]
    assert len(list(store.changes_since(0))) == 2


def test_a_relationship_of_others_can_be_deleted(graph: tuple[GraphStore, Run]) -> None:
    store, run = graph
    run("CREATE (:Expert {id: 'e'})-[:COLLABORATED]->(:Enterprise {id: 'f'})")
    assert store.delete([RelationKey("collaborated", "expert", "e", "enterprise", "f", "[null]")]) == 1
    assert store.counts() == {"expert": 1, "enterprise": 1}


def test_properties_of_others_stay(graph: tuple[GraphStore, Run]) -> None:
    store, run = graph
    store.upsert([Entity("expert", "e", {"title": "教授", "bio": "x"})], ORIGIN)
    run("MATCH (n:Expert) SET n.pagerank = 0.5")
    store.upsert([Entity("expert", "e", {"title": "讲师"})], ORIGIN, replace=True)
    assert store.get("expert", "e") == Entity("expert", "e", {"title": "讲师"})
    assert run("MATCH (n:Expert) RETURN n.pagerank AS p, n.bio AS b") == [{"p": 0.5, "b": None}]


def test_kinds_whose_names_would_be_one_in_neo4j_are_refused(graph: tuple[GraphStore, Run]) -> None:
    store, _ = graph
    label = {"en": "x", "zh": "x"}
    kinds = [{"name": name, "labels": label} for name in ("a1", "a_1")]
    with pytest.raises(DeclarationError, match="same name in Neo4j: A1"):
        store.adopt({"entities": kinds})
    assert "a1" not in store.catalogue.entities
    assert store.extension() == {}
    assert store.delete([EntityKey("expert", "nobody")]) == 0
