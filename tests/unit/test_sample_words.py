"""The words of the sample world: topics complete in both languages, patterns that can all be filled, valid codes."""

import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from stdnum import isni
from stdnum.cn import uscc as official_uscc

from ingest.sample import asking, naming, parties, texts
from ingest.sample.checkdigits import mobile, orcid, patent_number, uscc
from ingest.sample.ontology import FIELDS, Phrase, Topic, load
from ingest.sample.phrasing import Teller
from ingest.sample.population import populate
from ingest.sample.sizes import sizes

TOPICS = load().topics

GIVEN = {
    "publication": set(),
    "patent": set(),
    "technology": set(),
    "equipment": {"ask", "low"},
    "finance": {"stage", "amount"},
    "bio": {"name", "title", "topic2", "email", "phone", "wechat"},
    "scope": {"name", "year", "uscc", "contact", "phone"},
    "strategy": {"stage", "topic2", "low", "high", "region", "contact", "email", "manager"},
    "need_contact": {"contact", "phone", "email", "name", "uscc", "wechat"},
}


def phrases(topic: Topic) -> Iterator[Phrase]:
    yield topic.name
    yield from (*topic.objects, *topic.problems, *topic.methods, *topic.materials, *topic.uses)
    yield from (metric.name for metric in topic.metrics)


def test_there_are_at_least_sixty_topics_in_twelve_fields_of_six() -> None:
    assert len(TOPICS) >= 60
    assert [topic.field for topic in TOPICS] == [number for number in range(len(FIELDS)) for _ in range(6)]
    assert len({topic.key for topic in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: str(topic.key))
def test_every_topic_is_complete_in_both_languages(topic: Topic) -> None:
    assert len(topic.metrics) == 3 and len(topic.uses) == 2
    assert all(metric.low < metric.high for metric in topic.metrics)
    assert topic.tests and topic.ipc and re.fullmatch(r"[A-T]\d{3,4}", topic.industry)
    for phrase in phrases(topic):
        assert all(phrase.zh) and all(phrase.en)
        assert not any("一" <= sign <= "鿿" for word in phrase.en for sign in word), phrase


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: str(topic.key))
def test_laymen_and_specialists_differ_in_a_good_part_of_the_terms(topic: Topic) -> None:
    terms = [*topic.objects, *topic.problems]

    assert sum(phrase.zh[0] != phrase.zh[-1] for phrase in terms) >= len(terms) // 3


def test_every_instrument_type_is_of_use_to_some_topic() -> None:
    assert [kind.name.zh[0] for kind in load().instruments if not kind.topics] == []


def patterns(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for child in node.values():
            yield from patterns(child)
    elif isinstance(node, list):
        yield from (entry for entry in node if isinstance(entry, str))


@pytest.mark.parametrize("kind", GIVEN)
def test_every_pattern_can_be_filled(kind: str) -> None:
    filled = Teller(load(), False, 0.5).slots(0, (0, 0, 0), iter([7] * 96))
    for pattern in patterns(load().grammar[kind]):
        named = {name for _, name, _, _ in string.Formatter().parse(pattern) if name}
        assert named <= filled.keys() | GIVEN[kind], pattern


def test_a_gloss_and_both_wordings_turn_up_in_texts() -> None:
    world = populate(3, sizes(60), load())
    told = " ".join(row.get("text", "") for row in asking.needs(world, texts.needs(world)))
    scopes = " ".join(row.get("business_scope", "") for row in parties.enterprises(world))
    lay = [phrase.zh[-1] for topic in TOPICS for phrase in topic.problems if len(phrase.zh) > 1]

    assert sum(word in told for word in lay) > 20
    assert re.search(r"[一-鿿]\uff08[a-z]", told + scopes)


@given(st.sampled_from([region.code for region in load().regions if region.code.isdigit()]), st.integers(0, 999_999))
def test_credit_codes_pass_the_official_check(region: str, number: int) -> None:
    code = uscc(region, number)

    assert official_uscc.validate(code) == code
    assert code[2:8] == region


@given(st.integers(0, 9_999_999))
def test_orcids_pass_the_official_check(number: int) -> None:
    assert isni.is_valid(orcid(number))


@given(st.integers(0, 9_999_999), st.booleans(), st.booleans())
def test_patent_numbers_tell_utility_models_from_inventions(number: int, utility: bool, granted: bool) -> None:
    assert re.fullmatch(r"CN2\d{8}U" if utility else r"CN1\d{8}[AB]", patent_number(number, utility, granted))


@given(st.integers(0, 2**31 - 1))
def test_names_look_like_names(number: int) -> None:
    assert re.fullmatch(r"[一-鿿]{2,4}", naming.person(number))
    assert re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-zü]+", naming.person(number, roman=True))
    assert " " in naming.person(number, foreign=True)
    assert re.fullmatch(r"1[3-9]\d{9}", mobile(number))
    details = naming.contact(number)
    assert re.fullmatch(r"[a-z]+\.[a-z]+\d{1,2}@example\.(com|org|net)", details["email"])
    near = load().regions[0]
    assert re.fullmatch(r"[一-鿿]{6,}有限公司", naming.enterprise(number, near, number % 12))
    assert naming.fund(number, near).startswith(near.zh[:2])


def test_universities_come_first_and_hospitals_occur() -> None:
    near = load().regions[0]
    kinds = [naming.institution(number, near)[1] for number in range(60)]

    assert kinds[:20] == [0] * 20
    assert {1, 2} <= set(kinds[20:])
