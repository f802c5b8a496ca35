"""Measures what int8 needs to know: the range of the input of every linear layer of the encoder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from policylens.models.classifier import PolicyClassifier
from policylens.models.encode import Encoding
from policylens.models.openvino_graph import Ranges
from policylens.train.dataset import pad_encodings

# Share of the values of a paragraph that must lie inside its range: the last ones are lone spikes that
# would stretch the range and cost the others their resolution.
_INSIDE = 0.9999


def measure_ranges(
    network: PolicyClassifier, batches: Iterable[Sequence[Encoding]], *, pad_id: int
) -> Ranges:
    """Mean over the batches of the lowest and highest input of each linear layer in the encoder.

    Args:
        network: A trained network, in evaluation mode.
        batches: A few hundred encoded paragraphs, typical of what will be tagged.
        pad_id: Token id of padding.

    Returns:
        Weight prefix of the layer -> (low, high), as `build_graph` expects.

    Source: mean of minima and maxima, as in the default post-training quantization of NNCF.
    """
    seen: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with torch.inference_mode(), _watch_linear_inputs(network, seen):
        for batch in batches:
            network(**pad_encodings(batch, pad_id=pad_id, pad_to=1))
    return {
        name: (sum(low for low, _ in bounds) / len(bounds), sum(high for _, high in bounds) / len(bounds))
        for name, bounds in seen.items()
    }


@contextmanager
def _watch_linear_inputs(network: nn.Module, seen: dict[str, list[tuple[float, float]]]) -> Iterator[None]:
    def watcher(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            values = inputs[0].float().flatten()
            n_outside = max(1, int(values.numel() * (1 - _INSIDE)))
            high = float(values.topk(n_outside).values[-1])
            low = float(values.topk(n_outside, largest=False).values[-1])
            seen[name].append((low, high))

        return hook

    layers = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and name.startswith("encoder.")
    }
    handles = [module.register_forward_pre_hook(watcher(name)) for name, module in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
