"""Captions that only their words or the credit below them give away: 工人在拆除锅炉 / 本报记者 X 摄."""

from __future__ import annotations

import re
from collections.abc import Sequence

from policylens.data.layout.line_kinds import is_credit
from policylens.data.layout.lines import ends_sentence
from policylens.data.layout.units import Unit

_MAX_CHARS = 90
_DATED = re.compile(r"(?:\d{4}年)?\d{1,2}月\d{1,2}日[，,]|(?:近日|日前|连日来)[，,]")

# What pictures show and headings do not say: people or machines in the middle of doing something.
_WHO = (
    "工人|职工|员工|技术员|技术人员|工程师|工作人员|科研人员|执法人员|民警|交警|消防员|医生|护士|医护人员|志愿者|驾驶员|快递员|村民|农民|农户|果农|菜农"
    "|茶农|渔民|牧民|居民|游客|市民|群众|观众|顾客|客商|学生|学员|老师|孩子|老人|机械臂|机器人|无人机|收割机|列车|货轮|集装箱"
)
_SCENE = re.compile(rf".{{0,16}}(?:正在|正).{{2,}}|.{{0,16}}(?:{_WHO})们?在.{{2,}}")
_DECLARES = re.compile(r"正(?:式|确|当|义|能量|视|规|增长|道|气|风|面)")


def is_scene(text: str) -> bool:
    """Whether a short text says who is doing what in a picture (工人在装配线上调试机械臂)."""
    return bool(_SCENE.match(text)) and not _DECLARES.search(text)


def mark_credited_captions(units: Sequence[Unit]) -> None:
    """Mark the line above a bare credit as a caption, where it stands apart or inside a broken sentence.

    A credit alone is no evidence: it may stand below a picture that cuts a paragraph.
    """
    above: Unit | None = None  # the last running text
    for index, unit in enumerate(units[:-1]):
        credit = units[index + 1]
        if unit.undecided and credit.kind == "caption" and is_credit(credit.text) and _fits(unit):
            below = units[index + 2] if index + 2 < len(units) else None
            apart = credit.first.gap == 0 < unit.first.gap and (below is None or below.first.gap > 0)
            inside = above is not None and above.prose and not ends_sentence(above.text)
            cuts = inside and ends_sentence(unit.text) and bool(_DATED.match(unit.text))
            if apart or cuts:
                unit.kind = "caption"
                continue
        if unit.kind in (None, "body"):
            above = unit


def _fits(unit: Unit) -> bool:
    return len(unit.text) <= _MAX_CHARS and unit.number is None and not unit.first.hint
