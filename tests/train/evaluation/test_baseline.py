from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from policylens.data.labels import LabelledParagraph
from policylens.train.evaluation.baseline import predict_baseline

Rows = Callable[[int], list[LabelledParagraph]]


def test_baseline_learns_telltale_words(tiny_rows: Rows) -> None:
    rows = tiny_rows(90)
    predicted = predict_baseline(rows[:60], rows[60:])
    assert list(predicted.theme) == [row.theme for row in rows[60:]]
    assert list(predicted.stance) == [row.stance for row in rows[60:]]


def test_labels_of_the_rows_are_not_looked_at(tiny_rows: Rows) -> None:
    rows = tiny_rows(60)
    blank = [replace(row, theme="", stance="") for row in rows[30:]]
    assert predict_baseline(rows[:30], blank) == predict_baseline(rows[:30], rows[30:])


def test_training_rows_without_stances_give_none(tiny_rows: Rows) -> None:
    rows = [replace(row, stance="") for row in tiny_rows(30)]
    assert predict_baseline(rows[:20], rows[20:]).stance == ()


def test_one_label_is_always_predicted(tiny_rows: Rows) -> None:
    rows = [replace(row, theme="rural", stance="") for row in tiny_rows(12)]
    assert predict_baseline(rows[:6], rows[6:]).theme == ("rural",) * 6


def test_title_is_read(tiny_rows: Rows) -> None:
    # The same text under two titles, as in stance toward a target.
    rows = [
        replace(
            row, theme="ab"[at % 2], stance="", paragraph=replace(row.paragraph, text="继续做好工作", title=t)
        )
        for at, row in enumerate(tiny_rows(20))
        for t in [["种植粮食", "培训班"][at % 2]]
    ]
    assert "".join(predict_baseline(rows[:10], rows[10:]).theme) == "ab" * 5
