"""Names as they are written, and finding them: spellings, word boundaries, overlaps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from matching.masking.names import forms_of, name_fields, spellings
from matching.masking.patterns import folded, loosened
from matching.masking.redact import PLACEHOLDERS, NameFinder, Redactor

NAME = PLACEHOLDERS["name"]


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("Ada Lovelace", {"lovelace, ada", "lovelace ada", "a  lovelace", "lovelace, a"}),
        ("A. B. Example", {"example, a  b", "a b  example", "example ab", "a  example"}),
        ("王 伟", {"王伟", "wang wei", "wei wang", "wang, w"}),
        ("王小明", {"xiaoming wang", "wang xiao ming", "xiao ming wang", "x  m  wang", "x  wang", "wang xm"}),
        ("曾 布", {"zeng bu", "bu zeng"}),
        ("吕 征", {"zheng lu", "zheng lyu", "lv zheng"}),
        ("吕重行", {"chongxing lu", "zhongheng lyu", "chonghang lv"}),
        ("单和行", {"hexing shan", "huohang chan", "dan hexing"}),
        ("解率行", {"shuaixing xie", "luhang jie"}),
        ("仇和行", {"hexing qiu", "chou hexing"}),
        ("李 伟", {"w  li", "li, w ", "wei li"}),
        ("濮阳明", {"ming puyang", "puyang, m"}),
        ("歐陽明", {"ouyang ming"}),
        ("欧阳明远", {"mingyuan ouyang", "ouyang mingyuan"}),
        ("欧阳 远", {"ou yang yuan", "yuan ou yang", "ou yang, yuan"}),
        ("王小明教授", {"王小明", "xiaoming wang"}),
        ("王小明（已退休）", {"王小明"}),
        ("高静 副教授", {"高静", "jing gao"}),
        ("王小明教授课题组", {"王小明"}),
        ("高静老师 团队", {"高静"}),
        ("王小明 特聘教授、博导", {"王小明"}),
        ("欧阳明远 高级工程师（返聘）[兼职]", {"欧阳明远", "mingyuan ouyang"}),
        ("Prof. Dr. Ada Lovelace, Ph.D. (retired)", {"ada lovelace", "lovelace, a"}),
        ("王小明 Wang Xiaoming", {"王小明", "wang xiaoming", "x  wang"}),
        ("李建国（Li Jianguo）", {"李建国", "li jianguo"}),
        ("Wang Xiaoming (王小明)", {"王小明", "xiaoming wang", "wang, x"}),
        ("WANG Lihua", {"lihua wang", "l  wang", "wang, l"}),
        ("Wang Xiao Ming", {"xiaoming wang", "xiao ming wang", "x m  wang"}),
        ("John Smith; Mary Jones", {"john smith", "jones, mary"}),
        ("浙江某某大学 Zhejiang Sample University", {"浙江某某大学", "zhejiang sample university"}),
        ("王小明、李建国/赵丽", {"王小明", "李建国", "赵丽"}),
        ("王小明，李建国", {"王小明", "李建国"}),
        ("王小明、李建国等3人", {"王小明", "李建国"}),
        ("王小明等", {"王小明"}),
        ("Dr. 王小明", {"王小明", "xiaoming wang"}),
        ("材料学院 王小明", {"王小明", "wang xiaoming"}),
        ("王 小明/浙江某某大学", {"王小明"}),
        ("教授：王小明", {"王小明"}),
        ("王小明，男", {"王小明"}),
        ("王小明书记", {"王小明"}),
        ("1. 王小明", {"王小明"}),
        ("@王小明*", {"王小明"}),
        ("《王小明》", {"王小明"}),
        ("王 强、李小明", {"王强", "李小明"}),
        ("Smith, John; Doe, Jane", {"john smith", "doe, jane"}),
        ("Li Ming & Wang Hua", {"li ming", "wang hua", "hua wang"}),
        ("Vincent van Gogh", {"van gogh, vincent", "gogh, vincent van", "v  van gogh"}),
        ("Nguyen Van Anh", {"anh, nguyen van", "anh, n v"}),
        ("Sample Power AG", {"sample power"}),
        ("Wang.Xiaoming", {"wang xiaoming", "xiaoming wang"}),
        ("欧阳小明", {"xiaoming ou yang", "ou yang xiaoming"}),
        ("John A. B. Smith", {"john smith", "smith, john", "j  smith"}),
        ("Ludwig van der Berg", {"van der berg, ludwig", "l  van der berg"}),
        ("样本科技有限公司（西安）", {"样本科技"}),
        ("样本科技有限公司西安分公司", {"样本科技"}),
        ("“样本科技”有限公司。", {"样本科技"}),
        ("Sample Tech Pte. Ltd.", {"sample tech"}),
        ("Sample Tech Co., Ltd., Xi'an Branch", {"sample tech"}),
        ("Lovelace, Ada", {"ada lovelace", "lovelace ada", "a  lovelace", "lovelace, a"}),
        ("Jürgen Müller", {"muller, jurgen", "mueller, juergen", "juergen mueller"}),
        ("Ann-Lee O’Hara", {"o'hara, ann lee", "a  l  o'hara", "o'hara al", "a  o'hara"}),
        ("杭州样本智能科技有限公司", {"样本智能科技", "杭州样本智能科技"}),
        ("浙江省杭州市样本（杭州）电梯集团有限公司", {"样本电梯", "样本(杭州)电梯"}),
        ("Sample Thermal Co., Ltd.", {"sample thermal"}),
        ("０１２Ａ", {"012a"}),
    ],
)
def test_spellings(name: str, also: set[str]) -> None:
    assert loosened(folded(name)) in spellings(name)
    assert also <= spellings(name)


@pytest.mark.parametrize("name", ["X", "  ", "20210315", "\ufffc\ufffc"])
def test_what_would_hit_too_much_or_nothing_is_no_name(name: str) -> None:
    assert spellings(name) == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("工程师", "工程"), ("办公室主任", "办公室"), ("项目经理", "项目"), ("Dr. Who", "who knows"),
        ("李老师（显微镜）", "透射电子显微镜"), ("王强（雷达）", "车载雷达"), ("王强/红外室", "红外室温"),
        ("样本科技（白银）有限公司", "白银纳米浆料"), ("周老师(光催化)", "光催化"), ("康复科 王强", "康复"),
        ("李 静（玉米、小麦）", "玉米小麦"), ("Young, S.A.", "young people"), ("Power AG", "power modules"),
        ("Light SA", "light source"), ("SN1234", "Sn solder"), ("low-voltage", "voltage l"),
        ("3D打印公司", "打印"), ("2021AB", "ab initio"),
        ("雷达团队", "车载雷达"), ("高级 工程师", "高级氧化"), ("高分子课题组", "高分子膜"), ("金刚石课题组", "金刚石"),
        ("材料中心 高压", "高压电缆"), ("显微镜室，男", "显微镜室"), ("Dr. 项目", "项目"),
        ("王强，测试中心", "测试中心"),
        ("王教授团队", "王教授"), ("高光谱老师", "高光谱遥感"), ("孔板工程师", "孔板流量计"), ("叶绿素团队", "叶绿素"),
    ],
)  # fmt: skip
def test_ordinary_words_beside_a_name_stay(name: str, text: str) -> None:
    assert Redactor([name]).redact(text) == text
    assert loosened(folded(name)).strip() in {form.strip() for form in spellings(name)}


def test_a_long_entry_is_taken_as_it_is() -> None:
    for piece in ("教授", "a,,,,b", "王*", "a1", "王小明、", "ab "):
        entry = piece * 20_000
        assert spellings(entry) <= {loosened(folded(" ".join(entry.split())))}


def test_a_chinese_name_is_found_as_latin_letters_write_it() -> None:
    redactor = Redactor(forms_of(["王小明", "唐宁"]))
    text = "Prof. Wang Xiaoming (Xiao-Ming WANG, X. Wang) works with Ning Tang; the tangent stays, and 5 n tanks."
    assert redactor.redact(text) == (f"Prof. {NAME} ({NAME}) works with {NAME}; the tangent stays, and 5 n tanks.")


def test_a_firms_short_form_is_not_an_ordinary_ending() -> None:
    assert "un" not in spellings("Unlimited")
    assert spellings("杭州科技有限公司") == {"杭州科技有限公司", "杭州科技"}  # two characters are no firm's name


def test_revealed_fields_hold_names_also_where_a_kinds_file_closed_them() -> None:
    from graph.kinds import BUILTIN

    closed = BUILTIN.extended({"entities": [{"name": "expert", "fields": [{"name": "name", "access": "internal"}]}]})
    assert "name" in name_fields(closed.entity("expert"))
    assert "registered_capital" not in name_fields(BUILTIN.entity("enterprise"))


@pytest.mark.parametrize(
    ("names", "text", "told"),
    [
        (
            ["Wei", "Wei Li"],
            "Wei Lindberg",
            f"{NAME} Lindberg",
        ),
        (["Ann Lee", "Lee Smith"], "Joann Lee Smith", f"Joann {NAME}"),
        (["Ann Lee", "Lee Smith"], "Ann Lee Smith", NAME),
        (["样本甲", "甲乙丙"], "由样本甲乙丙研制", f"由{NAME}研制"),
        (["Ann Lee"], "ANN\nLEE and Ａｎｎ　Ｌｅｅ", f"{NAME} and {NAME}"),
        (["张三"], "张\u200b三", NAME),
        (["张三"], "张 三，张-三", f"{NAME}，{NAME}"),
        (["张三丰", "Wei Li"], "张 三 丰 wei_li", f"{NAME} {NAME}"),
        (["Lee"], "sleepy Leeds, Lee's", f"sleepy Leeds, {NAME}'s"),
        (["名称", "name"], "名称 name", f"{NAME} {NAME}"),
    ],
)
def test_finding(names: list[str], text: str, told: str) -> None:
    assert Redactor(names).redact(text) == told


_PIECES = st.sampled_from(["张", "三", "丰", "wei", "li", "Wei Li", " ", ",", "a", "１", "\u3000", NAME, "电"])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text("张三丰weil ", min_size=2, max_size=5), max_size=5), st.lists(_PIECES, max_size=12))
def test_no_name_is_left_and_doing_it_again_changes_nothing(names: list[str], pieces: list[str]) -> None:
    redactor = Redactor(names)
    once = redactor.redact("".join(pieces))
    assert redactor.redact(once) == once
    rest = folded(once)
    for placeholder in PLACEHOLDERS.values():
        rest = rest.replace(folded(placeholder), "\ufffc")
    rest = loosened(rest)
    for form in forms_of(names):
        at = rest.find(form)
        while at >= 0:
            before, after = rest[at - 1 : at], rest[at + len(form) : at + len(form) + 1]
            inside = (form[0].isascii() and form[0].isalnum() and before.isascii() and before.isalnum()) or (
                form[-1].isascii() and form[-1].isalnum() and after.isascii() and after.isalnum()
            )
            assert inside, (form, once)
            at = rest.find(form, at + 1)


def test_no_names_find_nothing() -> None:
    assert NameFinder([]).spans("anything") == []
    assert Redactor([]).redact("Ada Lovelace") == "Ada Lovelace"
