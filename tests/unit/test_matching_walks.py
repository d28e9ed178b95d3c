"""Walks: against networkx's PageRank, and learners that see nothing of what they are to learn."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import scipy.sparse as sp

from graph import projection
from graph.records import Entity, Origin, Relation
from graph.store import open_store
from matching.build import build
from matching.candidates import walks
from matching.candidates.outcomes import Outcomes
from matching.candidates.walks import DocumentWalk, OutcomeWalk, lift


def _random(shape: tuple[int, int], seed: int) -> sp.csr_array:
    return sp.csr_array((np.random.default_rng(seed).random(shape) < 0.3).astype(float))


def test_an_outcome_walk_is_three_or_five_steps_of_personalised_pagerank() -> None:
    pairs, mine, theirs = _random((12, 9), 1), _random((12, 4), 2), _random((9, 5), 3)
    graph: nx.Graph[tuple[str, int]] = nx.Graph()
    for matrix, near, far in ((pairs, "s", "c"), (mine, "s", "l"), (theirs, "c", "m")):
        graph.add_edges_from(
            ((near, r), (far, c)) for r, c in zip(*(axis.tolist() for axis in matrix.nonzero()), strict=True)
        )
    nodes = list(graph)
    steps = nx.to_numpy_array(graph, nodelist=nodes)
    steps *= (1 - walks.RESTART) / steps.sum(axis=1, keepdims=True)
    here = np.eye(len(nodes))[nodes.index(("s", 0))]
    after = [here @ np.linalg.matrix_power(steps, number) / (1 - walks.RESTART) for number in range(6)]
    candidates = [nodes.index(("c", at)) for at in range(9)]
    walk = OutcomeWalk(pairs, [mine], [theirs])
    three, five = walk.reached(0, far=True)
    assert five is not None and walk.reached(0)[1] is None
    for found, number in ((walk.reached(0)[0], 3), (three, 3), (five, 5)):
        expected = np.sum(np.array(after[: number + 1]), axis=0)[candidates]
        np.testing.assert_allclose(found, lift(expected), rtol=1e-3, atol=1e-6)


def test_a_document_walk_reaches_coauthors_and_tells_a_near_question_from_a_far_one() -> None:
    of = sp.csr_array(np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]], float))
    walk = DocumentWalk([of])
    reached = walk.reached([np.array([0.9, 0, 0, 0], np.float32)])
    assert reached[0] > reached[2] > reached[3] == 0  # the author, a co-author's co-author, nobody's
    np.testing.assert_allclose(walk.reached([np.array([0.1, 0, 0, 0], np.float32)]), reached, rtol=1e-5)


def test_hidden_outcomes_are_hidden_for_all_who_share_them() -> None:
    pairs = sp.csr_array(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], float))  # subjects 0 and 1 have one owner
    outcomes = Outcomes.build(pairs, {}, {}, (np.array([7, 7, 8]), np.arange(3)))
    assert outcomes.without(np.array([0])).pairs.toarray().tolist() == [[0, 1, 0], [0, 1, 0], [0, 1, 1]]
    assert outcomes.without(np.array([], np.int64)).pairs.toarray().tolist() == pairs.toarray().tolist()


def test_needs_of_one_enterprise_share_its_outcomes(tmp_path: Path) -> None:
    records: list[Entity | Relation] = [Entity("enterprise", name, {}) for name in ("f", "g")]
    records += [Entity("expert", name, {}) for name in ("x", "y")]
    for need, owner in (("n1", "f"), ("n2", "f"), ("n3", "g"), ("n4", None)):
        records.append(Entity("need", need, {}))
        if owner:
            records.append(Relation("posted", "enterprise", owner, "need", need, {}))
    records += [Relation("collaborated", "expert", "x", "enterprise", owner, {}) for owner in ("f", "g")]
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.upsert(records, Origin("test", "2024"))
        projection.build(store, tmp_path / "projection")
    state = build(tmp_path / "projection", tmp_path / "matching", b"s" * 32, k=2, epoch="e")
    needs = state.projection.table("need")
    asking = state.prepared("need-expert").evidence.outcomes
    asked = state.prepared("expert-need").evidence.outcomes
    assert asking is not None and asked is not None
    for owners in (asking.owners[0], asked.owners[1]):
        by_id = {needs.ids[row]: int(owners[row]) for row in range(needs.n)}
        assert by_id["n1"] == by_id["n2"]
        assert len({by_id["n1"], by_id["n3"], by_id["n4"]}) == 3
