from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from policylens.data.labels import LabelledParagraph
from policylens.models.bundle import load_network, open_bundle
from policylens.models.encode import PairEncoder, load_tokenizer
from policylens.train.quantize import measure_ranges, quantize


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


def test_a_lone_peak_keeps_its_layer_in_float(
    tiny_model: Path, tiny_rows: Callable[[int], list[LabelledParagraph]]
) -> None:
    layer = "encoder.encoder.layer.0.output.dense"
    assert layer in tiny_ranges(tiny_model, tiny_rows)
    assert layer not in tiny_ranges(tiny_model, tiny_rows, peak=200.0)


def tiny_ranges(
    model: Path, rows: Callable[[int], list[LabelledParagraph]], *, peak: float = 0.0
) -> dict[str, tuple[float, float]]:
    bundle = open_bundle(model)
    network = load_network(bundle)
    inner = network.encoder.encoder.layer[0].intermediate.dense
    outer = network.encoder.encoder.layer[0].output.dense
    if peak:
        # One neuron that always fires high and hardly counts for the output.
        with torch.no_grad():
            inner.bias[0] = peak
            outer.weight[:, 0] = 0.0
    encoder = PairEncoder(load_tokenizer(bundle.folder), max_tokens=64)
    windows = [encoder.encode_shortened("", row.paragraph.text) for row in rows(32)]
    return dict(measure_ranges(network, windows, pad_id=1))
