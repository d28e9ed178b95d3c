"""Code systems of the field: checking, canonical form, broader levels and labels."""

from __future__ import annotations

from enum import StrEnum


class Scheme(StrEnum):
    """A code system whose values are checked."""

    USCC = "uscc"
    """Unified social credit code, GB 32100."""
    ORCID = "orcid"
    """ORCID iD, ISO 7064 mod 11-2."""
    REGION = "region"
    """GB/T 2260 six digits, or ISO 3166-1 alpha-2."""
    INDUSTRY = "industry"
    """GB/T 4754: section letter and up to four digits."""
    IPC = "ipc"
    """International Patent Classification, e.g. H04L9/32."""
    PATENT_NUMBER = "patent_number"
    """WIPO ST.16: country, number, kind."""
    DOI = "doi"
    """Digital object identifier."""


DEPTH: dict[Scheme, int] = {Scheme.REGION: 4, Scheme.INDUSTRY: 4, Scheme.IPC: 5}
"""How many levels a scheme has; schemes without levels are absent."""


def levels(scheme: Scheme, code: str) -> tuple[str, ...]:
    """The code at each level of its scheme, finest first, always DEPTH[scheme] long.

    `330106` → `330106 330100 330000 CN`; a code that is broad already repeats itself (`330000 330000 330000 CN`).
    """
    if scheme is Scheme.REGION:
        return _region_levels(code)
    if scheme is Scheme.INDUSTRY:
        return tuple(code[:length] for length in (5, 4, 3, 1))
    if scheme is Scheme.IPC:
        group, _, _ = code.partition("/")
        return (code, group, *(group[:length] for length in (4, 3, 1)))
    raise KeyError(scheme)


def _region_levels(code: str) -> tuple[str, ...]:
    if not code.isdigit():
        return (code,) * DEPTH[Scheme.REGION]
    return (code, code[:4] + "00", code[:2] + "0000", "CN")
