"""Word files (.docx): paragraphs and tables in document order; headings by style or outline level."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from policylens.data.errors import InputError, MissingExtraError
from policylens.data.layout.blocks import (
    CELL_SEPARATOR,
    MAX_CELL_CHARS,
    MarkedText,
    build_document,
    meaningful_title,
    split_paragraphs,
)
from policylens.data.limits import DEFAULT_LIMITS, Limits
from policylens.data.readers.docx_package import check_package
from policylens.data.records import Document, Hint

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# Deleted text (tracked changes), phonetic guides, and the second rendering of a drawing.
_SKIPPED = frozenset((f"{_W}del", f"{_W}moveFrom", f"{_W}rt", f"{_W}pPr", f"{_W}rPr", _FALLBACK))
_TEXTBOX = f"{_W}txbxContent"
_CHARACTERS = {f"{_W}tab": "\t", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-", f"{_W}ptab": "\t"}
_OUTLINE_LEVELS = tuple("012345678")
_NOTES = ("footnotes", "endnotes")

_HEADING_STYLE = re.compile(r"(?i)^(?:heading|标题)\s*([1-9])$")
_TITLE_STYLE = re.compile(r"(?i)^(?:title|标题)$")
_CAPTION_STYLE = re.compile(r"(?i)^(?:caption|题注)$")
_FURNITURE_STYLE = re.compile(r"(?i)^(?:toc\b.*|目录.*|header|footer|页眉|页脚|footnote text|脚注文本)$")


def read_docx(data: bytes, *, doc: str, path: str, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read a .docx file: the body, then footnotes and endnotes as furniture.

    Inserted text of tracked changes counts, deleted text does not. Comments, headers, footers and hidden
    text are left out.

    Raises:
        InputError: The file is no .docx file, is damaged, encrypted or over a limit, or has no text.
        MissingExtraError: python-docx is not installed.
    """
    try:
        import docx
    except ImportError as error:
        raise MissingExtraError("reading .docx files", extra="docs", package="python-docx") from error
    check_package(data, path=path, limits=limits)
    try:
        source = docx.Document(io.BytesIO(data))
        styles = _style_hints(source.styles.element)
        title = meaningful_title(source.core_properties.title)
        notes = [note for kind in _NOTES for note in _notes(source.part, kind)]
    except MemoryError:
        raise
    except Exception as error:
        # A damaged package fails in the zip, the XML or whatever part is hit; zipfile, zlib, lxml and
        # python-docx have no common error for that.
        raise InputError(
            f"{path}: is not a readable .docx file ({error}); open and save it in Word"
        ) from None
    if any(_has_entities(root) for root in (source.element, *notes)):
        # The standard forbids them: they make small files huge and draw in other files.
        raise InputError(f"{path}: declares entities, which a .docx file must not; open and save it in Word")
    if (body := getattr(source.element, "body", None)) is None:
        raise InputError(f"{path}: is not a Word document, it has no body; open and save it in Word")
    reader = _Reader(styles)
    units = [*reader.units(body), *reader.rest()]
    for note in notes:
        texts = (unit.text for unit in (*reader.units(note), *reader.rest()) if unit.text.strip())
        units.append(MarkedText("\n".join(texts), "furniture"))
    return build_document(units, doc=doc, title=reader.title or title, path=path)


def _notes(part: Any, kind: str) -> list[Any]:  # noqa: ANN401 - python-docx has no types for parts
    """The notes of a kind, without the lines that part them from the text."""
    from docx.oxml import parse_xml

    found = [
        parse_xml(relation.target_part.blob)
        for relation in part.rels.values()
        if not relation.is_external and relation.reltype.endswith(f"/relationships/{kind}")
    ]
    tag = f"{_W}{kind.removesuffix('s')}"
    return [note for root in found for note in root.iter(tag) if note.get(f"{_W}type", "normal") == "normal"]


def _has_entities(root: Any) -> bool:  # noqa: ANN401
    return root.getroottree().docinfo.internalDTD is not None


def _style_hints(root: Any) -> dict[str, tuple[Hint, int]]:  # noqa: ANN401 - lxml has no types
    """Style id -> hint and heading level, through the styles that it is based on."""
    styles = {style.get(f"{_W}styleId"): style for style in root.iter(f"{_W}style")}
    return {style_id: _style_hint(style, styles) for style_id, style in styles.items()}


def _style_hint(style: Any, styles: dict[str, Any]) -> tuple[Hint, int]:  # noqa: ANN401
    seen: set[str] = set()
    while style is not None and style.get(f"{_W}styleId") not in seen:
        seen.add(style.get(f"{_W}styleId"))
        name = _value(style, "name").strip()
        if match := _HEADING_STYLE.match(name):
            return "heading", int(match.group(1))
        if _TITLE_STYLE.match(name):
            return "heading", 0  # above level 1; _Reader turns it into 1
        if _CAPTION_STYLE.match(name):
            return "caption", 0
        if _FURNITURE_STYLE.match(name):
            return "furniture", 0
        if level := _outline_level(style):
            return "heading", level
        style = styles.get(_value(style, "basedOn"))
    return "", 0


class _Reader:
    """Walks the body. Keeps the title and the text of a paragraph whose end is deleted."""

    def __init__(self, styles: dict[str, tuple[Hint, int]]) -> None:
        self.title = ""
        self._styles = styles
        self._carried = ""

    def units(self, parent: Any) -> Iterator[MarkedText]:  # noqa: ANN401
        """Units of a body, a table cell or a text box, in document order."""
        for element in parent:
            if element.tag == f"{_W}p":
                yield from self._paragraph(element)
            elif element.tag == f"{_W}tbl":
                yield from self._table(element)
            elif element.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}customXml", f"{_W}ins", f"{_W}moveTo"):
                yield from self.units(element)

    def rest(self) -> Iterator[MarkedText]:
        """Text of a last paragraph whose mark is deleted."""
        yield MarkedText(self._carried.strip())

    def _paragraph(self, element: Any) -> Iterator[MarkedText]:  # noqa: ANN401
        text = self._carried + "".join(_text(element))
        self._carried = ""
        mark = element.find(f"{_W}pPr/{_W}rPr")
        if mark is not None and mark.find(f"{_W}del") is not None:
            # A tracked deletion of the paragraph mark joins the paragraph to the next one.
            self._carried = text
        elif text.strip():
            hint, level = self._hint(element)
            if hint == "heading" and level == 0:
                self.title = self.title or " ".join(text.split())
            level = max(level, 1) if hint == "heading" else 0
            for piece in [text.strip()] if hint else split_paragraphs(text):
                yield MarkedText(piece, hint, level)
        for box in _boxes(element):
            yield from self.units(box)

    def _hint(self, element: Any) -> tuple[Hint, int]:  # noqa: ANN401
        if level := _outline_level(element):
            return "heading", level
        return self._styles.get(_value(element, f"pPr/{_W}pStyle"), ("", 0))

    def _table(self, table: Any) -> Iterator[MarkedText]:  # noqa: ANN401
        rows = [_cells(row) for row in _children(table, "tr") if row.find(f"{_W}trPr/{_W}del") is None]
        cells = [cell for row in rows for cell in row]
        if len(cells) == 1 or any(len("".join(_text(cell))) > MAX_CELL_CHARS for cell in cells):
            # A frame around running text, not a table of values.
            for cell in cells:
                yield from self.units(cell)
            return
        for row in rows:
            inner = [list(self.units(cell)) for cell in row]
            texts = [
                " ".join(unit.text.replace("\n", " ") for unit in units if unit.hint != "table")
                for units in inner
            ]
            if any(texts):
                yield MarkedText(CELL_SEPARATOR.join(texts), "table")
            yield from (unit for units in inner for unit in units if unit.hint == "table")


def _boxes(element: Any) -> Iterator[Any]:  # noqa: ANN401
    """Text boxes of a paragraph; those inside them come with the paragraphs of the box."""
    for child in element:
        if child.tag == _TEXTBOX:
            yield child
        elif child.tag != _FALLBACK:
            yield from _boxes(child)


def _cells(row: Any) -> list[Any]:  # noqa: ANN401
    """Cells of a row; the lower parts of a cell merged over rows are left out."""
    cells = []
    for cell in _children(row, "tc"):
        merge = cell.find(f"{_W}tcPr/{_W}vMerge")
        if merge is None or merge.get(f"{_W}val") == "restart":
            cells.append(cell)
    return cells


def _children(element: Any, tag: str) -> Iterator[Any]:  # noqa: ANN401
    """Children with this tag, also inside content controls."""
    for child in element:
        if child.tag == f"{_W}{tag}":
            yield child
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}customXml"):
            yield from _children(child, tag)


def _text(element: Any) -> Iterator[str]:  # noqa: ANN401
    """Text below a paragraph or cell, without that of its text boxes."""
    for child in element:
        tag = child.tag
        if tag in _SKIPPED or tag == _TEXTBOX or _is_hidden(child):
            continue
        if tag in (f"{_W}t", f"{_MATH}t"):
            yield child.text or ""
        elif tag == f"{_W}br":
            yield "\n" if child.get(f"{_W}type") in (None, "textWrapping") else ""
        elif tag in _CHARACTERS:
            yield _CHARACTERS[tag]
        else:
            yield from _text(child)


def _is_hidden(run: Any) -> bool:  # noqa: ANN401
    vanish = run.find(f"{_W}rPr/{_W}vanish") if run.tag == f"{_W}r" else None
    return vanish is not None and vanish.get(f"{_W}val") not in ("0", "false")


def _outline_level(element: Any) -> int:  # noqa: ANN401
    """Level of a heading from 1 to 9, 0 for body text and for what no program writes."""
    value = _value(element, f"pPr/{_W}outlineLvl")
    return int(value) + 1 if value in _OUTLINE_LEVELS else 0


def _value(element: Any, path: str) -> str:  # noqa: ANN401
    """The `w:val` of a child element, "" where there is none."""
    child = element.find(f"{_W}{path}")
    return "" if child is None else child.get(f"{_W}val") or ""
