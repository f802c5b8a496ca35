"""Verses: short lines that all end in a mark and are the author's, although a sentence runs over two."""

from __future__ import annotations

from collections.abc import Sequence

from policylens.data.layout.units import Unit

# A line of five or seven characters and its mark, with room for freer forms; two couplets at least. Lines
# that the edge of a column breaks end in a mark one time in eight: four in a row are no accident.
_MAX_CHARS, _MIN_LINES = 16, 4
_MARKS = "，。；？！、"


def mark_verses(units: Sequence[Unit]) -> None:
    """Mark the lines of a poem as paragraphs of their own, before broken sentences are joined."""
    run: list[Unit] = []
    for unit in units:
        if _is_verse(unit):
            run.append(unit)
            continue
        _mark(run)
        run = []
    _mark(run)


def _is_verse(unit: Unit) -> bool:
    plain = unit.undecided and unit.number is None and not unit.first.hint and unit.n_lines == 1
    return plain and len(unit.text) <= _MAX_CHARS and unit.text[-1] in _MARKS


def _mark(run: Sequence[Unit]) -> None:
    if len(run) >= _MIN_LINES:
        for unit in run:
            unit.kind, unit.whole = "body", True
