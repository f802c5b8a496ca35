"""What turns token ids into logits: one protocol, a compiled CPU runtime and torch."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ConfigError
from policylens.models.bundle import Bundle
from policylens.models.encode import Encoding
from policylens.models.openvino_graph import RANGES_FILE, build_graph, load_ranges

if TYPE_CHECKING:
    import openvino

logger = logging.getLogger(__name__)

Logits = Mapping[str, NDArray[np.float32]]

BACKENDS = ("openvino", "torch")
DEVICES = ("auto", "cpu", "cuda")
# Few distinct lengths let the runtimes reuse what they compiled for a shape.
PAD_TO_TOKENS = 16


class Backend(Protocol):
    """Computes logits; see `OpenVinoBackend` and `TorchBackend`."""

    name: str

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch by head name, `[batch, n_labels]`, in the order of the batches."""
        ...


def open_backend(bundle: Bundle, *, device: str = "auto", backend: str | None = None) -> Backend:
    """Chooses the runtime.

    Args:
        bundle: An open model folder.
        device: "auto" takes a GPU where torch is asked for and sees one, else the CPU.
        backend: "openvino", "torch", or None for the one that suits: torch on GPUs and for encoders that
            the compiled runtime does not know, OpenVINO else.

    Raises:
        ConfigError: An unknown name, or OpenVINO on a GPU.
    """
    if device not in DEVICES or (backend is not None and backend not in BACKENDS):
        raise ConfigError(
            f"device {device!r}, backend {backend!r}: expected one of {', '.join(DEVICES)} "
            f"and one of {', '.join(BACKENDS)}"
        )
    if backend == "openvino" and device == "cuda":
        raise ConfigError("the OpenVINO backend runs on CPUs; use --backend torch for --device cuda")
    if backend is None:
        compiled = device != "cuda" and bundle.encoder_config.get("model_type") == "bert"
        backend = "openvino" if compiled else "torch"
    if backend == "openvino":
        return OpenVinoBackend(bundle)
    return TorchBackend(bundle, device=device)


def pad_batch(batch: Sequence[Encoding], *, pad_id: int) -> dict[str, NDArray[np.int32]]:
    """`input_ids`, `token_type_ids` and `attention_mask`, int32 `[batch, seq]`."""
    longest = max(len(encoding.ids) for encoding in batch)
    width = -(-longest // PAD_TO_TOKENS) * PAD_TO_TOKENS
    ids = np.full((len(batch), width), pad_id, np.int32)
    types, mask = np.zeros_like(ids), np.zeros_like(ids)
    for row, encoding in enumerate(batch):
        n_tokens = len(encoding.ids)
        ids[row, :n_tokens] = encoding.ids
        types[row, :n_tokens] = encoding.types
        mask[row, :n_tokens] = 1
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}


class OpenVinoBackend:
    """The compiled CPU runtime: int8 where the folder has activation ranges, bf16 where the CPU has it.

    Args:
        bundle: An open model folder.
        precision: "int8" or "fp32"; None takes int8 where the folder allows it.

    Raises:
        ConfigError: int8 is asked for and the folder has no activation ranges.
    """

    name = "openvino"

    def __init__(self, bundle: Bundle, *, precision: str | None = None) -> None:
        self._pad_id = int(bundle.encoder_config.get("pad_token_id") or 0)
        self._model = _compile(bundle, precision=precision)
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


def _compile(bundle: Bundle, *, precision: str | None) -> openvino.CompiledModel:
    import openvino as ov

    ranges = load_ranges(bundle) if precision in (None, "int8") else None
    if precision == "int8" and ranges is None:
        raise ConfigError(
            f"{bundle.folder} has no {RANGES_FILE}: its int8 form was never measured; train again"
        )
    core = ov.Core()
    options: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if precision != "fp32" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        options["INFERENCE_PRECISION_HINT"] = "bf16"
    logger.info("compiling %s: %s, %s", bundle.folder.name, "int8" if ranges else "float", options)
    return core.compile_model(build_graph(bundle, ranges=ranges), "CPU", options)


class TorchBackend:
    """Plain PyTorch, for GPUs, for encoders that the compiled runtime does not know, and to compare with.

    Args:
        bundle: An open model folder.
        device: "auto", "cpu" or "cuda".

    Raises:
        ConfigError: CUDA is asked for and torch sees no GPU.
    """

    name = "torch"

    def __init__(self, bundle: Bundle, *, device: str = "auto") -> None:
        import torch

        from policylens.models.bundle import load_network

        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("device 'cuda' was asked for, but torch sees no GPU; use --device cpu")
        on_gpu = device != "cpu" and torch.cuda.is_available()
        self._device = torch.device("cuda" if on_gpu else "cpu")
        self._dtype = torch.bfloat16 if on_gpu else torch.float32
        self._network = load_network(bundle).to(self._device)
        self._pad_id = int(bundle.encoder_config.get("pad_token_id") or 0)

    def run(self, batches: Iterable[Sequence[Encoding]]) -> Iterator[Logits]:
        """Logits of each batch in order."""
        import torch

        for batch in batches:
            inputs = {
                name: torch.from_numpy(array).long().to(self._device, non_blocking=True)
                for name, array in pad_batch(batch, pad_id=self._pad_id).items()
            }
            enabled = self._dtype != torch.float32
            with torch.inference_mode(), torch.autocast(self._device.type, self._dtype, enabled=enabled):
                logits = self._network(**inputs)
            yield {head: values.float().cpu().numpy() for head, values in logits.items()}
