"""The time that a number is of: 截至11月末, 2024年1—10月, 上半年."""

from __future__ import annotations

import re

PERIOD = (
    r"(?:截至|截止|到|至|自|从|预计|在)?(?:"
    r"目前|当前|近年来|近几年|今年|去年|当年|全年|同期|上半年|下半年|年内|每年|前[\d一二两三四五六七八九十]+个月|(?:前)?[一二三四]季度|前[一二三四]季度|"
    r"“?十[一二三四五六]五”?(?:以来|期间|时期|末)?(?!”|规划|纲要|开局|收官|重[点大])|\d{4}(?:[—\-–至]\d{4})?年|"
    r"\d{1,2}(?:[—\-–至]\d{1,2})?月份?|\d{1,2}日)"
    r"(?:底|末|初|前|上旬|中旬|下旬|以来|期间|来|间|起)*"
)
# What the number is compared with ("比2020年增长") is not its own time; neither is a plan's name.
_STATED = re.compile(rf"(?<![比较与同于\d])(?:{PERIOD})+(?!同期|基础|水平|版|规划|计划|度|产|级)")
# These point to another period that the words before name; alone they say nothing.
_EMPTY = re.compile(r"^(?:在|从|自)?(?:同期|每年|当年|预计)$")
_SENTENCE_END = re.compile(r"[。！？\n]")
_CARRIES_ON = re.compile(r"^\s*(?:其中|分[^，]{1,6}看)[，,]")
_OPENING_WORD = re.compile(r"^(?:预计|在)")


def period_before(text: str, position: int) -> str:
    """The time named last before a number in its sentence.

    A sentence that begins with 其中 speaks of the time of the sentence before it.

    Args:
        text: The paragraph.
        position: Where the number starts, in characters.

    Returns:
        The words as written, without a leading 在 or 预计; "" where none is named.
    """
    start = _sentence_start(text, position)
    while True:
        if found := _last_period(text[start:position]):
            return found
        if start == 0 or not _CARRIES_ON.match(text[start:position]):
            return ""
        position, start = start, _sentence_start(text, start - 1)


def _sentence_start(text: str, position: int) -> int:
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, max(position, 0))]
    return ends[-1] if ends else 0


def _last_period(stretch: str) -> str:
    plain = re.sub(r"《[^》]*》|（[^）]*）", lambda match: "※" * len(match[0]), stretch)
    found = [match[0] for match in _STATED.finditer(plain) if not _EMPTY.match(match[0])]
    return _OPENING_WORD.sub("", found[-1]) if found else ""
