"""Industries: GB/T 4754-2017, sections and divisions by code or name; groups and classes by code."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from graph.errors import ValueRejectedError, quoted

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
    "01": "农业", "02": "林业", "03": "畜牧业", "04": "渔业", "05": "农、林、牧、渔专业及辅助性活动",
    "06": "煤炭开采和洗选业", "07": "石油和天然气开采业", "08": "黑色金属矿采选业", "09": "有色金属矿采选业",
    "10": "非金属矿采选业", "11": "开采专业及辅助性活动", "12": "其他采矿业", "13": "农副食品加工业",
    "14": "食品制造业", "15": "酒、饮料和精制茶制造业", "16": "烟草制品业", "17": "纺织业", "18": "纺织服装、服饰业",
    "19": "皮革、毛皮、羽毛及其制品和制鞋业", "20": "木材加工和木、竹、藤、棕、草制品业", "21": "家具制造业",
    "22": "造纸和纸制品业", "23": "印刷和记录媒介复制业", "24": "文教、工美、体育和娱乐用品制造业",
    "25": "石油、煤炭及其他燃料加工业", "26": "化学原料和化学制品制造业", "27": "医药制造业", "28": "化学纤维制造业",
    "29": "橡胶和塑料制品业", "30": "非金属矿物制品业", "31": "黑色金属冶炼和压延加工业",
    "32": "有色金属冶炼和压延加工业", "33": "金属制品业", "34": "通用设备制造业", "35": "专用设备制造业",
    "36": "汽车制造业", "37": "铁路、船舶、航空航天和其他运输设备制造业", "38": "电气机械和器材制造业",
    "39": "计算机、通信和其他电子设备制造业", "40": "仪器仪表制造业", "41": "其他制造业", "42": "废弃资源综合利用业",
    "43": "金属制品、机械和设备修理业", "44": "电力、热力生产和供应业", "45": "燃气生产和供应业",
    "46": "水的生产和供应业", "47": "房屋建筑业", "48": "土木工程建筑业", "49": "建筑安装业",
    "50": "建筑装饰、装修和其他建筑业", "51": "批发业", "52": "零售业", "53": "铁路运输业", "54": "道路运输业",
    "55": "水上运输业", "56": "航空运输业", "57": "管道运输业", "58": "多式联运和运输代理业", "59": "装卸搬运和仓储业",
    "60": "邮政业", "61": "住宿业", "62": "餐饮业", "63": "电信、广播电视和卫星传输服务", "64": "互联网和相关服务",
    "65": "软件和信息技术服务业", "66": "货币金融服务", "67": "资本市场服务", "68": "保险业", "69": "其他金融业",
    "70": "房地产业", "71": "租赁业", "72": "商务服务业", "73": "研究和试验发展", "74": "专业技术服务业",
    "75": "科技推广和应用服务业", "76": "水利管理业", "77": "生态保护和环境治理业", "78": "公共设施管理业",
    "79": "土地管理业", "80": "居民服务业", "81": "机动车、电子产品和日用产品修理业", "82": "其他服务业", "83": "教育",
    "84": "卫生", "85": "社会工作", "86": "新闻和出版业", "87": "广播、电视、电影和录音制作业", "88": "文化艺术业",
    "89": "体育", "90": "娱乐业", "91": "中国共产党机关", "92": "国家机构", "93": "人民政协、民主党派",
    "94": "社会保障", "95": "群众团体、社会团体和其他成员组织", "96": "基层群众自治组织及其他组织", "97": "国际组织",
}  # fmt: skip
"""Division → Chinese name."""

_CODE = re.compile(r"([A-T])?(?:(\d{1,2})|(\d{2})(\d{1,2}))?", re.IGNORECASE)
_CODE_AND_NAME = re.compile(r"([A-T]?\d{0,4})[\W_]*([^\W\da-z].*)", re.IGNORECASE | re.DOTALL)


def canonical(value: str) -> str:
    """Section letter and up to four digits of a code, a name, or a code before its name.

    Raises ValueRejectedError where code or name is unknown, or one contradicts the other.
    """
    text = value.strip()
    named = _names().get(_plain(text))
    if named is not None:
        return named
    both = _CODE_AND_NAME.fullmatch(text)
    if both is not None and both[1]:
        code, named = _coded(both[1], value), _names().get(_plain(both[2]))
        if named is not None and named[0] != code[0]:
            raise ValueRejectedError(
                f"{quoted(value)} is no industry: {both[1]} is not the code of {quoted(both[2])} ({named})"
            )
        return code
    return _coded(re.sub(r"\s", "", text), value)


def _coded(text: str, value: str) -> str:
    found = _CODE.fullmatch(text)
    if found is None or not text:
        raise ValueRejectedError(
            f"{quoted(value)} is no industry; valid: GB/T 4754 codes like C39, C3912 or 3912, "
            "or a section or division name"
        )
    section, short, division, rest = found.groups()
    division = division or (short and short.zfill(2))  # a spreadsheet drops the 0 of 07
    if not division:
        return str(section).upper()
    belongs = _section(division)
    if not belongs or (section and section.upper() != belongs):
        raise ValueRejectedError(
            f"{quoted(value)} is no industry: division {division} "
            + (f"belongs to section {belongs}" if belongs else "does not exist")
        )
    return f"{belongs}{division}{rest or ''}"


@cache
def _names() -> dict[str, str]:
    """Name as `_plain` has it → code; of two with one name the section."""
    divisions = {_plain(name): _section(number) + number for number, name in DIVISIONS.items()}
    return divisions | {_plain(n): code for code, (_, _, zh, en) in SECTIONS.items() for n in (zh, en)}


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).lower())


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
    if lang == "zh":
        name = DIVISIONS.get(code[1:3], name)
        return name if len(code) == 3 else f"{name} ({code})"
    return f"{name} ({code})"
