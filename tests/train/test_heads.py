from __future__ import annotations

import numpy as np
import pytest

from policylens.train.heads import balanced_weights, fit_also_head, fit_head


def clusters(n_each: int, n_labels: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around `n_labels` far-off centres, far from the origin as an encoder's are."""
    rng = np.random.default_rng(seed)
    centres = 3.0 * np.eye(n_labels, 6, dtype=np.float32) + 10.0
    labels = np.repeat(np.arange(n_labels), n_each)
    vectors = centres[labels] + 0.3 * rng.standard_normal((len(labels), 6)).astype(np.float32)
    return vectors.astype(np.float32), labels


def fit(vectors: np.ndarray, labels: np.ndarray, documents: list[str], *, n_labels: int):
    weights = np.ones(len(labels), np.float32)
    return fit_head(vectors, labels, n_labels=n_labels, documents=documents, weights=weights, seed=1)


class TestFitHead:
    def test_learns_from_eight_examples_a_label_and_judges_all_rows(self):
        vectors, labels = clusters(8, 4)
        fitted = fit(vectors, labels, [f"d{at}" for at in range(32)], n_labels=4)
        new, wanted = clusters(50, 4, seed=9)
        assert (fitted.head.logits(new).argmax(1) == wanted).mean() == 1.0
        assert fitted.judged.all()
        assert (fitted.held_out.argmax(1) == labels).all()

    def test_a_label_without_an_example_is_never_given(self):
        vectors, labels = clusters(8, 3)
        labels = labels + 1
        fitted = fit(vectors, labels, [f"d{at}" for at in range(24)], n_labels=5)
        logits = fitted.head.logits(vectors)
        assert logits.shape == (24, 5)
        assert (logits[:, [0, 4]].max(1) < logits[:, 1:4].min(1)).all()

    def test_two_labels_keep_their_places(self):
        vectors, labels = clusters(8, 2)
        fitted = fit(vectors, np.where(labels == 0, 3, 1), [f"d{at}" for at in range(16)], n_labels=4)
        assert (fitted.head.logits(vectors).argmax(1) == np.where(labels == 0, 3, 1)).all()

    def test_a_document_is_never_judged_by_a_head_that_saw_it(self):
        # Each document has its own label: held out, nothing can be known of it.
        vectors, labels = clusters(8, 4)
        fitted = fit(vectors, labels, [f"d{label}" for label in labels], n_labels=4)
        assert not fitted.judged.any()

    def test_one_document_leaves_nothing_to_judge(self):
        vectors, labels = clusters(8, 3)
        fitted = fit(vectors, labels, ["only"] * 24, n_labels=3)
        assert not fitted.judged.any()
        assert (fitted.head.logits(vectors).argmax(1) == labels).all()


def test_also_head_learns_the_frequent_and_keeps_the_rate_of_the_rare():
    vectors, labels = clusters(20, 3)
    targets = np.zeros((60, 3), bool)
    targets[:, 0] = labels == 1
    targets[:3, 1] = True
    head = fit_also_head(vectors, targets, strength=0.1)
    probabilities = 1 / (1 + np.exp(-head.logits(vectors)))
    assert (probabilities[:, 0] > 0.5).tolist() == targets[:, 0].tolist()
    assert probabilities[:, 1] == pytest.approx(np.full(60, 0.05), abs=1e-6)
    assert probabilities[:, 2] == pytest.approx(np.full(60, 0.001), abs=1e-6)


def test_balanced_weights_raise_the_rare():
    labels = np.array([0, 0, 0, 0, 1])
    weights = balanced_weights(labels, np.ones(5, np.float32), power=0.5)
    assert weights[4] / weights[0] == pytest.approx(2.0)
    assert weights.mean() == pytest.approx(1.0)
    plain = balanced_weights(labels, np.array([1, 1, 1, 1, 0.5], np.float32), power=0.0)
    assert plain[4] / plain[0] == pytest.approx(0.5)
