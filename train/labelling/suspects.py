"""Labels that a model of the other documents doubts: confident learning on out-of-fold probabilities."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import MissingExtraError

_FOLDS = 5
# A label with fewer rows cannot be learned from four folds: its rows would all look wrong.
_MIN_ROWS = 5
_MAX_FEATURES = 60_000

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A doubted label.

    Attributes:
        index: Index of the row.
        label: The label that it has.
        suggested: The label that the model would give.
        quality: How well the label fits, in [0, 1]; lowest first.
        probability: Probability of the suggested label.
        flagged: Whether confident learning counts it as an error; the others are only ranked.
    """

    index: int
    label: str
    suggested: str
    quality: float
    probability: float
    flagged: bool


def rank_labels(
    texts: Sequence[str], labels: Sequence[str], groups: Sequence[str], *, seed: int = 0
) -> list[Suspect]:
    """All rows whose label can be judged, the least credible label first.

    A character TF-IDF and logistic model is fitted on four fifths of the documents and judges the rest; a
    document is never on both sides, since its paragraphs resemble each other, mistakes included.

    Args:
        texts: The paragraphs.
        labels: Their labels.
        groups: Their documents.
        seed: Of the folds and the optimiser.

    Returns:
        Nothing where fewer than two labels have rows enough, or where there are fewer than five documents.

    Raises:
        MissingExtraError: cleanlab is not installed.

    Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
    Journal of Artificial Intelligence Research 2021.
    """
    counts = Counter(labels)
    judged = [at for at, label in enumerate(labels) if counts[label] >= _MIN_ROWS]
    names = sorted({labels[at] for at in judged})
    if len(names) < 2 or len({groups[at] for at in judged}) < _FOLDS:
        return []
    given = np.array([names.index(labels[at]) for at in judged])
    found = out_of_fold([texts[at] for at in judged], given, [groups[at] for at in judged], seed=seed)
    quality, flagged = _confident_learning(given, found)
    # A label that the model itself would give is nothing to look at, however unsure the model is.
    order = [at for at in np.argsort(quality, kind="stable") if found[at].argmax() != given[at]]
    return [
        Suspect(
            index=judged[at],
            label=names[given[at]],
            suggested=names[int(found[at].argmax())],
            quality=float(quality[at]),
            probability=float(found[at].max()),
            flagged=bool(flagged[at]),
        )
        for at in order
    ]


def out_of_fold(
    texts: Sequence[str], given: NDArray[np.int64], groups: Sequence[str], *, seed: int
) -> Probabilities:
    """Probabilities of each row by a model that saw none of its document, `[n_rows, n_labels]`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    n_labels = int(given.max()) + 1
    # Small, not zero: cleanlab takes logarithms, and a label that a fold lacks is unlikely, not impossible.
    found = np.full((len(texts), n_labels), 1e-6)
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A label in fewer documents than folds is no reason to stop.
        warnings.simplefilter("ignore", UserWarning)
        parts = list(folds.split(np.zeros(len(texts)), given, groups))
    for train, held in parts:
        vectors = TfidfVectorizer(
            analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2, max_features=_MAX_FEATURES
        )
        model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=60, tol=1e-3)
        features = vectors.fit_transform(texts[at] for at in train)
        with warnings.catch_warnings():
            # Stopping early costs the ranking nothing and saves minutes.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, given[train])
        held_features = vectors.transform(texts[at] for at in held)
        found[np.ix_(held, model.classes_)] += model.predict_proba(held_features)
    total: Probabilities = found / found.sum(axis=1, keepdims=True)
    return total


def _confident_learning(
    given: NDArray[np.int64], found: Probabilities
) -> tuple[Probabilities, NDArray[np.bool_]]:
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError as error:
        raise MissingExtraError(
            "looking for suspicious labels", extra="labels", package="cleanlab"
        ) from error
    quality = get_label_quality_scores(given, found, method="normalized_margin")
    flagged = find_label_issues(given, found, n_jobs=1)
    return np.asarray(quality), np.asarray(flagged)
