"""Hard-wrapped lines put together again: where the line breaks are the layout's, not the author's."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from policylens.data.layout.footnotes import mark_footnotes
from policylens.data.layout.line_kinds import is_addressees, is_dateline, is_page_number, line_kind
from policylens.data.layout.lines import (
    Line,
    display_width,
    ends_sentence,
    has_inner_end,
    is_bullet,
    starts_point,
)
from policylens.data.layout.numbering import is_numbered_heading
from policylens.data.layout.openings import counts_on_inside, is_parallel, opens_paragraph
from policylens.data.layout.running_heads import mark_running_heads
from policylens.data.layout.spacing import close_up_characters
from policylens.data.layout.turns import is_turn
from policylens.data.layout.units import Unit, is_loose, strip_bold, unit_of

Pairs = list[tuple[Line, Line]]

# Half-width columns. The narrowest newspaper column holds 10 characters; "lines" over 90 are paragraphs.
_MIN_WIDTH, _MAX_WIDTH = 20, 180
# Kinsoku rules move up to two characters to the next line, proportional digits shift the edge by another.
_SLACK, _SLACK_RATIO = 4, 0.1
# Shares that a hard-wrapped text has at least: of lines that reach the edge, and of lines that reach it
# without ending a sentence. Paragraphs on one line each reach no common edge and end their sentences.
_MIN_FULL, _MIN_OPEN = 0.4, 0.25
# Lines whose width is measured together: about one column of a page, as columns differ in width.
_REGION = 60
_MIN_REGION = 8
_MIN_STARTS = 3  # paragraphs that have to be seen to begin with an indent or without one
# Numbers of parts, chapters, articles, 一、 and （一） (numbering.py) begin a line only with a paragraph.
_NEVER_INSIDE, _CHAPTERS = 15, 12
_INNER_MARK = re.compile(r"[，、。；：！？,;.](?=.)")
# What a line break keeps together: a Latin word, or a character with the marks around it.
_TOKEN = re.compile(r"[“‘（《「『【]*(?:[A-Za-z0-9.,%+\-/]+|.)[，。、；：！？”’）》」』】…]*")
# Text of short lines and few long ones: lines that end at one edge are wrapped if none passes it. Below 28
# characters (GB/T 9704) that may be chance, unless indents mark the paragraphs.
_MIN_EDGE, _EDGE_WIDTH, _STRAYS = 2, 56, 0.1
# The two halves of a headline (稳住基本盘 打开新空间); running text has no space inside,
# but after 本报讯 and the like.
_HALVES = re.compile(r"[\u4e00-\u9fff“”《》]{5,16}[ \u3000]+[\u4e00-\u9fff“”《》]{5,16}")
_PARENTHESIS = re.compile(r"[（(][^（）()]*[）)]$")


@dataclass(frozen=True, slots=True)
class Wrap:
    """The layout of a hard-wrapped text.

    Attributes:
        width: Width of a full line in half-width columns.
        base: Indent of lines that continue a paragraph, in half-width columns.
        indented: Whether paragraphs begin with an indent.
        spaced: Whether blank lines stand between paragraphs.
        sharp: Width that nearly every line which the edge breaks inside a sentence reaches with the first
            word of the next line.
    """

    width: int
    base: int
    indented: bool
    spaced: bool
    sharp: int


def unwrap(lines: Sequence[Line]) -> list[Unit]:
    """Put the lines of hard-wrapped paragraphs together; other lines stay units of their own."""
    lines = _close_up(lines)
    units = [unit_of(line) for line in lines]
    close_up_characters(units)
    mark_running_heads(units)
    mark_footnotes(units)
    whole = _measure(units)
    joined = _merge_hinted(units if whole is None else _join_lines(units, whole))
    for unit in joined:
        strip_bold(unit)
    return joined


def _join_lines(units: list[Unit], whole: Wrap) -> list[Unit]:
    joined: list[Unit] = []
    current: Unit | None = None  # the paragraph that the next line may continue
    through_page = False
    following: list[Line | None] = [*(unit.first for unit in units[1:]), None]
    for unit, wrap, below in zip(units, _local_wraps(units, whole), following, strict=True):
        if through_page and current is not None and _is_head_inside(current, unit, below, wrap):
            unit.kind = "furniture"
        if current is not None and _continues(current, unit, below, wrap, through_page=through_page):
            current.append(unit)
            if current.kind in ("furniture", "byline"):
                current.kind = line_kind(current.text.replace("**", ""))
            through_page = False
            continue
        joined.append(unit)
        if unit.kind == "furniture" and is_turn(unit.text):
            current, through_page = None, False
            continue
        if unit.kind == "furniture" and _page_edge(unit) and not _is_label(unit):
            through_page = current is not None
            continue
        through_page = False
        running = unit.kind in (None, "caption") or _is_label(unit) or is_dateline(unit.text)
        current = unit if running and not unit.first.hint else None
    return joined


def _is_head_inside(current: Unit, unit: Unit, below: Line | None, wrap: Wrap) -> bool:
    """Whether a line below a page number stands inside a broken sentence, but is too short to be of it."""
    if ends_sentence(current.text) or not unit.loose or below is None or unit.first.hint:
        return False
    broken = _is_full(current.last, unit.first, wrap.width) and not current.loose
    return broken and not _is_full(unit.first, below, wrap.width)


def _is_label(unit: Unit) -> bool:
    """Whether a line is furniture for its first words (说明：, 地址：), which may begin a paragraph too."""
    return unit.kind == "furniture" and bool(re.match(r"[\u4e00-\u9fff]{1,8}[:：]", unit.text))


def _close_up(lines: Sequence[Line]) -> list[Line]:
    """Take out the blank lines of a double-spaced text, where one stands between all its wrapped lines."""
    gaps = [line.gap for line in lines[1:]]
    if len(gaps) < 8 or sum(gap == 1 for gap in gaps) < 0.8 * len(gaps):
        return list(lines)
    closer = [replace(line, gap=max(0, line.gap - 1)) for line in lines]
    wrap = _measure([unit_of(line) for line in closer])
    return closer if wrap is not None else list(lines)


def _merge_hinted(units: list[Unit]) -> list[Unit]:
    """A heading that the format marks is one heading, on however many lines it stands."""
    merged: list[Unit] = []
    for unit in units:
        same_block = merged and merged[-1].first.block == unit.first.block >= 0
        if same_block and unit.first.hint == "heading":
            merged[-1].append(unit)
        else:
            merged.append(unit)
    return merged


def _page_edge(unit: Unit) -> bool:
    return is_page_number(unit.text) or unit.first.page_break or (unit.n_lines == 1 and len(unit.text) <= 30)


def _pairs(units: Sequence[Unit]) -> Pairs:
    """Neighbouring lines without a blank line between, as far as they may be running text."""
    pairs: Pairs = []
    for a, b in itertools.pairwise(units):
        running = (a.kind is None or _is_label(a)) and b.kind is None
        if running and b.first.gap == 0 and a.first.block == b.first.block:
            if not a.first.hint and (b.number is None or not is_numbered_heading(a.text, a.number)):
                pairs.append((a.first, b.first))
    return pairs


def _measure(units: Sequence[Unit]) -> Wrap | None:
    pairs = _pairs(units)
    if not pairs:
        return None
    widths = sorted(a.width + a.indent for a, _ in pairs)
    width = widths[int(0.9 * (len(widths) - 1))]
    if not _MIN_WIDTH <= width <= _MAX_WIDTH:
        return None
    full = [(a, b) for a, b in pairs if _is_full(a, b, width)]
    broken = [(a, b) for a, b in full if not ends_sentence(a.text)]
    # Labels, names and verses of equal length fill no sentence: running text has punctuation inside.
    inside = sum(bool(_INNER_MARK.search(a.text)) for a, _ in broken)
    whole = sum(ends_sentence(b.text) or has_inner_end(b.text) for _, b in pairs)
    if not broken or inside < 0.3 * len(broken) or not whole:
        return None
    indents = [a.indent for a, _ in pairs]
    shallow = sum(indent < 2 for indent in indents)
    base = 0 if shallow >= 0.15 * len(indents) else min(indents)
    indented = _is_indented(units, width, base)
    mostly = len(full) >= _MIN_FULL * len(pairs) and len(broken) >= _MIN_OPEN * len(pairs)
    if not mostly and not _has_edge(pairs, broken, width, base, indented=indented):
        return None
    reached = sorted(_reach(a, b, width) for a, b in broken)
    return Wrap(
        width, base, indented,
        spaced=_is_spaced(units, width),
        sharp=reached[int(0.1 * (len(reached) - 1))],
    )  # fmt: skip


def _starts(units: Sequence[Unit], width: int) -> list[Unit]:
    """The lines that certainly begin a paragraph of text: the one before ends early, or is set apart."""
    return [
        b
        for a, b in itertools.pairwise(units)
        if a.kind is None
        and b.kind is None
        and ends_sentence(a.text)
        and (b.first.gap > 0 or not _is_full(a.first, b.first, width))
    ]


def _is_spaced(units: Sequence[Unit], width: int) -> bool:
    """Whether blank lines stand between paragraphs; around headings and pictures alone they say nothing."""
    starts = [unit.first.gap > 0 for unit in _starts(units, width)]
    if len(starts) >= _MIN_STARTS:
        return 2 * sum(starts) >= len(starts)
    return sum(unit.first.gap > 0 for unit in units[1:]) >= 0.05 * len(units)


def _is_indented(units: Sequence[Unit], width: int, base: int) -> bool:
    """Whether paragraphs begin with an indent: those after a line that ends early, unless there are none.

    A centred title or signature alone is no sign of it.
    """
    starts = [unit.first.indent >= base + 2 for unit in _starts(units, width)]
    if len(starts) >= _MIN_STARTS:
        return 2 * sum(starts) >= len(starts)
    deep = sum(unit.first.indent >= base + 2 for unit in units if unit.kind is None)
    return deep >= max(1, 0.03 * len(units))


def _has_edge(pairs: Pairs, broken: Pairs, width: int, base: int, *, indented: bool) -> bool:
    """Whether several lines break at one edge, hardly any passes it, and hardly any breaks before it."""
    if len(broken) < _MIN_EDGE or not (indented or width >= _EDGE_WIDTH):
        return False
    if any(b.indent >= base + 2 for _, b in broken):
        return False
    limit = width + _SLACK
    beyond = sum(a.width + a.indent > limit for a, _ in pairs)
    early = sum(not (ends_sentence(a.text) or is_loose(a.text) or _is_full(a, b, width)) for a, b in pairs)
    return beyond + early <= _STRAYS * len(pairs)


def _local_wraps(units: Sequence[Unit], whole: Wrap) -> Iterable[Wrap]:
    """For each unit the layout around it: that of its region where one can be measured."""
    for start in range(0, len(units), _REGION):
        region = units[start : start + _REGION]
        local = _measure(region) if len(region) >= _MIN_REGION else None
        wrap = replace(whole, width=local.width, sharp=local.sharp) if local else whole
        for _ in region:
            yield wrap


def _is_full(a: Line, b: Line, width: int) -> bool:
    """Whether line `a` was broken by the edge of the page: the first word of `b` would not have fitted."""
    return _reach(a, b, width) > width - max(_SLACK, int(_SLACK_RATIO * width))


def _reach(a: Line, b: Line, width: int) -> int:
    """Width of line `a` with the first word of line `b`, in half-width columns."""
    token = _TOKEN.match(b.text)
    return a.width + a.indent + (min(display_width(token[0]), width // 2) if token else 2)


def _continues(current: Unit, unit: Unit, below: Line | None, wrap: Wrap, *, through_page: bool) -> bool:
    a, b = current.last, unit.first
    if b.block != a.block or unit.first.hint or (b.gap > 0 and not through_page):
        return False
    if b.indent >= wrap.base + 2 or not _is_full(a, b, wrap.width):
        return False
    if _has_halves(current) or (_has_halves(unit) and ends_sentence(current.text)):
        return False
    broken = not ends_sentence(current.text) and not _PARENTHESIS.match(current.text)
    if unit.kind is not None and not (broken and not unit.whole and _is_end_of_sentence(unit)):
        return False
    if current.kind is not None and not is_dateline(current.text):
        return broken and not through_page
    if broken:  # even where the next line begins with a number: the sentence is open
        return not _is_chapter(unit) and not _follows_title(current, unit)
    if (unit.number is not None and unit.number.rank <= _NEVER_INSIDE) or is_bullet(unit.text):
        return False
    if not ends_sentence(b.text) and (below is None or not _is_full(b, below, wrap.width)):
        return False  # a short line without an end after a whole sentence: a heading
    if wrap.indented:
        return True
    if unit.number is not None or (not wrap.spaced and _opens(unit.text, current.text)):
        return False
    if through_page and not current.text.endswith(("；", ";")):
        return False
    # Without indents or blank lines only the width tells the end of a paragraph from a full stop at the edge.
    return wrap.spaced or _reach(a, b, wrap.width) >= wrap.sharp


def _has_halves(unit: Unit) -> bool:
    return unit.n_lines == 1 and unit.loose and bool(_HALVES.fullmatch(unit.text))


def _opens(text: str, above: str) -> bool:
    """Whether the words of a line say that it begins a paragraph, where its place does not."""
    if counts_on_inside(text, above):
        return False
    return opens_paragraph(text) or is_parallel(text, above)


def _follows_title(current: Unit, unit: Unit) -> bool:
    """Whether a line begins anew below an open one: addressees below a title, the next point of a list."""
    if is_addressees(unit.text):
        return not has_inner_end(current.text)
    return current.text[-1].isalnum() and starts_point(unit.text)


def _is_chapter(unit: Unit) -> bool:
    """Whether a line is the heading of a part, chapter or section (第三章　法律责任)."""
    number = unit.number
    return number is not None and number.rank <= _CHAPTERS and is_numbered_heading(unit.text, number)


def _is_end_of_sentence(unit: Unit) -> bool:
    """Whether a line that looks like furniture (电话：…, 邮编：…) closes a sentence."""
    ends = unit.text.endswith(("。", "；", "）", "，", "”"))
    return unit.kind == "furniture" and ends and not is_turn(unit.text)
