"""Charts of an evaluation as SVG: pure functions from scores to markup. Colours and fonts are the page's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from policylens.infer.messages import text
from policylens.train.evaluation.metrics import Bin, Kept, Score
from policylens.train.evaluation.results import PromiseCheck
from policylens.train.evaluation.wording import VERDICTS

_BAR_WIDTH, _BAR_HEIGHT = 112, 16
_CELL = 26
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class _Plot:
    """A square-ish plot: data ranges and the place of its frame, in SVG units."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    left: float = 44
    top: float = 12
    width: float = 380
    height: float = 260

    def x(self, value: float) -> float:
        """Horizontal place of a value."""
        return self.left + self.width * (value - self.x_low) / (self.x_high - self.x_low)

    def y(self, value: float) -> float:
        """Vertical place of a value."""
        return self.top + self.height * (1 - (value - self.y_low) / (self.y_high - self.y_low))

    @property
    def bottom(self) -> float:
        """Lower edge of the frame."""
        return self.top + self.height


def interval_bar(score: Score, *, low: float = 0.0, high: float = 1.0) -> Markup:
    """A score as a dot on a scale with its interval; the number stands beside it, so it has no text."""
    span = _BAR_WIDTH - 10

    def place(value: float) -> float:
        return 5 + span * (min(max(value, low), high) - low) / (high - low)

    middle = _BAR_HEIGHT / 2
    parts = [
        _line(5, middle, 5 + span, middle, "track"),
        *([_line(place(0), 2, place(0), _BAR_HEIGHT - 2, "track")] if low < 0 < high else []),
        _line(place(score.low), middle, place(score.high), middle, "interval"),
        f'<circle class="dot" cx="{place(score.value):.1f}" cy="{middle}" r="4"/>',
    ]
    return _svg(parts, _BAR_WIDTH, _BAR_HEIGHT, css="bar", title="")


def reliability_chart(bins: Sequence[Bin], *, title: str) -> Markup:
    """Accuracy over confidence, bin by bin, with a histogram of the confidences below."""
    plot = _Plot(0, 1, 0, 1)
    total, largest = sum(part.n for part in bins), max(part.n for part in bins)
    parts = _frame(
        plot, x_ticks=_TICKS, y_ticks=_TICKS, x_name=text("confidence"), y_name=text("share right"), gap=66
    )
    parts.append(_line(plot.x(0), plot.y(0), plot.x(1), plot.y(1), "ideal"))
    floor = plot.bottom + 56
    for part in bins:
        x, width = plot.x(part.low), plot.x(part.high) - plot.x(part.low)
        height = 44 * part.n / largest
        center = plot.x(part.confidence)
        parts += [
            f'<rect class="count" x="{x + 1:.1f}" y="{floor - height:.1f}" width="{width - 2:.1f}" '
            f'height="{height:.1f}"/>',
            _label(x + width / 2, floor - height - 3, str(part.n), "tiny", anchor="middle"),
            f"<g><title>{escape(_bin_hint(part, total))}</title>",
            _line(center, plot.y(part.accuracy.low), center, plot.y(part.accuracy.high), "interval"),
            f'<circle class="dot" cx="{center:.1f}" cy="{plot.y(part.accuracy.value):.1f}" r="5"/></g>',
        ]
    return _svg(parts, plot.left + plot.width + 16, plot.bottom + 96, css="chart", title=title)


def abstention_chart(points: Sequence[Kept], promises: Sequence[PromiseCheck], *, title: str) -> Markup:
    """Precision of the labels that are kept over how many are kept, with the promises that are checked."""
    lowest = min(point.precision.low for point in points if point.coverage >= 0.1 or point is points[-1])
    plot = _Plot(0, 1, max(0.0, int(lowest * 10) / 10), 1)
    y_ticks = [at / 10 for at in range(round(plot.y_low * 10), 11)]
    parts = _frame(
        plot, x_ticks=_TICKS, y_ticks=y_ticks, x_name=text("share kept"), y_name=text("share right of them")
    )
    # The intervals of the first few paragraphs are as wide as the plot: cut off at its edge.
    upper = [(plot.x(p.coverage), plot.y(p.precision.high)) for p in points]
    lower = [(plot.x(p.coverage), plot.y(max(p.precision.low, plot.y_low))) for p in reversed(points)]
    middle = [(plot.x(p.coverage), plot.y(max(p.precision.value, plot.y_low))) for p in points]
    parts.append(f'<polygon class="band" points="{_points([*upper, *lower])}"/>')
    parts.append(f'<polyline class="curve" points="{_points(middle)}"/>')
    for check in promises:
        y = plot.y(check.precision)
        parts.append(_line(plot.left, y, plot.left + plot.width, y, "promise"))
        if check.kept is not None:
            x, found = plot.x(check.kept.coverage), plot.y(max(check.kept.precision.value, plot.y_low))
            hint = _promise_hint(check, check.kept)
            label = _label(x, found + 18, f"{check.precision:.0%}", "small", anchor="middle")
            parts.append(
                f'<g><title>{escape(hint)}</title><circle class="mark" cx="{x:.1f}" cy="{found:.1f}" r="5"/>'
                f"{label}</g>"
            )
    return _svg(parts, plot.left + plot.width + 16, plot.bottom + 46, css="chart", title=title)


def confusion_chart(table: Sequence[Sequence[int]], names: Sequence[str], *, title: str) -> Markup:
    """Counts as a matrix: rows the right label, columns the predicted one, shaded by the share of the row.

    Args:
        table: Counts, square.
        names: Names of the labels, in the order of the table.
        title: What it shows.
    """
    left = 26 + max(_width(name) for name in names)
    top, n = 44, len(names)
    parts = [
        _label(left, 12, text("predicted: number of the label in the rows"), "small"),
        *(
            _label(left + _CELL * (at + 0.5), top - 6, str(at + 1), "small", anchor="middle")
            for at in range(n)
        ),
        _label(left + _CELL * n + 10, top - 6, "n", "small"),
    ]
    for at, row in enumerate(table):
        y, total = top + _CELL * at, sum(row)
        middle = y + _CELL / 2 + 4
        parts.append(_label(left - 26, middle, names[at], "small", anchor="end"))
        parts.append(_label(left - 6, middle, str(at + 1), "small", anchor="end"))
        parts.append(_label(left + _CELL * n + 10, middle, str(total), "small"))
        for to, count in enumerate(row):
            x = left + _CELL * to
            kind = "hit" if at == to else "miss"
            # The least shade shows that a cell is not empty.
            shade = 0.12 + 0.88 * count / total if count else 0.0
            hint = _cell_hint(names[at], names[to], count, total)
            parts.append(
                f'<rect class="cell" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}"/>'
                if not count
                else f'<g><title>{escape(hint)}</title><rect class="cell {kind}" x="{x}" y="{y}" '
                f'width="{_CELL}" height="{_CELL}" fill-opacity="{shade:.2f}"/>'
                + _label(
                    x + _CELL / 2,
                    middle,
                    str(count),
                    "small on" if shade > 0.55 else "small",
                    anchor="middle",
                )
                + "</g>"
            )
    return _svg(parts, left + _CELL * n + 40, top + _CELL * n + 6, css="matrix", title=title)


def _bin_hint(part: Bin, total: int) -> str:
    return text(
        "confidence {confidence}, right {right} [{low}, {high}], {n} of {total}",
        confidence=f"{part.confidence:.2f}",
        right=f"{part.accuracy.value:.2f}",
        low=f"{part.accuracy.low:.2f}",
        high=f"{part.accuracy.high:.2f}",
        n=part.n,
        total=total,
    )


def _promise_hint(check: PromiseCheck, kept: Kept) -> str:
    return text(
        "{precision} promised: {right} right, {verdict}",
        precision=f"{check.precision:.2f}",
        right=f"{kept.precision.value:.3f}",
        verdict=text(VERDICTS[check.verdict]),
    )


def _cell_hint(right: str, predicted: str, n: int, total: int) -> str:
    return text(
        "{right} predicted as {predicted}: {n} of {total}", right=right, predicted=predicted, n=n, total=total
    )


def _frame(
    plot: _Plot,
    *,
    x_ticks: Iterable[float],
    y_ticks: Iterable[float],
    x_name: str,
    y_name: str,
    gap: float = 16,
) -> list[str]:
    """Grid, ticks and names of the axes; `gap` is how far below the frame the ticks of the x axis stand."""
    right = plot.left + plot.width
    parts = []
    for tick in y_ticks:
        y = plot.y(tick)
        parts.append(_line(plot.left, y, right, y, "grid"))
        parts.append(_label(plot.left - 7, y + 4, f"{tick:.1f}", "small", anchor="end"))
    for tick in x_ticks:
        parts.append(_line(plot.x(tick), plot.top, plot.x(tick), plot.bottom, "grid"))
        parts.append(_label(plot.x(tick), plot.bottom + gap + 4, f"{tick:.1f}", "small", anchor="middle"))
    middle = plot.left + plot.width / 2
    parts.append(_label(middle, plot.bottom + gap + 22, x_name, "small", anchor="middle"))
    x, y = 11, plot.top + plot.height / 2
    parts.append(
        f'<text class="small" x="{x}" y="{y:.1f}" text-anchor="middle" transform="rotate(-90 {x} {y:.1f})">'
        f"{escape(y_name)}</text>"
    )
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(x: float, y: float, words: str, css: str, *, anchor: str = "start") -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _width(words: str) -> float:
    """Width of a text at the size of `small`, in SVG units: Chinese characters are square."""
    return sum(12.0 if ord(character) > 0x2E7F else 7.0 for character in words)


def _svg(parts: Iterable[str], width: float, height: float, *, css: str, title: str) -> Markup:
    """The parts as one picture; without a title it is decoration to a screen reader."""
    label = f'role="img" aria-label="{escape(title)}"' if title else 'aria-hidden="true"'
    # The parts are built above from numbers and escaped text.
    return Markup(
        f'<svg class="{css}" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" {label}>{"".join(parts)}</svg>'
    )
