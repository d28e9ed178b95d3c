"""The mask of one projection in one epoch: visible tables and redacted texts on disk, cards and aliases from them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph import codes
from graph.codes import Scheme
from graph.errors import ProjectionError
from graph.projection import EntityTable, Labels, Projection, Strings
from graph.records import EntityKey
from graph.schema import Access, EntityKind, Field, FieldType
from matching.masking.keys import EpochKeys
from matching.masking.ladders import ladders_of
from matching.masking.redact import Redactor, redactor_of
from matching.masking.viewer import Viewer
from matching.masking.visible import Visible, visible_of

FORMAT = 1
Part = dict[str, NDArray[Any]]
Texts = dict[str, Strings]


class Mask:
    """What anyone but its owner may see of every entity of one projection."""

    def __init__(
        self, projection: Projection, k: int, epoch: str, keys: EpochKeys, redactor: Redactor, parts: Mapping[str, Part]
    ) -> None:
        self.projection, self.k, self.epoch, self.keys, self._redactor = projection, k, epoch, keys, redactor
        self._parts = parts
        self._visible: dict[str, Visible] = {}
        self._texts: dict[str, Texts] = {}

    @property
    def tie_key(self) -> bytes:
        """Key of the order among equal scores."""
        return self.keys.tie

    @classmethod
    def build(
        cls, projection: Projection, folder: Path, *, k: int, epoch: str, secret: bytes,
    ) -> Mask:  # fmt: skip
        """Bring the mask in `folder` up to a projection; levels decided in the same epoch stay as they are."""
        redactor = redactor_of(projection)
        before = _Stored.open(folder)
        same = before is not None and (before.about["epoch"], before.about["k"]) == (epoch, k)
        names: dict[str, str] = {}
        for kind in projection.catalogue.entities.values():
            previous = before.part(kind.name) if before is not None and same else None
            old_name = before.about["parts"].get(kind.name, "") if before is not None and same else ""
            name = _part_name(projection, kind, k, epoch, redactor.version, old_name)
            if old_name and name.rpartition("-")[0] == old_name.rpartition("-")[0]:
                name = old_name
            if not (folder / name).exists():
                _write_part(folder / name, _part_of(projection, kind, k, redactor, previous))
            names[kind.name] = name
        about = {"format": FORMAT, "epoch": epoch, "k": k, "fingerprint": projection.fingerprint, "parts": names}
        scratch = folder / f"current.{os.getpid()}.part"
        scratch.write_bytes(orjson.dumps(about))
        scratch.replace(folder / "current.json")
        for path in folder.iterdir():
            if path.is_dir() and path.name not in names.values():
                shutil.rmtree(path, ignore_errors=True)
        return cls(projection, k, epoch, EpochKeys(secret, epoch), redactor, _read_parts(folder, names))

    @classmethod
    def open(cls, folder: Path, projection: Projection, secret: bytes) -> Mask:
        """The mask built last; ProjectionError where there is none for this projection."""
        stored = _Stored.open(folder)
        if stored is None or stored.about["fingerprint"] != projection.fingerprint:
            raise ProjectionError("the mask is of another revision than the projection; run `qianxian build`")
        about = stored.about
        keys = EpochKeys(secret, about["epoch"])
        parts = _read_parts(folder, about["parts"])
        return cls(projection, about["k"], about["epoch"], keys, redactor_of(projection), parts)

    def visible(self, kind: str) -> Visible:
        """What may be seen of a kind."""
        if kind not in self._visible:
            self._visible[kind] = _visible_in(self._parts[kind])
        return self._visible[kind]

    def texts(self, kind: str) -> Texts:
        """Field → text of each row for ranking: redacted unless public. Columns without any text are absent."""
        if kind not in self._texts:
            part = self._parts[kind]
            names = orjson.loads(part["texts"].tobytes())
            self._texts[kind] = {n: Strings(part[f"text.{n}.blob"], part[f"text.{n}.offsets"]) for n in names}
        return self._texts[kind]

    def digest(self, kind: str) -> str:
        """Changes iff the texts of a kind change."""
        return self._parts[kind]["textdigest"].tobytes().hex()

    def redact(self, text: str) -> str:
        """A text as others may see it."""
        return self._redactor.redact(text)

    def alias(self, viewer: Viewer, question: str, key: EntityKey) -> str:
        """See EpochKeys.alias."""
        return self.keys.alias(viewer, question, key)

    def card(self, kind: str, row: int) -> dict[str, Any]:
        """What a counterpart may see: visible fields, names of codes, and texts that were redacted or are public."""
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
                labels[name] = [_label(scheme, code) for code in shown]
        texts = {name: text for name in self._plan(kind).texts if (text := self.texts(kind)[name][row])}
        return {"kind": kind, "fields": fields, "labels": labels, "texts": texts}

    def _plan(self, kind: str) -> _CardPlan:
        return self._plans.setdefault(kind, None) or self._planned(kind)

    @cached_property
    def _plans(self) -> dict[str, _CardPlan | None]:
        return {}

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
        told = {Access.PUBLIC, Access.REDACTED}
        texts = [f.name for f in declared.fields if f.type is FieldType.TEXT and f.access in told]
        self._plans[kind] = plan = _CardPlan(shown, [name for name in texts if name in self.texts(kind)])
        return plan


class _CardPlan:
    """What a card of a kind consists of."""

    def __init__(self, fields: Sequence[tuple[str, bool, Scheme | None, list[str]]], texts: Sequence[str]) -> None:
        self.fields, self.texts = fields, texts


@lru_cache(maxsize=65_536)
def _label(scheme: Scheme, code: str) -> str:
    return codes.label(scheme, code)


class _Stored:
    """A mask folder as it is."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder, self.about = folder, about

    @classmethod
    def open(cls, folder: Path) -> _Stored | None:
        path = folder / "current.json"
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            return None
        about = orjson.loads(path.read_bytes())
        return cls(folder, about) if about.get("format") == FORMAT else None

    def part(self, kind: str) -> Part | None:
        name = self.about["parts"].get(kind)
        return _read_part(self.folder / name) if name and (self.folder / name).exists() else None


def ranked_text(kind: EntityKind, field: Field) -> bool:
    """Whether a field's words feed ranking as text."""
    if not field.access.feeds_ranking or field.access is Access.GENERALISED:
        return False
    if field.type is FieldType.TEXT:
        return True
    return field.type is FieldType.STRING and (field.many or kind.public_record)


def _part_of(projection: Projection, kind: EntityKind, k: int, redactor: Redactor, previous: Part | None) -> Part:
    table = projection.table(kind.name)
    ladders = ladders_of(projection, kind, whole=kind.public_record or k == 1)
    kept = None
    if previous is not None and not kind.public_record and k > 1 and ladders:
        fresh = visible_of(ladders, table.n, 1, open_record=True)
        kept = _kept_levels(table, fresh, previous)
    visible = visible_of(ladders, table.n, k, open_record=kind.public_record, kept=kept)
    part: Part = {
        "levels": visible.levels, "floor": visible.floor, "shown": visible.shown, "finest": visible.finest,
        "ids.blob": np.asarray(table.ids.blob), "ids.offsets": np.asarray(table.ids.offsets),
        "fields": _names(visible.columns), "figures": _names(visible.figures),
    }  # fmt: skip
    for name, column in visible.columns.items():
        part |= {f"label.{name}.indptr": column.indptr, f"label.{name}.codes": column.codes}
        part |= {f"label.{name}.blob": column.vocabulary.blob, f"label.{name}.offsets": column.vocabulary.offsets}
    for name, figures in visible.figures.items():
        part[f"figure.{name}"] = figures
    return part | _texts_of(table, kind, redactor, previous)


def _kept_levels(table: EntityTable, fresh: Visible, previous: Part) -> NDArray[np.int8] | None:
    """Levels of rows whose finest form is what it was; -1 elsewhere. None where the fields are others."""
    if previous["levels"].shape[1:] != fresh.levels.shape[1:]:
        return None
    at = _rows_before(table, previous)
    known = at >= 0
    known[known] = previous["finest"][at[known]] == fresh.finest[known]
    kept = np.full(fresh.levels.shape, -1, np.int8)
    kept[known] = previous["levels"][at[known]]
    return kept


def _rows_before(table: EntityTable, previous: Part) -> NDArray[np.int64]:
    """Row of each entity in the previous part, -1 for new ones."""
    before = Strings(previous["ids.blob"], previous["ids.offsets"])
    place = {name: at for at, name in enumerate(before)}
    return np.fromiter((place.get(name, -1) for name in table.ids), np.int64, table.n)


def _texts_of(table: EntityTable, kind: EntityKind, redactor: Redactor, previous: Part | None) -> Part:
    fields = [field for field in kind.fields if ranked_text(kind, field)]
    same = previous is not None and previous["redactor"].tobytes().decode() == redactor.version
    at = _rows_before(table, previous) if previous is not None and same else np.full(table.n, -1)
    raw = np.zeros(table.n, np.uint64)
    columns: dict[str, list[str]] = {field.name: [] for field in fields}
    for row in range(table.n):
        values = table.values(row)
        words = [_as_text(values.get(field.name)) for field in fields]
        raw[row] = int.from_bytes(hashlib.blake2b("\x00".join(words).encode(), digest_size=8).digest(), "little")
        old = int(at[row])
        unchanged = previous is not None and old >= 0 and previous["raw"][old] == raw[row]
        for field, text in zip(fields, words, strict=True):
            if field.access is Access.PUBLIC or not text:
                columns[field.name].append(text)
            elif unchanged and previous is not None and f"text.{field.name}.blob" in previous:
                stored = Strings(previous[f"text.{field.name}.blob"], previous[f"text.{field.name}.offsets"])
                columns[field.name].append(stored[old])
            else:
                columns[field.name].append(redactor.redact(text))
    told = {name: Strings.of(column) for name, column in columns.items() if any(column)}
    part: Part = {"raw": raw, "redactor": _bytes(redactor.version.encode()), "texts": _names(told)}
    hasher = hashlib.blake2b(digest_size=16)
    for name, strings in told.items():
        part |= {f"text.{name}.blob": strings.blob, f"text.{name}.offsets": strings.offsets}
        for piece in (name.encode(), strings.blob.tobytes(), strings.offsets.tobytes()):
            hasher.update(piece)
    return {**part, "textdigest": _bytes(hasher.digest())}


def _as_text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


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


def _names(columns: Mapping[str, Any]) -> NDArray[np.uint8]:
    return _bytes(orjson.dumps(list(columns)))


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def _part_name(projection: Projection, kind: EntityKind, k: int, epoch: str, redactor: str, before: str) -> str:
    """`kind-content-history`: what the part is made of, and what it continues within the epoch."""
    hasher = hashlib.blake2b(digest_size=12)
    parts = [str(FORMAT), projection.table(kind.name).digest, str(k), epoch, redactor, repr(kind)]
    for shown in kind.shown:
        for end in projection.catalogue.end_kinds(kind.name, shown.path):
            reach = projection.path_matrix(kind.name, shown.path, end)
            parts += [projection.table(end).digest if shown.field else "", reach.indptr.tobytes().hex()]
            parts.append(hashlib.blake2b(reach.indices.tobytes(), digest_size=12).hexdigest())
    for part in parts:
        hasher.update(part.encode() + b"\x00")
    history = hashlib.blake2b(before.encode(), digest_size=4).hexdigest()
    return f"{kind.name}-{hasher.hexdigest()}-{history}"


def _write_part(path: Path, part: Part) -> None:
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name, array in part.items():
        np.save(scratch / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    try:
        scratch.rename(path)
    except OSError:  # another process was faster with the same content
        shutil.rmtree(scratch)


def _read_part(path: Path) -> Part:
    # Plain arrays over the mapped pages: slices of NumPy's own memmap type cost several times more.
    return {file.stem: np.load(file, mmap_mode="r", allow_pickle=False).view(np.ndarray) for file in path.glob("*.npy")}


def _read_parts(folder: Path, names: Mapping[str, str]) -> dict[str, Part]:
    try:
        return {kind: _read_part(folder / name) for kind, name in names.items()}
    except (OSError, ValueError) as error:
        raise ProjectionError(f"the mask in {folder} is damaged: {error}; run `qianxian build`") from error
