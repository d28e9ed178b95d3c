"""Redaction sees through how a text is written: width, blanks, line ends, brackets, overlapping names."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st

from matching.masking import Redactor
from matching.masking.patterns import visible_only

REDACTOR = Redactor(["Ada Lovelace", "Ann", "Ann Lee", "张三丰", "李明", "明华公司"])


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


def test_empty_lines_and_single_blanks_stay() -> None:
    assert REDACTOR.redact("First line.\n\nSecond\tline，　第三行") == "First line.\n\nSecond\tline，　第三行"
    assert REDACTOR.redact("liberal annals, Annex") == "liberal annals, Annex"


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet=" \t\r\n\xa0\u3000\u200bAnLe138@.［］张三丰路号0", max_size=60))
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once
    assert "张三丰" not in once


@pytest.mark.parametrize("piece", [" ", "\r", "\n", " \n", "［", "［名称 name］", "Ann ", "微 ", "86 "])
def test_long_runs_take_linear_time(piece: str) -> None:
    def seconds(times: int) -> float:
        best = []
        for _ in range(3):
            started = time.process_time()
            REDACTOR.redact(piece * times)
            best.append(time.process_time() - started)
        return min(best)

    assert seconds(8_000) < 60 * max(seconds(800), 1e-3)
