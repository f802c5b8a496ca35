from __future__ import annotations

import numpy as np
import pytest

from policylens.train.calibrate import fit_also_threshold, fit_temperature


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5])
def test_temperature_recovers_a_known_scale(scale: float) -> None:
    generator = np.random.default_rng(0)
    true_logits = generator.normal(0, 2, (20_000, 4))
    # Labels drawn from softmax(true_logits), by the Gumbel trick.
    labels = (true_logits + generator.gumbel(size=true_logits.shape)).argmax(1)
    assert fit_temperature((true_logits * scale).astype(np.float32), labels) == pytest.approx(scale, rel=0.05)


def test_few_paragraphs_leave_the_temperature_alone() -> None:
    assert fit_temperature(np.ones((49, 3), np.float32), np.zeros(49, np.int64)) == 1.0


def test_threshold_separates_secondary_themes() -> None:
    targets = np.zeros((60, 2), bool)
    targets[::2, 0] = True
    probabilities = np.where(targets, 0.8, 0.6).astype(np.float32)
    assert 0.6 < fit_also_threshold(probabilities, targets) <= 0.8


def test_no_secondary_themes_leave_the_threshold_alone() -> None:
    assert fit_also_threshold(np.ones((60, 2), np.float32), np.zeros((60, 2), bool)) == 0.5
