"""A table of ways in which policy text gives figures, each with its one right reading.

The readings of `readings.jsonl` were decided by hand, most of them before any rule was run on the text:
magnitudes, points and percent, ranges, bounds, changes to and by, lists with 分别, periods, and years,
ordinals and names that are no figures.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policylens.data.records import Figure, Paragraph, TaggedParagraph
from policylens.infer.figures.extraction import extract_figures

_TABLE = Path(__file__).parent / "readings.jsonl"
READINGS = [json.loads(line) for line in _TABLE.read_text(encoding="utf-8").splitlines()]


def reading(figure: Figure) -> list[str | float]:
    amount = figure.amount
    read: list[str | float] = [figure.shown, figure.measure, figure.period]
    return read if amount is None else [*read, amount.low, amount.high, amount.unit]


@pytest.mark.parametrize("row", READINGS, ids=[row["text"][:16] for row in READINGS])
def test_reading(row):
    figures = extract_figures([TaggedParagraph(Paragraph("a", 1, "body", row["text"]), "growth", 0.9)])
    assert [reading(figure) for figure in figures] == row["figures"]
    assert all(figure.shown in row["text"] and figure.value in figure.text for figure in figures)
    assert all(figure.subject + figure.change == figure.measure for figure in figures)


def test_table_has_texts_without_figures_too():
    empty = sum(not row["figures"] for row in READINGS)
    assert len(READINGS) >= 300
    assert 50 <= empty <= len(READINGS) // 3
