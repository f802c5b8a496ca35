"""What a model folder holds, and whether its parts fit together. Imports no torch."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from policylens.data.errors import ModelFileError
from policylens.models.bundle import METRICS_FILE, Bundle, open_bundle
from policylens.models.export import ONNX_FILE, OPENVINO_FILE, Export, load_export
from policylens.models.graph_outputs import check_export
from policylens.models.int8_ranges import RANGES_FILE
from policylens.models.json_files import is_number, read_json_object
from policylens.models.weights_header import read_weights_header, weights_hash

SETTINGS_FILE = "training.toml"
# Nothing else of a folder is ever read, and nothing in these can run code.
_READ_SUFFIXES = (".safetensors", ".json", ".yaml", ".toml", ".md")
# The graphs of an exported folder.
_GRAPH_FILES = (OPENVINO_FILE, OPENVINO_FILE.replace(".xml", ".bin"), ONNX_FILE)
_ENCODER_FIELDS = (
    *("model_type", "num_hidden_layers", "hidden_size", "num_attention_heads"),
    *("vocab_size", "max_position_embeddings"),
)


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
        parameters: Number of weights; None for a graph.
        dtypes: Types of the weights; of a graph, what it computes in.
        int8: Whether it holds the ranges that its int8 form needs, or is a graph in int8.
        settings: Training settings; empty where the folder has none.
        metrics: Head -> accuracy, macro-F1 and calibration error on the development rows; empty likewise.
        files: Every file.
        export: What `export.json` says; None for a folder with weights.
    """

    folder: str
    config: Mapping[str, Any]
    taxonomy: str
    themes: tuple[str, ...]
    stances: tuple[str, ...]
    encoder: Mapping[str, Any]
    parameters: int | None
    dtypes: tuple[str, ...]
    int8: bool
    settings: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]]
    files: tuple[FileInfo, ...]
    export: Export | None = None


def inspect_model(folder: str | Path | None = None) -> ModelInfo:
    """Reads what a model folder holds and checks that its parts fit together.

    Args:
        folder: A model folder, with weights or exported; the shipped one when None.

    Raises:
        ModelFileError: A part is missing, broken, or does not fit the others; the message lists the misfits.
        MissingExtraError: It is a graph for ONNX Runtime, and the package onnx is not installed.
    """
    bundle = open_bundle(folder)
    bundle.load_tokenizer()
    export = load_export(bundle.folder)
    parameters: int | None = None
    dtypes: tuple[str, ...] = (export.precision,) if export else ()
    if export is not None:
        check_export(bundle, export)
    else:
        header = read_weights_header(bundle.weights)
        parameters, dtypes = header.n_weights, header.dtypes
    heads = _heads_of_metrics(bundle)
    return ModelInfo(
        folder=str(bundle.folder),
        config=asdict(bundle.config),
        taxonomy=f"{bundle.taxonomy.name} {bundle.taxonomy.version}",
        themes=bundle.taxonomy.theme_ids,
        stances=bundle.taxonomy.stance_ids,
        encoder={key: bundle.encoder_config.get(key) for key in _ENCODER_FIELDS},
        parameters=parameters,
        dtypes=dtypes,
        int8=(bundle.folder / RANGES_FILE).is_file() or dtypes == ("int8",),
        settings=_settings(bundle.folder),
        metrics={str(head["head"]): _scores(head) for head in heads},
        files=_files(bundle.folder),
        export=export,
    )


def _settings(folder: Path) -> Mapping[str, Any]:
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} cannot be read as TOML: {error}; copy the folder again") from error


def _heads_of_metrics(bundle: Bundle) -> list[Mapping[str, Any]]:
    """Scores by head, which are of this model only if they are of its labels."""
    path = bundle.folder / METRICS_FILE
    if not path.is_file():
        return []
    remedy = "score the model again with `policylens evaluate`, or delete the file"
    heads = read_json_object(path, remedy=remedy).get("heads")
    if not isinstance(heads, list) or not all(map(_is_head, heads)):
        raise ModelFileError(f"{path} holds no scores by head; {remedy}")
    known = {"theme": bundle.taxonomy.theme_ids, "stance": bundle.taxonomy.stance_ids}
    for head in heads:
        labels = tuple(scores["label"] for scores in head.get("by_label", ()))
        if labels and labels != known.get(head["head"]):
            raise ModelFileError(
                f"{path}: the {head['head']} scores are of other labels than the taxonomy's; {remedy}"
            )
    return heads


def _is_head(head: object) -> bool:
    if not isinstance(head, dict) or not isinstance(head.get("head"), str):
        return False
    by_label = head.get("by_label", [])
    return isinstance(by_label, list) and all(
        isinstance(scores, dict) and isinstance(scores.get("label"), str) for scores in by_label
    )


def _scores(head: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a head that are there: as such, or with their interval."""
    found = {"n": head.get("n", 0)}
    for name in ("accuracy", "macro_f1", "calibration_error"):
        value = head.get(name)
        value = value.get("value") if isinstance(value, dict) else value
        if is_number(value):
            found[name] = value
    return found


def _files(folder: Path) -> tuple[FileInfo, ...]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        FileInfo(
            name=path.relative_to(folder).as_posix(),
            size=path.stat().st_size,
            sha256=weights_hash(path),
            read=path.parent == folder and (path.suffix in _READ_SUFFIXES or path.name in _GRAPH_FILES),
        )
        for path in paths
    )
