"""Rows of one load whose ids are made of what they say: which of them say otherwise than an earlier one of the id."""

from __future__ import annotations

from typing import Any

import orjson

from graph.errors import ValueRejectedError
from graph.records import Entity, digest
from ingest.sources.row import Source

LONGEST = 400
"""Bytes of a row that is remembered as it is; of a longer one, digests of its long values."""
_LONG_VALUE = 40
"""Characters from which a value is long."""


class Clashes:
    """What the rows with made ids said so far."""

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self._first: dict[str, dict[str, bytes]] = {}
        """Kind → id → source, line and what was said, as bytes: they are few and no garbage."""

    def check(self, entity: Entity, source: Source, line: int) -> bool:
        """Remember a row; whether an earlier one of another file or of who stands beside says otherwise.

        A row that says the same as an earlier one, or only adds to it, is of the same thing. Raises ValueRejectedError
        where two that a file lists say otherwise: they may be of two things, and one would overwrite the other.
        """
        if not self._sources or self._sources[-1] is not source:
            self._sources.append(source)
        said = b"%d %d %b" % (len(self._sources) - 1, line, _packed(entity.values))
        ids = self._first.setdefault(entity.kind, {})
        known = ids.setdefault(entity.id, said)
        if known is said:
            return False
        at, before_line, packed = known.split(b" ", 2)
        if packed == said.split(b" ", 2)[2]:
            return False
        before, now = orjson.loads(packed), entity.values
        others = [name for name, value in now.items() if name in before and _short(before[name]) != _short(value)]
        first = self._sources[int(at)]
        if others and first.path == source.path and not (first.is_beside or source.is_beside):
            place = f"line {int(before_line)}" if first is source else f"{first.name}:{int(before_line)}"
            raise ValueRejectedError(
                f"field {others[0]!r}: {place} gives the same {entity.kind} by what identifies it, but differs in "
                f"{', '.join(others)}: give each an `id` if they are two, leave one row if they are one",
                field=others[0],
            )
        if first.is_beside and not source.is_beside:
            ids[entity.id] = said  # what a list says is what further rows of lists are compared with
        elif first.is_beside == source.is_beside:
            ids[entity.id] = b"%b %b %b" % (at, before_line, _packed(before | now))
        return bool(others)


def _packed(values: dict[str, Any]) -> bytes:
    packed = orjson.dumps(values)
    return packed if len(packed) <= LONGEST else orjson.dumps({name: _short(value) for name, value in values.items()})


def _short(value: Any) -> Any:
    """A value, or the digest of a long one."""
    text = value if isinstance(value, str) else str(value)
    return value if len(text) < _LONG_VALUE else digest(text).hex()
