"""Text in the cells of CSV files, which people open in spreadsheets: no text may become a formula there."""

from __future__ import annotations

import re

# What makes a spreadsheet take a cell for a formula, also behind a tab or line end, and as full-width
# characters where the input method is Chinese or Japanese. Reading turns a carriage return into a line feed,
# so that both are marked. Source: OWASP, CSV Injection.
_FORMULA = re.compile(r"[=+\-@＝＋－＠\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?%?")
# How spreadsheets themselves mark a cell as text.
_MARK = "'"


def as_cell(text: str) -> str:
    """The text as a cell of a CSV file: with an apostrophe before it where it could be taken for a formula.

    `from_cell` gives the text back. Plain numbers stay as they are.
    """
    return _MARK + text if _is_formula(text) else text


def from_cell(cell: str) -> str:
    """The text of a cell: without the apostrophe that marks what looks like a formula as text."""
    return cell[1:] if cell.startswith(_MARK) and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    # A text that begins with an apostrophe and then looks like a formula gets one more, or reading takes it.
    return _FORMULA.match(text.lstrip(_MARK)) is not None and _NUMBER.fullmatch(text) is None
