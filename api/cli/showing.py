"""Answers, models and measures as a person likes to read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli import words
from api.cli.context import printable
from api.cli.words import language, said
from matching.explanation.wording import OWN, TEXT_FEATURES, Wording, features_named

if TYPE_CHECKING:
    from api.learning import ExposureReport
    from graph.schema import Catalogue, EntityKind
    from matching.evaluation.evaluate import Evaluated
    from matching.evaluation.measures import Measured
    from matching.kinds import MatchKind

LONGEST = 160
"""Most characters of a text on a card."""
MOST_REASONS = 4
MOST_RANKS = 8
NO_COUNT = "<1"
"""How the bands of a number of neighbours write 0."""
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONG = re.compile(r"(?<![\w.-])[0-9]{5,15}(?![\w.-])")
"""Numbers that read better in groups of three digits."""
VERDICTS = {"good": "bold green", "weak": "bold yellow", "none": "bold red"}
COLOURS = {"strong": "green", "good": "cyan", "fair": "yellow", "weak": "white"}


def show_answer(
    out: Console, answer: Mapping[str, Any], kind: MatchKind, asked: str, role: str, catalogue: Catalogue
) -> None:
    """An answer's JSON form, one band after the other: what each card shows, and why where that was asked."""
    head = said(words.ASKED, said(kind.labels), _cut(asked), said(words.ROLES[role]))
    out.print(Text(head, "bold"))
    if "verdict" in answer:
        _show_verdict(out, answer, said(catalogue.entity(kind.subject).labels))
    elif not answer["groups"]:
        out.print(said(words.NOBODY))
    declared, wording = catalogue.entity(kind.candidate), Wording(kind, catalogue, language())
    if answer["groups"]:
        names = said(words.COMMA).join(map(said, words.BAND_NAMES.values()))
        out.print(Text(said(words.BANDS_ARE, names), "dim"))
        if "verdict" not in answer:
            out.print(Text(said(words.ASK_WHY), "dim"))
    if _may_be_cut(answer, declared):
        out.print(Text(said(words.SOME), "dim"))
    none, also = answer.get("verdict") == "none", frozenset[str]()
    for at, group in enumerate(answer["groups"]):
        matches = group["matches"]
        ordered = any("rank" in match for match in matches)
        band = f"● {said(words.BAND, said(words.BAND_NAMES[group['band']]))}"
        if none:
            band = f"● {said(words.LOWER if at else words.HIGHEST)}"
        out.print(Text.assemble((band, f"bold {COLOURS[group['band']]}"), "" if ordered else said(words.UNORDERED)))
        rows = Table.grid(padding=(0, 1))
        rows.add_column(justify="right", width=4)
        rows.add_column(overflow="fold")
        if not ordered and (explanation := matches[0].get("explanation")):  # the same for all of a group
            rows.add_row("", Text("\n").join(Text(*line) for line in why_lines(explanation, wording)))
        for match in matches:
            rows.add_row(str(match.get("rank", "·")), _card(match, declared, wording, also))
            also = features_named(match.get("explanation") or {})
        _print(out, rows)


def _show_verdict(out: Console, answer: Mapping[str, Any], subject: str) -> None:
    """How good an answer is in a sentence, and one line for each part that asks for something."""
    out.print(Text(answer["summary"][language()], VERDICTS[answer["verdict"]]))
    parts = [part for part in answer["parts"] if part["asks"]]
    if parts:
        out.print(Text(said(words.SAYS_IN_ORDER if "ranks" in parts[0] else words.SAYS, subject), "dim"))
    for part in parts:
        ranks = [str(rank) for rank in part.get("ranks", ())]
        by = f"  → {', '.join(ranks[:MOST_RANKS])}{'…' if len(ranks) > MOST_RANKS else ''}" if ranks else ""
        thin = f"  · {said(words.ONE_WORD)}" if part["one_word"] else ""
        out.print(Text(f"  {'✓' if part['covered'] else '✗'} {_cut(part['text'])}{by}{thin}"))


def _print(out: Console, table: Table) -> None:
    """Print a table; without the blanks that fill its lines where no terminal shows it."""
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as drawn:
        out.print(table)
    out.file.write("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))


def _may_be_cut(answer: Mapping[str, Any], declared: EntityKind) -> bool:
    """Whether a card shows a list of which the mask may keep only some.

    Which cards that is true of is not told: it would part those that show the same.
    """
    if declared.public_record:
        return False
    lists = {field.name for field in declared.fields if field.many and field.is_visible and field.hierarchy is None}
    return any(lists & set(match["card"]["fields"]) for group in answer["groups"] for match in group["matches"])


def _card(match: Mapping[str, Any], declared: EntityKind, wording: Wording, also: Set[str]) -> Text:
    """A card, and why it is there; `also` are features that the one before named against it."""
    card = match["card"]
    units = {field.name: field.unit for field in declared.fields if field.unit}
    names = {field.name: said(field.labels) for field in declared.fields}
    names |= {shown.name: said(shown.labels) for shown in declared.shown}
    counts = {shown.name for shown in declared.shown if shown.field is None}
    facts = []
    for name, value in card["fields"].items():
        none = name in counts and value == NO_COUNT
        shown = said(words.NO_COUNT) if none else _value(card.get("labels", {}).get(name, value))
        unit = _unit(units[name]) if name in units and _NUMBER.fullmatch(str(value)) else ""
        facts.append(f"{names.get(name, name)} {shown}{unit}")
    texts = [_cut(text) for text in card["texts"].values()][:1]
    lines = [Text(line) for line in (*texts, " · ".join(facts)) if line] or [Text(said(words.NOTHING), "dim")]
    if "rank" in match and (explanation := match.get("explanation")):
        lines += [Text(line, style) for line, style in why_lines(explanation, wording, also)]
    shared = f" · {said(words.SHARED, match['k'])}" if (match.get("k") or 0) > 1 else ""
    return Text("\n").join([*lines, Text(f"{match['alias']}{shared}", "dim")])


def why_lines(explanation: Mapping[str, Any], wording: Wording, also: Set[str] = frozenset()) -> list[tuple[str, str]]:
    """An explanation as it is said, and the shares behind it; each with its style.

    The largest ones, and those that the sentence or `also` names.
    """
    named = features_named(explanation) | also
    exact, contributions = "score" in explanation, explanation["contributions"]
    largest = _net(contributions, named) if exact else contributions
    told = [part for at, part in enumerate(largest) if at < MOST_REASONS or part["feature"] in named]
    left = sorted(named - {part["feature"] for part in told} - {TEXT_FEATURES})
    told += [{"feature": name, "share": 0.0} for name in left]
    shares = " · ".join(f"{wording.features((part['feature'],))} {_share(part['share'])}" for part in told)
    return [(line, style) for line, style in ((explanation["summary"][language()], "italic"), (shares, "dim")) if line]


def _net(contributions: Sequence[Mapping[str, Any]], named: Set[str]) -> list[Mapping[str, Any]]:
    """Exact shares, those of a candidate's own fields as one, as sentences name them; the largest first."""
    own = [part for part in contributions if part["feature"].startswith(OWN)]
    together = next((name for name in named if "+" in name), "+".join(sorted(part["feature"] for part in own)))
    if "+" not in together or not own:
        return list(contributions)
    rest = [part for part in contributions if not part["feature"].startswith(OWN)]
    whole = {"feature": together, "share": sum(part["share"] for part in own)}
    return sorted([*rest, whole], key=lambda part: -abs(part["share"]))


def _unit(unit: str) -> str:
    """A unit as it stands behind a number; `1` is none."""
    if unit == "1":
        return ""
    return said(words.UNITS[unit]) if unit in words.UNITS else f" {unit}"


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _share(share: float | str) -> str:
    return said(words.SHARES[share]) if isinstance(share, str) else f"{share:+.2f}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return said(words.COMMA).join(str(one) for one in value)
    return _LONG.sub(lambda digits: f"{int(digits[0]):,}", value) if isinstance(value, str) else str(value)


def show_models(out: Console, models: Mapping[str, Mapping[str, Any]]) -> None:
    """What `train` learned, one line a match kind."""
    if not models:
        out.print("nothing was learned: there are no past outcomes of these match kinds, and no feedback")
        return
    rows = []
    for name, about in models.items():
        precision = [about.get(f"average_precision_{ranker}") for ranker in ("curves", "prior")]
        told = ["" if value is None else f"{value:.3f}" for value in precision]
        held = {row["measure"]: row["value"] for row in about.get("calibration", {}).get("measures", ())}
        told += [f"{held[name]:.4f}" if name in held else "" for name in ("ece", "brier_skill")]
        told.append(f"{about.get('use', {}).get('reactions', 0):,}")
        rows.append([name, f"{about.get('outcomes', 0):,}", *told, str(about.get("kept", ""))])
    columns = ("match kind", "outcomes", "AP curves", "AP prior", "ECE", "Brier skill", "feedback", "kept")
    _table(out, "", columns, rows, right=range(1, 7))


def show_exposure(out: Console, report: ExposureReport) -> None:
    """One line a group."""
    rows = []
    for group in report.groups:
        shares = [f"{share:.1%}" for share in (group.impressions, group.exposure, group.relevance)]
        rows.append([group.group, f"{group.candidates:,}", *shares, f"{group.ratio:.2f}"])
    title = f"{report.match_kind} · {report.impressions:,} impressions this epoch · Gini {report.gini:.2f}"
    columns = (report.by, "candidates", "impressions", "exposure", "relevance", "ratio")
    _table(out, title, columns, rows, right=range(1, 6))


def show_measures(out: Console, results: Sequence[Evaluated]) -> None:
    """One table a split, and one each of its groups and of its comparison with a run."""
    for result in results:
        rows = [_measure(m) for m in (*result.measured, *result.probabilities)]
        title = f"{result.match} · {result.split} · {result.how}"
        _table(out, title, ("measure", "value", "95 % interval", "units"), rows, right=range(1, 4))
        if not result.measured and not result.missing:
            out.print("nothing is measured: set.json lists no `metrics`")
        for name, reason in result.missing.items():
            out.print(Text(f"{name} is not there: {reason}"))
        if result.groups:
            rows = [[f"{g.by}: {g.name}", *_measure(m)] for g in result.groups for m in g.measured]
            grouped = ("group", "measure", "value", "95 % interval", "units")
            _table(out, f"{result.split}, group by group", grouped, rows, right=range(2, 5))
        if result.compared:
            rows = [
                [
                    c.name,
                    f"{c.difference:+.4f}",
                    f"[{c.low:+.4f}, {c.high:+.4f}]",
                    f"{c.p:.4f}",
                    f"{c.units:,}",
                    c.verdict,
                ]
                for c in result.compared
            ]
            told = ("measure", "difference", "95 % interval", "p", "units", "verdict")
            _table(out, f"{result.split}, against the run", told, rows, right=range(1, 5))


def _measure(m: Measured) -> list[str]:
    return [m.name, f"{m.value:.4f}", f"[{m.low:.4f}, {m.high:.4f}]", f"{m.units:,}"]


def show_keys(out: Console, keys: Iterable[Mapping[str, Any]], now: float) -> None:
    """Issued keys, one a line."""
    rows = []
    for key in keys:
        expired = key["expires"] is not None and key["expires"] <= now
        state = "revoked" if key["revoked"] else "expired" if expired else "valid"
        rows.append([key["id"], key["role"], state, " ".join(key["scopes"]), " ".join(key["parties"]), key["label"]])
    _table(out, "", ("id", "role", "state", "scopes", "parties", "label"), rows, right=())


def _table(
    out: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int]
) -> None:
    table = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    aligned = set(right)
    for at, name in enumerate(columns):
        table.add_column(name, justify="right" if at in aligned else "left", no_wrap=at in aligned)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _print(out, table)
