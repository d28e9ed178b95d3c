"""Typed columns of records: which fields have one, and how values become numbers or labels."""

from __future__ import annotations

import math
from array import array
from calendar import isleap
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.projection.arrays import Floats, Ints, Labels, Strings, offsets_of
from graph.records import Values
from graph.schema import Field, FieldType

Arrays = Mapping[str, NDArray[Any]]
Column = Floats | Labels


def is_number(field: Field) -> bool:
    """Whether the field's column holds one float per row."""
    return field.type.is_numeric or field.type is FieldType.BOOLEAN


def has_column(field: Field) -> bool:
    """Whether the field has a typed column; free text has none."""
    return field.type is not FieldType.TEXT


def kept_fields(fields: Iterable[Field]) -> list[Field]:
    """The fields whose columns are written at build: those that a hot path may read.

    The others (names, telephone numbers) are many, long and seldom asked for: their columns are made on first use.
    """
    return [field for field in fields if has_column(field) and field.access.feeds_ranking]


def year_fraction(text: str) -> float:
    """An ISO 8601 date (YYYY, YYYY-MM or YYYY-MM-DD) as a year with the fraction that has passed; NaN for no date."""
    try:
        year, month, day = (*(int(part) for part in text[:10].split("-")), 1, 1)[:3]
        start = date(year, 1, 1)
        return year + (date(year, month, day) - start).days / (366 if isleap(year) else 365)
    except ValueError:
        return math.nan


def number(value: Any) -> float:
    """One value as a float: dates as fractional years, truth as 1 and 0, a list as its mean, NaN for anything else."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str):
        return year_fraction(value)
    if isinstance(value, list) and value:
        return math.fsum(number(part) for part in value) / len(value)
    return math.nan


class _Numbers:
    def __init__(self) -> None:
        self._values = array("d")

    def add(self, value: Any) -> None:
        self._values.append(number(value))

    def column(self, order: Ints | None) -> Floats:
        values = np.array(self._values, np.float64)
        return values if order is None else values[order]


class _Labels:
    def __init__(self) -> None:
        self._codes, self._counts, self._seen = array("i"), array("i"), dict[str, int]()

    def add(self, value: Any) -> None:
        if value is None:
            self._counts.append(0)
            return
        parts = value if isinstance(value, list) else (value,)
        self._codes.extend([self._seen.setdefault(str(part), len(self._seen)) for part in parts])
        self._counts.append(len(parts))

    def column(self, order: Ints | None) -> Labels:
        n = len(self._counts)
        names = sorted(self._seen)
        rank = np.empty(len(names), np.int64)
        rank[[self._seen[name] for name in names]] = np.arange(len(names))
        place = np.arange(n)
        if order is not None:
            place[order] = np.arange(n)
        rows = np.repeat(place, np.array(self._counts, np.int64))
        width = max(len(names), 1)
        cells = np.unique(rows * width + rank[np.array(self._codes, np.int64)])
        indptr = offsets_of(np.bincount(cells // width, minlength=n))
        return Labels(indptr, (cells % width).astype(np.int32), Strings.of(names))


class Columns:
    """Collects the columns of some fields, record by record."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._makers = [(f.name, _Numbers() if is_number(f) else _Labels()) for f in fields]

    def add(self, values: Values) -> None:
        """Take in the next record."""
        for name, maker in self._makers:
            maker.add(values.get(name))

    def finished(self, order: Ints | None = None) -> dict[str, Column]:
        """Field → column, its rows in the given order of the records added."""
        return {name: maker.column(order) for name, maker in self._makers}


def flattened(columns: Mapping[str, Column]) -> dict[str, NDArray[Any]]:
    """The columns as plain named arrays, as a part on disk keeps them."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, column in columns.items():
        if isinstance(column, Labels):
            arrays[f"label.{name}.indptr"], arrays[f"label.{name}.codes"] = column.indptr, column.codes
            arrays |= string_arrays(f"label.{name}", column.vocabulary)
        else:
            arrays[f"number.{name}"] = column
    return arrays


def string_arrays(name: str, strings: Strings) -> dict[str, NDArray[Any]]:
    """A list of strings as plain named arrays."""
    return {f"{name}.blob": strings.blob, f"{name}.offsets": strings.offsets}


def strings_in(arrays: Arrays, name: str) -> Strings:
    """The list of strings that `string_arrays` named so."""
    return Strings(arrays[f"{name}.blob"], arrays[f"{name}.offsets"])


def column_in(arrays: Arrays, field: Field) -> Column:
    """A field's column among named arrays; KeyError where it has none there."""
    if is_number(field):
        return arrays[f"number.{field.name}"]
    label = f"label.{field.name}"
    return Labels(arrays[f"{label}.indptr"], arrays[f"{label}.codes"], strings_in(arrays, label))
