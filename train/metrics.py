"""Scores of predicted labels, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Precision, recall and F1 in [0, 1] of one label, and how many paragraphs have it."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


def confusion(gold: Labels, predicted: Labels, *, n_labels: int) -> NDArray[np.int64]:
    """Counts `[n_labels, n_labels]`, rows gold, columns predicted."""
    cells = np.bincount(gold * n_labels + predicted, minlength=n_labels * n_labels)
    return cells.reshape(n_labels, n_labels)


def accuracy(gold: Labels, predicted: Labels) -> float:
    """Share of paragraphs with the right label."""
    return float((gold == predicted).mean())


def macro_f1(gold: Labels, predicted: Labels) -> float:
    """Mean F1 over the labels that occur in `gold` or `predicted` (as scikit-learn's default)."""
    n_labels = int(max(gold.max(), predicted.max())) + 1
    table = confusion(gold, predicted, n_labels=n_labels)
    total = table.sum(0) + table.sum(1)
    seen = total > 0
    return float((2 * np.diag(table)[seen] / total[seen]).mean())


def label_scores(gold: Labels, predicted: Labels, labels: Sequence[str]) -> list[LabelScores]:
    """Scores of each label, in the order of `labels`."""
    table = confusion(gold, predicted, n_labels=len(labels))
    hits, chosen, right = np.diag(table), table.sum(0), table.sum(1)
    return [
        LabelScores(
            label=label,
            precision=float(hits[at] / max(1, chosen[at])),
            recall=float(hits[at] / max(1, right[at])),
            f1=float(2 * hits[at] / max(1, chosen[at] + right[at])),
            support=int(right[at]),
        )
        for at, label in enumerate(labels)
    ]


def top_k_hits(gold: Labels, probabilities: NDArray[np.float32], *, k: int) -> NDArray[np.bool_]:
    """Whether the label of each paragraph is among the k most probable, `[n]`."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    hits: NDArray[np.bool_] = (best == gold[:, None]).any(axis=1)
    return hits


def expected_calibration_error(
    correct: NDArray[np.bool_], confidence: NDArray[np.float32], *, n_bins: int = 10
) -> float:
    """Mean gap between confidence and accuracy over bins of equal width, weighted by their size.

    Source: Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.
    """
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    members = [bins == index for index in range(n_bins)]
    gaps = [
        abs(float(correct[inside].mean()) - float(confidence[inside].mean())) * float(inside.mean())
        for inside in members
        if inside.any()
    ]
    return float(sum(gaps))


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float], n_rows: int, *, n_resamples: int = 1000, seed: int = 0
) -> Score:
    """A statistic of the rows with its percentile bootstrap interval.

    Args:
        statistic: Takes row indices `[n_rows]` and returns the score of these rows.
        n_rows: Number of paragraphs.
        n_resamples: Resamples with replacement.
        seed: Of the resampling.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    generator = np.random.default_rng(seed)
    values = [statistic(generator.integers(0, n_rows, n_rows)) for _ in range(n_resamples)]
    low, high = np.percentile(values, [2.5, 97.5])
    return Score(value=statistic(np.arange(n_rows)), low=float(low), high=float(high))
