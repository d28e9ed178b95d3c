"""Redaction sees through how a text is written: width, blanks, line ends, brackets, overlapping names."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings, strategies as st

from matching.masking import Redactor
from matching.masking.patterns import visible_only
from matching.masking.redact import PLACED, PLACEHOLDERS

REDACTOR = Redactor(["Ada Lovelace", "Ann", "Ann Lee", "张三丰", "李明", "明华公司"])
PEOPLE = ["Müller, Jürgen", "José García", "O'Brien Patrick", "John Smith", "Anna Field", "Jean-Luc Picard", "王小明"]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Ada\r\nLovelace", "Lovelace"),
        ("Ada \r\n  Lovelace", "Lovelace"),
        ("Ada \t\u3000Lovelace", "Lovelace"),
        ("Ａｄａ　Ｌｏｖｅｌａｃｅ", "Ｌｏｖｅ"),
        ("张\u200b三\ufeff丰", "三"),
        ("［张三丰］", "张三丰"),  # brackets of a placeholder, written by hand
        ("［名称 name］张三丰", "张三丰"),
        ("［张三丰", "张三丰"),
        ("Ann Leeds", "Ann"),  # the longer name fails, the shorter one is there
        ("李明华公司", "华公司"),  # two names that overlap
        ("ａｂｃ＠ｑｑ．ｃｏｍ", "ｑｑ"),
        ("abc[at]qq.com", "qq.com"),
        ("身份证 ３３０１０６１９９００１０１１２３４", "３３０１"),
        ("浙Ａ１２３４５", "１２３４５"),
        ("1 3 8 0 0 1 3 8 0 0 0", "3 8"),
        ("138 001 38000", "38000"),
        ("86 571 8765 4321", "8765"),
        ("固话：87654321", "87654321"),
        ("微 信：abc12345", "abc12345"),
        ("QQ群：123456789", "123456789"),
        ("余杭塘路866号", "866"),
        ("No. 38 Zheda Road, Hangzhou", "38 Zheda"),
    ],
)
def test_writing_it_otherwise_hides_nothing(text: str, secret: str) -> None:
    assert secret in visible_only(text) or secret in text
    assert secret not in REDACTOR.redact(text)


@pytest.mark.parametrize(
    "text",
    [
        *("Jürgen Müller", "Müller Jürgen", "J. Müller", "Muller, Jurgen", "Juergen Mueller", "MÜLLER, J."),
        *("José García", "Jose\u0301 Garci\u0301a", "Jose Garcia", "GARCÍA, José", "J. Garcia"),
        *("O\u2019Brien Patrick", "O\u02bcBrien Patrick", "O\uff07Brien Patrick", "Patrick O`Brien"),
        *("Smith J", "Smith, J", "Smith J.", "J Smith", "john_smith", "John.Smith", "smith-john", "J\u043ehn Smith"),
        *("Field A, ", "Field, A", "A. Field", "Picard, J.-L.", "jean luc picard", "J. L. Picard"),
        *("王 小 明", "王 小明", "王\u3000小\u3000明", "王·小明", "王_小_明", "王小\n明", "王 · 小 · 明", "王*小*明"),
    ],
)
def test_a_name_goes_in_every_spelling(text: str) -> None:
    told = Redactor(PEOPLE).redact(f"by {text} and 以及{text}。")
    assert not any(letter.isalpha() for letter in re.sub("by|and|以及", "", PLACED.sub("", told))), told


@pytest.mark.parametrize(
    "char", [*"\u034f\u061c\u115f\u1160\u3164\uffa0\u206a\u206f\ufe00\ufe0f\ufffc\x00\U000e0020\U000e01ef\u0335\u20e3"]
)
def test_no_character_that_is_not_seen_splits_a_name(char: str) -> None:
    assert Redactor(PEOPLE).redact(f"{char.join('王小明')}教授") == f"{PLACEHOLDERS['name']}教授"
    assert "8000" not in REDACTOR.redact(char.join("13800138000"))


@pytest.mark.parametrize(
    "text", ["in a field of", "the field a new way", "王先生小明", "机床 主轴 小型 明细", "X-ray, n-type"]
)
def test_what_only_looks_like_a_name_stays(text: str) -> None:
    assert Redactor(PEOPLE).redact(text) == text


def test_a_text_is_told_composed() -> None:
    assert visible_only("Cafe\u0301 e\u0335") == "Café e"


def test_empty_lines_and_single_blanks_stay() -> None:
    assert REDACTOR.redact("First line.\n\nSecond\tline，　第三行") == "First line.\n\nSecond\tline，　第三行"
    assert REDACTOR.redact("liberal annals, Annex") == "liberal annals, Annex"


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet=" \t\r\n\xa0\u3000\u200bAnLe138@.-_·\u0301［］张三丰路号0", max_size=60))
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once
    assert "张三丰" not in once


@pytest.mark.parametrize(
    "piece",
    [" ", "\r", "\n", " \n", "［", "［名称 name］", "Ann ", "微 ", "86 ", "王 小 明", " at a dot ", "ZL 1", "\u0301"],
)
def test_long_runs_take_linear_time(piece: str) -> None:
    def seconds(times: int) -> float:
        best = []
        for _ in range(3):
            started = time.process_time()
            REDACTOR.redact(piece * times)
            best.append(time.process_time() - started)
        return min(best)

    assert seconds(8_000) < 60 * max(seconds(800), 1e-3)
