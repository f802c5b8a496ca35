"""What a model folder holds, and whether its parts fit together. Imports no torch."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policylens.data.errors import ModelFileError
from policylens.models.bundle import METRICS_FILE, WEIGHTS_FILE, Bundle, open_bundle
from policylens.models.config import CONFIG_FILE
from policylens.models.encode import load_tokenizer
from policylens.models.openvino_graph import RANGES_FILE, load_ranges

SETTINGS_FILE = "training.toml"
# Nothing else of a folder is ever read, and nothing in these can run code.
_READ_SUFFIXES = (".safetensors", ".json", ".yaml", ".toml", ".md")
_CHUNK_BYTES = 1 << 20
_WORD_EMBEDDINGS = "encoder.embeddings.word_embeddings.weight"
_POSITIONS = "encoder.embeddings.position_embeddings.weight"

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class FileInfo:
    """One file of a model folder.

    Attributes:
        name: Path below the folder.
        size: In bytes.
        sha256: Of its content.
        read: Whether this package ever reads it; False for what others put there.
    """

    name: str
    size: int
    sha256: str
    read: bool


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model folder says about itself.

    Attributes:
        folder: The folder.
        config: Fields of `policylens.json`.
        taxonomy: Name and version.
        themes: Theme ids, in the order of the logits.
        stances: Stance ids likewise.
        encoder: Type, layers, width, vocabulary and positions of the encoder.
        parameters: Number of weights.
        dtypes: Types of the weights.
        int8: Whether it holds the ranges that its int8 form needs.
        settings: Training settings; empty where the folder has none.
        metrics: Head -> accuracy, macro-F1 and calibration error on the development rows; empty likewise.
        files: Every file.
    """

    folder: str
    config: Mapping[str, Any]
    taxonomy: str
    themes: tuple[str, ...]
    stances: tuple[str, ...]
    encoder: Mapping[str, Any]
    parameters: int
    dtypes: tuple[str, ...]
    int8: bool
    settings: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]]
    files: tuple[FileInfo, ...]


def inspect_model(folder: str | Path | None = None) -> ModelInfo:
    """Reads what a model folder holds and checks that its parts fit together.

    Args:
        folder: A model folder; the shipped one when None.

    Raises:
        ModelFileError: A part is missing, broken, or does not fit the others; the message lists all misfits.
    """
    bundle = open_bundle(folder)
    shapes, dtypes = _weights(bundle)
    check_bundle(bundle)
    encoder = bundle.encoder_config
    return ModelInfo(
        folder=str(bundle.folder),
        config=_json(bundle.folder / CONFIG_FILE),
        taxonomy=f"{bundle.taxonomy.name} {bundle.taxonomy.version}",
        themes=bundle.taxonomy.theme_ids,
        stances=bundle.taxonomy.stance_ids,
        encoder={
            key: encoder.get(key)
            for key in (
                *("model_type", "num_hidden_layers", "hidden_size", "num_attention_heads"),
                *("vocab_size", "max_position_embeddings"),
            )
        },
        parameters=sum(_size(shape) for shape in shapes.values()),
        dtypes=dtypes,
        int8=(bundle.folder / RANGES_FILE).is_file(),
        settings=_settings(bundle.folder),
        metrics=_metrics(bundle.folder),
        files=_files(bundle.folder),
    )


def check_bundle(bundle: Bundle) -> None:
    """Checks that weights, tokenizer, taxonomy, encoder config, ranges and `policylens.json` fit together.

    Raises:
        ModelFileError: They do not; the message lists every misfit.
    """
    shapes, _ = _weights(bundle)
    problems = [
        *_head_problems(bundle, shapes),
        *_encoder_problems(bundle, shapes),
        *_config_problems(bundle),
        *_range_problems(bundle, shapes),
        *_metric_problems(bundle),
    ]
    if problems:
        raise ModelFileError(
            f"the parts of the model folder {bundle.folder} do not fit together; take all its files from one "
            "training run:\n  " + "\n  ".join(problems)
        )


def _head_problems(bundle: Bundle, shapes: Shapes) -> list[str]:
    """Heads against the taxonomy: themes, secondary themes and, where there are any, stances."""
    taxonomy = bundle.taxonomy
    wanted = {"theme": len(taxonomy.themes), "also": len(taxonomy.themes), "stance": len(taxonomy.stances)}
    hidden = bundle.encoder_config.get("hidden_size")
    problems = []
    for head, n_labels in wanted.items():
        weight, bias = shapes.get(f"heads.{head}.weight"), shapes.get(f"heads.{head}.bias")
        if not n_labels:
            if weight is not None:
                problems.append(f"{WEIGHTS_FILE} has a {head} head, the taxonomy has no {head}s")
        elif weight is None or bias is None:
            problems.append(f"{WEIGHTS_FILE} has no {head} head, the taxonomy has {n_labels} labels for it")
        elif weight != (n_labels, hidden) or bias != (n_labels,):
            problems.append(
                f"the {head} head in {WEIGHTS_FILE} has {weight[0]} labels of width {weight[-1]}; "
                f"the taxonomy has {n_labels}, the encoder's width is {hidden}"
            )
    return problems


def _encoder_problems(bundle: Bundle, shapes: Shapes) -> list[str]:
    """Tokenizer, embeddings and window against the encoder config."""
    config = bundle.encoder_config
    n_pieces = load_tokenizer(bundle.folder).get_vocab_size(with_added_tokens=True)
    problems = []
    words, positions = shapes.get(_WORD_EMBEDDINGS), shapes.get(_POSITIONS)
    if words is not None:
        if n_pieces > words[0]:
            problems.append(
                f"the tokenizer has {n_pieces:,} pieces, the embeddings in {WEIGHTS_FILE} {words[0]:,} rows"
            )
        if words != (config.get("vocab_size"), config.get("hidden_size")):
            problems.append(
                f"the embeddings are {words[0]:,} × {words[1]}; config.json says "
                f"{config.get('vocab_size'):,} × {config.get('hidden_size')}"
            )
    if positions is not None and bundle.config.max_tokens > positions[0]:
        problems.append(
            f"{CONFIG_FILE}: max_tokens is {bundle.config.max_tokens}, the encoder has {positions[0]}"
        )
    layers = {int(name.split(".")[3]) for name in shapes if name.startswith("encoder.encoder.layer.")}
    if layers and layers != set(range(config.get("num_hidden_layers", 0))):
        problems.append(
            f"{WEIGHTS_FILE} has {len(layers)} layers, config.json says {config.get('num_hidden_layers')}"
        )
    return problems


def _config_problems(bundle: Bundle) -> list[str]:
    """Numbers of `policylens.json` that no inference can use, and heads that are not there."""
    config = bundle.config
    heads = {"theme", *(["stance"] if bundle.taxonomy.stances else [])}
    problems = [
        f"{CONFIG_FILE}: the temperature of {head!r} is {value}; expected a number above 0"
        for head, value in config.temperatures.items()
        if not _is_number(value) or not value > 0
    ]
    if not _is_number(config.also_threshold) or not 0 <= config.also_threshold <= 1:
        problems.append(f"{CONFIG_FILE}: also_threshold is {config.also_threshold}; expected 0 to 1")
    if not isinstance(config.max_tokens, int) or config.max_tokens < 8:
        problems.append(
            f"{CONFIG_FILE}: max_tokens is {config.max_tokens}; expected a whole number from 8 on"
        )
    for name in ("temperatures", "abstention"):
        unknown = sorted(set(getattr(config, name)) - heads - {"also"})
        problems += [f"{CONFIG_FILE}: {name} names the head {head!r}, which is not there" for head in unknown]
    return problems


def _range_problems(bundle: Bundle, shapes: Shapes) -> list[str]:
    """int8 ranges against the layers that they are of."""
    ranges = load_ranges(bundle) or {}
    unknown = [name for name in ranges if f"{name}.weight" not in shapes]
    crossed = [name for name, (low, high) in ranges.items() if not float(low) < float(high)]
    problems = [f"{RANGES_FILE} names {name!r}, which {WEIGHTS_FILE} does not have" for name in unknown[:3]]
    return problems + [f"{RANGES_FILE}: the range of {name!r} is empty" for name in crossed[:3]]


def _metric_problems(bundle: Bundle) -> list[str]:
    """Scores are of this model only if they are of its labels."""
    known = {"theme": bundle.taxonomy.theme_ids, "stance": bundle.taxonomy.stance_ids}
    problems = []
    for head in _heads_of_metrics(bundle.folder):
        labels = tuple(scores["label"] for scores in head.get("by_label", ()))
        if labels and labels != known.get(str(head.get("head"))):
            problems.append(
                f"{METRICS_FILE}: the {head.get('head')} scores are of other labels than the taxonomy's"
            )
    return problems


def _weights(bundle: Bundle) -> tuple[Shapes, tuple[str, ...]]:
    """Shape of each tensor and the types that occur, from the header: the weights are not loaded.

    Raises:
        ModelFileError: The file is no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(bundle.weights, framework="numpy") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}
            shapes = {name: tuple(found.get_shape()) for name, found in slices.items()}
            dtypes = sorted({str(found.get_dtype()) for found in slices.values()})
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{bundle.weights} is damaged: {error}; copy the folder again") from error
    return shapes, tuple(dtypes)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _json(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error


def _settings(folder: Path) -> Mapping[str, Any]:
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error


def _heads_of_metrics(folder: Path) -> list[Mapping[str, Any]]:
    path = folder / METRICS_FILE
    if not path.is_file():
        return []
    metrics = _json(path)
    heads = metrics.get("heads") if isinstance(metrics, dict) else None
    if not isinstance(heads, list) or not all(isinstance(head, dict) for head in heads):
        raise ModelFileError(
            f"{path} holds no scores by head; score the model again with `policylens evaluate`"
        )
    return heads


def _metrics(folder: Path) -> dict[str, dict[str, float]]:
    names = ("accuracy", "macro_f1", "calibration_error")
    found: dict[str, dict[str, float]] = {}
    for head in _heads_of_metrics(folder):
        values = {name: head[name] for name in names if name in head}
        numbers = {
            name: value["value"] if isinstance(value, dict) else value for name, value in values.items()
        }
        found[str(head.get("head"))] = {"n": head.get("n", 0), **numbers}
    return found


def _files(folder: Path) -> tuple[FileInfo, ...]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        FileInfo(
            name=path.relative_to(folder).as_posix(),
            size=path.stat().st_size,
            sha256=_sha256(path),
            read=path.parent == folder and path.suffix in _READ_SUFFIXES,
        )
        for path in paths
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
