"""A BERT-like classifier as a graph for ONNX Runtime, built from the safetensors weights. Imports no torch.

The counterpart of `openvino_graph`: the same layers, the same activation ranges for int8. Attention is one
fused operator of ONNX Runtime (`com.microsoft.MultiHeadAttention`), so that other ONNX engines cannot run it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import MissingExtraError, ModelFileError
from policylens.models.bundle import Bundle
from policylens.models.openvino_graph import STATES, WEIGHT_LEVEL, Ranges

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

Array = NDArray[Any]

# Gelu came with 20; ONNX Runtime knows both since 1.17.
_OPSET, _IR_VERSION = 20, 9
_MICROSOFT = "com.microsoft"
_UINT8_LEVELS = 255


def build_onnx(bundle: Bundle, *, ranges: Ranges | None) -> ModelProto:
    """The classifier as an ONNX graph with dynamic batch and length.

    Args:
        bundle: An open model folder whose encoder is a `bert`.
        ranges: Activation ranges for int8; None for float32.

    Returns:
        Model with int32 inputs `input_ids`, `token_type_ids`, `attention_mask` of `[batch, seq]` and float32
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


def save_onnx(model: ModelProto, path: Path) -> None:
    """Writes the graph with its weights in one file."""
    import onnx

    onnx.save_model(model, str(path))


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

    def build(self) -> ModelProto:
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
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def weight(self, name: str) -> Array:
        return self.state[name].astype(np.float32)

    def _constant(self, values: Array | float, dtype: type[np.generic] = np.float32) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
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
        words, types, places = (
            self._node("Gather", [self._constant(self.weight(f"{prefix}.{name}_embeddings.weight")), index])
            for name, index in (
                ("word", "input_ids"),
                ("token_type", "token_type_ids"),
                ("position", positions),
            )
        )
        total = self._node("Add", [self._node("Add", [words, types]), places])
        return self._norm(total, f"{prefix}.LayerNorm")

    def _layer(self, states: str, prefix: str) -> str:
        attended = self._attention(states, f"{prefix}.attention.self")
        projected = self._linear(attended, [f"{prefix}.attention.output.dense"])
        total = self._node("Add", [projected, states])
        states = self._norm(total, f"{prefix}.attention.output.LayerNorm")
        inner = self._node("Gelu", [self._linear(states, [f"{prefix}.intermediate.dense"])])
        outer = self._linear(inner, [f"{prefix}.output.dense"])
        return self._norm(self._node("Add", [outer, states]), f"{prefix}.output.LayerNorm")

    def _attention(self, states: str, prefix: str) -> str:
        from onnx import helper

        joint = self._linear(states, [f"{prefix}.{name}" for name in ("query", "key", "value")])
        parts = [f"{joint}_{name}" for name in "qkv"]
        self.nodes.append(helper.make_node("Split", [joint], parts, axis=-1, num_outputs=3))
        # The fourth input is a bias that is added already, the fifth masks the padding.
        inputs = [*parts, "", "attention_mask"]
        return self._node("MultiHeadAttention", inputs, domain=_MICROSOFT, num_heads=self.n_heads)

    def _linear(self, states: str, names: list[str]) -> str:
        """`states @ W.T + b`, the weights of several layers stacked; int8 where a range is known."""
        weight = np.concatenate([self.weight(f"{name}.weight") for name in names]).T
        bias = self._constant(np.concatenate([self.weight(f"{name}.bias") for name in names]))
        bounds = self.ranges.get(names[0]) if self.ranges else None
        if bounds is None:
            product = self._node("MatMul", [states, self._constant(np.ascontiguousarray(weight))])
        else:
            product = self._node("MatMul", [self._quantized(states, *bounds), self._int8_weight(weight)])
        return self._node("Add", [product, bias])

    def _quantized(self, states: str, low: float, high: float) -> str:
        """The values on 256 levels from low to high."""
        step = (high - low) / _UINT8_LEVELS
        zero = self._constant(np.clip(round(-low / step), 0, _UINT8_LEVELS), np.uint8)
        scale = self._constant(step)
        levels = self._node("QuantizeLinear", [states, scale, zero])
        return self._node("DequantizeLinear", [levels, scale, zero])

    def _int8_weight(self, weight: Array) -> str:
        scale = np.maximum(np.abs(weight).max(axis=0), 1e-8) / WEIGHT_LEVEL
        levels = self._constant(np.round(weight / scale), np.int8)
        zeros = self._constant(np.zeros(len(scale)), np.int8)
        return self._node("DequantizeLinear", [levels, self._constant(scale), zeros], axis=1)

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
                product = self._node("MatMul", [pooled, self._constant(np.ascontiguousarray(weight.T))])
                bias = self._constant(self.weight(f"heads.{name}.bias"))
                self._node("Add", [product, bias], output=name)
                sizes[name] = len(weight)
        return sizes
