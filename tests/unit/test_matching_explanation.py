"""What an answer says for itself: covered parts, why before the next, what is missing, a team, both languages."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.bootstrap import open_matcher
from api.settings import load
from graph import projection
from graph.errors import InputError
from graph.kinds import BUILTIN
from graph.records import Entity, Origin, Relation
from graph.store import open_store
from matching import pipeline
from matching.build import build
from matching.candidates.asked import NOTHING_SOUGHT, Asked
from matching.candidates.best import Best, best_documents
from matching.candidates.evidence import Evidence
from matching.explanation import reasons
from matching.explanation.coverage import LEAST_SHARE, NEAR, Coverage, coverage, team
from matching.explanation.reasons import exact_shares, net
from matching.explanation.wording import FAMILIES, TEXT_FAMILIES, Wording, of_answer, of_match, quoted
from matching.kinds import MatchKinds
from matching.masking import Role, Viewer
from matching.pipeline import PIPELINE, Run, match
from matching.question import Question
from matching.ranking.features import DEFAULT_WEIGHTS
from matching.state import State

BROKER = Viewer("b", Role.BROKER, everything=True)
PARTY = Viewer("p", Role.ENTERPRISE, everything=True)
SUBJECTS = (
    "激光焊接的气孔缺陷",
    "超声波清洗的换能器老化",
    "水稻抗倒伏育种",
    "thermal runaway of battery cells",
    "污水膜污堵",
)
TAGS = ("焊接", "清洗", "育种", "电池", "污水")
NEED = "激光焊接气孔缺陷检测\n超声波清洗换能器老化怎么判断。公司年产值三千万元。还要修复中世纪羊皮卷手抄本。"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    folder = tmp_path_factory.mktemp("world")
    records: list[Entity | Relation] = []
    for at in range(70):
        subject = SUBJECTS[at % len(SUBJECTS)]
        records.append(Entity("expert", f"e{at:02}", {"tags": [TAGS[at % 5]], "bio": f"长期从事{SUBJECTS[4]}研究"}))
        records.append(
            Entity("publication", f"p{at:02}", {"title": f"{subject}研究 {at}", "abstract": f"讨论{subject}。"})
        )
        records.append(Relation("authored", "expert", f"e{at:02}", "publication", f"p{at:02}", {}))
    records += [
        Entity("enterprise", "a", {"name": "某样本公司"}),
        Entity("need", "n", {"title": NEED.split("\n")[0], "text": NEED.split("\n")[1], "tags": ["焊接"]}),
        Entity("need", "odd", {"title": "昆曲水磨腔教学", "text": "还要会戏服绣制。"}),
        Relation("posted", "enterprise", "a", "need", "n", {}),
    ]
    with open_store(f"sqlite:///{folder / 'graph.db'}") as store:
        store.upsert(records, Origin("test", "2024"))
        projection.build(store, folder / "projection")
    return build(folder / "projection", folder / "matching", b"s" * 32, k=5, epoch="e")


def _ask(state: State, viewer: Viewer = BROKER, kind: str = "need-expert", **about: Any) -> dict[str, Any]:
    question = Question(kind, **({"explain": True, "limit": 20} | about))
    return match(state, question, viewer).to_dict()


def _matches(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [found for group in answer["groups"] for found in group["matches"]]


def test_a_broker_is_told_who_covers_what_and_what_nobody_does(state: State) -> None:
    answer = _ask(state, subject="n")
    title, second, boast, odd = answer["parts"]  # the line of tags is no part: no card shows it as text
    assert [part["asks"] for part in answer["parts"]] == [True, True, False, True]
    assert answer["verdict"] == "good"
    assert title["covered"] and second["covered"] and not boast["covered"] and not odd["covered"]
    assert answer["missing"] == [{"part": 3, "text": odd["text"]}]
    for found in _matches(answer):
        covers = {cover["part"]: cover for cover in found["explanation"]["covers"]}
        for at, part in enumerate(answer["parts"]):
            assert (found["rank"] in part["ranks"]) == (at in covers)
        for cover in covers.values():
            assert cover["through"] == "publication"
            assert cover["terms"] and all(term in answer["parts"][cover["part"]]["text"] for term in cover["terms"])
    odd_one = "“还要修复中世纪羊皮卷手抄本”"
    assert answer["summary"] == {
        "zh": f"找到合适的专家：3条要求中，有2条找到了相近的候选材料；{odd_one}没有找到。",
        "en": f"There are good matches: texts come close to 2 of 3 points, none to {odd_one}.",
    }


def test_leads_are_exact_and_so_is_what_would_change_the_order(state: State) -> None:
    matches = _matches(_ask(state, subject="n"))
    names = state.prepared("need-expert").features.names
    text = [name for name in names if name.partition("_")[0] in TEXT_FAMILIES]

    def shares(found: dict[str, Any]) -> dict[str, float]:
        return {part["feature"]: part["share"] for part in found["explanation"]["contributions"]}

    for one, after in pairwise(matches):
        over, mine, theirs = one["explanation"]["over_next"], shares(one), shares(after)
        assert over["lead"] == pytest.approx(one["explanation"]["score"] - after["explanation"]["score"])
        for name in (*set(names) - set(text), "text"):
            left_out = text if name == "text" else [name]
            kept = [other for other in names if other not in left_out]
            rest = sum(mine.get(other, 0) - theirs.get(other, 0) for other in kept)
            if abs(rest) > 1e-9:
                assert (name in over["without"]) == (rest < 0)


@pytest.mark.parametrize("viewer", [BROKER, PARTY])
@pytest.mark.parametrize("text", ["昆曲水磨腔教学。还要会戏服绣制", "asdkjh qwoeiru zxmcnv", "昆曲 5567 8890"])
def test_no_good_match_is_said(state: State, viewer: Viewer, text: str) -> None:
    answer = _ask(state, viewer, text=text)
    assert answer["verdict"] == "none"
    heads = (
        ("合适的专家不足5个", "There are fewer than 5 good")
        if viewer is PARTY
        else ("没有合适的专家", "There is no good")
    )
    assert answer["summary"]["zh"].startswith(heads[0]) and answer["summary"]["en"].startswith(heads[1])
    assert len(answer["missing"]) == sum(part["asks"] for part in answer["parts"])


@pytest.mark.parametrize("viewer", [BROKER, PARTY])
@pytest.mark.parametrize(
    "text", ["？？？", "5567 8890 1234", "你好", "需要找教授合作", "Looking for an expert, please"]
)
def test_what_asks_for_nothing_is_told_so(state: State, viewer: Viewer, text: str) -> None:
    answer = _ask(state, viewer, text=text)
    assert answer["verdict"] == "none" and answer["missing"] == []
    assert answer["summary"] == {
        "zh": "问题里没有可以比对的内容：请写明需要什么。",
        "en": "The question says nothing that can be compared: say what is wanted.",
    }


def test_a_posted_need_that_nobody_can_serve_has_no_good_match(state: State) -> None:
    assert _ask(state, subject="odd")["verdict"] == "none"
    assert _ask(state, kind="need-patent", subject="n")["verdict"] == "none"  # there are no patents at all


def test_a_filter_in_the_way_is_named(state: State) -> None:
    text = SUBJECTS[0]
    assert _ask(state, text=text, filters={"tags": "焊接"})["missing"] == []
    away = _ask(state, text=text, filters={"tags": "育种"})
    assert away["verdict"] == "none"
    assert away["missing"][-1] == {"filter": "tags", "value": "育种"}
    assert "去掉筛选条件tags=育种" in away["summary"]["zh"] and "Without the filter tags=育种" in away["summary"]["en"]
    toward_a_party = _ask(state, PARTY, text=text, filters={"tags": "育种"})
    assert toward_a_party["missing"][-1] == {"filter": "tags", "value": "育种"}


def test_parties_are_told_of_groups_only(state: State) -> None:
    answer = _ask(state, PARTY, text=SUBJECTS[0] + "。" + SUBJECTS[1])
    assert not any("ranks" in part for part in answer["parts"])
    for group in answer["groups"]:
        why = group["matches"][0]["explanation"]
        assert all(found["explanation"] == why for found in group["matches"])
        assert not {"over_next", "adds", "score"} & set(why)
    best = answer["groups"][0]["matches"][0]["explanation"]
    assert best["covers"] == [0, 1]
    assert best["summary"]["zh"].startswith(
        f"以下每条都有至少5个候选的材料与之相近：“{SUBJECTS[0]}”、“{SUBJECTS[1]}”。以下词语各见于至少5个候选的材料："
    )
    assert best["summary"]["en"].startswith(
        f"Texts of at least 5 of them come close to each of “{SUBJECTS[0]}” and “{SUBJECTS[1]}”."
    )


def test_a_verdict_does_not_depend_on_how_many_are_wanted(state: State) -> None:
    asked: list[dict[str, Any]] = [
        {"subject": "n"},
        {"subject": "n", "filters": {"tags": "焊接"}},
        {"text": f"{SUBJECTS[0]}。{SUBJECTS[2]}"},
    ]
    for viewer, about in product((BROKER, PARTY), asked):
        answers = [_ask(state, viewer, limit=limit, **about) for limit in (1, 5, 10, 20, 60)]
        for key in ("verdict", "basis", "parts", "missing", "summary"):
            assert all(answer[key] == answers[0][key] for answer in answers)


@pytest.mark.parametrize("viewer", [BROKER, PARTY])
def test_a_question_of_one_short_word_is_asked_as_it_is(state: State, viewer: Viewer) -> None:
    answer = _ask(state, viewer, text="焊接")
    assert [(part["text"], part["one_word"]) for part in answer["parts"]] == [("焊接", False)]
    assert answer["verdict"] == "good" and answer["missing"] == []
    assert answer["summary"]["zh"].startswith("找到合适的专家") and "一个共同用词" not in answer["summary"]["zh"]


@pytest.mark.parametrize("viewer", [BROKER, PARTY])
@pytest.mark.parametrize(
    ("apart", "together"),
    [
        ("焊接 水稻", "焊接 气孔"),
        ("水稻 runaway", "battery runaway"),
        ("焊接（welding）水稻", "焊接 welding"),
    ],
)
def test_one_word_of_several_makes_no_good_match(state: State, viewer: Viewer, apart: str, together: str) -> None:
    """Each word is carried by documents, but in the first question no document carries both."""
    for text, verdict in ((apart, "weak"), (together, "good")):
        answer = _ask(state, viewer, text=text)
        (part,) = answer["parts"]
        assert part["covered"] and part["one_word"] == (verdict == "weak") and answer["verdict"] == verdict
        told = (
            "一个共同用词" in answer["summary"]["zh"],
            "one word" in answer["summary"]["en"].replace("a single", "one"),
        )
        assert told == (verdict == "weak", verdict == "weak")


@pytest.mark.parametrize(("rank", "verdict"), [(1, "good"), (3, "good"), (4, "weak"), (20, "weak")])
def test_toward_who_sees_the_order_one_in_front_must_cover_something(
    state: State, monkeypatch: pytest.MonkeyPatch, rank: int, verdict: str
) -> None:
    def only(evidence: Evidence, asked: Asked, best: Best, n: int) -> Coverage:
        found = coverage(evidence, asked, best, n)
        found.share[np.arange(n) != rank - 1] = NEAR
        found.sound[np.arange(n) != rank - 1] = False
        return found

    monkeypatch.setattr(reasons, "coverage", only)
    assert _ask(state, text=SUBJECTS[0])["verdict"] == verdict
    assert _ask(state, PARTY, text=SUBJECTS[0])["verdict"] == "weak"  # one alone is not told of


def test_single_words_in_front_make_no_good_match(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    def thin(evidence: Evidence, asked: Asked, best: Best, n: int) -> Coverage:
        found = coverage(evidence, asked, best, n)
        found.sound[:6] = False
        return found

    monkeypatch.setattr(reasons, "coverage", thin)
    answer = _ask(state, text=SUBJECTS[0])
    assert answer["verdict"] == "weak" and answer["parts"][0]["ranks"][0] == 1
    assert "the first to share more is rank 7" in answer["summary"]["en"]
    assert "从第7位起才有更多" in answer["summary"]["zh"]


def test_a_question_to_a_kind_without_records_is_not_taken_for_empty(state: State) -> None:
    answer = _ask(state, kind="need-patent", text=SUBJECTS[0])
    assert answer["verdict"] == "none" and answer["groups"] == []
    assert answer["summary"]["en"].startswith("There is no good match")


def test_the_fewer_words_may_be_named_the_less_is_claimed() -> None:
    wordings = {
        language: Wording(MatchKinds.of(BUILTIN)["need-expert"], BUILTIN, language) for language in ("zh", "en")
    }

    def said(terms: list[str], quote: str = "焊接工艺的气孔缺陷") -> dict[str, str]:
        why = {"covers": [{"part": 0, "through": "publication", "terms": terms}]}
        return of_match(why, [quoted(quote)], [True], wordings)

    assert said(["焊接", "气孔"]) == {
        "zh": "与“焊接工艺的气孔缺陷”相近（论文，共同用词：焊接、气孔）。",
        "en": "Comes close to “焊接工艺的气孔缺陷” (publication; shared words: 焊接, 气孔).",
    }
    assert said(["工艺"]) == {
        "zh": "与“焊接工艺的气孔缺陷”都提到工艺（论文）。",
        "en": "Shares the word 工艺 with “焊接工艺的气孔缺陷” (publication).",
    }
    assert said([])["zh"] == "与“焊接工艺的气孔缺陷”有相同或同义的用词（论文）。"
    assert said(["工艺"], "工艺。") == {"zh": "提到“工艺”（论文）。", "en": "Says “工艺” (publication)."}


WORDINGS = {
    language: Wording(MatchKinds.of(BUILTIN)["need-instrument"], BUILTIN, language) for language in ("zh", "en")
}


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("我们想找做锂电池的老师，预算不多", "我们想找做锂电池的老师"),
        ("详情请致电［名称 name］或发邮件至［邮箱 e-mail］", ""),
        ("我们公司去年和浙大合作过，这次想找做锂电池隔膜的老师，预算不多", "这次想找做锂电池隔膜的老师"),
        ("We are a small company and look for battery separators", "look for battery separators"),
        ("我公司开发光伏组件，需对封装胶膜进行第三方检测", "我公司开发光伏组件 需对封装胶膜进行第三方检测"),
        ("We worked with a team on welding before, which was another matter", ""),
        ("之前做过微弧氧化方面的测试，与本次无关", ""),
        ("Changing the binder was tried and did not help", ""),
        ("Joint development with a university team is welcome", ""),
        ("公司年产值三千万元", ""),
        ("输出与温度无关的传感器", "输出与温度无关的传感器"),
        ("焊接之前的过程控制", "焊接之前的过程控制"),
        ("是否能在线测量膜厚", "是否能在线测量膜厚"),
    ],
)
def test_what_tells_of_the_asker_or_is_not_wanted_asks_for_nothing(part: str, wanted: str) -> None:
    asked = Asked(None, part)
    assert asked.wanted == [wanted] and asked.asks.tolist() == [bool(wanted)]


@pytest.mark.parametrize(
    "text",
    [
        f"我们公司去年和高校合作过，这次想找做{SUBJECTS[0]}的老师，预算不多",
        f"有没有懂{SUBJECTS[0]}的教授，请帮忙推荐一位",
        "We are a small company and look for somebody who can help us with thermal runaway of battery cells",
    ],
)
def test_words_of_any_question_hide_no_match(state: State, text: str) -> None:
    answer = _ask(state, text=text)
    assert answer["verdict"] == "good" and answer["parts"][0]["ranks"][0] == 1
    named = {term for cover in _matches(answer)[0]["explanation"]["covers"] for term in cover["terms"]}
    assert named and not named & {"想", "找", "做", "老师", "教授", "预算", "高校", "small", "company", "look", "help"}


def test_what_comes_near_is_told_with_the_words_it_shares(state: State) -> None:
    answer = _ask(state, text="超声波焊机的振幅标定与夹具设计")
    first = _matches(answer)[0]["explanation"]
    assert first["covers"] == [] and [part["terms"] for part in first["near"]] == [["超声波"]]
    assert "只有超声波等用词相同" in first["summary"]["zh"] and "Shares only 超声波 with" in first["summary"]["en"]
    assert "没有与要求相近" not in first["summary"]["zh"] and "None of the texts" not in first["summary"]["en"]


def test_a_verdict_says_so_where_the_first_cover_nothing() -> None:
    def said(ranks: list[int], basis: str = "text", least: int = 1) -> dict[str, str]:
        part = {"text": "气孔检测", "asks": True, "covered": bool(ranks), "one_word": False, "ranks": ranks}
        missing = [] if ranks else [{"part": 0, "text": "气孔检测"}]
        about = {"verdict": "good", "basis": basis, "parts": [part], "missing": missing}
        return {name: of_answer(about, least, False, None, wording) for name, wording in WORDINGS.items()}

    assert said([3])["en"] == "There are good matches."
    assert said([7])["en"].endswith("Of those in front none comes close: only rank 7 does.")
    assert said([7, 9])["zh"].endswith("排在前面的都没有相近材料，从第7位起才有。")
    assert said([], "record") == {
        "zh": "找到合适的仪器（仅凭资料字段和既往记录）；没有任何材料与要求相近。",
        "en": "There are good matches by fields and past outcomes only; no text comes close to what is asked.",
    }
    assert "to no point texts of 5 or more come close" in said([], "record", 5)["en"]
    assert "judged mainly by fields and past outcomes" in said([1], "record")["en"]


def test_what_takes_less_is_told_as_such_and_prices_as_one() -> None:
    names = ("words", "value_price_internal", "popularity", "value_price_external")
    told, shares = net(names, np.array([[1.0, 0.5, 0.2, -0.4], [1.0, 0.1, 0.2, -0.2]]))
    assert told == ("words", "popularity", "value_price_external+value_price_internal")
    assert shares.tolist() == [[1.0, 0.2, pytest.approx(0.1)], [1.0, 0.2, pytest.approx(-0.1)]]
    assert net(("words", "value_year"), shares[:, :2])[0] == ("words", "value_year")
    price = {"feature": told[2], "share": 0.2}

    def said(ahead: list[dict[str, Any]], behind: list[dict[str, Any]]) -> dict[str, str]:
        over = {"lead": 0.1, "level": False, "ahead": ahead, "behind": behind, "without": []}
        return of_match({"covers": [], "over_next": over}, [], [], WORDINGS)

    loses = {"feature": "popularity", "share": 0.1, "loses": True}
    assert said([price, loses], []) == {
        "zh": "排在下一位之前，主要胜在自身条件（校外收费标准、校内收费标准），在以往入选次数上失分更少。",
        "en": "Ahead of the next mainly for what is known of them (external price per hour, internal price per hour) "
        "and because it loses less by past selections.",
    }
    assert said([price], [loses])["en"].endswith("; the next loses less by past selections.")
    assert said([price], [loses])["zh"].endswith("；下一位在以往入选次数上失分更少。")


def test_a_few_weak_ones_at_the_end_spoil_no_verdict(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Toward the blind they join the group before them; that its first k are strong stays so."""
    scores = [found["explanation"]["score"] for found in _matches(_ask(state, text=SUBJECTS[0], limit=60))]
    cut = sorted(scores)[2]
    monkeypatch.setattr(pipeline, "bands_of", lambda score, bounds: np.where(score >= cut, 0, 3))
    assert len(scores) > 20 and _ask(state, PARTY, text=SUBJECTS[0])["verdict"] == "good"


def test_a_profile_asks_for_nothing(state: State) -> None:
    answer = _ask(state, kind="expert-need", subject="e00")
    assert answer["parts"] and not any(part["asks"] for part in answer["parts"])
    assert answer["missing"] == [] and "没有与要求相近" not in str(answer)


def test_a_team_covers_the_parts_with_few(state: State) -> None:
    text = "。".join(SUBJECTS[:4])
    chosen = _ask(state, text=text, limit=10, cover=True)
    members = _matches(chosen)
    assert [found["rank"] for found in members] == list(range(1, len(members) + 1))
    assert all(part["covered"] for part in chosen["parts"])
    assert len(members) == 4 and chosen["next"] is None
    added = [part for found in members for part in found["explanation"]["adds"]]
    assert sorted(added) == [0, 1, 2, 3]
    assert chosen == _ask(state, text=text, limit=10, cover=True)
    assert len(_matches(_ask(state, text=text, limit=2, cover=True))) == 2


def test_a_team_of_a_need_that_nobody_covers_is_the_order(state: State) -> None:
    answer = _ask(state, text="昆曲水磨腔教学", limit=3, cover=True)
    assert [found["explanation"]["adds"] for found in _matches(answer)] == [[], [], []]


def test_a_team_is_for_viewers_of_the_order(state: State) -> None:
    with pytest.raises(InputError, match="only brokers with a mandate and operators") as caught:
        _ask(state, PARTY, text="x", cover=True)
    assert caught.value.field == "cover"
    with pytest.raises(InputError, match="no further page"):
        _ask(state, text="x", cover=True, cursor="c")


def _found(share: list[list[float]]) -> Coverage:
    values = np.array(share)
    parts = tuple("abcdef"[: values.shape[1]])
    sought = NOTHING_SOUGHT._replace(parts=parts, asks=np.ones(len(parts), bool))
    return Coverage(sought, values, values.astype(np.int64), np.zeros((0, 0), bool), values >= LEAST_SHARE)


def test_greedy_cover_reaches_its_bound_and_takes_the_better_of_equals() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        share = rng.random((8, 5)) * (rng.random((8, 5)) < 0.4)
        found, scores = _found(share.tolist()), np.sort(rng.random(8))[::-1]
        members = team(found, scores, 8)
        covered = {part for at, _ in members for part in np.flatnonzero(found.covered[at])}
        assert covered == set(np.flatnonzero(found.covered.any(axis=0)))
        assert len({at for at, _ in members}) == len(members) and all(adds for _, adds in members)
    alike = _found([[LEAST_SHARE, 0.0], [LEAST_SHARE, 0.0], [0.0, LEAST_SHARE]])
    assert team(alike, np.array([2.0, 1.0, 0.0]), 3) == [(0, [0]), (2, [1])]


def test_shares_come_largest_first_then_by_name_and_none_that_is_zero() -> None:
    told = exact_shares(("d", "c", "b", "a"), np.array([[-1.0, 2.0, 1.0, 0.0], [0.0, -0.0, 0.0, 3.0]]))
    assert [[(one["feature"], one["share"]) for one in pair] for pair in told] == [
        [("c", 2.0), ("b", 1.0), ("d", -1.0)],
        [("a", 3.0)],
    ]


def test_every_feature_of_every_kind_has_words_in_both_languages() -> None:
    assert set(FAMILIES) >= set(DEFAULT_WEIGHTS)
    for kind in MatchKinds.of(BUILTIN).values():
        zh, en = (Wording(kind, BUILTIN, language) for language in ("zh", "en"))
        for name in (*(f"compare_{c.name}" for c in kind.comparisons(BUILTIN)), "profile_tags", "value_year", "text"):
            assert "_" not in en.features((name,)) and "{" not in en.features((name,))
            assert any(sign > "\u3400" for sign in zh.features((name,)))


def test_a_part_of_a_document_counts_and_a_part_of_another_need_does_not(office: Path) -> None:
    """On the sample world: sentences of a paper; then titles of needs, in the answers to other needs."""
    state = open_matcher(load(home=office)).state
    prepared, table = state.prepared("need-expert"), state.projection.table("need")
    papers = [text for text in state.mask.texts("publication")["abstract"] if text][:40]
    sentences = [max(text.replace(". ", "。").split("。"), key=len) for text in papers]
    own = [_ask(state, text=sentence)["parts"][0]["covered"] for sentence in sentences]
    assert np.mean(own) >= 0.95
    foreign, verdicts = [], []
    for at in range(0, table.n, table.n // 60):
        run = Run(state, prepared, Question("need-expert", table.ids[at]), BROKER, prepared.evidence.asked(at), 0)
        for stage in PIPELINE[:3]:
            stage(run)
        assert run.read is not None
        best = best_documents(prepared.evidence, run.read.lexical, run.rows[:20])
        title = state.mask.texts("need")["title"][(at + table.n // 2) % table.n]
        other = coverage(prepared.evidence, prepared.evidence.asked_text(title), best, len(run.rows[:20]))
        foreign.append(bool(other.covered.any()))
        verdicts.append(_ask(state, subject=table.ids[at])["verdict"])
    assert np.mean(foreign) <= 0.3
    assert verdicts.count("none") <= 0.05 * len(verdicts)
