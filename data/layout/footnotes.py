"""Footnotes: lines that begin with a mark which the text above carries at the end of a word (九成四①。)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from policylens.data.layout.units import Unit

_MARK = r"[①-⑳]|[\[［〔]\d{1,2}[\]］〕]"
_NOTE = re.compile(rf"(?:注\s*[:：]\s*)?({_MARK})(?=\s*\S)")
# The mark of an item stands before its words, that of a reference before a punctuation mark or at the end.
_REFERENCE = re.compile(rf"(?<=\S)({_MARK})(?=[，。；、：！？）”》]|$)")


def mark_footnotes(units: Sequence[Unit]) -> None:
    """Mark the footnotes, before they are taken for the next line of a paragraph that a page break cuts.

    Args:
        units: One unit a line.
    """
    referred: set[str] = set()
    for unit in units:
        note = _NOTE.match(unit.text)
        if note and unit.undecided and not unit.first.hint and _digits(note[1]) in referred:
            unit.kind, unit.whole = "furniture", True
            continue
        referred.update(_digits(mark) for mark in _REFERENCE.findall(unit.text))


def _digits(mark: str) -> str:
    return mark.strip("[]［］〔〕")
