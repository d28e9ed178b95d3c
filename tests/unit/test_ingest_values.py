"""Values as people write them."""

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from graph.errors import ValueRejectedError
from graph.kinds import BUILTIN
from graph.schema import Access, Field, FieldType, Labels
from ingest.normalise import Normaliser
from ingest.values import converter


def _field(type: FieldType, *, many: bool = False) -> Field:
    return Field(name="field", type=type, access=Access.PUBLIC, labels=Labels(en="field", zh="字段"), many=many)


GOOD: list[tuple[FieldType, Any, Any]] = [
    (FieldType.AMOUNT, "1.2亿元", 1.2e8),
    (FieldType.AMOUNT, "３００万", 3e6),
    (FieldType.AMOUNT, "约50万元人民币", 5e5),
    (FieldType.AMOUNT, "¥1,200.50", 1200.5),
    (FieldType.AMOUNT, "200元/小时", 200.0),
    (FieldType.AMOUNT, "无", None),
    (FieldType.AMOUNT, "100-200万", 1.5e6),
    (FieldType.AMOUNT, "50万～1亿元", 5.025e7),
    (FieldType.AMOUNT, "不超过300万元", 3e6),
    (FieldType.AMOUNT, "100万元以上", 1e6),
    (FieldType.AMOUNT, "RMB 3 million", 3e6),
    (FieldType.AMOUNT, "1，200元", 1200.0),
    (FieldType.AMOUNT, "免费", 0.0),
    (FieldType.AMOUNT, "面议", None),
    (FieldType.DATE, "长期有效", None),
    (FieldType.DATE, "202103", "2021-03"),
    (FieldType.DATE, "44260.5", "2021-03-05"),
    (FieldType.NUMBER, "１２．５％", 0.125),
    (FieldType.NUMBER, "10-20%", 0.15),
    (FieldType.INTEGER, "50-99人", 74),
    (FieldType.INTEGER, "1,000人以上", 1000),
    (FieldType.BOOLEAN, "√", True),
    (FieldType.DATE, "2021年3月", "2021-03"),
    (FieldType.DATE, "2021/3/5", "2021-03-05"),
    (FieldType.DATE, "20210305", "2021-03-05"),
    (FieldType.DATE, 44260.0, "2021-03-05"),
    (FieldType.DATE, datetime(2021, 3, 5, 12), "2021-03-05"),
    (FieldType.DATE, date(2021, 3, 5), "2021-03-05"),
    (FieldType.YEAR, "2021年", 2021),
    (FieldType.YEAR, 2021.0, 2021),
    (FieldType.NUMBER, "12.5%", 0.125),
    (FieldType.NUMBER, "1,234", 1234.0),
    (FieldType.INTEGER, "35人", 35),
    (FieldType.BOOLEAN, "是", True),
    (FieldType.BOOLEAN, 0, False),
    (FieldType.STRING, 13800000001.0, "13800000001"),
    (FieldType.STRING, " ＡＢＣ　１２ ", "ABC 12"),
    (FieldType.STRING, "n/a", None),
    (FieldType.TEXT, "a\x00b\u200bc", "abc"),
    (FieldType.TEXT, "Jose\u0301", "José"),
]
BAD: list[tuple[FieldType, Any]] = [
    (FieldType.AMOUNT, "很贵"),
    (FieldType.AMOUNT, "200-100万"),
    (FieldType.AMOUNT, "100万美元"),
    (FieldType.AMOUNT, "200元/样"),
    (FieldType.AMOUNT, "0571-80000000"),
    (FieldType.AMOUNT, "1,2,3"),
    (FieldType.AMOUNT, "9" * 101),
    (FieldType.INTEGER, 1e30),
    (FieldType.AMOUNT, float("inf")),
    (FieldType.AMOUNT, "1e999"),
    (FieldType.DATE, "2021-13"),
    (FieldType.DATE, "2021-02-30"),
    (FieldType.DATE, "yesterday"),
    (FieldType.NUMBER, "1,23"),
    (FieldType.NUMBER, float("nan")),
    (FieldType.INTEGER, 1.5),
    (FieldType.BOOLEAN, "maybe"),
    (FieldType.STRING, {"a": 1}),
    (FieldType.TEXT, "half \ud800"),
    (FieldType.TEXT, "x" * 1_000_001),
]


@pytest.mark.parametrize(("type", "raw", "value"), GOOD)
def test_values_are_understood(type: FieldType, raw: Any, value: Any) -> None:
    assert converter(_field(type))(raw) == value


@pytest.mark.parametrize(("type", "raw"), BAD)
def test_values_are_refused_with_a_reason(type: FieldType, raw: Any) -> None:
    with pytest.raises(ValueRejectedError):
        converter(_field(type))(raw)


def test_lists_are_split_and_repeated_ones_dropped() -> None:
    many = converter(_field(FieldType.STRING, many=True))
    assert many("催化、质谱；显微,催化，-") == ["催化", "质谱", "显微"]
    assert many(["a", None, "a", "b"]) == ["a", "b"]
    assert many("、") is None


@pytest.mark.parametrize("type", list(FieldType))
@given(raw=st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.integers()), st.none()))
def test_any_value_is_taken_or_refused_and_taking_it_again_changes_nothing(type: FieldType, raw: Any) -> None:
    if type is FieldType.CODE:
        return
    convert = converter(_field(type))
    try:
        value = convert(raw)
    except ValueRejectedError:
        return
    if value is not None and value != "":
        assert convert(value) == value


@pytest.mark.parametrize("id", ["a\tb", "a\nb", "a\r\nb"])
def test_an_id_is_one_cell_of_one_line(id: str) -> None:
    normaliser = Normaliser(BUILTIN)
    with pytest.raises(ValueRejectedError, match="field 'id' holds a tab or a line break"):
        normaliser.entity("need", {"id": id})
    with pytest.raises(ValueRejectedError, match="field 'target' holds"):
        normaliser.relation("posted", {"source": "e", "target": id})
    assert normaliser.entity("need", {"id": " n1\n"}).id == "n1"


def test_the_field_is_named_in_the_reason() -> None:
    with pytest.raises(ValueRejectedError, match="field 'budget'") as caught:
        Normaliser(BUILTIN).entity("need", {"id": "n1", "budget": "many"})
    assert caught.value.field == "budget"


@pytest.mark.parametrize(
    ("written", "stages"),
    [
        ("A轮/B轮", ["A轮", "B轮"]),
        ("天使轮／Pre-A轮、A/B+轮", ["天使轮", "Pre-A轮", "A轮", "B+轮"]),
        ("Series A / Growth", ["Series A", "Growth"]),
        ("初创期/成长期,Pre-IPO", ["初创期", "成长期", "Pre-IPO"]),
        ("早期/硬科技", ["早期/硬科技"]),
        ("A/B", ["A/B"]),
    ],
)
def test_a_slash_parts_stages_that_are_known(written: str, stages: list[str]) -> None:
    field = next(field for field in BUILTIN.entities["fund"].fields if field.name == "stages")
    assert converter(field)(written) == stages
