"""A BERT-like classifier as an OpenVINO graph, built from the safetensors weights. Imports no torch.

The model folder holds the weights once, in fp16; this module turns them into a graph for the CPU runtime:
float, or int8 with the activation ranges that training has measured. Building takes less than two seconds,
so that no second copy of the weights has to be shipped or kept in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import ModelFileError
from policylens.models.bundle import Bundle
from policylens.models.int8_ranges import RANGES_FILE, InputRange, Ranges, read_ranges, save_ranges

if TYPE_CHECKING:
    import openvino
    from openvino import Node

__all__ = [
    "ACTIVATION_LEVELS",
    "RANGES_FILE",
    "STATES",
    "WEIGHT_LEVEL",
    "InputRange",
    "Ranges",
    "build_graph",
    "float_weight",
    "load_ranges",
    "save_ranges",
]

Array = NDArray[Any]

# Name of the output that carries the encoder's token vectors, beside the heads'.
STATES = "states"
# Weights use 7 of their 8 bits: CPUs without VNNI add pairs of int8 products in 16 bits, which would
# otherwise saturate. The labels are then the same on every CPU.
WEIGHT_LEVEL = 63.0
ACTIVATION_LEVELS = 256


def load_ranges(bundle: Bundle) -> Ranges | None:
    """Activation ranges of an int8 graph: input of a linear layer -> (low, high); None where not measured.

    Raises:
        ModelFileError: The file is broken.
    """
    return read_ranges(bundle.folder)


def build_graph(bundle: Bundle, *, ranges: Ranges | None, states: bool = False) -> openvino.Model:
    """The classifier as a graph with dynamic batch and length.

    Args:
        bundle: An open model folder whose encoder is a `bert`.
        ranges: Activation ranges for int8; None for float.
        states: Whether the graph also gives the token vectors that the heads' input is the mean of.

    Returns:
        Model with int32 inputs `input_ids`, `token_type_ids`, `attention_mask` of `[batch, seq]` and one
        float32 output for each head, named after it, `[batch, n_labels]`; where asked for also `states`,
        float32 `[batch, seq, hidden]`.

    Raises:
        ModelFileError: The encoder is of another kind, or a weight is missing.
    """
    from safetensors.numpy import load_file

    config = bundle.encoder_config
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        raise ModelFileError(
            f"{bundle.folder}: the compiled CPU runtime knows BERT encoders with GELU, this one is "
            f"{config.get('model_type')!r} with {config.get('hidden_act')!r}; use --backend torch"
        )
    try:
        return _GraphBuilder(load_file(bundle.weights), config, ranges).build(states=states)
    except KeyError as error:
        raise ModelFileError(f"{bundle.weights} has no weight {error}") from error


def float_weight(state: Mapping[str, Array], name: str) -> Array:
    """A weight in float32.

    Raises:
        KeyError: There is none of this name.
        ModelFileError: It holds values that are no numbers, which int8 and fused attention would hide.
    """
    values: Array = state[name].astype(np.float32)
    if not np.isfinite(values.sum()):
        raise ModelFileError(
            f"the weights are damaged: {name} holds values that are no numbers; copy the folder again, or "
            "train again"
        )
    return values


class _GraphBuilder:
    """Holds the weights while the graph grows."""

    def __init__(self, state: dict[str, Array], config: dict[str, Any], ranges: Ranges | None) -> None:
        import openvino.opset13 as ops

        self.ops: Any = ops
        self.state = state
        self.ranges = ranges
        self.hidden = int(config["hidden_size"])
        self.n_heads = int(config["num_attention_heads"])
        self.n_layers = int(config["num_hidden_layers"])
        self.epsilon = float(config["layer_norm_eps"])

    def build(self, *, states: bool) -> openvino.Model:
        import openvino as ov

        names = ("input_ids", "token_type_ids", "attention_mask")
        ids, types, mask = (self.ops.parameter([-1, -1], np.int32, name=name) for name in names)
        for parameter, name in zip((ids, types, mask), names, strict=True):
            parameter.output(0).set_names({name})
        bias = self._attention_bias(mask)
        tokens = self._embeddings(ids, types)
        for layer in range(self.n_layers):
            tokens = self._layer(tokens, bias, f"encoder.encoder.layer.{layer}")
        outputs = self._heads(self._pool(tokens, types, mask))
        if states:
            outputs.append(self.ops.result(tokens))
            outputs[-1].output(0).set_names({STATES})
        return ov.Model(outputs, [ids, types, mask], "policylens")

    def weight(self, name: str) -> Array:
        return float_weight(self.state, name)

    def _constant(self, values: Array | float) -> Node:
        return self.ops.constant(np.asarray(values, dtype=np.float32))

    def _embeddings(self, ids: Node, types: Node) -> Node:
        prefix, axis = "encoder.embeddings", self.ops.constant(np.int32(0))
        length = self.ops.gather(self.ops.shape_of(ids, "i32"), self.ops.constant(np.int32(1)), axis)
        positions = self.ops.range(
            self.ops.constant(np.int32(0)), length, self.ops.constant(np.int32(1)), "i32"
        )
        looked_up = [
            self.ops.gather(self._constant(self.weight(f"{prefix}.{name}_embeddings.weight")), index, axis)
            for name, index in (("word", ids), ("token_type", types), ("position", positions))
        ]
        total = self.ops.add(self.ops.add(looked_up[0], looked_up[1]), looked_up[2])
        return self._norm(total, f"{prefix}.LayerNorm")

    def _attention_bias(self, mask: Node) -> Node:
        """0 for tokens and a large negative number for padding, `[batch, 1, 1, seq]`."""
        wide = self.ops.unsqueeze(
            self.ops.convert(mask, "f32"), self.ops.constant(np.array([1, 2], np.int32))
        )
        return self.ops.multiply(self.ops.subtract(wide, self._constant(1.0)), self._constant(1e4))

    def _layer(self, states: Node, bias: Node, prefix: str) -> Node:
        attended = self._attention(states, bias, f"{prefix}.attention.self")
        projected = self._linear(attended, [f"{prefix}.attention.output.dense"])
        states = self._norm(self.ops.add(states, projected), f"{prefix}.attention.output.LayerNorm")
        inner = self.ops.gelu(self._linear(states, [f"{prefix}.intermediate.dense"]), "erf")
        outer = self._linear(inner, [f"{prefix}.output.dense"])
        return self._norm(self.ops.add(states, outer), f"{prefix}.output.LayerNorm")

    def _attention(self, states: Node, bias: Node, prefix: str) -> Node:
        # One multiplication for query, key and value keeps the CPU's matrix units busier than three.
        joint = self._linear(states, [f"{prefix}.{name}" for name in ("query", "key", "value")])
        shape = np.array([0, 0, 3, self.n_heads, self.hidden // self.n_heads], np.int32)
        split = self.ops.reshape(joint, self.ops.constant(shape), special_zero=True)
        # [batch, seq, 3, head, width] -> three times [batch, head, seq, width]
        ordered = self.ops.transpose(split, self.ops.constant(np.array([2, 0, 3, 1, 4], np.int32)))
        query, key, value = (
            self.ops.gather(ordered, self.ops.constant(np.int32(at)), self.ops.constant(np.int32(0)))
            for at in range(3)
        )
        attended = self.ops.scaled_dot_product_attention(query, key, value, bias)
        merged = self.ops.transpose(attended, self.ops.constant(np.array([0, 2, 1, 3], np.int32)))
        flat = self.ops.constant(np.array([0, 0, self.hidden], np.int32))
        return self.ops.reshape(merged, flat, special_zero=True)

    def _linear(self, states: Node, names: list[str]) -> Node:
        """`states @ W.T + b`, the weights of several layers stacked; int8 where a range is known."""
        weight = np.concatenate([self.weight(f"{name}.weight") for name in names])
        bias = np.concatenate([self.weight(f"{name}.bias") for name in names])
        bounds = self.ranges.get(names[0]) if self.ranges else None
        if bounds is None:
            product = self.ops.matmul(states, self._constant(weight), False, True)
        else:
            product = self._int8_product(states, weight, bounds)
        return self.ops.add(product, self._constant(bias))

    def _int8_product(self, states: Node, weight: Array, bounds: InputRange) -> Node:
        """`states @ weight.T`, in int8 but for the channels apart."""
        low, high, apart = self._constant(bounds.low), self._constant(bounds.high), list(bounds.apart)
        inputs = self.ops.fake_quantize(states, low, high, low, high, ACTIVATION_LEVELS)
        product = self.ops.matmul(inputs, self._int8_weight(weight, apart), False, True)
        if not apart:
            return product
        index, axis = self.ops.constant(np.array(apart, np.int32)), self.ops.constant(np.int32(2))
        channels = self.ops.gather(states, index, axis)
        beside = self.ops.matmul(channels, self._constant(weight[:, apart]), False, True)
        return self.ops.add(product, beside)

    def _int8_weight(self, weight: Array, apart: list[int]) -> Node:
        # The step is that of the whole row, which `train.quantize.round_weights` has rounded with.
        scale = np.maximum(np.abs(weight).max(axis=1, keepdims=True), 1e-8) / WEIGHT_LEVEL
        levels = np.round(weight / scale).astype(np.int8)
        levels[:, apart] = 0
        node = self.ops.convert(self.ops.constant(levels), "f32")
        return self.ops.multiply(node, self._constant(scale))

    def _norm(self, states: Node, name: str) -> Node:
        axis = self.ops.constant(np.array([-1], np.int32))
        normal = self.ops.mvn(states, axis, True, self.epsilon, "inside_sqrt")
        scaled = self.ops.multiply(normal, self._constant(self.weight(f"{name}.weight")))
        return self.ops.add(scaled, self._constant(self.weight(f"{name}.bias")))

    def _pool(self, states: Node, types: Node, mask: Node) -> Node:
        """Mean over the paragraph's tokens; see `classifier.paragraph_mask`."""
        axis = self.ops.constant(np.array([1], np.int32))
        paired = self.ops.reduce_max(types, axis, True)
        single = self.ops.subtract(self.ops.constant(np.int32(1)), paired)
        chosen = self.ops.multiply(self.ops.add(types, single), mask)
        weights = self.ops.unsqueeze(self.ops.convert(chosen, "f32"), self.ops.constant(np.int32(2)))
        total = self.ops.reduce_sum(self.ops.multiply(states, weights), axis, False)
        return self.ops.divide(total, self.ops.reduce_sum(weights, axis, False))

    def _heads(self, pooled: Node) -> list[Node]:
        names = [
            name.split(".")[1]
            for name in self.state
            if name.startswith("heads.") and name.endswith(".weight")
        ]
        outputs = []
        for name in names:
            weight = self._constant(self.weight(f"heads.{name}.weight"))
            logits = self.ops.matmul(pooled, weight, False, True)
            result = self.ops.result(self.ops.add(logits, self._constant(self.weight(f"heads.{name}.bias"))))
            result.output(0).set_names({name})
            outputs.append(result)
        return outputs
