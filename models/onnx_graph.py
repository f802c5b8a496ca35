"""A BERT-like classifier as a graph for ONNX Runtime, built from the safetensors weights. Imports no torch.

The counterpart of `openvino_graph`: the same layers, the same activation ranges for int8. Attention is one
fused operator of ONNX Runtime (`com.microsoft.MultiHeadAttention`), so that other ONNX engines cannot run it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import MissingExtraError, ModelFileError
from policylens.models.bundle import Bundle
from policylens.models.openvino_graph import STATES, WEIGHT_LEVEL, Ranges, float_weight

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

Array = NDArray[Any]

# Gelu came with 20; ONNX Runtime knows both since 1.17.
_OPSET, _IR_VERSION = 20, 9
_MICROSOFT = "com.microsoft"
_UINT8_LEVELS = 255
# Constants of so many axes are weights and stay out of the graph until it is saved.
_WEIGHT_AXES = 2


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """A graph and, apart from it, its weights, so that a session can take them as they lie in memory.

    Attributes:
        model: Nodes, small constants, and for each weight a name that stands for it.
        weights: Arrays by these names.
    """

    model: ModelProto
    weights: dict[str, Array]


def build_onnx(bundle: Bundle, *, ranges: Ranges | None) -> OnnxGraph:
    """The classifier as an ONNX graph with dynamic batch and length.

    Args:
        bundle: An open model folder whose encoder is a `bert`.
        ranges: Activation ranges for int8; None for float32.

    Returns:
        Graph with int32 inputs `input_ids`, `token_type_ids`, `attention_mask` of `[batch, seq]` and float32
        outputs: one for each head, named after it, `[batch, n_labels]`, and `states`, `[batch, seq, hidden]`.

    Raises:
        MissingExtraError: The package onnx is not installed.
        ModelFileError: The encoder is of another kind, or a weight is missing.
    """
    from safetensors.numpy import load_file

    config = bundle.encoder_config
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        raise ModelFileError(
            f"{bundle.folder}: ONNX export knows BERT encoders with GELU, this one is "
            f"{config.get('model_type')!r} with {config.get('hidden_act')!r}"
        )
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise MissingExtraError("export to ONNX", extra="onnx", package="onnx") from None
    try:
        return _OnnxBuilder(load_file(bundle.weights), config, ranges).build()
    except KeyError as error:
        raise ModelFileError(f"{bundle.weights} has no weight {error}") from error


def save_onnx(graph: OnnxGraph, path: Path) -> None:
    """Writes the graph with its weights in one file."""
    import onnx

    whole = onnx.ModelProto()
    whole.CopyFrom(graph.model)
    for tensor in whole.graph.initializer:
        if tensor.name in graph.weights:
            del tensor.external_data[:]
            tensor.data_location = onnx.TensorProto.DEFAULT
            tensor.raw_data = graph.weights[tensor.name].tobytes()
    onnx.save_model(whole, str(path))


class _OnnxBuilder:
    """Holds weights, nodes and constants while the graph grows; values go by their names."""

    def __init__(self, state: dict[str, Array], config: dict[str, Any], ranges: Ranges | None) -> None:
        self.state = state
        self.ranges = ranges
        self.hidden = int(config["hidden_size"])
        self.n_heads = int(config["num_attention_heads"])
        self.n_layers = int(config["num_hidden_layers"])
        self.epsilon = float(config["layer_norm_eps"])
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.large: dict[str, Array] = {}

    def build(self) -> OnnxGraph:
        from onnx import TensorProto, helper

        tokens = self._embeddings()
        for layer in range(self.n_layers):
            tokens = self._layer(tokens, f"encoder.encoder.layer.{layer}")
        sizes = self._heads(self._pool(tokens))
        self._node("Identity", [tokens], output=STATES)
        shape = ["batch", "seq"]
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT32, shape)
            for name in ("input_ids", "token_type_ids", "attention_mask")
        ]
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
            for name, size in sizes.items()
        ]
        outputs.append(helper.make_tensor_value_info(STATES, TensorProto.FLOAT, [*shape, self.hidden]))
        graph = helper.make_graph(self.nodes, "policylens", inputs, outputs, initializer=self.constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        return OnnxGraph(model, self.large)

    def weight(self, name: str) -> Array:
        return float_weight(self.state, name)

    def _stored(self, name: str) -> str:
        return self._constant(self.state[name], self.state[name].dtype.type)

    def _constant(self, values: Array | float | list[int], dtype: type[np.generic] = np.float32) -> str:
        from onnx import numpy_helper

        name, array = f"c{len(self.constants)}", np.asarray(values, dtype)
        if array.ndim < _WEIGHT_AXES:
            self.constants.append(numpy_helper.from_array(array, name))
        else:
            self.large[name] = np.ascontiguousarray(array)
            self.constants.append(_placeholder(name, array))
        return name

    def _node(self, kind: str, inputs: list[str], *, output: str = "", domain: str = "", **how: Any) -> str:  # noqa: ANN401
        from onnx import helper

        output = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **how))
        return output

    def _embeddings(self) -> str:
        prefix = "encoder.embeddings"
        shape = self._node("Shape", ["input_ids"])
        length = self._node("Gather", [shape, self._constant(1, np.int64)], axis=0)
        zero, one = self._constant(0, np.int64), self._constant(1, np.int64)
        positions = self._node("Range", [zero, length, one])
        # Looked up as they are stored, in fp16: widening the whole vocabulary takes longer than all its uses.
        words, types, places = (
            self._node("Cast", [self._node("Gather", [self._stored(f"{prefix}.{name}"), index])], to=1)
            for name, index in (
                ("word_embeddings.weight", "input_ids"),
                ("token_type_embeddings.weight", "token_type_ids"),
                ("position_embeddings.weight", positions),
            )
        )
        total = self._node("Add", [self._node("Add", [words, types]), places])
        return self._norm(total, f"{prefix}.LayerNorm")

    def _layer(self, states: str, prefix: str) -> str:
        attended = self._attention(states, f"{prefix}.attention.self")
        projected = self._linear(attended, [f"{prefix}.attention.output.dense"])
        # Two operators: ONNX Runtime's fused SkipLayerNormalization takes three times as long on CPUs.
        states = self._norm(self._node("Add", [projected, states]), f"{prefix}.attention.output.LayerNorm")
        names = [f"{prefix}.intermediate.dense"]
        inner = self._linear(states, names, add_bias=False)
        inner = self._node("BiasGelu", [inner, self._bias(names)], domain=_MICROSOFT)
        outer = self._linear(inner, [f"{prefix}.output.dense"])
        return self._norm(self._node("Add", [outer, states]), f"{prefix}.output.LayerNorm")

    def _attention(self, states: str, prefix: str) -> str:
        from onnx import helper

        names = [f"{prefix}.{name}" for name in ("query", "key", "value")]
        joint = self._linear(states, names, add_bias=False)
        parts = [f"{joint}_{name}" for name in "qkv"]
        self.nodes.append(helper.make_node("Split", [joint], parts, axis=-1, num_outputs=3))
        inputs = [*parts, self._bias(names), "attention_mask"]
        return self._node("MultiHeadAttention", inputs, domain=_MICROSOFT, num_heads=self.n_heads)

    def _bias(self, names: list[str]) -> str:
        return self._constant(np.concatenate([self.weight(f"{name}.bias") for name in names]))

    def _linear(self, states: str, names: list[str], *, add_bias: bool = True) -> str:
        """`states @ W.T + b`, the weights of several layers stacked; int8 where a range is known."""
        weight = np.concatenate([self.weight(f"{name}.weight") for name in names]).T
        bounds = self.ranges.get(names[0]) if self.ranges else None
        bias = [self._bias(names)] if add_bias else []
        if bounds is None:
            product = self._node("MatMul", [states, self._constant(weight)])
            return self._node("Add", [product, *bias]) if bias else product
        levels, step, zero = self._quantized(states, bounds.low, bounds.high)
        apart = list(bounds.apart)
        weights, scale = self._int8_weight(weight, apart)
        inputs = [levels, weights, step, scale, zero, "", *bias]
        product = self._node("MatMulIntegerToFloat", inputs, domain=_MICROSOFT)
        if not apart:
            return product
        channels = self._node("Gather", [states, self._constant(apart, np.int64)], axis=-1)
        return self._node("Add", [product, self._node("MatMul", [channels, self._constant(weight[apart])])])

    def _quantized(self, states: str, low: float, high: float) -> tuple[str, str, str]:
        """The values on 256 levels from low to high, the step between two levels, and the level of zero."""
        step = (high - low) / _UINT8_LEVELS
        zero = self._constant(np.clip(round(-low / step), 0, _UINT8_LEVELS), np.uint8)
        scale = self._constant(step)
        return self._node("QuantizeLinear", [states, scale, zero]), scale, zero

    def _int8_weight(self, weight: Array, apart: list[int]) -> tuple[str, str]:
        """The weight on 127 levels without some inputs, and the step between two of them for each output."""
        # The step is that of the whole row, which `train.quantize.round_weights` has rounded with.
        scale = np.maximum(np.abs(weight).max(axis=0), 1e-8) / WEIGHT_LEVEL
        levels = np.round(weight / scale)
        levels[apart] = 0
        return self._constant(levels, np.int8), self._constant(scale)

    def _norm(self, states: str, name: str) -> str:
        scale, bias = (self._constant(self.weight(f"{name}.{part}")) for part in ("weight", "bias"))
        return self._node("LayerNormalization", [states, scale, bias], axis=-1, epsilon=self.epsilon)

    def _pool(self, states: str) -> str:
        """Mean over the paragraph's tokens; see `classifier.paragraph_mask`."""
        axis, last = self._constant(np.array([1]), np.int64), self._constant(np.array([2]), np.int64)
        paired = self._node("ReduceMax", ["token_type_ids", axis], keepdims=1)
        single = self._node("Sub", [self._constant(1, np.int32), paired])
        chosen = self._node("Mul", [self._node("Add", ["token_type_ids", single]), "attention_mask"])
        weights = self._node("Unsqueeze", [self._node("Cast", [chosen], to=1), last])
        total = self._node("ReduceSum", [self._node("Mul", [states, weights]), axis], keepdims=0)
        return self._node("Div", [total, self._node("ReduceSum", [weights, axis], keepdims=0)])

    def _heads(self, pooled: str) -> dict[str, int]:
        """Head name -> number of labels."""
        sizes = {}
        for key in self.state:
            if key.startswith("heads.") and key.endswith(".weight"):
                name, weight = key.split(".")[1], self.weight(key)
                product = self._node("MatMul", [pooled, self._constant(weight.T)])
                bias = self._constant(self.weight(f"heads.{name}.bias"))
                self._node("Add", [product, bias], output=name)
                sizes[name] = len(weight)
        return sizes


def _placeholder(name: str, array: Array) -> TensorProto:
    """A constant whose values the session is given apart."""
    from onnx import TensorProto, helper

    tensor = TensorProto(
        name=name,
        dims=array.shape,
        data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
        data_location=TensorProto.EXTERNAL,
    )
    for key, value in (("location", "memory"), ("offset", "0"), ("length", str(array.nbytes))):
        tensor.external_data.add(key=key, value=value)
    return tensor
