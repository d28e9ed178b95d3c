"""What `match` and `demo` say to people, in the user's language; kinds, fields and reasons have words of their own."""

from __future__ import annotations

import os

from graph.schema import Labels


def language() -> str:
    """`zh` or `en`, as the user's environment says."""
    known = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "zh" if known.startswith("zh") else "en"


def said(labels: Labels, *values: object) -> str:
    """A label in the user's language, with values in its places."""
    text = labels.zh if language() == "zh" else labels.en
    return text.format(*values) if values else text


def _pair(en: str, zh: str) -> Labels:
    return Labels(en=en, zh=zh)


# An answer.
ASKED = _pair("{} · “{}” · asked as {}", "{} · “{}” · 提问身份：{}")
NOBODY = _pair("no match: nothing fits, or fewer than a group needs", "没有结果：没有合适的候选，或不足一组")
SAYS_IN_ORDER = _pair(
    "The {} point by point: ✓ some text comes close to it, → of which ranks; ✗ none does",
    "{}逐条对照：✓ 有相近的材料，→ 后为候选名次；✗ 没有",
)
SAYS = _pair(
    "The {} point by point: ✓ texts of a group come close to it; ✗ of fewer",
    "{}逐条对照：✓ 至少一组候选有相近的材料；✗ 不足一组",
)
"""Of the subject, whatever it is: of an expert's or a fund's own texts nothing is asked."""
ONE_WORD = _pair("hardly by more than one shared word", "几乎只靠一个共同用词")
BAND = _pair("{} score", "得分{}")
HIGHEST, LOWER = _pair("highest scores here", "此处得分最高的"), _pair("lower scores", "得分较低的")
"""Instead of bands, where there is no good match."""
BANDS_ARE = _pair(
    "Bands say how high the score is ({}), not how much of what is asked the texts cover.",
    "档次（{}）只反映得分高低，不代表材料对应了多少要求。",
)
ASK_WHY = _pair(
    "`--explain` says whether any is a good match, what is missing, and why.",
    "加 `--explain` 可知是否合适、缺什么、为什么。",
)
UNORDERED = _pair(", in no order", "，组内无序")
NOTHING = _pair("nothing may be shown", "没有可展示的内容")
SHARED = _pair("{} or more show these same values", "所示信息相同的不少于{}个")
SOME = _pair(
    "Of a list a card may show only some; what others must not tell apart is left out.",
    "列表类信息可能只展示其中一部分，以免被人辨认出来。",
)
NO_COUNT = _pair("none", "无")
UNITS = {
    "CNY": _pair(" yuan", "元"),
    "CNY/h": _pair(" yuan/h", "元/小时"),
    "h": _pair(" h", "小时"),
}
"""Unit of a field → how it stands behind a number."""
COMMA = _pair(", ", "、")
BAND_NAMES = {
    "strong": _pair("strong", "很高"),
    "good": _pair("good", "较高"),
    "fair": _pair("fair", "一般"),
    "weak": _pair("weak", "较低"),
}
SHARES = {"most": _pair("most", "大部分"), "much": _pair("much", "较多"), "some": _pair("some", "少许")}
ROLES = {
    "outsider": _pair("outsider", "外部人"),
    "enterprise": _pair("enterprise", "企业"),
    "expert": _pair("expert", "专家"),
    "fund-manager": _pair("fund-manager", "基金经理"),
    "owner": _pair("owner", "仪器管理方"),
    "broker": _pair("broker", "技术经纪人"),
    "operator": _pair("operator", "运营方"),
}

# The demo.
GENERATED = _pair(
    "Qianxian 牵线 · a generated world: nobody and nothing in it is real.",
    "牵线 Qianxian · 以下均为生成数据，没有真人真事。",
)
WRITTEN = _pair("sample world written", "样例世界已生成")
LOADED = _pair("loaded into the graph store", "已载入图存储")
BUILT = _pair("projection, masks and text indexes built", "投影、脱敏与文本索引已建立")
LEARNED = _pair("models learned from past outcomes", "已根据历史合作训练模型")
SECONDS = _pair("{:.1f} s", "{:.1f} 秒")
FOR_EXPERTS = _pair("A broker looks for experts for an enterprise's need", "技术经纪人为企业的需求找专家")
FOR_PATENTS = _pair("… patents for the same need", "……为同一需求找专利")
FOR_INSTRUMENTS = _pair("… instruments for the same need", "……为同一需求找仪器")
FOR_PROJECTS = _pair("A fund browses projects", "基金浏览项目")
FOR_FUNDS = _pair("An enterprise looks for funds", "企业找基金")
OVER_HTTP = _pair(
    "The first question over HTTP, of a service started for it and stopped again",
    "通过 HTTP 再问第一个问题（为此启动的服务随后停止）",
)
TOOK = _pair("POST {} → 200 in {:.0f} ms", "POST {} → 200，用时 {:.0f} 毫秒")
DONE = _pair("Done in {:.0f} s. To go on:", "完成，用时 {:.0f} 秒。接下来：")
START = _pair("{}make serve      (or: {}{} serve), then open {}/", "{}make serve      （或：{}{} serve），然后打开 {}/")
KEY = _pair("a broker's key, valid for 30 days:  {}", "技术经纪人的密钥，30 天内有效：  {}")
