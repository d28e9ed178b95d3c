"""What is asked, and what is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graph.errors import InputError
from matching.masking import Viewer

LIMIT = 100
"""Most matches of one answer."""
TEXT_LIMIT = 20_000
"""Most characters of a question's text."""


@dataclass(frozen=True)
class Question:
    """What is asked; exactly one of `subject` and `text` is given."""

    kind: str
    """Match kind, e.g. `need-expert`."""
    subject: str | None = None
    """Id of the subject in the graph."""
    text: str | None = None
    """Free text instead of a subject."""
    limit: int = 20
    """Matches wanted, 1 to LIMIT."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Visible field of the candidate → the value that its card must show, or one within it; a code or a name."""
    exclude: frozenset[str] = frozenset()
    """Aliases of earlier answers that are not wanted again; toward the blind nobody moves up in their place."""
    dismissed: frozenset[str] = frozenset()
    """Ids of candidates that the viewer dismissed for this question; left out as excluded ones are."""
    explain: bool = False
    """Whether to say why."""
    cover: bool = False
    """Whether a team is wanted that covers the parts of the need; for viewers who see the order."""
    cursor: str | None = None
    """`next` of the answer before."""

    @property
    def about(self) -> str:
        """What aliases are bound to: the subject's kind and id, or the text's hash."""
        if self.subject is not None:
            return f"{self.kind.partition('-')[0]}:{self.subject}"
        return "text:" + hashlib.sha256((self.text or "").encode()).hexdigest()

    @property
    def token(self) -> str:
        """What a cursor is bound to."""
        parts = [self.kind, self.about, *sorted(f"{k}={v}" for k, v in self.filters.items()), *sorted(self.exclude)]
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Match:
    """One candidate as the viewer may see it."""

    alias: str
    card: Mapping[str, Any]
    k: int | None
    """How many entities at least share the card's visible values; None for public records."""
    rank: int | None
    """Place in the order, for viewers who may see it."""
    explanation: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """JSON form; what the viewer may not see is absent."""
        body: dict[str, Any] = {"alias": self.alias, "card": dict(self.card), "k": self.k}
        if self.rank is not None:
            body["rank"] = self.rank
        if self.explanation is not None:
            body["explanation"] = dict(self.explanation)
        return body


@dataclass(frozen=True)
class Shown:
    """Who was shown where: what the service remembers of an answer, and never tells."""

    first: int
    """Place of the first candidate, 1 on the first page."""
    candidates: tuple[str, ...]
    """Ids in the order shown."""
    scores: tuple[float, ...]
    """Their scores without what use added, in widths of a band."""
    explored: tuple[int, ...]
    """Places among `candidates`, from 0, that were given to somebody hardly shown yet."""


@dataclass(frozen=True)
class Answer:
    """Groups of matches, best band first."""

    groups: tuple[tuple[str, tuple[Match, ...]], ...]
    """(band, matches) each."""
    next: str | None
    """Cursor of what follows."""
    shown: Shown
    """No part of the JSON form."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Of an explained answer's first page: verdict, basis, parts, missing, summary (see `explanation.verdict`)."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "groups": [{"band": band, "matches": [m.to_dict() for m in matches]} for band, matches in self.groups],
            "next": self.next,
            **self.about,
        }


def either(subject: str | None, text: str | None) -> None:
    """InputError unless exactly one of both is given."""
    if (subject is None) == (text is None):
        raise InputError("give either `subject` (an id) or `text`, not both and not neither", field="subject")


def checked(question: Question, viewer: Viewer) -> None:
    """Raise InputError that names the field, the reason and what is valid."""
    either(question.subject, question.text)
    if not 1 <= question.limit <= LIMIT:
        raise InputError(f"`limit` is {question.limit}; valid: 1 to {LIMIT}", field="limit")
    if question.text is not None and not question.text.strip():
        raise InputError("`text` is empty", field="text")
    if question.text is not None and len(question.text) > TEXT_LIMIT:
        raise InputError(f"`text` has {len(question.text)} characters; at most {TEXT_LIMIT}", field="text")
    if question.cover and not viewer.sees_order:
        reason = "tells who covers what, which only brokers with a mandate and operators see; ask without it"
        raise InputError(f"`cover` {reason}", field="cover")
    if question.cover and question.cursor is not None:
        raise InputError("`cover` gives one team and no further page; ask without `cursor`", field="cursor")
