"""Linear heads over vectors that stay: logistic regression, its strength chosen by whole documents."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

# Inverse strengths of the penalty, on standardised features: 8 examples a label want the first ones,
# thousands of paragraphs the last.
STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
# Where there is nothing to choose by.
_DEFAULT_STRENGTH = 1e-2
_FOLDS = 5
_MAX_ITERATIONS = 300
# A logit that no other one falls below: the label has no example.
_NEVER = -30.0
# Keeps the logarithm finite for themes that are secondary nowhere.
_LEAST_SHARE = 1e-3
# Below this many examples a secondary theme has its base rate and nothing more.
_MIN_ALSO = 8


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Logits are `vectors @ weight.T + bias`: float32 `[n_labels, hidden]` and `[n_labels]`."""

    weight: Floats
    bias: Floats

    def logits(self, vectors: Floats) -> Floats:
        """Logits of vectors `[n, hidden]`, `[n, n_labels]`."""
        found: Floats = vectors @ self.weight.T + self.bias
        return found


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head and how it did on documents that it was not fitted on.

    Attributes:
        head: Fitted on all rows.
        strength: The inverse strength of the penalty that cross-validation chose.
        held_out: Logits of each row by a head that has not seen its document, `[n, n_labels]`.
        judged: Rows whose label that head knew, `[n]`; all false where there was nothing to hold out.
    """

    head: LinearHead
    strength: float
    held_out: Floats
    judged: NDArray[np.bool_]


def fit_head(
    vectors: Floats,
    labels: Labels,
    *,
    n_labels: int,
    documents: Sequence[str],
    weights: Floats,
    seed: int,
    strength: float | None = None,
) -> FittedHead:
    """Multinomial logistic regression; the penalty with the least log-loss on documents left out.

    Args:
        vectors: `[n, hidden]`.
        labels: Index of each row's label, `[n]`; not every label need occur.
        n_labels: How many labels there are.
        documents: Document of each row; those of one are left out together.
        weights: Weight of each row, `[n]`.
        seed: Of the folds.
        strength: Inverse strength of the penalty; chosen where None.
    """
    mean, scale = _standard(vectors)
    features = (vectors - mean) / scale
    folds = _folds(labels, documents, seed=seed)
    best = FittedHead(
        LinearHead(np.zeros((0, 0), np.float32), np.zeros(0, np.float32)),
        strength or _DEFAULT_STRENGTH,
        np.zeros((len(labels), n_labels), np.float32),
        np.zeros(len(labels), bool),
    )
    lowest = np.inf
    for tried in (STRENGTHS if strength is None else (strength,)) if folds else ():
        held_out, judged = _held_out(features, labels, weights, folds, n_labels=n_labels, strength=tried)
        loss = _log_loss(held_out[judged], labels[judged], weights[judged]) if judged.any() else np.inf
        if loss < lowest:
            lowest, best = loss, FittedHead(best.head, tried, held_out, judged)
    fitted = _regression(features, labels, weights, n_labels=n_labels, strength=best.strength)
    return FittedHead(_unstandardised(fitted, mean, scale), best.strength, best.held_out, best.judged)


def fit_also_head(vectors: Floats, targets: NDArray[np.bool_], *, strength: float) -> LinearHead:
    """One yes-or-no regression for each theme that is secondary often enough, else its base rate.

    Args:
        vectors: `[n, hidden]`.
        targets: Whether a theme is secondary, `[n, n_themes]`.
        strength: Inverse strength of the penalty, as chosen for the themes.
    """
    mean, scale = _standard(vectors)
    features = (vectors - mean) / scale
    n_themes = targets.shape[1]
    weight = np.zeros((n_themes, vectors.shape[1]), np.float32)
    shares = np.clip(targets.mean(0), _LEAST_SHARE, 1 - _LEAST_SHARE)
    bias = np.log(shares / (1 - shares)).astype(np.float32)
    for at in range(n_themes):
        if _MIN_ALSO <= targets[:, at].sum() <= len(targets) - _MIN_ALSO:
            fitted = _regressor(strength).fit(features, targets[:, at])
            weight[at], bias[at] = fitted.coef_[0], fitted.intercept_[0]
    return _unstandardised(LinearHead(weight, bias), mean, scale)


def balanced_weights(labels: Labels, row_weights: Floats, *, power: float) -> Floats:
    """Weights of rows times (most frequent label / label's frequency) to a power, mean 1, `[n]`."""
    counts = np.bincount(labels).astype(np.float32)
    weights = row_weights * (counts.max() / counts[labels]) ** power
    scaled: Floats = (weights / weights.mean()).astype(np.float32)
    return scaled


def _regressor(strength: float) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS)


def _regression(
    features: Floats, labels: Labels, weights: Floats, *, n_labels: int, strength: float
) -> LinearHead:
    present = np.unique(labels)
    weight = np.zeros((n_labels, features.shape[1]), np.float32)
    bias = np.full(n_labels, _NEVER, np.float32)
    if len(present) == 1:
        bias[present] = 0.0
        return LinearHead(weight, bias)
    fitted = _regressor(strength).fit(features, labels, sample_weight=weights)
    if len(present) == 2:
        # scikit-learn gives one row for two classes: the log-odds of the second.
        weight[present[1]], bias[present] = fitted.coef_[0], (0.0, fitted.intercept_[0])
    else:
        weight[present], bias[present] = fitted.coef_, fitted.intercept_
    return LinearHead(weight, bias)


def _held_out(
    features: Floats,
    labels: Labels,
    weights: Floats,
    folds: Sequence[tuple[Labels, Labels]],
    *,
    n_labels: int,
    strength: float,
) -> tuple[Floats, NDArray[np.bool_]]:
    logits = np.zeros((len(labels), n_labels), np.float32)
    judged = np.zeros(len(labels), bool)
    for train, test in folds:
        fitted = _regression(
            features[train], labels[train], weights[train], n_labels=n_labels, strength=strength
        )
        logits[test] = fitted.logits(features[test])
        judged[test] = np.isin(labels[test], labels[train])
    return logits, judged


def _folds(labels: Labels, documents: Sequence[str], *, seed: int) -> list[tuple[Labels, Labels]]:
    from sklearn.model_selection import StratifiedGroupKFold

    n_folds = min(_FOLDS, len(set(documents)))
    if n_folds < 2:
        return []
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # "The least populated class has only n members": such rows are left out of the judging.
        warnings.simplefilter("ignore", UserWarning)
        found = list(splitter.split(labels, labels, groups=list(documents)))
    return [(train, test) for train, test in found if len(train) and len(test)]


def _standard(vectors: Floats) -> tuple[Floats, Floats]:
    scale = vectors.std(0)
    return vectors.mean(0), np.where(scale > 0, scale, 1.0).astype(np.float32)


def _unstandardised(head: LinearHead, mean: Floats, scale: Floats) -> LinearHead:
    """The same head for vectors as they come."""
    weight = (head.weight / scale).astype(np.float32)
    return LinearHead(weight, (head.bias - weight @ mean).astype(np.float32))


def _log_loss(logits: Floats, labels: Labels, weights: Floats) -> float:
    from scipy.special import log_softmax

    losses = -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return float(np.average(losses, weights=weights))
