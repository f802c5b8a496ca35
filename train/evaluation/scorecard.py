"""An evaluation as JSON or as Markdown tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from policylens.data.taxonomy import Label, Taxonomy
from policylens.models.config import promise_for
from policylens.train.evaluation.calibrate import CalibrationReport
from policylens.train.evaluation.evaluate import CHECKED_PRECISIONS
from policylens.train.evaluation.metrics import Score
from policylens.train.evaluation.results import AlsoScores, Evaluation, HeadEvaluation, Slice

# More rows of confusions than this nobody reads; the JSON form has the whole matrix.
_MAX_CONFUSIONS = 15
_HEAD_TITLES = {"theme": "Themes", "stance": "Stances"}


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
        f"# {evaluation.model}: {evaluation.n:,} paragraphs",
        "",
        f"Taxonomy {evaluation.taxonomy}; {evaluation.backend}, "
        f"{rate(evaluation.paragraphs_per_s)} paragraphs/s. Brackets: 95 % interval.",
    ]
    for head in evaluation.heads:
        lines += ["", f"## {_HEAD_TITLES[head.head]} ({head.n:,} paragraphs)", "", *_scores(head)]
        labels = taxonomy.themes if head.head == "theme" else taxonomy.stances
        lines += _section("Largest confusions", _confusions(head, labels))
        lines += _section("By label", _by_label(head, labels))
        lines += _section("Labels held back for a precision", _promises(head))
        lines += _section("By source", _slices("source", head.by_source))
        lines += _section("By length in characters", _slices("length", head.by_length))
    if evaluation.also is not None:
        lines += ["", "## Secondary themes", "", *_also(evaluation.also)]
    return "\n".join(lines) + "\n"


def rate(per_second: float) -> str:
    """A speed for reading: whole numbers, one decimal below ten."""
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"


def calibration_summary(report: CalibrationReport) -> str:
    """What a calibration changed and what it promises, in lines."""
    lines = []
    for head in report.heads:
        lines.append(
            f"{head.head}: temperature {head.temperature_before:.3f} -> {head.temperature:.3f}, calibration "
            f"error {head.error_before:.3f} -> {head.error:.3f} (cross-validated) on {head.n:,} paragraphs"
        )
        for precision in CHECKED_PRECISIONS:
            promise = promise_for(head.promises, precision)
            found = (
                "cannot be promised"
                if promise is None
                else f"keeps {promise.coverage:.1%}, from a probability of {promise.confidence:.3f} on"
            )
            lines.append(f"  precision {precision:.2f} {found}")
    lines.append(
        f"secondary themes: from a probability of {report.also_threshold:.2f} on, "
        f"before {report.also_threshold_before:.2f}"
    )
    return "\n".join(lines)


def summary(evaluation: Evaluation) -> str:
    """Accuracy and macro-F1 of each head, a line each."""
    return "\n".join(
        f"{head.head:<7} accuracy {_interval(head.accuracy)}  macro-F1 {_interval(head.macro_f1)}"
        for head in evaluation.heads
    )


def _scores(head: HeadEvaluation) -> list[str]:
    rows = [
        ("accuracy", _interval(head.accuracy)),
        ("macro-F1", _interval(head.macro_f1)),
        ("top-2 accuracy", _interval(head.top2_accuracy)),
    ]
    if head.either_accuracy is not None:
        rows.append(("accuracy, either reading", _interval(head.either_accuracy)))
    rows.append(("calibration error", f"{head.calibration_error:.3f}"))
    if head.baseline is not None:
        rows += [
            ("baseline accuracy", _interval(head.baseline.accuracy)),
            ("baseline macro-F1", _interval(head.baseline.macro_f1)),
            ("gain in accuracy", _interval(head.baseline.accuracy_gain, signed=True)),
            ("gain in macro-F1", _interval(head.baseline.macro_f1_gain, signed=True)),
        ]
    return _table(("score", "value"), rows)


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
    return _table(("n", "right label", "predicted"), rows) if rows else []


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
    return _table(("label", "precision", "recall", "F1", "n"), rows)


def _slices(what: str, slices: Sequence[Slice]) -> list[str]:
    rows = [(part.name or "(none)", _interval(part.accuracy), str(part.n)) for part in slices]
    return _table((what, "accuracy", "n"), rows) if rows else []


def _promises(head: HeadEvaluation) -> list[str]:
    rows = []
    for check in head.promises:
        least = "-" if check.confidence is None else f"{check.confidence:.3f}"
        coverage, precision = "0.000", "-"
        if check.kept is not None:
            coverage, precision = f"{check.kept.coverage:.3f}", _interval(check.kept.precision)
        rows.append((f"{check.precision:.2f}", least, coverage, precision, check.verdict))
    return _table(("promised", "least probability", "coverage", "precision", "promise"), rows) if rows else []


def _also(also: AlsoScores) -> list[str]:
    precision = "-" if also.precision is None else _interval(also.precision)
    rows = [
        ("precision", precision),
        ("recall", _interval(also.recall)),
        ("least probability", f"{also.threshold:.2f}"),
    ]
    return _table(("score", "value"), rows)


def _section(title: str, table: list[str]) -> list[str]:
    return ["", f"### {title}", "", *table] if table else []


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |" for cells in lines]


def _name(label: Label) -> str:
    return label.id if label.id == label.name_zh else f"{label.id} {label.name_zh}"


def _interval(score: Score, *, signed: bool = False) -> str:
    number = "+.3f" if signed else ".3f"
    return f"{score.value:{number}} [{score.low:{number}}, {score.high:{number}}]"
