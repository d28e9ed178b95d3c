"""Texts as ranking and cards may have them: redacted unless public, kept from build to build while nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.projection import EntityTable, Splice, Strings
from graph.schema import Access, EntityKind, Field, FieldType
from matching.masking.patterns import RULES, folded, visible_only
from matching.masking.redact import NameFinder, Redactor
from matching.masking.stored import Part, bytes_in, names_in

Texts = dict[str, Strings]

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
        self._part = part
        self._rows = rows if part["rules"].tobytes() == _rules(kind) else np.full(len(rows), -1)

    def column(self, field: str) -> Strings:
        """The redacted texts of a field; empty ones where it had none."""
        if f"text.{field}.blob" not in self._part:
            return Strings(np.zeros(0, np.uint8), np.zeros(len(self._part["raw"]) + 1, np.int64))
        return Strings(self._part[f"text.{field}.blob"], self._part[f"text.{field}.offsets"])

    def rows(self) -> Iterator[tuple[int, int]]:
        """Of each entity now: where its texts were, -1 for nowhere, and their hash there."""
        hashes = np.append(self._part["raw"], np.uint64(0))[self._rows]
        return zip(self._rows.tolist(), hashes.tolist(), strict=True)

    def spliced(self, was: NDArray[np.int64]) -> Splice:
        """From the rows before to those now, which were there or are new, -1; both are in the order of their ids."""
        n = len(self._part["raw"])
        gone = np.setdiff1d(np.arange(n), was)
        return Splice(n, gone, np.maximum.accumulate(was)[was < 0] + 1)


def texts_of(table: EntityTable, kind: EntityKind, redaction: Redaction, before: Before | None) -> Part:
    """The texts of a kind as plain arrays, and what the next build needs to keep them."""
    fields = [field for field in kind.fields if ranked_text(kind, field)]
    raw, was = np.zeros(table.n, np.uint64), np.full(table.n, -1)
    said: list[list[str]] = []
    earlier = before.rows() if before is not None else repeat((-1, 0))
    for row, (values, (old, known)) in enumerate(zip(table if fields else (), earlier, strict=False)):
        texts = [_as_text(values.get(field.name)) for field in fields]
        joined = "\x00".join(texts)
        raw[row] = hashed = int.from_bytes(hashlib.blake2b(joined.encode(), digest_size=8).digest(), "little")
        if old >= 0 and hashed == known and redaction.still_holds(joined):
            was[row] = old
        else:
            said.append(texts)
    columns = {}
    splice = before.spliced(was) if before is not None else None
    for at, field in enumerate(fields):
        told = [texts[at] for texts in said]
        if field.access is not Access.PUBLIC:
            told = [redaction.redactor.redact(text) if text else text for text in told]
        fresh = Strings.of(told)
        columns[field.name] = fresh
        if before is not None and splice is not None:
            columns[field.name] = splice.strings(before.column(field.name), fresh)
    columns = {name: column for name, column in columns.items() if len(column.blob)}
    part: Part = {"raw": raw, "rules": bytes_in(_rules(kind)), "texts": names_in(columns)}
    for name, strings in columns.items():
        part |= {f"text.{name}.blob": strings.blob, f"text.{name}.offsets": strings.offsets}
    return {**part, "textdigest": bytes_in(_digest(columns))}


def texts_in(part: Part) -> Texts:
    """Field → text of each row, of a kind's part."""
    names = orjson.loads(part["texts"].tobytes())
    return {name: Strings(part[f"text.{name}.blob"], part[f"text.{name}.offsets"]) for name in names}


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
