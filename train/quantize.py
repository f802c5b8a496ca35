"""Measures what the int8 form of a model needs to know: the range of the input of each linear layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from policylens.models.classifier import PolicyClassifier
from policylens.models.encode import Encoding
from policylens.models.openvino_graph import ACTIVATION_LEVELS, Ranges
from policylens.train.dataset import pad_encodings

# A layer whose output int8 would change by more than this share stays in float: single neurons of the early
# feed-forward layers fire ten times as high as all others, and a range that holds them leaves the others two
# or three levels. Of the shipped model that is 10 of 48 layers. Clipping the peaks instead (at the 99.99th
# percentile) changed a third of the labels.
_MAX_LAYER_ERROR = 0.04
_BATCH_SIZE = 8

_Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]


def measure_ranges(network: PolicyClassifier, windows: Sequence[Encoding], *, pad_id: int) -> Ranges:
    """Mean over batches of the lowest and highest input of each linear layer that int8 does not harm.

    Args:
        network: A trained network, in evaluation mode.
        windows: A few hundred encoded paragraphs, typical of what will be tagged.
        pad_id: Token id of padding.

    Returns:
        Weight prefix of the layer -> (low, high), as `build_graph` expects; query stands for key and value
        too, whose input is the same.

    Source: mean of minima and maxima as in the default post-training quantization of NNCF.
    """
    batches = [
        pad_encodings(windows[at : at + _BATCH_SIZE], pad_id=pad_id, pad_to=1)
        for at in range(0, len(windows), _BATCH_SIZE)
    ]
    bounds: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with _watch(network, lambda name: _bounds_hook(bounds[name])):
        _run(network, batches)
    ranges = {name: _mean_pair(pairs) for name, pairs in bounds.items()}
    errors: dict[str, list[float]] = defaultdict(list)
    with _watch(network, lambda name: _error_hook(errors[name], ranges[name])):
        _run(network, batches[:: max(1, len(batches) // 8)])
    return {
        name: bound
        for name, bound in ranges.items()
        if sum(errors[name]) / len(errors[name]) <= _MAX_LAYER_ERROR
    }


def _run(network: PolicyClassifier, batches: Sequence[dict[str, Tensor]]) -> None:
    with torch.inference_mode():
        for batch in batches:
            network(**batch)


def _mean_pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(low for low, _ in pairs) / len(pairs), sum(high for _, high in pairs) / len(pairs)


def _bounds_hook(bounds: list[tuple[float, float]]) -> _Hook:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        low, high = inputs[0].aminmax()
        bounds.append((min(0.0, float(low)), max(0.0, float(high))))

    return hook


def _error_hook(errors: list[float], bound: tuple[float, float]) -> _Hook:
    """Notes how far int8 inputs move the layer's output, as a share of the output's norm."""

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Linear)
        change = quantize(inputs[0], *bound) - inputs[0]
        errors.append(float(functional.linear(change, module.weight).norm() / output.norm()))

    return hook


def quantize(values: Tensor, low: float, high: float) -> Tensor:
    """The values as an int8 layer sees them: clipped to [low, high] and rounded to its levels."""
    step = (high - low) / (ACTIVATION_LEVELS - 1)
    return torch.round((values.clamp(low, high) - low) / step) * step + low


@contextmanager
def _watch(network: nn.Module, make_hook: Callable[[str], _Hook]) -> Iterator[None]:
    """Calls a hook at each linear layer of the encoder, one of the three that share the attention's input."""
    handles = [
        module.register_forward_hook(make_hook(name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
        and name.startswith("encoder.")
        and not name.endswith(("key", "value"))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
