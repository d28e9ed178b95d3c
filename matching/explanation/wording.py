"""Explanations in plain words, Chinese and English: what features and bands are called, and the sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from graph.schema import Catalogue, Labels
from matching.kinds import MatchKind, split_reach

LONGEST = {"zh": 24, "en": 60}
"""Characters of a part that a sentence quotes at the most."""
MOST_QUOTED = 3
"""Parts that a sentence names at the most."""

LANGUAGES = ("zh", "en")
"""Every sentence is said in both."""

FAMILIES: dict[str, Labels] = {
    "words": Labels(zh="相同的用词", en="the same words"),
    "chars": Labels(zh="相近的表述", en="similar wording"),
    "semantic": Labels(zh="相近的主题", en="a related subject"),
    "encoded": Labels(zh="相近的含义", en="a similar meaning"),
    "walk": Labels(zh="相关材料", en="related documents"),
    "parts": Labels(zh="逐句的贴合", en="closeness to single sentences"),
    "compare": Labels(zh="{}的匹配", en="a fit in {}"),
    "popularity": Labels(zh="以往被选次数", en="how often they were chosen before"),
    "reach": Labels(zh="以往合作关系", en="links through past partners"),
    "neighbours": Labels(zh="同类伙伴的选择", en="what those with the same partners chose"),
    "profile": Labels(zh="{}相同者的选择", en="what others with the same {} chose"),
    "feedback": Labels(zh="使用者的反馈", en="what users did with it"),
    "exposure": Labels(zh="已展示的次数", en="how often it was shown"),
    "value": Labels(zh="自身的{}", en="their {}"),
    "own": Labels(zh="提问方的{}", en="the asker's {}"),
}
"""Family of a feature → what people call it; `{}` is the field that it is derived from."""
TEXT = Labels(zh="文字内容", en="what the texts say")
"""All features of texts together."""
PROFILE = Labels(zh="自身资料", en="own profile")
"""A candidate's own text."""
TEXT_FAMILIES = frozenset({"words", "chars", "semantic", "encoded", "walk", "parts"})
"""Families that read texts; the others read fields and past outcomes."""


class Wording:
    """The words of one language for the features, kinds and fields of one match kind; remembers what it said."""

    def __init__(self, kind: MatchKind, catalogue: Catalogue, language: str) -> None:
        self._kind, self._catalogue, self.zh = kind, catalogue, language == "zh"
        self._said: dict[tuple[str, ...], str] = {}
        self._sources: dict[str, str] = {}

    def of(self, labels: Labels) -> str:
        """A label in this language."""
        return labels.zh if self.zh else labels.en

    def source(self, name: str) -> str:
        """What documents of a kind are called; the candidate's own text is its profile."""
        said = self._sources.get(name)
        if said is None:
            own = name == self._kind.candidate
            said = self._sources[name] = self.of(PROFILE if own else self._catalogue.entity(name).labels)
        return said

    @property
    def candidate(self) -> str:
        """What a candidate is called."""
        return self.of(self._catalogue.entity(self._kind.candidate).labels)

    def features(self, names: tuple[str, ...]) -> str:
        """What features are called, as one; `text` is all of a question's texts together."""
        said = self._said.get(names)
        if said is None:
            said = self._said[names] = self.joined([self._named(name) for name in names])
        return said

    def joined(self, said: Sequence[str]) -> str:
        """Several things as one: a、b和c; a, b and c."""
        if len(said) < 2:
            return said[0] if said else ""
        comma, last = ("、", "和") if self.zh else (", ", " and ")
        return comma.join(said[:-1]) + last + said[-1]

    def _named(self, name: str) -> str:
        if name == "text":
            return self.of(TEXT)
        family, _, field = name.partition("_")
        if family not in FAMILIES:
            return name.replace("_", " ")
        return self.of(FAMILIES[family]).format(self._field(family, field))

    def _field(self, family: str, name: str) -> str:
        """What the field behind a feature is called, on the side that it is of."""
        start, reach = self._kind.candidate, name
        if family in {"profile", "own"}:
            start = self._kind.subject
        elif family == "compare":
            reach = next((c.candidate for c in self._kind.compare if c.name == name), name)
        path, field = split_reach(reach)
        for end in (start,) if path is None else self._catalogue.end_kinds(start, path):
            of = self._catalogue.entity(end)
            labels = {one.name: one.labels for one in of.fields} | {one.name: one.labels for one in of.shown}
            if field in labels:
                return self.of(labels[field])
        return name.replace("_", " ")


def quoted(part: str) -> str:
    """A part of a need in quotation marks, cut where it is long."""
    most = LONGEST["zh" if max(part) >= "\u3400" else "en"]
    return f"“{part}”" if len(part) <= most else f"“{part[: most - 1].rstrip()}…”"


def of_match(
    why: Mapping[str, Any], quotes: Sequence[str], asks: Sequence[bool], wordings: Mapping[str, Wording]
) -> dict[str, str]:
    """A candidate's explanation in a sentence or three; `quotes` are the parts, `asks` whether each asks for something.

    Where any does, the others are not named.
    """
    covered, demanded = why["covers"], any(asks)
    if demanded:
        covered = [cover for cover in covered if asks[cover["part"]]]
    lead: tuple[bool, tuple[str, ...], tuple[str, ...], tuple[str, ...]] | None = None
    if over := why.get("over_next"):
        ahead, behind = (tuple([part["feature"] for part in over[side]]) for side in ("ahead", "behind"))
        lead = over["level"], ahead, behind, tuple(over["without"][:1])
    sentences = {}
    for language, wording in wordings.items():
        zh = wording.zh
        said = [covers] if (covers := _covers(covered, quotes, demanded, wording)) else []
        if not said and (terms := why.get("terms")):
            through = wording.source(why["through"])
            said.append(f"{through}同样提到{'、'.join(terms)}。" if zh else f"Shares {', '.join(terms)} ({through}).")
        if adds := why.get("adds"):
            which = wording.joined([quotes[at] for at in adds[:MOST_QUOTED]])
            said.append(f"为组合补上{which}。" if zh else f"Brings {which} to the team.")
        if why.get("explored"):
            said.append("此前很少展示，排在这里以便被看到。" if zh else "Placed here to be seen: hardly shown before.")
        if lead is not None:
            said.append(_over_next(wording, *lead))
        sentences[language] = ("" if zh else " ").join(said)
    return sentences


def of_group(why: Mapping[str, Any], quotes: Sequence[str], k: int, wording: Wording) -> str:
    """What is said of all candidates of a band together in a sentence or three; `quotes` are the parts."""
    zh, space = wording.zh, "" if wording.zh else " "
    said = []
    if covers := why["covers"]:
        named, more = [quotes[at] for at in covers[:MOST_QUOTED]], len(covers) > MOST_QUOTED
        if zh:
            said.append(f"以下各点均有至少{k}个候选涉及：{'、'.join(named)}{f'等{len(covers)}条' if more else ''}。")
        else:
            rest = f" and {len(covers) - MOST_QUOTED} more" if more else ""
            said.append(f"Each of these points is touched on by at least {k} of them: {', '.join(named)}{rest}.")
    if terms := why["terms"]:
        if zh:
            said.append(f"以下用词各见于至少{k}个候选的材料：{'、'.join(terms)}。")
        else:
            said.append(f"Each of these words is in documents of at least {k} of them: {', '.join(terms)}.")
    if main := tuple(part["feature"] for part in why["contributions"][:2]):
        names = wording.features(main)
        said.append(f"主要依据：{names}。" if zh else f"Speaks for them: {names}.")
    return space.join(said)


def _covers(covers: Sequence[Mapping[str, Any]], quotes: Sequence[str], demanded: bool, wording: Wording) -> str:
    zh = wording.zh
    if not covers:
        none = "没有一条要求能在其材料中找到。" if zh else "None of the points is found in their documents."
        return none if demanded else ""
    told = []
    for cover in covers[:MOST_QUOTED]:
        through, quote = wording.source(cover["through"]), quotes[cover["part"]]
        if zh:
            words = "、".join(cover["terms"])
            told.append(f"{quote}（{through}：{words}）" if words else f"{quote}（{through}）")
        else:
            words = ", ".join(cover["terms"])
            told.append(f"{quote} ({through}: {words})" if words else f"{quote} ({through})")
    more = len(covers) - len(told)
    if zh:
        return f"涉及{'、'.join(told)}{f'等{len(covers)}条' if more else ''}。"
    return f"Touches on {', '.join(told)}{f' and {more} more' if more else ''}."


@lru_cache(maxsize=8192)
def _over_next(
    wording: Wording, level: bool, ahead: tuple[str, ...], behind: tuple[str, ...], without: tuple[str, ...]
) -> str:
    zh = wording.zh
    if level:
        return "与下一位几乎不相上下。" if zh else "Practically level with the next."
    names = wording.features(ahead)
    said = f"比下一位靠前，主要靠{names}" if zh else f"Ahead of the next mainly for {names}"
    if behind:
        names = wording.features(behind)
        said += f"；下一位在{names}上更强" if zh else f"; the next is stronger in {names}"
    if without:
        names = wording.features(without)
        said += f"；若不看{names}，下一位会更靠前" if zh else f"; without {names} the next would be ahead"
    return said + ("。" if zh else ".")


HEADS = {
    "good": Labels(zh="有合适的{}", en="There are good matches"),
    "weak": Labels(zh="只有勉强合适的{}", en="There are only weak matches"),
    "none": Labels(zh="没有合适的{}", en="No good match"),
}
FEWER = Labels(zh="没有合适的{0}，或不足{1}个", en="No good match, or fewer than {1}")
"""Toward the blind, who are told of k at least."""


def of_answer(verdict: Mapping[str, Any], least: int, wording: Wording) -> str:
    """An answer's verdict in a sentence or two; `least` is how many must do what is told of."""
    zh = wording.zh
    head = FEWER if least > 1 and verdict["verdict"] == "none" else HEADS[verdict["verdict"]]
    said = wording.of(head).format(wording.candidate, least)
    asked = sum(part["asks"] for part in verdict["parts"])
    missing = [quoted(part["text"]) for part in verdict["missing"] if "part" in part]
    if verdict["basis"] == "record" and verdict["verdict"] != "none":
        said += "（依据是字段和以往往来，不是文字）" if zh else " by fields and past outcomes, not by what texts say"
    elif asked:
        found = asked - len(missing)
        if zh:
            some = f"至少{least}个候选" if least > 1 else "候选"
            said += f"：{asked}条要求中{found}条有{some}涉及" if asked > 1 else ""
        else:
            are = "is" if found <= 1 else "are"
            said += f": {found or 'none'} of {asked} points {are} touched on" if asked > 1 else ""
        if missing:
            told, more = missing[:MOST_QUOTED], len(missing) - MOST_QUOTED
            if zh:
                nobody = f"不足{least}个候选涉及" if least > 1 else "没有候选涉及"
                said += f"，{nobody}的是{'、'.join(told)}{f'等{len(missing)}条' if more > 0 else ''}"
            else:
                nobody = f"fewer than {least} touch on" if least > 1 else "nobody here touches on"
                said += f"; {nobody} {wording.joined([*told, f'{more} more'] if more > 0 else told)}"
    said += "。" if zh else "."
    if filters := [f"{part['filter']}={part['value']}" for part in verdict["missing"] if "filter" in part]:
        which = wording.joined(filters)
        said += f"去掉筛选条件{which}会有更好的结果。" if zh else f" Without the filter {which} there are better ones."
    return said
