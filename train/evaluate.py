"""Scores a model on labelled paragraphs, through the `Classifier` that users run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.data.taxonomy import Taxonomy
from policylens.infer.classify import Classifier
from policylens.train.baseline import BaselineLabels, predict_baseline
from policylens.train.metrics import (
    Labels,
    LabelScores,
    Score,
    bootstrap,
    confusion,
    expected_calibration_error,
    label_scores,
    macro_f1,
    top_k_hits,
)

_SOURCE_FIELD = "source"
_TOP = 2

Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Slice:
    """Accuracy on the rows of one source."""

    source: str
    n: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The baseline on the same rows.

    Attributes:
        accuracy: Of the baseline.
        macro_f1: Of the baseline.
        accuracy_gain: Model minus baseline, with a paired bootstrap interval.
        macro_f1_gain: Likewise.
    """

    accuracy: Score
    macro_f1: Score
    accuracy_gain: Score
    macro_f1_gain: Score


@dataclass(frozen=True, slots=True)
class HeadEvaluation:
    """Scores of one head.

    Attributes:
        head: "theme" or "stance".
        n: Rows that have this label.
        accuracy: Share of right labels.
        macro_f1: Mean F1 over the labels that occur.
        top2_accuracy: Share of rows whose label is among the two most probable.
        either_accuracy: Share of rows with the label or the other reading that an annotator found
            defensible; None where no row has one.
        calibration_error: Expected calibration error over 10 bins. Without an interval: resampling only
            adds to it.
        by_label: Scores of each label, in taxonomy order.
        confusion: Counts, rows right label, columns predicted.
        by_source: Accuracy by `source`, most rows first; empty where no row names one.
        baseline: None where no training rows were given.
    """

    head: str
    n: int
    accuracy: Score
    macro_f1: Score
    top2_accuracy: Score
    either_accuracy: Score | None
    calibration_error: float
    by_label: tuple[LabelScores, ...]
    confusion: tuple[tuple[int, ...], ...]
    by_source: tuple[Slice, ...]
    baseline: Comparison | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of a model.

    Attributes:
        model: Name of its folder.
        taxonomy: Name and version.
        backend: What computed it.
        n: Number of paragraphs.
        paragraphs_per_s: Speed, from paragraphs to probabilities, without loading.
        heads: Themes and, where model and rows have them, stances.
    """

    model: str
    taxonomy: str
    backend: str
    n: int
    paragraphs_per_s: float
    heads: tuple[HeadEvaluation, ...]


@dataclass(frozen=True, slots=True)
class _HeadRows:
    """What one head is scored on: labels by name, other readings, probabilities."""

    head: str
    label_ids: tuple[str, ...]
    gold: tuple[str, ...]
    other: tuple[tuple[str, ...], ...]
    probabilities: Probabilities
    sources: tuple[str, ...]
    baseline: tuple[str, ...]


def evaluate(
    classifier: Classifier,
    rows: Sequence[LabelledParagraph],
    *,
    train_rows: Sequence[LabelledParagraph] | None = None,
) -> Evaluation:
    """Scores a model on labelled rows.

    Args:
        classifier: A loaded model.
        rows: Labelled rows, read with its taxonomy. Rows without a stance count for themes only.
        train_rows: Training rows for the baseline; None leaves it out.

    Raises:
        ConfigError: There are no rows.
    """
    if not rows:
        raise ConfigError("there are no labelled paragraphs to evaluate on")
    began = time.perf_counter()
    found = [values for _, values in classifier.probabilities(row.paragraph for row in rows)]
    seconds = time.perf_counter() - began
    baseline = predict_baseline(train_rows, rows) if train_rows else None
    themes = np.stack([values.theme for values in found])
    heads = [_theme_rows(rows, themes, classifier.taxonomy, baseline)]
    if classifier.taxonomy.stances and any(row.stance for row in rows):
        stances = np.stack([values.stance for values in found])
        heads.append(_stance_rows(rows, stances, classifier.taxonomy, baseline))
    return Evaluation(
        model=classifier.bundle.folder.name,
        taxonomy=f"{classifier.taxonomy.name} {classifier.taxonomy.version}",
        backend=classifier.backend.name,
        n=len(rows),
        paragraphs_per_s=len(rows) / seconds,
        heads=tuple(map(_score_head, heads)),
    )


def _theme_rows(
    rows: Sequence[LabelledParagraph],
    probabilities: Probabilities,
    taxonomy: Taxonomy,
    baseline: BaselineLabels | None,
) -> _HeadRows:
    return _HeadRows(
        head="theme",
        label_ids=taxonomy.theme_ids,
        gold=tuple(row.theme for row in rows),
        other=tuple(row.theme_alt for row in rows),
        probabilities=probabilities,
        sources=tuple(map(_source, rows)),
        baseline=baseline.theme if baseline else (),
    )


def _stance_rows(
    rows: Sequence[LabelledParagraph],
    probabilities: Probabilities,
    taxonomy: Taxonomy,
    baseline: BaselineLabels | None,
) -> _HeadRows:
    labelled = [at for at, row in enumerate(rows) if row.stance]
    predicted = baseline.stance if baseline else ()
    return _HeadRows(
        head="stance",
        label_ids=taxonomy.stance_ids,
        gold=tuple(rows[at].stance for at in labelled),
        other=tuple(rows[at].stance_alt for at in labelled),
        probabilities=probabilities[labelled],
        sources=tuple(_source(rows[at]) for at in labelled),
        baseline=tuple(predicted[at] for at in labelled) if predicted else (),
    )


def _source(row: LabelledParagraph) -> str:
    return str(row.paragraph.extra.get(_SOURCE_FIELD) or "")


def _score_head(rows: _HeadRows) -> HeadEvaluation:
    index = {label: at for at, label in enumerate(rows.label_ids)}
    gold = np.array([index[label] for label in rows.gold], np.int64)
    predicted = rows.probabilities.argmax(1)
    right = gold == predicted
    top = top_k_hits(gold, rows.probabilities, k=_TOP)
    n = len(gold)
    return HeadEvaluation(
        head=rows.head,
        n=n,
        accuracy=bootstrap(lambda at: float(right[at].mean()), n),
        macro_f1=bootstrap(lambda at: macro_f1(gold[at], predicted[at]), n),
        top2_accuracy=bootstrap(lambda at: float(top[at].mean()), n),
        either_accuracy=_either(rows, right, predicted.tolist()),
        calibration_error=expected_calibration_error(right, rows.probabilities.max(1)),
        by_label=tuple(label_scores(gold, predicted, rows.label_ids)),
        confusion=tuple(map(tuple, confusion(gold, predicted, n_labels=len(index)).tolist())),
        by_source=_slices(rows.sources, right),
        baseline=_compare(rows.baseline, index, gold, predicted),
    )


def _either(rows: _HeadRows, right: NDArray[np.bool_], predicted: Sequence[int]) -> Score | None:
    if not any(rows.other):
        return None
    other = [rows.label_ids[at] in names for at, names in zip(predicted, rows.other, strict=True)]
    accepted = right | np.array(other, bool)
    return bootstrap(lambda at: float(accepted[at].mean()), len(accepted))


def _slices(sources: Sequence[str], right: NDArray[np.bool_]) -> tuple[Slice, ...]:
    if not any(sources):
        return ()
    names = np.array(sources)
    return tuple(
        Slice(source=source, n=n, accuracy=float(right[names == source].mean()))
        for source, n in Counter(sources).most_common()
    )


def _compare(
    labels: Sequence[str], index: Mapping[str, int], gold: Labels, predicted: Labels
) -> Comparison | None:
    if not labels:
        return None
    baseline = np.array([index[label] for label in labels], np.int64)
    # -1, 0 or 1 by row: the difference of the accuracies on any resample is the mean of these.
    gain = (gold == predicted).astype(float) - (gold == baseline)
    n = len(gold)
    return Comparison(
        accuracy=bootstrap(lambda at: float((gold == baseline)[at].mean()), n),
        macro_f1=bootstrap(lambda at: macro_f1(gold[at], baseline[at]), n),
        accuracy_gain=bootstrap(lambda at: float(gain[at].mean()), n),
        macro_f1_gain=bootstrap(
            lambda at: macro_f1(gold[at], predicted[at]) - macro_f1(gold[at], baseline[at]), n
        ),
    )
