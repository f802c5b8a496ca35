"""Scores of predicted labels, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Scores of one label.

    Attributes:
        label: Its id.
        precision: In [0, 1], like the others.
        recall: Likewise.
        f1: Likewise.
        f1_low: Lower end of the 95 % interval of the F1.
        f1_high: Its upper end.
        support: How many paragraphs have the label.
    """

    label: str
    precision: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float
    support: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Paragraphs whose label got about the same probability.

    Attributes:
        low: Lower end of the range of probabilities.
        high: Its upper end.
        n: How many paragraphs.
        confidence: Their mean probability.
        accuracy: Share of right labels, with its interval.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: Score


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left where labels below a probability are held back.

    Attributes:
        confidence: Least probability that is kept.
        n: How many paragraphs are kept.
        coverage: Their share of all.
        precision: Share of right labels among them, with its interval.
    """

    confidence: float
    n: int
    coverage: float
    precision: Score


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
    """Scores of each label, in the order of `labels`, with an interval of the F1.

    The bootstrap gives none to a label that a few paragraphs have. But F1 is 2j/(1+j) of the share j of the
    paragraphs with the label, given or right, that have it both ways: the exact interval of j serves.
    """
    table = confusion(gold, predicted, n_labels=len(labels))
    hits, chosen, right = np.diag(table), table.sum(0), table.sum(1)
    found = []
    for at, label in enumerate(labels):
        either = int(chosen[at] + right[at] - hits[at])
        both = share(int(hits[at]), either) if either else Score(0.0, 0.0, 1.0)
        f1, low, high = (2 * part / (1 + part) for part in (both.value, both.low, both.high))
        precision, recall = hits[at] / max(1, chosen[at]), hits[at] / max(1, right[at])
        found.append(
            LabelScores(label, float(precision), float(recall), f1, low, high, support=int(right[at]))
        )
    return found


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
    found = reliability(correct, confidence, n_bins=n_bins)
    return sum(abs(part.accuracy.value - part.confidence) * part.n for part in found) / len(correct)


def reliability(
    correct: NDArray[np.bool_], confidence: NDArray[np.float32], *, n_bins: int = 10
) -> list[Bin]:
    """Confidence and accuracy in bins of equal width; empty bins are left out."""
    places = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    return [
        Bin(
            low=at / n_bins,
            high=(at + 1) / n_bins,
            n=int((places == at).sum()),
            confidence=float(confidence[places == at].mean()),
            accuracy=share(int(correct[places == at].sum()), int((places == at).sum())),
        )
        for at in range(n_bins)
        if (places == at).any()
    ]


def share(hits: int, n: int) -> Score:
    """A share of `n` paragraphs (at least one) with its exact 95 % interval.

    Exact, since the bootstrap gives no interval at all to a handful of paragraphs that are all right.

    Source: Clopper and Pearson, "The Use of Confidence or Fiducial Limits", Biometrika 1934.
    """
    from scipy.stats import beta

    low = float(beta.ppf(0.025, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, n - hits)) if hits < n else 1.0
    return Score(value=hits / n, low=low, high=high)


def kept_from(correct: NDArray[np.bool_], confidence: NDArray[np.float32], *, least: float) -> Kept | None:
    """What is left with labels below `least` held back, None where that is nothing."""
    kept = confidence >= least
    n = int(kept.sum())
    if not n:
        return None
    return Kept(least, n, n / len(kept), share(int(correct[kept].sum()), n))


def abstention_curve(
    correct: NDArray[np.bool_], confidence: NDArray[np.float32], *, n_points: int = 50
) -> list[Kept]:
    """What is left at thresholds that keep ever more paragraphs, most confident first."""
    falling = np.sort(confidence)[::-1]
    sizes = np.unique(np.ceil(np.linspace(0, 1, n_points + 1)[1:] * len(falling)).astype(int))
    thresholds = np.unique(falling[sizes - 1])[::-1]
    found = (kept_from(correct, confidence, least=float(least)) for least in thresholds)
    return [point for point in found if point is not None]


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
