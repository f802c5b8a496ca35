"""From chosen clauses to sentences: each source in one place and named, one full stop a sentence."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from policylens.data.records import Citation, CitedSentence, TaggedParagraph
from policylens.infer.digests.candidates import Candidate
from policylens.infer.digests.clauses import Kind
from policylens.infer.digests.repair import is_well_formed, leans_back
from policylens.infer.digests.sources import UNNAMED, SourceName, source_name
from policylens.infer.digests.speakers import is_meeting

# Two short sentences of one paragraph become one.
_MAX_JOINED_CHARS = 90
# What one named source says stands in one sentence up to this length, as in 吉林…；…；…。
_MAX_NAMED_CHARS = 220
# Says no more than that the sentence before goes on: 资金由市财政承担。并专项用于管网改造。
_ADDS = re.compile(r"并(?![网购轨非不])|且(?!慢)")
_SEMICOLONS = ("；", ";")
# A name is not said again where the sentence itself opens with it, be it after a time (今年吉林…) or, for a
# meeting, after who held it.
_NAME_WITHIN_CHARS = 9
_TIME_ENDS = ("年", "月", "来", "时期", "期间", "年在", "底", "末", "，")
_MEETING_WITHIN_CHARS = 24
# 河北：京津冀协同发展…: two names of places next to each other would read as one.
_PLACES = (
    "京津冀",
    "长三角",
    "长江",
    "黄河",
    "粤港澳",
    "成渝",
    "全国",
    "我国",
    "中央",
    "东部",
    "中部",
    "西部",
)
# What somebody has to be or do: after a bare name it would read as said of that place.
_CONDITIONS = ("符合", "具备", "有利于", "属于", "持有")
_OWN_NAMES = ("我省", "我市", "我区", "本省", "本市", "我们")


@dataclass(frozen=True, slots=True)
class Unit:
    """The paragraphs that are printed together: those of one named source, else of one document.

    Attributes:
        key: What its paragraphs have in common.
        name: How it is named; `UNNAMED` where it is not.
    """

    key: str
    name: SourceName


def units_of(tagged: Sequence[TaggedParagraph]) -> list[Unit]:
    """The unit of each paragraph.

    Years and meetings are named only where there is more than one source to tell apart.
    """
    names = [source_name(item.paragraph.doc, item.paragraph.title) for item in tagged]
    keys = [name.text or item.paragraph.doc for name, item in zip(names, tagged, strict=True)]
    alone = len(set(keys)) == 1
    return [
        Unit(key, UNNAMED if alone and name.colon else name) for key, name in zip(keys, names, strict=True)
    ]


def name_chars(unit: Unit) -> int:
    """Most characters that naming a unit takes, its mark included."""
    return len(unit.name.text) + 1 if unit.name.text else 0


def without_named_meetings(candidates: Sequence[Candidate], units: Sequence[Unit]) -> list[Candidate]:
    """The candidates; those of a source that is named after its meeting need no 会议指出."""
    return [
        replace(candidate, speaker="")
        if units[candidate.paragraph].name.colon and is_meeting(candidate.speaker)
        else candidate
        for candidate in candidates
    ]


def reads_well(clauses: Sequence[Candidate]) -> bool:
    """Whether the chosen clauses of one sentence make a sentence that can be printed."""
    text = print_sentence(clauses)
    # A sentence that leans as a whole brings the one before it along; one that begins later must not lean.
    return is_well_formed(text) and (clauses[0].number == 0 or not leans_back(text))


def print_digest(
    candidates: Sequence[Candidate],
    chosen: Sequence[int],
    tagged: Sequence[TaggedParagraph],
    units: Sequence[Unit],
) -> tuple[CitedSentence, ...]:
    """Print the chosen clauses.

    Args:
        candidates: All clauses of the theme in reading order.
        chosen: Which of them, in that order.
        tagged: The paragraphs.
        units: The unit of each paragraph.

    Returns:
        Sentences unit by unit, in the order in which the documents came. Unnamed units come first: what
        follows a name would read as that source's.
    """
    by_unit: dict[Unit, list[int]] = defaultdict(list)
    for i in chosen:
        by_unit[units[candidates[i].paragraph]].append(i)
    order = sorted(by_unit, key=lambda unit: (unit.name.text != "", by_unit[unit][0]))
    printed: list[CitedSentence] = []
    for unit in order:
        printed += _print_unit(unit, [candidates[i] for i in by_unit[unit]], tagged)
    return tuple(printed)


def _print_unit(
    unit: Unit, members: Sequence[Candidate], tagged: Sequence[TaggedParagraph]
) -> list[CitedSentence]:
    printed: list[CitedSentence] = []
    spoken: set[str] = set()
    for (number, _), group in itertools.groupby(members, key=lambda c: (c.paragraph, c.sentence)):
        paragraph = tagged[number].paragraph
        clauses = list(group)
        text = print_sentence(clauses)
        speaker = clauses[0].speaker
        if speaker and speaker not in spoken:
            spoken.add(speaker)
            text = f"{speaker}，{text}"
        sentence = CitedSentence(text, (Citation(paragraph.doc, paragraph.para),))
        if not printed and unit.name.text:
            sentence = CitedSentence(_with_name(unit.name, sentence.text), sentence.citations)
        if printed and _joins(printed[-1], sentence, named=bool(unit.name.text)):
            before = printed.pop()
            citations = tuple(dict.fromkeys((*before.citations, *sentence.citations)))
            mark = "，" if _ADDS.match(sentence.text) else "；"
            sentence = CitedSentence(before.text[:-1] + mark + sentence.text, citations)
        printed.append(sentence)
    return printed


def _with_name(name: SourceName, text: str) -> str:
    """The sentence with its source: 吉林推进…, 2015年政府工作报告：推进…."""
    if _is_named(name, text):
        return text
    if is_meeting(text) and name.text.endswith("会议"):
        return name.text + text[2:]
    if name.colon:
        return name.printed + text
    if text.startswith((*_PLACES, *_CONDITIONS)):
        return f"{name.text}：{text}"
    for own in _OWN_NAMES:
        if text.startswith(own) and not text.startswith(own + "的"):
            return name.text + text[len(own) :]
    return name.text + text


def _is_named(name: SourceName, text: str) -> bool:
    """Whether a sentence opens with the name of its source itself; 挂牌重庆大学… does not."""
    at = text.find(name.text)
    if name.colon:
        return 0 <= at <= _MEETING_WITHIN_CHARS
    return at == 0 or (0 < at <= _NAME_WITHIN_CHARS and text[:at].endswith(_TIME_ENDS))


def _joins(before: CitedSentence, after: CitedSentence, *, named: bool) -> bool:
    """Whether two sentences read better as one, as analysts write them: …；…."""
    text = before.text + after.text
    if _ADDS.match(after.text):
        same = before.citations[-1:] == after.citations
        return same and before.text.endswith("。") and len(text) <= _MAX_NAMED_CHARS
    if named:
        fits = len(text) <= _MAX_NAMED_CHARS and not any(mark in text for mark in "！？")
    else:
        fits = (
            before.citations == after.citations
            and len(text) <= _MAX_JOINED_CHARS
            and not any(mark in text for mark in "：！？“")
        )
    return (
        fits
        and before.text.endswith("。")
        and after.text.endswith("。")
        and before.text[:2] != after.text[:2]
        and not leans_back(before.text)
        and not leans_back(after.text)
    )


def print_sentence(clauses: Sequence[Candidate]) -> str:
    """Join the chosen clauses of one sentence with their own marks, or ，and ；where some were left out."""
    text = ""
    for clause, after in itertools.pairwise(clauses):
        mark = clause.clause.mark or "，"
        if after.number > clause.number + 1 and clause.clause.kind is not Kind.SAYS:
            mark = "；" if mark in _SEMICOLONS else "，"
        text += clause.clause.text + mark
    last = clauses[-1].clause
    if last.text.endswith(("。”", "！”", "。’", "！’", "。」", "。』")):
        return text + last.text
    return text + last.text + ("！" if last.mark.startswith(("！", "!")) else "。")
