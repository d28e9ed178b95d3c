"""Every entity kind, relation kind and hierarchy of the product, declared. ★ Start here to add one.

The table of who may see what is the product's promise: see docs/kinds.md, which is generated from this file.
"""

from __future__ import annotations

from graph.codes import Scheme
from graph.schema import (
    ANY_KIND,
    Access,
    EntityKind,
    Field,
    FieldType,
    Hierarchy,
    HierarchyForm,
    Labels,
    RelationKind,
    Shown,
    catalogue_of,
)

PUBLIC, GENERALISED, REDACTED = Access.PUBLIC, Access.GENERALISED, Access.REDACTED
MATCHED, REVEALED, INTERNAL = Access.MATCHED, Access.REVEALED, Access.INTERNAL
TEXT, STRING, CODE, NUMBER, INTEGER = (
    FieldType.TEXT,
    FieldType.STRING,
    FieldType.CODE,
    FieldType.NUMBER,
    FieldType.INTEGER,
)
AMOUNT, YEAR, DATE, BOOLEAN = FieldType.AMOUNT, FieldType.YEAR, FieldType.DATE, FieldType.BOOLEAN

MILLION = 1_000_000.0

SAME_AS = "same_as"
"""Ties a duplicate (source) to the record that stands for both (target): the projection shows one entity, the store
keeps both records with their origins, and deleting the edge undoes the merge."""
NOT_SAME_AS = "not_same_as"
"""Says that a person parted two records: they are not proposed as duplicates again."""

HIERARCHIES = (
    Hierarchy(name="region", form=HierarchyForm.CODE, scheme=Scheme.REGION),
    Hierarchy(name="industry", form=HierarchyForm.CODE, scheme=Scheme.INDUSTRY),
    Hierarchy(
        name="year_band",
        form=HierarchyForm.BANDS,
        bands=(
            tuple(float(year) for year in range(1980, 2045, 5)),
            tuple(float(year) for year in range(1980, 2050, 10)),
            (2000.0, 2020.0),
        ),
    ),
    Hierarchy(
        name="amount_band",
        form=HierarchyForm.BANDS,
        bands=(
            tuple(MILLION * step for step in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)),
            tuple(MILLION * step for step in (1.0, 10.0, 100.0)),
            (MILLION, 100 * MILLION),
        ),
    ),
    Hierarchy(
        name="size_band",
        form=HierarchyForm.BANDS,
        bands=((20.0, 50.0, 100.0, 300.0, 1000.0), (50.0, 300.0), (50.0, 1000.0)),
    ),
    Hierarchy(name="count_band", form=HierarchyForm.BANDS, bands=((1.0, 5.0, 10.0, 20.0, 50.0), (1.0, 10.0))),
    Hierarchy(
        name="title_level",
        form=HierarchyForm.TREE,
        tree={
            "教授": ("正高 senior", "高级 senior or associate"),
            "研究员": ("正高 senior", "高级 senior or associate"),
            "正高级工程师": ("正高 senior", "高级 senior or associate"),
            "Professor": ("正高 senior", "高级 senior or associate"),
            "副教授": ("副高 associate", "高级 senior or associate"),
            "副研究员": ("副高 associate", "高级 senior or associate"),
            "高级工程师": ("副高 associate", "高级 senior or associate"),
            "Associate Professor": ("副高 associate", "高级 senior or associate"),
            "讲师": ("中级 intermediate", "其他 other"),
            "助理研究员": ("中级 intermediate", "其他 other"),
            "工程师": ("中级 intermediate", "其他 other"),
            "Assistant Professor": ("中级 intermediate", "其他 other"),
            "博士后": ("初级 junior", "其他 other"),
            "Postdoc": ("初级 junior", "其他 other"),
        },
    ),
    Hierarchy(name="label", form=HierarchyForm.TREE),
)


def _field(
    name: str,
    type: FieldType,
    access: Access,
    en: str,
    zh: str,
    *synonyms: str,
    many: bool = False,
    unit: str | None = None,
    scheme: Scheme | None = None,
    hierarchy: str | None = None,
) -> Field:
    return Field(
        name=name,
        type=type,
        access=access,
        labels=Labels(en=en, zh=zh),
        synonyms=synonyms,
        many=many,
        unit=unit,
        scheme=scheme,
        hierarchy=hierarchy,
    )


def _tags() -> Field:
    return _field("tags", STRING, PUBLIC, "tags", "标签", "keywords", "关键词", "技术领域", "研究方向", many=True)


def _regions() -> Field:
    return _field(
        "regions",
        CODE,
        GENERALISED,
        "regions",
        "地区",
        "region",
        "所在地",
        "所属地区",
        "行政区划",
        many=True,
        scheme=Scheme.REGION,
        hierarchy="region",
    )


ENTERPRISE = EntityKind(
    name="enterprise",
    labels=Labels(en="enterprise", zh="企业"),
    synonyms=("company", "公司"),
    fields=(
        _field("name", STRING, REVEALED, "name", "企业名称", "名称", "公司名称", "单位名称", "company name"),
        _field(
            "uscc", CODE, REVEALED, "unified social credit code", "统一社会信用代码", "信用代码", scheme=Scheme.USCC
        ),
        _tags(),
        _field("stage", STRING, PUBLIC, "stage", "发展阶段", "阶段", "融资阶段", "round"),
        _field(
            "industry",
            CODE,
            GENERALISED,
            "industry",
            "行业",
            "行业代码",
            "所属行业",
            scheme=Scheme.INDUSTRY,
            hierarchy="industry",
        ),
        _regions(),
        _field("founded_year", YEAR, GENERALISED, "founded", "成立年份", "成立时间", "成立日期", hierarchy="year_band"),
        _field("size", INTEGER, GENERALISED, "employees", "人数", "员工人数", "从业人数", hierarchy="size_band"),
        _field("business_scope", TEXT, MATCHED, "business scope", "经营范围", "主营业务", "简介", "description"),
        _field("registered_capital", AMOUNT, INTERNAL, "registered capital", "注册资本", unit="CNY"),
        _field("revenue", AMOUNT, INTERNAL, "annual revenue", "营业收入", "年营业额", "年营业收入", unit="CNY"),
        _field("tax_paid", AMOUNT, INTERNAL, "tax paid", "纳税额", unit="CNY"),
        _field("rd_expense", AMOUNT, INTERNAL, "R&D expense", "研发费用", "研发投入", unit="CNY"),
        _field("insured_staff", INTEGER, INTERNAL, "insured staff", "参保人数"),
        _field("contact", STRING, REVEALED, "contact person", "联系人"),
        _field("phone", STRING, REVEALED, "phone", "联系电话", "电话"),
    ),
)

NEED = EntityKind(
    name="need",
    labels=Labels(en="need", zh="需求"),
    fields=(
        _field("title", TEXT, REDACTED, "title", "需求名称", "标题", "需求标题", "名称"),
        _field("text", TEXT, REDACTED, "text", "需求内容", "需求描述", "内容", "description"),
        _field("need_type", STRING, PUBLIC, "type of need", "需求类型", "类型"),
        _tags(),
        _field(
            "industry",
            CODE,
            GENERALISED,
            "industry",
            "行业",
            "所属行业",
            scheme=Scheme.INDUSTRY,
            hierarchy="industry",
        ),
        _field("budget", AMOUNT, GENERALISED, "budget", "预算", "意向投入", unit="CNY", hierarchy="amount_band"),
        _field(
            "deadline", DATE, GENERALISED, "deadline", "截止日期", "截止时间", "期望完成时间", hierarchy="year_band"
        ),
    ),
)

EXPERT = EntityKind(
    name="expert",
    labels=Labels(en="expert", zh="专家"),
    synonyms=("author", "researcher"),
    fields=(
        _field("name", STRING, REVEALED, "name", "姓名", "专家姓名"),
        _field("orcid", CODE, REVEALED, "ORCID iD", "ORCID", scheme=Scheme.ORCID),
        _tags(),
        _field("title", STRING, GENERALISED, "title", "职称", "专业技术职务", hierarchy="title_level"),
        _field("bio", TEXT, REDACTED, "biography", "简介", "个人简介", "研究简介"),
        _field("email", STRING, REVEALED, "e-mail", "电子邮箱", "邮箱"),
        _field("phone", STRING, REVEALED, "phone", "联系电话", "电话"),
    ),
    shown=(
        Shown(
            name="institution_type",
            labels=Labels(en="institution type", zh="单位类型"),
            path=">employed_by:institution",
            field="institution_type",
            hierarchy="label",
        ),
        Shown(
            name="institution_region",
            labels=Labels(en="institution region", zh="单位所在地"),
            path=">employed_by:institution",
            field="region",
            hierarchy="region",
        ),
        Shown(
            name="publications",
            labels=Labels(en="publications", zh="论文数"),
            path=">authored",
            hierarchy="count_band",
        ),
        Shown(name="patents", labels=Labels(en="patents", zh="专利数"), path=">invented", hierarchy="count_band"),
    ),
)

PUBLICATION = EntityKind(
    name="publication",
    labels=Labels(en="publication", zh="论文"),
    synonyms=("paper", "work"),
    fields=(
        _field("title", TEXT, MATCHED, "title", "题名", "标题", "论文题目"),
        _field("abstract", TEXT, MATCHED, "abstract", "摘要"),
        _field("keywords", STRING, MATCHED, "keywords", "关键词", many=True),
        _field("discipline", STRING, PUBLIC, "discipline", "学科"),
        _field("year", YEAR, GENERALISED, "year", "年份", "发表年份", hierarchy="year_band"),
        _field("doi", CODE, REVEALED, "DOI", "DOI", scheme=Scheme.DOI),
    ),
)

INSTITUTION = EntityKind(
    name="institution",
    labels=Labels(en="institution", zh="机构"),
    synonyms=("university", "高校", "大学"),
    fields=(
        _field("name", STRING, REVEALED, "name", "机构名称", "名称", "单位名称"),
        _field("institution_type", STRING, PUBLIC, "institution type", "机构类型", "类型"),
        _field("region", CODE, GENERALISED, "region", "地区", "所在地", scheme=Scheme.REGION, hierarchy="region"),
    ),
)

PATENT = EntityKind(
    name="patent",
    labels=Labels(en="patent", zh="专利"),
    synonyms=("achievement", "成果", "科技成果"),
    public_record=True,
    fields=(
        _field("title", TEXT, PUBLIC, "title", "专利名称", "名称", "成果名称", "发明名称"),
        _field("abstract", TEXT, PUBLIC, "abstract", "摘要", "成果简介"),
        _field("ipc", CODE, PUBLIC, "IPC", "IPC分类号", "分类号", "国际分类号", many=True, scheme=Scheme.IPC),
        _field("filing_date", DATE, PUBLIC, "filing date", "申请日", "申请日期"),
        _field("legal_status", STRING, PUBLIC, "legal status", "法律状态"),
        _field("licence", STRING, PUBLIC, "licence", "许可方式", "license"),
        _field("price", AMOUNT, PUBLIC, "price", "价格", "转让价格", unit="CNY"),
        _field("number", CODE, REVEALED, "number", "专利号", "申请号", "公开号", scheme=Scheme.PATENT_NUMBER),
        _field("inventors", STRING, REVEALED, "inventors", "发明人", many=True),
    ),
)

_ABOUT_INSTRUMENTS = ("主要功能", "功能", "仪器简介", "设备简介", "描述", "技术指标", "用途")

INSTRUMENT = EntityKind(
    name="instrument",
    labels=Labels(en="instrument", zh="仪器"),
    synonyms=("equipment", "设备", "大型仪器"),
    public_record=True,
    fields=(
        _field("name", STRING, PUBLIC, "name", "仪器名称", "设备名称", "名称", "Item Name"),
        _field("model", STRING, PUBLIC, "model", "型号", "规格型号", "仪器型号"),
        _field("manufacturer", STRING, PUBLIC, "manufacturer", "生产厂家", "制造商", "厂商", "生产厂商"),
        _field("category", STRING, PUBLIC, "category", "仪器类别", "分类", "类别"),
        _field("technique", STRING, PUBLIC, "technique", "技术方法", "检测方法", many=True),
        _field("description", TEXT, PUBLIC, "description", "功能描述", *_ABOUT_INSTRUMENTS),
        _field("region", CODE, PUBLIC, "region", "所在地", "地区", scheme=Scheme.REGION),
        _field("price_internal", AMOUNT, PUBLIC, "internal price per hour", "校内收费标准", "内部价格", unit="CNY/h"),
        _field("price_external", AMOUNT, PUBLIC, "external price per hour", "校外收费标准", "对外价格", unit="CNY/h"),
        _field("qualification", STRING, PUBLIC, "qualification needed", "操作资质"),
        _field("contact", STRING, REVEALED, "contact person", "联系人"),
        _field("phone", STRING, REVEALED, "contact phone", "联系电话", "电话"),
        _field("email", STRING, REVEALED, "contact e-mail", "联系邮箱", "邮箱"),
        _field("serial_number", STRING, REVEALED, "serial number", "出厂编号", "资产编号", "设备编号"),
    ),
)

FUND = EntityKind(
    name="fund",
    labels=Labels(en="fund", zh="基金"),
    synonyms=("investor", "投资机构"),
    fields=(
        _field("name", STRING, REVEALED, "name", "基金名称", "名称", "机构名称"),
        _field("manager", STRING, REVEALED, "manager", "管理人", "基金管理人"),
        _field("stages", STRING, PUBLIC, "stages", "投资阶段", many=True),
        _field("sectors", STRING, PUBLIC, "sectors", "投资领域", "投资行业", "关注领域", many=True),
        _tags(),
        _regions(),
        _field("ticket_min", AMOUNT, GENERALISED, "smallest ticket", "最小投资额", unit="CNY", hierarchy="amount_band"),
        _field("ticket_max", AMOUNT, GENERALISED, "largest ticket", "最大投资额", unit="CNY", hierarchy="amount_band"),
        _field("strategy", TEXT, REDACTED, "strategy", "投资策略", "投资偏好"),
    ),
)

SINCE = _field("since", DATE, PUBLIC, "since", "起始日期", "开始时间")
UNTIL = _field("until", DATE, PUBLIC, "until", "结束日期", "结束时间")
ON = _field("date", DATE, PUBLIC, "date", "日期")
POSITION = _field("position", INTEGER, PUBLIC, "position", "排名", "次序")
SHARE = _field("share", NUMBER, INTERNAL, "share", "持股比例", unit="1")


def _relation(
    name: str,
    en: str,
    zh: str,
    sources: tuple[str, ...],
    targets: tuple[str, ...],
    *properties: Field,
    identity: tuple[str, ...] = (),
) -> RelationKind:
    return RelationKind(
        name=name,
        labels=Labels(en=en, zh=zh),
        sources=sources,
        targets=targets,
        properties=properties,
        identity=identity,
    )


RELATIONS = (
    _relation("posted", "posted", "发布", ("enterprise", "institution"), ("need",), ON),
    _relation(
        "employed_by",
        "employed by",
        "任职",
        ("expert",),
        ("institution", "enterprise"),
        SINCE,
        UNTIL,
        identity=("since",),
    ),
    _relation("authored", "authored", "撰写", ("expert",), ("publication",), POSITION),
    _relation("invented", "invented", "发明", ("expert",), ("patent",), POSITION),
    _relation("owns", "owns", "拥有", ("institution", "enterprise"), ("patent", "instrument"), SINCE),
    _relation("cites", "cites", "引用", ("publication", "patent"), ("publication", "patent")),
    _relation(
        "invested",
        "invested in",
        "投资",
        ("fund",),
        ("enterprise",),
        _field("stage", STRING, PUBLIC, "round", "轮次"),
        ON,
        _field("amount", AMOUNT, INTERNAL, "amount", "金额", unit="CNY"),
        identity=("stage", "date"),
    ),
    _relation(
        "collaborated",
        "collaborated with",
        "合作",
        ("expert", "institution"),
        ("enterprise",),
        SINCE,
        UNTIL,
        _field("topic", STRING, INTERNAL, "topic", "合作主题"),
        identity=("since",),
    ),
    _relation(
        "used",
        "used",
        "使用",
        ("enterprise",),
        ("instrument",),
        ON,
        _field("hours", NUMBER, INTERNAL, "hours", "机时", unit="h"),
        identity=("date",),
    ),
    _relation("supplies", "supplies", "供应", ("enterprise",), ("enterprise",), SINCE, UNTIL),
    _relation(
        "holds",
        "holds shares of",
        "持股",
        ("enterprise", "fund", "expert"),
        ("enterprise",),
        SINCE,
        UNTIL,
        SHARE,
        identity=("since",),
    ),
    _relation(
        SAME_AS,
        "same as",
        "同一实体",
        (ANY_KIND,),
        (ANY_KIND,),
        _field("score", NUMBER, INTERNAL, "match probability", "匹配概率", unit="1"),
        _field("method", STRING, INTERNAL, "method", "判定方法"),
    ),
    _relation(NOT_SAME_AS, "not same as", "并非同一实体", (ANY_KIND,), (ANY_KIND,)),
)

BUILTIN = catalogue_of(
    (ENTERPRISE, NEED, EXPERT, PUBLICATION, PATENT, INSTRUMENT, FUND, INSTITUTION), RELATIONS, HIERARCHIES
)
"""The catalogue that the product comes with."""
