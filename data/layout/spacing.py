"""Stray spaces inside words (工 业), as character recognition leaves them, and invisible characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from policylens.data.layout.line_kinds import line_kind
from policylens.data.layout.numbering import parse_numbering
from policylens.data.layout.units import Unit, without

# Spaces set on purpose (第一章　总则, 本报记者 某某) are rare: below 1 % of the neighbouring characters
# on pages that are not recognised, 3 to 50 % on those that are.
_MIN_SHARE, _MIN_SPACES = 0.02, 10
_HAN = r"[\u4e00-\u9fff]"
_PAIR = re.compile(rf"(?<={_HAN}) ?(?={_HAN})")
# Between Chinese characters, and beside their punctuation; Latin words keep their spaces.
_STRAY = re.compile(
    rf"(?<={_HAN}) (?={_HAN})|(?<=[，。、；：！？”’）》]) | (?=[，。、；：！？”’）》])|(?<=[“‘（《]) "
)
# Hyphens and joiners that are not printed, zero-width spaces, byte-order marks.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]+")


def close_up_characters(units: Sequence[Unit]) -> None:
    """Leave stray spaces out where a document is full of them; see what a line is past invisible characters.

    Args:
        units: One unit a line.
    """
    stray = _has_stray_spaces(units)
    for unit in units:
        dropped = {match.start() for match in _STRAY.finditer(unit.text)} if stray else set()
        if dropped:
            without(unit, dropped)
        plain = _INVISIBLE.sub("", unit.text.replace("**", ""))
        if plain and (dropped or plain != unit.text) and unit.kind != "heading" and not unit.first.hint:
            unit.kind, unit.number = line_kind(plain), parse_numbering(plain)


def _has_stray_spaces(units: Sequence[Unit]) -> bool:
    pairs = spaces = 0
    for unit in units:
        found = _PAIR.findall(unit.text)
        pairs += len(found)
        spaces += sum(map(bool, found))
    return spaces >= _MIN_SPACES and spaces >= _MIN_SHARE * pairs
