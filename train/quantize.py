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
from policylens.models.openvino_graph import ACTIVATION_LEVELS, WEIGHT_LEVEL, InputRange, Ranges
from policylens.train.dataset import pad_encodings

# A layer whose output int8 would still change by more than this share stays in float.
_MAX_LAYER_ERROR = 0.04
# Single channels reach ten times as far as all others, and a range that held them would leave the others two
# or three levels: set apart are at most so many of them, and of a narrow layer a sixteenth, if they reach
# further than the next one by this factor. Clipping them (at the 99.99th percentile) changed a third of the
# labels.
_MAX_APART, _APART_SHARE, _APART_FACTOR = 8, 16, 1.15
_BATCH_SIZE = 8

_Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]


def round_weights(network: PolicyClassifier) -> None:
    """Rounds the weights of the encoder's linear layers to the levels that their int8 form has.

    int8 then computes with the very weights that the network was measured with, and only the rounding of
    activations can make their labels differ.
    """
    with torch.no_grad():
        for _, module in _linear_layers(network):
            step = module.weight.abs().amax(dim=1, keepdim=True).clamp_min(1e-8) / WEIGHT_LEVEL
            module.weight.copy_(torch.round(module.weight / step) * step)


def measure_ranges(network: PolicyClassifier, windows: Sequence[Encoding], *, pad_id: int) -> Ranges:
    """Mean over batches of the lowest and highest input of each linear layer that int8 does not harm.

    Args:
        network: A trained network, in evaluation mode.
        windows: A few hundred encoded paragraphs, typical of what will be tagged.
        pad_id: Token id of padding.

    Returns:
        Weight prefix of the layer -> range, as `build_graph` expects; query stands for key and value too,
        whose input is the same.

    Source: mean of minima and maxima as in the default post-training quantization of NNCF; channels apart
    as in Dettmers et al. 2022, LLM.int8().
    """
    batches = [
        pad_encodings(windows[at : at + _BATCH_SIZE], pad_id=pad_id, pad_to=1)
        for at in range(0, len(windows), _BATCH_SIZE)
    ]
    bounds: dict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    with _watch(network, lambda name: _bounds_hook(bounds[name])):
        _run(network, batches)
    ranges = {name: _range_of(pairs) for name, pairs in bounds.items()}
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


def _range_of(pairs: Sequence[tuple[Tensor, Tensor]]) -> InputRange:
    """The range from the lowest and highest value of each channel `[n_channels]`, batch by batch."""
    lows, highs = (torch.stack(side) for side in zip(*pairs, strict=True))
    reach = torch.maximum(-lows, highs).mean(0)
    n_most = min(_MAX_APART, len(reach) // _APART_SHARE)
    furthest = reach.topk(n_most + 1)
    apart = furthest.indices[furthest.values > _APART_FACTOR * furthest.values[-1]]
    lows[:, apart] = highs[:, apart] = 0.0
    low, high = lows.amin(1).clamp_max(0.0).mean(), highs.amax(1).clamp_min(0.0).mean()
    return InputRange(float(low), float(high), tuple(sorted(apart.tolist())))


def _bounds_hook(bounds: list[tuple[Tensor, Tensor]]) -> _Hook:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        values = inputs[0].flatten(0, -2)
        bounds.append((values.amin(0), values.amax(0)))

    return hook


def _error_hook(errors: list[float], bound: InputRange) -> _Hook:
    """Notes how far int8 inputs move the layer's output, as a share of the output's norm."""

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Linear)
        change = quantize(inputs[0], bound.low, bound.high) - inputs[0]
        change[..., list(bound.apart)] = 0.0
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
        for name, module in _linear_layers(network)
        if not name.endswith(("key", "value"))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _linear_layers(network: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    """The encoder's linear layers by name."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and name.startswith("encoder."):
            yield name, module
