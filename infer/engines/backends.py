"""What turns token ids into logits: one protocol, and the choice of a runtime for a folder and a device."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from policylens.data.errors import ConfigError
from policylens.infer.engines.cpu import multiplies_int8
from policylens.infer.engines.onnx_backend import OnnxBackend
from policylens.infer.engines.padding import PAD_TO_TOKENS, Logits, pad_batch
from policylens.infer.engines.torch_backend import TorchBackend
from policylens.models.bundle import Bundle
from policylens.models.encode import Encoding
from policylens.models.export import load_export
from policylens.models.graph_outputs import check_openvino, read_openvino
from policylens.models.openvino_graph import RANGES_FILE, STATES, build_graph, load_ranges

if TYPE_CHECKING:
    import openvino

__all__ = [
    "BACKENDS",
    "DEVICES",
    "PAD_TO_TOKENS",
    "Backend",
    "Logits",
    "OnnxBackend",
    "OpenVinoBackend",
    "TorchBackend",
    "open_backend",
    "pad_batch",
    "suitable_backend",
]

logger = logging.getLogger(__name__)

BACKENDS = ("openvino", "onnx", "torch")
DEVICES = ("auto", "cpu", "cuda")


class Backend(Protocol):
    """Computes logits; see `OpenVinoBackend`, `OnnxBackend` and `TorchBackend`.

    Attributes:
        name: Of the runtime.
        precision: What it computes in: "int8", "bf16", "fp16" or "fp32".
    """

    name: str
    precision: str

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch by head name, `[batch, n_labels]`, in the order of the batches.

        A backend opened with `states` adds the token vectors, `[batch, seq, hidden]`, as `states`.
        """
        ...


def open_backend(
    bundle: Bundle,
    *,
    device: str = "auto",
    backend: str | None = None,
    states: bool = False,
    threads: int | None = None,
) -> Backend:
    """Chooses the runtime.

    Args:
        bundle: An open model folder.
        device: "auto" takes a GPU where torch is asked for and sees one, else the CPU.
        backend: "openvino", "onnx", "torch", or None for the one that suits: that of an exported folder,
            torch on GPUs and for encoders that the compiled runtimes do not know, ONNX Runtime, where it is
            installed, on CPUs without int8 instructions, OpenVINO else.
        states: Whether it also gives token vectors; copying them out costs a little time.
        threads: How many it may use on the CPU; None for all cores.

    Raises:
        ConfigError: An unknown name, a CPU runtime on a GPU, or a folder that is for another runtime.
    """
    if device not in DEVICES or (backend is not None and backend not in BACKENDS):
        raise ConfigError(
            f"device {device!r}, backend {backend!r}: expected one of {', '.join(DEVICES)} "
            f"and one of {', '.join(BACKENDS)}"
        )
    if backend in ("openvino", "onnx") and device == "cuda":
        raise ConfigError(f"the {backend} backend runs on CPUs; use --backend torch for --device cuda")
    match backend or suitable_backend(bundle, device):
        case "openvino":
            return OpenVinoBackend(bundle, states=states, threads=threads)
        case "onnx":
            return OnnxBackend(bundle, states=states, threads=threads)
    return _open_torch(bundle, device=device, states=states, threads=threads)


def suitable_backend(bundle: Bundle, device: str) -> str:
    """The runtime that `open_backend` takes for a folder on this machine if none is named."""
    if device == "cuda":
        return "torch"
    if (export := load_export(bundle.folder)) is not None:
        return export.backend
    if bundle.encoder_config.get("model_type") != "bert":
        return "torch"
    if not multiplies_int8() and load_ranges(bundle) is not None:
        if all(find_spec(name) for name in ("onnxruntime", "onnx")):
            return "onnx"
        logger.info(
            "this CPU has no int8 instructions: `pip install 'policylens[onnx]'` makes tagging faster on it"
        )
    return "openvino"


def _open_torch(bundle: Bundle, *, device: str, states: bool, threads: int | None) -> Backend:
    if (export := load_export(bundle.folder)) is not None:
        raise ConfigError(
            f"{bundle.folder} is a graph for the {export.backend} backend, without weights for torch; "
            f"name the model that it was made from ({export.source})"
        )
    from policylens.infer.engines.many_devices import ManyDevices, gpu_names

    devices = [] if device == "cpu" else gpu_names()
    if len(devices) > 1:
        return ManyDevices(bundle, devices, states=states)
    return TorchBackend(bundle, device=device, states=states, threads=threads)


class OpenVinoBackend:
    """The compiled CPU runtime: int8 where the folder has activation ranges, bf16 where the CPU has it.

    Args:
        bundle: An open model folder, with weights or exported for OpenVINO.
        precision: "int8" or "fp32" for a folder with weights; None takes int8 where the folder allows
            it. An exported folder has its own.
        states: Whether batches also give their token vectors.
        threads: How many it may use; None for all cores.

    Raises:
        ConfigError: int8 is asked for and the folder has no activation ranges, or it is an export for
            another runtime.
        ModelFileError: An exported graph is broken, missing, or of another model.
    """

    name = "openvino"

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: str | None = None,
        states: bool = False,
        threads: int | None = None,
    ) -> None:
        self._pad_id = int(bundle.encoder_config.get("pad_token_id") or 0)
        graph, self.precision = _graph(bundle, precision=precision, states=states)
        self._model = _compile(graph, self.precision, plain=precision == "fp32", threads=threads)
        self._heads = [next(iter(output.get_names())) for output in self._model.outputs]
        n_requests = self._model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._requests = [self._model.create_infer_request() for _ in range(n_requests)]

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch in order; as many batches are under way as the runtime has streams."""
        free, under_way = deque(self._requests), deque[Any]()
        for batch in batches:
            if not free:
                yield self._finish(under_way, free)
            request = free.popleft()
            request.start_async(pad_batch(batch, pad_id=self._pad_id))
            under_way.append(request)
        while under_way:
            yield self._finish(under_way, free)

    def _finish(self, under_way: deque[Any], free: deque[Any]) -> Logits:
        request = under_way.popleft()
        request.wait()
        logits = {head: request.get_tensor(head).data.copy() for head in self._heads}
        free.append(request)
        return logits


def _graph(bundle: Bundle, *, precision: str | None, states: bool) -> tuple[openvino.Model, str]:
    """The graph and its precision."""
    if (export := load_export(bundle.folder)) is not None:
        if export.backend != "openvino" or precision not in (None, export.precision):
            raise ConfigError(
                f"{bundle.folder} is a {export.precision} graph for {export.backend}; asked for was "
                f"{precision or 'any'} for openvino: export the model for it"
            )
        return _read_graph(bundle, states=states), export.precision
    ranges = load_ranges(bundle) if precision in (None, "int8") else None
    if precision == "int8" and ranges is None:
        raise ConfigError(
            f"{bundle.folder} has no {RANGES_FILE}: its int8 form was never measured; train again"
        )
    return build_graph(bundle, ranges=ranges, states=states), "int8" if ranges else "fp32"


def _read_graph(bundle: Bundle, *, states: bool) -> openvino.Model:
    graph = read_openvino(bundle)
    check_openvino(bundle, graph)
    if not states:
        (extra,) = (result for result in graph.get_results() if STATES in result.output(0).get_names())
        graph.remove_result(extra)
    return graph


def _compile(
    graph: openvino.Model, precision: str, *, plain: bool, threads: int | None
) -> openvino.CompiledModel:
    """Compile for this CPU; unless `plain`, what is not int8 runs in bf16 where the CPU has it."""
    import openvino as ov

    core = ov.Core()
    options: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    if not plain and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    logger.info("compiling: %s, %s", precision, options)
    return core.compile_model(graph, "CPU", options)
