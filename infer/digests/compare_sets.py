"""Two sets of documents side by side, theme by theme: what is new, gone, stronger, weaker."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from policylens.data.records import Digest, Figure, Measure, ThemeDigest
from policylens.infer.digests.measures import measure_key

Trend = Literal["new", "gone", "stronger", "weaker", "steady"]

# A share has to change by this factor, and by more than chance would change it once in three comparisons:
# with a handful of paragraphs one more or less says nothing.
_FACTOR = 1.25
_CLEAR_Z = 1.0


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One subject with its figure in either set."""

    before: Figure
    after: Figure


@dataclass(frozen=True, slots=True)
class ThemeChange:
    """One theme in both sets.

    Attributes:
        theme: Theme id.
        trend: "new" or "gone" where one set lacks it, else how its share of the paragraphs changed.
        before: Its digest in the first set, None where it has none.
        after: Its digest in the second set.
        share_before: Its part of the paragraphs of the first set, in [0, 1].
        share_after: Its part of those of the second.
        stances: Stance id -> change of its part of the theme's paragraphs, in [-1, 1].
        new_measures: Measures that only the second set names.
        gone_measures: Measures that only the first set names.
        kept_measures: Measures that both name.
        figures: Subjects with different numbers in the two sets.
    """

    theme: str
    trend: Trend
    before: ThemeDigest | None
    after: ThemeDigest | None
    share_before: float
    share_after: float
    stances: Mapping[str, float]
    new_measures: tuple[Measure, ...] = ()
    gone_measures: tuple[Measure, ...] = ()
    kept_measures: tuple[Measure, ...] = ()
    figures: tuple[FigureChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two digests and their themes side by side.

    Attributes:
        names: What the sets are called, the first one first.
        before: Digest of the first set.
        after: Digest of the second set.
        themes: The themes of either, the greatest change of share first.
    """

    names: tuple[str, str]
    before: Digest
    after: Digest
    themes: tuple[ThemeChange, ...]


def compare_digests(before: Digest, after: Digest, *, names: tuple[str, str]) -> Comparison:
    """Put two digests side by side.

    Args:
        before: Digest of the first set, with its structure.
        after: Digest of the second set.
        names: What to call the sets.
    """
    first = {theme.theme: theme for theme in before.themes}
    second = {theme.theme: theme for theme in after.themes}
    changes = [
        _change(theme, first.get(theme), second.get(theme), (before.paragraphs, after.paragraphs))
        for theme in {**first, **second}
    ]
    changes.sort(key=lambda change: -abs(change.share_after - change.share_before))
    return Comparison(names, before, after, tuple(changes))


def _change(
    theme: str, before: ThemeDigest | None, after: ThemeDigest | None, totals: tuple[int, int]
) -> ThemeChange:
    counts = (before.paragraphs if before else 0, after.paragraphs if after else 0)
    first, second = _measures(before), _measures(after)
    return ThemeChange(
        theme=theme,
        trend=_trend(counts, totals),
        before=before,
        after=after,
        share_before=_share(counts[0], totals[0]),
        share_after=_share(counts[1], totals[1]),
        stances=_stances(before, after),
        new_measures=tuple(second[key] for key in second if key not in first),
        gone_measures=tuple(first[key] for key in first if key not in second),
        kept_measures=tuple(second[key] for key in second if key in first),
        figures=_figures(before, after),
    )


def _share(count: int, total: int) -> float:
    return count / total if total else 0.0


def _trend(counts: tuple[int, int], totals: tuple[int, int]) -> Trend:
    if not counts[0]:
        return "new"
    if not counts[1]:
        return "gone"
    low, high = sorted((_share(counts[0], totals[0]), _share(counts[1], totals[1])))
    pooled = sum(counts) / sum(totals)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / totals[0] + 1 / totals[1]))
    if high < _FACTOR * low or high - low < _CLEAR_Z * spread:
        return "steady"
    return "stronger" if high == _share(counts[1], totals[1]) else "weaker"


def _stances(before: ThemeDigest | None, after: ThemeDigest | None) -> Mapping[str, float]:
    if before is None or after is None:
        return {}
    ids = dict.fromkeys((*before.stances, *after.stances))
    return {
        stance: _share(after.stances.get(stance, 0), after.paragraphs)
        - _share(before.stances.get(stance, 0), before.paragraphs)
        for stance in ids
    }


def _measures(theme: ThemeDigest | None) -> dict[str, Measure]:
    return {measure_key(measure.name): measure for measure in theme.measures} if theme else {}


def _figures(before: ThemeDigest | None, after: ThemeDigest | None) -> tuple[FigureChange, ...]:
    first = _by_subject(before.figures if before else ())
    second = _by_subject(after.figures if after else ())
    return tuple(
        FigureChange(first[key], second[key])
        for key in second
        if key in first and first[key].amount != second[key].amount
    )


def _by_subject(figures: Sequence[Figure]) -> dict[tuple[str, str, str], Figure]:
    """Figures by subject, change and unit; one that a set gives several numbers for is left out."""
    found: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in figures:
        if figure.amount and len(figure.subject) > 2:
            found.setdefault((figure.subject, figure.change, figure.amount.unit), []).append(figure)
    return {key: same[0] for key, same in found.items() if len(same) == 1}
