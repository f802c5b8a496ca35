"""Two models on the same labelled paragraphs: what the new one gains and loses, chance set apart."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.infer.classify import Classifier
from policylens.infer.messages import Sentences, columns, text
from policylens.train.evaluation.metrics import (
    Labels,
    Score,
    bootstrap,
    confusion,
    expected_calibration_error,
    macro_f1,
)
from policylens.train.evaluation.wording import compared_title, markdown_table

Verdict = Literal["better", "same", "worse"]

_LEVEL = 0.05
_CUT = 60
# Rows of the Markdown form; the JSON form has all.
_MAX_CHANGES = 30
_OUTCOMES: Sentences = {
    "better": "{new} is better than {old}",
    "worse": "{new} is worse than {old}",
    "same": "{new} is not told apart from {old}",
}

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelChange:
    """F1 of one label under both models.

    Attributes:
        label: Its id.
        n: Rows that have it.
        old_f1: F1 of the old model.
        new_f1: F1 of the new one.
    """

    label: str
    n: int
    old_f1: float
    new_f1: float


@dataclass(frozen=True, slots=True)
class PredictionChange:
    """A paragraph that the models label differently.

    Attributes:
        doc: Its document.
        id: Its identifier, "" where it has none.
        text: Its text.
        right: The label that it has in the data.
        old: Label of the old model.
        old_score: Its probability.
        new: Label of the new model.
        new_score: Its probability.
    """

    doc: str
    id: str
    text: str
    right: str
    old: str
    old_score: float
    new: str
    new_score: float


@dataclass(frozen=True, slots=True)
class HeadComparison:
    """One head.

    Attributes:
        head: "theme" or "stance".
        n: Rows that have this label.
        old_accuracy: Of the old model.
        new_accuracy: Of the new one.
        accuracy_gain: New minus old, with its paired bootstrap interval.
        old_macro_f1: Of the old model.
        new_macro_f1: Of the new one.
        macro_f1_gain: New minus old, likewise.
        gained: Rows that only the new model has right.
        lost: Rows that only the old one has right.
        p_value: Exact McNemar test of gained against lost.
        old_ece: Expected calibration error of the old model.
        new_ece: Of the new one.
        verdict: "better" or "worse" where the interval of the accuracy gain excludes 0 and the test agrees at
            the 5 % level, else "same": not told apart by these rows.
        labels: F1 by label, largest change first.
        changes: Paragraphs that the models label differently: losses, gains, then those that both have wrong.
    """

    head: str
    n: int
    old_accuracy: float
    new_accuracy: float
    accuracy_gain: Score
    old_macro_f1: float
    new_macro_f1: float
    macro_f1_gain: Score
    gained: int
    lost: int
    p_value: float
    old_ece: float
    new_ece: float
    verdict: Verdict
    labels: tuple[LabelChange, ...]
    changes: tuple[PredictionChange, ...]


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Two models on the same rows.

    Attributes:
        old: Name of the old model's folder.
        new: Of the new one's.
        n: Rows.
        verdict: "worse" if any head is, else "better" if any head is, else "same".
        old_paragraphs_per_s: Speed of the old model.
        new_paragraphs_per_s: Of the new one.
        heads: Themes and, where both models and the rows have them, stances.
    """

    old: str
    new: str
    n: int
    verdict: Verdict
    old_paragraphs_per_s: float
    new_paragraphs_per_s: float
    heads: tuple[HeadComparison, ...]


@dataclass(frozen=True, slots=True)
class _Predictions:
    """Of one model and head: labels as numbers, and their probabilities."""

    labels: Labels
    scores: NDArray[np.float32]


def compare_models(old: Classifier, new: Classifier, rows: Sequence[LabelledParagraph]) -> ModelComparison:
    """Compares two models on labelled rows.

    Their taxonomies may differ: what counts is whether a label is that of the row.

    Args:
        old: The model in use.
        new: The one that may replace it.
        rows: Labelled rows, trained on by neither.

    Raises:
        ConfigError: There are no rows.
    """
    if not rows:
        raise ConfigError("there are no labelled paragraphs to compare the models on")
    found = [_predict(model, rows) for model in (old, new)]
    heads = [_compare_head("theme", old, new, rows, [themes for themes, _, _ in found])]
    if old.taxonomy.stances and new.taxonomy.stances and any(row.stance for row in rows):
        heads.append(_compare_head("stance", old, new, rows, [stances for _, stances, _ in found]))
    verdicts = {head.verdict for head in heads}
    return ModelComparison(
        old=str(old.bundle.folder),
        new=str(new.bundle.folder),
        n=len(rows),
        verdict="worse" if "worse" in verdicts else "better" if "better" in verdicts else "same",
        old_paragraphs_per_s=len(rows) / found[0][2],
        new_paragraphs_per_s=len(rows) / found[1][2],
        heads=tuple(heads),
    )


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided p-value of the exact McNemar test, 1 where the models differ nowhere.

    Args:
        gained: Rows that only the new model has right.
        lost: Rows that only the old one has right.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947;
    exact binomial form.
    """
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def to_json(comparison: ModelComparison) -> str:
    """The whole comparison as a JSON object."""
    return json.dumps(asdict(comparison), ensure_ascii=False, indent=2) + "\n"


def to_markdown(comparison: ModelComparison) -> str:
    """The comparison as Markdown in the user's language, verdict first."""
    lines = [
        "# " + text(_OUTCOMES[comparison.verdict], new=comparison.new, old=comparison.old),
        "",
        text(
            "{n} paragraphs. Brackets: 95 % paired bootstrap interval. Speed, one pass: {old} paragraphs/s, "
            "then {new}.",
            n=f"{comparison.n:,}",
            old=f"{comparison.old_paragraphs_per_s:,.1f}",
            new=f"{comparison.new_paragraphs_per_s:,.1f}",
        ),
    ]
    for head in comparison.heads:
        lines += ["", f"## {compared_title(head.head, head.n, head.verdict)}", "", *_scores(head)]
        changed = [label for label in head.labels if label.old_f1 != label.new_f1]
        if changed:
            lines += ["", f"### {text('Labels whose F1 changes')}", "", *_label_table(changed)]
        if head.changes:
            title = text("Changed labels ({n} paragraphs)", n=f"{len(head.changes):,}")
            lines += ["", f"### {title}", "", *_changes(head)]
    return "\n".join(lines) + "\n"


def _predict(
    model: Classifier, rows: Sequence[LabelledParagraph]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    # What is compiled for the first batches of each shape is no part of the speed.
    list(model.probabilities(row.paragraph for row in rows[:8]))
    began = time.perf_counter()
    found = [values for _, values in model.probabilities(row.paragraph for row in rows)]
    seconds = time.perf_counter() - began
    return np.stack([one.theme for one in found]), np.stack([one.stance for one in found]), seconds


def _compare_head(
    head: str,
    old: Classifier,
    new: Classifier,
    rows: Sequence[LabelledParagraph],
    probabilities: Sequence[NDArray[np.float32]],
) -> HeadComparison:
    of_theme = head == "theme"
    ids = [model.taxonomy.theme_ids if of_theme else model.taxonomy.stance_ids for model in (old, new)]
    labels = [row.theme if of_theme else row.stance for row in rows]
    kept = [at for at, label in enumerate(labels) if label]
    names = list(dict.fromkeys([*ids[1], *ids[0], *(labels[at] for at in kept)]))
    index = {name: at for at, name in enumerate(names)}
    gold = np.array([index[labels[at]] for at in kept], np.int64)
    before, after = (
        _Predictions(
            np.array([index[known[at]] for at in found[kept].argmax(1)], np.int64), found[kept].max(1)
        )
        for known, found in zip(ids, probabilities, strict=True)
    )
    was_right, is_right = before.labels == gold, after.labels == gold
    gain = bootstrap(lambda at: float(is_right[at].mean()) - float(was_right[at].mean()), len(gold))
    f1_gain = bootstrap(
        lambda at: macro_f1(gold[at], after.labels[at]) - macro_f1(gold[at], before.labels[at]), len(gold)
    )
    gained, lost = int((is_right & ~was_right).sum()), int((was_right & ~is_right).sum())
    p_value = mcnemar(gained, lost)
    return HeadComparison(
        head=head,
        n=len(gold),
        old_accuracy=float(was_right.mean()),
        new_accuracy=float(is_right.mean()),
        accuracy_gain=gain,
        old_macro_f1=macro_f1(gold, before.labels),
        new_macro_f1=macro_f1(gold, after.labels),
        macro_f1_gain=f1_gain,
        gained=gained,
        lost=lost,
        p_value=p_value,
        old_ece=expected_calibration_error(was_right, before.scores),
        new_ece=expected_calibration_error(is_right, after.scores),
        verdict=_verdict(gain, p_value),
        labels=_label_changes(names, gold, before.labels, after.labels),
        changes=_prediction_changes([rows[at] for at in kept], names, gold, before, after),
    )


def _verdict(gain: Score, p_value: float) -> Verdict:
    # Both, since the bootstrap is too sure of a handful of changed labels.
    if p_value >= _LEVEL or gain.low <= 0 <= gain.high:
        return "same"
    return "better" if gain.value > 0 else "worse"


def _label_changes(names: Sequence[str], gold: Labels, old: Labels, new: Labels) -> tuple[LabelChange, ...]:
    before, after = (_f1_by_label(gold, labels, n_labels=len(names)) for labels in (old, new))
    support = np.bincount(gold, minlength=len(names))
    seen = [at for at in range(len(names)) if support[at] or (old == at).any() or (new == at).any()]
    changes = [LabelChange(names[at], int(support[at]), float(before[at]), float(after[at])) for at in seen]
    return tuple(sorted(changes, key=lambda change: (-abs(change.new_f1 - change.old_f1), change.label)))


def _f1_by_label(gold: Labels, predicted: Labels, *, n_labels: int) -> NDArray[np.float64]:
    table = confusion(gold, predicted, n_labels=n_labels)
    f1: NDArray[np.float64] = 2 * np.diag(table) / np.maximum(1, table.sum(0) + table.sum(1))
    return f1


def _prediction_changes(
    rows: Sequence[LabelledParagraph],
    names: Sequence[str],
    gold: Labels,
    before: _Predictions,
    after: _Predictions,
) -> tuple[PredictionChange, ...]:
    changed = np.flatnonzero(before.labels != after.labels).tolist()
    # 0 a loss, 1 a gain, 2 wrong before and after.
    kind = {
        at: 0 if before.labels[at] == gold[at] else 1 if after.labels[at] == gold[at] else 2 for at in changed
    }
    return tuple(
        PredictionChange(
            doc=rows[at].paragraph.doc,
            id=rows[at].paragraph.id,
            text=rows[at].paragraph.text,
            right=names[gold[at]],
            old=names[before.labels[at]],
            old_score=float(before.scores[at]),
            new=names[after.labels[at]],
            new_score=float(after.scores[at]),
        )
        for at in sorted(changed, key=lambda at: (kind[at], -float(after.scores[at])))
    )


def _scores(head: HeadComparison) -> list[str]:
    rows = [
        (text("accuracy"), f"{head.old_accuracy:.3f}", f"{head.new_accuracy:.3f}", _gain(head.accuracy_gain)),
        (text("macro-F1"), f"{head.old_macro_f1:.3f}", f"{head.new_macro_f1:.3f}", _gain(head.macro_f1_gain)),
        (
            text("calibration error"),
            f"{head.old_ece:.3f}",
            f"{head.new_ece:.3f}",
            f"{head.new_ece - head.old_ece:+.3f}",
        ),
        (text("right in only one"), str(head.lost), str(head.gained), f"McNemar p = {head.p_value:.3f}"),
    ]
    return markdown_table(columns(" | old | new | change"), rows)


def _label_table(labels: Sequence[LabelChange]) -> list[str]:
    rows = [
        (
            label.label,
            str(label.n),
            f"{label.old_f1:.3f}",
            f"{label.new_f1:.3f}",
            f"{label.new_f1 - label.old_f1:+.3f}",
        )
        for label in labels
    ]
    return markdown_table(columns("label | n | old | new | change"), rows)


def _changes(head: HeadComparison) -> list[str]:
    rows = [
        (
            _kind(change),
            change.right,
            f"{change.old} {change.old_score:.2f}",
            f"{change.new} {change.new_score:.2f}",
            _short(change.text),
        )
        for change in head.changes[:_MAX_CHANGES]
    ]
    more = len(head.changes) - len(rows)
    note = ["", text("{n} more in the JSON form.", n=f"{more:,}")] if more > 0 else []
    return [*markdown_table(columns(" | right label | old | new | text"), rows), *note]


def _kind(change: PredictionChange) -> str:
    if change.new == change.right:
        return text("gained")
    return text("lost") if change.old == change.right else text("both wrong")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CUT else line[: _CUT - 1] + "…"


def _gain(score: Score) -> str:
    return f"{score.value:+.3f} [{score.low:+.3f}, {score.high:+.3f}]"
