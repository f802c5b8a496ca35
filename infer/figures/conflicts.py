"""Figures on which documents contradict each other: one subject, one period, one unit, different numbers."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from policylens.data.records import Amount, Conflict, Figure, Paragraph
from policylens.infer.figures.digits import HALF_WIDTH

_NATION = re.compile(r"^(?:我国|全国|中国)(?:已|累计|共)*")
# "全市技改投资" is that of another city in every document.
_LOCAL = re.compile(
    r"^(?:全|我|本|该|各)?(?:省|市|县|区|州|自治区|镇|村|园区|公司|企业|集团|地区)(?!场)|地区生产总值"
)
_PLACE = re.compile(
    r"北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|"
    r"台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|[一-鿿]{2,4}(?:省|市|县|自治州|自治区)"
)
_YEAR = re.compile(r"(?:19|20)\d{2}(?!\d)")
_ABSOLUTE = re.compile(r"\d{4}年|“?十[一二三四五六]五”?")
# Numbers that are said to be near, over or at least are no contradiction to one a little off.
_LOOSE_WORD = re.compile(r"(?:约|近|超过?|逾|突破|不低于|不少于|以上|左右|多|余|达到?|以内|不超过)")
_LOOSE = 0.15
_MIN_SUBJECT_CHARS = 4


@dataclass(frozen=True, slots=True)
class _Home:
    """What a document is of."""

    place: str = ""
    year: str = ""


def find_conflicts(figures: Iterable[Figure], paragraphs: Iterable[Paragraph]) -> tuple[Conflict, ...]:
    """Find figures of different documents that cannot all be right.

    Provincial reports all speak of "全省": what is local counts only between documents of the same place,
    and a period without a year, such as 今年, only between documents whose names or titles give one year.

    Args:
        figures: Figures of all themes.
        paragraphs: The paragraphs they are from, for the places that their documents are of.

    Returns:
        The contradictions, in the order in which they are met.
    """
    homes = _homes(paragraphs)
    groups: dict[tuple[str, str, str, str], list[Figure]] = defaultdict(list)
    for figure in dict.fromkeys(figures):
        if figure.amount and len(_subject(figure)) >= _MIN_SUBJECT_CHARS:
            key = (_subject(figure), figure.change, _period(figure), figure.amount.unit)
            groups[key].append(figure)
    return tuple(
        Conflict(subject + change, period, tuple(sorted(found, key=_low)))
        for (subject, change, period, _), group in groups.items()
        if (found := _contradicting(group, homes))
    )


def _subject(figure: Figure) -> str:
    return _NATION.sub("", figure.subject)


def _period(figure: Figure) -> str:
    return re.sub(r"^(?:截至|截止|到|至)|[“”]", "", figure.period)


def _low(figure: Figure) -> float:
    return figure.amount.low if figure.amount else 0.0


def _contradicting(group: Sequence[Figure], homes: Mapping[str, _Home]) -> list[Figure]:
    found: dict[Figure, None] = {}
    for one, other in _pairs(group):
        if _comparable(one, other, homes) and not _agree(one, other):
            found |= {one: None, other: None}
    return list(found)


def _pairs(group: Sequence[Figure]) -> Iterator[tuple[Figure, Figure]]:
    for one, other in itertools.combinations(group, 2):
        # A document that gives both speaks of two things.
        if not {c.doc for c in one.citations} & {c.doc for c in other.citations}:
            yield one, other


def _comparable(one: Figure, other: Figure, homes: Mapping[str, _Home]) -> bool:
    here, there = homes.get(one.citation.doc, _Home()), homes.get(other.citation.doc, _Home())
    if not _ABSOLUTE.search(one.period):
        # Half of all figures name no year: 今年 is one time only in documents of one year.
        if not one.period or one.period != other.period or not here.year or here.year != there.year:
            return False
    if _NATION.match(one.measure) and _NATION.match(other.measure):
        return True
    return here.place == there.place and (bool(here.place) or not _LOCAL.search(one.subject))


def _agree(one: Figure, other: Figure) -> bool:
    """Whether one number may be the other one, rounded or only said to be near it."""
    a, b = one.amount, other.amount
    if a is None or b is None:
        return True
    if a.low <= b.high and b.low <= a.high:
        return True
    gap = max(a.low, b.low) - min(a.high, b.high)
    loose = _is_loose(one, a) or _is_loose(other, b)
    size = max(abs(a.high), abs(b.high))
    return gap <= max(_rounding(one, a), _rounding(other, b), _LOOSE * size if loose else 0.0)


def _is_loose(figure: Figure, amount: Amount) -> bool:
    before = figure.text[: figure.text.rfind(figure.value)]
    return amount.approximate or bool(_LOOSE_WORD.search(before[-4:]))


def _rounding(figure: Figure, amount: Amount) -> float:
    """Half of the last digit that is written: 1.5万 stands for 14500 to 15500."""
    digits = re.search(r"\d[\d,]*(?:\.(\d+))?", figure.value.translate(HALF_WIDTH))
    if digits is None:
        return 0.0
    written = float(digits[0].replace(",", ""))
    if not written:
        return 0.0
    return (
        0.5 * 10.0 ** -len(digits[1] or "") * amount.high / written
        if digits[1] or amount.high != written
        else 0.0
    )


def _homes(paragraphs: Iterable[Paragraph]) -> dict[str, _Home]:
    """The place and year that a document is of, by its name or title; "" where they name none."""
    homes: dict[str, _Home] = {}
    for par in paragraphs:
        if par.doc not in homes or not all((homes[par.doc].place, homes[par.doc].year)):
            place, year = (pattern.search(f"{par.doc} {par.title}") for pattern in (_PLACE, _YEAR))
            homes[par.doc] = _Home(place[0][:2] if place else "", year[0] if year else "")
    return homes
