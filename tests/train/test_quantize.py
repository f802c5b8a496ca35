from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from policylens.data.labels import LabelledParagraph
from policylens.models.bundle import load_network, open_bundle
from policylens.models.encode import PairEncoder, load_tokenizer
from policylens.models.int8_ranges import InputRange
from policylens.train.quantize import measure_ranges, quantize, round_weights


def test_quantize_clips_and_rounds_to_255_steps() -> None:
    values = torch.tensor([-2.0, -1.0, 0.0, 0.011, 1.55, 9.0])
    expected = torch.tensor([-1.0, -1.0, 0.0, 0.01, 1.55, 1.55])
    torch.testing.assert_close(quantize(values, -1.0, 1.55), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["attention.self.key", "attention.self.value"])
def test_layers_that_share_an_input_are_measured_once(
    tiny_model: Path, tiny_rows: Callable[[int], list[LabelledParagraph]], name: str
) -> None:
    ranges = tiny_ranges(tiny_model, tiny_rows)
    assert set(ranges) <= {
        f"encoder.encoder.layer.{layer}.{part}"
        for layer in (0, 1)
        for part in ("attention.self.query", "attention.output.dense", "intermediate.dense", "output.dense")
    }
    assert not any(found.endswith(name) for found in ranges)


def test_a_lone_peak_is_set_apart_and_leaves_the_range_to_the_others(
    tiny_model: Path, tiny_rows: Callable[[int], list[LabelledParagraph]]
) -> None:
    layer = "encoder.encoder.layer.0.output.dense"
    plain, peaked = tiny_ranges(tiny_model, tiny_rows), tiny_ranges(tiny_model, tiny_rows, peaks=[200.0])
    assert 0 in peaked[layer].apart
    assert peaked[layer].high <= plain[layer].high * 1.01


def test_more_peaks_than_can_be_set_apart_keep_their_layer_in_float(
    tiny_model: Path, tiny_rows: Callable[[int], list[LabelledParagraph]]
) -> None:
    layer = "encoder.encoder.layer.0.output.dense"
    assert layer in tiny_ranges(tiny_model, tiny_rows)
    assert layer not in tiny_ranges(tiny_model, tiny_rows, peaks=[200.0] * 8)


def test_rounded_weights_are_those_of_int8(tiny_model: Path) -> None:
    network = load_network(open_bundle(tiny_model))
    dense = network.encoder.encoder.layer[1].intermediate.dense
    with torch.no_grad():
        dense.weight.add_(torch.randn_like(dense.weight) * 0.01)
    round_weights(network)
    once = dense.weight.detach().clone()
    levels = once / (once.abs().amax(1, keepdim=True) / 63)
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    # As the folder keeps them, in half precision, they round to themselves again.
    stored = once.half().float()
    step = stored.abs().amax(1, keepdim=True) / 63
    torch.testing.assert_close(torch.round(stored / step), levels.round(), atol=0, rtol=0)


def tiny_ranges(
    model: Path, rows: Callable[[int], list[LabelledParagraph]], *, peaks: Sequence[float] = ()
) -> dict[str, InputRange]:
    bundle = open_bundle(model)
    network = load_network(bundle)
    inner = network.encoder.encoder.layer[0].intermediate.dense
    outer = network.encoder.encoder.layer[0].output.dense
    # Neurons that always fire high and hardly count for the output.
    with torch.no_grad():
        inner.bias[: len(peaks)] = torch.tensor(peaks)
        outer.weight[:, : len(peaks)] = 0.0
    encoder = PairEncoder(load_tokenizer(bundle.folder), max_tokens=64)
    windows = [encoder.encode_shortened("", row.paragraph.text) for row in rows(32)]
    return dict(measure_ranges(network, windows, pad_id=1))
