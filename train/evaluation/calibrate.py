"""Temperatures, thresholds and promises of precision, fitted on documents that were kept from training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.infer.classify import Classifier, softmax
from policylens.models.bundle import Bundle, open_bundle
from policylens.models.config import Promise, save_config
from policylens.train.evaluation.metrics import expected_calibration_error

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]

# Below this many paragraphs a fitted value would be noise: the neutral one is kept.
MIN_PARAGRAPHS = 50
# A secondary theme that is shown wrongly costs a reader more than one that is left out: precision counts
# twice (F0.5), and thresholds at which most are wrong are out of the question. Best F1 chose 0.10 on 1,078
# held-out paragraphs: 40 % right, 0.84 a paragraph; this chooses 0.24: 53 % right, 0.33 a paragraph
# (2026-11). Where an annotator took a secondary theme for the primary one it counts as wrong here.
ALSO_PRECISION = 0.5
_BETA = 0.5
_MAX_ALSO = 2
_ALSO_GRID = np.arange(0.02, 0.96, 0.01)
# Precisions that a table promises: in points, from 0.90 on in half points.
PROMISES: tuple[float, ...] = tuple(round(at / 200, 3) for at in (*range(100, 180, 2), *range(180, 200)))
# Chance, over the draw of the held-out paragraphs, that a promise is not kept.
RISK = 0.1
# Thresholds that are tested: as many as keep 2 %, 4 %, ... of the paragraphs.
_STEPS = 50
_FOLDS = 5
# Keeps the logarithm of a float32 probability finite.
_TINY = 1e-38


@dataclass(frozen=True, slots=True)
class HeadRows:
    """What a head with one right label is calibrated on: logits `[n, n_labels]`, index of the label `[n]`."""

    logits: Logits
    labels: Labels


@dataclass(frozen=True, slots=True)
class AlsoRows:
    """Secondary themes: probabilities `[n, n_themes]`, 0 for the predicted primary theme; targets alike."""

    probabilities: NDArray[np.float32]
    targets: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted values, as `ModelConfig` holds them.

    Attributes:
        temperatures: Head name -> divisor of its logits.
        also_threshold: Probability from which a secondary theme is reported.
        abstention: Head name -> promises.
    """

    temperatures: Mapping[str, float]
    also_threshold: float
    abstention: Mapping[str, tuple[Promise, ...]]


@dataclass(frozen=True, slots=True)
class HeadCalibration:
    """How well the probabilities of a head fit, before and after.

    Attributes:
        head: "theme" or "stance".
        n: Paragraphs that have its label.
        temperature_before: Divisor of the logits that the folder held.
        temperature: The new one.
        error_before: Expected calibration error of the folder as it was.
        error: Of the new temperature, cross-validated over documents.
        promises: The new promises.
    """

    head: str
    n: int
    temperature_before: float
    temperature: float
    error_before: float
    error: float
    promises: tuple[Promise, ...]


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What `calibrate_model` changed: by head, and the threshold for secondary themes."""

    heads: tuple[HeadCalibration, ...]
    also_threshold_before: float
    also_threshold: float


def calibrate_model(
    folder: str | Path,
    rows: Sequence[LabelledParagraph],
    *,
    data_hashes: Mapping[str, str],
    device: str = "auto",
    backend: str | None = None,
) -> CalibrationReport:
    """Fits temperatures, the threshold for secondary themes and promises, and writes them into the folder.

    The probabilities are those of the `Classifier` that users run; the weights stay as they are.

    Args:
        folder: Model folder; its `policylens.json` is replaced.
        rows: Labelled paragraphs that the model was not trained on. Rows without a stance count for themes.
        data_hashes: Name -> SHA-256 of the files that the rows come from.
        device: "auto", "cpu" or "cuda".
        backend: "openvino", "torch" or None.

    Raises:
        ConfigError: Too few rows, or a file that the model was trained on.
        ModelFileError: The folder cannot be used.
    """
    bundle = open_bundle(folder)
    _check_rows(bundle, rows, data_hashes)
    heads, also = _predict(bundle, rows, device=device, backend=backend)
    fitted = fit_calibration(heads, also)
    before = bundle.config
    # What the rows say nothing about stays as it is.
    config = replace(
        before,
        temperatures={**before.temperatures, **fitted.temperatures},
        also_threshold=fitted.also_threshold if also.targets.any() else before.also_threshold,
        abstention={**before.abstention, **fitted.abstention},
        calibrated_on=dict(data_hashes),
    )
    save_config(config, bundle.folder)
    documents = {
        "theme": [row.paragraph.doc for row in rows],
        "stance": [row.paragraph.doc for row in rows if row.stance],
    }
    return CalibrationReport(
        heads=tuple(
            HeadCalibration(
                head=head,
                n=len(found.labels),
                temperature_before=before.temperatures.get(head, 1.0),
                temperature=fitted.temperatures[head],
                error_before=_error(found, before.temperatures.get(head, 1.0)),
                error=_cross_validated_error(found, documents[head]),
                promises=fitted.abstention[head],
            )
            for head, found in heads.items()
        ),
        also_threshold_before=before.also_threshold,
        also_threshold=config.also_threshold,
    )


def fit_calibration(heads: Mapping[str, HeadRows], also: AlsoRows) -> Calibration:
    """Fits everything that a model folder says about its probabilities.

    One temperature a head. On 1,078 held-out paragraphs, cross-validated over documents (2026-11), a bias
    for each label besides gained -0.002 +- 0.001 in the log-likelihood of themes and 0.007 +- 0.004 in that
    of stances, at the best strength of its penalty, and nothing in calibration error; scaling each logit on
    its own lost 0.01 to 0.04 for themes.
    """
    temperatures = {head: fit_temperature(rows.logits, rows.labels) for head, rows in heads.items()}
    promises = {}
    for head, rows in heads.items():
        probabilities = softmax(rows.logits / temperatures[head])
        right = probabilities.argmax(1) == rows.labels
        promises[head] = fit_promises(probabilities.max(1), right)
    return Calibration(temperatures, fit_also_threshold(also.probabilities, also.targets), promises)


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
    """The probability from which a secondary theme counts: best F0.5 with at least half of them right.

    Args:
        probabilities: Of each theme being secondary, `[n, n_themes]`, the primary theme's set to 0. As in
            the output, only the two most probable of a paragraph count.
        targets: Whether it is, `[n, n_themes]`.

    Returns:
        Threshold in (0, 1); 0.5 where there are too few paragraphs. Where no threshold gets half of them
        right, the one with the best F0.5.
    """
    if len(targets) < MIN_PARAGRAPHS or not targets.any():
        return 0.5
    shown = np.zeros_like(targets)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :_MAX_ALSO]
    np.put_along_axis(shown, best, True, axis=1)
    chosen = [shown & (probabilities >= threshold) for threshold in _ALSO_GRID]
    hits = np.array([(some & targets).sum() for some in chosen], float)
    n_chosen = np.array([some.sum() for some in chosen], float)
    precision = hits / np.maximum(1.0, n_chosen)
    # F-beta over counts, which needs no division by a precision or recall of 0.
    scores = (1 + _BETA**2) * hits / (n_chosen + _BETA**2 * targets.sum())
    if (precision >= ALSO_PRECISION).any():
        scores = np.where(precision >= ALSO_PRECISION, scores, -1.0)
    return round(float(_ALSO_GRID[int(np.argmax(scores))]), 2)


def fit_promises(confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> tuple[Promise, ...]:
    """From which probability on labels are right as often as promised.

    Thresholds are tested from the strictest down, each by the exact lower bound of its precision at
    `RISK`, up to the first that fails. Tested in an order fixed beforehand, they need no correction for
    their number. The test takes paragraphs to be independent; those of one document are less so.

    Args:
        confidence: Probability of the chosen label, `[n]`.
        right: Whether it is the right one, `[n]`.

    Returns:
        Promises, precision and confidence ascending; none where there are too few paragraphs.

    Source: Angelopoulos et al., "Learn then Test", Annals of Applied Statistics 2025 (fixed sequence
    testing); Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017.
    """
    n = len(right)
    if n < MIN_PARAGRAPHS:
        return ()
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    sizes = np.unique(np.ceil(np.linspace(0, 1, _STEPS + 1)[1:] * n).astype(int))
    # A threshold keeps all paragraphs that share its probability.
    kept = np.unique(np.searchsorted(-falling, -falling[sizes - 1], side="right"))
    bounds = _lower_bounds(np.cumsum(right[order])[kept - 1], kept)
    found: list[Promise] = []
    largest = 0
    for precision in reversed(PROMISES):
        size = _least_strict(kept, bounds, precision, n_rows=n)
        # A threshold that keeps a higher promise keeps this one too.
        if size > largest:
            largest = size
            # Rounded down: the paragraph that the threshold was read from stays above it.
            least = 0.0 if size == n else float(np.floor(float(falling[size - 1]) * 1e6)) / 1e6
            found.append(Promise(precision, least, round(size / n, 4)))
    return tuple(reversed(found))


def _least_strict(
    kept: NDArray[np.int64], bounds: NDArray[np.float64], precision: float, *, n_rows: int
) -> int:
    """How many paragraphs the last threshold keeps that passes before the first failure; 0 if none does."""
    start = _first_size(precision, n_rows)
    tested = np.flatnonzero(kept >= start)
    passes = bounds[tested] >= precision
    n_passed = len(tested) if passes.all() else int(np.argmin(passes))
    return int(kept[tested[n_passed - 1]]) if n_passed else 0


def _first_size(precision: float, n_rows: int) -> int:
    """How many of the surest paragraphs the first test takes.

    Enough that two errors among them are forgiven, for one error at the top must not end it all; but where
    that would be more than a quarter of the rows, fewer, down to what passes without an error.
    """
    sizes = np.arange(1, max(n_rows, 2) + 1)
    forgiving = sizes[_lower_bounds(sizes - 2, sizes) >= precision]
    flawless = int(np.ceil(np.log(RISK) / np.log(precision)))
    wanted = int(forgiving[0]) if len(forgiving) else n_rows
    return max(flawless, min(wanted, n_rows // 4))


def _lower_bounds(hits: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """One-sided Clopper-Pearson bounds of hits/n, below which the true share lies with chance `RISK`."""
    from scipy.stats import beta

    some = np.maximum(hits, 1)
    bounds: NDArray[np.float64] = np.where(hits > 0, beta.ppf(RISK, some, n - some + 1), 0.0)
    return bounds


def _check_rows(bundle: Bundle, rows: Sequence[LabelledParagraph], data_hashes: Mapping[str, str]) -> None:
    if len(rows) < MIN_PARAGRAPHS:
        raise ConfigError(
            f"{len(rows)} labelled paragraphs are too few to calibrate on; give at least {MIN_PARAGRAPHS}, "
            "better 1,000, of documents that the model was not trained on"
        )
    trained_on = set(bundle.config.trained_on.values())
    for name, digest in data_hashes.items():
        if digest in trained_on:
            raise ConfigError(
                f"{bundle.folder} was trained on {name}: its probabilities there are too good to be true; "
                "calibrate on documents kept from training"
            )


def _predict(
    bundle: Bundle, rows: Sequence[LabelledParagraph], *, device: str, backend: str | None
) -> tuple[dict[str, HeadRows], AlsoRows]:
    loaded = Classifier.load(bundle.folder, device=device, backend=backend)
    # With neutral temperatures the logarithm of a probability is its logit, up to a constant.
    plain = Classifier(replace(bundle, config=replace(bundle.config, temperatures={})), loaded.backend)
    found = [values for _, values in plain.probabilities(row.paragraph for row in rows)]
    themes, stances = bundle.taxonomy.theme_ids, bundle.taxonomy.stance_ids
    heads = {
        "theme": HeadRows(
            _logs([values.theme for values in found]),
            np.array([themes.index(row.theme) for row in rows], np.int64),
        )
    }
    labelled = [at for at, row in enumerate(rows) if row.stance] if stances else []
    if labelled:
        heads["stance"] = HeadRows(
            _logs([found[at].stance for at in labelled]),
            np.array([stances.index(rows[at].stance) for at in labelled], np.int64),
        )
    also = np.stack([values.also for values in found])
    also[np.arange(len(also)), heads["theme"].logits.argmax(1)] = 0.0
    targets = np.array([[theme in row.also for theme in themes] for row in rows], bool)
    return heads, AlsoRows(also, targets)


def _logs(probabilities: Sequence[NDArray[np.float32]]) -> Logits:
    logs: Logits = np.log(np.maximum(np.stack(probabilities), _TINY))
    return logs


def _error(rows: HeadRows, temperature: float) -> float:
    probabilities = softmax(rows.logits / temperature)
    return expected_calibration_error(probabilities.argmax(1) == rows.labels, probabilities.max(1))


def _cross_validated_error(rows: HeadRows, documents: Sequence[str]) -> float:
    """Calibration error with the temperature of each document fitted on the others.

    Where all rows are of one document, that of the temperature fitted on these rows.
    """
    names = sorted(set(documents))
    if len(names) < 2:
        return _error(rows, fit_temperature(rows.logits, rows.labels))
    shuffled = np.random.default_rng(0).permutation(len(names))
    fold_of = dict(zip(names, (shuffled % _FOLDS).tolist(), strict=True))
    folds = np.array([fold_of[name] for name in documents])
    probabilities = np.zeros_like(rows.logits)
    for fold in np.unique(folds):
        others = folds != fold
        temperature = fit_temperature(rows.logits[others], rows.labels[others])
        probabilities[~others] = softmax(rows.logits[~others] / temperature)
    return expected_calibration_error(probabilities.argmax(1) == rows.labels, probabilities.max(1))
