"""PDF files with a text layer: lines in reading order, first-line indents kept, page furniture dropped."""

from __future__ import annotations

import ctypes
import logging
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from policylens.data.errors import InputError, MissingExtraError
from policylens.data.layout.blocks import meaningful_title
from policylens.data.limits import DEFAULT_LIMITS, Limits, too_large
from policylens.data.readers.pdf_content import check_streams
from policylens.data.readers.pdf_layout import Glyph, Region, Row, layout_page, mark_indents
from policylens.data.readers.plausibility import implausibility
from policylens.data.records import Document

_LOG = logging.getLogger(__name__)

# Page numbers as GB/T 9704 (- 3 -), word processors and journals write them.
_PAGE_NUMBER = re.compile(
    r"(?i)^[—–\-－─·•.\s]*(?:第?\s*[0-9０-９]{1,4}\s*页?|第\s*[一二三四五六七八九十百]+\s*页|page\s*\d+|[ivx]{1,6})"
    r"(?:\s*(?:/|of|[，,]?\s*共)\s*[0-9０-９]{1,4}\s*页?)?[—–\-－─·•.\s]*$"
)
# Further out than any page reaches, in points.
_FAR = 1e6
# Processor time for the pages of a file. Usual ones take 0.01 to 0.03 s each. One with as much content as the
# limit allows takes seconds, and thousands can show the same content: hours for a file of 200 kB.
_SECONDS_A_PAGE, _LEAST_SECONDS = 0.12, 60.0
# Running heads stand in the first or last two lines; three pages make a repetition no accident.
_EDGE_ROWS = 2
_REPEATS = 3
# Fonts in many Chinese PDF files map ordinary characters to the radicals that look like them (U+2F00..),
# which no dictionary or model knows. This undoes only that; the text is not normalised otherwise.
_RADICALS = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)}


def read_pdf(data: bytes, *, doc: str, path: str, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read the text layer of a PDF file. Lines end in a line feed, also between pages; there are no blocks.

    Raises:
        InputError: The file is damaged, encrypted or over a limit, has no pages or no usable text layer.
        MissingExtraError: pypdfium2 is not installed.
    """
    try:
        import pypdfium2  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("reading PDF files", extra="docs", package="pypdfium2") from error
    check_streams(data, path=path, limits=limits)
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        # PDFium keeps the last file's reason for one that fails without a reason of its own.
        if "password" in str(error).lower() and b"/Encrypt" in data:
            raise InputError(f"{path}: is encrypted; save it without a password") from None
        raise InputError(
            f"{path}: is not a readable PDF file or has no pages ({error}); save it again as PDF"
        ) from None
    try:
        pages = _read_pages(pdf, path=path, limits=limits)
        title = meaningful_title(_title(pdf))
    finally:
        pdf.close()
    if not any(pages):
        raise InputError(f"{path}: has no text layer (scanned pages?); run OCR on it first")
    _warn_of_empty_pages(pages, path=path)
    text = "\n".join(line for lines in mark_indents(_without_furniture(pages)) for line in lines)
    if not text.strip():
        raise InputError(f"{path}: holds no text but page numbers and running heads")
    if fault := implausibility(text):
        raise InputError(f"{path}: the text layer is unusable: {fault}; run OCR on the file")
    return Document(doc=doc, text=text, title=title, path=path)


def _read_pages(pdf: Any, *, path: str, limits: Limits) -> list[list[Region]]:  # noqa: ANN401 - no types
    if (n_pages := len(pdf)) > limits.pages:
        raise too_large(path, f"has {n_pages:,} pages", "pages", limits.pages)
    pages: list[list[Region]] = []
    left = limits.chars
    seconds = max(_LEAST_SECONDS, _SECONDS_A_PAGE * limits.pages)
    end = time.thread_time() + seconds
    for number in range(n_pages):
        if time.thread_time() > end:
            what = f"takes more than {seconds:,.0f} s of processor time for {number:,} of {n_pages:,} pages"
            raise too_large(path, what, "pages", limits.pages)
        glyphs = _read_page(pdf, number, path=path, most=left)
        # A few pages can be shown thousands of times over.
        if (left := left - len(glyphs)) < 0:
            raise too_large(path, f"holds more than {limits.chars:,} characters", "chars", limits.chars)
        pages.append(layout_page(glyphs))
    return pages


def _title(pdf: Any) -> str:  # noqa: ANN401
    try:
        title: str = pdf.get_metadata_dict().get("Title") or ""
    except UnicodeDecodeError:
        return ""
    return title


def _read_page(pdf: Any, number: int, *, path: str, most: int) -> list[Glyph]:  # noqa: ANN401
    """Glyphs of a page; where there are more than `most`, at least one more than that."""
    import pypdfium2

    try:
        page = pdf[number]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError as error:
        raise InputError(
            f"{path}: page {number + 1} is damaged ({error}); save the file again as PDF"
        ) from None
    try:
        return list(islice(_glyphs(text_page), most + 1))
    finally:
        text_page.close()
        page.close()


def _glyphs(text_page: Any) -> Iterator[Glyph]:  # noqa: ANN401
    """Characters in drawing order, turned upright; text at other angles (watermarks) is left out."""
    import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

    count = text_page.count_chars()
    turns = [_quarter_turns(pdfium.FPDFText_GetCharAngle(text_page, index)) for index in range(count)]
    known = Counter(turn for turn in turns if turn is not None)
    upright = known.most_common(1)[0][0] if known else 0
    box = pdfium.FS_RECTF()
    codes = [0, *(pdfium.FPDFText_GetUnicode(text_page, index) for index in range(count)), 0]
    for index, (before, code, after) in enumerate(zip(codes, codes[1:], codes[2:], strict=False)):
        text = _character(before, code, after)
        if text in ("", "\r", "\n") or turns[index] != upright:
            continue
        if pdfium.FPDFText_GetLooseCharBox(text_page, index, ctypes.byref(box)):
            left, right, bottom, top = map(_place, (box.left, box.right, box.bottom, box.top))
            yield Glyph(text.translate(_RADICALS), *_turned(left, right, bottom, top, upright))


def _character(before: int, code: int, after: int) -> str:
    """The character of a code unit; of a surrogate pair that of the first, "" for the second."""
    if 0xD800 <= code < 0xDC00 <= after < 0xE000:
        return chr(0x10000 + ((code - 0xD800) << 10) + (after - 0xDC00))
    if 0xD800 <= before < 0xDC00 <= code < 0xE000:
        return ""
    # U+0002 is where pdfium found a hyphen at a line end; these others are characters without a meaning.
    if code == 2:
        return "-"
    return "\ufffd" if code in (0, 0xFFFE, 0xFFFF) or 0xD800 <= code < 0xE000 else chr(code)


def _place(points: float) -> float:
    """A coordinate on a page of at most 14,400 points; damaged files have endless and undefined ones."""
    return min(max(points, -_FAR), _FAR) if points == points else 0.0


def _quarter_turns(angle: float) -> int | None:
    """Quarter turns nearest to an angle in radians, None where it is more than about 6 degrees off."""
    quarters = angle / 1.5707963
    return round(quarters) % 4 if abs(quarters - round(quarters)) < 0.07 else None


def _turned(x0: float, x1: float, y0: float, y1: float, turns: int) -> tuple[float, float, float, float]:
    """The box (x0, x1, y0, y1) in a frame in which text that is turned by quarter turns runs to the right."""
    match turns:
        case 1:
            return -y1, -y0, x0, x1
        case 2:
            return -x1, -x0, -y1, -y0
        case 3:
            return y0, y1, -x1, -x0
        case _:
            return x0, x1, y0, y1


def _without_furniture(pages: list[list[Region]]) -> list[list[Region]]:
    shapes = Counter(shape for page in pages for shape in {_shape(row.text) for row in _edge_rows(page)})
    kept: list[list[Region]] = []
    for page in pages:
        dropped = {id(row) for row in _edge_rows(page) if _is_furniture(row.text, shapes)}
        regions = []
        for region in page:
            rows = [row for row in region.rows if id(row) not in dropped]
            if rows:
                regions.append(Region(region.column, region.em, rows))
        kept.append(regions)
    return kept


def _edge_rows(page: list[Region]) -> list[Row]:
    """Rows at the top and at the bottom of a page."""
    rows = sorted((row for region in page for row in region.rows), key=lambda row: -row.y1)
    return rows[:_EDGE_ROWS] + rows[_EDGE_ROWS:][-_EDGE_ROWS:]


def _is_furniture(text: str, shapes: Counter[str]) -> bool:
    if _PAGE_NUMBER.match(text):
        return True
    # A running head is no sentence; a clause that happens to repeat at the edge of pages stays.
    return shapes[_shape(text)] >= _REPEATS and not text.endswith(tuple("。！？；，：、"))


def _shape(text: str) -> str:
    """Text of a running head without the page number in it."""
    return re.sub(r"[0-9０-９]+", "#", "".join(text.split()))


def _warn_of_empty_pages(pages: list[list[Region]], *, path: str) -> None:
    empty = [str(number) for number, page in enumerate(pages, start=1) if not page]
    if empty:
        _LOG.warning("%s: no text on page %s (blank or scanned)", path, ", ".join(empty))
