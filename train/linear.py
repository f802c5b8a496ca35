"""Training in a hurry: the encoder stays, logistic regression fits the heads on vectors computed once."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.data.taxonomy import Label, Taxonomy
from policylens.models.bundle import Bundle
from policylens.models.config import ModelConfig
from policylens.train.config import TRAINING_FILE, TrainConfig, dump_train_config
from policylens.train.evaluation.calibrate import AlsoRows, Calibration, HeadRows, fit_calibration
from policylens.train.fit import sha256_of
from policylens.train.frozen import FrozenEncoder, with_base
from policylens.train.heads import (
    FittedHead,
    Floats,
    Labels,
    LinearHead,
    balanced_weights,
    fit_also_head,
    fit_head,
)

logger = logging.getLogger(__name__)

# From so many examples on a label is learned; below, a warning. At 8 a label and the shipped encoder,
# docs/training.md says what to expect.
MIN_EXAMPLES = 8
THEME, ALSO, STANCE = "theme", "also", "stance"


@dataclass(frozen=True, slots=True)
class HeldOutScore:
    """How a head did on documents that it was not fitted on.

    Attributes:
        head: "theme" or "stance".
        n: Rows that could be judged.
        accuracy: Share of them that is right; 0 where there are none.
        strength: Inverse strength of the penalty that was chosen.
    """

    head: str
    n: int
    accuracy: float
    strength: float

    @property
    def text(self) -> str:
        """The score in words."""
        if not self.n:
            return "all rows are of one text, nothing could be held out"
        half = 1.96 * (self.accuracy * (1 - self.accuracy) / self.n) ** 0.5
        return (
            f"accuracy {100 * self.accuracy:.1f} ± {100 * half:.1f} % on documents left out in turn "
            f"({self.n} paragraphs)"
        )


@dataclass(frozen=True, slots=True)
class LinearRun:
    """What `train_linear` made: the folder, and a cross-validated score of each head."""

    bundle: Bundle
    scores: tuple[HeldOutScore, ...]


@dataclass(frozen=True, slots=True)
class FittedHeads:
    """Heads by name, what was fitted on held-out predictions, and the scores of these."""

    heads: Mapping[str, LinearHead]
    calibration: Calibration
    scores: tuple[HeldOutScore, ...]


def train_linear(
    rows: Sequence[LabelledParagraph],
    output: Path,
    *,
    taxonomy: Taxonomy,
    config: TrainConfig,
    device: str = "auto",
    data_files: Sequence[Path] = (),
) -> LinearRun:
    """Fits the heads only and writes a model folder like any other.

    Temperatures, the threshold for secondary themes and the promises of precision come from predictions
    for documents that were left out. All rows are learned from.

    Args:
        rows: Labelled rows; a label wants at least `MIN_EXAMPLES`.
        output: Model folder to write.
        taxonomy: Labels.
        config: See `TrainConfig.mode` for what is used of it.
        device: Where the encoder runs: "auto", "cpu" or "cuda".
        data_files: Files whose SHA-256 the folder records.

    Raises:
        ConfigError: Nothing to tell apart, or a setting does not fit the encoder or the device.
    """
    check_examples(rows, taxonomy)
    config = with_base(config, taxonomy)
    with tempfile.TemporaryDirectory() as folder:
        encoder = FrozenEncoder(config, taxonomy, Path(folder), device=device)
        logger.info("embedding %d paragraphs with %s", len(rows), config.base)
        vectors = encoder.embed(row.paragraph for row in rows)
        fitted = fit_heads(vectors, rows, taxonomy=taxonomy, config=config)
        model_config = ModelConfig(
            base=config.base,
            max_tokens=config.max_tokens,
            context=config.context,
            temperatures=fitted.calibration.temperatures,
            also_threshold=fitted.calibration.also_threshold,
            abstention=fitted.calibration.abstention,
            trained_on={path.name: sha256_of(path) for path in data_files},
            package_version=version("policylens"),
        )
        bundle = encoder.save(output, model_config, heads=fitted.heads)
    (output / TRAINING_FILE).write_text(dump_train_config(config), encoding="utf-8")
    return LinearRun(bundle, fitted.scores)


def check_examples(rows: Sequence[LabelledParagraph], taxonomy: Taxonomy) -> None:
    """Warns of labels with few or no examples.

    Raises:
        ConfigError: The rows do not have two themes.
    """
    themes = {row.theme for row in rows}
    if len(themes) < 2:
        found = f"all {len(rows)} rows have the theme {min(themes)!r}" if rows else "there are no rows"
        raise ConfigError(f"nothing to learn: {found}; give rows of at least two themes")
    _warn("theme", taxonomy.themes, [row.theme for row in rows])
    _warn("stance", taxonomy.stances, [row.stance for row in rows])


def _warn(what: str, labels: Iterable[Label], found: Sequence[str]) -> None:
    counts = {label.id: found.count(label.id) for label in labels}
    few = [f"{label} {count}" for label, count in counts.items() if 0 < count < MIN_EXAMPLES]
    if few:
        logger.warning(
            "fewer than %d examples, expect little of each such %s: %s", MIN_EXAMPLES, what, ", ".join(few)
        )
    if missing := [label for label, count in counts.items() if count == 0]:
        logger.warning("no example, the model will never give each such %s: %s", what, ", ".join(missing))


def fit_heads(
    vectors: Floats, rows: Sequence[LabelledParagraph], *, taxonomy: Taxonomy, config: TrainConfig
) -> FittedHeads:
    """Fits the heads of all labels on vectors `[n, hidden]` of the rows."""
    labels = {THEME: _indices([row.theme for row in rows], taxonomy.theme_ids)}
    if taxonomy.stances:
        labels[STANCE] = _indices([row.stance for row in rows], taxonomy.stance_ids)
    n_labels = {THEME: len(taxonomy.themes), STANCE: len(taxonomy.stances)}
    sure = np.array([config.confidence_weights[row.confidence - 1] for row in rows], np.float32)
    fits = {
        head: fit_head(
            vectors,
            wanted,
            n_labels=n_labels[head],
            documents=_documents(rows),
            weights=balanced_weights(wanted, sure, power=config.class_balance),
            seed=config.seed,
        )
        for head, wanted in labels.items()
    }
    also = fit_also_head(vectors, _also(rows, taxonomy), strength=fits[THEME].strength)
    heads = {ALSO: also, **{head: fit.head for head, fit in fits.items()}}
    scores = tuple(_score(head, fit, labels[head]) for head, fit in fits.items())
    return FittedHeads(heads, _calibrate(vectors, rows, fits, labels, also, taxonomy), scores)


def _calibrate(
    vectors: Floats,
    rows: Sequence[LabelledParagraph],
    fits: Mapping[str, FittedHead],
    labels: Mapping[str, Labels],
    also: LinearHead,
    taxonomy: Taxonomy,
) -> Calibration:
    held_out = {
        head: HeadRows(fit.held_out[fit.judged], labels[head][fit.judged]) for head, fit in fits.items()
    }
    # The head for secondary themes has seen these rows, but its penalty leaves it little to learn by heart.
    probabilities = 1 / (1 + np.exp(-also.logits(vectors)))
    primary = fits[THEME].held_out if fits[THEME].judged.any() else fits[THEME].head.logits(vectors)
    probabilities[np.arange(len(rows)), primary.argmax(1)] = 0.0
    return fit_calibration(held_out, AlsoRows(probabilities.astype(np.float32), _also(rows, taxonomy)))


def _score(head: str, fit: FittedHead, labels: Labels) -> HeldOutScore:
    right = fit.held_out[fit.judged].argmax(1) == labels[fit.judged]
    return HeldOutScore(head, len(right), float(right.mean()) if len(right) else 0.0, fit.strength)


def _documents(rows: Sequence[LabelledParagraph]) -> list[str]:
    """What is left out together: documents, or equal texts where the rows are all of one."""
    documents = [row.paragraph.doc for row in rows]
    return documents if len(set(documents)) > 1 else [row.paragraph.text for row in rows]


def _indices(found: Sequence[str], ids: Sequence[str]) -> Labels:
    places = {label: at for at, label in enumerate(ids)}
    return np.array([places[label] for label in found], np.int64)


def _also(rows: Sequence[LabelledParagraph], taxonomy: Taxonomy) -> NDArray[np.bool_]:
    return np.array([[theme in row.also for theme in taxonomy.theme_ids] for row in rows], bool)
