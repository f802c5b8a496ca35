"""A model as a folder for one CPU runtime: the compiled runtime's graph instead of the weights.

The folder has the tokenizer, configuration and taxonomy of the model it was made from, so that `classify
--model` runs it as it is. `export.json` says what it is and what it lost: see `train.gate`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from pathlib import Path

from policylens.data.errors import ConfigError, ModelFileError
from policylens.models.bundle import EXPORT_FILE, METRICS_FILE, WEIGHTS_FILE, Bundle
from policylens.models.json_files import read_json_object
from policylens.models.openvino_graph import RANGES_FILE, Ranges, build_graph, load_ranges

OPENVINO_FILE, ONNX_FILE = "model.xml", "model.onnx"
EXPORT_BACKENDS = ("openvino", "onnx")
PRECISIONS = ("int8", "bf16", "fp32")
# What belongs to the trained model and is wrong or unused beside a graph.
_LEFT_OUT = frozenset({WEIGHTS_FILE, RANGES_FILE, METRICS_FILE, EXPORT_FILE, "README.md"})


@dataclass(frozen=True, slots=True)
class Export:
    """What `export.json` says.

    Attributes:
        backend: "openvino" or "onnx".
        precision: "int8", "bf16" or "fp32".
        source: Name of the model folder that it was made from.
        gate: What was measured before it was written: see `train.gate.GateReport`.
        package_version: policylens that wrote it.
        weights: SHA-256 of the weights that the graph was made from.
    """

    backend: str
    precision: str
    source: str
    gate: Mapping[str, object] = field(default_factory=dict)
    package_version: str = ""
    weights: str = ""


def write_export(bundle: Bundle, folder: Path, *, backend: str, precision: str) -> None:
    """Writes the graph and everything it needs; `export.json` without a gate.

    Args:
        bundle: A model folder with weights.
        folder: An empty folder, or one that is not there yet.
        backend: "openvino" or "onnx".
        precision: "int8" takes the ranges that training measured; "bf16" is a float graph that is run in
            bf16 where the CPU has it.

    Raises:
        ConfigError: The combination does not exist, the model has no int8 ranges, or it is an export itself.
        ModelFileError: The encoder is none that the graph builders know.
        MissingExtraError: The package onnx is not installed.
    """
    ranges = _check(bundle, backend=backend, precision=precision)
    folder.mkdir(parents=True, exist_ok=True)
    if backend == "onnx":
        from policylens.models.onnx_graph import build_onnx, save_onnx

        save_onnx(build_onnx(bundle, ranges=ranges), folder / ONNX_FILE)
    else:
        import openvino as ov

        graph = build_graph(bundle, ranges=ranges, states=True)
        # The model folder holds fp16 weights: as fp16 the float ones lose nothing and take half the space.
        ov.save_model(graph, folder / OPENVINO_FILE, compress_to_fp16=True)
    for path in sorted(bundle.folder.iterdir()):
        if path.is_file() and path.name not in _LEFT_OUT and not path.name.startswith("."):
            shutil.copyfile(path, folder / path.name)
    save_export(
        Export(
            backend,
            precision,
            bundle.folder.resolve().name,
            package_version=version("policylens"),
            weights=bundle.weights_digest(),
        ),
        folder,
    )


def save_export(export: Export, folder: Path) -> None:
    """Writes `export.json`."""
    text = json.dumps(asdict(export), ensure_ascii=False, indent=2)
    (folder / EXPORT_FILE).write_text(text + "\n", encoding="utf-8")


def load_export(folder: Path) -> Export | None:
    """Reads `export.json`; None where there is none, since the folder holds weights.

    Raises:
        ModelFileError: The file is broken.
    """
    path = folder / EXPORT_FILE
    if not path.is_file():
        return None
    raw = read_json_object(path, remedy="export the model again")
    try:
        known = {item.name for item in fields(Export)}
        export = Export(**{name: value for name, value in raw.items() if name in known})
    except TypeError as error:
        raise ModelFileError(f"{path} is broken: {error}; export the model again") from error
    if export.backend not in EXPORT_BACKENDS or export.precision not in PRECISIONS:
        raise ModelFileError(
            f"{path} names backend {export.backend!r} and precision {export.precision!r}; expected one of "
            f"{', '.join(EXPORT_BACKENDS)} and one of {', '.join(PRECISIONS)}; export the model again"
        )
    return export


def _check(bundle: Bundle, *, backend: str, precision: str) -> Ranges | None:
    """The ranges that this export needs."""
    if backend not in EXPORT_BACKENDS or precision not in PRECISIONS:
        raise ConfigError(
            f"backend {backend!r}, precision {precision!r}: expected one of {', '.join(EXPORT_BACKENDS)} "
            f"and one of {', '.join(PRECISIONS)}"
        )
    if backend == "onnx" and precision == "bf16":
        raise ConfigError("ONNX Runtime has no bf16 kernels for CPUs; choose int8 or fp32, or openvino")
    if load_export(bundle.folder) is not None:
        raise ConfigError(f"{bundle.folder} is an export itself; name the model that it was made from")
    if precision != "int8":
        return None
    if (ranges := load_ranges(bundle)) is None:
        raise ConfigError(
            f"{bundle.folder} has no {RANGES_FILE}: its int8 form was never measured; train it again or "
            "export another precision"
        )
    return ranges
