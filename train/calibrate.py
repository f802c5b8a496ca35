"""Temperatures and thresholds, fitted on documents that were kept from training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Below this many paragraphs a fitted value would be noise: the neutral one is kept.
MIN_PARAGRAPHS = 50


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The divisor of the logits with the least negative log-likelihood.

    Args:
        logits: `[n, n_labels]`.
        labels: Index of the right label, `[n]`.

    Returns:
        Temperature in [0.2, 5]; 1 where there are too few paragraphs.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    if len(labels) < MIN_PARAGRAPHS:
        return 1.0
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, labels].mean())

    best = minimize_scalar(loss, bounds=(np.log(0.2), np.log(5.0)), method="bounded")
    return float(np.exp(best.x))


def fit_also_threshold(probabilities: NDArray[np.float32], targets: NDArray[np.bool_]) -> float:
    """The probability from which a secondary theme counts: the best micro-F1.

    Args:
        probabilities: Of each theme being secondary, `[n, n_themes]`, the primary theme's set to 0.
        targets: Whether it is, `[n, n_themes]`.

    Returns:
        Threshold in (0, 1); 0.5 where there are too few paragraphs.
    """
    if len(targets) < MIN_PARAGRAPHS or not targets.any():
        return 0.5
    candidates = np.linspace(0.1, 0.9, 33)
    scores = []
    for threshold in candidates:
        chosen = probabilities >= threshold
        hits = float((chosen & targets).sum())
        scores.append(2 * hits / max(1.0, float(chosen.sum() + targets.sum())))
    return float(candidates[int(np.argmax(scores))])
