"""HTML pages: every block of the body in order, without navigation, scripts and forms.

Own walk instead of a main-text extractor: on short notices and pages laid out with tables those lose body
text, and a page's boilerplate can be marked ("furniture") without being lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from policylens.data.errors import InputError, MissingExtraError
from policylens.data.layout.blocks import (
    CELL_SEPARATOR,
    MAX_CELL_CHARS,
    MarkedText,
    build_document,
    split_paragraphs,
)
from policylens.data.readers.encoding import decode
from policylens.data.records import Document, Hint

# Never text of the page.
_DROPPED = frozenset(
    "head script style noscript template iframe svg object audio video canvas map button select textarea "
    "rt rp".split()
)
# Boilerplate unless it wraps the page: ASP.NET puts the whole body into one form.
_BOILERPLATE = frozenset(("nav", "footer", "aside", "form"))
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img input ins kbd label mark q ruby rb s "
    "samp small span strike strong sub sup time tt u var wbr".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_FURNITURE_ROLES = frozenset(("navigation", "contentinfo", "banner", "search", "complementary"))
_FURNITURE_CLASS = re.compile(
    r"(?i)(?:^|[\s_-])(?:nav|navbar|menu|foot|footer|crumbs?|breadcrumbs?|sidebar|copyright|share)(?:$|[\s_-])"
)
_HIDDEN_STYLE = re.compile(r"(?i)display\s*:\s*none")
_CJK = "\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
# A line end in the source is white space, but between two Chinese characters it shows as nothing.
_WRAPPED = re.compile(rf"(?<=[{_CJK}])[ \t\f]*\n[ \t\f\n]*(?=[{_CJK}])")
# First-line indent written with no-break, en or em spaces.
_INDENT = re.compile(r"^[ \t\n]*(?:[\u00a0\u2002\u2003][ \t\n]*){2,}")
_SPACE = re.compile(r"[ \t\n\f\r\u00a0]+")
_META_CHARSET = re.compile(rb"(?i)<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})")
_BREAK = "\u2028"  # stands for <br> until white space is collapsed; it cannot be typed into a page by chance


def read_html(data: bytes, *, doc: str, path: str) -> Document:
    """Read an HTML page. Encoding: byte-order mark, else the declared one if it fits, else detected.

    Raises:
        InputError: The page cannot be decoded, is nested too deep, or has no text.
        MissingExtraError: lxml is not installed.
    """
    try:
        from lxml import etree, html  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("reading HTML files", extra="docs", package="lxml") from error
    declared = _META_CHARSET.search(data[:4096])
    text = decode(data, name=path, declared=declared.group(1).decode("ascii", "ignore") if declared else "")
    # lxml refuses an encoding declaration in text that is decoded already.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    parser = html.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = html.document_fromstring(text, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        raise InputError(f"{path}: holds no text") from None
    if any(entry.level_name == "FATAL" for entry in parser.error_log):
        # The parser stops there (at 2,048 elements, or out of memory) and would give the text before it.
        raise InputError(
            f"{path}: is nested too deep for an HTML page ({parser.error_log.last_error.message})"
        )
    body = root.find("body")
    if body is None:
        frames = next(root.iter("frameset"), None) is not None
        what = "is only a set of frames; give the pages in them" if frames else "has no body"
        raise InputError(f"{path}: {what}; expected an HTML page with text")
    return build_document(_Walk(etree, body).units(), doc=doc, title=_title(root), path=path)


class _Walk:
    """Collects the units of a body: inline text runs on until a block element starts or ends."""

    def __init__(self, etree: Any, body: Any) -> None:  # noqa: ANN401 - lxml has no types
        self._etree = etree
        self._body = body
        self._lengths = _measured_lengths(etree, body)
        self._half = self._lengths[body] / 2
        self._pieces: list[str] = []
        self._linked = 0
        self._stack: list[tuple[Hint, int]] = [("", 0)]
        # Of each element that has started and not ended: whether it was walked into.
        self._entered: list[bool] = []
        # How many <a> and <pre> the present place is in.
        self._depth_of = {"a": 0, "pre": 0}

    def units(self) -> Iterator[MarkedText]:
        """Units in reading order."""
        walk = self._etree.iterwalk(self._body, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                yield from self._close(element)
                continue
            table = _table(element) if element.tag == "table" else None
            dropped = self._is_dropped(element)
            self._entered.append(not dropped and table is None)
            if self._entered[-1]:
                yield from self._open(element)
                continue
            if element.tag not in _DROPPED:
                yield from self._flush()
            yield from () if dropped else table or ()
            walk.skip_subtree()
        yield from self._flush()

    def _is_dropped(self, element: Any) -> bool:  # noqa: ANN401
        if element.tag in _DROPPED:
            return True
        return (element.tag in _BOILERPLATE or _is_hidden(element)) and self._lengths[element] <= self._half

    def _open(self, element: Any) -> Iterator[MarkedText]:  # noqa: ANN401
        tag = element.tag
        if tag in self._depth_of:
            self._depth_of[tag] += 1
        if tag == "br":
            self._pieces.append(_BREAK)
        elif tag not in _INLINE:
            yield from self._flush()
            self._stack.append(self._hint(element))
        self._add(element.text)

    def _close(self, element: Any) -> Iterator[MarkedText]:  # noqa: ANN401
        # The end of a skipped element is reported too, but it opened nothing.
        if self._entered.pop():
            if element.tag in self._depth_of:
                self._depth_of[element.tag] -= 1
            if element.tag not in _INLINE and element.tag != "br":
                yield from self._flush()
                self._stack.pop()
        if element is not self._body:
            self._add(element.tail)

    def _hint(self, element: Any) -> tuple[Hint, int]:  # noqa: ANN401
        tag, (outer, level) = element.tag, self._stack[-1]
        if tag in _HEADINGS:
            return "heading", _HEADINGS[tag]
        if tag in ("figcaption", "caption"):
            return "caption", 0
        if _is_named_furniture(element):
            return ("furniture", 0) if self._lengths[element] <= self._half else (outer, level)
        return outer, level

    def _add(self, text: str | None) -> None:
        if not text:
            return
        if self._depth_of["pre"]:
            text = text.replace("\n", _BREAK)
        self._pieces.append(text)
        if self._depth_of["a"]:
            self._linked += len("".join(text.split()))

    def _flush(self) -> Iterator[MarkedText]:
        text = _tidy("".join(self._pieces))
        linked, self._linked, self._pieces = self._linked, 0, []
        if not text:
            return
        hint, level = self._stack[-1]
        # A line that is one link and no sentence leads to another page: menus, "next page", downloads.
        if not hint and linked >= len("".join(text.split())) and not re.search("[。！？；]", text):
            hint = "furniture"
        for piece in [text] if hint else split_paragraphs(text):
            yield MarkedText(piece, hint, level)


def _is_hidden(element: Any) -> bool:  # noqa: ANN401
    return element.get("hidden") is not None or bool(_HIDDEN_STYLE.search(element.get("style") or ""))


def _is_named_furniture(element: Any) -> bool:  # noqa: ANN401
    named = f"{element.get('class') or ''} {element.get('id') or ''}"
    return element.get("role") in _FURNITURE_ROLES or bool(_FURNITURE_CLASS.search(named))


def _measured_lengths(etree: Any, body: Any) -> dict[Any, int]:  # noqa: ANN401
    """Length of the plain text of each element that is dropped or marked by it, and of the body.

    In one pass: pages nest such elements thousands deep, and each would be measured over and over.
    """
    lengths: dict[Any, int] = {}
    starts: list[int] = []
    total = 0
    walk = etree.iterwalk(body, events=("start", "end"))
    for event, element in walk:
        dropped = element.tag in _DROPPED
        if event == "start":
            starts.append(total)
            if dropped:
                walk.skip_subtree()
            else:
                total += len(element.text or "")
            continue
        length = total - starts.pop()
        if (
            element.tag in _BOILERPLATE
            or element is body
            or _is_hidden(element)
            or _is_named_furniture(element)
        ):
            lengths[element] = length
        total += len(element.tail or "") + (element.tag not in _INLINE and not dropped)
    return lengths


def _table(table: Any) -> list[MarkedText] | None:  # noqa: ANN401
    """Caption and rows of a table; None where it only arranges the page or has text outside its cells."""
    if _is_layout(table):
        return None
    caption = table.find("caption")
    units = [] if caption is None else [MarkedText(_tidy(_plain(caption)), "caption")]
    seen = sum(len(_bare(unit.text)) for unit in units)
    for row in table.iter("tr"):
        cells = [_tidy(_plain(cell)).replace("\n", " ") for cell in row if cell.tag in ("td", "th")]
        if any(cells):
            units.append(MarkedText(CELL_SEPARATOR.join(cells), "table"))
            seen += len(_bare("".join(cells)))
    return units if seen >= len(_bare(_plain(table))) else None


def _bare(text: str) -> str:
    return "".join(text.split())


def _is_layout(table: Any) -> bool:  # noqa: ANN401
    """Whether a table only arranges the page: it holds tables, headings or running text."""
    if next(table.iterdescendants("table", *_HEADINGS), None) is not None:
        return True
    cells = list(table.iter("td", "th"))
    return len(cells) < 2 or any(len(_plain(cell)) > MAX_CELL_CHARS for cell in cells)


def _plain(root: Any) -> str:  # noqa: ANN401
    """Visible text below an element; <br> and the end of a block are line breaks."""
    pieces: list[str] = []
    todo: list[Any] = [root]  # elements and strings; no recursion, since pages nest without limit
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        if item is not root:
            todo.append(item.tail or "")
            if item.tag not in _INLINE and item.tag not in _DROPPED:
                todo.append(_BREAK)
        if item is root or item.tag not in _DROPPED:
            todo.extend(reversed(item))
            pieces.append(item.text or "")
    return "".join(pieces)


def _tidy(text: str) -> str:
    lines = (_INDENT.sub("\u3000\u3000", line) for line in text.split(_BREAK))
    lines = (_SPACE.sub(" ", _WRAPPED.sub("", line)) for line in lines)
    return "\n".join(line.rstrip().lstrip(" ") for line in lines).strip()


def _title(root: Any) -> str:  # noqa: ANN401
    """Title: `ArticleTitle` (Chinese government sites must have it), else the heading inside <title>."""
    for meta in root.iter("meta"):
        if (meta.get("name") or "").lower() == "articletitle" and (meta.get("content") or "").strip():
            return " ".join(meta.get("content").split())
    element = next(root.iter("title"), None)
    title = "" if element is None else " ".join((element.text or "").split())
    headings = [" ".join(_tidy(_plain(heading)).split()) for heading in root.iter("h1")]
    headings = [heading for heading in headings if heading]
    # <title> mostly adds the name of the site to the heading.
    return next((heading for heading in headings if heading in title), title or next(iter(headings), ""))
