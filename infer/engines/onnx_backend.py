"""ONNX Runtime on the CPU; on CPUs without int8 instructions the fastest runtime."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from policylens.data.errors import ConfigError, MissingExtraError, ModelFileError
from policylens.infer.engines.cpu import usable_cores
from policylens.infer.engines.padding import Logits, pad_batch
from policylens.models.bundle import Bundle
from policylens.models.encode import Encoding
from policylens.models.export import ONNX_FILE, load_export
from policylens.models.graph_outputs import check_outputs
from policylens.models.openvino_graph import STATES, load_ranges

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Weights = dict[str, NDArray[Any]]


class OnnxBackend:
    """A session of ONNX Runtime: int8 where the folder has activation ranges.

    Each batch is computed on one core, and as many at once as there are cores: faster than one after
    the other on all cores, which wait for each other.

    Args:
        bundle: An open model folder. `policylens export --backend onnx` writes one that opens faster than
            one with weights, whose graph is built first.
        states: Whether batches also give their token vectors.
        threads: How many it may use; None for all cores.

    Attributes:
        batch_tokens: Best size of a batch in tokens: its values stay in the cache of a core.

    Raises:
        MissingExtraError: onnxruntime, or onnx for a folder with weights, is not installed.
        ConfigError: The folder is a graph for another runtime.
        ModelFileError: The graph is broken, missing, or of another model.
    """

    name = "onnx"
    batch_tokens = 512

    def __init__(self, bundle: Bundle, *, states: bool = False, threads: int | None = None) -> None:
        self._session, self.precision, self._weights = _open_session(bundle)
        self._pad_id = int(bundle.encoder_config.get("pad_token_id") or 0)
        outputs = self._session.get_outputs()
        if not bundle.has_weights:
            check_outputs(bundle, {output.name: output.shape[-1] for output in outputs})
        self._outputs = [output.name for output in outputs if states or output.name != STATES]
        self._n_streams = threads or usable_cores()
        self._streams = ThreadPoolExecutor(self._n_streams, thread_name_prefix="onnx")

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch in order; as many batches are under way as there are cores."""
        under_way: deque[Future[Logits]] = deque()
        try:
            for batch in batches:
                # One more than there are streams, so that none of them waits for a result to be taken.
                if len(under_way) > self._n_streams:
                    yield under_way.popleft().result()
                under_way.append(self._streams.submit(self._compute, batch))
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()

    def _compute(self, batch: Sequence[Encoding]) -> Logits:
        # No shape is compiled for, so that a width need not be round.
        inputs = pad_batch(batch, pad_id=self._pad_id, pad_to=1)
        return dict(zip(self._outputs, self._session.run(self._outputs, inputs), strict=True))


def _open_session(bundle: Bundle) -> tuple[InferenceSession, str, Weights]:
    """A session that computes in the thread that calls it, its precision, and what it must not outlive."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("the ONNX backend", extra="onnx", package="onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # Both keep memory for shapes that may come again; batches have hundreds of them, and it would only grow.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    graph, precision, weights = _graph(bundle)
    # The session reads these arrays where they lie and does not keep them alive.
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own kinds
        raise ModelFileError(
            f"the graph of {bundle.folder} cannot be loaded: {str(error)[:300]}; export it again"
        ) from error
    return session, precision, weights


def _graph(bundle: Bundle) -> tuple[str | bytes, str, Weights]:
    """The path of the graph or the graph, its precision, and the weights that it lacks."""
    if (export := load_export(bundle.folder)) is not None:
        if export.backend != OnnxBackend.name:
            raise ConfigError(
                f"{bundle.folder} holds a graph for {export.backend}, no ONNX graph; write one with "
                "`policylens export --backend onnx`"
            )
        return str(bundle.folder / ONNX_FILE), export.precision, {}
    from policylens.models.onnx_graph import build_onnx

    ranges = load_ranges(bundle)
    graph = build_onnx(bundle, ranges=ranges)
    return graph.model.SerializeToString(), "int8" if ranges else "fp32", graph.weights
