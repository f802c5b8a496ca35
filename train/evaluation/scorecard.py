"""An evaluation as JSON, or as Markdown tables in the user's language."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.messages import columns, text
from policylens.models.config import Promise, promise_for
from policylens.train.evaluation.calibrate import CalibrationReport
from policylens.train.evaluation.evaluate import CHECKED_PRECISIONS
from policylens.train.evaluation.metrics import Score
from policylens.train.evaluation.results import AlsoScores, Evaluation, HeadEvaluation, Slice
from policylens.train.evaluation.wording import HEADS, VERDICTS, head_title, markdown_table

# More rows of confusions than this nobody reads; the JSON form has the whole matrix.
_MAX_CONFUSIONS = 15


def to_json(evaluation: Evaluation) -> str:
    """All scores as a JSON object, counts and intervals included.

    Mistakes come without their text: the scores of a model are passed on with it, the paragraphs may not be.
    """
    values = asdict(evaluation)
    for head in values["heads"]:
        for mistake in head["mistakes"]:
            del mistake["text"], mistake["title"]
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"


def to_markdown(evaluation: Evaluation, taxonomy: Taxonomy) -> str:
    """Tables of the scores, the largest confusions first.

    Args:
        evaluation: The scores.
        taxonomy: That of the model, for the names of the labels.
    """
    lines = [
        "# " + text("{model}: {n} paragraphs", model=evaluation.model, n=f"{evaluation.n:,}"),
        "",
        text(
            "Taxonomy {taxonomy}; {backend}, {rate} paragraphs/s. Brackets: 95 % interval.",
            taxonomy=evaluation.taxonomy,
            backend=evaluation.backend,
            rate=rate(evaluation.paragraphs_per_s),
        ),
    ]
    for head in evaluation.heads:
        lines += ["", f"## {head_title(head.head, head.n)}", "", *_scores(head)]
        labels = taxonomy.themes if head.head == "theme" else taxonomy.stances
        lines += _section(text("Largest confusions"), _confusions(head, labels))
        lines += _section(text("By label"), _by_label(head, labels))
        lines += _section(text("Labels held back for a precision"), _promises(head))
        by_source = _slices(columns("source | accuracy | n"), head.by_source)
        lines += _section(text("By source"), by_source)
        by_length = _slices(columns("length | accuracy | n"), head.by_length)
        lines += _section(text("By length in characters"), by_length)
    if evaluation.also is not None:
        lines += ["", f"## {text('Secondary themes')}", "", *_also(evaluation.also)]
    return "\n".join(lines) + "\n"


def rate(per_second: float) -> str:
    """A speed for reading: whole numbers, one decimal below ten."""
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"


def calibration_summary(report: CalibrationReport) -> str:
    """What a calibration changed and what it promises, in lines."""
    lines = []
    for head in report.heads:
        changed = text(
            "{head}: temperature {before} -> {after}, calibration error {error_before} -> {error} "
            "(cross-validated) on {n} paragraphs",
            head=text(HEADS[head.head]),
            before=f"{head.temperature_before:.3f}",
            after=f"{head.temperature:.3f}",
            error_before=f"{head.error_before:.3f}",
            error=f"{head.error:.3f}",
            n=f"{head.n:,}",
        )
        lines += [changed, *(_promise_line(head.promises, precision) for precision in CHECKED_PRECISIONS)]
    also = text(
        "secondary themes: from a probability of {threshold} on, before {before}",
        threshold=f"{report.also_threshold:.2f}",
        before=f"{report.also_threshold_before:.2f}",
    )
    return "\n".join([*lines, also])


def summary(evaluation: Evaluation) -> str:
    """Accuracy and macro-F1 of each head, a line each."""
    return "\n".join(
        text(
            "{head} accuracy {accuracy}  macro-F1 {macro_f1}",
            head=f"{text(HEADS[head.head]):<7}",
            accuracy=_interval(head.accuracy),
            macro_f1=_interval(head.macro_f1),
        )
        for head in evaluation.heads
    )


def _promise_line(promises: Sequence[Promise], precision: float) -> str:
    promise = promise_for(promises, precision)
    if promise is None:
        return text("  precision {precision} cannot be promised", precision=f"{precision:.2f}")
    return text(
        "  precision {precision} keeps {share}, from a probability of {probability} on",
        precision=f"{precision:.2f}",
        share=f"{promise.coverage:.1%}",
        probability=f"{promise.confidence:.3f}",
    )


def _scores(head: HeadEvaluation) -> list[str]:
    rows = [
        (text("accuracy"), _interval(head.accuracy)),
        (text("macro-F1"), _interval(head.macro_f1)),
        (text("top-2 accuracy"), _interval(head.top2_accuracy)),
    ]
    if head.either_accuracy is not None:
        rows.append((text("accuracy, either reading"), _interval(head.either_accuracy)))
    rows.append((text("calibration error"), f"{head.calibration_error:.3f}"))
    if head.baseline is not None:
        rows += [
            (text("baseline accuracy"), _interval(head.baseline.accuracy)),
            (text("baseline macro-F1"), _interval(head.baseline.macro_f1)),
            (text("gain in accuracy"), _interval(head.baseline.accuracy_gain, signed=True)),
            (text("gain in macro-F1"), _interval(head.baseline.macro_f1_gain, signed=True)),
        ]
    return markdown_table(columns("score | value"), rows)


def _confusions(head: HeadEvaluation, labels: Sequence[Label]) -> list[str]:
    cells = [
        (n, right, chosen)
        for right, row in enumerate(head.confusion)
        for chosen, n in enumerate(row)
        if n and right != chosen
    ]
    cells.sort(key=lambda cell: (-cell[0], cell[1], cell[2]))
    rows = [
        (str(n), _name(labels[right]), _name(labels[chosen])) for n, right, chosen in cells[:_MAX_CONFUSIONS]
    ]
    return markdown_table(columns("n | right label | predicted"), rows) if rows else []


def _by_label(head: HeadEvaluation, labels: Sequence[Label]) -> list[str]:
    rows = [
        (
            _name(label),
            f"{scores.precision:.3f}",
            f"{scores.recall:.3f}",
            f"{scores.f1:.3f} [{scores.f1_low:.3f}, {scores.f1_high:.3f}]",
            str(scores.support),
        )
        for label, scores in zip(labels, head.by_label, strict=True)
    ]
    return markdown_table(columns("label | precision | recall | F1 | n"), rows)


def _slices(header: Sequence[str], slices: Sequence[Slice]) -> list[str]:
    rows = [(part.name or text("(none)"), _interval(part.accuracy), str(part.n)) for part in slices]
    return markdown_table(header, rows) if rows else []


def _promises(head: HeadEvaluation) -> list[str]:
    rows = []
    for check in head.promises:
        least = "-" if check.confidence is None else f"{check.confidence:.3f}"
        coverage, precision = "0.000", "-"
        if check.kept is not None:
            coverage, precision = f"{check.kept.coverage:.3f}", _interval(check.kept.precision)
        rows.append((f"{check.precision:.2f}", least, coverage, precision, text(VERDICTS[check.verdict])))
    header = columns("promised | least probability | coverage | precision | promise")
    return markdown_table(header, rows) if rows else []


def _also(also: AlsoScores) -> list[str]:
    precision = "-" if also.precision is None else _interval(also.precision)
    rows = [
        (text("precision"), precision),
        (text("recall"), _interval(also.recall)),
        (text("least probability"), f"{also.threshold:.2f}"),
    ]
    return markdown_table(columns("score | value"), rows)


def _section(title: str, table: list[str]) -> list[str]:
    return ["", f"### {title}", "", *table] if table else []


def _name(label: Label) -> str:
    return label.id if label.id == label.name_zh else f"{label.id} {label.name_zh}"


def _interval(score: Score, *, signed: bool = False) -> str:
    number = "+.3f" if signed else ".3f"
    return f"{score.value:{number}} [{score.low:{number}}, {score.high:{number}}]"
