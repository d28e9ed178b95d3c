"""Every match kind, declared. ★ Start here to add one.

A match kind is a question: for a subject kind, rank a candidate kind. Retrievers, features, the prior, constraints,
REST paths and command arguments derive from the declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field as Setting, ValidationError, model_validator

from graph.errors import DeclarationError, UnknownNameError
from graph.schema import Catalogue, EntityKind, Field, Labels, Name, Path, Shown, first_problem


def _checked_path(value: str) -> str:
    try:
        Path(value).steps  # noqa: B018 — parsing is the check
    except DeclarationError as error:
        raise ValueError(str(error)) from error
    return value


PathText = Annotated[str, AfterValidator(_checked_path)]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Comparison(_Declared):
    """A feature that compares what is visible on both sides.

    Each side is a field of its entity, or `PATH.FIELD`: the field of the neighbours that the path reaches.
    """

    name: Name
    """Feature name, unique within the match kind."""
    subject: str
    """Field or PATH.FIELD from the subject."""
    candidate: str
    """Field or PATH.FIELD from the candidate."""


class Conflict(_Declared):
    """A path from the subject that must not reach the candidate."""

    path: PathText
    """Path from the subject."""
    labels: Labels
    """Why it is a conflict."""


class Pool(_Declared):
    """Which candidates compete for a subject."""

    same: tuple[Name, ...] = ()
    """Fields whose values must be equal on both sides."""
    differs: tuple[Name, ...] = ()
    """Fields whose values must differ."""


class MatchKind(_Declared):
    """A declared question."""

    name: str
    """Always `subject-candidate`."""
    subject: Name
    """Entity kind that asks."""
    candidate: Name
    """Entity kind that is ranked."""
    labels: Labels
    """What people call it."""
    profile: bool = False
    """Whether the subject's texts tell who it is and ask for nothing: a verdict then rests on bands alone."""
    documents: tuple[PathText, ...] = ()
    """Paths from a candidate to its documents; they are scored one by one beside its own text."""
    outcome: PathText | None = None
    """Path from the subject whose ends are its past outcomes."""
    compare: tuple[Comparison, ...] = ()
    """Comparisons beyond those of equally named fields, which are derived."""
    pool: Pool = Pool()
    """Which candidates compete."""
    conflicts: tuple[Conflict, ...] = ()
    """Who is excluded."""
    mutual: bool = False
    """Whether both sides choose: where they are of one kind, what was learned weighs both directions."""
    weights: dict[str, float] = Setting(default_factory=dict)
    """Prior weight of a feature where it differs from the default of its family."""

    @model_validator(mode="after")
    def _named_by_its_ends(self) -> Self:
        if self.name != f"{self.subject}-{self.candidate}":
            raise ValueError(f"match kind {self.name!r} must be named {self.subject}-{self.candidate}")
        return self

    @property
    def is_two_sided(self) -> bool:
        """Whether a candidate may ask as the subject does: both choose, and both are of one kind."""
        return self.mutual and self.subject == self.candidate

    @property
    def has_own_outcomes(self) -> bool:
        """Whether past outcomes are the subject's own: one relation leads to them, not one of somebody beside it."""
        return self.outcome is not None and len(Path(self.outcome).steps) == 1

    def comparisons(self, catalogue: Catalogue) -> tuple[Comparison, ...]:
        """The derived comparisons (equally named visible fields) and the declared ones, by name.

        Where both sides of one kind choose, what one looks for in the other is compared the other way round too.
        """
        subject, candidate = catalogue.entity(self.subject), catalogue.entity(self.candidate)
        shared = [f.name for f in subject.fields if comparable(f) and comparable(_find(candidate, f.name))]
        derived = {name: Comparison(name=name, subject=name, candidate=name) for name in shared}
        found = derived | {c.name: c for c in self.compare}
        if self.is_two_sided:
            for one in self.compare:
                if one.subject != one.candidate:
                    back = Comparison(name=f"{one.name}_back", subject=one.candidate, candidate=one.subject)
                    found.setdefault(back.name, back)
        return tuple(found.values())


def comparable(field: Field | Shown | None) -> bool:
    """Whether a field is visible to a counterpart as a label or number, so that a feature may compare it."""
    if isinstance(field, Shown):
        return True
    return field is not None and field.is_visible


def _find(kind: EntityKind, name: str) -> Field | Shown | None:
    fields: list[Field | Shown] = [*kind.fields, *kind.shown]
    return next((field for field in fields if field.name == name), None)


def split_reach(reach: str) -> tuple[str | None, str]:
    """(path or None, field) of `field` or `PATH.FIELD`."""
    path, dot, field = reach.rpartition(".")
    return (path, field) if dot else (None, field)


class MatchKinds(Mapping[str, MatchKind]):
    """The match kinds of a catalogue: the built-in ones and those that its files brought."""

    def __init__(self, kinds: Mapping[str, MatchKind]) -> None:
        self._kinds = dict(kinds)

    @classmethod
    def of(cls, catalogue: Catalogue) -> MatchKinds:
        """All match kinds, checked against the catalogue; DeclarationError names what does not fit."""
        kinds = {kind.name: kind for kind in BUILTIN}
        for entry in catalogue.matches:
            kind = parse(entry)
            if kind.name in kinds and kinds[kind.name] in BUILTIN and kinds[kind.name] != kind:
                raise DeclarationError(f"match kind {kind.name!r} exists and cannot be declared otherwise")
            kinds[kind.name] = kind
        for kind in kinds.values():
            check(kind, catalogue)
        return cls(kinds)

    def __getitem__(self, name: str) -> MatchKind:
        if name not in self._kinds:
            raise UnknownNameError("match kind", name, self._kinds, field="match_kind")
        return self._kinds[name]

    def __contains__(self, name: object) -> bool:
        return name in self._kinds

    def __iter__(self) -> Any:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def parse(entry: Mapping[str, Any]) -> MatchKind:
    """The match kind of a kinds file's entry; DeclarationError says what is wrong with it."""
    try:
        return MatchKind.model_validate(entry)
    except ValidationError as error:
        raise DeclarationError(f"match kind {entry.get('name', '')!r}: {first_problem(error)}") from error


def check(kind: MatchKind, catalogue: Catalogue) -> None:
    """Raise DeclarationError unless every kind, path and field of the declaration exists and may feed ranking."""
    subject, candidate = catalogue.entity(kind.subject), catalogue.entity(kind.candidate)
    for path in kind.documents:
        catalogue.end_kinds(kind.candidate, path)
    for ending in (*(c.path for c in kind.conflicts), *([kind.outcome] if kind.outcome else [])):
        if kind.candidate not in catalogue.end_kinds(kind.subject, ending):
            raise DeclarationError(f"match kind {kind.name!r}: path {ending!r} does not end at {kind.candidate}")
    for comparison in kind.compare:
        for start, reach in ((kind.subject, comparison.subject), (kind.candidate, comparison.candidate)):
            way, name = split_reach(reach)
            ends = (start,) if way is None else catalogue.end_kinds(start, way)
            found = [field for end in ends if (field := _find(catalogue.entity(end), name)) is not None]
            if not found:
                raise DeclarationError(f"match kind {kind.name!r}: {reach!r} names no field of {' or '.join(ends)}")
            if not all(comparable(field) for field in found):
                raise DeclarationError(
                    f"match kind {kind.name!r}: {reach!r} is not visible (public or generalised, not text), "
                    "so no feature may read it"
                )
    for name in (*kind.pool.same, *kind.pool.differs):
        if not (comparable(_find(subject, name)) and comparable(_find(candidate, name))):
            raise DeclarationError(f"match kind {kind.name!r}: pool field {name!r} is not visible on both sides")


def _conflict(path: str, en: str, zh: str) -> Conflict:
    return Conflict(path=path, labels=Labels(en=en, zh=zh))


def _compare(name: str, subject: str, candidate: str) -> Comparison:
    return Comparison(name=name, subject=subject, candidate=candidate)


BUILTIN = (
    MatchKind(
        name="need-expert",
        subject="need",
        candidate="expert",
        labels=Labels(en="experts for a need", zh="为需求找专家"),
        documents=(">authored", ">invented"),
        outcome="<posted:enterprise <collaborated:expert",
        compare=(_compare("region", "<posted:enterprise.regions", "institution_region"),),
        conflicts=(
            _conflict("<posted <employed_by", "employed by the asking side", "任职于需求方"),
            _conflict("<posted:enterprise <holds:expert", "holds shares of the asking enterprise", "持有需求方股份"),
            _conflict(
                "<posted:enterprise >supplies <employed_by",
                "employed by a customer of the asking side",
                "任职于需求方客户",
            ),
            _conflict(
                "<posted:enterprise <supplies <employed_by",
                "employed by a supplier of the asking side",
                "任职于需求方供应商",
            ),
        ),
    ),
    MatchKind(
        name="need-patent",
        subject="need",
        candidate="patent",
        labels=Labels(en="patents and achievements for a need", zh="为需求找专利成果"),
        conflicts=(_conflict("<posted >owns", "owned by the asking side", "需求方自有"),),
    ),
    MatchKind(
        name="need-instrument",
        subject="need",
        candidate="instrument",
        labels=Labels(en="instruments for a need", zh="为需求找仪器"),
        outcome="<posted:enterprise >used",
        compare=(_compare("region", "<posted:enterprise.regions", "region"),),
        conflicts=(_conflict("<posted >owns", "owned by the asking side", "需求方自有"),),
    ),
    MatchKind(
        name="need-publication",
        subject="need",
        candidate="publication",
        labels=Labels(en="publications for a need", zh="为需求找论文"),
    ),
    MatchKind(
        name="expert-need",
        subject="expert",
        candidate="need",
        labels=Labels(en="needs for an expert", zh="为专家找需求"),
        profile=True,
        outcome=">collaborated >posted",
        conflicts=(
            _conflict(">employed_by >posted", "posted by the employer", "本单位发布"),
            _conflict(">holds >posted", "posted by an enterprise whose shares the expert holds", "持股企业发布"),
        ),
    ),
    MatchKind(
        name="enterprise-fund",
        subject="enterprise",
        candidate="fund",
        labels=Labels(en="funds for a project", zh="为项目找基金"),
        profile=True,
        outcome="<invested",
        compare=(
            _compare("stage", "stage", "stages"),
            _compare("sector", "tags", "sectors"),
        ),
        conflicts=(_conflict("<holds:fund", "holds shares already", "已持股"),),
    ),
    MatchKind(
        name="fund-enterprise",
        subject="fund",
        candidate="enterprise",
        labels=Labels(en="projects for a fund", zh="为基金找项目"),
        profile=True,
        outcome=">invested",
        compare=(
            _compare("stage", "stages", "stage"),
            _compare("sector", "sectors", "tags"),
        ),
        conflicts=(_conflict(">holds", "shares held already", "已持股"),),
    ),
    MatchKind(
        name="enterprise-patent",
        subject="enterprise",
        candidate="patent",
        labels=Labels(en="patents for an enterprise", zh="为企业找专利"),
        profile=True,
        conflicts=(_conflict(">owns", "owned already", "已拥有"),),
    ),
)
"""The match kinds that the product comes with."""
