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
from policylens.infer.classify import Classifier, LabelProbabilities, secondary_themes
from policylens.models.config import Promise, promise_for
from policylens.train.evaluation.baseline import BaselineLabels, predict_baseline
from policylens.train.evaluation.metrics import (
    Labels,
    Score,
    abstention_curve,
    bootstrap,
    confusion,
    expected_calibration_error,
    kept_from,
    label_scores,
    macro_f1,
    reliability,
    share,
    top_k_hits,
)
from policylens.train.evaluation.results import (
    AlsoScores,
    Comparison,
    Evaluation,
    HeadEvaluation,
    Mistake,
    PromiseCheck,
    Slice,
)

__all__ = ["CHECKED_PRECISIONS", "Evaluation", "HeadEvaluation", "evaluate"]

_SOURCE_FIELD = "source"
_TOP = 2
# Precisions that are checked: those that users ask `classify --min-precision` for.
CHECKED_PRECISIONS = (0.90, 0.95, 0.98)
# Headlines and scraps, one or two sentences, whole paragraphs.
_SHORT_CHARS, _MEDIUM_CHARS = 60, 150
_LENGTHS = (f"<= {_SHORT_CHARS}", f"{_SHORT_CHARS + 1}-{_MEDIUM_CHARS}", f"> {_MEDIUM_CHARS}")
# Wrong labels that a report shows with their text, the most confident first.
_MAX_MISTAKES = 25

Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _HeadRows:
    """What one head is scored on: labels by name, other readings, probabilities, and what it promises."""

    head: str
    label_ids: tuple[str, ...]
    rows: tuple[LabelledParagraph, ...]
    gold: tuple[str, ...]
    other: tuple[tuple[str, ...], ...]
    probabilities: Probabilities
    promises: tuple[Promise, ...]
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
    heads = [_theme_rows(rows, themes, classifier, baseline)]
    if classifier.taxonomy.stances and any(row.stance for row in rows):
        stances = np.stack([values.stance for values in found])
        heads.append(_stance_rows(rows, stances, classifier, baseline))
    return Evaluation(
        model=classifier.bundle.folder.name,
        taxonomy=f"{classifier.taxonomy.name} {classifier.taxonomy.version}",
        backend=classifier.backend.name,
        n=len(rows),
        paragraphs_per_s=len(rows) / seconds,
        heads=tuple(map(_score_head, heads)),
        also=_also_scores(
            rows,
            found,
            theme_ids=classifier.taxonomy.theme_ids,
            threshold=classifier.bundle.config.also_threshold,
        ),
    )


def _theme_rows(
    rows: Sequence[LabelledParagraph],
    probabilities: Probabilities,
    classifier: Classifier,
    baseline: BaselineLabels | None,
) -> _HeadRows:
    return _HeadRows(
        head="theme",
        label_ids=classifier.taxonomy.theme_ids,
        rows=tuple(rows),
        gold=tuple(row.theme for row in rows),
        other=tuple(row.theme_alt for row in rows),
        probabilities=probabilities,
        promises=tuple(classifier.bundle.config.abstention.get("theme", ())),
        baseline=baseline.theme if baseline else (),
    )


def _stance_rows(
    rows: Sequence[LabelledParagraph],
    probabilities: Probabilities,
    classifier: Classifier,
    baseline: BaselineLabels | None,
) -> _HeadRows:
    labelled = [at for at, row in enumerate(rows) if row.stance]
    predicted = baseline.stance if baseline else ()
    return _HeadRows(
        head="stance",
        label_ids=classifier.taxonomy.stance_ids,
        rows=tuple(rows[at] for at in labelled),
        gold=tuple(rows[at].stance for at in labelled),
        other=tuple(rows[at].stance_alt for at in labelled),
        probabilities=probabilities[labelled],
        promises=tuple(classifier.bundle.config.abstention.get("stance", ())),
        baseline=tuple(predicted[at] for at in labelled) if predicted else (),
    )


def _source(row: LabelledParagraph) -> str:
    return str(row.paragraph.extra.get(_SOURCE_FIELD) or "")


def _score_head(rows: _HeadRows) -> HeadEvaluation:
    index = {label: at for at, label in enumerate(rows.label_ids)}
    gold = np.array([index[label] for label in rows.gold], np.int64)
    predicted, confidence = rows.probabilities.argmax(1), rows.probabilities.max(1)
    right = gold == predicted
    top = top_k_hits(gold, rows.probabilities, k=_TOP)
    n = len(gold)
    sources = list(map(_source, rows.rows))
    names = [name for name, _ in Counter(sources).most_common()] if any(sources) else []
    return HeadEvaluation(
        head=rows.head,
        n=n,
        accuracy=bootstrap(lambda at: float(right[at].mean()), n),
        macro_f1=bootstrap(lambda at: macro_f1(gold[at], predicted[at]), n),
        top2_accuracy=bootstrap(lambda at: float(top[at].mean()), n),
        either_accuracy=_either(rows, right, predicted.tolist()),
        calibration_error=expected_calibration_error(right, confidence),
        by_label=tuple(label_scores(gold, predicted, rows.label_ids)),
        confusion=tuple(map(tuple, confusion(gold, predicted, n_labels=len(index)).tolist())),
        by_source=_slices(sources, right, names),
        by_length=_slices([_length(row) for row in rows.rows], right, _LENGTHS),
        reliability=tuple(reliability(right, confidence)),
        abstention=tuple(abstention_curve(right, confidence)),
        promises=_check_promises(rows.promises, right, confidence),
        mistakes=_mistakes(rows, gold, predicted),
        baseline=_compare(rows.baseline, index, gold, predicted),
    )


def _length(row: LabelledParagraph) -> str:
    n_chars = len(row.paragraph.text)
    return _LENGTHS[(n_chars > _SHORT_CHARS) + (n_chars > _MEDIUM_CHARS)]


def _check_promises(
    promises: Sequence[Promise], right: NDArray[np.bool_], confidence: Probabilities
) -> tuple[PromiseCheck, ...]:
    return tuple(
        _check_promise(precision, promise_for(promises, precision), right, confidence)
        for precision in (CHECKED_PRECISIONS if promises else ())
    )


def _check_promise(
    precision: float, promise: Promise | None, right: NDArray[np.bool_], confidence: Probabilities
) -> PromiseCheck:
    if promise is None:
        return PromiseCheck(precision, None, None, "not promised")
    kept = kept_from(right, confidence, least=promise.confidence)
    if kept is None:
        return PromiseCheck(precision, promise.confidence, None, "nothing kept")
    verdict = "within chance" if kept.precision.high >= precision else "broken"
    if kept.precision.value >= precision:
        verdict = "kept"
    return PromiseCheck(precision, promise.confidence, kept, verdict)


def _mistakes(rows: _HeadRows, gold: Labels, predicted: Labels) -> tuple[Mistake, ...]:
    confidence = rows.probabilities.max(1)
    wrong = np.flatnonzero(gold != predicted)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:_MAX_MISTAKES]
    found = []
    for at in worst.tolist():
        par, label = rows.rows[at].paragraph, rows.label_ids[predicted[at]]
        found.append(
            Mistake(
                doc=par.doc,
                para=par.para,
                id=par.id,
                source=_source(rows.rows[at]),
                title=par.title,
                text=par.text,
                gold=rows.gold[at],
                predicted=label,
                confidence=float(confidence[at]),
                gold_probability=float(rows.probabilities[at, gold[at]]),
                defensible=label in rows.other[at],
            )
        )
    return tuple(found)


def _also_scores(
    rows: Sequence[LabelledParagraph],
    found: Sequence[LabelProbabilities],
    *,
    theme_ids: Sequence[str],
    threshold: float,
) -> AlsoScores | None:
    n_given = sum(len(row.also) for row in rows)
    if not n_given:
        return None
    reported = [[theme_ids[at] for at in secondary_themes(values, threshold=threshold)] for values in found]
    hits = sum(len({*row.also} & {*names}) for row, names in zip(rows, reported, strict=True))
    n_reported = sum(map(len, reported))
    return AlsoScores(
        threshold=threshold,
        precision=share(hits, n_reported) if n_reported else None,
        recall=share(hits, n_given),
    )


def _either(rows: _HeadRows, right: NDArray[np.bool_], predicted: Sequence[int]) -> Score | None:
    if not any(rows.other):
        return None
    other = [rows.label_ids[at] in names for at, names in zip(predicted, rows.other, strict=True)]
    accepted = right | np.array(other, bool)
    return bootstrap(lambda at: float(accepted[at].mean()), len(accepted))


def _slices(parts: Sequence[str], right: NDArray[np.bool_], names: Sequence[str]) -> tuple[Slice, ...]:
    places = np.array(parts)
    counted = ((name, places == name) for name in names)
    return tuple(
        Slice(name, int(inside.sum()), share(int(right[inside].sum()), int(inside.sum())))
        for name, inside in counted
        if inside.any()
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
