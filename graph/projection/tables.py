"""What a reader gets of one projection: records with typed columns, entity tables and adjacencies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.errors import DeclarationError, UnknownNameError
from graph.projection.arrays import Codes, Floats, Ints, Labels, Strings, offsets_of
from graph.projection.columns import Arrays, Columns, column_in, has_column, is_number, strings_in
from graph.records import Values
from graph.schema import EntityKind, Field, FieldType, RelationKind

_NO_ROWS: Arrays = {"records.blob": np.zeros(0, np.uint8), "records.offsets": np.zeros(1, np.int64)}


class _Records:
    """Records in canonical JSON, row by row, with a typed column per field."""

    def __init__(self, owner: str, fields: Iterable[Field], arrays: Arrays) -> None:
        self._owner = owner
        self._fields = {field.name: field for field in fields}
        self._arrays = arrays
        self._json = strings_in(arrays, "records")
        self._columns: dict[str, Floats | Labels] = {}

    def values(self, row: int) -> Values:
        record: Values = orjson.loads(self._json.raw(row))
        return record

    def __iter__(self) -> Iterator[Values]:
        return map(orjson.loads, self._json)

    def numbers(self, name: str) -> Floats:
        column = self._column(self._field(name, numeric=True))
        if isinstance(column, Labels):
            raise TypeError(name)
        return column

    def labels(self, name: str) -> Labels:
        field = self._field(name, numeric=False)
        column = self._column(field)
        if isinstance(column, Labels):
            return column
        return _truths(column)

    def _field(self, name: str, *, numeric: bool) -> Field:
        valid = [
            f.name
            for f in self._fields.values()
            if has_column(f) and (f.type is FieldType.BOOLEAN or is_number(f) is numeric)
        ]
        if name not in self._fields:
            raise UnknownNameError(f"field of {self._owner}", name, valid, field=name)
        if name not in valid:
            raise DeclarationError(
                f"{self._owner}.{name} is {self._fields[name].type} and has no column of "
                f"{'numbers' if numeric else 'labels'}; valid: {', '.join(sorted(valid)) or 'none'}",
                field=name,
            )
        return self._fields[name]

    def _column(self, field: Field) -> Floats | Labels:
        if field.name not in self._columns:
            try:
                self._columns[field.name] = column_in(self._arrays, field)
            except KeyError:  # not one that is stored
                self._columns[field.name] = self._read(field)
        return self._columns[field.name]

    def _read(self, field: Field) -> Floats | Labels:
        columns = Columns([field])
        for values in self:
            columns.add(values)
        column = columns.finished()[field.name]
        if not isinstance(column, Labels):
            column.flags.writeable = False  # as those on disk are
        return column


def _truths(column: Floats) -> Labels:
    """A column of 1, 0 and NaN as the labels `true` and `false`."""
    present = ~np.isnan(column)
    codes = column[present].astype(np.int32)
    return Labels(offsets_of(present), codes, Strings.of(("false", "true")))


class EntityTable:
    """The entities of one kind, one row each, in the order of their ids (by code point)."""

    def __init__(self, kind: EntityKind, arrays: Arrays | None, digest: str) -> None:
        self.kind = kind.name
        self.digest = digest
        """Hex; changes if and only if some record of the kind changes."""
        self._records = _Records(kind.name, kind.fields, _NO_ROWS if arrays is None else arrays)
        self.ids = Strings.of(()) if arrays is None else strings_in(arrays, "ids")
        """Row → id."""
        self.n = len(self.ids)
        """How many rows there are."""
        self._folded, self._duplicates = None, Strings.of(())
        if arrays is not None and "aliases.rows" in arrays:
            self._folded = strings_in(arrays, "aliases"), arrays["aliases.rows"]
            self._duplicates = strings_in(arrays, "folded")

    def find(self, id: str) -> int:
        """The row that stands for an id: its own, or that of the entity it is a duplicate of; -1 for an unknown id."""
        row = self.ids.find(id)
        if row < 0 and self._folded is not None:
            at = self._folded[0].find(id)
            return int(self._folded[1][at]) if at >= 0 else -1
        return row

    def values(self, row: int) -> Values:
        """The whole record of a row."""
        return self._records.values(row)

    def duplicates(self) -> Iterator[Values]:
        """The records that others stand for, as they are stored."""
        return map(orjson.loads, self._duplicates)

    def __iter__(self) -> Iterator[Values]:
        """The whole records, row by row."""
        return iter(self._records)

    def numbers(self, field: str) -> Floats:
        """A number per row, NaN where absent: dates as fractional years, truth as 1 and 0, a list as its mean.

        Raises UnknownNameError or DeclarationError for a field that has no numbers.
        """
        return self._records.numbers(field)

    def labels(self, field: str) -> Labels:
        """The distinct labels per row of a string, code or boolean field.

        Raises UnknownNameError or DeclarationError for a field that has no labels.
        """
        return self._records.labels(field)


class Adjacency:
    """The edges of one relation from one kind to another, as rows (CSR); parallel edges are repeated indices."""

    def __init__(self, arrays: Arrays, records: _Records, *, backward: bool = False) -> None:
        self._arrays, self._records, self._backward = arrays, records, backward
        side, other = ("back.", "") if backward else ("", "back.")
        self.indptr: Ints = arrays[f"{side}indptr"]
        """Source row → first position of its edges in `indices`; one more at the end."""
        self.indices: Codes = arrays[f"{side}indices"]
        """Target rows, rising within a source row."""
        self.shape = (len(self.indptr) - 1, len(arrays[f"{other}indptr"]) - 1)
        """(source rows, target rows)."""

    @classmethod
    def opened(cls, kind: RelationKind, arrays: Arrays, records: Arrays) -> Adjacency:
        """The adjacency that parts on disk keep: where its edges go, and their records."""
        return cls(arrays, _Records(kind.name, kind.properties, records))

    @classmethod
    def empty(cls, kind: RelationKind, rows: int, columns: int) -> Adjacency:
        """No edges between that many rows."""
        arrays: Arrays = {
            "indptr": np.zeros(rows + 1, np.int64),
            "indices": np.zeros(0, np.int32),
            "back.indptr": np.zeros(columns + 1, np.int64),
            "back.indices": np.zeros(0, np.int32),
            "back.order": np.zeros(0, np.int32),
        }
        return cls.opened(kind, arrays, _NO_ROWS)

    def of(self, row: int) -> Codes:
        """The target rows of one source row, rising."""
        return self.indices[self.indptr[row] : self.indptr[row + 1]]

    def transposed(self) -> Adjacency:
        """The same edges from target to source."""
        return self._transposed

    @cached_property
    def _transposed(self) -> Adjacency:
        return Adjacency(self._arrays, self._records, backward=not self._backward)

    def values(self, position: int) -> Values:
        """The record of the edge at a position of `indices`."""
        return self._records.values(int(self._order[position]) if self._backward else position)

    def numbers(self, property: str) -> Floats:
        """A number per edge, aligned with `indices`; see EntityTable.numbers."""
        column = self._records.numbers(property)
        return column[self._order] if self._backward else column

    def labels(self, property: str) -> Labels:
        """Labels per edge, aligned with `indices`; see EntityTable.labels."""
        column = self._records.labels(property)
        return column.take(self._order) if self._backward else column

    @property
    def _order(self) -> NDArray[Any]:
        return self._arrays["back.order"]

    def matrix(self) -> sp.csr_array:
        """Source rows × target rows with 1.0 per edge; parallel edges are summed."""
        return self._matrix

    @cached_property
    def _matrix(self) -> sp.csr_array:
        matrix = sp.csr_array((np.ones(len(self.indices)), self.indices.copy(), self.indptr.copy()), shape=self.shape)
        matrix.sum_duplicates()
        return matrix
