"""Clauses of a paragraph, and which of their words belong to which of their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policylens.infer.figures.periods import PERIOD
from policylens.infer.figures.quantities import Number, find_numbers, without_bound
from policylens.infer.figures.subjects import (
    APPROXIMATION,
    AROUND,
    CHANGE_END,
    CHANGE_WORD,
    INNER_PERIOD,
    OPENING,
)

_BOUNDARY = re.compile(r"[，。；：！？\n;:!?]|,(?!\d{3})|——")
_CONJUNCTION = re.compile(r"(?:以及|[、和及与或])$")
_NEW_PHRASE = re.compile(r"^(?:以及|[、和及与或并且])")
# "由26个月缩短到17个月": what is before the first number, and what stands between the two.
_BASE_LEAD = re.compile(
    rf"(?:由(?!于)|从(?![业事]))(?:{PERIOD}|[^，、；]{{0,8}}?)的?(?P<per>(?:每[一-龥])+)?(?:不足|不到|大?约|近)?$"
)
_CHANGE_TO = rf"(?:{CHANGE_WORD}|[^、的\d（），]{{0,4}})[到至为]"
_BASE_TO_RESULT = re.compile(
    rf"，?[^、的\d，]{{0,6}}?(?P<change>{_CHANGE_TO})了?(?:{PERIOD})?的?(?:大?约|近|超过?)?$"
)
# "从10.2%降至零": the only number is the one that is no longer so.
_BASE_ALONE = re.compile(rf"^，?[^、的\d，]{{0,6}}?{_CHANGE_TO}")
_BASE_GOES_ON = re.compile(rf"^，(?:逐步|稳步)?(?:{CHANGE_WORD})[到至为]")
# A number behind one of these describes the noun after its 的: 注册资本100亿元的基金.
_PROPERTY = re.compile(
    r"(?:收入|营收|投资额?|资本|资金|规模|产值|[额值量率]|面积|价格?|人口|年龄|里程|长度|高度|容量|功率|装机|能力|强度|占比|比重)$"
)
_ACTS = re.compile(
    r"设立|安排|投入(?!强度|占)|发行|建成|建设|开工(?!率)|实施|引进|签约|投放|组建|成立|推出|完成(?!率)|给予"
)
# "建成公路350公里、铁路120公里": the verb is that of both.
_SHARED_VERB = re.compile(
    r"^(?:累计|已|新)*(?:新建成?|改扩?建|扩建|建成|建设|新增|引进|培育|发布|查处|办理|完成|开工|投用|安排|发放|下达|淘汰|取消|、)+"
)
_SAYS_MORE = re.compile(rf"^(?:总|累计|其中|平均|年均|占)|(?:{CHANGE_WORD})|{APPROXIMATION.pattern}")
_CLASS_COUNT = re.compile(
    r"^(?P<above>及?以上|及?以下)?的(?P<noun>[^，、的]{0,8}?)(?:已|共)?(?:有|达到?|为)$"
)
_CONDITION = re.compile(r"(?:对(?!外)|凡|符合|经(?![济营费过]))")
_RANGE = re.compile(r"[—–\-~～至到]")
_COUNT_NOUN = re.compile(r"^(?:及?以上|及?以下)(?=[^，、的和]{1,8}$)")


def clauses_of(text: str) -> Iterator[tuple[int, int, list[Number]]]:
    """Clauses with the numbers in them, as start and end in characters.

    A comma inside a number or between the two ends of a change (从53%，上升到67%) ends none.
    """
    numbers = find_numbers(text)
    start = 0
    for match in (*_BOUNDARY.finditer(text), None):
        end = match.start() if match else len(text)
        if any(number.start < end < number.end for number in numbers):
            continue
        own = [number for number in numbers if start <= number.start < end]
        if match and own and own[-1].end == end and _BASE_GOES_ON.match(text[end : end + 10]):
            if _BASE_LEAD.search(text[start : own[-1].start]):
                continue
        if end > start:
            yield start, end, own
        start = match.end() if match else end


def with_context(
    text: str, start: int, end: int, numbers: list[Number]
) -> Iterator[tuple[Number | None, str, str]]:
    """Each number with the words before and after it that belong to it.

    Args:
        text: The paragraph.
        start: Where the clause starts, in characters.
        end: One past its last character.
        numbers: The numbers of the clause, at least one.

    Yields:
        The number, the words before and after it; None in place of a number that the clause gives up
        (从10.2%降至零), whose words are what the sentence goes on about.
    """
    lead = inside_bracket(text[start : numbers[0].start])
    # "10家年营收超100亿元的链主企业": the second number describes the noun that the first one counts.
    noun = AROUND.sub("", text[numbers[-1].end : end])
    verb = _SHARED_VERB.match(OPENING.sub("", lead))
    taken = False
    for number, following in zip(numbers, [*numbers[1:], None], strict=True):
        between = text[number.end : following.start if following else end].removeprefix("（含）")
        rest = AROUND.sub("", re.sub(r"^（[^）]*）", "", between) if following else between)
        if following is None:
            base = _BASE_LEAD.search(lead) if _BASE_ALONE.match(rest) else None
            idle = taken or rest.startswith(("）", "（")) or _describes(number, lead, noun)
            if base or not _is_condition(lead, between):
                yield (None, lead[: base.start()], "") if base else (number, lead, "" if idle else rest)
        elif (after := _after_no_figure(text, number, lead, between, rest, following)) is not None:
            lead = after
        elif following is numbers[-1] and noun.startswith("的") and _qualifies(rest):
            yield number, lead, noun
            lead, taken = rest, True
        elif rest.startswith("的") and _is_property(lead):
            yield number, lead, ""
            lead = rest.removeprefix("的")
        else:
            shared = following is numbers[-1] and number.unit == following.unit
            tail, lead = _between(lead, rest, noun if shared else "")
            yield number, *tail
            if verb and rest.startswith("、") and _is_plain_noun(lead):
                lead = verb[0] + lead


def _after_no_figure(
    text: str, number: Number, lead: str, between: str, rest: str, following: Number
) -> str | None:
    """The words before the next number where this one is no figure of its own; None where it is one."""
    base = _BASE_LEAD.search(lead)
    if base and (change := _BASE_TO_RESULT.fullmatch(rest)):
        return lead[: base.start()] + (base["per"] or "") + change["change"]
    if _COUNT_NOUN.match(between) and not OPENING.sub("", lead):
        # "10亿元以上项目18个": a class of what is counted.
        return text[number.start : following.start]
    if _is_class(number, lead, between):
        # "占比超过10%的有44种": what is counted is a class, the first number its bound.
        return f"{lead}{text[number.start : number.end]}{between}"
    return None


def _between(lead: str, rest: str, noun: str) -> tuple[tuple[str, str], str]:
    """The words around a number that another one follows, and those before that one.

    Args:
        lead: The words before the number.
        rest: Those up to the next one.
        noun: What stands after the last number, where both may count the same thing.
    """
    if rest.startswith("（"):
        return (lead, ""), rest[1:]
    if _NEW_PHRASE.match(rest):
        # "首批12项和第二批14项改革" count the same thing.
        shared = 0 < len(noun) <= 8 and not noun.startswith("的")
        return (lead, noun if shared else ""), _NEW_PHRASE.sub("", rest) or lead
    if conjunction := _CONJUNCTION.search(rest):
        return (lead, rest[: conjunction.start()]), lead
    if CHANGE_END.match(rest) or not rest:
        return (lead, ""), rest
    head, _, tail = rest.partition("、") if "、" in rest else (rest, "", "")
    own = INNER_PERIOD.split(head, maxsplit=1)[0]
    return (lead, own or head), tail or rest


def _qualifies(rest: str) -> bool:
    """Whether the words before a number make it one that a noun is described with: 年营收超|100亿元的企业."""
    return APPROXIMATION.search(rest) is not None and _CONJUNCTION.search(rest) is None


def _describes(number: Number, lead: str, noun: str) -> bool:
    return noun.startswith("的") and number.unit in ("%", "％", "‰") and _is_property(lead)


def _is_condition(lead: str, between: str) -> bool:
    """Whether a number only says whom a rule is for: 对总投资3000万元以上的项目."""
    words = OPENING.sub("", lead)
    bounded = between.startswith(("以上", "及以上", "以下", "及以下")) or without_bound(lead) != lead
    return _CONDITION.match(words) is not None and bounded and AROUND.sub("", between).startswith("的")


def _is_class(number: Number, lead: str, between: str) -> bool:
    match = _CLASS_COUNT.match(between)
    if match is None:
        return False
    vague = number.value.startswith(("上", "数")) or _RANGE.search(number.value) is not None
    bounded = vague or bool(match["above"]) or without_bound(lead) != lead
    return not match["noun"] or (bounded and (_is_property(lead) or not OPENING.sub("", lead)))


def _is_plain_noun(lead: str) -> bool:
    return bool(lead) and not (_ACTS.search(lead) or _SHARED_VERB.match(lead) or _SAYS_MORE.search(lead))


def _is_property(lead: str) -> bool:
    bare = APPROXIMATION.sub("", OPENING.sub("", without_bound(lead)))
    return _PROPERTY.search(bare) is not None and _ACTS.search(bare) is None


def inside_bracket(lead: str) -> str:
    """The words after a bracket that is still open."""
    opened = lead.rfind("（")
    return lead[opened + 1 :] if opened > lead.rfind("）") else lead
