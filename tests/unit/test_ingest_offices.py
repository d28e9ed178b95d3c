"""Tables of offices that list one thing and name another beside it. Everybody in them is generated."""

from pathlib import Path

import pytest
from openpyxl import Workbook

from ingest.sources.beside import owner_in, whole_name
from tests.unit.ingest_files import load, names, state, store_in, values, xlsx

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


NEED_TITLES = {
    "zh": (
        "需求名称",
        "需求内容",
        "企业名称",
        "统一社会信用代码",
        "所属行业",
        "企业地址",
        "企业规模",
        "注册资本（万元）",
    ),
    "en": (
        "Title",
        "Text",
        "Company name",
        "Unified social credit code",
        "Industry",
        "Region",
        "Employees",
        "Registered capital",
    ),
}
COMPANY_TITLES = {
    "zh": ("企业名称", "统一社会信用代码", "经营范围"),
    "en": ("Company name", "Unified social credit code", "Business scope"),
}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("sheet", ["Sheet1", "needs", "企业技术需求"])
def test_the_columns_of_an_enterprise_beside_its_need_are_its_own(language: str, sheet: str, tmp_path: Path) -> None:
    capital = 500 if language == "zh" else "5 million"
    company = ["生成甲有限公司", USCC, "I65", "浙江省杭州市西湖区生成路1号" if language == "zh" else "330106"]
    needs: list[list[object]] = [
        [*NEED_TITLES[language]],
        ["散热", "热阻", *company, "50-99人", capital],
        ["降噪", "噪声", *company, "", ""],
    ]
    companies = [list(COMPANY_TITLES[language]), ["生成甲有限公司", USCC, "芯片测试"]]
    path = xlsx(tmp_path / "a.xlsx", {sheet: needs, "Sheet2": companies})
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 0 and not report.unknown and not report.skipped, report.render()
        assert store.counts() == {"need": 2, "enterprise": 1, "posted": 2}
        assert values(store, "enterprise") == [
            {
                "name": "生成甲有限公司",
                "uscc": USCC,
                "industry": "I65",
                "regions": ["330106"],
                "size": 74,
                "registered_capital": 5e6,
                "business_scope": "芯片测试",
            }
        ]
        assert [need["industry"] for need in values(store, "need")] == ["I65", "I65"]
        before = state(store)
        assert load(store, path).loaded == 0
        assert state(store) == before


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        (("企业", "需求"), ("名称", "信用代码", "名称", "内容")),
        (("企业基本信息", "需求信息"), ("名称", "统一社会信用代码", "名称", "内容")),
        (("企业基本情况", "技术需求"), ("企业名称", "统一社会信用代码", "需求名称", "需求描述")),
        (("Company information", "Need"), ("Company name", "Unified social credit code", "Title", "Text")),
        (("企业基本信息", "需求信息"), ("名称", "统一社会信用代码", "需求名称", "需求内容")),
        (("企业基本信息", "需求信息"), ("企业名称", "信用代码", "名称", "需求内容")),
        (("企业信息", "技术需求"), ("名称", "企业信用代码", "需求名称", "内容")),
    ],
)
def test_titles_over_several_columns_say_whose_they_are(
    upper: tuple[str, str], lower: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [["", upper[0], "", upper[1], ""], ["", *lower], ["", "生成甲公司", USCC, "散热", "热阻"]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "附件.xlsx", {"a": rows}))
        assert not report.unknown and not report.rejected, report.render()
        assert values(store, "need") == [{"title": "散热", "text": "热阻"}]
        assert values(store, "enterprise") == [{"name": "生成甲公司", "uscc": USCC}]
        assert names(store, "posted") == [("生成甲公司", "散热")]


def test_a_title_over_most_of_the_table_is_no_line_across_it(tmp_path: Path) -> None:
    """And what is known only without the title above it, as 联系人 below 联系方式, is known so."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["序号", "企业基本信息", "", "", "", "需求信息", "", "联系方式"],
        ["", "名称", "所属行业", "所在地区", "注册资本（万元）", "需求名称", "内容", "联系人"],
        [1, "生成甲公司", "C39", "浙江省杭州市", 500, "散热", "热阻", "张生成"],
    ):
        sheet.append(row)
    for area in ("A1:A2", "B1:E1", "F1:G1"):
        sheet.merge_cells(area)
    book.save(tmp_path / "附件.xlsx")
    with store_in(tmp_path) as store:
        report = load(store, tmp_path / "附件.xlsx")
        assert not report.unknown and not report.rejected, report.render()
        assert values(store, "need") == [{"title": "散热", "text": "热阻"}]
        (company,) = values(store, "enterprise")
        told = {"industry": "C39", "regions": ["330100"], "registered_capital": 5e6, "contact": "张生成"}
        assert company == {"name": "生成甲公司"} | told
        assert names(store, "posted") == [("生成甲公司", "散热")]


@pytest.mark.parametrize(
    ("titles", "row", "manager"),
    [
        (("机构名称", "基金名称", "投资领域"), ("示例创投", "示例一号", "新材料"), "示例创投"),
        (("机构名称", "名称", "投资领域"), ("示例创投", "示例一号", "新材料"), "示例创投"),
        (("基金名称", "管理机构", "投资领域"), ("示例一号", "示例创投", "新材料"), "示例创投"),
        (("机构名称", "投资领域"), ("示例一号", "新材料"), None),
    ],
)
def test_who_manages_a_fund_is_not_its_name(
    titles: tuple[str, ...], row: tuple[str, ...], manager: str | None, tmp_path: Path
) -> None:
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"基金": [titles, row]}))
        assert not report.unknown, report.render()
        (fund,) = values(store, "fund")
        assert (fund["name"], fund.get("manager")) == ("示例一号", manager)


def test_a_label_goes_before_a_synonym_and_a_second_column_is_told(tmp_path: Path) -> None:
    needs = [["名称", "需求名称", "内容", "需求描述"], ["其他", "散热", "热阻", "结壳热阻"]]
    experts = [["专家姓名", "name", "姓名", "职称"], ["甲", "乙", "张生成", "教授"]]
    path = xlsx(tmp_path / "a.xlsx", {"需求": needs, "专家": experts})
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert values(store, "need") == [{"title": "散热", "text": "热阻\n结壳热阻"}]
        assert [expert["name"] for expert in values(store, "expert")] == ["乙"]
        assert dict(report.unknown) == {("need", "名称"): 1, ("expert", "专家姓名"): 1, ("expert", "姓名"): 1}
        told = {"file": "a.xlsx#需求", "kind": "need", "field": "text", "columns": ["内容", "需求描述"]}
        assert report.to_dict()["joined"] == [told]
        assert "joined a.xlsx#需求: 内容, 需求描述 are put together as need.text" in report.render()


def test_a_second_column_by_a_fields_own_name_does_not_give_the_field(tmp_path: Path) -> None:
    path = tmp_path / "expert.csv"
    path.write_text("id,姓名,name,id\ne1,张生成,乙,e2\n", encoding="utf-8")
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert [(e.id, e.values["name"]) for e in store.entities("expert")] == [("e1", "张生成")]
        assert sorted(report.unknown) == [("expert", "id (column 4)"), ("expert", "name (column 3)")]


@pytest.mark.parametrize("region", ["所在地区", "所属地区", "企业所在地区"])
def test_the_region_of_an_enterprise_alone_and_beside_a_need(region: str, tmp_path: Path) -> None:
    needs = [["企业名称", region, "需求名称", "需求内容"], ["生成甲公司", "杭州市", "散热", "热阻"]]
    companies = [["企业名称", region.removeprefix("企业"), "注册资本"], ["生成乙公司", "杭州市", "5000万"]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"需求": needs, "企业": companies}))
        assert not report.unknown and not report.rejected, report.render()
        assert [company["regions"] for company in values(store, "enterprise")] == [["330100"], ["330100"]]


@pytest.mark.parametrize(
    ("written", "contact", "phone"),
    [
        ("张生成 13800000001", "张生成", "13800000001"),
        ("张生成，0571-80000000", "张生成", "0571-80000000"),
        ("张生成（13800000001）", "张生成", "13800000001"),
        ("张生成/(0571)8000 0000", "张生成", "(0571)8000 0000"),
        ("+86 138-0000-0001", None, "+86 138-0000-0001"),
        ("张生成 13800000001；李生成 13800000002", "张生成、李生成", "13800000001、13800000002"),
        (13800000001.0, None, "13800000001"),
        ("张生成", "张生成", None),
    ],
)
@pytest.mark.parametrize("title", ["负责人及电话", "联系人/电话", "联系人及联系方式"])
def test_a_person_and_a_telephone_number_in_one_cell(
    title: str, written: object, contact: str | None, phone: str | None, tmp_path: Path
) -> None:
    needs: list[list[object]] = [["需求名称", "企业名称", title], ["散热", "生成甲公司", written]]
    instruments: list[list[object]] = [["仪器名称", "型号", title], ["质谱仪", "QE-1", written]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"需求": needs, "仪器": instruments}))
        assert not report.unknown and not report.rejected, report.render()
        for kind in ("enterprise", "instrument"):
            (found,) = values(store, kind)
            assert (found.get("contact"), found.get("phone")) == (contact, phone)


def test_a_column_of_both_beside_one_of_them_is_told(tmp_path: Path) -> None:
    rows = [["仪器名称", "负责人及电话", "联系人"], ["质谱仪", "张生成 13800000001", "李生成"]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"仪器": rows}))
        assert values(store, "instrument") == [{"name": "质谱仪", "contact": "李生成"}]
        assert dict(report.unknown) == {("instrument", "负责人及电话"): 1}


def test_a_dry_run_counts_as_new_what_the_run_adds(tmp_path: Path) -> None:
    rows = [["仪器名称", "工作单位"], ["质谱仪", "生成大学"], ["色谱仪", "生成大学"], ["色谱仪", "生成大学"]]
    first, both = (xlsx(tmp_path / f"{n}.xlsx", {"仪器": rows[:n]}) for n in (2, 4))
    with store_in(tmp_path) as store:
        for path in (first, both, both):
            dry, run = load(store, path, dry_run=True), load(store, path)
            assert {k: t.inserted for k, t in dry.kinds.items()} == {k: t.inserted for k, t in run.kinds.items()}
            assert {k: t.read for k, t in dry.kinds.items()} == {k: t.read for k, t in run.kinds.items()}


def test_what_rows_say_of_one_enterprise_is_put_together_and_told_by_row(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["需求名称", "企业名称", "联系人", "成立时间", "企业规模"],
        ["测试甲", "生成甲公司", "", "", "中型"],
        ["测试乙", "生成甲公司", "张生成", "", ""],
        ["测试丙", "生成甲公司", "李生成", "很久以前", ""],
        ["测试丁", "无", "", "", ""],
    ]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"a": rows}))
        assert [(entry["kind"], entry["line"], entry["field"]) for entry in report.rejects] == [
            ("enterprise", 4, "founded_year")
        ]
        assert values(store, "enterprise") == [{"name": "生成甲公司", "contact": "张生成"}]
        assert report.to_dict()["unknown_fields"] == [{"kind": "enterprise", "field": "企业规模", "rows": 1}]
        assert store.counts() == {"need": 4, "enterprise": 1, "posted": 3}


def test_an_enterprise_list_with_a_description_is_no_list_of_needs(tmp_path: Path) -> None:
    rows = [["Company name", "Description", "Employees", "Region"], ["Made Ltd", "Makes things", "50", "Hangzhou"]]
    with store_in(tmp_path) as store:
        load(store, xlsx(tmp_path / "a.xlsx", {"a": rows}))
        assert store.counts() == {"enterprise": 1}


@pytest.mark.parametrize(
    "titles",
    [
        ("工作单位", "单位类型", "单位所在地", "统一社会信用代码"),
        ("Institution", "Institution type", "Institution region", "Unified social credit code"),
    ],
)
def test_institutions_and_companies_beside_experts_and_instruments_keep_their_columns(
    titles: tuple[str, ...], tmp_path: Path
) -> None:
    university, company = ["生成大学", "高校", "杭州市", ""], ["生成甲公司", "", "宁波市", USCC]
    experts = [["姓名", *titles], ["张生成", *university], ["李生成", *company]]
    instruments = [["仪器名称", "所在地", *titles], ["质谱仪", "330106", *university], ["示波器", "", *company]]
    listed = [["机构名称", "机构类型"], ["生成大学", "高校"]]
    path = xlsx(tmp_path / "a.xlsx", {"专家": experts, "仪器": instruments, "机构": listed})
    with store_in(tmp_path) as store:
        report = load(store, path)
        assert report.rejected == 0 and not report.unknown, report.render()
        two = {"expert", "instrument", "employed_by", "owns"}
        assert store.counts() == dict.fromkeys(two, 2) | {"institution": 1, "enterprise": 1}
        assert values(store, "institution") == [{"name": "生成大学", "institution_type": "高校", "region": "330100"}]
        assert values(store, "enterprise") == [{"name": "生成甲公司", "regions": ["330200"], "uscc": USCC}]
        assert {v["name"]: v.get("region") for v in values(store, "instrument")} == {"质谱仪": "330106", "示波器": None}


def test_titles_and_posts_in_one_column(tmp_path: Path) -> None:
    rows = [["姓名", "职称/职务", "工作单位"], ["张生成", "教授", "生成大学"]]
    with store_in(tmp_path) as store:
        assert not load(store, xlsx(tmp_path / "a.xlsx", {"a": rows})).unknown
        assert values(store, "expert") == [{"name": "张生成", "title": "教授"}]


def test_a_type_of_experts_is_not_the_type_of_their_institution(tmp_path: Path) -> None:
    rows = [["姓名", "职称", "类型", "工作单位"], ["张生成", "教授", "青年人才", "生成大学"]]
    with store_in(tmp_path) as store:
        report = load(store, xlsx(tmp_path / "a.xlsx", {"a": rows}))
        assert values(store, "institution") == [{"name": "生成大学"}]
        assert report.to_dict()["unknown_fields"] == [{"kind": "expert", "field": "类型", "rows": 1}]


def test_a_patent_may_have_several_owners_and_an_inventor_is_none(tmp_path: Path) -> None:
    rows = [
        ["专利名称", "发明人", "专利权人"],
        ["装置", "张生成", "生成大学；生成甲有限公司"],
        ["方法", "李生成", "李生成"],
        ["材料", "王生成", "Made Co., Ltd."],
    ]
    with store_in(tmp_path) as store:
        load(store, xlsx(tmp_path / "a.xlsx", {"a": rows}))
        assert names(store, "owns") == [("Made Co., Ltd.", "材料"), ("生成大学", "装置"), ("生成甲有限公司", "装置")]


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
