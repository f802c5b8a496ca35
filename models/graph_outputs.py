"""Whether the graph of an exported folder belongs to the labels and the encoder that lie beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from policylens.data.errors import MissingExtraError, ModelFileError
from policylens.models.bundle import Bundle
from policylens.models.export import ONNX_FILE, OPENVINO_FILE, Export
from policylens.models.openvino_graph import STATES

if TYPE_CHECKING:
    import openvino


def check_outputs(bundle: Bundle, sizes: Mapping[str, object]) -> None:
    """Checks the outputs of a graph against the taxonomy and the encoder config.

    Args:
        bundle: The exported folder.
        sizes: Name of each output -> its last dimension; no number where the graph leaves it open.

    Raises:
        ModelFileError: The graph is of other labels or another encoder.
    """
    taxonomy = bundle.taxonomy
    wanted = {"theme": len(taxonomy.themes), "also": len(taxonomy.themes)}
    if taxonomy.stances:
        wanted["stance"] = len(taxonomy.stances)
    wanted[STATES] = bundle.encoder_config["hidden_size"]
    if dict(sizes) != wanted:
        raise ModelFileError(
            f"the graph of {bundle.folder} gives {_listed(sizes)}; taxonomy and encoder config say "
            f"{_listed(wanted)}: take all files of the folder from one export"
        )


def check_openvino(bundle: Bundle, graph: openvino.Model) -> None:
    """Checks a graph that OpenVINO has read: its outputs and its table of tokens.

    Raises:
        ModelFileError: The graph is of other labels or another encoder.
    """
    try:
        sizes = {
            output.get_any_name(): output.get_partial_shape()[-1].get_length() for output in graph.outputs
        }
        tables = _token_tables(graph)
    except (RuntimeError, IndexError) as error:
        raise ModelFileError(
            f"{bundle.folder / OPENVINO_FILE} is no graph of ours: {str(error)[:200]}; export the model again"
        ) from error
    check_outputs(bundle, sizes)
    n_tokens = bundle.encoder_config.get("vocab_size")
    if tables != {n_tokens}:
        found = ", ".join(map(str, sorted(tables))) or "none"
        raise ModelFileError(
            f"the graph of {bundle.folder} knows tokens: {found}; config.json says {n_tokens}: take all "
            "files of the folder from one export"
        )


def _token_tables(graph: openvino.Model) -> set[int]:
    """Rows of each table that the token ids are looked up in: one, in a graph of ours."""
    found = set()
    for op in graph.get_ops():
        if op.get_type_name() == "Gather" and "input_ids" in _origin(op.input_value(1).get_node()):
            found.add(op.input_value(0).get_partial_shape()[0].get_length())
    return found


def _origin(node: Any) -> set[str]:  # noqa: ANN401 - openvino.Node
    """Names of the input that a node passes on, as it is or converted; empty for anything else."""
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return set(node.output(0).get_names()) if node.get_type_name() == "Parameter" else set()


def check_export(bundle: Bundle, export: Export) -> None:
    """Reads the graph of an exported folder and checks it.

    Raises:
        ModelFileError: It is broken, or of another model.
        MissingExtraError: It is for ONNX Runtime, and the package onnx is not installed.
    """
    if export.backend == "openvino":
        check_openvino(bundle, read_openvino(bundle))
        return
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("the ONNX backend", extra="onnx", package="onnx") from None
    path = bundle.folder / ONNX_FILE
    try:
        graph = onnx.load(path, load_external_data=False).graph
        sizes = {output.name: output.type.tensor_type.shape.dim[-1].dim_value for output in graph.output}
    except Exception as error:  # protobuf raises its own kinds
        raise ModelFileError(f"{path} cannot be loaded: {str(error)[:300]}; export it again") from error
    check_outputs(bundle, sizes)


def read_openvino(bundle: Bundle) -> openvino.Model:
    """The graph of a folder that was exported for OpenVINO.

    Raises:
        ModelFileError: It is missing or broken.
    """
    import openvino as ov

    path = bundle.folder / OPENVINO_FILE
    try:
        return ov.Core().read_model(path)
    except RuntimeError as error:
        raise ModelFileError(f"{path} cannot be loaded: {str(error)[:300]}; export it again") from error


def _listed(sizes: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {size}" for name, size in sorted(sizes.items())) or "nothing"
