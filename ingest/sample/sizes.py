"""How much of everything a sample world has."""

from __future__ import annotations

from typing import NamedTuple

from graph.errors import InputError

LARGEST = 1_000_000
"""Most experts that a sample world may have."""

FULL_UNTIL = 100_000
"""Above this many experts only the experts grow: at 1,000,000 an expert has one document instead of ten."""


class Sizes(NamedTuple):
    """Entities per kind."""

    expert: int
    enterprise: int
    instrument: int
    fund: int
    patent: int
    need: int
    publication: int
    institution: int


ORIGINAL = Sizes(
    expert=4_633,
    enterprise=5_544,
    instrument=1_505,
    fund=3_800,
    patent=20_000,
    need=10_000,
    publication=40_000,
    institution=64,
)
"""The scale of the original system; publications and institutions are this world's own figures."""


def sizes(experts: int) -> Sizes:
    """The sizes that go with so many experts (10 to 1,000,000); InputError otherwise."""
    if not 10 <= experts <= LARGEST:
        raise InputError(f"experts is {experts}; valid: 10 to {LARGEST}", field="experts")
    factor = min(experts, FULL_UNTIL) / ORIGINAL.expert
    scaled = {kind: max(10, round(number * factor)) for kind, number in ORIGINAL._asdict().items()}
    # Institutions grow more slowly than what they house.
    institutions = round(ORIGINAL.institution * min(12.0, max(0.25, factor**0.5)))
    return Sizes(**(scaled | {"expert": experts, "institution": institutions}))
