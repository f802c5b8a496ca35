"""ONNX Runtime on the CPU; on CPUs without int8 instructions the fastest runtime."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from policylens.data.errors import ConfigError, MissingExtraError, ModelFileError
from policylens.infer.engines.padding import Logits, pad_batch
from policylens.models.bundle import Bundle
from policylens.models.encode import Encoding
from policylens.models.export import ONNX_FILE, load_export
from policylens.models.openvino_graph import STATES, load_ranges


class OnnxBackend:
    """A session of ONNX Runtime: int8 where the folder has activation ranges.

    Args:
        bundle: An open model folder. `policylens export --backend onnx` writes one that opens faster than
            one with weights, whose graph is built first.
        states: Whether batches also give their token vectors.
        threads: How many it may use; None for all cores.

    Raises:
        MissingExtraError: onnxruntime, or onnx for a folder with weights, is not installed.
        ConfigError: The folder is a graph for another runtime.
        ModelFileError: The graph is broken or missing.
    """

    name = "onnx"

    def __init__(self, bundle: Bundle, *, states: bool = False, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingExtraError("the ONNX backend", extra="onnx", package="onnxruntime") from None
        graph, self.precision = _graph(bundle)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        self._pad_id = int(bundle.encoder_config.get("pad_token_id") or 0)
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own kinds
            raise ModelFileError(
                f"the graph of {bundle.folder} cannot be loaded: {str(error)[:300]}; export it again"
            ) from error
        names = [output.name for output in self._session.get_outputs()]
        self._outputs = [name for name in names if states or name != STATES]

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch in order; a batch uses all cores."""
        for batch in batches:
            found = self._session.run(self._outputs, pad_batch(batch, pad_id=self._pad_id))
            yield dict(zip(self._outputs, found, strict=True))


def _graph(bundle: Bundle) -> tuple[str | bytes, str]:
    """The path of the graph, or the graph, and its precision."""
    if (export := load_export(bundle.folder)) is not None:
        if export.backend != OnnxBackend.name:
            raise ConfigError(
                f"{bundle.folder} holds a graph for {export.backend}, no ONNX graph; write one with "
                "`policylens export --backend onnx`"
            )
        return str(bundle.folder / ONNX_FILE), export.precision
    from policylens.models.onnx_graph import build_onnx

    ranges = load_ranges(bundle)
    graph: bytes = build_onnx(bundle, ranges=ranges).SerializeToString()
    return graph, "int8" if ranges else "fp32"
