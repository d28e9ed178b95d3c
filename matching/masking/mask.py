"""The mask of one projection in one epoch: visible tables and redacted texts on disk, cards and aliases from them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.codes import Scheme
from graph.errors import ProjectionError
from graph.files import write_arrays
from graph.projection import EntityTable, Labels, Projection, Strings
from graph.schema import EntityKind, Field, Hierarchy, Shown
from matching.masking.keys import EpochKeys
from matching.masking.ladders import Counts, declaration, ladders_of
from matching.masking.levels import Hashes, Levels
from matching.masking.redact import Redactor, redactor_again, redactor_of
from matching.masking.stored import (
    FORMAT,
    NAMES,
    About,
    Part,
    Stored,
    bytes_in,
    forms_in,
    is_sound,
    name_of_names,
    names_in,
    names_part,
    read_parts,
    version_in,
)
from matching.masking.texts import Before, Redaction, Texts, card_text, is_redacted, texts_in, texts_of
from matching.masking.visible import Visible, finest_of, visible_of
from matching.masking.within import Within, name_of

CARDS_KEPT = 10_000
"""Cards that are kept made, because the same few candidates are in most answers."""


class Mask:
    """What anyone but its owner may see of every entity of one projection."""

    def __init__(self, projection: Projection, about: About, secret: bytes, parts: Mapping[str, Part]) -> None:
        self.projection = projection
        self.about = about
        """What a later process opens it by, or builds on."""
        self.k, self.epoch = about.k, about.epoch
        self.keys = EpochKeys(secret, self.epoch)
        self._parts = parts
        self._visible: dict[str, Visible] = {}
        self._texts: dict[str, Texts] = {}
        self._plans: dict[str, _CardPlan] = {}
        self._cards: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._within: dict[tuple[str, str], Within] = {}

    @classmethod
    def build(
        cls, projection: Projection, folder: Path, last: object, *, k: int, epoch: str, secret: bytes,
        processes: int = 1,
    ) -> Mask:  # fmt: skip
        """The mask of a projection; levels decided in the same epoch stay as they are.

        It goes on from the `last` one, given by its `about`, and leaves the parts of that in the folder.
        """
        before = Stored.noted(folder, last)
        redactor = redactor_of(projection, before, processes)
        same = before is not None and (before.about.epoch, before.about.k) == (epoch, k)
        redaction = Redaction(redactor, *(before.redactor() if before is not None else ()))
        folder.mkdir(parents=True, exist_ok=True)
        names = {NAMES: name_of_names(redactor.names, redactor.version)}
        if not is_sound(folder / names[NAMES]):
            write_arrays(folder / names[NAMES], names_part(redactor.names, redactor.version))
        for kind in projection.catalogue.entities.values():
            old_name = before.about.parts.get(kind.name, "") if before is not None and same else ""
            used = redactor.version if is_redacted(kind) else ""
            name = _part_name(projection, kind, k, epoch, used, old_name)
            if old_name and name.rpartition("-")[0] == old_name.rpartition("-")[0]:
                name = old_name
            if not is_sound(folder / name):
                previous = before.part(kind.name) if before is not None else None
                write_arrays(folder / name, _part_of(projection, kind, k, redaction, previous, same))
            names[kind.name] = name
        about = About(format=FORMAT, epoch=epoch, k=k, fingerprint=projection.fingerprint, parts=names)
        return cls(projection, about, secret, read_parts(folder, names))

    @classmethod
    def open(cls, projection: Projection, folder: Path, about: object, secret: bytes) -> Mask:
        """The mask that is noted so; ProjectionError where that is none of this projection."""
        stored = Stored.noted(folder, about)
        if stored is None or stored.about.fingerprint != projection.fingerprint:
            raise ProjectionError("the mask is absent or of another revision than the projection; run `qianxian build`")
        return cls(projection, stored.about, secret, read_parts(folder, stored.about.parts))

    def visible(self, kind: str) -> Visible:
        """What may be seen of a kind."""
        if kind not in self._visible:
            self._visible[kind] = _visible_in(self._parts[kind])
        return self._visible[kind]

    def texts(self, kind: str) -> Texts:
        """Field → text of each row for ranking: redacted unless public. Columns without any text are absent."""
        if kind not in self._texts:
            self._texts[kind] = texts_in(self._parts[kind])
        return self._texts[kind]

    def digest(self, kind: str) -> str:
        """Changes iff the texts of a kind change."""
        return self._parts[kind]["textdigest"].tobytes().hex()

    def redact(self, text: str) -> str:
        """A text as others may see it."""
        return self._redactor.redact(text)

    @cached_property
    def _redactor(self) -> Redactor:
        """Made on first use: a million names take seconds, and only free texts need them."""
        return redactor_again(version_in(self._parts), forms_in(self._parts))

    def card(self, kind: str, row: int) -> Mapping[str, Any]:
        """What a counterpart may see: visible fields, names of codes, and texts that were redacted or are public."""
        card = self._cards.get((kind, row))
        if card is None:
            if len(self._cards) >= CARDS_KEPT:
                self._cards.clear()
            card = self._cards[kind, row] = self._card(kind, row)
        return card

    def withheld(self, kind: str, row: int) -> str:
        """Labels that ranking reads and the card leaves out, since too few others show them all."""
        texts, visible = self.texts(kind), self.visible(kind)
        left = []
        for name in texts.keys() & visible.columns.keys():
            text = texts[name][row]
            for label in visible.labels(name).of(row):
                text = text.replace(label, " ", 1)
            left.append(text.strip())
        return " ".join(filter(None, left))

    def within(self, kind: str, field: str) -> Within:
        """What a filter's value takes in of the labels that cards show in a field."""
        if (kind, field) not in self._within:
            scheme, words = next((s, words) for name, _, s, words in self._plan(kind).fields if name == field)
            self._within[kind, field] = Within(words, self._hierarchy(kind, field), scheme)
        return self._within[kind, field]

    def _hierarchy(self, kind: str, field: str) -> Hierarchy | None:
        declared = self.projection.catalogue.entity(kind)
        fields: list[Field | Shown] = [*declared.fields, *declared.shown]
        named = next(one.hierarchy for one in fields if one.name == field)
        return self.projection.catalogue.hierarchies.get(named or "")

    def _card(self, kind: str, row: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        labels: dict[str, list[str]] = {}
        visible = self.visible(kind)
        for name, many, scheme, words in self._plan(kind).fields:
            column = visible.columns[name]
            start, end = column.indptr[row], column.indptr[row + 1]
            if start == end:
                continue
            shown = [words[code] for code in column.codes[start:end].tolist()]
            fields[name] = shown if many else shown[0]
            if scheme is not None:
                labels[name] = [name_of(scheme, code) for code in shown]
        texts = {name: text for name in self._plan(kind).texts if (text := self.texts(kind)[name][row])}
        return {"kind": kind, "fields": fields, "labels": labels, "texts": texts}

    def _plan(self, kind: str) -> _CardPlan:
        if kind not in self._plans:
            self._plans[kind] = self._planned(kind)
        return self._plans[kind]

    def _planned(self, kind: str) -> _CardPlan:
        declared = self.projection.catalogue.entity(kind)
        hierarchies = self.projection.catalogue.hierarchies
        many = {f.name for f in declared.fields if f.many} | {s.name for s in declared.shown if s.field}
        schemes: dict[str, Scheme | None] = {f.name: f.scheme for f in declared.fields}
        schemes |= {s.name: hierarchies[s.hierarchy].scheme for s in declared.shown}
        shown = [
            (name, name in many, schemes[name], list(column.vocabulary))
            for name, column in self.visible(kind).columns.items()
        ]
        texts = [f.name for f in declared.fields if card_text(f)]
        return _CardPlan(shown, [name for name in texts if name in self.texts(kind)])


class _CardPlan(NamedTuple):
    """What a card of a kind consists of."""

    fields: list[tuple[str, bool, Scheme | None, list[str]]]
    """Name, whether it is a list, the scheme of its codes, its labels."""
    texts: list[str]
    """Names."""


def _part_of(
    projection: Projection, kind: EntityKind, k: int, redaction: Redaction, previous: Part | None, same: bool
) -> Part:
    """The part of a kind: the texts go on from those of the `previous` build, in the same epoch the levels do, too."""
    table = projection.table(kind.name)
    declared = hashlib.blake2b(declaration(projection, kind).encode(), digest_size=16).digest()
    whole = kind.public_record or k == 1
    begun = previous if same and previous is not None and previous["declared"].tobytes() == declared else None
    ladders = ladders_of(projection, kind, whole=whole, counts=_counts_in(begun) if begun is not None else None)
    rows = _rows_before(table, previous) if previous is not None else None
    kept = None
    if begun is not None and rows is not None and ladders and not whole:
        kept = _kept_levels(finest_of(ladders, table.n), begun, rows)
    visible = visible_of(ladders, table.n, k, open_record=kind.public_record, kept=kept)
    part: Part = {
        "levels": visible.levels, "floor": visible.floor, "shown": visible.shown, "finest": visible.finest,
        "ids.blob": np.asarray(table.ids.blob), "ids.offsets": np.asarray(table.ids.offsets),
        "fields": names_in(visible.columns), "figures": names_in(visible.figures), "declared": bytes_in(declared),
    }  # fmt: skip
    for name, column in visible.columns.items():
        part |= {f"label.{name}.indptr": column.indptr, f"label.{name}.codes": column.codes}
        part |= {f"label.{name}.blob": column.vocabulary.blob, f"label.{name}.offsets": column.vocabulary.offsets}
    for name, figures in visible.figures.items():
        part[f"figure.{name}"] = figures
    for name, counts in ((ladder.name, ladder.counts) for ladder in ladders if ladder.counts is not None):
        part |= {f"counts.{name}.blob": counts.words.blob, f"counts.{name}.offsets": counts.words.offsets}
        part[f"counts.{name}.numbers"] = counts.numbers
    before = None
    if previous is not None and rows is not None:
        before = Before(kind, previous, rows)
    return part | texts_of(table, kind, redaction, before)


def _counts_in(part: Part) -> dict[str, Counts]:
    """Field → the counts that its epoch began with."""
    names = [
        key[len("counts.") : -len(".numbers")] for key in part if key.startswith("counts.") and key.endswith(".numbers")
    ]
    return {
        name: Counts(
            Strings(part[f"counts.{name}.blob"], part[f"counts.{name}.offsets"]), part[f"counts.{name}.numbers"]
        )
        for name in names
    }


def _kept_levels(finest: Hashes, previous: Part, at: NDArray[np.int64]) -> Levels:
    """Levels of rows whose finest form is what it was; -1 elsewhere."""
    known = at >= 0
    known[known] = previous["finest"][at[known]] == finest[known]
    kept = np.full((len(finest), previous["levels"].shape[1]), -1, np.int8)
    kept[known] = previous["levels"][at[known]]
    return kept


def _rows_before(table: EntityTable, previous: Part) -> NDArray[np.int64]:
    """Row of each entity in the previous part, -1 for new ones."""
    before = Strings(previous["ids.blob"], previous["ids.offsets"])
    place = {name: at for at, name in enumerate(before)}
    return np.fromiter((place.get(name, -1) for name in table.ids), np.int64, table.n)


def _visible_in(part: Part) -> Visible:
    columns = {
        name: Labels(
            part[f"label.{name}.indptr"],
            part[f"label.{name}.codes"],
            Strings(part[f"label.{name}.blob"], part[f"label.{name}.offsets"]),
        )
        for name in orjson.loads(part["fields"].tobytes())
    }
    figures = {name: part[f"figure.{name}"] for name in orjson.loads(part["figures"].tobytes())}
    n = len(part["floor"])
    return Visible(n, columns, figures, part["floor"], part["levels"], part["shown"], part["finest"])


def _part_name(projection: Projection, kind: EntityKind, k: int, epoch: str, redactor: str, before: str) -> str:
    """`kind-content-history`: what the part is made of, and what it continues within the epoch."""
    hasher = hashlib.blake2b(digest_size=12)
    parts = [str(FORMAT), projection.table(kind.name).digest, str(k), epoch, redactor]
    parts += [repr(kind), declaration(projection, kind)]
    for shown in kind.shown:
        for end in projection.catalogue.end_kinds(kind.name, shown.path):
            reach = projection.path_matrix(kind.name, shown.path, end)
            parts += [projection.table(end).digest if shown.field else "", reach.indptr.tobytes().hex()]
            parts.append(hashlib.blake2b(reach.indices.tobytes(), digest_size=12).hexdigest())
    for part in parts:
        hasher.update(part.encode() + b"\x00")
    history = hashlib.blake2b(before.encode(), digest_size=4).hexdigest()
    return f"{kind.name}-{hasher.hexdigest()}-{history}"
