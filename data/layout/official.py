"""The parts of official letters, laws and reports: title, addressees, attachments, signature, contents.

Source: GB/T 9704-2012 (layout of official documents of Party and state organs).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from policylens.data.layout.line_kinds import (
    ADOPTION_NOTE,
    AGENCY,
    ATTACHMENT,
    DATE_LINE,
    DOCUMENT_NUMBER,
    is_addressees,
)
from policylens.data.layout.lines import ends_sentence
from policylens.data.layout.numbering import is_numbered_heading
from policylens.data.layout.units import Unit

_CONTENTS = re.compile(r"目\s*[录次]$|contents$", re.IGNORECASE)
_LEADER = re.compile(r"(?:[.．…·‥]{2,}|\s{2,}|[（(])\s*\d{1,4}[)）]?\s*$|[.．…·‥]{4,}")
# What the name of an official text ends with (GB/T 9704-2012, 7.3.1, and the kinds of 立法法).
_DOCUMENT_TYPE = re.compile(
    r"(?:通知|通告|通报|意见|方案|办法|条例|规定|决定|决议|公告|公报|命令|批复|议案|报告|请示|复函|函|纪要|纲要|规划|计划|细则|规则|规程|措施|要点|指南"
    r"|指引|目录|规范|制度|章程|准则|法|讲话|致辞|倡议书|白皮书|清单|预案|答复|草案|提案|令|总结)"
    r"(?:\s*[（(〔][^（）()]{1,30}[）)〕])*$"
)
_RED_HEAD = re.compile(r".{2,40}(?:文\s*件|公\s*报|部令|局令)$")
_MAX_TITLE_LINE, _MAX_TITLE_LINES, _MAX_SIGNERS = 90, 4, 8


def mark_contents(units: Sequence[Unit]) -> None:
    """A table of contents is furniture: its entries come again as headings."""
    start = next((i for i, unit in enumerate(units) if _CONTENTS.match(unit.text)), None)
    if start is None or len(units[start].text) > 10:
        _mark_leaders(units)
        return
    units[start].kind = "furniture"
    first = ""
    for unit in units[start + 1 :]:
        entry = re.sub(r"\s+", "", _LEADER.sub("", unit.text))
        if (unit.prose and unit.kind is None and not _LEADER.search(unit.text)) or (first and entry == first):
            break
        first = first or entry
        if unit.kind != "heading" or not unit.first.hint:
            unit.kind = "furniture"
    _mark_leaders(units)


def _mark_leaders(units: Sequence[Unit]) -> None:
    for unit in units:
        if unit.undecided and len(unit.text) <= 80 and re.search(r"[.．…·‥]{4,}\s*\d{1,4}$", unit.text):
            unit.kind = "furniture"


def mark_official_parts(units: list[Unit]) -> list[Unit]:
    """Mark what an official text has around its body, and join a title that runs over several lines.

    Returns:
        The units with the lines of the title joined to one.
    """
    head = _head_length(units)
    units = _mark_title(units, head)
    _mark_addressees(units)
    _mark_attachments(units)
    _mark_signatures(units)
    return units


def _head_length(units: Sequence[Unit]) -> int:
    """How many units stand before the first numbered line, byline or running text."""
    for index, unit in enumerate(units):
        numbered = unit.number is not None and unit.undecided and not _title_like(unit)
        if unit.kind in ("byline", "caption") or numbered:
            return index
        if unit.undecided and not unit.loose and not _title_like(unit) and not ADOPTION_NOTE.match(unit.text):
            return index
    return len(units)


def _title_like(unit: Unit) -> bool:
    text = unit.text
    return len(text) <= _MAX_TITLE_LINE and not ends_sentence(text) and bool(_DOCUMENT_TYPE.search(text))


def _is_named(unit: Unit) -> bool:
    """Whether a line can be the title below a red head; a 公报 may be the masthead or the document itself."""
    return unit.kind in (None, "heading") and _title_like(unit)


def _mark_title(units: list[Unit], head: int) -> list[Unit]:
    for index, unit in enumerate(units[:head]):
        below = units[index + 1 : head]
        order = unit.text.endswith("令") and any(DOCUMENT_NUMBER.match(other.text) for other in below[:1])
        red_head = order or (bool(_RED_HEAD.match(unit.text)) and any(map(_is_named, below)))
        if unit.undecided and (red_head or ADOPTION_NOTE.match(unit.text)):
            unit.kind = "furniture"
    ends = [i for i in range(head) if units[i].kind in (None, "heading") and _title_like(units[i])]
    plain = [i for i in range(head) if units[i].loose or units[i].kind == "heading"]
    if any(unit.title for unit in units[: head + 1]):
        return units
    if not (ends or plain) or not _has_levels(units, head, ends, plain):
        return units
    start = end = ends[0] if ends else plain[0]
    while end + 1 < head and _goes_on(units, end):
        end += 1
    while start > 0 and end - start < _MAX_TITLE_LINES - 1 and _same_title(units, start - 1, start):
        start -= 1
    for unit in units[:start]:
        if unit.loose:
            unit.kind = "furniture"
    title = units[start]
    for piece in units[start + 1 : end + 1]:
        title.append(piece)
    title.kind, title.title = "heading", True
    _mark_issuer(units, start, end, head)
    return units[: start + 1] + units[end + 1 :]


def _mark_issuer(units: Sequence[Unit], start: int, end: int, head: int) -> None:
    """The agency right below the title or above the date there says who issued the text, as a byline does."""
    below = units[end + 1 : head]
    if not below or not below[0].loose or not AGENCY.match(below[0].text):
        return
    dated = len(below) > 1 and bool(DATE_LINE.match(below[1].text))
    if dated or _title_like(units[start]):
        below[0].kind = "byline"


def _goes_on(units: Sequence[Unit], index: int) -> bool:
    """Whether the next line belongs to the title: 的通知, or a further part of the name right below."""
    unit, below = units[index], units[index + 1]
    if unit.kind == "heading" or not below.loose or below.first.gap > 1:
        return False
    return below.text.startswith("的") or (below.first.gap == 0 and _title_like(below))


def _same_title(units: Sequence[Unit], index: int, below: int) -> bool:
    """Whether the unit is the upper part of a title: part of its sentence, and not a text kind of its own."""
    unit = units[index]
    if not unit.loose or unit.first.block != units[below].first.block >= 0:
        return False
    return units[below].first.gap <= 1 and not _title_like(unit)


def _has_levels(units: Sequence[Unit], head: int, ends: list[int], plain: list[int]) -> bool:
    """Whether the document shows that its first heading is its title: a name, and headings below it."""
    rest = units[head:]
    official = any(DOCUMENT_NUMBER.match(unit.text) for unit in units[:head]) or any(
        is_addressees(unit.text) for unit in rest[:2]
    )
    numbered = any(
        unit.number is not None
        and unit.number.rank <= 15
        and (is_numbered_heading(unit.text, unit.number) or unit.number.style == "article")
        for unit in rest
        if unit.kind is None
    )
    marked = [unit.level for unit in units if unit.kind == "heading" and unit.level]
    first = units[(ends or plain)[0]]
    if first.kind == "heading":
        return len(marked) > 1 and marked.count(min(marked)) == 1 and first.level == min(marked)
    return official or numbered if ends else numbered


def _mark_addressees(units: Sequence[Unit]) -> None:
    """The addressees (主送机关) stand between title and body."""
    for unit in units[:24]:
        if unit.undecided and unit.number is None and is_addressees(unit.text):
            unit.kind = "furniture"
            return
        if unit.prose:
            return


def _mark_attachments(units: Sequence[Unit]) -> None:
    """The note on attachments (附件：1. …, 2. …) goes on as long as numbered or short lines follow."""
    inside = False
    for unit in units:
        if unit.undecided and len(unit.text) <= 120 and ATTACHMENT.match(unit.text):
            unit.kind = "furniture"
            inside = bool(re.search(r"[:：.．]", unit.text))
            continue
        if inside and unit.undecided and unit.number is not None and len(unit.text) <= 60:
            if unit.number.style == "arabic" and not ends_sentence(unit.text):
                unit.kind = "furniture"
                continue
        inside = False


def _mark_signatures(units: Sequence[Unit]) -> None:
    """The signing agencies stand in the lines before the date that closes a letter."""
    seen_prose = False
    for index, unit in enumerate(units):
        seen_prose = seen_prose or unit.prose
        if not (seen_prose and unit.kind == "furniture" and DATE_LINE.match(unit.text)):
            continue
        for above in reversed(units[max(0, index - _MAX_SIGNERS) : index]):
            nearest = above is units[index - 1]
            if not above.loose or not (AGENCY.search(above.text) or (nearest and len(above.text) <= 24)):
                break
            above.kind = "furniture"
