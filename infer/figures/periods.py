"""The time that a number is of: 截至11月末, 2024年1—10月, 上半年, 过去五年."""

from __future__ import annotations

import re

_NUM = r"[\d一二两三四五六七八九十]+"
# From its first digit on only: tried from each of them, a number of 50,000 digits takes a minute.
_WHOLE_NUM = rf"(?<![\d一二两三四五六七八九十]){_NUM}"
_CORE = (
    rf"(?:目前|当前|眼下|如今|现在|近年来|近几年来?|今年|去年同期|上年同期|去年|上一?年度?(?=[，为是达])|明年|当年|全年|同期|上半年|下半年|年内|每年|本月|上月|本季度|上季度|"
    rf"(?:过去|最近|近|未来|今后)的?{_NUM}多?(?:年(?!期|级|制)|个月|个季度)|{_WHOLE_NUM}多?年(?:来|间|内)|前{_NUM}个月|"
    r"第?前?[一二三四](?:、[一二三四])*季度|首季度?(?!的)|(?<![上去今明本当前次\d年])年[底末初](?!余)|"
    r"“?十[一二三四五六]五”?(?:以来|期间|时期|末)?(?!”|规划|纲要|开局|收官|重[点大])|党的(?:十[八九]|二十)大以来|"
    r"(?:春节|国庆|中秋|元旦|清明|端午|劳动节|“?五一”?|“?十一”?)(?:中秋)?(?:假期|假日|小长假|长假|期间|黄金周)|"
    r"\d{4}(?:[—\-–至~～]\d{4})?年度?|[一二][一二三四五六七八九〇○零]{3}年|\d{1,2}(?:[—\-–至~～]\d{1,2})?月份?|\d{1,2}日)"
)
PERIOD = (
    rf"(?:截至|截止|到|至|自|从|预计|在)?{_CORE}"
    r"(?:年?底|年?末|年?初|前(?![\d一二两三四五六七八九十])|上旬|中旬|下旬|以来|期间|来|间|内|起|中(?=[，共累]))*"
)
# What the number is compared with ("比2020年增长") is not its own time; neither is a plan's name.
_STATED = re.compile(
    rf"(?<![比较与同于\d一二两三四五六七八九十])(?>(?:{PERIOD})+)(?!同期|基础|水平|版|规划|计划|行动|度|产(?![值量业品])|级|平均|复合|假日|刚过|过后|后|结束|前夕|临近)"
)
# Likewise what a change starts from (由2020年的5件提高到8件) and what is multiplied (是2015年的3倍).
_BASE = re.compile(
    rf"[由从](?:{PERIOD})+的|[比较与同于](?:{PERIOD})+|(?:是|为|相当于)(?:{PERIOD})+的?(?=[\d.．]+倍)|"
    rf"(?:[在以]|相比|比较|对比)?(?:{PERIOD})+(?:的?(?:基础|水平|基数)|为基[期数年准]|相比)"
)
_TIMES_OF = re.compile(rf"(?:是|为|相当于)(?:{PERIOD})+的?(?:大?约|近|超过?)?$")
_TIMES = re.compile(r"[\d.．一二两三四五六七八九十几多]+倍|[一二三四五六七八九十百]+分之")
# These point to another period that the words before name; alone they say nothing.
_EMPTY = re.compile(r"^(?:在|从|自|到|至)?(?:同期|每年|当年|预计)$")
_SENTENCE_END = re.compile(r"[。！？\n]")
_CLAUSE_END = re.compile(r"[，；：]")
_CARRIES_ON = re.compile(r"^\s*(?:其中|分[^，]{1,6}看)[，,]")
# A sentence of results that names no time has that with which one before it opens: 去年，全市…。出口增长8%。
_OPENING_PERIOD = re.compile(
    rf"\s*(?:[^，。；]{{2,16}}(?:显示|表明|获悉|了解到)，)?(?:在)?(?>(?:{PERIOD})+)(?=[，、]|全[国省市区县州]|我[国省市区县]|规模以上)"
)
_RESULT = re.compile(
    r"增长|下降|增加|减少|提高|提升|达到?(?=[\d超近])|完成|实现|突破|新增|新建|建成|同比|增[至到]|降[至到]"
)
_NO_RESULT = re.compile(
    r"目标|力争|计划|将|要(?!素)|预计|确保|争取|规划|拟|应当?|不低于|以上的?$|不得|可以|每[年月人户亩家个吨]|总投资|现有|累计|一直|连续"
)
_CARRIED = 3  # sentences; a later one has often changed the subject
_OPENING_WORD = re.compile(r"^(?:预计|在)")
# 降至2025年的51%: 至 belongs to the verb; 延长至年底 says until when, and nothing of a number.
_OF_NUMBER = re.compile(r"的?(?:大?约|近|超过?)?(?:\d|$)")
_VERB_BEFORE = re.compile(r"[升降增减提缩压下落长高低加跌涨大窄少短施行续伸迟展]$")
# What is so by itself: the time at which a project was begun is not that of its investment.
_TIMELESS = re.compile(r"总投资|注册资本|占地|全长|总长|建筑面积|现有|现拥有|设计(?:产能|时速|能力)|总里程")
_UNTIL_NOW = re.compile(r"截至|截止|目前|如今|现在")
_LISTED = re.compile(r"[、和与及]$")


def period_before(text: str, position: int) -> str:
    """The time named last before a number in its sentence.

    A sentence that begins with 其中 speaks of the time of the sentence before it. The time that a
    change starts from, or that the number is compared with, is none.

    Args:
        text: The paragraph.
        position: Where the number starts, in characters.

    Returns:
        The words as written, without a leading 在 or 预计; two times that are listed (2023年、2024年) are
        one; "" where none is named.
    """
    start = own = _sentence_start(text, position)
    number = position
    if _TIMES.match(text, position) and (base := _TIMES_OF.search(text[start:position])):
        position = start + base.start()
    while True:
        if found := _last_period(text[start:position]):
            return found
        if start == 0 or not _CARRIES_ON.match(text[start:position]):
            return _carried_period(text, own, number)
        position, start = start, _sentence_start(text, start - 1)


def _carried_period(text: str, start: int, position: int) -> str:
    """The time with which a sentence before opens, where all from there on tell results and name no other."""
    closing = _SENTENCE_END.search(text, position)
    end = closing.start() if closing else len(text)
    if not _is_result(text[start:end]) or _last_period(text[start:end]):
        return ""
    for _ in range(_CARRIED):
        if start == 0:
            return ""
        end, start = start, _sentence_start(text, start - 1)
        sentence = text[start:end]
        if not _is_result(sentence):
            return ""
        if found := _last_period(sentence):
            opening = _OPENING_PERIOD.match(sentence)
            return found if opening and _last_period(opening[0]) == found else ""
    return ""


def _is_result(sentence: str) -> bool:
    return bool(_RESULT.search(sentence)) and not _NO_RESULT.search(sentence)


def _sentence_start(text: str, position: int) -> int:
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, max(position, 0))]
    return ends[-1] if ends else 0


def _last_period(stretch: str) -> str:
    plain = re.sub(r"《[^》]*》|（[^）]*）", _hide, stretch)
    plain = _BASE.sub(_hide, plain)
    own_clause = max((match.end() for match in _CLAUSE_END.finditer(plain)), default=0)
    if _TIMELESS.search(plain, own_clause):
        plain = plain[own_clause:] if not _UNTIL_NOW.search(plain) else plain
    found = ""
    end = -1
    for match in _STATED.finditer(plain):
        if _EMPTY.match(match[0]):
            continue
        between = plain[end : match.start()] if end >= 0 else ""
        period = match[0]
        if period[0] in "到至":
            if _OF_NUMBER.match(plain, match.end()):
                period = period[1:]
            elif _VERB_BEFORE.search(plain[: match.start()]):
                continue
        listed = bool(found) and _LISTED.fullmatch(between) is not None
        found, end = (f"{found}{between}{period}" if listed else period), match.end()
    return _OPENING_WORD.sub("", found)


def _hide(match: re.Match[str]) -> str:
    return "※" * len(match[0])
