"""Which of the undecided lines are headings, and the headings that each paragraph stands under."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median_low

from policylens.data.layout.captions import is_scene
from policylens.data.layout.line_kinds import AGENCY
from policylens.data.layout.lines import is_bullet, starts_point
from policylens.data.layout.names import is_name
from policylens.data.layout.numbering import is_numbered_heading
from policylens.data.layout.units import MAX_PLAIN_HEADING, Unit, is_loose

# Three headings may stand above each other (title, section, first subsection); longer runs of short lines are
# lists, menus or the cells of a table.
_MAX_RUN = 3
_MIN_HEADING_CHARS = 2
_MIN_TITLE = 5  # a heading that an author's name may stand below
_MAX_LABEL = 16  # a longer line with nothing below it is a sentence without its full stop
_MAX_DIVIDED = 28  # characters, a line of GB/T 9704
_RELATED = re.compile(r"(?:相关|延伸|推荐|热门)(?:链接|阅读|新闻|稿件|文章)[:：]?$")
_TABLE_NAME = re.compile(r"(?:表|清单|名单|目录|一览)$")
_PICTURE_GAP = 2  # blank lines more than usual that a picture leaves where it stood
_PLAIN_RANK = 9.5  # below the levels that a format marks (1 to 9), above all numbers (10 and more)


def decide_headings(units: Sequence[Unit]) -> None:
    """Give every undecided unit its kind: heading, body, caption or furniture."""
    _mark_decks(units)
    _mark_related(units)
    for index, unit in enumerate(units):
        if unit.undecided and unit.prose:
            signed = _signs(units[index + 1 : index + 6])
            heads = _is_question(unit) and (signed or _is_headline(units, index))
            heads = heads or _is_divided(units, index)
            unit.kind = "heading" if heads else "body"
        elif unit.undecided and starts_point(unit.text):
            unit.kind = "body"
    _decide_numbered(units)
    _decide_captions(units)
    run: list[Unit] = []
    after_colon = signed = False
    for unit in units:
        if unit.undecided:
            run.append(unit)
        elif unit.kind == "byline":
            signed = True
        elif unit.kind in ("body", "heading"):
            _decide_run(run, followed=True, listed=after_colon and not signed)
            run, signed = [], False
            after_colon = unit.kind == "body" and unit.text.endswith(("：", ":"))
    _decide_run(run, followed=False, listed=after_colon)


def _is_question(unit: Unit) -> bool:
    """Whether a short line asks or exclaims and could stand above a byline (绿色转型，钱从哪里来？)."""
    text = unit.text
    return unit.number is None and text[-1] in "？！?!" and is_loose(text[:-1]) and unit.n_lines <= 2


def _mark_decks(units: Sequence[Unit]) -> None:
    """Lines with a list mark between a headline and the byline of a story sum it up: headings, no list."""
    deck: list[Unit] = []
    above: Unit | None = None
    for index, unit in enumerate(units):
        if unit.undecided and is_bullet(unit.text) and is_loose(unit.text):
            deck.append(unit)
            continue
        headed = above is not None and above.kind in (None, "heading") and is_loose(above.text)
        if headed and unit.kind == "byline" and _signs(units[index : index + 5]) and len(deck) <= _MAX_RUN:
            for line in deck:
                line.kind = "heading"
        above, deck = unit, []


def _mark_related(units: Sequence[Unit]) -> None:
    """The titles of other stories that a page lists below 相关新闻 are furniture as that line is."""
    listing = False
    for unit in units:
        if unit.kind == "furniture" and _RELATED.match(unit.text):
            listing = True
        elif listing and unit.undecided and is_bullet(unit.text) and is_loose(unit.text):
            unit.kind = "furniture"
        else:
            listing = False


def _is_divided(units: Sequence[Unit], index: int) -> bool:
    """Whether a numbered line with a colon inside stands apart as no paragraph does (一、民生账：降了水费).

    Without the white space it could be an item: 一、申报时间：即日起至月底。
    """
    unit, below = units[index], next(iter(units[index + 1 :]), None)
    if unit.number is None or unit.number.style not in ("han", "paren_han") or below is None:
        return False
    spaced = unit.first.gap > 0 and below.first.gap > 0 and below.number is None
    name, colon, rest = unit.number.title.partition("：")
    short = colon and 2 <= len(name) <= 8 and is_loose(rest) and len(unit.text) <= _MAX_DIVIDED
    return bool(spaced and short and below.prose) and _usual_gap(units) == 0


def _usual_gap(units: Sequence[Unit]) -> int:
    """Blank lines before a paragraph of text below another one."""
    plain = [unit.prose and unit.number is None for unit in units]
    gaps = [units[i].first.gap for i in range(1, len(units)) if plain[i - 1] and plain[i]]
    return median_low(gaps) if gaps else 1


def _signs(below: Sequence[Unit]) -> bool:
    """Whether a byline follows and text below it: at the end of a story the byline closes it."""
    rest = [unit for unit in below if unit.kind != "caption"]
    text = next((unit for unit in rest if unit.kind != "byline"), None)
    return bool(rest) and rest[0].kind == "byline" and text is not None and text.prose


def _is_headline(units: Sequence[Unit], index: int) -> bool:
    """Whether a short line that asks or exclaims is the first of the page, above a date or longer text."""
    if any(unit.kind not in ("furniture", "byline") for unit in units[:index]):
        return False
    rest = units[index + 1 :]
    below = next((unit for unit in rest if unit.kind not in ("furniture", "byline", "caption")), None)
    if below is None:
        return False
    return below is not rest[0] or below.loose or len(below.text) > MAX_PLAIN_HEADING


def mark_names(units: Sequence[Unit]) -> None:
    """Mark the bare name of an author between a plain heading and its text; a date may stand beside it."""
    flow = [unit for unit in units if unit.kind != "furniture"]
    for above, unit, below in zip(flow, flow[1:], flow[2:], strict=False):
        headed = above.number is None and above.kind in (None, "heading") and is_loose(above.text)
        reads = below.prose or below.number is not None or below.kind == "byline"
        if unit.loose and headed and reads and len(above.text) >= _MIN_TITLE and is_name(unit.text):
            unit.kind = "byline"


def _decide_captions(units: Sequence[Unit]) -> None:
    """On a page with signed headings, find the captions among the unsigned short lines.

    What tells them is a wide gap above, where the picture was, or words that show somebody at work.
    """
    usual = median_low([unit.first.gap for unit in units]) if units else 0
    signed = [any(below.kind == "byline" for below in units[i + 1 : i + 4]) for i in range(len(units))]
    if not any(_may_head(unit) and mark for unit, mark in zip(units, signed, strict=True)):
        return
    for index, unit in enumerate(units):
        if index == 0 or not unit.loose:
            continue
        wide = unit.first.gap >= usual + _PICTURE_GAP
        below_heading = _may_head(units[index - 1])
        shows = is_scene(unit.text) and not signed[index]
        if shows or (wide and (below_heading or not signed[index])):
            unit.kind = "caption"


def _may_head(unit: Unit) -> bool:
    return unit.kind in (None, "heading") and unit.number is None and is_loose(unit.text)


def _decide_numbered(units: Sequence[Unit]) -> None:
    """A short numbered line is a heading, but short lines that count on without text between are a list."""
    flow = [unit for unit in units if unit.kind in (None, "body", "heading")]
    listed = [False] * len(flow)
    for index in range(len(flow) - 1):
        if _counts_on(flow[index], flow[index + 1]):
            listed[index] = True
            listed[index + 1] = listed[index + 1] or not _introduces(flow, index + 1)
    for index, unit in enumerate(flow):
        if unit.undecided and unit.number is not None:
            last = index == len(flow) - 1
            is_item = (listed[index] or last) and unit.number.rank > 12
            unit.kind = "body" if is_item else "heading"


def _counts_on(a: Unit, b: Unit) -> bool:
    if a.number is None or b.number is None or not a.undecided:
        return False
    return a.number.style == b.number.style and a.number.rank > 12 and b.number.value == a.number.value + 1


def _introduces(flow: Sequence[Unit], index: int) -> bool:
    """Whether text of a lower level follows, as after the last heading of a chain without text."""
    if index + 1 >= len(flow):
        return False
    unit, after = flow[index], flow[index + 1]
    if not unit.undecided or not is_numbered_heading(unit.text, unit.number) or unit.number is None:
        return False
    return after.number is not None and after.number.rank > unit.number.rank


def _decide_run(run: list[Unit], *, followed: bool, listed: bool) -> None:
    """Decide neighbouring short lines together.

    Args:
        run: The undecided units between two decided ones.
        followed: Whether text follows them.
        listed: Whether a line that ends in a colon stands before them.
    """
    for unit in run:
        unit.kind = "body" if is_bullet(unit.text) or listed else None
    rest = [unit for unit in run if unit.undecided]
    for unit in rest:
        # A lone character or a number is a drop capital, a cell or a counter.
        unit.kind = "heading" if followed and _can_head(unit.text) else "furniture"
    if not followed and len(rest) <= 2:
        for unit in rest:
            name = AGENCY.search(unit.text) or _TABLE_NAME.search(unit.text)
            if len(unit.text) > _MAX_LABEL and not name:
                unit.kind = "body"
    heads = [unit for unit in rest if unit.kind == "heading"]
    if len(heads) > _MAX_RUN:
        for unit in heads[:-1]:
            unit.kind = "furniture"


def _can_head(text: str) -> bool:
    letters = re.sub(r"[\W\d_]+", "", text)
    return len(letters) >= _MIN_HEADING_CHARS


def heading_paths(units: Sequence[Unit]) -> list[tuple[str, ...]]:
    """For each unit the headings that it stands under, outermost first, without the document's title."""
    paths: list[tuple[str, ...]] = []
    stack: list[Unit] = []
    for unit in units:
        if unit.title:
            paths.append(())
            continue
        if unit.kind == "heading":
            while stack and _rank(stack[-1]) >= _rank(unit):
                stack.pop()
        elif unit.kind == "body":
            _close_counted(stack, unit)
        paths.append(tuple(heading.text for heading in stack))
        if unit.kind == "heading":
            stack.append(unit)
    return paths


def _close_counted(stack: list[Unit], unit: Unit) -> None:
    """A paragraph that counts on from a heading, as （二）… after （一）, no longer stands under it."""
    number = unit.number
    if number is None:
        return
    for depth, heading in enumerate(stack):
        counted = heading.number
        if counted and counted.style == number.style and counted.value + 1 == number.value:
            del stack[depth:]
            return


def _rank(unit: Unit) -> float:
    if unit.level:
        return float(unit.level)
    return unit.number.rank if unit.number is not None else _PLAIN_RANK
