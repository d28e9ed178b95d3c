"""The pipeline: its order, its constraints, and a match kind that the code has never seen."""

from __future__ import annotations

import ast
import gc
import weakref
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from graph import projection
from graph.errors import DeclarationError, InputError, ProjectionError, UnknownNameError
from graph.kinds import BUILTIN
from graph.records import Entity, EntityKey, Origin, Relation
from graph.store import open_store
from matching import pipeline
from matching.build import build
from matching.kinds import MatchKinds
from matching.masking import Role, Viewer
from matching.matcher import Matcher
from matching.pipeline import match
from matching.question import Question
from matching.ranking.model import Model, StaleModelError
from matching.state import State
from matching.training.train import learned

ROOT = Path(__file__).parents[2]
BROKER = Viewer("b", Role.BROKER, everything=True)
OPERATOR = Viewer("o", Role.OPERATOR)


def _state(folder: Path, records: list[Entity | Relation], kinds: dict[str, Any] | None = None) -> State:
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        if kinds:
            store.adopt(kinds)
        store.upsert(records, Origin("test", "2024"))
        projection.build(store, folder / "projection")
    return build(folder / "projection", folder / "matching", b"s" * 32, k=2, epoch="e")


def _world() -> list[Entity | Relation]:
    records: list[Entity | Relation] = [
        Entity("enterprise", "asker", {"name": "某样本公司", "tags": ["a"]}),
        Entity("enterprise", "supplier", {}),
        Entity("need", "n", {"title": "激光焊接缺陷检测"}),
        Relation("posted", "enterprise", "asker", "need", "n", {}),
        Relation("supplies", "enterprise", "supplier", "enterprise", "asker", {}),
    ]
    for name in ("free", "employee", "holder", "supplier_s", "partner", "far"):
        text = "作物育种" if name == "far" else "激光焊接缺陷检测"
        records.append(Entity("expert", name, {"bio": text}))
    records += [
        Relation("employed_by", "expert", "employee", "enterprise", "asker", {}),
        Relation("holds", "expert", "holder", "enterprise", "asker", {}),
        Relation("employed_by", "expert", "supplier_s", "enterprise", "supplier", {}),
        Relation("collaborated", "expert", "partner", "enterprise", "asker", {}),
    ]
    return records


def _names(state: State, question: Question, viewer: Viewer = BROKER) -> list[str]:
    """Ids of an answer's matches, in order, found by their aliases."""
    kind = state.kinds[question.kind].candidate
    table = state.projection.table(kind)
    by_alias = {state.mask.keys.alias(viewer, question.about, EntityKey(kind, name)): name for name in table.ids}
    answer = match(state, question, viewer)
    return [by_alias[found.alias] for _, matches in answer.groups for found in matches]


def test_masking_is_the_last_stage_and_makes_the_answer() -> None:
    assert [stage.__name__ for stage in pipeline.PIPELINE] == ["retrieve", "score", "constrain", "mask"]
    tree = ast.parse((ROOT / "matching" / "pipeline.py").read_text(encoding="utf-8"))
    makers = {
        function.name
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Answer"
    }
    assert makers == {"mask"}


def test_outside_masking_nothing_in_matching_reads_raw_records() -> None:
    raw = {"values", "labels", "numbers"}
    for path in sorted((ROOT / "matching").rglob("*.py")):
        if "masking" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in raw):
                continue
            owner = node.func.value
            called = owner.func.attr if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Attribute) else ""
            if called == "table" or (isinstance(owner, ast.Name) and owner.id in {"table", "subject_table"}):
                # folds of an evaluation may be named by any field: nothing of them reaches a score or a card
                assert (path.parent.name, node.func.attr) == ("evaluation", "values"), path


def test_conflicts_and_past_partners_are_left_out(tmp_path: Path) -> None:
    state = _state(tmp_path, _world())
    assert _names(state, Question("need-expert", subject="n")) == ["free", "far"]


def test_a_free_text_has_no_conflicts(tmp_path: Path) -> None:
    state = _state(tmp_path, _world())
    names = _names(state, Question("need-expert", text="激光焊接缺陷检测"))
    assert len(names) == 6
    assert names[-1] == "far"


def test_filters_act_on_what_is_visible(tmp_path: Path) -> None:
    titles = ["讲师", "教授"]
    records: list[Entity | Relation] = [
        Entity("expert", f"e{n}", {"title": titles[n % 2], "bio": "焊接"}) for n in range(10)
    ]
    state = _state(tmp_path, records)
    found = match(state, Question("need-expert", text="焊接", filters={"title": "教授"}), BROKER).to_dict()
    shown = {m["card"]["fields"]["title"] for group in found["groups"] for m in group["matches"]}
    assert shown == {"教授"}
    with pytest.raises(UnknownNameError, match=r"valid: .*title"):
        match(state, Question("need-expert", text="焊接", filters={"name": "x"}), BROKER)


def _shown_with(state: State, kind: str, **filters: str) -> set[str]:
    """What cards show in the one filtered field."""
    (field,) = filters
    found = match(state, Question(kind, text="焊接", limit=50, filters=filters), BROKER).to_dict()
    shown = [m["card"]["fields"][field] for group in found["groups"] for m in group["matches"]]
    return {value for one in shown for value in (one if isinstance(one, list) else [one])}


def _placed() -> list[Entity | Relation]:
    """Firms and patents, each code three times: of a district, cities, provinces, a country; of industries and IPC."""
    firms = {"330106": "C3912", "330200": "C39", "330000": "C", "320500": "I65", "CN": "A01", "DE": "A"}
    records: list[Entity | Relation] = [
        Entity("enterprise", f"f{region}{n}", {"regions": [region], "industry": industry, "business_scope": "焊接"})
        for region, industry in firms.items()
        for n in range(3)
    ]
    for n, symbol in enumerate(("H01L21/56", "H01L21/566", "H01M10/04", "B23K26/21")):
        records.append(Entity("patent", f"t{n}", {"title": "焊接", "ipc": [symbol]}))
    for n, title in enumerate(("教授", "研究员", "副教授", "讲师") * 2):
        records.append(Entity("expert", f"e{n}", {"title": title, "bio": "焊接"}))
    return records


def test_a_filter_takes_in_what_lies_within_the_value(tmp_path: Path) -> None:
    """Never what is broader: a card of the province does not say that its firm is in the city."""
    state = _state(tmp_path, _placed())
    zhejiang = {"330106", "330200", "330000"}
    for value in ("330000", "浙江省", "浙江", "Zhejiang", "33"):
        assert _shown_with(state, "fund-enterprise", regions=value) == zhejiang
    assert _shown_with(state, "fund-enterprise", regions="杭州") == {"330106"}
    assert _shown_with(state, "fund-enterprise", regions="330106") == {"330106"}
    assert _shown_with(state, "fund-enterprise", regions="中国") == {*zhejiang, "320500", "CN"}
    for value in ("C", "制造业", "manufacturing"):
        assert _shown_with(state, "fund-enterprise", industry=value) == {"C", "C39", "C3912"}
    assert _shown_with(state, "fund-enterprise", industry="39") == {"C39", "C3912"}
    assert _shown_with(state, "need-patent", ipc="h01l 21/56") == {"H01L21/56"}
    assert _shown_with(state, "need-patent", ipc="H01L") == {"H01L21/56", "H01L21/566"}
    assert _shown_with(state, "need-patent", ipc="H") == {"H01L21/56", "H01L21/566", "H01M10/04"}
    assert _shown_with(state, "need-expert", title="正高 senior") == {"教授", "研究员"}
    assert _shown_with(state, "need-expert", title="高级 senior or associate") == {"教授", "研究员", "副教授"}
    assert _shown_with(state, "need-expert", title="讲师") == {"讲师"}


@pytest.mark.parametrize(
    ("kind", "filters", "listed"),
    [
        ("fund-enterprise", {"regions": "440000"}, "such as CN, DE, 320000, 330000, 320500, 330100, 330200, 330106"),
        ("fund-enterprise", {"regions": "鼓楼区"}, "no card shows '鼓楼区' as regions; valid values are such as CN"),
        ("fund-enterprise", {"industry": "D"}, "such as A, C, I, A01, C39, I65, C391, C3912"),
        ("need-patent", {"ipc": "G06"}, "such as B, H, B23, H01, B23K, H01L, H01M"),
        ("need-expert", {"title": "院士"}, "such as 其他 other, 高级 senior or associate"),
        ("fund-enterprise", {"stage": "x"}, "valid values are such as none"),
    ],
)
def test_an_unknown_filter_value_lists_those_under_which_cards_lie(
    tmp_path: Path, kind: str, filters: dict[str, str], listed: str
) -> None:
    state = _state(tmp_path, _placed())
    with pytest.raises(InputError, match="no card shows") as raised:
        match(state, Question(kind, text="焊接", filters=filters), BROKER)
    assert listed in str(raised.value) and raised.value.field == "filters"


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (Question("need-expert"), "either"),
        (Question("need-expert", subject="n", text="x"), "either"),
        (Question("need-expert", text="  "), "empty"),
        (Question("need-expert", text="x" * 20_001), "at most 20000"),
        (Question("need-expert", text="x", limit=0), "1 to 100"),
        (Question("need-wizard", text="x"), "valid: .*need-expert"),
    ],
)
def test_a_bad_question_is_told_why(tmp_path: Path, question: Question, reason: str) -> None:
    state = _state(tmp_path, [Entity("expert", "e", {})])
    with pytest.raises((InputError, UnknownNameError), match=reason):
        match(state, question, BROKER)


def test_documents_that_speak_for_nobody_are_not_compared(tmp_path: Path) -> None:
    spoken = [Entity("publication", f"p{at}", {"title": f"激光焊接缺陷检测 {at}"}) for at in (0, 2, 4)]
    authored = [Relation("authored", "expert", "free", "publication", paper.id, {}) for paper in spoken]
    silent = [Entity("publication", f"p{at}", {"title": "激光焊接缺陷检测"}) for at in (1, 3)]
    state = _state(tmp_path, [*_world(), *spoken, *authored, *silent])
    evidence = state.prepared("need-expert").evidence
    own, papers = evidence.documents
    assert own.compared == slice(None) and papers.vectors is not None
    assert isinstance(papers.compared, np.ndarray) and papers.compared.tolist() == [0, 2, 4]
    read = evidence.read(evidence.asked_text("激光焊接缺陷"))
    scores = read.documents[1]
    assert scores.meaning is not None and len(scores.meaning) == 3
    near = np.maximum(papers.semantic @ scores.query.vector, 0)
    np.testing.assert_allclose(scores.meaning, near[papers.compared], atol=1e-6)
    np.testing.assert_array_equal(np.concatenate(evidence.parts_of(read.lexical)), read.lexical)
    np.testing.assert_array_equal(evidence.parts_of(read.lexical)[1], scores.lexical)


def test_what_the_title_says_is_compared_by_itself(tmp_path: Path) -> None:
    need = Entity("need", "long", {"title": "激光焊接", "text": "现有产线的电池散热；电池散热要改进"})
    patents = [
        Entity("patent", f"p{at}", {"title": title}) for at, title in enumerate(("激光焊接", "电池散热", "育种"))
    ]
    prepared = _state(tmp_path, [need, *patents]).prepared("need-patent")
    evidence, at = prepared.evidence, prepared.features.names.index("title")
    asked = evidence.asked(evidence.projection.table("need").find("long"))
    rows = np.array([evidence.projection.table("patent").find(patent.id) for patent in patents])
    said = prepared.features.of(asked, evidence.read(asked), rows)[:, at]
    np.testing.assert_allclose(said, [1, 0, 0], atol=1e-6)
    spoken = evidence.asked_text("激光焊接\n电池散热")  # the first line of a free text is its title
    np.testing.assert_allclose(prepared.features.of(spoken, evidence.read(spoken), rows)[:, at], said, atol=1e-6)


def test_entities_with_nothing_but_an_id_are_answered(tmp_path: Path) -> None:
    kinds = {"need": 3, "expert": 4, "patent": 3, "instrument": 3, "publication": 3, "enterprise": 3, "fund": 3}
    records = [Entity(kind, f"{kind}{n}", {}) for kind, count in kinds.items() for n in range(count)]
    state = _state(tmp_path, records)  # type: ignore[arg-type]
    for name, kind in state.kinds.items():
        asked = Question(name, subject=f"{kind.subject}0", explain=True)
        assert _names(state, asked)
        assert learned(state.prepared(name)).about["outcomes"] == 0


UNSEEN: dict[str, Any] = {
    "hierarchies": [{"name": "skill_tree", "form": "tree", "tree": {"welding": ["joining"], "gluing": ["joining"]}}],
    "entities": [
        {
            "name": "challenge",
            "labels": {"en": "challenge", "zh": "榜单"},
            "fields": [
                {"name": "text", "type": "text", "access": "redacted", "labels": {"en": "text", "zh": "内容"}},
                {"name": "skill", "type": "string", "many": True, "access": "generalised", "hierarchy": "skill_tree",
                 "labels": {"en": "skill", "zh": "技能"}},
            ],
        },
        {
            "name": "team",
            "labels": {"en": "team", "zh": "团队"},
            "fields": [
                {"name": "skill", "type": "string", "many": True, "access": "generalised", "hierarchy": "skill_tree",
                 "labels": {"en": "skill", "zh": "技能"}},
                {"name": "story", "type": "text", "access": "matched", "labels": {"en": "story", "zh": "经历"}},
                {"name": "leader", "type": "string", "access": "revealed", "labels": {"en": "leader", "zh": "负责人"}},
            ],
        },
    ],
    "relations": [
        {"name": "won", "labels": {"en": "won", "zh": "揭榜"}, "sources": ["team"], "targets": ["challenge"]}
    ],
    "matches": [
        {"name": "challenge-team", "subject": "challenge", "candidate": "team", "outcome": "<won",
         "labels": {"en": "teams for a challenge", "zh": "为榜单找团队"}}
    ],
}  # fmt: skip


def test_a_kind_that_nobody_knew_is_ranked_and_masked(tmp_path: Path) -> None:
    records: list[Entity | Relation] = [Entity("challenge", "c", {"text": "weld thin sheets", "skill": ["welding"]})]
    for n in range(8):
        skill = ["welding"] if n < 4 else ["gluing"]
        story = f"王样{n} welds thin sheets" if n < 4 else f"王样{n} bakes bread"
        records.append(Entity("team", f"t{n}", {"skill": skill, "story": story, "leader": f"王样{n}"}))
    records.append(Relation("won", "team", "t0", "challenge", "c", {}))
    state = _state(tmp_path, records, UNSEEN)
    assert set(state.prepared("challenge-team").features.names) >= {"words", "compare_skill", "popularity"}
    asked = Question("challenge-team", subject="c", limit=8, explain=True)
    assert set(_names(state, asked)[:3]) == {"t1", "t2", "t3"}
    body = str(match(state, asked, OPERATOR).to_dict())
    assert "王样" not in body
    assert "bread" not in body
    assert "welding" in body


def test_a_match_kind_that_reads_what_is_hidden_cannot_be_declared() -> None:
    hidden = {
        "matches": [
            {"name": "expert-expert", "subject": "expert", "candidate": "expert", "labels": {"en": "x", "zh": "x"},
             "compare": [{"name": "names", "subject": "name", "candidate": "name"}]}
        ]
    }  # fmt: skip
    with pytest.raises(DeclarationError, match="not visible"):
        MatchKinds.of(BUILTIN.extended(hidden))


def test_a_running_matcher_takes_up_a_new_model_and_nothing_else(tmp_path: Path) -> None:
    _state(tmp_path, _world())
    matcher = Matcher.open(tmp_path / "matching", tmp_path / "projection", b"s" * 32)
    assert not matcher.refresh()
    before = {name: matcher.state.prepared(name) for name in matcher.state.kinds}
    prior = before["need-expert"].model
    Model(prior.ranker, (3.0, 2.0, 1.0)).save(tmp_path / "matching" / "models" / "need-expert.json")
    assert matcher.refresh()
    after = {name: matcher.state.prepared(name) for name in matcher.state.kinds}
    assert [name for name in after if after[name] is not before[name]] == ["need-expert"]
    assert after["need-expert"].model.bounds == (3.0, 2.0, 1.0)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 1}'])
def test_a_damaged_model_is_refused_and_the_prior_ranks(tmp_path: Path, damage: bytes) -> None:
    state = _state(tmp_path, _world())
    path = tmp_path / "matching" / "models" / "need-expert.json"
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(StaleModelError, match=r"need-expert\.json"):
        Model.open(path, state.prepared("need-expert").features)
    matcher = Matcher.open(tmp_path / "matching", tmp_path / "projection", b"s" * 32)
    assert matcher.match(Question("need-expert", subject="n"), BROKER).groups


def test_subjects_of_two_kinds_with_one_id_have_different_aliases(tmp_path: Path) -> None:
    patents = [Entity("patent", f"p{at}", {"title": "激光焊接缺陷检测"}) for at in range(3)]
    state = _state(tmp_path, [Entity("need", "17", {}), Entity("enterprise", "17", {}), *patents])
    shown = [
        {found.alias for _, matches in match(state, Question(kind, subject="17"), BROKER).groups for found in matches}
        for kind in ("need-patent", "enterprise-patent")
    ]
    assert len(shown[0]) == len(shown[1]) == 3
    assert not shown[0] & shown[1]


def test_a_value_that_no_card_shows_is_told(tmp_path: Path) -> None:
    state = _state(tmp_path, _world())
    with pytest.raises(InputError, match="no card shows 'professor' as title; valid values are such as"):
        match(state, Question("need-expert", subject="n", filters={"title": "professor"}), BROKER)


def test_pages_neither_repeat_nor_skip(tmp_path: Path) -> None:
    texts = ("激光焊接", "缺陷检测", "激光焊接缺陷检测", "焊接机器人")
    experts = [Entity("expert", f"x{at:04}", {"bio": f"{texts[at % 4]} {at % 7}"}) for at in range(900)]
    state = _state(tmp_path, [*_world(), *experts])
    seen: list[str] = []
    cursor: str | None = None
    while True:
        answer = match(state, Question("need-expert", subject="n", limit=50, cursor=cursor), BROKER)
        seen += [found.alias for _, matches in answer.groups for found in matches]
        if (cursor := answer.next) is None:
            break
    whole = match(state, Question("need-expert", subject="n", limit=100), BROKER)
    assert len(seen) == len(set(seen)) >= 100
    assert seen[:100] == [found.alias for _, matches in whole.groups for found in matches]


@pytest.mark.parametrize("part", ["index/expert-*", "mask/expert-*", "mask/names-*"])
def test_a_damaged_file_is_told_and_the_next_build_mends_it(tmp_path: Path, part: str) -> None:
    sound = _names(_state(tmp_path, _world()), Question("need-expert", subject="n"))
    (path,) = (tmp_path / "matching").glob(part)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(ProjectionError, match="checksum differs"):
        Matcher.open(tmp_path / "matching", tmp_path / "projection", b"s" * 32)
    assert _names(_state(tmp_path, _world()), Question("need-expert", subject="n")) == sound
    Matcher.open(tmp_path / "matching", tmp_path / "projection", b"s" * 32)


@pytest.mark.parametrize("key", ["format", "projection", "fingerprint", "mask", "mask.parts", "indexes", "vectors"])
@pytest.mark.parametrize("value", [None, 5, "x", [1, 2], {"a": None}])
def test_a_manifest_of_wrong_types_is_told_and_the_next_build_mends_it(tmp_path: Path, key: str, value: object) -> None:
    _state(tmp_path, _world())
    path = tmp_path / "matching" / "current.json"
    manifest = orjson.loads(path.read_bytes())
    *outer, last = key.split(".")
    (manifest[outer[0]] if outer else manifest)[last] = value
    path.write_bytes(orjson.dumps(manifest))
    with pytest.raises(ProjectionError, match="run `qianxian build`"):
        Matcher.open(tmp_path / "matching", tmp_path / "projection", b"s" * 32)
    _state(tmp_path, _world())
    Matcher.open(tmp_path / "matching", tmp_path / "projection", b"s" * 32)


def test_answers_come_from_the_projection_that_they_were_built_for(tmp_path: Path) -> None:
    state = _state(tmp_path, _world())
    with open_store(f"sqlite:///{tmp_path / 'graph.db'}") as store:
        store.upsert([Entity("expert", "late", {"bio": "激光焊接缺陷检测"})], Origin("test", "2024"))
        projection.build(store, tmp_path / "projection")  # and then the process was killed
    matcher = Matcher.open(tmp_path / "matching", tmp_path / "projection", b"s" * 32)
    assert matcher.state.projection.revision == state.projection.revision
    assert "late" not in _names(matcher.state, Question("need-expert", subject="n"))


def test_what_was_built_before_goes_with_the_last_who_holds_it(tmp_path: Path) -> None:
    """A service under writes is rebuilt every second: nothing of a state may wait for the collector."""
    state = _state(tmp_path, _world())
    assert _names(state, Question("need-expert", subject="n"))
    held = [weakref.ref(part) for part in (state.prepared("need-expert").evidence, state.mask, state.projection)]
    gc.disable()
    try:
        del state
        assert [ref() for ref in held] == [None] * len(held)
    finally:
        gc.enable()


def test_the_order_of_equals_is_taken_over_where_nobody_came_or_went(tmp_path: Path) -> None:
    before = _state(tmp_path, _world())
    before.warm()
    after = _state(tmp_path, [Entity("need", "late", {"title": "激光焊接"})])
    after.warm(before)
    assert after.tie_break("expert") is before.tie_break("expert")
    assert len(after.tie_break("need")) == len(before.tie_break("need")) + 1


def test_kinds_that_are_asked_for_are_ready_before_the_switch_and_the_others_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _state(tmp_path, _world())
    matcher = Matcher.open(tmp_path / "matching", tmp_path / "projection", b"s" * 32)
    matcher.match(Question("need-expert", subject="n"), BROKER)
    _state(tmp_path, [Entity("need", "late", {"title": "激光焊接"})])
    old, warm, ready = matcher.state, State.warm, []

    def warmed(state: State, previous: State | None = None, *, only: Collection[str] | None = None) -> None:
        warm(state, previous, only=only)
        ready.append((matcher.state is old, set(state._prepared)))

    monkeypatch.setattr(State, "warm", warmed)
    assert matcher.refresh()
    assert ready == [(True, {"need-expert"}), (False, set(matcher.state.kinds))]
    assert matcher.state.asked == {"need-expert"}


@pytest.mark.parametrize("text", ["", "a b", "!!", "激光焊接"])
@pytest.mark.parametrize("asked", ["激光焊接缺陷检测。第二句话是什么", "xy", "?", "。。。"])
def test_any_text_is_asked_of_any_texts(tmp_path: Path, text: str, asked: str) -> None:
    state = _state(tmp_path, [Entity("patent", f"p{at}", {"title": text}) for at in range(3)])
    answer = match(state, Question("need-patent", text=asked, explain=True), BROKER)
    assert sum(len(matches) for _, matches in answer.groups) == 3
