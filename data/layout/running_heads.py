"""Heads and feet of pages: lines that come again at the edges of pages and belong to no paragraph."""

from __future__ import annotations

import re
from collections.abc import Sequence

from policylens.data.layout.line_kinds import is_page_number
from policylens.data.layout.units import Unit

_MAX_CHARS = 40
# The page number may stand in the head itself, apart from its words (某某规划　3, 3 | 某某规划).
_COUNTED = re.compile(r"(?:(\d{1,4})[\s|·—–\-]+)?(\S.{4,}?\S)(?:[\s|·—–\-]+(\d{1,4}))?$")


def mark_running_heads(units: Sequence[Unit]) -> None:
    """Mark the short lines that come again beside page breaks or page numbers, or that carry the number.

    This has to be known before wrapped lines are put together: a head inside a paragraph reads like its next
    line.

    Args:
        units: One unit a line.
    """
    beside: dict[str, list[Unit]] = {}
    counted: dict[str, list[tuple[int, Unit]]] = {}
    for index, unit in enumerate(units):
        if not unit.undecided or len(unit.text) > _MAX_CHARS or unit.prose or unit.first.hint:
            continue
        number, words = _count(unit.text)
        if number is not None:
            counted.setdefault(words, []).append((number, unit))
        elif _at_edge(units, index):
            beside.setdefault(unit.text, []).append(unit)
    for same in beside.values():
        _mark(same)
    for words, pages in counted.items():
        numbers = [number for number, _ in pages]
        if numbers == sorted(set(numbers)):
            _mark([unit for _, unit in pages], more=len(beside.get(words, ())))


def _at_edge(units: Sequence[Unit], index: int) -> bool:
    around = [*units[max(0, index - 1) : index], *units[index + 1 : index + 2]]
    below = units[index + 1 : index + 2]
    edge = units[index].first.page_break or any(other.first.page_break for other in below)
    return edge or any(is_page_number(other.text) for other in around)


def _count(text: str) -> tuple[int | None, str]:
    """The page number in a head and its words; None where there is no number at either end."""
    match = _COUNTED.match(text)
    if match is None or not (match[1] or match[3]) or (match[1] and match[3]):
        return None, text
    return int(match[1] or match[3]), match[2]


def _mark(same: Sequence[Unit], *, more: int = 0) -> None:
    if len(same) + more > 1:
        for unit in same:
            unit.kind = "furniture"
