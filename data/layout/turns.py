"""Stories that turn to another page: 下转第四版 where they break off, 上接第一版 where they go on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from policylens.data.layout.units import Unit, breaks_off

_TURN = re.compile(
    r"[（(]?(?:(?P<to>下转|紧接|转)|(?P<back>上接|接))"
    r"\s*第?\s*(?:[A-Z]?\d{1,2}|[一二三四五六七八九十]{1,3})\s*版.{0,12}[）)]?$"
)


def is_turn(text: str) -> bool:
    """Whether a line says on which page a story goes on or began."""
    return bool(_TURN.match(text))


def join_turned(units: list[Unit]) -> list[Unit]:
    """Join a paragraph that breaks off above 下转 with its second half, the text below 上接.

    Where several stories turn, the marks say too little about which belong together, unless each comes back
    before the next turns.

    Returns:
        The units without the second halves.
    """
    joined = list(units)
    turned: Unit | None = None  # the piece that goes on elsewhere
    open_marks = 0
    for index, unit in enumerate(units):
        match = _TURN.match(unit.text) if unit.kind == "furniture" else None
        if match is None:
            continue
        if match["to"]:
            open_marks += 1
            turned = _before(units, index) if open_marks == 1 else None
            continue
        second = _after(units, index)
        if turned is not None and second is not None:
            turned.kind = "body"
            turned.append(second)
            joined = [other for other in joined if other is not second]
        turned, open_marks = None, 0
    return joined


def _before(units: Sequence[Unit], index: int) -> Unit | None:
    unit = units[index - 1] if index else None
    running = unit is not None and unit.prose and not unit.whole and breaks_off(unit)
    return unit if running else None


def _after(units: Sequence[Unit], index: int) -> Unit | None:
    unit = units[index + 1] if index + 1 < len(units) else None
    running = unit is not None and unit.prose and not unit.whole and unit.number is None
    return unit if running else None
