"""Geometry of a PDF page: characters with boxes become lines in reading order, over columns, with indents."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

# All lengths are in em: widths of a full-width character of the page, so they hold at every font size.
# A gap this wide ends a run of text; a full-width space is 1 em, and the pieces are joined again unless a
# gutter runs between them.
_RUN_GAP = 0.9
# Indent of a first line in Chinese typesetting is 2 em; 1.2 allows for narrow setting and for "  " of 1.5 em.
_INDENT = 1.2
# Columns hold running text; narrower neighbours are table cells.
_MIN_COLUMN = 8.0
_MIN_COLUMN_LINES = 3
FIRST_LINE_INDENT = "\u3000\u3000"
# A run is compared with so many neighbours on so many stripes of its line at most, and pages are split into
# columns so often: more than printed pages have. Drawings, and hostile pages, have 100,000 runs.
_MAX_NEIGHBOURS = 64
_MAX_BANDS = 8
_MAX_SPLITS = 40


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character with its box in points, the origin at the lower left of the page."""

    text: str
    x0: float
    x1: float
    y0: float
    y1: float


@dataclass(slots=True)
class Run:
    """Glyphs of one line without a wide gap."""

    text: str
    x0: float
    x1: float
    y0: float
    y1: float


@dataclass(slots=True)
class Row:
    """A line of a region: one or more runs side by side."""

    text: str
    x0: float
    y0: float
    y1: float


@dataclass(slots=True)
class Region:
    """A stretch of lines that share a left edge: a column or the lines across all columns.

    Attributes:
        column: Number of the column from 1, 0 for lines across the page.
        em: Width of a full-width character in points.
        rows: Lines from top to bottom.
    """

    column: int
    em: float
    rows: list[Row] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Left edge: the leftmost start of a line, unless that line stands alone far out in the margin."""
        starts = sorted(row.x0 for row in self.rows)
        # A first-line indent is 2 em, so one line at the true edge may be all that is not indented.
        return next(
            (start for start, following in pairwise(starts) if following - start < 3 * self.em), starts[0]
        )


def layout_page(glyphs: Sequence[Glyph]) -> list[Region]:
    """Regions of a page in reading order."""
    visible = [glyph for glyph in glyphs if not glyph.text.isspace()]
    if not visible:
        return []
    em = _em(visible)
    runs = _merge(_runs(glyphs, em), em)
    return [
        region
        for column, part in _split_columns(runs, em)
        if (region := Region(column, em, _rows(part, em))).rows
    ]


def mark_indents(pages: Sequence[Sequence[Region]]) -> list[list[str]]:
    """Lines of each page; a line that is indented from the left edge of its region starts with two spaces.

    A region of few lines may hold indented lines only; it takes the left edge of its like on other pages
    (odd and even pages apart, since bound documents shift their margins).
    """
    edges: dict[tuple[int, int], list[float]] = {}
    for number, regions in enumerate(pages):
        for region in regions:
            if len(region.rows) >= 5:
                edges.setdefault((number % 2, region.column), []).append(region.left)
    marked = []
    for number, regions in enumerate(pages):
        lines = []
        for region in regions:
            known = edges.get((number % 2, region.column)) or edges.get((1 - number % 2, region.column))
            left = median(known) if known and len(region.rows) < 5 else region.left
            for row in region.rows:
                indented = row.x0 - left >= _INDENT * region.em
                lines.append(FIRST_LINE_INDENT + row.text if indented else row.text)
        marked.append(lines)
    return marked


def _em(glyphs: Sequence[Glyph]) -> float:
    wide = [glyph.x1 - glyph.x0 for glyph in glyphs if _is_wide(glyph.text)]
    return max(median(wide) if wide else median(glyph.y1 - glyph.y0 for glyph in glyphs), 1.0)


def _is_wide(text: str) -> bool:
    return "\u2e80" <= text <= "\u9fff" or "\uf900" <= text <= "\ufaff" or "\uff00" <= text <= "\uff60"


def _runs(glyphs: Iterable[Glyph], em: float) -> Iterator[Run]:
    """Cut the glyphs, which come in the order in which they are drawn, where line or column changes."""
    run: Run | None = None
    pending = ""
    for glyph in glyphs:
        if glyph.text.isspace():
            pending = pending or (" " if glyph.text != "\u3000" else glyph.text)
            continue
        if run is not None and _same_line(run, glyph) and -em < glyph.x0 - run.x1 < _RUN_GAP * em:
            run.text += _space(run.text[-1], glyph.text, pending) + glyph.text
            run.x1 = max(run.x1, glyph.x1)
            run.y0, run.y1 = min(run.y0, glyph.y0), max(run.y1, glyph.y1)
        else:
            if run is not None:
                yield run
            run = Run(glyph.text, glyph.x0, glyph.x1, glyph.y0, glyph.y1)
        pending = ""
    if run is not None:
        yield run


def _space(before: str, after: str, space: str) -> str:
    # Between Chinese characters a half-width space is justification, not text.
    return "" if space == " " and _is_wide(before) and _is_wide(after) else space


def _same_line(one: Run | Row, other: Run | Glyph) -> bool:
    overlap = min(one.y1, other.y1) - max(one.y0, other.y0)
    return overlap > 0.5 * min(one.y1 - one.y0, other.y1 - other.y0)


def _merge(runs: Iterable[Run], em: float) -> list[Run]:
    """Join runs that touch: bold words and figures are often drawn apart from their line."""
    merged: list[Run] = []
    # Numbers in `merged` of the last runs on each line: a later one, further right, may touch them.
    last: dict[int, deque[int]] = defaultdict(lambda: deque(maxlen=_MAX_NEIGHBOURS))
    for run in sorted(runs, key=lambda run: (run.x0, -run.y1)):
        touched = -1
        for band in _bands(run, em):
            for index in reversed(last[band]):
                other = merged[index]
                if -0.5 * em < run.x0 - other.x1 < _RUN_GAP * em and _same_line(other, run):
                    touched = max(touched, index)
                    break
        if touched < 0:
            for band in _bands(run, em):
                last[band].append(len(merged))
            merged.append(run)
            continue
        other = merged[touched]
        gap = " " if run.x0 - other.x1 > 0.2 * em else ""
        other.text += _space(other.text[-1], run.text[0], gap) + run.text
        other.x1 = max(other.x1, run.x1)
    return sorted(merged, key=lambda run: -run.y1)


def _bands(run: Run, em: float) -> range:
    """Stripes of the page, one em high, that a run lies in; runs on one line share one."""
    low, high = int(run.y0 // em), int(run.y1 // em)
    return range(low, min(high + 1, low + _MAX_BANDS))


def _split_columns(
    runs: list[Run], em: float, column: int = 0, *, depth: int = 0
) -> Iterator[tuple[int, list[Run]]]:
    """Split runs at a gutter. Runs across it (headlines) stay in place and part the page into bands."""
    gutter = _gutter(runs, em) if depth < _MAX_SPLITS else None
    if gutter is None:
        yield column, runs
        return
    base = max(column, 1)
    band: list[Run] = []
    across: list[Run] = []
    for run in runs:
        if run.x0 < gutter < run.x1:
            yield from _band(band, gutter, em, base, depth=depth + 1)
            band = []
            across.append(run)
        else:
            if across:
                yield 0, across
                across = []
            band.append(run)
    yield from _band(band, gutter, em, base, depth=depth + 1)
    if across:
        yield 0, across


def _band(
    runs: list[Run], gutter: float, em: float, column: int, *, depth: int
) -> Iterator[tuple[int, list[Run]]]:
    left = [run for run in runs if run.x1 <= gutter]
    right = [run for run in runs if run.x0 >= gutter]
    if left and right:
        yield from _split_columns(left, em, column, depth=depth)
        yield from _split_columns(right, em, column + 1, depth=depth)
    elif runs:
        # Text on one side only, such as a short line under a headline, belongs to the lines across.
        yield 0 if left else column + 1, runs


def _gutter(runs: list[Run], em: float) -> float | None:
    """The x that the most gaps between neighbouring runs share, None where the page has no columns."""
    gaps = _gaps(runs, em)
    if len(gaps) < _MIN_COLUMN_LINES:
        return None
    starts, ends = sorted(start for start, _ in gaps), sorted(end for _, end in gaps)
    # How many gaps hold a place: those that begin before it less those that end before it.
    best = max(gaps, key=lambda gap: bisect_left(starts, gap[1] - 0.1) - bisect_right(ends, gap[1] - 0.1))
    shared = [(a, b) for a, b in gaps if a < best[1] - 0.1 < b]
    gutter = (max(a for a, _ in shared) + min(b for _, b in shared)) / 2
    left = [run for run in runs if run.x1 <= gutter]
    right = [run for run in runs if run.x0 >= gutter]
    return gutter if _is_column(left, em) and _is_column(right, em) and len(shared) >= 3 else None


def _gaps(runs: list[Run], em: float) -> list[tuple[float, float]]:
    """From the right end of each run to the nearest run right of it on its line, where there is one."""
    by_band: dict[int, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.x0):
        for band in _bands(run, em):
            by_band[band].append(run)
    starts = {band: [run.x0 for run in beside] for band, beside in by_band.items()}
    gaps = []
    for run in runs:
        nearest = None
        for band in _bands(run, em):
            at = bisect_right(starts[band], run.x1)
            beside = by_band[band][at : at + _MAX_NEIGHBOURS]
            start = next((other.x0 for other in beside if _same_line(run, other)), None)
            if start is not None and (nearest is None or start < nearest):
                nearest = start
        if nearest is not None:
            gaps.append((run.x1, nearest))
    return gaps


def _is_column(runs: list[Run], em: float) -> bool:
    wide = sum(run.x1 - run.x0 >= _MIN_COLUMN * em for run in runs)
    return wide >= _MIN_COLUMN_LINES and 2 * wide >= len(runs)


def _rows(runs: list[Run], em: float) -> list[Row]:
    """Runs side by side make one row; they come from top to bottom."""
    rows: list[list[Run]] = []
    for run in runs:
        if rows and _same_line(rows[-1][0], run):
            rows[-1].append(run)
        else:
            rows.append([run])
    result = []
    for row in rows:
        row.sort(key=lambda run: run.x0)
        # A wide gap is a full-width space or the border of a table cell.
        text = "\u3000".join(run.text for run in row)
        result.append(Row(text, row[0].x0, min(run.y0 for run in row), max(run.y1 for run in row)))
    return result
