"""Texts as ranking and cards may have them: redacted unless public, kept from build to build while nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.projection import EntityTable, Strings
from graph.schema import Access, EntityKind, Field, FieldType
from matching.masking.patterns import RULES, folded, visible_only
from matching.masking.redact import NameFinder, Redactor
from matching.masking.stored import Part, bytes_in, names_in

_HIDING = {Access.REDACTED, Access.MATCHED}


def ranked_text(kind: EntityKind, field: Field) -> bool:
    """Whether a field's words feed ranking as text."""
    if field.access in _HIDING:
        return field.type in {FieldType.TEXT, FieldType.STRING}
    if field.access is not Access.PUBLIC:
        return False
    return field.type is FieldType.TEXT or (field.type is FieldType.STRING and (field.many or kind.public_record))


def card_text(field: Field) -> bool:
    """Whether a card shows a field as text."""
    if field.access is Access.REDACTED:
        return field.type in {FieldType.TEXT, FieldType.STRING}
    return field.access is Access.PUBLIC and field.type is FieldType.TEXT


def is_redacted(kind: EntityKind) -> bool:
    """Whether any text of a kind goes through the redactor."""
    return any(ranked_text(kind, field) and field.access in _HIDING for field in kind.fields)


class Redaction:
    """How the texts of a build are redacted, and what of that is new since the build before."""

    def __init__(self, redactor: Redactor, version: str = "", forms: Sequence[str] | None = None) -> None:
        """`version` and `forms` are those of the redactor of the build before, None where they are not known."""
        self.redactor = redactor
        self._changed = None
        if forms is not None:
            same = version == redactor.version
            self._changed = NameFinder(() if same else sorted(set(forms) ^ set(redactor.names.forms)))

    def still_holds(self, text: str) -> bool:
        """Whether no name that came or went is in an unredacted text: it is redacted as it was."""
        changed = self._changed
        return changed is not None and (changed.is_empty or not changed.any_in(folded(visible_only(text))))


class Before:
    """The texts of the build before, of one kind."""

    def __init__(self, kind: EntityKind, part: Part, rows: NDArray[np.int64]) -> None:
        """`rows`: row of each entity there, -1 for new ones."""
        self._part, self._rows = part, rows
        self._usable = part["rules"].tobytes() == _rules(kind)

    def column(self, field: str) -> Strings | None:
        """The redacted texts of a field."""
        if not self._usable or f"text.{field}.blob" not in self._part:
            return None
        return Strings(self._part[f"text.{field}.blob"], self._part[f"text.{field}.offsets"])

    def row(self, row: int, raw: int) -> int:
        """Where an entity's texts were, if they are the same; else -1."""
        old = int(self._rows[row])
        return old if old >= 0 and int(self._part["raw"][old]) == raw else -1


def texts_of(table: EntityTable, kind: EntityKind, redaction: Redaction, before: Before | None) -> Part:
    """The texts of a kind as plain arrays, and what the next build needs to keep them."""
    fields = [field for field in kind.fields if ranked_text(kind, field)]
    raw = np.zeros(table.n, np.uint64)
    columns: dict[str, list[str]] = {field.name: [] for field in fields}
    old = {field.name: before.column(field.name) if before is not None else None for field in fields}
    for row, words in enumerate(_words(table, fields)):
        joined = "\x00".join(words)
        raw[row] = hashed = int.from_bytes(hashlib.blake2b(joined.encode(), digest_size=8).digest(), "little")
        was = before.row(row, hashed) if before is not None else -1
        kept = was >= 0 and redaction.still_holds(joined)
        for field, text in zip(fields, words, strict=True):
            column = old[field.name]
            if field.access is Access.PUBLIC or not text:
                told = text
            elif kept and column is not None:
                told = column[was]
            else:
                told = redaction.redactor.redact(text)
            columns[field.name].append(told)
    told_columns = {name: Strings.of(column) for name, column in columns.items() if any(column)}
    part: Part = {"raw": raw, "rules": bytes_in(_rules(kind)), "texts": names_in(told_columns)}
    for name, strings in told_columns.items():
        part |= {f"text.{name}.blob": strings.blob, f"text.{name}.offsets": strings.offsets}
    return {**part, "textdigest": bytes_in(_digest(told_columns))}


def _rules(kind: EntityKind) -> bytes:
    """What the texts of a kind rest on beside its data and the names."""
    return repr((RULES, [(f.name, f.access, f.type) for f in kind.fields if ranked_text(kind, f)])).encode()


def _words(table: EntityTable, fields: Sequence[Field]) -> Iterator[list[str]]:
    """The texts of each row."""
    for row in range(table.n) if fields else ():
        values = table.values(row)
        yield [_as_text(values.get(field.name)) for field in fields]


def _as_text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _digest(columns: dict[str, Strings]) -> bytes:
    hasher = hashlib.blake2b(digest_size=16)
    for name, strings in columns.items():
        for piece in (name.encode(), np.asarray(strings.blob).data, np.asarray(strings.offsets).data):
            hasher.update(piece)
    return hasher.digest()
