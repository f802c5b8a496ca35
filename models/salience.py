"""The salience head of a model folder: which clauses an analyst keeps.

A small network over surface features and the encoder's clause vectors, several copies from different seeds
averaged; plain numpy, no torch. It lives in two files beside the classifier's and belongs to its weights.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ModelFileError
from policylens.models.bundle import Bundle
from policylens.models.json_files import is_whole, read_json_object

logger = logging.getLogger(__name__)

HEAD_FILE = "salience.safetensors"
HEAD_CONFIG_FILE = "salience.json"
# Standardised features are cut here: a paragraph of ten thousand characters is only very long.
FEATURE_CAP = 4.0
_REMEDY = "run `policylens train-salience`, or delete the file"

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


_SHAPES = {
    "mean": ("features",),
    "scale": ("features",),
    "vector_scale": ("one",),
    "clause": ("copies", "hidden", "width"),
    "paragraph": ("copies", "hidden", "width"),
    "inner": ("copies", "inputs", "units"),
    "inner_bias": ("copies", "units"),
    "outer": ("copies", "units", "outputs"),
    "outer_bias": ("copies", "outputs"),
}
_ARRAYS = tuple(name for name in SalienceHead.__dataclass_fields__ if name != "config")


def save_head(head: SalienceHead, folder: Path) -> None:
    """Add a head to a model folder, in place of the one it may have."""
    from safetensors.numpy import save_file

    arrays = {name: np.ascontiguousarray(getattr(head, name), np.float32) for name in _ARRAYS}
    save_file(arrays, folder / HEAD_FILE)
    text = json.dumps(asdict(head.config), ensure_ascii=False, indent=1)
    (folder / HEAD_CONFIG_FILE).write_text(text + "\n", encoding="utf-8")


def load_head(bundle: Bundle, *, features: tuple[str, ...]) -> SalienceHead | None:
    """Read the head of a model folder.

    Args:
        bundle: The folder.
        features: Names of the features that this version computes.

    Returns:
        The head; None where the folder has none, or one that was fitted to other weights or features, which
        is logged: the digest then goes by surface features.

    Raises:
        ModelFileError: The files are broken.
    """
    path = bundle.folder / HEAD_FILE
    if not path.is_file():
        return None
    config = _read_config(bundle.folder / HEAD_CONFIG_FILE)
    if config.features != features or config.encoder != bundle.weights_digest():
        logger.warning(
            "%s was fitted to another model or version and is left aside; "
            "`policylens train-salience` fits it anew",
            path,
        )
        return None
    sizes = {"features": len(features), "hidden": bundle.encoder_config["hidden_size"]}
    return SalienceHead(config, **_read_arrays(path, sizes))


def _read_config(path: Path) -> HeadConfig:
    raw = read_json_object(path, remedy=_REMEDY)
    features = raw.get("features")
    texts = (raw.get("encoder"), raw.get("data"), raw.get("version"))
    if (
        set(raw) != {item.name for item in fields(HeadConfig)}
        or not isinstance(features, list)
        or not all(isinstance(item, str) for item in (*features, *texts))
        or not is_whole(raw["sets"], least=0)
    ):
        names = ", ".join(item.name for item in fields(HeadConfig))
        raise ModelFileError(f"{path} is broken: expected the fields {names} of a salience head; {_REMEDY}")
    return HeadConfig(**{**raw, "features": tuple(features)})


def _read_arrays(path: Path, sizes: Mapping[str, int]) -> Mapping[str, Floats]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}; {_REMEDY}") from error
    if set(arrays) != set(_ARRAYS):
        raise ModelFileError(
            f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}; expected {', '.join(sorted(_ARRAYS))}: "
            f"{_REMEDY}"
        )
    _check_arrays(arrays, path, {**sizes, "one": 1})
    return arrays


def _check_arrays(arrays: Mapping[str, Floats], path: Path, sizes: dict[str, int]) -> None:
    """The shapes that `SalienceHead` gives, with one size for each name, and numbers in them."""
    for name, shape in _SHAPES.items():
        found = arrays[name].shape
        fits = len(found) == len(shape) and all(
            sizes.setdefault(side, size) == size for side, size in zip(shape, found, strict=True)
        )
        if not fits or not np.issubdtype(arrays[name].dtype, np.floating):
            expected = " × ".join(f"{side} ({sizes[side]})" if side in sizes else side for side in shape)
            raise ModelFileError(f"{path}: {name} has the shape {found}, expected {expected}; {_REMEDY}")
        if not np.isfinite(arrays[name]).all():
            raise ModelFileError(f"{path}: {name} holds values that are no numbers; {_REMEDY}")
    if sizes["inputs"] != sizes["features"] + 2 * sizes["width"] or not sizes["outputs"]:
        raise ModelFileError(
            f"{path}: the first layer takes {sizes['inputs']} values of {sizes['features']} features and "
            f"two vectors of {sizes['width']}; {_REMEDY}"
        )
