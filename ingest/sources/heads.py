"""Where a table's column titles stand, and the kind of thing that it lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graph.errors import quoted
from graph.schema import Catalogue, EntityKind, RelationKind
from ingest.sources.beside import BESIDE, PARTIES, without_word
from ingest.sources.headers import MOST_COLUMNS, Column, Titles, words
from ingest.sources.identity import IDENTIFIERS, TELLING, plain
from ingest.sources.titles import ID, NUMBERING

SEARCHED = 20
"""Rows in which the titles must stand."""
MOST_ABOVE = 2
"""Cells of a row above the table at the most: its title, a date."""
MOST_TOLD = 6
"""Titles that the reason for skipping a table names at the most."""
_LONGEST_TITLE = 100
_ABOUT = re.compile(r"(?:基本)?(?:信息|情况)$|\s+information$", re.IGNORECASE)
"""What a title over several says beside whose they are: 企业基本信息 over 名称 is 企业名称."""
_LAST_WORD = re.compile(r"[a-z]+$|[\u4e00-\u9fff]{2}$", re.IGNORECASE)
"""The noun that a title ends with: 需求 of 技术需求, information of company information."""
_IDENTIFYING = frozenset({ID, *TELLING, *(name for name, _ in IDENTIFIERS)})
"""Columns of which one is needed: without them no row has an identity."""


@dataclass(frozen=True)
class Head:
    """Where a table's titles stand and what its columns are."""

    kind: str
    row: int
    """Row of the titles (the last one where there are two), an index into the rows given."""
    columns: tuple[Column, ...]


def find_head(rows: Sequence[Sequence[Any]], names: Sequence[str], catalogue: Catalogue) -> Head | str:
    """The titles among the first rows, for the kind that fits best; the reason where they fit none, or two alike.

    `names` are the sheet's and the file's names, which may name the kind.
    """
    rows = [row[:MOST_COLUMNS] for row in rows]
    exact = next((relation for name in names if (relation := name.strip().lower()) in catalogue.relations), None)
    kinds: list[EntityKind | RelationKind] = (
        [catalogue.relations[exact]] if exact is not None else list(catalogue.entities.values())
    )
    known = {name: Titles(kind) for name, kind in catalogue.entities.items()}
    others = [known[party] for party in PARTIES]
    joined = list(_two_rows(rows[:SEARCHED], frozenset().union(*(titles.plain for titles in known.values()))))
    named = _named(kinds, (*names, *_above(rows)))
    ranked: list[tuple[float, Head]] = []
    nameless = ""
    for kind in kinds:
        fit, head = _best_row(rows, joined, Titles(kind, others if kind.name in BESIDE else ()))
        bonus = named.get(kind.name, 0.0)
        if head is None or fit < (0.9 if bonus else 1.8) or _count(head) < (1 if bonus and fit >= 1 else 2):
            continue
        if _is_guide(rows, head, known.values()):
            continue
        if isinstance(kind, EntityKind) and not any(column.name in _IDENTIFYING for column in head.columns):
            nameless = f"no column identifies the {kind.name}: an id, a name or a number is needed"
            continue
        ranked.append((fit + bonus, head))
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    if not ranked:
        return nameless or _unfit(rows)
    if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
        alike = " and ".join(head.kind for fit, head in ranked if fit == ranked[0][0])
        return f"its column titles fit {alike} alike: name the file or sheet by its kind"
    return ranked[0][1]


def valid_titles(catalogue: Catalogue) -> str:
    """Every kind with the titles that its columns may have, in Chinese and English."""
    return "; ".join(
        f"{kind.name} {kind.labels.zh}: " + ", ".join(f"{field.name} {field.labels.zh}" for field in kind.fields)
        for kind in catalogue.entities.values()
    )


def _unfit(rows: Sequence[Sequence[Any]]) -> str:
    """Why rows are no table of a known kind: the titles that they may have are named."""
    held = [[text for cell in row if (text := str(cell or "").strip())] for row in rows]
    if not any(held):
        return "it is empty"
    if sum(1 for row in held if len(row) >= 2) < 2:
        return "it holds no table: column titles and at least one row are needed"
    titles = next(row for row in held if len(row) == max(map(len, held)))
    told = ", ".join(quoted(title) for title in titles[:MOST_TOLD]) + (", …" if len(titles) > MOST_TOLD else "")
    return f"its column titles fit no kind: {told}"


def _is_guide(rows: Sequence[Sequence[Any]], head: Head, known: Collection[Titles]) -> bool:
    """Whether further titles stand above or below one of them: a page that explains how to fill in a table."""
    for at in {column.at for column in head.columns if column.known}:
        cells = {str(row[at]) for number, row in enumerate(rows) if number != head.row and at < len(row)}
        if sum(1 for cell in cells if any(titles.field(cell) is not None for titles in known)) >= 2:
            return True
    return False


def _count(head: Head) -> int:
    return len({(column.beside, column.name) for column in head.columns if column.known and column.name != NUMBERING})


def _best_row(
    rows: Sequence[Sequence[Any]], joined: Sequence[Sequence[Sequence[str]]], titles: Titles
) -> tuple[float, Head | None]:
    best, head = 0.0, None
    for at, row in enumerate(rows[:SEARCHED]):
        for found in (row, *joined[at]):
            columns, fit = titles.columns(found)
            if fit > best:
                best, head = fit, Head(titles.kind.name, at, tuple(columns))
    return best, head


def _two_rows(rows: Sequence[Sequence[Any]], known: Collection[str]) -> Iterator[tuple[list[str], ...]]:
    """For each row its titles with those above as one, either one first; nothing for the first row."""
    for at, lower in enumerate(rows):
        pairs = list(_pairs(rows[at - 1], lower, known)) if at else []
        yield ([a + b for a, b in pairs], [b + a if b else a for a, b in pairs]) if at else ()


def _pairs(upper: Sequence[Any], lower: Sequence[Any], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Both titles of each column: an upper one merged over several columns holds for each of them.

    A lower one stands alone where it says itself whose it is, as 需求名称 below 需求, and where it is known only so, as
    联系人 below 联系方式.
    """
    above = ""
    for at in range(max(len(upper), len(lower))):
        over = _ABOUT.sub("", str(upper[at]).strip()) if at < len(upper) and upper[at] not in {None, ""} else ""
        under = str(lower[at]).strip() if at < len(lower) and lower[at] not in {None, ""} else ""
        above = over or (above if under else "")
        if under == above:
            yield above, ""
        elif above and under and (_begins(under, above) or _is_known_alone(above, under, known)):
            yield "", under
        else:
            yield above, under


def _begins(under: str, above: str) -> bool:
    """Whether a title begins with the last word of the one above it."""
    noun = _LAST_WORD.search(above)
    return noun is not None and under.lower().startswith(noun[0].lower())


def _is_known_alone(above: str, under: str, known: Collection[str]) -> bool:
    both = (above + under, under + above, without_word(above + under))
    return plain(under) in known and not any(plain(title) in known for title in both)


def _above(rows: Sequence[Sequence[Any]]) -> list[str]:
    """What stands alone in its row above the titles: the table's own title."""
    found: list[str] = []
    for row in rows:
        held = {str(cell).strip() for cell in row if cell not in {None, ""}}
        if len(held) > MOST_ABOVE:
            break
        found += [text for text in held if len(text) <= _LONGEST_TITLE]
    return sorted(found)


def _named(kinds: Sequence[EntityKind | RelationKind], names: Sequence[str]) -> dict[str, float]:
    """Kind → how much a name of a file, sheet or table speaks for it: 企业技术需求 lists 需求, not 企业."""
    found: dict[str, float] = {}
    for name in names:
        text = unicodedata.normalize("NFKC", name).lower()
        # The last word is the one that the others describe; of words that end together the longest.
        last = {kind.name: place for kind in kinds if (place := max(_mentions(kind, text), default=None))}
        for kind_name, place in last.items():
            found[kind_name] = max(found.get(kind_name, 0.0), 2.0 if place == max(last.values()) else 0.5)
    return found


def _mentions(kind: EntityKind | RelationKind, text: str) -> Iterator[tuple[int, int]]:
    """(end, length) of the kind's words in a text."""
    for word in map(str.lower, words(kind)):
        if word.isascii():
            spelled = rf"{re.escape(word[:-1])}(?:y|ies)" if word.endswith("y") else rf"{re.escape(word)}s?"
            matches = re.finditer(rf"(?<![a-z]){spelled}(?![a-z])", text)
        else:
            matches = re.finditer(re.escape(word), text)
        yield from ((match.end(), len(word)) for match in matches)
