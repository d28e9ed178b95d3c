"""Outcomes follow the hidden truth, and texts lead towards it without giving it away."""

import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score

from ingest.sample import affinity, asking, judgements, outcomes, papers, texts
from ingest.sample.chance import Floats, Groups, Ints, stream
from ingest.sample.ontology import load
from ingest.sample.outcomes import Pairs
from ingest.sample.population import Party, World, populate
from ingest.sample.sizes import sizes


@cache
def world(experts: int = 600) -> World:
    return populate(7, sizes(experts), load())


def parties(name: str) -> tuple[Party, Party, Callable[[World], Pairs]]:
    found = world()
    return {
        "collaborated": (found.enterprises.party, found.experts.party, outcomes.collaborations),
        "invested": (found.enterprises.party, found.funds.party, outcomes.investments),
        "used": (found.enterprises.party, found.instruments.party, outcomes.usages),
    }[name]


@pytest.mark.parametrize("name", ["collaborated", "invested", "used"])
def test_partners_have_been_chosen_by_hidden_taste_too(name: str) -> None:
    firms, others, draw = parties(name)
    chosen = draw(world())
    tastes = affinity.taste(firms.traits, chosen.enterprise, others.traits, chosen.partner)

    assert len(tastes) > 300
    assert tastes.mean() > 5 / np.sqrt(len(tastes)), "no better than chance"
    assert tastes.mean() < 1.0, "taste alone decides"


@pytest.mark.parametrize("name", ["collaborated", "invested", "used"])
def test_no_pair_of_partners_is_drawn_twice(name: str) -> None:
    chosen = parties(name)[2](world())

    assert len(set(zip(chosen.enterprise.tolist(), chosen.partner.tolist(), strict=True))) == len(chosen.enterprise)


def test_enterprises_that_seek_no_finance_have_no_investor() -> None:
    found = outcomes.investments(world())

    assert (world().enterprises.stage[found.enterprise] >= 0).all()


def test_funds_mostly_invest_within_their_sectors() -> None:
    found = outcomes.investments(world())
    field = world().topic_field[world().enterprises.party.main.topic[found.enterprise]]
    inside = (world().funds.sectors[found.partner] == field[:, None]).any(1)

    assert 0.75 < inside.mean() < 1.0


@cache
def graded() -> tuple[texts.Needs, judgements.Graded]:
    needs = texts.needs(world())
    related = Pairs(
        *(np.concatenate(c) for c in zip(outcomes.advisers(world()), outcomes.founders(world()), strict=True))
    )
    return needs, judgements.graded_experts(world(), needs, related)


def test_each_judged_need_has_good_poor_and_hard_candidates() -> None:
    needs, found = graded()
    share = np.bincount(found.grade, minlength=4) / len(found.grade)
    assert (share > 0.03).all()

    field = needs.texts.about.topic[found.need] // 6
    near = world().experts.party.main.topic[found.expert] // 6 == field
    assert (near & (found.grade <= 1)).mean() > 0.15, "too few hard negatives"
    for need in np.unique(found.need):
        assert found.grade[found.need == need].max() >= 1


@cache
def ranked() -> tuple[Floats, Ints, Ints]:
    """(TF-IDF score, grade, need) of every judged pair."""
    needs, found = graded()
    documents = texts.documents(world())
    asked: list[dict[str, Any]] = list(asking.needs(world(), needs))
    told: list[dict[str, Any]] = list(papers.publications(world(), documents.publications))
    said = [" ".join([row.get("title", ""), row.get("abstract", "")]) for row in told]
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(2, 3), sublinear_tf=True, min_df=2).fit(said)
    subjects = np.unique(found.need)
    wanted = [f"{asked[need].get('title', '')} {asked[need].get('text', '')}" for need in subjects]
    similar = (vectors.transform(wanted) @ vectors.transform(said).T).toarray()
    by = documents.publications.by
    best = np.stack([similar[:, by == e].max(1, initial=0.0) for e in range(len(world().experts.party))], axis=1)
    return best[np.searchsorted(subjects, found.need), found.expert], found.grade, found.need


def test_texts_rank_experts_clearly_better_than_chance_and_far_from_perfectly() -> None:
    scores, grades, needs = ranked()
    areas = [
        roc_auc_score(grades[needs == need] >= 2, scores[needs == need])
        for need in np.unique(needs)
        if len(set(grades[needs == need] >= 2)) == 2
    ]

    assert len(areas) > 50
    assert 0.65 < np.mean(areas) < 0.88


def test_hidden_traits_explain_grades_beyond_the_texts() -> None:
    needs, found = graded()
    firms, experts = world().enterprises.party, world().experts.party
    taste = affinity.taste(firms.traits, needs.texts.by[found.need], experts.traits, found.expert)
    same = needs.texts.about.topic[found.need] == experts.main.topic[found.expert]

    assert np.corrcoef(taste[same], found.grade[same])[0, 1] > 0.25


def test_chinese_needs_have_good_experts_who_write_english() -> None:
    needs, found = graded()
    chinese = ~needs.texts.english[found.need]

    assert ((found.grade == 3) & chinese & (world().experts.english[found.expert] > 0.9)).sum() > 10


def test_every_expert_has_a_document_where_there_are_enough() -> None:
    found = texts.documents(world())
    patents = found.patents.by[found.patents.by >= 0]
    counts = np.bincount(np.concatenate([found.publications.by, patents]), minlength=600)

    assert counts.min() >= 1
    assert 9 < counts.mean() < 12
    assert counts.max() > 3 * counts.mean()


def test_memory_of_worded_texts_does_not_grow_with_their_number() -> None:
    def peak(experts: int) -> int:
        found = world(experts)
        publications = texts.documents(found).publications
        assert len(publications) > 4_096, "fits one chunk"
        tracemalloc.start()
        for _ in papers.publications(found, publications):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(600)
    assert peak(3_000) < 1.2 * peak(600)


def test_groups_draw_only_their_members_and_say_when_there_are_none() -> None:
    groups = Groups(np.array([2, 0, 2], np.int32), np.array([10, 11, 12], np.int32), 4)
    drawn = groups.draw(stream(1, "test"), np.array([0, 1, 2, 3]), 50)

    assert set(drawn[0].tolist()) == {11}
    assert set(drawn[2].tolist()) == {10, 12}
    assert set(drawn[1].tolist()) == set(drawn[3].tolist()) == {-1}


def test_repeats_within_a_row_are_struck_out_once() -> None:
    rows = outcomes.without_repeats(np.array([[3, 1, 3, 3], [5, 6, 7, 8]], np.int32))

    assert sorted(rows[0].tolist()) == [-1, -1, 1, 3]
    assert rows[1].tolist() == [5, 6, 7, 8]
