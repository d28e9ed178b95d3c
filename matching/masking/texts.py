"""Texts as ranking and cards may have them: redacted unless public, kept from build to build while nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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

    @property
    def is_as_before(self) -> bool:
        """Whether the names are those of the build before."""
        return self._changed is not None and self._changed.is_empty

    def still_holds(self, text: str) -> bool:
        """Whether no name that came or went is in an unredacted text: it is redacted as it was."""
        return self._changed is not None and not self._changed.any_in(folded(visible_only(text)))


class Before:
    """The texts of the build before, of one kind."""

    def __init__(self, kind: EntityKind, part: Part, rows: NDArray[np.int64]) -> None:
        """`rows`: row of each entity there, -1 for new ones."""
        self._part, self._rows = part, rows
        self._usable = part["rules"].tobytes() == _rules(kind)

    def column(self, field: str) -> Strings:
        """The redacted texts of a field; empty ones where it had none."""
        if f"text.{field}.blob" not in self._part:
            return Strings(np.zeros(0, np.uint8), np.zeros(len(self._part["raw"]) + 1, np.int64))
        return Strings(self._part[f"text.{field}.blob"], self._part[f"text.{field}.offsets"])

    def rows(self, raw: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where the texts of each entity were, if they are the same; else -1."""
        rows = np.full(len(raw), -1)
        if self._usable:
            known = np.flatnonzero(self._rows >= 0)
            same = known[self._part["raw"][self._rows[known]] == raw[known]]
            rows[same] = self._rows[same]
        return rows


def texts_of(table: EntityTable, kind: EntityKind, redaction: Redaction, before: Before | None) -> Part:
    """The texts of a kind as plain arrays, and what the next build needs to keep them."""
    fields = [field for field in kind.fields if ranked_text(kind, field)]
    said = [[_as_text(values.get(field.name)) for field in fields] for values in table] if fields else []
    hashes = (hashlib.blake2b("\x00".join(texts).encode(), digest_size=8).digest() for texts in said)
    raw = np.frombuffer(b"".join(hashes) if fields else bytes(8 * table.n), np.uint64)
    was = before.rows(raw) if before is not None else np.full(table.n, -1)
    if not redaction.is_as_before:
        kept = np.flatnonzero(was >= 0)
        was[[row for row in kept.tolist() if not redaction.still_holds("\x00".join(said[row]))]] = -1
    new = np.flatnonzero(was < 0)
    columns = {}
    for at, field in enumerate(fields):
        told = [said[row][at] for row in new.tolist()]
        if field.access is not Access.PUBLIC:
            told = [redaction.redactor.redact(text) if text else text for text in told]
        columns[field.name] = _merged(before.column(field.name) if before is not None else None, was, new, told)
    columns = {name: column for name, column in columns.items() if len(column.blob)}
    part: Part = {"raw": raw, "rules": bytes_in(_rules(kind)), "texts": names_in(columns)}
    for name, strings in columns.items():
        part |= {f"text.{name}.blob": strings.blob, f"text.{name}.offsets": strings.offsets}
    return {**part, "textdigest": bytes_in(_digest(columns))}


def _merged(old: Strings | None, was: NDArray[np.int64], new: NDArray[np.int64], told: Sequence[str]) -> Strings:
    """A column whose rows are where they `was` in the old one, and where that is nowhere, at `new`, what is told."""
    fresh = Strings.of(told)
    if old is None:
        return fresh
    at = was.copy()
    at[new] = len(old) + np.arange(len(new))
    both = Strings(np.concatenate([old.blob, fresh.blob]), np.append(old.offsets, old.offsets[-1] + fresh.offsets[1:]))
    return both.take(at)


def _rules(kind: EntityKind) -> bytes:
    """What the texts of a kind rest on beside its data and the names."""
    return repr((RULES, [(f.name, f.access, f.type) for f in kind.fields if ranked_text(kind, f)])).encode()


def _as_text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _digest(columns: dict[str, Strings]) -> bytes:
    hasher = hashlib.blake2b(digest_size=16)
    for name, strings in columns.items():
        for piece in (name.encode(), np.asarray(strings.blob).data, np.asarray(strings.offsets).data):
            hasher.update(piece)
    return hasher.digest()
