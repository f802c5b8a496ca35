from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from policylens.data.errors import ModelFileError
from policylens.models.int8_ranges import RANGES_FILE, InputRange, read_ranges, save_ranges


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    ranges = {"a": InputRange(-1.5, 2.25), "b": InputRange(-0.17, 3.0, (1, 30))}
    save_ranges(ranges, tmp_path)
    assert read_ranges(tmp_path) == ranges
    assert json.loads((tmp_path / RANGES_FILE).read_text()) == {"a": [-1.5, 2.25], "b": [-0.17, 3.0, [1, 30]]}


@pytest.mark.parametrize(
    "values",
    [[1], [1, 2, 3], [-1, 1, [2, 2]], [-1, 1, [-1]], [-1, 1, [0.5]], [-1, 1, [True]], [-1, 1, [], 0], "x"],
)
def test_what_is_no_range_is_named(values: object, tmp_path: Path) -> None:
    (tmp_path / RANGES_FILE).write_text(json.dumps({"layer": values}))
    with pytest.raises(ModelFileError, match=r"'layer' has .*expected \[low, high\] or"):
        read_ranges(tmp_path)


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_channels_apart_are_multiplied_in_float(runtime: str) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((2, 5, 16)).astype(np.float32)
    inputs[..., 3] *= 100
    weight = rng.standard_normal((8, 16)).astype(np.float32)
    exact = inputs @ weight.T
    clipped = _product(runtime, inputs, weight, InputRange(-4.0, 4.0))
    apart = _product(runtime, inputs, weight, InputRange(-4.0, 4.0, (3,)))
    assert np.abs(clipped - exact).max() > 10
    np.testing.assert_allclose(apart, exact, atol=0.35)


def _product(runtime: str, inputs: np.ndarray, weight: np.ndarray, bounds: InputRange) -> np.ndarray:
    """The linear layer alone, as the graph of the runtime computes it."""
    state = {"layer.weight": weight, "layer.bias": np.zeros(len(weight), np.float32)}
    config = {"hidden_size": 16, "num_attention_heads": 1, "num_hidden_layers": 0, "layer_norm_eps": 1e-6}
    make = _openvino if runtime == "openvino" else _onnx
    return make(state, config, {"layer": bounds}, inputs)


def _openvino(state: dict, config: dict, ranges: dict, inputs: np.ndarray) -> np.ndarray:
    import openvino as ov

    from policylens.models.openvino_graph import _GraphBuilder

    builder = _GraphBuilder(state, config, ranges)
    node = builder.ops.parameter([-1, -1, 16], np.float32)
    graph = ov.Model([builder.ops.result(builder._linear(node, ["layer"]))], [node], "layer")
    return np.asarray(ov.Core().compile_model(graph, "CPU")([inputs])[0])


def _onnx(state: dict, config: dict, ranges: dict, inputs: np.ndarray) -> np.ndarray:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper

    from policylens.models.onnx_graph import _OnnxBuilder

    builder = _OnnxBuilder(state, config, ranges)
    out = builder._linear("x", ["layer"])
    graph = helper.make_graph(
        builder.nodes,
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", "s", 16])],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["b", "s", 8])],
        initializer=builder.constants,
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = runtime.SessionOptions()
    values = [runtime.OrtValue.ortvalue_from_numpy(array) for array in builder.large.values()]
    options.add_external_initializers(list(builder.large), values)
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": inputs})[0])
