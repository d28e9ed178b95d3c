"""What the blind may learn of who covers which part of a need: only what at least k candidates of a group do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graph.records import Entity, EntityKey, Relation
from matching import pipeline
from matching.candidates import retrieve
from matching.masking import Role, Viewer
from matching.pipeline import match
from matching.question import Question
from matching.state import State
from tests.privacy.worlds import people, state_of

OUTSIDER = Viewer("o", Role.OUTSIDER, everything=True)
BROKER = Viewer("b", Role.BROKER, everything=True)
SECRET = "铂铑热电偶漂移补偿"
"""What one paper alone is about."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    return state_of(tmp_path_factory.mktemp("world"), _with_authors(1))


def _with_authors(number: int) -> list[Entity | Relation]:
    """The world of all privacy tests, and so many experts with a paper on SECRET."""
    records = people()
    for at in range(number):
        records.append(Entity("publication", f"q{at}", {"title": SECRET, "abstract": SECRET}))
        records.append(Relation("authored", "expert", f"e{6 * at:03}", "publication", f"q{at}", {"position": 1}))
    return records


def _answer(state: State, viewer: Viewer = OUTSIDER, **about: Any) -> dict[str, Any]:
    return match(state, Question("need-expert", **({"explain": True} | about)), viewer).to_dict()


def _alias(state: State, question: Question, name: str) -> str:
    return state.mask.keys.alias(OUTSIDER, question.about, EntityKey("expert", name))


def test_a_part_that_fewer_than_k_cover_is_covered_by_nobody(state: State, tmp_path: Path) -> None:
    """Whoever asks with a known paper's title learns neither its author nor that the author is there."""
    text = f"功率芯片散热。{SECRET}"
    assert [part["ranks"] for part in _answer(state, BROKER, text=text)["parts"]][1] == [1]
    for answer in (_answer(state, text=text), _answer(state_of(tmp_path, _with_authors(4)), text=text)):
        common, alone = answer["parts"]
        assert common["covered"] and not alone["covered"]
        assert {"part": 1, "text": SECRET} in answer["missing"]
    assert _answer(state, text=SECRET)["verdict"] == "none"
    assert _answer(state, BROKER, text=SECRET)["verdict"] == "good"


def test_k_authors_may_be_told_of_but_not_which(tmp_path: Path) -> None:
    answer = _answer(state_of(tmp_path, _with_authors(6)), text=SECRET, limit=20)
    assert answer["parts"][0]["covered"]
    assert any(why["covers"] == [0] and why["terms"] for why in _why(answer).values())


def _why(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Band → what every card of it says for itself."""
    found: dict[str, dict[str, Any]] = {}
    for group in answer["groups"]:
        first, *others = [match["explanation"] for match in group["matches"]]
        assert all(other == first for other in others)
        assert set(first) == {"contributions", "terms", "covers", "summary"}
        found[group["band"]] = first
    return found


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("authors", [1, 4, 5, 8])
def test_no_card_says_anything_of_its_own(
    tmp_path: Path, authors: int, is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the card that shares most words with a known paper's title were its author's."""
    if is_large:  # so that filters look deeper
        monkeypatch.setattr(retrieve, "SMALL", 0)
        monkeypatch.setattr(pipeline, "DEPTH", 8)
    state = state_of(tmp_path, _with_authors(authors))
    labels = state.mask.visible("expert").labels("institution_region")
    for text in (SECRET, f"功率芯片散热。{SECRET}"):
        told = _why(_answer(state, text=text, limit=60))
        assert any(set(why["terms"]) & {"铂铑", "热电偶", "漂移", "补偿"} for why in told.values()) == (authors >= 5)
        for label in (*labels.vocabulary, "浙江省", "中国"):
            filtered = _why(_answer(state, text=text, limit=60, filters={"institution_region": label}))
            assert all(why in told.values() for why in filtered.values())
        for limit in (5, 10, 25):
            assert all(why in told.values() for why in _why(_answer(state, text=text, limit=limit)).values())


def test_leaving_candidates_out_tells_nothing_of_them(tmp_path: Path) -> None:
    """Else, of exactly k who cover a part, each would show by the part's being covered no more without it."""
    state = state_of(tmp_path, _with_authors(5))
    whole = _answer(state, text=SECRET, limit=5)
    assert whole["parts"][0]["covered"]
    for name in ("e000", "e006", "e012"):
        gone = frozenset({_alias(state, Question("need-expert", text=SECRET), name)})
        rest = _answer(state, text=SECRET, limit=5, exclude=gone)
        for key in ("verdict", "parts", "missing", "summary"):
            assert rest[key] == whole[key]


def test_filters_tell_nothing_of_who_covers_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two filters whose answers differ by one card would tell whether that card covers a part."""
    monkeypatch.setattr(retrieve, "SMALL", 0)
    monkeypatch.setattr(pipeline, "DEPTH", 8)
    state = state_of(tmp_path, _with_authors(8))
    whole = _answer(state, text=SECRET, limit=10)
    assert whole["parts"][0]["covered"]
    labels = state.mask.visible("expert").labels("institution_region")
    wanted = [*labels.vocabulary, "浙江省", "中国"]
    told = [_answer(state, text=SECRET, limit=10, filters={"institution_region": value}) for value in wanted]
    assert len({str(answer["groups"]) for answer in told}) > 1
    for answer in told:
        assert answer["parts"] == whole["parts"]
        assert not any("part" in one for one in answer["missing"])


def test_one_more_wanted_moves_no_verdict_but_by_whole_groups(state: State) -> None:
    told: dict[int, list[object]] = {}
    for limit in range(6, 16):
        answer = _answer(state, text="功率芯片散热。锂电池热失控", limit=limit)
        told.setdefault(-(-limit // 5), []).append([answer["verdict"], answer["parts"], answer["missing"]])
    for same in told.values():
        assert all(one == same[0] for one in same)


def test_parts_are_texts_that_a_card_shows_and_redacted(tmp_path: Path) -> None:
    records = people()
    text = "功率芯片散热。请联系 13912345678 或 a@example.org。"
    records.append(Entity("need", "mine", {"title": "散热测试", "text": text, "tags": ["只在标签里的词"]}))
    state = state_of(tmp_path, records)
    for viewer in (OUTSIDER, BROKER):
        parts = str(_answer(state, viewer, subject="mine")["parts"])
        assert "功率芯片散热" in parts
        assert not any(hidden in parts for hidden in ("13912345678", "example.org", "只在标签里的词"))


def test_no_word_of_a_hidden_text_of_the_one_who_asks_is_named(tmp_path: Path) -> None:
    """A scope of business feeds ranking and is shown to nobody: not even to a broker in the words of an explanation."""
    records = [
        Entity("enterprise", "asker", {"business_scope": SECRET, "tags": ["a"]}),
        *(Entity("patent", f"p{at}", {"title": f"{SECRET}之{at}"}) for at in range(8)),
    ]
    state = state_of(tmp_path, records)
    answer = match(state, Question("enterprise-patent", subject="asker", explain=True), BROKER).to_dict()
    found = [one["explanation"] for group in answer["groups"] for one in group["matches"]]
    assert len(found) == 8
    assert not any(why.get("terms") or why["covers"] for why in found)
    assert not any(word in repr([why["summary"] for why in found]) for word in ("热电偶", "漂移", "补偿"))
