"""What a field for a name holds as people keep lists: names with titles, notes and marks, several, in two scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import rjieba

CHINESE_PERSON = re.compile("[\u3400-\u9fff]{2,4}")
APART = re.compile("(?<=[\u2e80-\u9fff])[ ·,]+(?=[\u2e80-\u9fff])")
"""Between the characters of one name."""
_QUOTES = re.compile('[“”‘’"《》〈〉【】「」『』]')
_NOTES = re.compile(r"(?: ?[(\[][^()\[\]]*[)\]])+$")
_MARKS = re.compile(r"^[\W\d_]+|(?:[^\w().]|[\d_])+$")
_BETWEEN = re.compile(
    r"[、/;|()\[\]:]|(?<=[\u3400-\u9fff])[-,·&+ ]+(?=[\u3400-\u9fff])"
    r"|(?<=[\u3400-\u9fff])[-,·&+ ]*(?=[a-z])|(?<=[a-z.])[-,·&+ ]*(?=[\u3400-\u9fff])"
)
"""Where one name may end and another begin: at marks, and where the script changes."""
_LATIN_PERSON = re.compile("[a-z'.-]+(?: [a-z'.-]+){1,2}")
_HAN_ALONE = re.compile("[\u3400-\u9fff]{4,}")
_ACCOUNT = re.compile(r"[a-z]{2,}(?:[._-][a-z]{2,}){1,2}")
_TITLES = """
教授 副教授 助理教授 特聘教授 客座教授 讲席教授 名誉教授 研究员 副研究员 助理研究员 工程师 高级工程师
正高级工程师 教授级高工 高工 实验师 高级实验师 经济师 高级经济师 院士 博士 博士后 博士生导师
硕士生导师 博导 硕导 硕士 讲师 老师 先生 女士 小姐 同志 医生 医师 主任医师 副主任医师 主任 副主任
院长 副院长 所长 副所长 校长 副校长 经理 总经理 副总经理 董事长 总工 总监 处长 科长 部长 秘书长
"""
_TITLE_BEHIND = re.compile(rf"[ 、,/·]?(?:{'|'.join(_TITLES.split())})$")
_LATIN_TITLE = re.compile(
    r"^(?:(?:associate|assistant|visiting|adjunct) )?(?:prof|professor|dr|doctor|mr|mrs|ms|miss|sir|ing|dipl)\b[.-]? ?"
    r"|,? (?:ph\.? ?d|m\.? ?d|m\.? ?sc|m\.?b\.?a|jr|sr|esq|professor)\.?$"
)


def names_within(entry: str) -> set[str]:
    """The entry itself, folded as it is given, and the names in it.

    `1. 王小明 教授（已退休）` holds 王小明, `王小明、李四` two names, `王小明 wang xiaoming` one in two scripts.
    """
    unquoted = _QUOTES.sub("", entry)
    found = {entry, unquoted, _without_additions(unquoted), _without_marks(unquoted)}
    if _ACCOUNT.fullmatch(unquoted):
        found.add(re.sub("[._-]", " ", unquoted))
    if _BETWEEN.search(unquoted):
        found |= set(_names_of(_BETWEEN.split(unquoted)))
    return found - {""}


def _names_of(pieces: Iterable[str]) -> Iterator[str]:
    """Of the pieces of an entry those that are names: of persons, in Latin letters where all are or one is Chinese."""
    bare = [_without_marks(_without_additions(piece.strip())) for piece in pieces]
    chinese = [name for name in bare if _is_chinese_person(name)]
    latin = [name for name in bare if _LATIN_PERSON.fullmatch(name)]
    yield from chinese
    if chinese or len(latin) == len(bare):
        yield from latin
    elif len(latin) == 1 and len(bare) == 2 and any(_HAN_ALONE.fullmatch(name) for name in bare):
        yield from bare  # one name in two scripts


def _without_marks(name: str) -> str:
    bare = _MARKS.sub("", name)
    return _without_additions(bare) if bare else name


def _without_additions(name: str) -> str:
    """A name without titles and notes: `prof. dr. ada lovelace (retired)`; as it is where no name would be left."""
    bare = _NOTES.sub("", name) or name
    while (shorter := _LATIN_TITLE.sub("", bare)) != bare and " " in shorter:
        bare = shorter
    person = bare
    while (shorter := _TITLE_BEHIND.sub("", person)) != person:
        person = _NOTES.sub("", shorter)
    return person if person != bare and _is_chinese_person(APART.sub("", person)) else bare


def _is_chinese_person(name: str) -> bool:
    """Whether a dictionary of parts of speech takes it for a person: `项目主任` is not somebody called 项目."""
    return bool(CHINESE_PERSON.fullmatch(name)) and rjieba.tag(name)[0][1].startswith("nr")
