from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from policylens.train.evaluation.metrics import (
    accuracy,
    bootstrap,
    confusion,
    expected_calibration_error,
    label_scores,
    macro_f1,
    top_k_hits,
)


@pytest.fixture(params=[0, 1, 2])
def labels(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(request.param)
    gold = generator.integers(0, 5, 200)
    # Label 5 is only ever predicted, label 6 never occurs.
    predicted = np.where(generator.random(200) < 0.6, gold, generator.integers(0, 6, 200))
    return gold, predicted


def test_scores_equal_those_of_scikit_learn(labels: tuple[np.ndarray, np.ndarray]) -> None:
    gold, predicted = labels
    assert accuracy(gold, predicted) == pytest.approx(reference.accuracy_score(gold, predicted))
    assert macro_f1(gold, predicted) == pytest.approx(reference.f1_score(gold, predicted, average="macro"))
    table = confusion(gold, predicted, n_labels=7)
    assert (table == reference.confusion_matrix(gold, predicted, labels=range(7))).all()


def test_label_scores_equal_those_of_scikit_learn(labels: tuple[np.ndarray, np.ndarray]) -> None:
    gold, predicted = labels
    names = list("abcdefg")
    expected = reference.precision_recall_fscore_support(gold, predicted, labels=range(7), zero_division=0)
    for scores, name, *values in zip(label_scores(gold, predicted, names), names, *expected, strict=True):
        assert scores.label == name
        assert [scores.precision, scores.recall, scores.f1, scores.support] == pytest.approx(values)


def test_top_k_hits() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], np.float32)
    assert top_k_hits(np.array([0, 1, 2]), probabilities, k=2).tolist() == [True, True, False]


def test_calibration_error_by_hand() -> None:
    # Bin 0.9-1: confidence 0.95, accuracy 0.5, half of the rows; bin 0.6-0.7: 0.65 and 1.
    correct = np.array([True, False, True, True])
    confidence = np.array([0.95, 0.95, 0.65, 0.65], np.float32)
    assert expected_calibration_error(correct, confidence) == pytest.approx(0.5 * 0.45 + 0.5 * 0.35, abs=1e-6)


def test_certain_and_right_is_calibrated() -> None:
    assert expected_calibration_error(np.array([True]), np.array([1.0], np.float32)) == 0.0


def test_bootstrap_covers_the_value_and_repeats() -> None:
    hits = np.array([1.0] * 80 + [0.0] * 20)
    score = bootstrap(lambda at: float(hits[at].mean()), 100)
    assert score.value == pytest.approx(0.8)
    # The normal interval is 0.8 +- 1.96 * 0.04.
    assert score.low == pytest.approx(0.72, abs=0.02)
    assert score.high == pytest.approx(0.88, abs=0.02)
    assert bootstrap(lambda at: float(hits[at].mean()), 100) == score
