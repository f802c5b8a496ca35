"""Lists of numbers that belong to a list of subjects: 甲、乙分别增长1%、2%."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from policylens.infer.figures.contexts import inside_bracket
from policylens.infer.figures.quantities import DIGITS, Number
from policylens.infer.figures.subjects import AROUND, CHANGE_ONLY, COMPARED, OPENING, Subject

_LIST_MARK = re.compile(r"(?:、|以及|[和与及])")
_BARE_NUMBERS = re.compile(rf"(?:(?:{DIGITS})[百千万亿]*个?、)+$")
_COMPARED_END = re.compile(
    rf"(?:(?<!占)[比较][^、和与及]{{2,12}}|{COMPARED}|每[年月日人户]|累计|预计|已|均|都|要|将|应|力争)*$"
)
# "机器人和机床出口": the head noun that both have in common.
_SHARED_HEAD = re.compile(
    r"(?:(?:常住)?居民)?(?:人均)?(?:(?:可支配|消费)?(?:收入|支出))$|"
    r"(?:总?产[值量]|增加值|投资|营收|利润|(?:进出口|出口|进口)(?:总?额)?|吞吐量|装机(?:容量|规模)?|销[量售]额?|年?出栏量|保有量|(?:最低)?标准|零售额|总额|余额|面积|用电量?|发电量|物流需求|需求|利用效率|浓度|排放量?|产业规模|储量|(?:办理)?(?:时间|时限)|成本|费用|"
    r"数量|人数|起数|案件|比重|占比|覆盖率|普及率|价格)$"
)
# 发电量、用电量增速: the rate is that of both, although 发电量 could stand alone.
_SHARED_RATE = re.compile(r"(?:增速|增幅|降幅|涨幅|增长率|增量|完成率|缺口)$")
_OWN_HEAD = re.compile(r"[率量额数值价]$")
_OWN_VERB = re.compile(r"接待|实现|完成|新增|累计")
_ORDINAL = re.compile(r"第?[一二三四五六七八九十]$")
_LEVELS = re.compile(r"^(?P<last>[一-龥]{1,3})[两二三四五]级$")
# 水、土地资源利用效率: so much longer a last name has a head that the others may share.
_LONGER_CHARS = 3


def listed_subjects(subject: Subject) -> list[Subject]:
    """The subjects that the words of one may list: 甲和乙 -> 甲, 乙."""
    return [Subject(name, subject.start) for name in _LIST_MARK.split(subject.text)]


def groups_of(
    text: str, start: int, end: int, numbers: list[Number]
) -> Iterator[tuple[int, int, list[Number]]]:
    """Parts of a clause: the bare list of numbers after 分别 stands apart from those before and after it."""
    at = text.find("分别", start, end)
    first = sum(number.start < at for number in numbers)
    if at < 0 or first == len(numbers):
        yield start, end, numbers
        return
    last = first + 1
    while last < len(numbers) and _joined(text, numbers[last - 1], numbers[last]):
        last += 1
    low = numbers[first - 1].end if first else start
    high = numbers[last - 1].end if last < len(numbers) else end
    if first:
        yield start, low, numbers[:first]
    yield low, high, numbers[first:last]
    if last < len(numbers):
        yield high, end, numbers[last:]


def is_bare_list(text: str, start: int, end: int, numbers: Sequence[Number]) -> bool:
    """Whether a clause is only a change and several numbers: 增长4.6%、6.3%."""
    lead = OPENING.sub("", text[start : numbers[0].start])
    joined = all(_joined(text, one, two) for one, two in itertools.pairwise(numbers))
    rest = AROUND.sub("", text[numbers[-1].end : end])
    return len(numbers) > 1 and joined and not rest and CHANGE_ONLY.fullmatch(lead) is not None


def _joined(text: str, one: Number, two: Number) -> bool:
    return _LIST_MARK.fullmatch(AROUND.sub("", text[one.end : two.start])) is not None


def respectively(
    part: str, offset: int, numbers: list[Number], known: Sequence[str]
) -> list[tuple[Number, str, str]]:
    """Numbers of "A、B分别增长1%、2%" with a subject each; empty where subjects and numbers do not match.

    Args:
        part: The part of the clause with these numbers.
        offset: Where it starts in the paragraph, in characters.
        numbers: The numbers of the list.
        known: The subjects named earlier in the sentence, for a clause that starts with 分别.

    Returns:
        Each number with the words before and after it.
    """
    lead, mark, verb = part[: numbers[0].start - offset].partition("分别")
    if not mark:
        return []
    lead = OPENING.sub("", AROUND.sub("", inside_bracket(lead)))
    compared = _COMPARED_END.search(lead)
    subject = lead[: compared.start()] if compared else lead
    # "惠及35万、23万人": the first number has no unit of its own and is no figure.
    bare = _BARE_NUMBERS.search(verb)
    skipped = bare[0].count("、") if bare else 0
    names = _names(subject, skipped + len(numbers)) if subject else list(known)[-len(numbers) :]
    if len(names) != skipped + len(numbers) or not all(names):
        return []
    action = lead[len(subject) :] + (verb[: bare.start()] if bare else verb)
    tail = part[numbers[-1].end - offset :]
    return [(number, name + action, tail) for number, name in zip(numbers, names[skipped:], strict=True)]


def _names(subject: str, count: int) -> list[str]:
    """Split "机器人和机床出口" into 机器人出口 and 机床出口; empty where there are not `count` sure names."""
    names = _LIST_MARK.split(subject)
    if len(names) != count:
        names = subject.split("、")
    if len(names) != count or not all(names):
        return []
    return _with_shared_words(names)


def _with_shared_words(names: list[str]) -> list[str]:
    *others, last = names
    if not others:
        return names
    if levels := _LEVELS.match(last):
        return [f"{name}级" for name in (*others, levels["last"])]
    if all(_ORDINAL.search(name) for name in others) and _ORDINAL.match(last[:1]):
        # 第一、二、三产业增加值: of two numerals that are not of one order nothing is known.
        first = "第" if others[0].startswith("第") else ""
        return [others[0] + last[1:], *(first + name + last[1:] for name in others[1:]), first + last]
    if all(name.endswith("级") for name in others) and "级" in last:
        shared = last.split("级", 1)[1]
        return [*(name + shared for name in others), last]
    if (rate := _SHARED_RATE.search(last)) and rate.start():
        return [*(name if name.endswith(rate[0]) else name + rate[0] for name in others), last]
    complete = any(_SHARED_HEAD.search(name) or _OWN_HEAD.search(name) for name in others)
    head = _SHARED_HEAD.search(last)
    longer = len(last) - max(map(len, others))
    if head and head.start() and not complete:
        # 项目投资、新增用地支持民间投资项目比重: more than the head may be that of both.
        return [*(name + head[0] for name in others), last] if longer - len(head[0]) < _LONGER_CHARS else []
    complete = complete or any(_OWN_VERB.match(name) for name in others)
    unsure = not complete and longer >= _LONGER_CHARS
    return [] if unsure else names
