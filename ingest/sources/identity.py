"""Ids of rows that have none: made of what identifies them, the same whenever and wherever they are read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from graph import codes
from graph.codes import Scheme
from graph.errors import ValueRejectedError
from graph.records import digest

IDENTIFIERS = (
    ("uscc", Scheme.USCC),
    ("orcid", Scheme.ORCID),
    ("number", Scheme.PATENT_NUMBER),
    ("doi", Scheme.DOI),
)
"""Fields that identify a record wherever it stands."""
IDENTIFYING = frozenset(scheme for _, scheme in IDENTIFIERS)
"""Code systems of these."""
TELLING = ("serial_number", "name", "title", "text", "model", "manufacturer", "filing_date", "year", "email")
"""Fields that tell records of one kind apart where none identifies them."""
_NOT_WORD = re.compile(r"[\W_]+")


def plain(text: Any) -> str:
    """A title or name without case, width, blanks and punctuation."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", str(text)).lower())


def identity(kind: str, raw: Mapping[str, Any], place: str = "") -> str:
    """An id made of what identifies the row, with the institution beside it; "" where nothing does."""
    for name, scheme in IDENTIFIERS:
        if value := raw.get(name):
            try:
                return hashed(kind, name, codes.canonical(scheme, str(value)))
            except ValueRejectedError:
                continue  # the row is rejected with this reason when it is normalised
    if raw.get("serial_number"):
        return hashed(kind, "serial_number", *(plain(raw.get(name, "")) for name in ("serial_number", "name")))
    telling = [f"{name}={plain(raw[name])}" for name in TELLING if raw.get(name)]
    return hashed(kind, *telling, plain(place)) if telling else ""


def hashed(kind: str, *parts: str) -> str:
    """A stable id of a kind."""
    return f"{kind}-{digest(kind, *parts).hex()[:16]}"
