"""The declaration language: fields, entity kinds, relation kinds, hierarchies, paths and the catalogue of them.

A declaration is data. Stores, import validation, feature columns, masking, REST paths and the documentation's tables
derive from it, and the catalogue round-trips through JSON so that a data folder can bring kinds of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Self, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field as Setting, ValidationError, model_validator

from graph import codes
from graph.codes import Scheme
from graph.errors import DeclarationError, UnknownNameError

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
ANY_KIND = "*"


def _checked_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(f"{value!r} is no name: lower-case letters, digits and _, a letter first, at most 63")
    return value


Name = Annotated[str, AfterValidator(_checked_name)]


class Access(StrEnum):
    """Who may see a field; ordered from the most open to the most closed."""

    PUBLIC = "public"
    """Everyone."""
    GENERALISED = "generalised"
    """Shown coarsened along its hierarchy until the reveal."""
    REDACTED = "redacted"
    """Free text, shown after the redactor took names and identifiers out."""
    MATCHED = "matched"
    """Its redacted form feeds ranking; never shown before the reveal."""
    REVEALED = "revealed"
    """Only after both sides agreed."""
    INTERNAL = "internal"
    """Never shown to a counterpart."""

    @property
    def rank(self) -> int:
        """0 for the most open; a declaration may be tightened to a higher rank, never loosened."""
        return list(Access).index(self)

    @property
    def feeds_ranking(self) -> bool:
        """Whether a ranking feature may read the field (in its visible or redacted form)."""
        return self.rank <= Access.MATCHED.rank


class FieldType(StrEnum):
    """How a value is normalised, stored, compared and coarsened."""

    TEXT = "text"
    """Free text, any language."""
    STRING = "string"
    """A short label or name."""
    CODE = "code"
    """A string of the field's `scheme`, kept in its canonical form."""
    NUMBER = "number"
    """A finite float."""
    INTEGER = "integer"
    """A whole number."""
    AMOUNT = "amount"
    """Money, a float in yuan (CNY)."""
    YEAR = "year"
    """A calendar year as integer."""
    DATE = "date"
    """ISO 8601 text: YYYY, YYYY-MM or YYYY-MM-DD."""
    BOOLEAN = "boolean"
    """True or false."""

    @property
    def is_numeric(self) -> bool:
        """Whether a value is one number (a date counts as a fraction of years)."""
        return self in {FieldType.NUMBER, FieldType.INTEGER, FieldType.AMOUNT, FieldType.YEAR, FieldType.DATE}


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Labels(_Declared):
    """What people call a thing."""

    en: str
    """English label."""
    zh: str
    """Chinese label."""


class HierarchyForm(StrEnum):
    """How a hierarchy coarsens."""

    CODE = "code"
    """Codes replaced by the broader codes of their scheme."""
    BANDS = "bands"
    """Numbers put into ever wider bands."""
    TREE = "tree"
    """Labels replaced by their ancestors."""


class Hierarchy(_Declared):
    """The levels along which a value is coarsened; one level past the last drops it."""

    name: Name
    """Unique among hierarchies."""
    form: HierarchyForm
    """How values are cut."""
    scheme: Scheme | None = None
    """CODE: the scheme whose levels are walked."""
    bands: tuple[tuple[float, ...], ...] = ()
    """BANDS: rising boundaries of each level, finest first; a value is in [b_i, b_i+1)."""
    tree: dict[str, tuple[str, ...]] = Setting(default_factory=dict)
    """TREE: label → its ancestors, nearest first; an unlisted label is its own only level."""

    @model_validator(mode="after")
    def _has_levels(self) -> Self:
        if (self.form is HierarchyForm.CODE) != (self.scheme in codes.DEPTH):
            valid = ", ".join(sorted(codes.DEPTH))
            raise ValueError(f"`scheme` goes with form `code`, which needs one with levels: {valid}")
        if self.form is HierarchyForm.BANDS and not (
            self.bands and all(len(level) > 1 and list(level) == sorted(set(level)) for level in self.bands)
        ):
            raise ValueError("a bands hierarchy needs `bands`: per level at least two rising boundaries")
        return self

    @property
    def depth(self) -> int:
        """How many levels show something; level `depth` shows nothing."""
        if self.scheme is not None:
            return codes.DEPTH[self.scheme]
        if self.form is HierarchyForm.BANDS:
            return len(self.bands)
        return 1 + max((len(ancestors) for ancestors in self.tree.values()), default=0)

    def generalise(self, value: str | float, level: int) -> str | None:
        """The visible form of `value` at `level` (0 = finest); None from `depth` on."""
        if level >= self.depth:
            return None
        if self.scheme is not None:
            return codes.levels(self.scheme, str(value))[level]
        if self.form is HierarchyForm.BANDS:
            return _band(float(value), self.bands[level])
        chain = (str(value), *self.tree.get(str(value), ()))
        return chain[min(level, len(chain) - 1)]


def _band(value: float, bounds: tuple[float, ...]) -> str:
    """The band of `value`: `<low`, `a–b` or `≥high`."""
    if value < bounds[0]:
        return f"<{_plain(bounds[0])}"
    for low, high in pairwise(bounds):
        if value < high:
            return f"{_plain(low)}–{_plain(high)}"
    return f"≥{_plain(bounds[-1])}"


def _plain(bound: float) -> str:
    """A bound as people write it: no exponent, no `.0`."""
    return str(int(bound)) if bound.is_integer() else repr(bound)


class Field(_Declared):
    """One property of an entity or relation kind."""

    name: Name
    """Unique within its kind; `id` is reserved."""
    type: FieldType
    """How values are read and compared."""
    access: Access
    """Who may see it; there is no default."""
    labels: Labels
    """Column titles and form labels."""
    many: bool = False
    """Whether the value is a list."""
    synonyms: tuple[str, ...] = ()
    """Further column titles that mean this field, any language."""
    unit: str | None = None
    """Unit of a number, UCUM or ISO 4217 where one exists."""
    scheme: Scheme | None = None
    """Code system of a CODE field."""
    hierarchy: Name | None = None
    """How a GENERALISED field is coarsened."""
    was_revealed: bool = False
    """Whether it was REVEALED before a kinds file closed it: texts do not show its values even so."""

    @property
    def is_visible(self) -> bool:
        """Whether a card shows it as labels or a number, so that filters and comparisons may read that form."""
        return self.access in {Access.PUBLIC, Access.GENERALISED} and self.type is not FieldType.TEXT

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name == "id":
            raise ValueError("`id` is the identity, not a field")
        if (self.type is FieldType.CODE) != (self.scheme is not None):
            raise ValueError(f"field {self.name!r}: `scheme` goes with type `code`, and a code needs one")
        if self.access is Access.GENERALISED and self.hierarchy is None:
            raise ValueError(f"field {self.name!r} is generalised and needs a `hierarchy`")
        return self


class Step(_Declared):
    """One step of a path: along (`>`) or against (`<`) a relation, optionally to one kind only."""

    relation: Name
    """Relation kind."""
    forward: bool
    """True from source to target."""
    kind: Name | None = None
    """Keep only ends of this kind."""


class Path(str):
    """A walk over relations, written `<posted <employed_by`, `>employed_by:institution`.

    Each step is `>` (source to target) or `<` (target to source), a relation kind, and optionally `:kind`.
    """

    __slots__ = ()
    _STEP = re.compile(r"([<>])([a-z][a-z0-9_]*)(?::([a-z][a-z0-9_]*))?")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The parsed steps; DeclarationError when the text is no path."""
        parts = self.split()
        found = [self._STEP.fullmatch(part) for part in parts]
        if not parts or not all(found):
            raise DeclarationError(f"{str(self)!r} is no path; write steps like '<posted >employed_by:institution'")
        return tuple(Step(relation=m[2], forward=m[1] == ">", kind=m[3]) for m in found if m)


class Shown(_Declared):
    """What a card says of an entity's neighbours: a field of theirs, or how many there are (as a band)."""

    name: Name
    """Name on the card."""
    labels: Labels
    """What people call it."""
    path: str
    """Path from the entity to the neighbours."""
    field: Name | None = None
    """A field of the neighbour; None counts the neighbours."""
    hierarchy: Name
    """How it is coarsened."""


class EntityKind(_Declared):
    """A declared node type."""

    name: Name
    """Kind name, e.g. `expert`; the label in Neo4j is its CamelCase."""
    labels: Labels
    """What people call it."""
    fields: tuple[Field, ...] = ()
    """Declared fields, in display order."""
    shown: tuple[Shown, ...] = ()
    """Neighbours that its card mentions."""
    public_record: bool = False
    """Whether its public fields are a public register (patents, instruments): shown as they are, without k.

    It then has nothing that is coarsened: no GENERALISED field and no `shown`.
    """
    synonyms: tuple[str, ...] = ()
    """Further names, e.g. of a spreadsheet's sheet."""

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [f.name for f in self.fields] + [s.name for s in self.shown]
        if len(names) != len(set(names)):
            raise ValueError(f"kind {self.name!r} declares a field twice")
        return self

    @model_validator(mode="after")
    def _open_or_coarsened(self) -> Self:
        coarsened = [f.name for f in self.fields if f.access is Access.GENERALISED] + [s.name for s in self.shown]
        if self.public_record and coarsened:
            raise ValueError(f"kind {self.name!r} is a public record, which coarsens nothing: drop {coarsened}")
        return self

    def field(self, name: str) -> Field:
        """The field of that name; UnknownNameError lists the valid ones."""
        for field in self.fields:
            if field.name == name:
                return field
        raise UnknownNameError(f"field of {self.name}", name, (f.name for f in self.fields), field=name)

    @property
    def node_label(self) -> str:
        """CamelCase label, as Cypher users expect."""
        return "".join(part.capitalize() for part in self.name.split("_"))


class RelationKind(_Declared):
    """A declared edge type."""

    name: Name
    """Kind name, e.g. `employed_by`; the type in Neo4j is its UPPER_SNAKE."""
    labels: Labels
    """What people call it."""
    sources: tuple[str, ...]
    """Kinds an edge may start from; `*` is every kind."""
    targets: tuple[str, ...]
    """Kinds an edge may end at; `*` is every kind."""
    properties: tuple[Field, ...] = ()
    """Declared properties."""
    identity: tuple[Name, ...] = ()
    """Properties that belong to the identity, beside both ends."""

    @model_validator(mode="after")
    def _identity_declared(self) -> Self:
        missing = set(self.identity) - {p.name for p in self.properties}
        if missing:
            raise ValueError(f"relation {self.name!r}: identity names undeclared {sorted(missing)}")
        return self

    @property
    def edge_type(self) -> str:
        """UPPER_SNAKE type, as Cypher users expect."""
        return self.name.upper()

    def property(self, name: str) -> Field:
        """The property of that name; UnknownNameError lists the valid ones."""
        for field in self.properties:
            if field.name == name:
                return field
        raise UnknownNameError(f"property of {self.name}", name, (p.name for p in self.properties), field=name)


_Named = TypeVar("_Named", Hierarchy, RelationKind)


class Catalogue(_Declared):
    """Every declared kind, relation and hierarchy; match kinds ride along as JSON for matching/ to read."""

    entities: dict[str, EntityKind]
    """By kind name."""
    relations: dict[str, RelationKind]
    """By kind name."""
    hierarchies: dict[str, Hierarchy]
    """By name."""
    matches: tuple[dict[str, Any], ...] = ()
    """Match kinds brought by files, unread here: graph/ does not know matching/."""

    @model_validator(mode="after")
    def _ends_exist(self) -> Self:
        for relation in self.relations.values():
            unknown = {*relation.sources, *relation.targets} - self.entities.keys() - {ANY_KIND}
            if unknown:
                raise ValueError(f"relation {relation.name!r} ends at unknown kinds {sorted(unknown)}")
            if relation.name in self.entities:
                raise ValueError(f"{relation.name!r} is declared as an entity kind and as a relation kind")
        for kind in self.entities.values():
            fields: list[Field | Shown] = [*kind.fields, *kind.shown]
            for field in fields:
                if field.hierarchy is not None and field.hierarchy not in self.hierarchies:
                    raise ValueError(f"{kind.name}.{field.name}: unknown hierarchy {field.hierarchy!r}")
            for field in kind.fields:
                self._fits(f"{kind.name}.{field.name}", field, field.hierarchy)
            for shown in kind.shown:
                self._shows(kind, shown)
        return self

    def _shows(self, kind: EntityKind, shown: Shown) -> None:
        """ValueError unless some kind at the end of the path has the field, of a type that can be coarsened so."""
        where = f"{kind.name}.{shown.name}"
        ends = self.end_kinds(kind.name, shown.path)
        if shown.field is None:
            if self.hierarchies[shown.hierarchy].form is not HierarchyForm.BANDS:
                raise ValueError(f"{where} counts neighbours and needs a hierarchy of form `bands`")
            return
        found = [field for end in ends for field in self.entities[end].fields if field.name == shown.field]
        if not found:
            raise ValueError(f"{where}: no field {shown.field!r} in {' or '.join(ends)}, where {shown.path!r} ends")
        for field in found:
            if field.type.is_numeric:
                raise ValueError(f"{where}: {shown.field!r} is a {field.type}; a card shows labels of neighbours only")
            self._fits(where, field, shown.hierarchy)

    def _fits(self, where: str, field: Field, hierarchy: str | None) -> None:
        """ValueError unless the hierarchy can coarsen values of the field."""
        chosen = self.hierarchies.get(hierarchy or "")
        if chosen is None:
            return
        if (chosen.form is HierarchyForm.BANDS) != field.type.is_numeric:
            raise ValueError(
                f"{where} is of type {field.type}: hierarchies of form `bands` are for numbers and dates, "
                f"and numbers and dates have no others; {chosen.name!r} is of form {chosen.form}"
            )
        if chosen.form is HierarchyForm.CODE and chosen.scheme is not field.scheme:
            raise ValueError(f"{where}: hierarchy {chosen.name!r} is for codes of scheme {chosen.scheme}")

    def walked(self, kind: str, path: str) -> list[tuple[Step, tuple[str, ...], tuple[str, ...]]]:
        """(step, kinds it leads from, kinds it leads to) along `path` from `kind`.

        DeclarationError when the path cannot be walked.
        """
        walked = []
        kinds: tuple[str, ...] = (kind,)
        for step in Path(path).steps:
            if step.relation not in self.relations:
                raise DeclarationError(f"path {path!r}: unknown relation {step.relation!r}")
            sources, targets = self.ends(step.relation)
            near, far = (sources, targets) if step.forward else (targets, sources)
            starts = tuple(k for k in kinds if k in near)
            if not starts:
                raise DeclarationError(f"path {path!r}: {step.relation} does not touch {' or '.join(kinds)}")
            kinds = tuple(k for k in far if step.kind in (None, k))
            walked.append((step, starts, kinds))
        return walked

    def end_kinds(self, kind: str, path: str) -> tuple[str, ...]:
        """The kinds that `path` can end at when it starts at `kind`; DeclarationError when it cannot be walked."""
        return self.walked(kind, path)[-1][2]

    def entity(self, name: str) -> EntityKind:
        """The entity kind of that name; UnknownNameError lists the valid ones."""
        if name not in self.entities:
            raise UnknownNameError("entity kind", name, self.entities)
        return self.entities[name]

    def relation(self, name: str) -> RelationKind:
        """The relation kind of that name; UnknownNameError lists the valid ones."""
        if name not in self.relations:
            raise UnknownNameError("relation kind", name, self.relations)
        return self.relations[name]

    def ends(self, relation: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(source kinds, target kinds) of a relation, `*` spelled out."""
        kind = self.relation(relation)
        every = tuple(self.entities)
        return (
            every if ANY_KIND in kind.sources else kind.sources,
            every if ANY_KIND in kind.targets else kind.targets,
        )

    def to_json(self) -> bytes:
        """Canonical JSON: the same catalogue always gives the same bytes."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The catalogue that `to_json` wrote."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise DeclarationError(f"catalogue: {first_problem(error)}") from error

    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON, hex."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def extended(self, document: Mapping[str, Any]) -> Catalogue:
        """This catalogue with the kinds of a kinds.json document.

        The document has the lists `entities`, `relations`, `hierarchies`, `matches` (all optional). What is known, of
        the product or of an earlier document, stays as declared, for stored records rest on it: an entity kind may
        gain fields, and a field a stricter `access`; all else is repeated unchanged or left out. Match kinds, on which
        no record rests, are replaced by name. Raises DeclarationError.
        """
        unknown = set(document) - {"entities", "relations", "hierarchies", "matches"}
        if unknown:
            raise UnknownNameError(
                "key in kinds file", min(unknown), ("entities", "relations", "hierarchies", "matches")
            )
        entities, relations, hierarchies = dict(self.entities), dict(self.relations), dict(self.hierarchies)
        try:
            for entry in _listed(document, "hierarchies"):
                _add_new(hierarchies, Hierarchy.model_validate(entry), "hierarchy")
            for entry in _listed(document, "entities"):
                known = entities.get(str(entry.get("name")))
                kind = EntityKind.model_validate(entry) if known is None else _widened(known, entry)
                entities[kind.name] = kind
            for entry in _listed(document, "relations"):
                _add_new(relations, RelationKind.model_validate(entry), "relation kind")
            matches = {m.get("name"): m for m in (*self.matches, *_listed(document, "matches"))}
            return Catalogue(
                entities=entities, relations=relations, hierarchies=hierarchies, matches=tuple(matches.values())
            )
        except ValidationError as error:
            raise DeclarationError(f"kinds file: {first_problem(error)}") from error


def first_problem(error: ValidationError) -> str:
    """The first problem of a pydantic error as `where: what`."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"]


def _listed(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DeclarationError(f"kinds file: `{key}` is a list of objects", field=key)
    return entries


def _add_new(known: dict[str, _Named], declared: _Named, what: str) -> None:
    if known.setdefault(declared.name, declared) != declared:
        raise DeclarationError(f"{what} {declared.name!r} exists and cannot be declared otherwise", field=declared.name)


def _widened(known: EntityKind, entry: Mapping[str, Any]) -> EntityKind:
    """`known` with the new fields and the tightened accesses of a kinds file's entry."""
    fields = {field.name: field for field in known.fields}
    for raw in _listed(entry, "fields"):
        old = fields.get(str(raw.get("name")))
        field = Field.model_validate(raw) if old is None else _tightened(known.name, old, raw)
        fields[field.name] = field
    kind = EntityKind.model_validate({**known.model_dump(), **entry, "fields": tuple(fields.values())})
    if kind != known.model_copy(update={"fields": kind.fields}):
        raise DeclarationError(f"kind {known.name!r} exists: only its `fields` can be extended", field=known.name)
    return kind


def _tightened(kind: str, known: Field, entry: Mapping[str, Any]) -> Field:
    """`known` with the access of a kinds file's entry."""
    if "access" in entry and entry["access"] not in list(Access):
        raise UnknownNameError("access", str(entry["access"]), list(Access), field=known.name)
    field = Field.model_validate({**known.model_dump(), **entry})
    if known.access is Access.REVEALED and field.access is not Access.REVEALED:
        field, known = (one.model_copy(update={"was_revealed": True}) for one in (field, known))
    if field != known.model_copy(update={"access": field.access}):
        raise DeclarationError(f"{kind}.{known.name} exists: only its `access` can be tightened", field=known.name)
    if field.access.rank < known.access.rank:
        raise DeclarationError(
            f"{kind}.{known.name} is {known.access} and cannot be loosened to {field.access}", field=known.name
        )
    return field


def catalogue_of(
    entities: Iterable[EntityKind], relations: Iterable[RelationKind], hierarchies: Iterable[Hierarchy]
) -> Catalogue:
    """A catalogue of declared values."""
    return Catalogue(
        entities={kind.name: kind for kind in entities},
        relations={kind.name: kind for kind in relations},
        hierarchies={hierarchy.name: hierarchy for hierarchy in hierarchies},
    )
