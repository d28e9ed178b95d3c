"""Explanations in plain words, Chinese and English: what features and bands are called, and the sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from graph.schema import Catalogue, Labels
from matching.kinds import MatchKind, split_reach

LONGEST = {"zh": 24, "en": 60}
"""Characters of a part that a sentence quotes at the most."""
MOST_QUOTED = 3
"""Parts that a sentence names at the most."""

LANGUAGES = ("zh", "en")
"""Every sentence is said in both."""

FAMILIES: dict[str, Labels] = {
    "words": Labels(zh="关键词重合度", en="shared words"),
    "chars": Labels(zh="表述相近度", en="similar wording"),
    "semantic": Labels(zh="主题相关度", en="closeness of subject"),
    "encoded": Labels(zh="含义相近度", en="closeness of meaning"),
    "walk": Labels(zh="相关材料的佐证", en="related documents"),
    "parts": Labels(zh="逐句吻合度", en="how single sentences fit"),
    "title": Labels(zh="标题吻合度", en="closeness to the title"),
    "compare": Labels(zh="{}的吻合度", en="the fit of {}"),
    "popularity": Labels(zh="以往入选次数", en="past selections"),
    "reach": Labels(zh="既往合作关联", en="links through past partners"),
    "neighbours": Labels(zh="合作方相同者的选择", en="the choices of those with the same partners"),
    "profile": Labels(zh="同类（{}相同）的选择", en="the choices of others with the same {}"),
    "like": Labels(zh="相近类别（{}）的选择", en="the choices of others with a like {}"),
    "kin": Labels(zh="同类候选以往的{}", en="the {} of those who chose candidates of this sort"),
    "mark": Labels(zh="以往{}的相近度", en="how past outcomes agree ({})"),
    "far": Labels(zh="更远的合作关联", en="links further away"),
    "factors": Labels(zh="以往选择规律的推断", en="what past choices as a whole suggest"),
    "company": Labels(zh="通常与几方同时入选", en="how many are usually chosen together"),
    "settled": Labels(zh="提问方已有的合作方数", en="how many the asker chose before"),
    "feedback": Labels(zh="用户反馈", en="user feedback"),
    "exposure": Labels(zh="已展示次数", en="times shown"),
    "value": Labels(zh="自身条件（{}）", en="what is known of them ({})"),
    "own": Labels(zh="提问方条件（{}）", en="what is known of the asker ({})"),
}
"""Family of a feature → what people call it, as a noun; `{}` is the field that it is derived from."""
OWN = "value_"
"""What features begin with that read a candidate's own fields."""
TEXT_FEATURES = "text"
"""All features of texts together, as one."""
TEXT = Labels(zh="文字匹配", en="what the texts say")
"""What these are called."""
PROFILE = Labels(zh="{}介绍", en="own description")
"""A candidate's own text; `{}` is what the candidate is called."""
AND, OR = Labels(zh="和", en=" and "), Labels(zh="或", en=" or ")
TEXT_FAMILIES = frozenset({"words", "chars", "semantic", "encoded", "walk", "parts", "title"})
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
            labels = PROFILE if own else self._catalogue.entity(name).labels
            said = self._sources[name] = self.of(labels).format(self.candidate)
        return said

    @property
    def candidate(self) -> str:
        """What a candidate is called."""
        return self.of(self._catalogue.entity(self._kind.candidate).labels)

    def features(self, names: tuple[str, ...]) -> str:
        """What features are called, as one; `text` is all of a question's texts together, `a+b` two of one family."""
        said = self._said.get(names)
        if said is None:
            said = self._said[names] = self.joined([self._named(name) for name in names])
        return said

    def joined(self, said: Sequence[str], last: Labels = AND) -> str:
        """Several things as one: a、b和c; a, b and c."""
        if len(said) < 2:
            return said[0] if said else ""
        return ("、" if self.zh else ", ").join(said[:-1]) + self.of(last) + said[-1]

    def listed(self, quotes: Sequence[str], last: Labels = AND) -> str:
        """The first few of some quotes, and how many there are."""
        told, more = list(quotes[:MOST_QUOTED]), len(quotes) - MOST_QUOTED
        if self.zh:
            return "、".join(told) + (f"等{len(quotes)}条" if more > 0 else "")
        return self.joined([*told, f"{more} more"] if more > 0 else told, last)

    def _named(self, name: str) -> str:
        if name == TEXT_FEATURES:
            return self.of(TEXT)
        family = name.partition("_")[0]
        if family not in FAMILIES:
            return name.replace("_", " ")
        fields = [self._field(family, one.partition("_")[2]) for one in name.split("+")]
        return self.of(FAMILIES[family]).format(("、" if self.zh else ", ").join(fields))

    def _field(self, family: str, name: str) -> str:
        """What the field behind a feature is called, on the side that it is of."""
        start, reach = self._kind.candidate, name
        if family == "mark" and self._kind.outcome:
            relation = self._catalogue.relation(self._kind.outcome[1:].partition(":")[0])
            return self.of(next(one.labels for one in relation.properties if one.name == name))
        if family in {"profile", "like", "kin", "own"}:
            start = self._kind.subject
        elif family == "compare":
            reach = next((c.candidate for c in self._kind.comparisons(self._catalogue) if c.name == name), name)
        path, field = split_reach(reach)
        for end in (start,) if path is None else self._catalogue.end_kinds(start, path):
            of = self._catalogue.entity(end)
            labels = {one.name: one.labels for one in of.fields} | {one.name: one.labels for one in of.shown}
            if field in labels:
                return self.of(labels[field])
        return name.replace("_", " ")


def quoted(part: str) -> str:
    """A part of a need in quotation marks, without the stop at its end, cut where it is long."""
    part = part.rstrip("。．.；;，, ") or part
    most = LONGEST["zh" if max(part) >= "\u3400" else "en"]
    return f"“{part}”" if len(part) <= most else f"“{part[: most - 1].rstrip()}…”"


class _Lead(NamedTuple):
    """What sets a candidate before the next: features, each with whether it takes from both, from one less."""

    level: bool
    ahead: tuple[tuple[str, bool], ...]
    behind: tuple[tuple[str, bool], ...]
    without: tuple[str, ...]


def of_match(
    why: Mapping[str, Any],
    quotes: Sequence[str],
    asks: Sequence[bool],
    wordings: Mapping[str, Wording],
    basis: str = "text",
) -> dict[str, str]:
    """A candidate's explanation in a sentence or three; `quotes` are the parts, `asks` whether each asks for something.

    Where any does, the others are not named; that none is covered is said where the `basis` is what texts say.
    """
    covered, demanded = why["covers"], any(asks)
    if demanded:
        covered = [cover for cover in covered if asks[cover["part"]]]
    lead: _Lead | None = None
    if over := why.get("over_next"):
        ahead, behind = (
            tuple([(part["feature"], part.get("loses", False)) for part in over[side]]) for side in ("ahead", "behind")
        )
        lead = _Lead(over["level"], ahead, behind, _without(over))
    sentences = {}
    for language, wording in wordings.items():
        zh = wording.zh
        covers = _covers(covered, quotes, wording) or _near(why.get("near", ()), quotes, wording)
        if not covers and demanded and basis == "text":
            covers = _only(why.get("terms", ()), zh)
        said = [covers] if covers else []
        if not said and (terms := why.get("terms")):
            through = wording.source(why["through"])
            said.append(
                f"{through}中同样提到{'、'.join(terms)}。" if zh else f"Also says {', '.join(terms)} ({through})."
            )
        if adds := why.get("adds"):
            if adds == [cover["part"] for cover in covered]:
                said.append("这些都是团队此前没有的。" if zh else "The team has none of this without them.")
            else:
                which = wording.listed([quotes[at] for at in adds])
                said.append(f"为团队补上{which}。" if zh else f"Brings {which} to the team.")
        if why.get("explored"):
            said.append("此前很少展示，特意安排在这个位置。" if zh else "Placed here on purpose: hardly shown before.")
        if lead is not None:
            said.append(_over_next(wording, lead))
        sentences[language] = ("" if zh else " ").join(said)
    return sentences


def of_group(why: Mapping[str, Any], quotes: Sequence[str], k: int, wording: Wording) -> str:
    """What is said of all candidates of a band together in a sentence or three; `quotes` are the parts."""
    zh, space = wording.zh, "" if wording.zh else " "
    said = []
    if covers := why["covers"]:
        which, several = wording.listed([quotes[at] for at in covers]), len(covers) > 1
        if zh:
            each = f"以下每条都有至少{k}个候选的材料与之相近：{which}。"
            said.append(each if several else f"至少{k}个候选的材料与{which}相近。")
        else:
            said.append(f"Texts of at least {k} of them come close to {'each of ' if several else ''}{which}.")
    if terms := why["terms"]:
        several = len(terms) > 1
        if zh:
            said.append(f"以下词语{'各' if several else ''}见于至少{k}个候选的材料：{'、'.join(terms)}。")
        else:
            lead = "Each of these words is" if several else "This word is"
            said.append(f"{lead} in the texts of at least {k} of them: {', '.join(terms)}.")
    if main := tuple(part["feature"] for part in why["contributions"][:2]):
        names = wording.features(main)
        said.append(f"排在这一档，主要凭{names}。" if zh else f"They are in this band mainly for {names}.")
    return space.join(said)


def features_named(why: Mapping[str, Any]) -> frozenset[str]:
    """The features by which the sentence of a candidate tells it from the next."""
    over = why.get("over_next")
    if not over or over["level"]:
        return frozenset()
    return frozenset([*(part["feature"] for side in ("ahead", "behind") for part in over[side]), *_without(over)])


def _without(over: Mapping[str, Any]) -> tuple[str, ...]:
    """The one feature that is told of those without which the next were ahead, if any: first what is named anyway."""
    if len(over["without"]) < 2:
        return tuple(over["without"])
    ahead = {part["feature"] for part in over["ahead"]}
    return tuple(sorted(over["without"], key=lambda feature: feature not in ahead)[:1])


def _near(near: Sequence[Mapping[str, Any]], quotes: Sequence[str], wording: Wording) -> str:
    """What a candidate's texts share with the parts that they come near, but do not cover."""
    zh, told = wording.zh, []
    for part in near[:MOST_QUOTED]:
        through, quote, words = wording.source(part["through"]), quotes[part["part"]], part["terms"]
        if not words:
            told.append(
                f"与{quote}只有少许相同的用词（{through}）" if zh else f"shares little with {quote} ({through})"
            )
        elif zh:
            told.append(f"与{quote}只有{'、'.join(words)}等用词相同（{through}）")
        else:
            told.append(f"shares only {', '.join(words)} with {quote} ({through})")
    if not told:
        return ""
    whole = ("；" if zh else "; ").join(told)
    return f"{whole}。" if zh else f"{whole[0].upper()}{whole[1:]}."


def _only(terms: Sequence[str], zh: bool) -> str:
    """Where a candidate comes near no part: the words that it shares with any."""
    if not terms:
        return "其材料中没有与要求相近的内容。" if zh else "None of the texts comes close to what is asked."
    if zh:
        return f"与要求有{'、'.join(terms)}等用词相同，但不算相近。"
    return f"Shares {', '.join(terms)}, but comes close to nothing that is asked."


def _covers(covers: Sequence[Mapping[str, Any]], quotes: Sequence[str], wording: Wording) -> str:
    """What a candidate's texts have of the parts: of those that share several words that may be named, the words.

    Where one or none may be named, no more than that is said: it may be a word that anybody uses.
    """
    zh = wording.zh
    if not covers:
        return ""
    told = []
    for cover in covers[:MOST_QUOTED]:
        through, quote, words = wording.source(cover["through"]), quotes[cover["part"]], cover["terms"]
        if len(words) > 1:
            many = f"与{quote}相近（{through}，共同用词：{'、'.join(words)}）"
            told.append(many if zh else f"comes close to {quote} ({through}; shared words: {', '.join(words)})")
        elif words and quote.lower() == f"“{words[0]}”":
            told.append(f"提到{quote}（{through}）" if zh else f"says {quote} ({through})")
        elif words:
            one = f"shares the word {words[0]} with {quote} ({through})"
            told.append(f"与{quote}都提到{words[0]}（{through}）" if zh else one)
        else:
            told.append(
                f"与{quote}有相同或同义的用词（{through}）"
                if zh
                else f"shares words or their meaning with {quote} ({through})"
            )
    more = len(covers) - len(told)
    if zh:
        return f"{'；'.join(told)}{f'；与另外{more}条也有相同的用词' if more else ''}。"
    whole = "; ".join(told) + (f"; shares words with {more} more" if more else "")
    return f"{whole[0].upper()}{whole[1:]}."


@lru_cache(maxsize=8192)
def _over_next(wording: Wording, lead: _Lead) -> str:
    zh = wording.zh
    if lead.level:
        return "与下一位不相上下。" if zh else "Practically level with the next."
    wins, spares = _split(lead.ahead, wording)
    if lead.without and tuple(feature for feature, _ in lead.ahead) == lead.without:  # one thing, said once
        names = wins or spares
        if zh:
            said = f"排在下一位之前，全凭{f'在{names}上失分更少' if spares else names}"
        else:
            said = f"Ahead of the next only because {f'it loses less by {names}' if spares else f'of {names}'}"
        without: tuple[str, ...] = ()
    else:
        if zh:
            reasons = [f"主要胜在{wins}"] * bool(wins) + [f"在{spares}上失分更少"] * bool(spares)
            said = "排在下一位之前，" + "，".join(reasons)
        else:
            reasons = [f"mainly for {wins}"] * bool(wins) + [f"because it loses less by {spares}"] * bool(spares)
            said = "Ahead of the next " + " and ".join(reasons)
        without = lead.without
    if lead.behind:
        wins, spares = _split(lead.behind, wording)
        if zh:
            reasons = [f"在{wins}上更强"] * bool(wins) + [f"在{spares}上失分更少"] * bool(spares)
            said += "；下一位" + "，".join(reasons)
        else:
            reasons = [f"is stronger in {wins}"] * bool(wins) + [f"loses less by {spares}"] * bool(spares)
            said += "; the next " + " and ".join(reasons)
    if without:
        names = wording.features(without)
        said += f"；若不计{names}，下一位会排在前面" if zh else f"; without {names} the next would be ahead"
    return said + ("。" if zh else ".")


def _split(features: Sequence[tuple[str, bool]], wording: Wording) -> tuple[str, str]:
    """(what features are called that give more, what those are called that take less)."""
    gives, takes = (tuple(name for name, loses in features if loses is taken) for taken in (False, True))
    return wording.features(gives), wording.features(takes)


HEADS = {
    "good": Labels(zh="找到合适的{}", en="There are good matches"),
    "weak": Labels(zh="只找到勉强相关的{}", en="There are only weak matches"),
    "none": Labels(zh="没有合适的{}", en="There is no good match"),
}
FEWER = Labels(zh="合适的{0}不足{1}个，或者没有", en="There are fewer than {1} good matches, or none")
"""Toward the blind, who are told of k at least."""
THIN = Labels(
    zh="相近的只靠一个共同用词，请补充细节后再问。",
    en="What comes close shares a single word only: ask again with more detail.",
)
THIN_OF_MANY = Labels(
    zh="靠不止一个共同用词相近的不足{}个，请补充细节后再问。",
    en="Fewer than {} come close by more than one word: ask again with more detail.",
)
"""Where all that is covered is so by single words of several."""
THIN_IN_FRONT = Labels(
    zh="排在前面的相近之处只靠一个共同用词，从第{}位起才有更多。",
    en="Those in front come close by a single word only: the first to share more is rank {}.",
)
LOW = Labels(zh="最高的得分也不算高。", en="Even the highest score is no good one.")
"""Where texts come close, but the first candidates score no better than fair."""
NOTHING = Labels(
    zh="问题里没有可以比对的内容：请写明需要什么。",
    en="The question says nothing that can be compared: say what is wanted.",
)
"""Of a free text no part of which asks for anything."""
NO_TEXT = Labels(zh="；没有任何材料与要求相近", en="; no text comes close to what is asked")
NO_TEXT_OF_MANY = Labels(zh="；材料与任一要求相近的候选都不足{}个", en="; to no point texts of {} or more come close")
ONLY, FIRST = (
    Labels(zh="排在前面的都没有相近材料，只有第{}位有。", en="Of those in front none comes close: only rank {} does."),
    Labels(
        zh="排在前面的都没有相近材料，从第{}位起才有。", en="Of those in front none comes close: the first is rank {}."
    ),
)
"""Where the first IN_FRONT of an order cover nothing."""
IN_FRONT = 3


def of_answer(verdict: Mapping[str, Any], least: int, low: bool, sound: int | None, wording: Wording) -> str:
    """An answer's verdict in a sentence or two.

    `least` is how many must do what is told of, `low` whether even the first score is no good one, `sound` the first
    rank that covers a part by more than a single word; None where none does, and where no order is told.
    """
    zh = wording.zh
    head = FEWER if least > 1 and verdict["verdict"] == "none" else HEADS[verdict["verdict"]]
    said = wording.of(head).format(wording.candidate, least)
    covered = [part for part in verdict["parts"] if part["asks"] and part["covered"]]
    by_record = verdict["basis"] == "record" and verdict["verdict"] != "none"
    if by_record:
        if covered or not any(part["asks"] for part in verdict["parts"]):
            mainly = "（主要依据资料字段和既往记录，而非文字描述）"
            said += mainly if zh else ", judged mainly by fields and past outcomes rather than by texts"
        else:
            said += "（仅凭资料字段和既往记录）" if zh else " by fields and past outcomes only"
            said += wording.of(NO_TEXT if least == 1 else NO_TEXT_OF_MANY).format(least)
    else:
        said += _found(verdict, len(covered), least, wording)
    said += "。" if zh else "."
    ranks = sorted({rank for part in covered for rank in part.get("ranks", ())})
    if verdict["verdict"] != "none" and ranks and ranks[0] > IN_FRONT:
        front = wording.of(ONLY if len(ranks) == 1 else FIRST).format(ranks[0])
        said += front if zh else f" {front}"
    elif verdict["verdict"] == "weak" and not by_record and sound is not None and sound > IN_FRONT:
        front = wording.of(THIN_IN_FRONT).format(sound)
        said += front if zh else f" {front}"
    if covered and not by_record and verdict["verdict"] == "weak":
        if all(part["one_word"] for part in covered):
            thin = wording.of(THIN if least == 1 else THIN_OF_MANY).format(least)
            said += thin if zh else f" {thin}"
        if low:
            said += wording.of(LOW) if zh else f" {wording.of(LOW)}"
    if filters := [f"{part['filter']}={part['value']}" for part in verdict["missing"] if "filter" in part]:
        which = wording.joined(filters)
        said += f"去掉筛选条件{which}会有更好的结果。" if zh else f" Without the filter {which} there are better ones."
    return said


def _found(verdict: Mapping[str, Any], found: int, least: int, wording: Wording) -> str:
    """To how many of the parts that ask for something texts come close, and to which they do not."""
    zh = wording.zh
    asked = sum(part["asks"] for part in verdict["parts"])
    missing = wording.listed([quoted(part["text"]) for part in verdict["missing"] if "part" in part], OR)
    if not missing and asked < 2:
        return ""
    if not missing:
        if zh:
            how = f"有至少{least}个候选的材料与之相近" if least > 1 else "找到了相近的候选材料"
            return f"：{asked}条要求都{how}"
        return f": {_who(least)} come close to {'both' if asked == 2 else f'all {asked}'} points"
    if not found:
        if zh:
            return f"：材料与{missing}相近的候选不足{least}个" if least > 1 else f"：没有与{missing}相近的候选材料"
        return f": fewer than {least} come close to {missing}" if least > 1 else f": no text comes close to {missing}"
    if zh:
        how = f"至少{least}个候选的材料与之相近" if least > 1 else "找到了相近的候选材料"
        return f"：{asked}条要求中，有{found}条{how}；{missing}{f'不足{least}个' if least > 1 else '没有找到'}"
    return f": {_who(least)} come close to {found} of {asked} points, {'fewer' if least > 1 else 'none'} to {missing}"


def _who(least: int) -> str:
    return f"texts of at least {least} of them" if least > 1 else "texts"
