"""From the lines of a document to its true paragraphs."""

from __future__ import annotations

import re

from policylens.data.layout.captions import mark_credited_captions
from policylens.data.layout.headings import decide_headings, heading_paths, mark_names
from policylens.data.layout.junctions import join_broken, source_of
from policylens.data.layout.lines import split_lines
from policylens.data.layout.official import mark_contents, mark_official_parts
from policylens.data.layout.pull_quotes import mark_cutting_quotes, mark_other_quotes
from policylens.data.layout.turns import join_turned
from policylens.data.layout.units import Unit
from policylens.data.layout.verses import mark_verses
from policylens.data.layout.wrapping import unwrap
from policylens.data.records import Document, Paragraph


def reflow(document: Document) -> tuple[Paragraph, ...]:
    """Put the paragraphs of a document together again, in reading order.

    Hard line breaks are undone, paragraphs that a caption, a pull quote or the end of a column cuts are
    joined, and headings, bylines, captions, pull quotes and page furniture are told from the body. No
    character is lost or changed, except that `**` and heading `#` marks are left out.

    Args:
        document: The decoded text, with the blocks that its format marks, if any.

    Returns:
        All paragraphs of every kind, numbered from 1; each one's `text` is the text at its `spans`, joined.
    """
    units = unwrap(split_lines(document))
    mark_contents(units)
    if document.title:
        _mark_given_title(units, document.title)
    units = mark_official_parts(units)
    mark_names(units)
    mark_credited_captions(units)
    mark_verses(units)
    units = join_turned(units)
    mark_cutting_quotes(units)
    units = join_broken(units, source_of(document.text, units))
    mark_other_quotes(units)
    decide_headings(units)
    return _paragraphs(document, units)


def _mark_given_title(units: list[Unit], title: str) -> None:
    wanted = _bare(title)
    for unit in units[:20]:
        found = _bare(unit.text)
        if (
            found
            and len(found) >= 4
            and unit.kind in (None, "heading")
            and (found == wanted or wanted.startswith(found))
        ):
            unit.kind, unit.title = "heading", True
            return


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _paragraphs(document: Document, units: list[Unit]) -> tuple[Paragraph, ...]:
    title = document.title or next((unit.text for unit in units if unit.title), "")
    paragraphs: list[Paragraph] = []
    last_body: dict[tuple[str, ...], str] = {}
    for number, (unit, path) in enumerate(zip(units, heading_paths(units), strict=True), start=1):
        kind = unit.kind or "body"
        paragraphs.append(
            Paragraph(
                doc=document.doc, para=number, kind=kind, text=unit.text, title=title,
                heading=path[-1] if path else "", heading_path=path, prev=last_body.get(path, ""),
                start=unit.spans[0][0], end=unit.spans[-1][1], spans=tuple(unit.spans),
            )
        )  # fmt: skip
        if kind == "body":
            last_body = {path: unit.text}
    return tuple(paragraphs)
