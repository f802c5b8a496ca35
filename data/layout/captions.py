"""Captions that only the credit below them gives away: 12月28日，工人在拆除锅炉。 / 本报记者 X 摄."""

from __future__ import annotations

import re
from collections.abc import Sequence

from policylens.data.layout.line_kinds import is_credit
from policylens.data.layout.lines import ends_sentence
from policylens.data.layout.units import Unit

_MAX_CHARS = 90
_DATED = re.compile(r"(?:\d{4}年)?\d{1,2}月\d{1,2}日[，,]|(?:近日|日前|连日来)[，,]")


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
