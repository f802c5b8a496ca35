"""An evaluation as one HTML page in the user's language: scores, charts, slices, the worst errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup, escape

from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.messages import columns, language_tag, text
from policylens.train.evaluation.charts import (
    abstention_chart,
    confusion_chart,
    interval_bar,
    reliability_chart,
)
from policylens.train.evaluation.metrics import Score
from policylens.train.evaluation.results import Evaluation, HeadEvaluation
from policylens.train.evaluation.scorecard import rate
from policylens.train.evaluation.wording import TITLES, VERDICTS

# A matrix of more labels is no longer read; those with the most errors are shown.
_MAX_MATRIX = 40
# Longer texts are folded behind their beginning.
_SHOWN_CHARS = 260


@dataclass(frozen=True, slots=True)
class _Head:
    """One head as the page shows it."""

    scores: HeadEvaluation
    title: str
    names: dict[str, str]
    reliability: Markup
    abstention: Markup
    confusion: Markup
    left_out: int


def render_page(evaluation: Evaluation, taxonomy: Taxonomy) -> str:
    """Render an evaluation as a page that needs no network and no script.

    Args:
        evaluation: The scores.
        taxonomy: That of the model, for the names of the labels.

    Returns:
        The page, with all text from the data escaped.
    """
    from jinja2 import Environment, StrictUndefined

    source = files("policylens.train").joinpath("templates/evaluation.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"bar": interval_bar, "code": with_code, "interval": _interval, "rate": rate}
    environment.globals |= {
        "columns": columns,
        "language": language_tag(),
        "text": text,
        "verdicts": VERDICTS,
    }
    heads = [
        _head(head, taxonomy.themes if head.head == "theme" else taxonomy.stances)
        for head in evaluation.heads
    ]
    page = environment.from_string(source).render(
        evaluation=evaluation, heads=heads, shown_chars=_SHOWN_CHARS, score_of=Score
    )
    return page + "\n"


def _head(head: HeadEvaluation, labels: Sequence[Label]) -> _Head:
    names = [_name(label) for label in labels]
    title = text(TITLES[head.head])
    chosen = _most_confused(head.confusion)
    table = [[head.confusion[row][column] for column in chosen] for row in chosen]
    return _Head(
        scores=head,
        title=title,
        names={label.id: name for label, name in zip(labels, names, strict=True)},
        reliability=reliability_chart(
            head.reliability, title=text("{head}: share right by confidence", head=title)
        ),
        abstention=abstention_chart(
            head.abstention, head.promises, title=text("{head}: share right by share kept", head=title)
        ),
        confusion=confusion_chart(
            table,
            [names[at] for at in chosen],
            title=text("{head}: confusion matrix, rows the right labels", head=title),
        ),
        left_out=len(labels) - len(chosen),
    )


def with_code(sentence: str) -> Markup:
    """A sentence with what stands between backticks set as code; everything in it is escaped."""
    parts = escape(sentence).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )


def _most_confused(table: Sequence[Sequence[int]]) -> list[int]:
    """Labels of the matrix, in their order: all, or those with the most errors."""

    def errors(at: int) -> int:
        return sum(table[at]) + sum(row[at] for row in table) - 2 * table[at][at]

    worst = sorted(range(len(table)), key=lambda at: -errors(at))[:_MAX_MATRIX]
    return sorted(worst)


def _name(label: Label) -> str:
    return label.name_zh or label.id


def _interval(score: Score, *, signed: bool = False) -> Markup:
    """A share in per cent with its interval, e.g. "83.2 (77.7–88.1)"."""
    number, to = ("+.1f", text(" to ")) if signed else (".1f", "–")
    value, low, high = (format(100 * part, number) for part in (score.value, score.low, score.high))
    return Markup('{} <span class="ci">({}{}{})</span>').format(value, low, to, high)
