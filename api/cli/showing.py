"""Answers and measures as a person likes to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from matching.evaluation import Evaluated
    from matching.pipeline import Answer, Question

LONGEST = 90


def show_answer(out: Console, question: Question, answer: Answer, role: str) -> None:
    """One table a band: what the card shows, and why where it was asked."""
    asked = question.subject or (question.text or "").split("\n", 1)[0]
    out.print(f"[bold]{question.kind}[/bold] for {asked[:LONGEST]!r} as {role}")
    if not answer.groups:
        out.print("no match: fewer candidates than a group needs")
    for band, matches in answer.groups:
        ordered = any(match.rank is not None for match in matches)
        table = Table(title=f"{band} ({len(matches)}{'' if ordered else ', in no order'})", title_justify="left")
        table.add_column("rank" if ordered else "", justify="right")
        table.add_column("alias", no_wrap=True)
        table.add_column("card")
        if question.explain:
            table.add_column("why")
        for match in matches:
            row = [str(match.rank or ""), match.alias, card_text(match.card)]
            table.add_row(*row, *([why_text(match.explanation)] if question.explain else []))
        out.print(table)


def card_text(card: Mapping[str, Any]) -> str:
    """A card in a line or two: its text first, then what is visible of its fields."""
    texts = [str(text)[:LONGEST] for text in card.get("texts", {}).values() if text]
    named = card.get("labels", {})
    fields = [f"{name} {_value(named.get(name, value))}" for name, value in card.get("fields", {}).items()]
    lines = [texts[0]] if texts else []
    return "\n".join([*lines, " · ".join(fields)]) if fields else "\n".join(lines) or "(nothing may be shown)"


def why_text(explanation: Mapping[str, Any] | None) -> str:
    """An explanation in a line or two."""
    if not explanation:
        return ""
    terms = explanation.get("terms", [])
    through = f" in a {explanation['through']}" if explanation.get("through") else ""
    shares = ", ".join(f"{part['feature']} {_value(part['share'])}" for part in explanation["contributions"][:4])
    return (f"shares {'、'.join(terms)}{through}\n" if terms else "") + shares


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:+.2f}"
    if isinstance(value, list):
        return "、".join(str(one) for one in value)
    return str(value)


def show_measures(out: Console, results: Sequence[Evaluated]) -> None:
    """One table a split."""
    for result in results:
        table = Table(title=f"{result.match} · {result.split} · {result.how}", title_justify="left")
        for name in ("measure", "value", "95 % interval", "units"):
            table.add_column(name, justify="left" if name == "measure" else "right")
        for m in result.measured:
            table.add_row(m.name, f"{m.value:.4f}", f"[{m.low:.4f}, {m.high:.4f}]".replace("[", "\\["), f"{m.units:,}")
        out.print(table)
