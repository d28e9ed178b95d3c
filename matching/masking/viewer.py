"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from graph.projection import Projection
from graph.records import EntityKey


class Role(StrEnum):
    """What a viewer is to the platform."""

    OUTSIDER = "outsider"
    """Nobody in particular."""
    ENTERPRISE = "enterprise"
    """An enterprise: blind to the other side."""
    EXPERT = "expert"
    """An expert: blind to the other side."""
    FUND_MANAGER = "fund-manager"
    """A fund: blind to the other side."""
    OWNER = "owner"
    """Who owns instruments: blind to who asks."""
    BROKER = "broker"
    """A technology broker: sees the order of candidates for those who mandated them, is bound and audited."""
    OPERATOR = "operator"
    """Runs the platform; every look is audited."""


@dataclass(frozen=True)
class Viewer:
    """Who asks, and for whom."""

    id: str
    """Stable id of the asker; aliases are bound to it."""
    role: Role
    """Decides what an answer shows."""
    parties: tuple[EntityKey, ...] = ()
    """The own record, or a broker's mandates."""
    everything: bool = False
    """Whether the mandate is for everyone."""

    @property
    def sees_order(self) -> bool:
        """Whether candidates come in order, with exact contributions: for operators, and brokers with a mandate."""
        return self.role is Role.OPERATOR or (self.role is Role.BROKER and (self.everything or bool(self.parties)))

    def may_ask(self, projection: Projection, subject: EntityKey) -> bool:
        """Whether this viewer may ask in the name of a subject: a party of theirs, or what a party posted."""
        if self.role is Role.OPERATOR or self.everything:
            return True
        table = projection.table(subject.kind)
        if not self.parties or table.n == 0:
            return False
        # Of one that is absent as much is looked up as of one that is not theirs: the time it takes tells nothing.
        row = table.find(subject.id)
        askers = {subject.kind: np.array([row])}
        posted = projection.catalogue.relations.get("posted")
        if posted is not None and subject.kind in posted.targets:
            askers |= projection.walk(subject.kind, [max(row, 0)], "<posted")
        found = [
            party.kind in askers and projection.table(party.kind).find(party.id) in askers[party.kind]
            for party in self.parties
            if party.kind in projection.catalogue.entities
        ]
        return row >= 0 and any(found)
