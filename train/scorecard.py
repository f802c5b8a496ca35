"""An evaluation as JSON or as Markdown tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from policylens.data.taxonomy import Label, Taxonomy
from policylens.train.evaluate import Evaluation, HeadEvaluation
from policylens.train.metrics import Score

# More rows of confusions than this nobody reads; the JSON form has the whole matrix.
_MAX_CONFUSIONS = 15
_HEAD_TITLES = {"theme": "Themes", "stance": "Stances"}


def to_json(evaluation: Evaluation) -> str:
    """All scores as a JSON object, counts and intervals included."""
    return json.dumps(asdict(evaluation), ensure_ascii=False, indent=2) + "\n"


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
        f"{evaluation.paragraphs_per_s:,.0f} paragraphs/s. Brackets: 95 % bootstrap interval.",
    ]
    for head in evaluation.heads:
        lines += ["", f"## {_HEAD_TITLES[head.head]} ({head.n:,} paragraphs)", "", *_scores(head)]
        labels = taxonomy.themes if head.head == "theme" else taxonomy.stances
        lines += _section("Largest confusions", _confusions(head, labels))
        lines += _section("By label", _by_label(head, labels))
        lines += _section("By source", _by_source(head))
    return "\n".join(lines) + "\n"


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
            f"{scores.f1:.3f}",
            str(scores.support),
        )
        for label, scores in zip(labels, head.by_label, strict=True)
    ]
    return _table(("label", "precision", "recall", "F1", "n"), rows)


def _by_source(head: HeadEvaluation) -> list[str]:
    rows = [(part.source or "(none)", f"{part.accuracy:.3f}", str(part.n)) for part in head.by_source]
    return _table(("source", "accuracy", "n"), rows) if rows else []


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
