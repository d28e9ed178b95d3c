"""Groups of judged pairs: where a ranking is good and where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import InputError, UnknownNameError
from matching.candidates.analysis import language
from matching.evaluation.judgements import Pairs
from matching.evaluation.measures import Measured
from matching.state import Prepared, State

Members = NDArray[np.bool_]

MOST = 20
"""Groups that are told apart, those of the most pairs; the rest is one group."""
ABSENT, REST = "(none)", "(other)"


@dataclass(frozen=True)
class Group:
    """The measures of one group of subjects, or of one group of candidates among themselves."""

    by: str
    name: str
    pairs: int
    measured: list[Measured]

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "by": self.by, "group": self.name, "pairs": self.pairs,
            "measures": [measured.to_dict() for measured in self.measured],
        }  # fmt: skip


def groups(state: State, prepared: Prepared, by: str, pairs: Pairs) -> dict[str, Members]:
    """Name → which pairs are in the group, largest first; a subject with several labels is in several groups.

    `by` is `language` or `warmth` of the subject, a visible field of it, or `candidate.FIELD`. UnknownNameError lists
    what is valid, InputError says where there are no past outcomes to be warm by.
    """
    side, labels_of = _labels_of(state, prepared, by)
    kind = prepared.evidence.kind
    table = state.projection.table(kind.subject if side == "subject" else kind.candidate)
    names = pairs.subjects if side == "subject" else pairs.candidates
    distinct, inverse = np.unique(names, return_inverse=True)
    carried: dict[str, NDArray[np.bool_]] = {}
    for at, name in enumerate(distinct.tolist()):
        row = table.find(name)
        for label in (labels_of(row) if row >= 0 else []) or [ABSENT]:
            carried.setdefault(label, np.zeros(len(distinct), bool))[at] = True
    members = {label: carrying[inverse] for label, carrying in carried.items()}
    ordered = sorted(members, key=lambda label: (-int(members[label].sum()), label))
    found = {label: members[label] for label in ordered[:MOST]}
    if ordered[MOST:]:
        found[REST] = np.logical_or.reduce([members[label] for label in ordered[MOST:]])
    return found


def _labels_of(state: State, prepared: Prepared, by: str) -> tuple[str, Callable[[int], list[str]]]:
    """(`subject` or `candidate`, row → its labels)."""
    evidence = prepared.evidence
    if by == "language":
        return "subject", lambda row: [language(evidence.asked(row).text)]
    if by == "warmth":
        outcomes = evidence.outcomes
        if outcomes is None:
            raise InputError(f"{evidence.kind.name} has no past outcomes to be warm or cold by", field="by")
        return "subject", lambda row: ["warm" if len(outcomes.partners(row)) else "cold"]
    visible = {
        "subject": state.mask.visible(evidence.kind.subject), "candidate": state.mask.visible(evidence.kind.candidate)
    }  # fmt: skip
    side, dot, field = by.rpartition(".")
    side = side if dot else "subject"
    if side not in visible or field not in visible[side].fields:
        valid = [*visible["subject"].fields, *(f"candidate.{name}" for name in visible["candidate"].fields)]
        raise UnknownNameError("group", by, ["language", "warmth", *valid], field="by")
    shown = visible[side].labels(field)
    return side, lambda row: [str(label) for label in shown.of(row)]
