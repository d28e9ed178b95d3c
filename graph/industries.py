"""Industries: GB/T 4754-2017, sections and divisions by code or name; groups and classes by code."""

from __future__ import annotations

import re

from graph.errors import ValueRejectedError

SECTIONS: dict[str, tuple[int, int, str, str]] = {
    "A": (1, 5, "农、林、牧、渔业", "agriculture, forestry and fishing"),
    "B": (6, 12, "采矿业", "mining"),
    "C": (13, 43, "制造业", "manufacturing"),
    "D": (44, 46, "电力、热力、燃气及水生产和供应业", "electricity, heat, gas and water"),
    "E": (47, 50, "建筑业", "construction"),
    "F": (51, 52, "批发和零售业", "wholesale and retail"),
    "G": (53, 60, "交通运输、仓储和邮政业", "transport, storage and post"),
    "H": (61, 62, "住宿和餐饮业", "accommodation and catering"),
    "I": (63, 65, "信息传输、软件和信息技术服务业", "information, software and IT services"),
    "J": (66, 69, "金融业", "finance"),
    "K": (70, 70, "房地产业", "real estate"),
    "L": (71, 72, "租赁和商务服务业", "leasing and business services"),
    "M": (73, 75, "科学研究和技术服务业", "research and technical services"),
    "N": (76, 79, "水利、环境和公共设施管理业", "water, environment and public facilities"),
    "O": (80, 82, "居民服务、修理和其他服务业", "household and repair services"),
    "P": (83, 83, "教育", "education"),
    "Q": (84, 85, "卫生和社会工作", "health and social work"),
    "R": (86, 90, "文化、体育和娱乐业", "culture, sports and entertainment"),
    "S": (91, 96, "公共管理、社会保障和社会组织", "public administration and social organisations"),
    "T": (97, 97, "国际组织", "international organisations"),
}
"""Section → first and last division, Chinese and English name."""

DIVISIONS: dict[str, str] = {
    "13": "农副食品加工业", "14": "食品制造业",
    "15": "酒、饮料和精制茶制造业", "17": "纺织业", "18": "纺织服装、服饰业",
    "22": "造纸和纸制品业",
    "26": "化学原料和化学制品制造业", "27": "医药制造业", "28": "化学纤维制造业",
    "29": "橡胶和塑料制品业", "30": "非金属矿物制品业", "31": "黑色金属冶炼和压延加工业",
    "32": "有色金属冶炼和压延加工业",
    "33": "金属制品业",
    "34": "通用设备制造业", "35": "专用设备制造业", "36": "汽车制造业",
    "37": "铁路、船舶、航空航天和其他运输设备制造业", "38": "电气机械和器材制造业",
    "39": "计算机、通信和其他电子设备制造业", "40": "仪器仪表制造业", "44": "电力、热力生产和供应业",
    "63": "电信、广播电视和卫星传输服务", "64": "互联网和相关服务", "65": "软件和信息技术服务业", "66": "货币金融服务",
    "67": "资本市场服务", "73": "研究和试验发展", "74": "专业技术服务业", "75": "科技推广和应用服务业",
    "77": "生态保护和环境治理业", "83": "教育", "84": "卫生",
}  # fmt: skip
"""Division → Chinese name, for the divisions that technology needs come from."""

_CODE = re.compile(r"([A-T])?(\d{2})?(\d{1,2})?")
_NAMES = {name: section for section, (_, _, name, _) in SECTIONS.items()}


def canonical(value: str) -> str:
    """Section letter and up to four digits; ValueRejectedError where code or name is unknown."""
    text = value.strip()
    if text in _NAMES:
        return _NAMES[text]
    for number, name in DIVISIONS.items():
        if text == name:
            return _section(number) + number
    found = _CODE.fullmatch(text.upper())
    if found is None or not text:
        raise ValueRejectedError(
            f"{value!r} is no industry; valid: GB/T 4754 codes like C39, C3912 or 3912, or a section's name"
        )
    section, division, rest = found.groups()
    if division is None:
        return str(section)
    belongs = _section(division)
    if not belongs or (section and section != belongs):
        raise ValueRejectedError(
            f"{value!r} is no industry: division {division} "
            + (f"belongs to section {belongs}" if belongs else "does not exist")
        )
    return f"{belongs}{division}{rest or ''}"


def _section(division: str) -> str:
    return next((s for s, (first, last, _, _) in SECTIONS.items() if first <= int(division) <= last), "")


def label(code: str, lang: str = "zh") -> str:
    """The name of a section or division; with its code where it is finer."""
    section = SECTIONS.get(code[:1])
    if section is None:
        return code
    name = section[2] if lang == "zh" else section[3]
    if len(code) == 1:
        return name
    if lang == "zh" and code[1:3] in DIVISIONS:
        name = DIVISIONS[code[1:3]]
    return name if len(code) == 3 and code[1:3] in DIVISIONS and lang == "zh" else f"{name} ({code})"
