"""Every visible combination is shared by at least k: brute force over random populations and over a real mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from graph.records import Entity, EntityKey
from graph.store import open_store
from matching.masking.levels import anonymised, combined, mixed
from tests.privacy.worlds import people, state_of


def _columns(values: list[list[int]], depths: list[int]) -> list[np.ndarray]:
    """Ladders of integers: each level halves the value, the last shows nothing."""
    columns = []
    for column, depth in zip(zip(*values, strict=True), depths, strict=True):
        steps = [np.array([(v >> level) * 100 + level for v in column], np.uint64) for level in range(depth)]
        columns.append(mixed(np.stack([*steps, np.full(len(column), depth, np.uint64)])))
    return columns


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(st.integers(0, 15), min_size=3, max_size=3), min_size=1, max_size=60),
    st.lists(st.integers(1, 4), min_size=3, max_size=3),
    st.integers(2, 7),
)
def test_every_combination_has_k_rows_or_nothing_is_shown(values: list[list[int]], depths: list[int], k: int) -> None:
    columns = _columns(values, depths)
    levels = anonymised(columns, k)
    shown = Counter(combined(columns, levels).tolist())
    if len(values) < k:
        assert (levels == np.array(depths)).all()
    else:
        assert min(shown.values()) >= k


def test_what_everyone_shares_is_shown_whole() -> None:
    assert not anonymised(_columns([[3, 3, 3]] * 5, [2, 3, 1]), 5).any()


def test_a_few_odd_rows_cost_the_others_little() -> None:
    values = [[3, 3, 3]] * 100 + [[9, 1, 2]] + [[3, 7, 3]] * 2
    levels = anonymised(_columns(values, [2, 2, 2]), 5)
    whole = (levels == 0).all(axis=1)
    assert whole[:100].sum() >= 100 - 4  # four stay behind with the odd one
    assert not whole[100:].any()


def test_a_group_of_exactly_k_apart_from_a_crowd_is_shown() -> None:
    values = [[8, 0, 0]] * 5 + [[1, 0, 0]] * 50
    assert not anonymised(_columns(values, [4, 1, 1]), 5).any()


def test_rows_that_say_nothing_do_not_hide_what_others_say() -> None:
    """An absent value looks like a dropped one, so both kinds of rows make up each other's group."""
    said = np.array([[7] * 6 + [9] * 2 + [0] * 4, [0] * 12], np.uint64)
    levels = anonymised([said], 5)
    assert (levels[:6] == 0).all()
    shown = Counter(combined([said], levels).tolist())
    assert sorted(shown.values()) == [6, 6]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), min_size=2, max_size=40),
    st.integers(2, 6),
    st.randoms(use_true_random=False),
)
def test_with_absent_values_every_combination_has_k_rows(values: list[list[int]], k: int, random: Any) -> None:
    random.shuffle(values)
    flat = np.array(values, np.uint64).T
    columns = [np.stack([column, column // np.uint64(2), np.zeros(len(values), np.uint64)]) for column in flat]
    levels = anonymised(columns, k)
    sizes = Counter(tuple(int(c[level, row]) for c, level in zip(columns, levels[row], strict=True))
                    for row in range(len(values)))  # fmt: skip
    assert min(sizes.values()) >= min(k, len(values))


def _shown(card: Mapping[str, object]) -> str:
    return repr(card["fields"])


@pytest.mark.parametrize("k", [2, 5, 9])
def test_cards_of_a_real_mask_are_shared_by_k(tmp_path: Path, k: int) -> None:
    state = state_of(tmp_path, people(), k=k)
    for kind in ("expert", "enterprise", "need", "publication"):
        n = state.projection.table(kind).n
        shown = Counter(_shown(state.mask.card(kind, row)) for row in range(n))
        assert min(shown.values()) >= k, kind
        floor = state.mask.visible(kind).floor
        for row in range(n):
            assert shown[_shown(state.mask.card(kind, row))] >= floor[row] >= k


def test_levels_hold_for_an_epoch_and_new_rows_take_what_is_common(tmp_path: Path) -> None:
    before = state_of(tmp_path, people())
    old = {before.projection.table("expert").ids[row]: before.mask.card("expert", row) for row in range(60)}
    odd = Entity("expert", "e999", {"tags": ["a tag that nobody has"], "title": "研究员", "bio": "x"})
    twin = Entity("expert", "e998", {"tags": ["功率芯片散热"], "title": "教授", "bio": "y"})
    after = state_of(tmp_path, [odd, twin])
    table = after.projection.table("expert")
    assert table.n == 62
    for row in range(table.n):
        if table.ids[row] in old:
            assert after.mask.card("expert", row) == old[table.ids[row]]
    assert "a tag that nobody has" not in repr(after.mask.card("expert", table.find("e999")))
    shown = Counter(_shown(after.mask.card("expert", row)) for row in range(table.n))
    assert min(count for what, count in shown.items() if what != "{}") >= 5


def test_who_is_left_alone_within_an_epoch_shows_nothing(tmp_path: Path) -> None:
    before = state_of(tmp_path, people())
    table = before.projection.table("expert")
    shown = [_shown(before.mask.card("expert", row)) for row in range(table.n)]
    alike = [table.ids[row] for row in range(table.n) if shown[row] == shown[0]]
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.delete([EntityKey("expert", id) for id in alike[1:-2]])
    after = state_of(tmp_path, [])
    table = after.projection.table("expert")
    left = [after.mask.card("expert", table.find(id)) for id in (alike[0], *alike[-2:])]
    assert shown[0] != "{}"
    assert [card["fields"] for card in left] == [{}, {}, {}]


def test_a_new_epoch_decides_anew(tmp_path: Path) -> None:
    first = state_of(tmp_path, people(), epoch="e1")
    second = state_of(tmp_path, [], epoch="e2")
    assert first.mask.epoch != second.mask.epoch
    assert (second.mask.visible("expert").levels == first.mask.visible("expert").levels).all()


def test_an_entity_with_nothing_but_its_id_has_a_card(tmp_path: Path) -> None:
    state = state_of(tmp_path, [Entity("expert", "bare", {}), Entity("patent", "bare", {})])
    assert state.mask.card("expert", 0) == {"kind": "expert", "fields": {}, "labels": {}, "texts": {}}
    assert state.mask.card("patent", 0) == {"kind": "patent", "fields": {}, "labels": {}, "texts": {}}
