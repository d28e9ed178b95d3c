"""Tables of offices that list one thing and name another beside it. Everybody in them is generated."""

from pathlib import Path

import pytest

from ingest.sources.beside import owner_in, whole_name
from tests.unit.ingest_files import load, names, store_in, values, xlsx

USCC = "91110000600037341L"


def test_needs_of_enterprises_give_both_and_who_asks(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["2023年企业技术需求征集汇总表（生成数据）"],
        [
            "序号",
            "企业名称",
            "统一社会信用代码",
            "所属地区",
            "需求名称",
            "需求内容",
            "意向投入资金（万元）",
            "联系人",
            "截止时间",
        ],
        [1, "生成甲科技有限公司", USCC, "杭州市西湖区", "散热测试", "结壳热阻过高", "50-100", "张生成", "2024年12月"],
        [2, "生成甲科技有限公司", USCC, "杭州市西湖区", "轴承降噪", "噪声", "100以上", "张生成", "长期有效"],
        [3, "生成大学", "", "", "共同研发", "寻求合作", "面议", "", ""],
    ]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "汇总.xlsx", {"Sheet1": rows}))
        assert report.rejected == 0, report.render()
        assert store.counts() == {"need": 3, "enterprise": 1, "institution": 1, "posted": 3}
        assert values(store, "enterprise") == [
            {"name": "生成甲科技有限公司", "uscc": USCC, "regions": ["330106"], "contact": "张生成"}
        ]
        found = {need["title"]: need for need in values(store, "need")}
        assert found["散热测试"] == {
            "title": "散热测试",
            "text": "结壳热阻过高",
            "budget": 750_000.0,
            "deadline": "2024-12",
        }
        assert found["轴承降噪"] == {"title": "轴承降噪", "text": "噪声", "budget": 1_000_000.0}
        assert ("生成大学", "共同研发") in names(store, "posted")


def test_the_enterprise_of_a_need_is_the_one_of_the_enterprises_list(tmp_path: Path) -> None:
    needs = [["企业名称", "需求名称", "需求内容"], ["生成乙公司", "测试", "内容"]]
    companies = [["企业名称", "注册地址", "人员规模"], ["生成乙公司", "浙江省宁波市江北区生成路1号", "50-99人"]]
    with store_in(tmp_path) as store:
        load(store, xlsx(tmp_path / "a.xlsx", {"需求": needs}), xlsx(tmp_path / "b.xlsx", {"企业": companies}))
        assert values(store, "enterprise") == [{"name": "生成乙公司", "regions": ["330205"], "size": 74}]


def test_an_address_without_a_region_is_told_and_not_loaded(tmp_path: Path) -> None:
    rows = [["企业名称", "注册资本", "地址"], ["生成丙公司", "5000万", "生成路1号"]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "企业.xlsx", {"a": rows}))
        assert report.to_dict()["unknown_fields"] == [{"kind": "enterprise", "field": "地址", "rows": 1}]
        assert values(store, "enterprise") == [{"name": "生成丙公司", "registered_capital": 5e7}]


def test_a_company_that_owns_a_patent_is_an_enterprise(tmp_path: Path) -> None:
    rows = [
        ["专利名称", "专利号", "专利权人"],
        ["装置", "ZL200310102344.5", "生成丁有限公司"],
        ["方法", "", "生成大学"],
    ]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"a": rows}))
        assert report.rejected == 0, report.render()
        assert store.counts() == {"patent": 2, "enterprise": 1, "institution": 1, "owns": 2}
        assert names(store, "owns") == [("生成丁有限公司", "装置"), ("生成大学", "方法")]


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        ("500-3000万", 5e6, 3e7),
        ("500万至1亿元", 5e6, 1e8),
        ("不超过3000万", None, 3e7),
        ("1000万以上", 1e7, None),
        ("2000万", 2e7, 2e7),
    ],
)
def test_a_range_of_tickets_is_two_fields(written: str, low: float | None, high: float | None, tmp_path: Path) -> None:
    rows = [["基金名称", "投资领域", "单笔投资金额"], ["生成基金", "医疗", written]]
    with store_in(tmp_path) as store:
        assert load(store, xlsx(tmp_path / "基金.xlsx", {"a": rows})).rejected == 0
        (fund,) = values(store, "fund")
        assert (fund.get("ticket_min"), fund.get("ticket_max")) == (low, high)


@pytest.mark.parametrize(
    ("written", "inside", "outside"),
    [
        ("校内100元/小时，校外200元/小时", 100.0, 200.0),
        ("校内：80；校外：120", 80.0, 120.0),
        ("200元/小时", None, 200.0),
        ("面议", None, None),
    ],
)
def test_one_column_may_hold_both_prices(
    written: str, inside: float | None, outside: float | None, tmp_path: Path
) -> None:
    rows = [["仪器名称", "型号", "收费标准"], ["质谱仪", "QE-1", written]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"a": rows}))
        assert report.rejected == 0, report.render()
        (instrument,) = values(store, "instrument")
        assert (instrument.get("price_internal"), instrument.get("price_external")) == (inside, outside)


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("2023年生成大学大型仪器目录", "生成大学"),
        ("附件1：生成电子科技大学专家", "生成电子科技大学"),
        ("Sheet1", ""),
        ("全省高校仪器", ""),
    ],
)
def test_the_university_of_a_table_is_found_in_its_title(text: str, owner: str) -> None:
    assert owner_in((text,)) == owner


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("化学系", "甲大学化学系"),
        ("甲大学化学系", "甲大学化学系"),
        ("乙大学", "乙大学"),
        ("生成有限公司研发中心", "生成有限公司研发中心"),
    ],
)
def test_a_department_gets_its_universitys_name(name: str, whole: str) -> None:
    assert whole_name(name, "甲大学") == whole
    assert whole_name(name, "") == name


def test_departments_of_two_universities_stay_two(tmp_path: Path) -> None:
    rows = [["仪器名称", "型号", "所属单位"], ["质谱仪", "QE-1", "化学系"]]
    files = [xlsx(tmp_path / f"{owner}仪器.xlsx", {"a": rows}) for owner in ("甲生大学", "乙生大学")]
    with store_in(tmp_path) as store:
        load(store, *files)
        assert store.counts() == {"instrument": 2, "institution": 2, "owns": 2}
