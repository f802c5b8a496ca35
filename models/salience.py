"""The salience head of a model folder: which clauses an analyst keeps.

A small network over surface features and the encoder's clause vectors, several copies from different seeds
averaged; plain numpy, no torch. It lives in two files beside the classifier's and belongs to its weights.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ModelFileError

logger = logging.getLogger(__name__)

HEAD_FILE = "salience.safetensors"
HEAD_CONFIG_FILE = "salience.json"
# Standardised features are cut here: a paragraph of ten thousand characters is only very long.
FEATURE_CAP = 4.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """What `salience.json` says of a head.

    Attributes:
        features: Names of the surface features, in the order of the columns.
        encoder: SHA-256 of the weights that the vectors come from.
        data: SHA-256 of the digests that it was fitted on.
        sets: How many they were.
        version: Version of the package that fitted it.
    """

    features: tuple[str, ...]
    encoder: str
    data: str
    sets: int
    version: str


@dataclass(frozen=True, slots=True)
class SalienceHead:
    """Weights of all copies, stacked over the first axis.

    Attributes:
        config: See `HeadConfig`.
        mean: Mean of each feature, `[n_features]`.
        scale: Its standard deviation.
        vector_scale: Standard deviation of the centred vectors, `[1]`.
        clause: Projection of a clause's vector, `[copies, hidden, width]`.
        paragraph: Projection of its paragraph's vector.
        inner: First layer, `[copies, n_features + 2 * width, units]`.
        inner_bias: `[copies, units]`.
        outer: Second layer, `[copies, units, 1]`. Heads of version 0.2.0 have a second column, for the place
            in a digest; going by it read no better than the documents' order, and it is left aside.
        outer_bias: `[copies, 1]`.
    """

    config: HeadConfig
    mean: Floats
    scale: Floats
    vector_scale: Floats
    clause: Floats
    paragraph: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats

    def predict(self, features: Floats, clause_vectors: Floats, paragraph_vectors: Floats) -> Floats:
        """Judge the clauses of one theme.

        Args:
            features: Surface features, `[n, n_features]`.
            clause_vectors: Less the mean over the theme's paragraphs, `[n, hidden]`.
            paragraph_vectors: Of the paragraph of each clause, likewise, `[n, hidden]`.

        Returns:
            Expected share of each clause that a digest uses, in [0, 1], `[n]`.
        """
        standard = np.clip((features - self.mean) / self.scale, -FEATURE_CAP, FEATURE_CAP)
        clauses, paragraphs = clause_vectors / self.vector_scale, paragraph_vectors / self.vector_scale
        total = np.zeros(len(features), np.float32)
        for copy in range(len(self.inner)):
            joint = np.hstack(
                [standard, clauses @ self.clause[copy], paragraphs @ self.paragraph[copy]], dtype=np.float32
            )
            units = np.maximum(joint @ self.inner[copy] + self.inner_bias[copy], 0.0)
            total += 1.0 / (1.0 + np.exp(-(units @ self.outer[copy, :, 0] + self.outer_bias[copy, 0])))
        return total / np.float32(len(self.inner))


_ARRAYS = tuple(name for name in SalienceHead.__dataclass_fields__ if name != "config")


def weights_hash(path: Path) -> str:
    """SHA-256 of a weights file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_head(head: SalienceHead, folder: Path) -> None:
    """Add a head to a model folder, in place of the one it may have."""
    from safetensors.numpy import save_file

    arrays = {name: np.ascontiguousarray(getattr(head, name), np.float32) for name in _ARRAYS}
    save_file(arrays, folder / HEAD_FILE)
    text = json.dumps(asdict(head.config), ensure_ascii=False, indent=1)
    (folder / HEAD_CONFIG_FILE).write_text(text + "\n", encoding="utf-8")


def load_head(folder: Path, *, weights: Path, features: tuple[str, ...]) -> SalienceHead | None:
    """Read the head of a model folder.

    Args:
        folder: The model folder.
        weights: Its encoder weights.
        features: Names of the features that this version computes.

    Returns:
        The head; None where the folder has none, or one that was fitted to other weights or features, which
        is logged: the digest then goes by surface features.

    Raises:
        ModelFileError: The files are broken.
    """
    path = folder / HEAD_FILE
    if not path.is_file():
        return None
    config = _read_config(folder / HEAD_CONFIG_FILE)
    if config.encoder != weights_hash(weights) or config.features != features:
        logger.warning(
            "%s was fitted to another model or version and is left aside; "
            "`policylens train-salience` fits it anew",
            path,
        )
        return None
    return SalienceHead(config, **_read_arrays(path, len(config.features)))


def _read_config(path: Path) -> HeadConfig:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return HeadConfig(**{**raw, "features": tuple(raw["features"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelFileError(
            f"{path} is missing or broken: {error}; run `policylens train-salience`"
        ) from error


def _read_arrays(path: Path, n_features: int) -> Mapping[str, Floats]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}; run `policylens train-salience`") from error
    if set(arrays) != set(_ARRAYS) or arrays["mean"].shape != (n_features,):
        raise ModelFileError(
            f"{path} holds {', '.join(sorted(arrays))} for {arrays.get('mean', np.zeros(0)).size} features; "
            f"expected {', '.join(sorted(_ARRAYS))} for {n_features}: run `policylens train-salience`"
        )
    return arrays
