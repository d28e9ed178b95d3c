"""The lexical index against scikit-learn's TF-IDF, and the character view against a plain count."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from matching.candidates import analysis
from matching.candidates.analysis import VIEWS, char_terms, numbered, places_of, word_terms, words_of
from matching.candidates.asked import Asked
from matching.candidates.lexical import LexicalIndex
from matching.candidates.semantic import SemanticIndex, scripts, shared, unit
from matching.candidates.texts import TextIndex, analyse

TEXTS = [
    "功率芯片散热 thermal management of power chips",
    "锂离子电池热失控预警",
    "Thermal runaway of lithium batteries",
    "",
    "锂电池 散热 结构 设计",
]


def test_cosines_are_those_of_scikit_learn() -> None:
    oracle = TfidfVectorizer(analyzer=words_of_stemmed, sublinear_tf=True)
    matrix = oracle.fit_transform(TEXTS)
    index = LexicalIndex.build(word_terms(TEXTS))
    question = "电池 散热 thermal chips"
    expected = (matrix @ oracle.transform([question]).T).toarray().ravel()
    known = oracle.transform([question])
    scores = index.scores(index.query(word_terms([question])))
    assert known.nnz
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def words_of_stemmed(text: str) -> list[str]:
    """Words as the index counts them."""
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    return [stemmer.stemWord(word) if word.isascii() else word for word in words_of(text)]


def test_a_term_that_no_document_has_only_lengthens_the_query() -> None:
    index = LexicalIndex.build(word_terms(TEXTS))
    plain = index.scores(index.query(word_terms(["散热"])))
    longer = index.scores(index.query(word_terms(["散热 无人驾驶"])))
    assert plain.argmax() == longer.argmax()
    assert 0 < longer.max() < plain.max()


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_query_and_an_empty_index_score_nothing(view: str) -> None:
    analyse = VIEWS[view]
    assert not LexicalIndex.build(analyse(TEXTS)).scores(LexicalIndex.build(analyse(TEXTS)).query(analyse([""]))).any()
    empty = LexicalIndex.build(analyse([]))
    assert empty.scores(empty.query(analyse(["散热"]))).shape == (0,)
    blank = LexicalIndex.build(analyse(["", ""]))
    assert blank.scores(blank.query(analyse(["散热"]))).tolist() == [0, 0]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("功率芯abcde 1,。x", max_size=20), max_size=6))
def test_character_terms_are_counted_per_text(texts: list[str]) -> None:
    terms = char_terms(texts)
    assert len(terms.indptr) == len(texts) + 1
    for at, text in enumerate(texts):
        counted: Counter[str] = Counter()
        for start, char in enumerate(text):
            if "\u3400" <= char <= "\u9fff":
                counted[char] += 1
                if text[start + 1 : start + 2] and "\u3400" <= text[start + 1] <= "\u9fff":
                    counted[text[start : start + 2]] += 1
            piece = text[start : start + 4]
            if len(piece) == 4 and piece.isascii() and piece.isalnum():
                counted[piece] += 1
        span = slice(terms.indptr[at], terms.indptr[at + 1])
        assert sorted(terms.counts[span].tolist()) == sorted(counted.values())


def test_words_with_a_digit_are_words_and_quantities_are_not() -> None:
    assert words_of("5G基站、3D打印 2D materials") == ("5g", "基站", "3d", "打印", "2d", "materials")
    assert words_of("13D 3.5G 3DPrint CO2") == ("13", "3.5", "dprint", "co2")
    assert words_of("加入5g反应3d") == ("加入", "反应")
    assert Asked(None, "5G").asks.tolist() == [True]


@given(st.sets(st.integers(0, 2**64 - 1)), st.lists(st.integers(0, 2**64 - 1)))
def test_codes_are_found_in_a_vocabulary(known: set[int], new: list[int]) -> None:
    codes = np.array([*known, *new], np.uint64)
    vocabulary = np.array(sorted(known), np.uint64)
    place, there = places_of(vocabulary, codes)
    assert there.tolist() == [code in known for code in codes.tolist()]
    assert vocabulary[place[there]].tolist() == codes[there].tolist()


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9)), st.integers(1, 8))
def test_codes_are_numbered_like_numpy_does(values: list[int], among: int) -> None:
    codes = np.array(values, np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "DISTINCT_AMONG", among)
        patch.setattr(analysis, "LOOKED_UP", 3)
        distinct, place = numbered(codes)
    wanted, inverse = np.unique(codes, return_inverse=True)
    assert distinct.tolist() == wanted.tolist() and place.tolist() == inverse.tolist()


def test_of_a_long_query_the_heaviest_terms_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    index, terms = LexicalIndex.build(char_terms(TEXTS)), char_terms(["锂电池散热 thermal"])
    whole = index.query(terms)
    by_weight = np.argsort(-whole.weights, kind="stable")
    costs = (whole.ends - whole.starts)[by_weight]
    for name, most, number in (("LONGEST", 3, 3), ("MOST_POSTINGS", int(costs[:4].sum()), 4)):
        with monkeypatch.context() as patched:
            patched.setattr(LexicalIndex, name, most)
            cut = index.query(terms)
        kept = np.sort(by_weight[:number])
        for field, values in vars(cut).items():
            np.testing.assert_array_equal(values, vars(whole)[field][kept])


def test_a_part_scores_as_if_it_were_asked_alone() -> None:
    index, parts = LexicalIndex.build(char_terms(TEXTS)), ["锂电池散热", "thermal 结构", "无人驾驶"]
    query = index.query(char_terms(["。".join(parts)]))
    scores = index.part_scores(query, index.parted(query, char_terms(parts)))
    alone = [index.scores(index.query(char_terms([part]))) for part in parts]
    np.testing.assert_allclose(scores, np.column_stack(alone), atol=1e-6)
    assert scores[:, :2].any() and not scores[:, 2].any()


def test_words_are_segmented_stemmed_and_lower_case() -> None:
    assert words_of("新型功率芯片的Thermal management研究") == ("新型", "功率", "芯片", "thermal", "management")
    assert words_of("石墨烯散热膜、量子点显示与量子计算") == ("石墨烯", "散热", "膜", "量子点", "显示", "量子", "计算")
    assert words_of("背光模块驱动低碳排放锅炉") == ("背光", "模块", "驱动", "低碳", "排放", "锅炉")
    assert words_of("［名称 name］教授，［电话 phone］") == ("教授",)
    assert char_terms(["［名称 name］"]).codes.tolist() == []
    assert word_terms(["batteries"]).codes.tolist() == word_terms(["battery"]).codes.tolist()


def test_a_document_asked_again_is_nearest_to_itself_and_scripts_are_told_apart() -> None:
    texts = [f"{said} {at}" for at in range(20) for said in TEXTS if said]
    index = TextIndex.build(texts)
    vectors = index.semantic.vectors
    asked = np.array([index.query(analyse(text)).vector for text in texts])
    np.testing.assert_allclose((asked * vectors).sum(axis=1), 1, atol=1e-3)
    assert not index.query(analyse("没有的话 qwerty")).vector.any()
    assert scripts(index.chars)[1:4].tolist() == [1, 0, 1]
    assert scripts(TextIndex.build(["", "热阻"]).chars).tolist() == [0, 1]


def _long_texts() -> tuple[list[str], list[int]]:
    """Long texts of sentences of eight topics, and the topic that each begins with."""
    rng = np.random.default_rng(5)
    topics = [[f"{chr(97 + topic)}{chr(97 + at)}xylem" for at in range(20)] for topic in range(8)]
    texts, first = [], []
    for _ in range(240):
        drawn = rng.permutation(8)[:4]
        texts.append(". ".join(" ".join(rng.choice(topics[topic], 40)) for topic in drawn))
        first.append(int(drawn[0]))
    return texts, first


def test_where_texts_are_long_what_they_begin_with_counts_as_much_as_the_whole() -> None:
    texts, first = _long_texts()
    index = TextIndex.build(texts)
    alone = SemanticIndex.build(index.words, index.chars)
    assert len(index.semantic.lead) and not len(alone.lead)
    assert not len(TextIndex.build([text[:200] for text in texts]).semantic.lead)
    begins = np.array([[topic == one for one in first] for topic in range(8)])
    holds = np.array([[f"{chr(97 + topic)}axylem" in text for text in texts] for topic in range(8)])
    for topic in range(8):
        query = index.query(analyse(" ".join(f"{chr(97 + topic)}{chr(97 + at)}xylem" for at in range(20))))
        for semantic, better in ((index.semantic, True), (alone, False)):
            near = semantic.vectors @ semantic.query(query.words, query.chars)
            front, behind = near[begins[topic]].mean(), near[holds[topic] & ~begins[topic]].mean()
            assert bool(front - behind > 0.1) is better, (topic, better, front, behind)


def test_a_long_text_asks_by_what_it_begins_with_too() -> None:
    texts, _ = _long_texts()
    index = TextIndex.build(texts)
    asked = np.array([index.query(analyse(text)).vector for text in texts])
    own = (asked * index.semantic.vectors).sum(axis=1)
    plain = index.semantic.query(*(getattr(index.query(analyse(texts[0])), view) for view in VIEWS))
    assert own.min() > 0.95 and own[0] > plain @ index.semantic.vectors[0]


def test_directions_weigh_what_two_documents_of_one_candidate_have_in_common() -> None:
    rng = np.random.default_rng(3)
    of = sp.csr_array((rng.random((40, 90)) < 0.04).astype(float))
    vectors = unit(rng.standard_normal((90, 5)).astype(np.float32) + np.eye(5, dtype=np.float32)[0])
    common, number = np.zeros((5, 5)), 0
    for row in of.toarray().astype(bool):
        mine = vectors[row]
        if len(mine) >= 2:
            pairs = [np.outer(a, b) for i, a in enumerate(mine) for j, b in enumerate(mine) if i != j]
            common, number = common + np.mean(pairs, axis=0), number + 1
    values, directions = np.linalg.eigh(number * common / np.trace(common) + np.eye(5))
    weighs = shared(vectors, of)
    assert weighs is not None and number > 5
    expected = (directions * np.maximum(values, 0)) @ directions.T
    np.testing.assert_allclose(weighs @ weighs.T, expected, atol=1e-3)
    assert shared(vectors, sp.csr_array(np.eye(90))) is None  # nobody has two
    assert shared(vectors[:0], sp.csr_array((40, 0))) is None


def test_building_again_gives_the_same_arrays() -> None:
    first, second = (LexicalIndex.build(char_terms(TEXTS)) for _ in range(2))
    for name in LexicalIndex.FIELDS:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


LONG = [f"{said} {'unlike anything said before ' * 20}" for said in TEXTS]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from(TEXTS + LONG), max_size=6),
    st.lists(st.sampled_from([*TEXTS, *LONG, "新的一篇 new one"]), max_size=6),
)
def test_an_index_that_goes_on_from_an_earlier_one_is_as_if_built_anew(before: list[str], after: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        TextIndex.build(before).save(Path(folder) / "before")
        went_on = TextIndex.build(after, TextIndex.open(Path(folder) / "before"))
        anew = TextIndex.build(after)
        for view in ("words", "chars"):
            for name in LexicalIndex.FIELDS:
                np.testing.assert_array_equal(getattr(getattr(went_on, view), name), getattr(getattr(anew, view), name))
        for name in SemanticIndex.FIELDS:
            np.testing.assert_array_equal(getattr(went_on.semantic, name), getattr(anew.semantic, name))


def test_a_saved_index_scores_the_same(tmp_path: Path) -> None:
    index = TextIndex.build(TEXTS)
    index.save(tmp_path / "index")
    opened = TextIndex.open(tmp_path / "index")
    question = analyse("电池散热 thermal")
    one, two = index.scores(index.query(question)), opened.scores(opened.query(question))
    for view in range(2):
        np.testing.assert_array_equal(one[view], two[view])
