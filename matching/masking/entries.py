"""What a field for a name holds as people keep lists: names with titles, notes and marks, several, in two scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import rjieba

LONGEST = 200
"""Characters of an entry that is looked into; a longer one is no name, and counts as it is."""
CHINESE_PERSON = re.compile("[\u3400-\u9fff]{2,4}")
APART = re.compile("(?<=[\u2e80-\u9fff])[ ·,]+(?=[\u2e80-\u9fff])")
"""Between the characters of one name."""
_LONG_FAMILIES = """
欧阳 司马 诸葛 上官 皇甫 令狐 慕容 公孙 司徒 夏侯 端木 尉迟 长孙 宇文 东方 南宫 百里 呼延
钟离 轩辕 濮阳 澹台 申屠 赫连 万俟 独孤 闻人 淳于 单于 鲜于 公冶 司空 拓跋 公羊 太史 西门
歐陽 司馬 諸葛 公孫 尉遲 長孫 東方 南宮 鍾離 軒轅 濮陽 澹臺 赫連 萬俟 獨孤 聞人 單于 鮮于
"""
TWO_CHARACTERS = frozenset(_LONG_FAMILIES.split())
"""Family names of two characters."""
_FAMILIES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
"""The most common family names of one character."""
LONG_CHINESE = 4
"""Characters from which on a Chinese name is rather one of a firm or an institution, and no ordinary word."""
_QUOTES = re.compile('[“”‘’"《》〈〉【】「」『』]')
_NOTES = re.compile(r"(?: ?[(\[][^()\[\]]*[)\]])+$")
_MARKS = "".join(map(chr, range(0x21, 0x41))) + "[]^_`{|}~。．·•…—、；：，！？＊※№ "
_HAN, _LATIN = "[\u3400-\u9fff][\u3400-\u9fff ·]*", "[a-z][a-z'., -]*"
_TWO_SCRIPTS = re.compile(rf"({_HAN})[ ,/(\[-]*({_LATIN})[)\]]?|({_LATIN}?)[ /(\[]*({_HAN})[)\]]?")
_BETWEEN = tuple(map(re.compile, ("[、/;|]", "(?<=[\u3400-\u9fff]) ?[ ,] ?(?=[\u3400-\u9fff])", "[;/&|]| and ")))
"""What stands between the names of a list: one of these all through."""
_ANY_BETWEEN = re.compile("|".join(between.pattern for between in _BETWEEN))
_LATIN_PERSON = re.compile("[a-z'.-]+(?: [a-z'.-]+){1,2}|[a-z'-]+, [a-z'.-]+(?: [a-z'.-]+)?")
_ACCOUNT = re.compile(r"[a-z]{2,}(?:[._][a-z]{2,}){1,2}")
_TITLES = """
教授 副教授 助理教授 特聘教授 客座教授 讲席教授 名誉教授 研究员 副研究员 助理研究员 工程师 高级工程师
正高级工程师 教授级高工 高工 实验师 高级实验师 经济师 高级经济师 院士 博士 博士后 博士生导师
硕士生导师 博导 硕导 硕士 讲师 老师 先生 女士 小姐 同志 医生 医师 主任医师 副主任医师 主任 副主任
院长 副院长 所长 副所长 校长 副校长 经理 总经理 副总经理 董事长 总工 总监 处长 科长 部长 秘书长
书记 副书记 青年研究员 特聘研究员 组长 技术员 总裁 副总裁
"""
_AMONG_OTHERS = re.compile(r" ?等(?: ?(?:人|\d{1,2} ?人))?$")
_UNIT = "[\u3400-\u9fff]{2,20}?(?:大学|学院|系|研究院|研究所|实验室|中心|医院|公司|部|处|科|室|组)"
_TITLE = "|".join(_TITLES.split())
_TITLE_BEHIND = re.compile(rf"[ 、,/·]?(?:{_TITLE})$")
_BESIDE = re.compile(
    rf"(?:{_UNIT}|{_TITLE})[ ,/:·-]+(?P<behind>{_HAN})"
    rf"|(?P<before>{_HAN}?)[ ,/:·-]+(?:{_UNIT}|男|女)"
)
"""A person and, apart from the name, where somebody works, or a title in front."""
_GROUP_BEHIND = re.compile(" ?(?:课题组|研究组|团队)$")
_PERSONAL = re.compile("(?:教授|研究员|院士|博士|博士后|博导|硕导|导师|老师|先生|女士|小姐)[、,/·]?$")
_LATIN_TITLE = re.compile(
    r"^(?:(?:associate|assistant|visiting|adjunct) )?(?:prof|professor|dr|doctor|mr|mrs|ms|miss|sir|ing|dipl)\b[.-]? ?"
    r"|,? (?:ph\.? ?d|m\.? ?d|m\.? ?sc|m\.?b\.?a|jr|sr|esq|professor)\.?$"
)


def names_within(entry: str) -> set[str]:
    """The entry itself, folded as it is given, and the names in it.

    `1. 王小明 教授（已退休）` holds 王小明, `王小明、李四` two names, `王小明 wang xiaoming` one in two scripts. What
    stands in brackets behind a name in the same script is a note on it, mostly no name: `李老师（显微镜）`.
    """
    if len(entry) > LONGEST:
        return {entry}
    unquoted = _QUOTES.sub("", entry)
    found = {entry, unquoted, _without_additions(unquoted)}
    stripped = unquoted.strip(_MARKS)
    if stripped != unquoted and (stripped := _without_additions(stripped)) and _is_name(stripped):
        found.add(stripped)
    if _ACCOUNT.fullmatch(unquoted):
        found.add(re.sub("[._]", " ", unquoted))
    if both := _TWO_SCRIPTS.fullmatch(unquoted):
        found |= set(_in_two_scripts([half.strip(" ,") for half in both.groups() if half]))
    if beside := _BESIDE.fullmatch(unquoted):
        found |= {name for name in map(_without_additions, filter(None, beside.groups())) if _is_person(_joined(name))}
    if _ANY_BETWEEN.search(unquoted):
        found |= set(_several(unquoted))
    return found - {""}


def _in_two_scripts(halves: list[str]) -> Iterator[str]:
    """Both halves of an entry, where they are one name of several words or characters each."""
    chinese, latin = sorted(halves, reverse=True)  # Latin letters come before
    joined = _joined(chinese)
    if _LATIN_PERSON.fullmatch(latin) and _is_name(joined):
        yield joined
        yield latin


def _several(entry: str) -> Iterator[str]:
    """The names of a list of persons; nothing where anything in it is no person."""
    for between in _BETWEEN:
        pieces = between.split(entry)
        if len(pieces) > 1:
            names = [_joined(_without_additions(piece.strip())) for piece in pieces]
            if all(map(_is_person, names)):
                yield from names


def _joined(name: str) -> str:
    return APART.sub("", name)


def _is_name(name: str) -> bool:
    """Whether it is a person's, or so long a Chinese one that it is no ordinary word."""
    return _is_person(name) or sum("\u3400" <= character <= "\u9fff" for character in name) >= LONG_CHINESE


def _is_person(name: str) -> bool:
    return bool(_LATIN_PERSON.fullmatch(name)) or _is_chinese_person(name)


def _without_additions(name: str) -> str:
    """A name without titles and notes: `prof. dr. ada lovelace (retired)`; as it is where no name would be left."""
    bare = _NOTES.sub("", name) or name
    if (first := _AMONG_OTHERS.sub("", bare)) != bare and _is_person(_joined(first)):
        bare = first
    while (shorter := _LATIN_TITLE.sub("", bare)) != bare and (" " in shorter or _is_person(shorter)):
        bare = shorter
    person = titled = _GROUP_BEHIND.sub("", bare)
    personal = False
    while (shorter := _TITLE_BEHIND.sub("", person)) != person:
        personal = personal or bool(_PERSONAL.search(person))
        person = _NOTES.sub("", shorter)
    # Without a title a group is called by what it does as often as by who leads it: 金刚石课题组.
    return person if person != titled and _is_called(_joined(person), personal) else bare


def _is_called(name: str, personal: bool) -> bool:
    """Whether what stands before a title is a person.

    Before one that only persons have (`personal`), so are a common family name and one character, if they are no word.
    """
    if _is_chinese_person(name):
        return True
    return personal and len(name) == 2 and name[0] in _FAMILIES and not rjieba.has_word(name)


def _is_chinese_person(name: str) -> bool:
    """Whether a dictionary of parts of speech takes it for one person: `项目主任` is not somebody called 项目."""
    if not CHINESE_PERSON.fullmatch(name):
        return False
    first, part = rjieba.tag(name)[0]
    return part.startswith("nr") and (len(first) in (1, len(name)) or name[:2] in TWO_CHARACTERS)
