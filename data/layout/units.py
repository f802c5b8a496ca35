"""A unit: the lines that stand together as one stretch of a paragraph, and how their text is put together."""

from __future__ import annotations

import re
from dataclasses import dataclass

from policylens.data.layout.line_kinds import line_kind
from policylens.data.layout.lines import Line, bold_marks, ends_sentence, has_inner_end, starts_point
from policylens.data.layout.numbering import Numbering, is_numbered_heading, parse_numbering
from policylens.data.records import Hint, Kind

Span = tuple[int, int]

_MARKDOWN_HEADING = re.compile(r"(#{1,6})[ \t　]+(?=\S)")
_HINT_KINDS: dict[Hint, Kind] = {
    "heading": "heading",
    "table": "furniture",
    "caption": "caption",
    "furniture": "furniture",
}
# A heading without a number fits one line: 28 characters in GB/T 9704, some more on web pages. With a comma
# inside it is shorter, or it is a sentence that lost its end.
MAX_PLAIN_HEADING = 40
MAX_PLAIN_HEADING_WITH_COMMA = 32
_UNEVEN = 3  # characters
_CONNECTIVE = re.compile(r"——|──|而|但|其中|此外|同时|为此|因此|据|不过|然而|与此同时")


@dataclass(slots=True)
class Unit:
    """A stretch of text that is one paragraph or a piece of one.

    Attributes:
        spans: Its characters in `Document.text`, one span per line, bold and heading marks left out.
        text: The joined text of the spans.
        first: Its first line.
        last: Its last line.
        kind: What it is; None until that is known.
        number: The number that it begins with.
        level: Heading level that the format marks, 0 for none.
        bold: Whether figures in it carry `**` marks.
        title: Whether it is the title of the document.
        n_lines: How many lines of the source it holds.
        whole: Whether it is a line of its author's that goes on in no other, such as a verse or footnote.
    """

    spans: list[Span]
    text: str
    first: Line
    last: Line
    kind: Kind | None = None
    number: Numbering | None = None
    level: int = 0
    bold: bool = False
    title: bool = False
    n_lines: int = 1
    whole: bool = False

    @property
    def undecided(self) -> bool:
        """Whether its kind is still to be found from its neighbours."""
        return self.kind is None

    @property
    def loose(self) -> bool:
        """Whether it is undecided, unnumbered and could be a heading by its looks."""
        return self.kind is None and self.number is None and is_loose(self.text)

    @property
    def prose(self) -> bool:
        """Whether it reads as running text: body, or undecided and unlike a heading."""
        if self.kind is not None:
            return self.kind == "body"
        return not self.loose and not is_numbered_heading(self.text, self.number)

    def append(self, other: Unit) -> None:
        """Take over the text of the unit that continues this one."""
        self.text = join_text(self.text, other.text)
        self.number = parse_numbering(self.text) if self.number else None
        self.spans += other.spans
        self.last = other.last
        self.n_lines += other.n_lines
        self.bold = self.bold or other.bold


def is_loose(text: str) -> bool:
    """Whether a text is short and does not read as a sentence: heading, label, list entry or fragment."""
    parts = re.split(r"[，,]", text)
    limit = MAX_PLAIN_HEADING_WITH_COMMA if len(parts) > 1 else MAX_PLAIN_HEADING
    if len(text) > limit or ends_sentence(text) or has_inner_end(text):
        return False
    # Three parts of a heading are of about equal length (稳中求进，以进促稳，先立后破).
    lengths = [len(part) for part in parts]
    running = len(parts) > 2 and max(lengths) - min(lengths) >= _UNEVEN
    return not running and not (len(parts) > 1 and _CONNECTIVE.match(text))


def breaks_off(unit: Unit) -> bool:
    """Whether a text has no end, or only a semicolon after others, unlike an item of a list."""
    if not ends_sentence(unit.text):
        return True
    item = unit.number is not None or starts_point(unit.text)
    return unit.text.endswith("；") and has_inner_end(unit.text) and not item


def unit_of(line: Line) -> Unit:
    """The unit of a single line, with the kind that the line or the format shows."""
    start, level = line.start, line.level
    heading = _MARKDOWN_HEADING.match(line.text) if not line.hint else None
    if heading:
        start, level = line.start + heading.end(), len(heading[1])
    text = line.text[start - line.start :]
    plain = text.replace("**", "") or text
    kind = "heading" if heading else _HINT_KINDS.get(line.hint) or line_kind(plain)
    return Unit([(start, line.end)], text, line, line, kind, parse_numbering(plain), level)


def strip_bold(unit: Unit) -> None:
    """Leave balanced `**` marks out of the text and the spans of a unit, wherever its lines broke them."""
    marks = bold_marks(unit.text)
    if not marks:
        return
    unit.bold = any(
        any(char.isdigit() for char in unit.text[opening[1] : closing[0]])
        for opening, closing in zip(marks[::2], marks[1::2], strict=True)
    )
    without(unit, {position for start, end in marks for position in range(start, end)})


def without(unit: Unit, dropped: set[int]) -> None:
    """Leave the characters at the given positions of its text out of a unit and its spans."""
    unit.spans = _spans_without(unit, dropped)
    unit.text = "".join(char for position, char in enumerate(unit.text) if position not in dropped)


def _spans_without(unit: Unit, dropped: set[int]) -> list[Span]:
    """The spans of a unit without the characters at the given positions of its text."""
    spans: list[Span] = []
    position = 0
    for start, end in unit.spans:
        # A space that joined two Latin words stands in the text, not in the source.
        position += _joining_space(unit, position, spans)
        kept = [offset for offset in range(start, end) if position + offset - start not in dropped]
        position += end - start
        for offset in kept:
            if spans and spans[-1][1] == offset and offset > start:
                spans[-1] = (spans[-1][0], offset + 1)
            else:
                spans.append((offset, offset + 1))
    return spans


def _joining_space(unit: Unit, position: int, spans: list[Span]) -> int:
    total = sum(end - start for start, end in unit.spans)
    return int(bool(spans) and len(unit.text) > total and unit.text[position] == " ")


def join_text(left: str, right: str) -> str:
    """Join two pieces of a paragraph; a space goes in only where a line break separated two Latin words."""
    if not left or not right:
        return left + right
    end, start = left[-1], right[0]  # a soft hyphen is no Latin letter: nothing goes in after it
    latin_start = start.isascii() and (start.isalnum() or start in "(\"'")
    if latin_start and end.isascii() and end != "-" and not end.isspace():
        if end.isalpha() and start.isalpha():
            return f"{left} {right}"
        # Around digits and punctuation only English text has the space: Chinese lines break inside 1|2.5%.
        if left[-12:].isascii() and right[:12].isascii() and (end.isalpha() or start.isalpha()):
            return f"{left} {right}"
    return left + right
