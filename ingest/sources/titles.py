"""Column titles that offices use beyond the labels and synonyms of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

ID, NUMBERING, SPAN, CONTACT, LOOSE = "id", "\0numbering", "\0span", "\0contact", "\0loose:"
"""What a column is besides a field: the record's id, a running number, two fields as a range, a person with a telephone
number, text that gives a field if it can be read so (`LOOSE`, the field, a colon and the title)."""

IDS = ("id", "标识", "标识符", "identifier")
NUMBERINGS = ("序号", "序", "no", "行号", "项次", "index", "serialno", "sn")
TOTALS = frozenset({"合计", "总计", "小计", "共计", "total", "sum"})
MORE_TITLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("instrument", "description"): (
        *("功能用途", "服务内容", "应用范围", "主要技术指标"),
        *("主要功能及技术指标", "主要功能和技术指标", "主要功能与技术指标"),
    ),
    ("instrument", "serial_number"): ("仪器编号", "固定资产编号", "资产号"),
    ("instrument", "manufacturer"): ("制造厂商", "生产商", "厂家"),
    ("instrument", "contact"): ("机组人员", "仪器负责人", "机组负责人", "负责人", "管理员"),
    ("instrument", "phone"): ("手机", "电话号码", "联系方式"),
    ("instrument", "price_internal"): ("校内价格", "对内收费标准", "内部收费标准"),
    ("instrument", "price_external"): ("收费标准", "机时费", "对外收费标准", "校外价格", "外部收费标准"),
    ("expert", "name"): ("name",),
    ("expert", "phone"): ("手机", "电话号码", "联系方式"),
    ("expert", "tags"): ("研究领域", "专业领域", "擅长领域", "专长", "学科方向", "research interests"),
    ("expert", "title"): ("技术职称", "职称职务", "职务职称", "职称及职务", "职称和职务"),
    ("need", "title"): ("技术需求名称", "难题名称", "项目名称"),
    ("need", "text"): ("技术需求内容", "技术需求", "需求详情", "需求简介", "需求说明", "难题描述"),
    ("need", "budget"): ("意向投入资金", "拟投入资金", "预算金额", "项目预算", "投入预算"),
    ("enterprise", "name"): ("企业全称",),
    ("enterprise", "regions"): ("注册地", "所在区县", "所在区", "所在地区", "所在城市"),
    ("enterprise", "size"): ("人员规模", "员工规模", "职工人数"),
    ("enterprise", "business_scope"): ("企业简介", "主要产品", "主营产品"),
    ("enterprise", "contact"): ("企业联系人", "技术联系人"),
    ("enterprise", "phone"): ("手机", "手机号", "联系方式"),
    ("patent", "number"): ("授权号", "专利申请号", "申请公布号", "授权公告号"),
    ("patent", "title"): ("标题中文",),
    ("patent", "abstract"): ("技术简介",),
    ("patent", "ipc"): ("IPC主分类号", "主分类号"),
    ("patent", "inventors"): ("inventor", "发明设计人", "完成人", "主要完成人"),
    ("institution", "region"): ("所在地区", "所属地区", "所在城市"),
    ("instrument", "region"): ("所在地区", "所属地区", "所在城市"),
    ("fund", "name"): ("投资机构", "投资机构名称"),
    ("fund", "manager"): ("管理人名称", "管理机构", "基金管理机构", "基金管理公司", "管理公司"),
    ("fund", "regions"): ("所在地区", "所在城市"),
    ("publication", "title"): ("论文名称", "篇名"),
    ("publication", "year"): ("发表时间", "出版年"),
}
"""Further titles that offices use, by kind and field."""
YIELDING: Mapping[str, Mapping[str, str]] = {
    "fund": dict.fromkeys(("机构名称", "投资机构", "投资机构名称"), "manager"),
}
"""Kind → titles that give way to any other of their field, and the field that they mean then: 机构名称 alone names a
fund, beside 基金名称 who manages it."""
CONTACTS = frozenset(
    f"{who}{word}{how}"
    for who in ("联系人", "企业联系人", "负责人", "项目负责人", "机组负责人", "仪器负责人", "管理员")
    for word in ("", "及", "及其", "和", "与")
    for how in ("电话", "电话号码", "联系电话", "联系方式", "手机", "手机号")
)
"""Titles of a column that holds a person and a telephone number."""
SPANS: Mapping[str, tuple[tuple[str, ...], tuple[str, str]]] = {
    "fund": (
        ("单笔投资金额", "单笔投资规模", "投资金额", "投资规模", "投资额度", "ticketsize"),
        ("ticket_min", "ticket_max"),
    ),
}
"""Kind → titles of a column that holds two fields as a range, and the two."""
_ADDRESSES = ("注册地址", "地址", "企业地址", "单位地址", "通讯地址", "经营地址", "住所", "address")
LOOSELY: Mapping[str, Mapping[str, str]] = {
    "enterprise": dict.fromkeys(_ADDRESSES, "regions") | dict.fromkeys(("规模", "企业规模"), "size"),
    "institution": dict.fromkeys(_ADDRESSES, "region"),
}
"""Kind → titles of columns that give a field where they can: an address a region, 50-99人 (but not 中型) a size."""
