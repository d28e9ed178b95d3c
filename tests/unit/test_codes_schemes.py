"""Codes: what is valid is taken in every spelling, what does not exist is refused with the reason."""

import time

import pytest
from hypothesis import given, strategies as st

from graph import codes, industries, regions
from graph.codes import Scheme
from graph.errors import ValueRejectedError

GOOD = [
    (Scheme.REGION, "浙江省杭州市西湖区", "330106"),
    (Scheme.REGION, "浙江 杭州", "330100"),
    (Scheme.REGION, "宁波", "330200"),
    (Scheme.REGION, "义乌市", "330782"),
    (Scheme.REGION, "杭州市临平区", "330113"),
    (Scheme.REGION, "恩施", "422800"),
    (Scheme.REGION, "上海浦东", "310115"),
    (Scheme.REGION, "3301", "330100"),
    (Scheme.REGION, "Hangzhou, Zhejiang, China", "330100"),
    (Scheme.REGION, "USA", "US"),
    (Scheme.REGION, "U.S.A.", "US"),
    (Scheme.REGION, "the Netherlands", "NL"),
    (Scheme.REGION, "Republic of Korea", "KR"),
    (Scheme.REGION, "Turkiye", "TR"),
    (Scheme.REGION, "英国", "GB"),
    (Scheme.INDUSTRY, "c39", "C39"),
    (Scheme.INDUSTRY, "3912", "C3912"),
    (Scheme.INDUSTRY, "制造业", "C"),
    (Scheme.INDUSTRY, "Manufacturing", "C"),
    (Scheme.INDUSTRY, "金属制品、机械和设备修理业", "C43"),
    (Scheme.INDUSTRY, "39-计算机、通信和其他电子设备制造业", "C39"),
    (Scheme.INDUSTRY, "教育", "P"),
    (Scheme.INDUSTRY, "7", "B07"),
    (Scheme.IPC, "h04l 9/32 (2006.01)", "H04L9/32"),
    (Scheme.IPC, "H04L0009320000", "H04L9/32"),
    (Scheme.IPC, "B82Y", "B82Y"),
    (Scheme.PATENT_NUMBER, "ZL 2003 1 0102344.5", "CN200310102344.5"),
    (Scheme.PATENT_NUMBER, "200310102344.5", "CN200310102344.5"),
    (Scheme.PATENT_NUMBER, "CN200310102344", "CN200310102344.5"),
    (Scheme.PATENT_NUMBER, "CN112345678A", "CN112345678A"),
    (Scheme.PATENT_NUMBER, "CN85100001A", "CN85100001A"),
    (Scheme.PATENT_NUMBER, "US 9,876,543 B2", "US9876543B2"),
    (Scheme.PATENT_NUMBER, "USD901234S1", "USD901234S1"),
    (Scheme.PATENT_NUMBER, "WO 2020/123456 A1", "WO2020123456A1"),
    (Scheme.PATENT_NUMBER, "EP 1 234 567 A1", "EP1234567A1"),
    (Scheme.PATENT_NUMBER, "PCT/CN2020/123456", "PCT/CN2020/123456"),
    (Scheme.DOI, "https://doi.org/10.1000/XYZ", "10.1000/xyz"),
    (Scheme.DOI, "DOI: 10.1000/xyz", "10.1000/xyz"),
    (Scheme.ORCID, "https://orcid.org/0000-0002-1825-0097", "0000-0002-1825-0097"),
    (Scheme.ORCID, "000000021694233x", "0000-0002-1694-233X"),
    (Scheme.USCC, "9111 0000 6000 3734 1l", "91110000600037341L"),
]
BAD = [
    (Scheme.REGION, "西湖区", "several regions.*330106"),
    (Scheme.REGION, "999999", "six digits"),
    (Scheme.REGION, "339999", "six digits"),
    (Scheme.REGION, "Hangzhou, Jiangsu", "no region"),
    (Scheme.REGION, "", "no region"),
    (Scheme.INDUSTRY, "C65", "belongs to section I"),
    (Scheme.INDUSTRY, "98", "does not exist"),
    (Scheme.INDUSTRY, "0", "does not exist"),
    (Scheme.INDUSTRY, "A01 制造业", "not the code"),
    (Scheme.IPC, "I01", "no IPC"),
    (Scheme.PATENT_NUMBER, "ZL200310102344.6", "check digit.*is 5, not 6"),
    (Scheme.PATENT_NUMBER, "申请中", "no patent number"),
    (Scheme.DOI, "11.1000/xyz", "no DOI"),
    (Scheme.ORCID, "0000-0002-1825-0098", "check digit"),
    (Scheme.USCC, "91110000600037341M", "check digit"),
]


@pytest.mark.parametrize(("scheme", "text", "code"), GOOD)
def test_codes_and_names_are_understood(scheme: Scheme, text: str, code: str) -> None:
    assert codes.canonical(scheme, text) == code
    assert codes.canonical(scheme, code) == code


@pytest.mark.parametrize(("scheme", "text", "reason"), BAD)
def test_what_is_no_code_is_refused_with_the_reason(scheme: Scheme, text: str, reason: str) -> None:
    with pytest.raises(ValueRejectedError, match=reason):
        codes.canonical(scheme, text)


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("text", ["浙江" * 1_200, "制造业" * 100_000, "(" * 100_000, "9" * 100_000, "a," * 100_000])
def test_what_is_long_is_refused_at_once_and_its_reason_is_short(scheme: Scheme, text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ValueRejectedError, match="at most") as refused:
        codes.canonical(scheme, text)
    assert time.perf_counter() - started < 1
    assert len(str(refused.value)) < 200


def test_what_no_place_is_called_is_refused_however_often_names_follow_each_other() -> None:
    for text in ("浙江省杭州市西湖区" * 8, "浙江" * 50, "西湖区" * 33):
        with pytest.raises(ValueRejectedError, match="no region"):
            regions.canonical(text)
    assert regions.canonical("中国 浙江省 杭州市 杭州市 西湖区") == "330106"


@pytest.mark.parametrize("scheme", list(Scheme))
@given(
    text=st.text(max_size=12)
    | st.from_regex(r"[A-H][0-9]{2}[A-Z] ?[0-9]{1,4}/[0-9]{2,6}", fullmatch=True)
    | st.from_regex(r"[A-T]?[0-9]{0,6}", fullmatch=True)
    | st.from_regex(r"(ZL|CN|US|PCT/CN)?[0-9]{8,13}[./]?[0-9A-X]{0,5}", fullmatch=True)
)
def test_a_canonical_code_is_its_own_canonical_form(scheme: Scheme, text: str) -> None:
    try:
        code = codes.canonical(scheme, text)
    except ValueRejectedError:
        return
    assert codes.canonical(scheme, code) == code
    assert codes.label(scheme, code)


def test_no_name_of_a_region_leads_elsewhere() -> None:
    found = 0
    for name in sorted(regions.names()):
        try:
            code = regions.canonical(name)
            again = regions.canonical(regions.label(code))
        except ValueRejectedError:
            continue  # ambiguous, or a name of the past
        found += 1
        assert again == code, name
    assert found > 3_000


@pytest.mark.parametrize(
    ("scheme", "code", "zh", "en"),
    [
        (Scheme.REGION, "330106", "杭州市西湖区", "杭州市西湖区"),
        (Scheme.REGION, "110108", "北京市海淀区", "北京市海淀区"),
        (Scheme.REGION, "110100", "北京市", "Beijing"),
        (Scheme.REGION, "330101", "杭州市", "Hangzhou"),
        (Scheme.REGION, "330000", "浙江省", "Zhejiang"),
        (Scheme.REGION, "US", "美国", "United States"),
        (Scheme.INDUSTRY, "C", "制造业", "manufacturing"),
        (Scheme.INDUSTRY, "C43", "金属制品、机械和设备修理业", "manufacturing (C43)"),
        (Scheme.IPC, "H", "电学", "electricity"),
        (Scheme.IPC, "H04L9/32", "H04L9/32", "H04L9/32"),
    ],
)
def test_codes_have_names_for_people(scheme: Scheme, code: str, zh: str, en: str) -> None:
    assert codes.label(scheme, code) == zh
    assert codes.label(scheme, code, "en") == en


def test_every_division_belongs_to_a_section() -> None:
    assert [f"{n:02d}" for n in range(1, 98)] == list(industries.DIVISIONS)
    for number, name in industries.DIVISIONS.items():
        assert industries.canonical(number)[1:] == number
        assert industries.canonical(name)[:1] == industries.canonical(number)[:1]
