"""Redaction of free text: every name in the graph, and every identifier pattern of the country.

What is found is replaced by a typed placeholder that tells neither the value nor its length.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np
from ahocorasick_rs import AhoCorasick, MatchKind

from graph.projection import Projection, Strings
from matching.masking.names import Names, forms_of
from matching.masking.patterns import OPAQUE, RULES, Span, folded, identifiers, joined_up, loosened, visible_only
from matching.masking.stored import Stored

PLACEHOLDERS = {
    "email": "［邮箱 e-mail］", "url": "［网址 link］", "id_card": "［证件 id］", "credit_code": "［代码 code］",
    "phone": "［电话 phone］", "plate": "［车牌 plate］", "account": "［账号 account］", "address": "［地址 address］",
    "name": "［名称 name］",
}  # fmt: skip
"""Type of what was found → what stands in its place."""

PLACED = re.compile("|".join(map(re.escape, PLACEHOLDERS.values())))
"""Any placeholder."""


class NameFinder:
    """Finds any of many folded names in folded text."""

    def __init__(self, forms: Sequence[str]) -> None:
        self._found = AhoCorasick(forms, matchkind=MatchKind.Standard, store_patterns=False) if len(forms) else None

    @property
    def is_empty(self) -> bool:
        """Whether there are no names to find."""
        return self._found is None

    def any_in(self, text: str) -> bool:
        """Whether any occurs at all in a folded text, as a word or inside one."""
        if self._found is None:
            return False
        loose = loosened(text)
        together = joined_up(loose)
        return bool(
            self._found.find_matches_as_indexes(loose)
            or (together is not None and self._found.find_matches_as_indexes(together.text))
        )

    def spans(self, text: str) -> list[Span]:
        """Every occurrence in a folded text, overlapping ones too; a Latin name counts only as whole words."""
        if self._found is None:
            return []
        loose = loosened(text)
        found = [
            (start, end, "name")
            for _, start, end in self._found.find_matches_as_indexes(loose, overlapping=True)
            if _stands_alone(loose, start, end)
        ]
        together = joined_up(loose)
        if together is not None:
            for _, start, end in self._found.find_matches_as_indexes(together.text, overlapping=True):
                if together.crosses(start, end) and _stands_alone(together.text, start, end):
                    found.append((together.place(start), together.place(end - 1) + 1, "name"))
        return found


class Redactor:
    """Takes names and identifiers out of texts; the same names in any order make the same redactor."""

    def __init__(self, names: Iterable[str]) -> None:
        self._take(Names(Strings.of(forms_of(names)), {}))

    @classmethod
    def of(cls, names: Names) -> Redactor:
        """The redactor of names that were spelled before."""
        redactor = cls.__new__(cls)
        redactor._take(names)
        return redactor

    def _take(self, names: Names) -> None:
        self.names = names
        """What is taken out."""
        hasher = hashlib.blake2b(RULES.encode(), digest_size=16)
        hasher.update(np.asarray(names.forms.offsets).data)
        hasher.update(np.asarray(names.forms.blob).data)
        self.version = hasher.hexdigest()
        """Changes iff redaction changes."""
        self._names = NameFinder(names.forms)

    def redact(self, text: str) -> str:
        """The text without names and identifiers; doing it again changes nothing."""
        before, text = "", visible_only(text)
        while before != text:  # what is taken out may set free what stood against it
            before, text = text, self._pass(text)
        return text

    def _pass(self, text: str) -> str:
        flat = folded(PLACED.sub(_opaque, text) if "［" in text else text)
        spans = [*self._names.spans(flat), *identifiers(flat)]
        if not spans:
            return text
        parts, at = [], 0
        for start, end, type_ in _merged(spans):
            parts += [text[at:start], PLACEHOLDERS[type_]]
            at = end
        return "".join([*parts, text[at:]])


def _opaque(placed: re.Match[str]) -> str:
    """What an earlier pass took out, as long as its placeholder."""
    return OPAQUE * len(placed[0])


def _merged(spans: list[Span]) -> list[Span]:
    """Overlapping spans as one, of the type of the longest.

    Of two that are as long an identifier's type wins: the text would tell otherwise whether it is in the graph.
    """
    spans.sort(key=lambda span: (span[0], -span[1], span[2] == "name", span[2]))
    merged: list[Span] = []
    longest = 0, False
    for start, end, type_ in spans:
        weight = end - start, type_ != "name"
        if merged and start < merged[-1][1]:
            first, last, kept = merged[-1]
            merged[-1] = (first, max(last, end), type_ if weight > longest else kept)
            longest = max(longest, weight)
        else:
            merged.append((start, end, type_))
            longest = weight
    return merged


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a match begins and ends where words do; Chinese has no word boundaries."""
    return not (
        (start > 0 and _latin(text[start]) and _latin(text[start - 1]))
        or (end < len(text) and _latin(text[end - 1]) and _latin(text[end]))
    )


def _latin(char: str) -> bool:
    return char < "\u2e80" and char.isalnum()


_latest: list[Redactor] = []
_making = Lock()
"""Held while names are made ready to be looked for again: who asks meanwhile waits rather than doing it, too."""


def redactor_of(projection: Projection, before: Stored | None, processes: int = 1) -> Redactor:
    """The redactor of every name in a projection; the one made last is kept while the names stay.

    A process that has made none goes on from the names that were stored.
    """
    known = next((redactor for redactor in _latest if redactor.names.of), None)
    names = Names.read(projection, known.names if known else before.names() if before else None, processes)
    return known if known is not None and names is known.names else _kept(Redactor.of(names))


def redactor_again(version: str, forms: Strings) -> Redactor:
    """The redactor of a version, from the forms kept of it; the one made last, where it is that."""
    with _making:
        for known in _latest:
            if known.version == version:
                return known
        return _kept(Redactor.of(Names(forms, {})))


def _kept(redactor: Redactor) -> Redactor:
    """The redactor, in the place of the one kept before; threads may do so at once."""
    _latest[:] = [redactor]
    return redactor
