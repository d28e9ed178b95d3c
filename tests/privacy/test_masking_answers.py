"""What a viewer gets: groups, aliases, cursors, the same 404, and bytes that do not depend on hidden values."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from graph.errors import InputError, NotFoundError
from graph.records import Entity, EntityKey, Relation
from matching.masking import EpochKeys, Role, Viewer, grouped
from matching.pipeline import match
from matching.question import Question
from matching.ranking.model import BANDS, bands_of
from matching.state import State
from tests.privacy.worlds import people, state_of

OUTSIDER = Viewer("o", Role.OUTSIDER, everything=True)
BROKER = Viewer("b", Role.BROKER, everything=True)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    return state_of(tmp_path_factory.mktemp("world"), people())


def _answer(state: State, viewer: Viewer, **about: Any) -> dict[str, Any]:
    question = Question(kind="need-expert", **({"subject": "n0"} | about))
    return match(state, question, viewer).to_dict()


def _matches(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [m for group in answer["groups"] for m in group["matches"]]


def test_toward_an_outsider_groups_have_k_cards_in_no_order(state: State) -> None:
    answer = _answer(state, OUTSIDER, explain=True, limit=20)
    for group in answer["groups"]:
        assert len(group["matches"]) >= 5
        aliases = [m["alias"] for m in group["matches"]]
        assert aliases == sorted(aliases)
    for found in _matches(answer):
        assert "rank" not in found
        assert "score" not in found["explanation"]
        assert all(isinstance(part["share"], str) for part in found["explanation"]["contributions"])


def test_a_limit_below_k_still_gives_k_cards(state: State) -> None:
    assert len(_matches(_answer(state, OUTSIDER, limit=1))) == 5


def test_a_broker_sees_the_order_and_shares_that_add_up(state: State) -> None:
    found = _matches(_answer(state, BROKER, explain=True, limit=8))
    assert [m["rank"] for m in found] == list(range(1, 9))
    scores = []
    for one in found:
        why = one["explanation"]
        total = why["base"] + sum(part["share"] for part in why["contributions"])
        assert total == pytest.approx(why["score"])
        scores.append(why["score"])
    assert scores == sorted(scores, reverse=True)


def test_nothing_hidden_is_in_an_answer(state: State) -> None:
    for viewer in (OUTSIDER, BROKER):
        body = json.dumps(_answer(state, viewer, explain=True, limit=60), ensure_ascii=False)
        for row in range(60):
            values = state.projection.table("expert").values(row)
            assert values["name"] not in body
            assert f"e{row}@example.org" not in body
            assert f'"e{row:03}"' not in body
        assert "的方法" not in body  # a matched title is never shown


def test_aliases_differ_by_viewer_question_and_epoch(state: State) -> None:
    other = Viewer("o2", Role.OUTSIDER, everything=True)
    sets = [
        {m["alias"] for m in _matches(answer)}
        for answer in (
            _answer(state, OUTSIDER, limit=60),
            _answer(state, other, limit=60),
            _answer(state, OUTSIDER, subject="n6", limit=60),
            _answer(state, OUTSIDER, subject=None, text="功率芯片散热", limit=60),
        )
    ]
    for at, one in enumerate(sets):
        assert len(one) == 60 or at == 0
        for two in sets[at + 1 :]:
            assert not one & two
    key = EntityKey("expert", "e1")
    now, later = (EpochKeys(b"x" * 32, epoch).alias(OUTSIDER, "n0", key) for epoch in ("e1", "e2"))
    assert now != later
    assert len(now) == 24


def test_the_same_question_gets_the_same_bytes(state: State, tmp_path: Path) -> None:
    again = state_of(tmp_path / "again", people()[::-1])
    assert _answer(state, OUTSIDER, explain=True) == _answer(again, OUTSIDER, explain=True)
    assert _answer(state, BROKER, explain=True) == _answer(again, BROKER, explain=True)


def test_hidden_values_do_not_move_a_byte(state: State, tmp_path: Path) -> None:
    """Another world's registry figures and DOIs differ; the answers do not."""
    changed: list[Entity | Relation] = []
    for record in people():
        values = dict(record.values)
        if isinstance(record, Entity) and record.kind == "enterprise":
            values |= {"registered_capital": 7e6, "revenue": 1.0, "tax_paid": 3.0, "rd_expense": 1e6}
        if isinstance(record, Entity) and record.kind == "publication":
            values["doi"] = f"10.5555/{record.id}"
        changed.append(record._replace(values=values))
    other = state_of(tmp_path / "other", changed)
    for viewer in (OUTSIDER, BROKER):
        for kind, subject in (("need-expert", "n0"), ("expert-need", "e000"), ("need-publication", "n3")):
            question = Question(kind=kind, subject=subject, limit=20, explain=True)
            assert match(state, question, viewer).to_dict() == match(other, question, viewer).to_dict()


def test_absent_and_forbidden_subjects_look_the_same(state: State) -> None:
    party = Viewer("p", Role.ENTERPRISE, parties=(EntityKey("enterprise", "f0"),))
    assert _matches(_answer(state, party, subject="n0"))
    said = []
    for subject in ("n1", "nobody"):
        with pytest.raises(NotFoundError) as caught:
            _answer(state, party, subject=subject)
        said.append((str(caught.value), caught.value.code))
    assert said[0] == said[1]


def test_a_cursor_goes_on_and_is_bound_to_viewer_and_question(state: State) -> None:
    first = _answer(state, BROKER, limit=10)
    second = _answer(state, BROKER, limit=10, cursor=first["next"])
    assert [m["rank"] for m in _matches(second)] == list(range(11, 21))
    assert not {m["alias"] for m in _matches(first)} & {m["alias"] for m in _matches(second)}
    with pytest.raises(InputError, match="another question"):
        _answer(state, OUTSIDER, cursor=first["next"])
    with pytest.raises(InputError, match="another question"):
        _answer(state, BROKER, subject="n1", cursor=first["next"])
    with pytest.raises(InputError, match="another question"):
        _answer(state, BROKER, cursor="garbage")


def test_excluded_aliases_do_not_come_back(state: State) -> None:
    first = _answer(state, BROKER, limit=5)
    gone = frozenset(str(m["alias"]) for m in _matches(first)[:2])
    second = _answer(state, BROKER, limit=5, exclude=gone)
    assert [m["alias"] for m in _matches(second)][:3] == [m["alias"] for m in _matches(first)][2:]


def test_the_blind_cannot_learn_the_order_by_asking_for_one_more(state: State) -> None:
    seen = [{m["alias"] for m in _matches(_answer(state, OUTSIDER, limit=limit))} for limit in range(6, 22)]
    for fewer, more in pairwise(seen):
        assert fewer <= more
        assert len(more - fewer) in {0, 5}
    first = _matches(_answer(state, OUTSIDER, limit=5))
    gone = frozenset({str(first[0]["alias"])})
    rest = {m["alias"] for m in _matches(_answer(state, OUTSIDER, limit=5, exclude=gone))}
    assert rest == {m["alias"] for m in first} - gone


def test_sealed_tokens_open_for_their_viewer_only() -> None:
    keys = EpochKeys(b"x" * 32, "e1")
    token = keys.seal(BROKER, {"offset": 5})
    assert keys.unseal(BROKER, token) == {"offset": 5}
    assert keys.unseal(OUTSIDER, token) is None
    assert EpochKeys(b"x" * 32, "e2").unseal(BROKER, token) is None
    for broken in ("", "?", token[:-4], token + "AAAA", "ＡＢ"):
        assert keys.unseal(BROKER, broken) is None


def test_small_bands_join_weaker_ones() -> None:
    import numpy as np

    def groups(scores: list[float], k: int, *, ordered: bool = False) -> list[tuple[str, int]]:
        bands = bands_of(np.array(scores), (0.6, 0.4, 0.2))
        found = grouped(np.arange(len(scores)), bands, names=BANDS, k=k, ordered=ordered, key=lambda row: f"{-row:05}")
        return [(name, len(members)) for name, members in found]

    assert groups([0.9, 0.8, 0.5, 0.5, 0.1], 2) == [("strong", 2), ("weak", 3)]
    assert groups([0.9, 0.5, 0.5, 0.1, 0.1], 3) == [("weak", 5)]
    assert groups([0.9, 0.5], 3) == []
    assert groups([0.9, 0.5], 3, ordered=True) == [("strong", 1), ("good", 1)]
    assert groups([0.6, 0.6, 0.6], 3) == [("strong", 3)]


def _registered(first: int, topic: str) -> list[Entity | Relation]:
    """The same people, instruments and texts; phones, e-mails and serial numbers on record count from `first` on."""
    records: list[Entity | Relation] = []
    for record in people():
        if isinstance(record, Entity) and record.kind == "expert":
            at = first + int(record.id[1:])
            on_record = {"phone": f"13800{at:06}", "email": f"e{at}@example.org"}
            record = record._replace(values=record.values | on_record)
        records.append(record)
    for at in range(60):
        values = {"name": f"{topic}仪{at % 3}", "serial_number": f"SN-{first + at:06}"}
        records.append(Entity("instrument", f"m{at:03}", values | {"description": f"{topic}，序列号 SN-{at:06}。"}))
    return records


def test_answers_do_not_tell_which_identifiers_are_on_record(tmp_path: Path) -> None:
    """Texts name phones, e-mails and serial numbers: one graph holds them, the other holds others."""
    one, two = (state_of(tmp_path / str(first), _registered(first, "功率芯片散热")) for first in (0, 500))
    for viewer in (OUTSIDER, BROKER):
        for kind in ("need-expert", "need-instrument"):
            for text in ("功率芯片散热 电话 13800000003", "锂电池热失控 e7@example.org 序列号SN-000004"):
                question = Question(kind=kind, text=text, limit=30, explain=True)
                first, second = (json.dumps(match(state, question, viewer).to_dict()) for state in (one, two))
                assert first == second


def test_a_filter_takes_a_code_or_what_cards_call_it(state: State) -> None:
    cards = [found["card"] for found in _matches(_answer(state, BROKER, limit=60))]
    code, label = next(
        (card["fields"]["institution_region"], card["labels"]["institution_region"])
        for card in cards
        if card["labels"].get("institution_region", [""])[0].endswith("区")
    )
    code, label = (value[0] if isinstance(value, list) else value for value in (code, label))
    assert code != label
    found = [_answer(state, BROKER, filters={"institution_region": value})["groups"] for value in (code, label)]
    assert found[0] == found[1] != []


def test_a_filter_sees_no_further_than_the_cards(tmp_path: Path) -> None:
    """Two of a district show the province, or nothing: no finer filter finds them, nor says that it is there."""
    records = people()
    for at in range(4, 6):
        records.append(Entity("institution", f"i{at}", {"institution_type": "高校", "region": "330782"}))
        records.append(Relation("employed_by", "expert", f"e{at:03}", "institution", f"i{at}", {}))
    state = state_of(tmp_path, records)
    with pytest.raises(InputError, match="no card shows") as raised:
        _answer(state, BROKER, filters={"institution_region": "义乌"})
    assert "3307" not in str(raised.value)
    shown = set(state.mask.visible("expert").labels("institution_region").vocabulary)
    found = _matches(_answer(state, BROKER, limit=60, filters={"institution_region": "浙江"}))
    codes = {code for match in found for code in match["card"]["fields"]["institution_region"]}
    assert codes and codes <= shown


def test_a_label_that_a_card_leaves_out_is_not_named(tmp_path: Path) -> None:
    """Twenty experts whose cards show three tags; a fourth, of ten of them, is in the biography of one as well."""
    said = {3: {"bio": "做过古琴声学"}}
    experts: list[Entity | Relation] = [
        Entity(
            "expert",
            f"a{at:02}",
            {"tags": ["散热", "封装", "测试", "古琴" if at < 10 else "漆器", f"独有{at}"]} | said.get(at, {}),
        )
        for at in range(20)
    ]
    state = state_of(tmp_path, experts)
    question = Question(kind="need-expert", text="古琴 散热", explain=True, limit=20)
    named: dict[str, set[str]] = {}
    for found in _matches(match(state, question, BROKER).to_dict()):
        bio = bool(found["card"]["texts"].get("bio"))
        assert "古琴" not in found["card"]["fields"].get("tags", [])
        named.setdefault("bio" if bio else "tags", set()).update(found["explanation"].get("terms", []))
    assert named == {"bio": {"古琴", "散热"}, "tags": {"散热"}}
