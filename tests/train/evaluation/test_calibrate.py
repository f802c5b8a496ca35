from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.infer.classify import Classifier
from policylens.models.bundle import open_bundle
from policylens.models.config import promise_for
from policylens.train.evaluation.calibrate import (
    PROMISES,
    RISK,
    calibrate_model,
    fit_also_threshold,
    fit_promises,
    fit_temperature,
)

Rows = Callable[[int], list[LabelledParagraph]]


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


def test_most_secondary_themes_shown_are_right() -> None:
    # 20 right at 0.9, 60 of which 20 are right at 0.3. Best F1 would show all 80, half of them wrong.
    probabilities = np.array([0.9] * 20 + [0.3] * 60 + [0.0] * 20, np.float32)[:, None]
    targets = np.array([True] * 20 + [True] * 15 + [False] * 45 + [False] * 20)[:, None]
    assert fit_also_threshold(probabilities, targets) > 0.3


def test_only_what_is_shown_counts_for_the_threshold() -> None:
    # Four themes at 0.6, of which two are shown, both right; at 0.2 one more that is never shown.
    probabilities = np.tile(np.array([0.6, 0.6, 0.2], np.float32), (60, 1))
    targets = np.tile(np.array([True, True, False]), (60, 1))
    assert fit_also_threshold(probabilities, targets) == 0.02


def draw(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences and whether the label is right, as often as the confidence says."""
    generator = np.random.default_rng(seed)
    confidence = generator.uniform(0.3, 1.0, n).astype(np.float32)
    return confidence, generator.random(n) < confidence


def test_promises_are_kept_as_often_as_the_risk_says() -> None:
    broken = 0
    for seed in range(200):
        promise = promise_for(fit_promises(*draw(500, seed=seed)), 0.9)
        if promise is not None:
            # What is kept from a confidence c on is right in (c + 1) / 2 of all cases.
            broken += (promise.confidence + 1) / 2 < 0.9
    # 20 are expected at most; 31 leaves room for three standard deviations.
    assert broken <= RISK * 200 + 11


def test_promises_rise_together_and_keep_fewer() -> None:
    promises = fit_promises(*draw(2000, seed=1))
    assert all(promise.precision in PROMISES for promise in promises)
    for name, sign in (("precision", 1), ("confidence", 1), ("coverage", -1)):
        values = [sign * getattr(promise, name) for promise in promises]
        assert values == sorted(values), name
    assert promises[0].confidence == 0.0
    assert promises[0].coverage == 1.0
    assert promises[-1].precision >= 0.95


def test_perfect_labels_promise_what_their_number_allows() -> None:
    promises = fit_promises(np.linspace(0.5, 1, 100, dtype=np.float32), np.ones(100, bool))
    # 0.1 ** (1 / 100) = 0.977: all 100 right is possible at 0.975, but no longer at 0.98.
    assert [(promise.precision, promise.confidence) for promise in promises] == [(0.975, 0.0)]


def test_an_error_at_the_top_does_not_end_all_promises() -> None:
    confidence = np.linspace(1, 0.5, 1000, dtype=np.float32)
    right = np.arange(1000) < 700
    right[3] = False
    promise = promise_for(fit_promises(confidence, right), 0.95)
    assert promise is not None
    assert promise.coverage == pytest.approx(0.72)


def test_few_paragraphs_promise_nothing() -> None:
    assert fit_promises(np.ones(49, np.float32), np.ones(49, bool)) == ()


def test_promise_asked_for_is_rounded_up() -> None:
    promises = fit_promises(*draw(2000, seed=1))
    between = promise_for(promises, 0.9012)
    assert between is not None
    assert between.precision >= 0.905
    assert promise_for(promises, 0.9999) is None


@pytest.fixture
def model(tmp_path: Path, tiny_model: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_calibrated_folder_says_so_and_keeps_its_weights(model: Path, tiny_rows: Rows) -> None:
    weights = (model / "model.safetensors").read_bytes()
    report = calibrate_model(model, tiny_rows(120), data_hashes={"new.jsonl": "ab"}, device="cpu")
    config = open_bundle(model).config
    assert config.calibrated_on == {"new.jsonl": "ab"}
    assert [(head.head, head.n) for head in report.heads] == [("theme", 120), ("stance", 120)]
    assert config.temperatures == {head.head: head.temperature for head in report.heads}
    assert config.abstention == {head.head: head.promises for head in report.heads}
    assert config.abstention["theme"], "120 right labels promise something"
    assert (model / "model.safetensors").read_bytes() == weights
    assert not list(model.glob(".*")), "no temporary file is left"


def test_calibration_undoes_a_wrong_temperature(model: Path, tiny_rows: Rows) -> None:
    rows = tiny_rows(120)
    first = calibrate_model(model, rows, data_hashes={}, device="cpu", backend="torch")
    path = model / "policylens.json"
    raw = json.loads(path.read_text())
    raw["temperatures"] = {"theme": 4.0, "stance": 3.0}
    path.write_text(json.dumps(raw))
    second = calibrate_model(model, rows, data_hashes={}, device="cpu", backend="torch")
    for before, after in zip(first.heads, second.heads, strict=True):
        assert after.temperature == pytest.approx(before.temperature, rel=1e-3)
    assert [head.temperature_before for head in second.heads] == [4.0, 3.0]
    assert second.heads[0].error_before > second.heads[0].error


def test_what_the_rows_do_not_have_stays(model: Path, tiny_rows: Rows) -> None:
    path = model / "policylens.json"
    raw = json.loads(path.read_text())
    raw |= {"temperatures": {"theme": 4.0, "stance": 3.0}, "also_threshold": 0.31}
    path.write_text(json.dumps(raw))
    rows = [LabelledParagraph(row.paragraph, row.theme) for row in tiny_rows(60)]
    report = calibrate_model(model, rows, data_hashes={}, device="cpu")
    assert [head.head for head in report.heads] == ["theme"]
    config = Classifier.load(model, device="cpu").bundle.config
    assert config.temperatures["stance"] == 3.0
    assert config.temperatures["theme"] < 4.0
    assert config.also_threshold == 0.31


def test_few_rows_are_refused(model: Path, tiny_rows: Rows) -> None:
    with pytest.raises(
        ConfigError, match="12 labelled paragraphs are too few to calibrate on; give at least 50"
    ):
        calibrate_model(model, tiny_rows(12), data_hashes={}, device="cpu")


def test_training_file_is_refused(model: Path, tiny_rows: Rows) -> None:
    path = model / "policylens.json"
    raw = json.loads(path.read_text())
    raw["trained_on"] = {"silver.jsonl": "cd"}
    path.write_text(json.dumps(raw))
    with pytest.raises(ConfigError, match=r"was trained on copy\.jsonl"):
        calibrate_model(model, tiny_rows(60), data_hashes={"copy.jsonl": "cd"}, device="cpu")
