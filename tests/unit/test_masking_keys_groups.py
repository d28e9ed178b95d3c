"""Aliases, sealed tokens and groups: what holds for any input."""

from __future__ import annotations

import itertools
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from graph import projection
from graph.records import Entity, EntityKey, Origin, Relation
from graph.store import open_store
from matching.masking import EpochKeys, Role, Viewer, grouped
from matching.ranking.model import BANDS, bands_of

KEYS = EpochKeys(b"k" * 32, "e1")
BOUNDS = (0.75, 0.5, 0.25)


def test_an_alias_depends_on_each_thing_it_is_bound_to() -> None:
    def alias(viewer: str, question: str, kind: str, id: str, epoch: str, secret: bytes) -> str:
        return EpochKeys(secret, epoch).alias(Viewer(viewer, Role.OUTSIDER), question, EntityKey(kind, id))

    choices = [("v1", "v2"), ("q1", "q2"), ("expert", "fund"), ("1", "2"), ("e1", "e2"), (b"a" * 32, b"b" * 32)]
    made = [alias(*picked) for picked in itertools.product(*choices)]  # type: ignore[arg-type]
    assert len(set(made)) == 2**6
    assert all(len(name) == 24 and set(name) <= set(string.hexdigits.lower()) for name in made)


def test_the_parts_of_an_alias_do_not_run_into_each_other() -> None:
    one = KEYS.alias(Viewer("a", Role.OUTSIDER), "bc", EntityKey("d", "e"))
    assert one != KEYS.alias(Viewer("ab", Role.OUTSIDER), "c", EntityKey("d", "e"))
    assert one != KEYS.alias(Viewer("a", Role.OUTSIDER), "b", EntityKey("cd", "e"))
    assert one != KEYS.alias(Viewer("a", Role.OUTSIDER), "bc", EntityKey("de", ""))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_token_makes_unseal_raise(token: str) -> None:
    assert KEYS.unseal(Viewer("v", Role.BROKER), token) is None


@settings(deadline=None)
@given(st.integers(0, 79), st.sampled_from(string.ascii_letters + string.digits + "-_"))
def test_a_token_that_was_touched_does_not_open(at: int, char: str) -> None:
    viewer = Viewer("v", Role.BROKER)
    content = {"token": "t" * 30, "offset": 20}
    token = KEYS.seal(viewer, content)
    assert KEYS.unseal(viewer, token) == content
    changed = token[: at % len(token)] + char + token[at % len(token) + 1 :]
    opened = KEYS.unseal(viewer, changed)
    assert opened is None or (opened == content and changed[:-1] == token[:-1])  # the last character has spare bits
    assert KEYS.unseal(Viewer("w", Role.BROKER), token) is None


@settings(deadline=None, max_examples=300)
@given(st.lists(st.floats(0, 1), max_size=40), st.integers(2, 8))
def test_groups_hide_the_order_and_hold_k(scores: list[float], k: int) -> None:
    scores.sort(reverse=True)
    rows = np.arange(100, 100 + len(scores))

    def key(row: int) -> str:
        return f"{row * 7919 % 101:03}"

    def groups(*, ordered: bool) -> list[tuple[str, list[int]]]:
        bands = bands_of(np.array(scores), BOUNDS)
        return grouped(rows, bands, names=BANDS, k=k, ordered=ordered, key=key)

    blind, seen = groups(ordered=False), groups(ordered=True)
    assert [row for _, members in seen for row in members] == rows.tolist()
    assert sorted(row for _, members in blind for row in members) == (rows.tolist() if len(rows) >= k else [])
    band = {row: BANDS.index(name) for name, members in seen for row in members}
    for (name, members), following in itertools.zip_longest(blind, blind[1:]):
        assert len(members) >= k
        assert members == sorted(members, key=key)
        assert all(band[row] <= BANDS.index(name) for row in members)  # never called better than it is
        assert following is None or max(members) < min(following[1])
    assert [BANDS.index(name) for name, _ in blind] == sorted({BANDS.index(name) for name, _ in blind})


@pytest.mark.parametrize("role", list(Role))
def test_who_may_ask(tmp_path: Path, role: Role) -> None:
    records: list[Entity | Relation] = [
        Entity("enterprise", "f1", {}), Entity("enterprise", "f2", {}), Entity("need", "n1", {}),
        Relation("posted", "enterprise", "f1", "need", "n1", {}),
    ]  # fmt: skip
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.upsert(records, Origin("test", "2024-01-01"))
        graph = projection.build(store, tmp_path / "projection")
    need, every = EntityKey("need", "n1"), role is Role.OPERATOR
    first, second = EntityKey("enterprise", "f1"), EntityKey("enterprise", "f2")
    assert Viewer("v", role, (first,)).may_ask(graph, need)
    assert Viewer("v", role, (first,)).may_ask(graph, first)
    assert Viewer("v", role, (second,)).may_ask(graph, need) is every
    assert Viewer("v", role, (EntityKey("enterprise", "absent"),)).may_ask(graph, need) is every
    for parties in ((), (first,), (second,)):
        assert Viewer("v", role, parties).may_ask(graph, EntityKey("need", "absent")) is every
    assert Viewer("v", role, everything=True).may_ask(graph, need)


def test_operators_and_brokers_with_a_mandate_see_the_order() -> None:
    mandate = (EntityKey("enterprise", "f1"),)
    assert [role for role in Role if Viewer("v", role, mandate).sees_order] == [Role.BROKER, Role.OPERATOR]
    assert [role for role in Role if Viewer("v", role).sees_order] == [Role.OPERATOR]


def test_a_party_that_was_merged_asks_for_itself_by_either_id(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.upsert([Entity("expert", "a", {}), Entity("expert", "b", {})], Origin("test", "2024"))
        store.upsert([Relation("same_as", "expert", "a", "expert", "b", {})], Origin("test", "2024"))
        graph = projection.build(store, tmp_path / "projection")
    for party in ("a", "b"):
        viewer = Viewer("v", Role.EXPERT, (EntityKey("expert", party), EntityKey("gone", "x")))
        assert all(viewer.may_ask(graph, EntityKey("expert", asked)) for asked in ("a", "b"))
