"""Model cards (Mitchell et al. 2019): what a model was learned from, how well it does, what it rests on, its limits.

A card says nothing that is not in the saved model, and no date: the same data give the same card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from graph.schema import Catalogue
from matching.explanation.wording import FAMILIES, LANGUAGES, Wording
from matching.kinds import MatchKind
from matching.ranking.additive import LinearPrior
from matching.ranking.model import BANDS, Model

IN_WORDS = "in words · 含义"
SIDE, MARGIN = 420, 56
"""Pixels of a plot's square and of the space around it."""
TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def card(kind: MatchKind, model: Model, catalogue: Catalogue) -> str:
    """The card of a match kind's model, as Markdown; features are called as explanations call them."""
    wordings = [Wording(kind, catalogue, language) for language in reversed(LANGUAGES)]
    told = (
        _held_out(model, wordings)
        if "measures" in model.about
        else [_weights(model.ranker.to_dict()["weights"], wordings)]
    )
    parts = [_head(kind, model), _data(model), *told, _limits(model)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(kind: MatchKind, model: Model) -> list[str]:
    ranker = "the documented prior, a weighted sum" if isinstance(model.ranker, LinearPrior) else "learned"
    return [
        f"# Model card · 模型卡: `{kind.name}`",
        "",
        f"{kind.labels.en}, {kind.labels.zh}. The ranker is {ranker}; a pair's score is an intercept plus",
        "one share per feature, exactly. The score orders an answer; bands are what parties see of it.",
    ]


def _data(model: Model) -> list[str]:
    about = model.about
    lines = ["## Data", "", f"- learned from: {about.get('learned_from', 'not said')}"]
    if "fingerprint" in about:
        lines += [f"- fingerprint of the projection: `{about['fingerprint']}`"]
    if "pairs" in about:
        lines += [
            f"- {about['outcomes']:,} past outcomes, hidden from the graph that features are read from, among "
            f"{about['pairs']:,} sampled pairs",
        ]
    if "subjects" in about:
        lines[-1] += f" of {about['subjects']:,} subjects"
    return [*lines, f"- kept: {about.get('kept', 'the prior')}"]


def _held_out(model: Model, wordings: Sequence[Wording]) -> list[list[str]]:
    about = model.about
    return [
        _measures(about),
        _calibration(about["calibration"]),
        _features(about, wordings),
        _ablation(about, wordings),
    ]


def _weights(weights: Mapping[str, float], wordings: Sequence[Wording]) -> list[str]:
    """Of a prior that nothing was measured of."""
    rows = [[f"`{name}`", _in_words(name, wordings), f"{weight:g}"] for name, weight in weights.items()]
    return ["## Features", "", *_table(("feature", IN_WORDS, "weight"), rows)]


def _in_words(feature: str, wordings: Sequence[Wording]) -> str:
    return " · ".join(wording.features((feature,)) for wording in wordings)


def _family_in_words(family: str, wordings: Sequence[Wording]) -> str:
    labels = FAMILIES.get(family)
    return " · ".join(wording.of(labels).format("…") for wording in wordings) if labels else ""


def _measures(about: Mapping[str, Any]) -> list[str]:
    rows = [_measure(row) for row in about["measures"]]
    lines = [
        "## Held-out measures",
        "",
        "Of each fold by a model of the others; with 95 % bootstrap intervals over subjects,",
    ]
    lines += ["among sampled candidates: whole populations are harder.", ""]
    lines += _table(("measure", "value", "95 % interval", "subjects"), rows)
    for row in about["comparison"]:
        lines += [
            "",
            f"Learned curves against the prior: {row['measure']} {row['difference']:+.4f} "
            f"[{row['low']:+.4f}, {row['high']:+.4f}], p = {row['p']:.4f}: {row['verdict']}.",
        ]
    return lines


def _measure(row: Mapping[str, Any]) -> list[str]:
    return [f"`{row['measure']}`", f"{row['value']:.4f}", f"[{row['low']:.4f}, {row['high']:.4f}]", f"{row['units']:,}"]


def _calibration(told: Mapping[str, Any]) -> list[str]:
    if not told:
        return ["## Calibration", "", "Too few outcomes in some fold: no probability is given."]
    lines = [
        "## Calibration",
        "",
        "Probability that a pair is an outcome, among the candidates found for a subject of the graph;",
    ]
    lines += ["the sampling of candidates is undone by weights. `ece` alone says little where outcomes are rare:"]
    lines += ["`brier_skill` says what the probability tells beyond the share of outcomes.", ""]
    lines += [
        *_table(("measure", "value", "95 % interval", "subjects"), [_measure(row) for row in told["measures"]]),
        "",
    ]
    bands = [[BANDS[int(row["part"])], *_observed(row)] for row in told["bands"]]
    lines += [*_table(("band", "pairs", "probability said", "observed", "95 % interval"), bands), ""]
    lines += ["Ten bins that expect equally many outcomes, least probable first:", ""]
    return [*lines, *_table(("pairs", "probability said", "observed", "95 % interval"), map(_observed, told["bins"]))]


def _observed(row: Mapping[str, float]) -> list[str]:
    said = [f"{row[name]:.2%}" for name in ("probability", "observed", "low", "high")]
    return [f"{row['pairs']:,.0f}", said[0], said[1], f"[{said[2]}, {said[3]}]"]


def _features(about: Mapping[str, Any], wordings: Sequence[Wording]) -> list[str]:
    rows = [
        [
            f"`{row['feature']}`", _in_words(row["feature"], wordings), f"{row['known']:.0%}",
            f"{row['low']:.3g} to {row['high']:.3g}",
            f"{row['least_share']:+.3f} to {row['most_share']:+.3f}", f"{row['importance']:.3f}",
        ]
        for row in about["features"]
    ]  # fmt: skip
    lines = [
        "## Features",
        "",
        "Where each is known, its usual values and shares (5 % to 95 %), and how far its shares lie from",
    ]
    lines += ["their mean, on average.", ""]
    return lines + _table(("feature", IN_WORDS, "known", "values", "shares", "mean distance"), rows)


def _ablation(about: Mapping[str, Any], wordings: Sequence[Wording]) -> list[str]:
    rows = [
        [
            f"`{row['family']}`",
            _family_in_words(row["family"], wordings),
            str(row["features"]),
            f"{row['change']:+.4f}",
            f"[{row['low']:+.4f}, {row['high']:+.4f}]",
        ]
        for row in about["ablation"]
    ]
    lines = [
        "## Ablation",
        "",
        "Change of held-out average precision when a family's columns are shuffled among the pairs of a fold",
    ]
    lines += ["(permutation importance; nothing is learned anew, so what another family says as well is no loss).", ""]
    return lines + _table(("family", IN_WORDS, "features", "change", "95 % interval"), rows)


def _limits(model: Model) -> list[str]:
    lines = ["## Limits", ""]
    if model.calibration is None:
        lines += ["- No probability is given: there were too few outcomes to measure one."]
    else:
        lines += [
            "- The probability is of an outcome like those in the data, among what retrieval finds. What was never",
            "  recorded counts as no outcome: a pair that would fit and was never tried counts against it.",
            "- A free text has no past, partners or labels: it gets no probability, and its bands err downwards.",
        ]
    return [
        *lines,
        "- Measured on the outcomes of the data named above: other data and other ways of working need training anew.",
        "- Past outcomes hold past habits. `qianxian evaluate` with `--by` shows where a ranking is worse.",
    ]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows)]


def reliability_plot(title: str, bins: Sequence[Mapping[str, float]]) -> str:
    """A reliability diagram as SVG: said probability against observed share, with intervals; on the line is right.

    Both axes are square roots, so that rare outcomes can be seen.
    """
    most = max([0.01, *(max(row["probability"], row["high"]) for row in bins)]) * 1.1

    def at(value: float) -> float:
        return round(SIDE * float(np.sqrt(min(value, most) / most)), 1)

    left, bottom, size = MARGIN, MARGIN + SIDE, SIDE + 2 * MARGIN
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{size}" height="{size}" fill="#fff"/>',
        f'<text x="{size / 2}" y="{MARGIN / 2}" text-anchor="middle" font-size="15">{escape(title)}</text>',
        f'<rect x="{left}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#888"/>',
        f'<line x1="{left}" y1="{bottom}" x2="{left + SIDE}" y2="{MARGIN}" stroke="#888" stroke-dasharray="4 4"/>',
        f'<text x="{size / 2}" y="{size - 12}" text-anchor="middle">probability said</text>',
        f'<text x="14" y="{size / 2}" text-anchor="middle" transform="rotate(-90 14 {size / 2})">observed share</text>',
    ]
    for tick in (tick for tick in TICKS if tick <= most):
        drawn += [
            f'<text x="{left + at(tick)}" y="{bottom + 16}" text-anchor="middle">{tick:.1%}</text>',
            f'<text x="{left - 5}" y="{bottom - at(tick) + 4}" text-anchor="end">{tick:.1%}</text>',
        ]
    for row in bins:
        x = left + at(row["probability"])
        low, high, y = (bottom - at(row[name]) for name in ("low", "high", "observed"))
        drawn += [
            f'<line x1="{x}" y1="{low}" x2="{x}" y2="{high}" stroke="#1f6fb2"/>',
            f'<circle cx="{x}" cy="{y}" r="4" fill="#1f6fb2"/>',
        ]
    return "\n".join([*drawn, "</svg>"]) + "\n"
