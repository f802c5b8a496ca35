"""Whether the parts of a model folder fit together: weights, encoder config, taxonomy, ranges, settings.

Everything here goes by headers and small files, so that a folder can be checked whenever it is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from policylens.data.errors import ModelFileError
from policylens.data.taxonomy import Taxonomy
from policylens.models.config import CONFIG_FILE, ModelConfig
from policylens.models.int8_ranges import RANGES_FILE, read_ranges
from policylens.models.json_files import is_number, is_whole, read_json_object
from policylens.models.weights_header import WEIGHTS_FILE, Shape, WeightsHeader, read_weights_header

ENCODER_CONFIG_FILE = "config.json"

_WORD_EMBEDDINGS = "encoder.embeddings.word_embeddings.weight"
_POSITIONS = "encoder.embeddings.position_embeddings.weight"
_LAYERS = "encoder.encoder.layer."
_SIZES = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("vocab_size", "max_position_embeddings", "type_vocab_size"),
)
# More misfits than these say nothing new: a folder of two models has hundreds.
_MAX_LISTED = 8

Shapes = Mapping[str, Shape]


def read_encoder_config(folder: Path) -> dict[str, Any]:
    """The encoder's `config.json`; that its sizes are numbers is checked, whatever the type of encoder.

    Raises:
        ModelFileError: The file is broken, or a size is none.
    """
    path = folder / ENCODER_CONFIG_FILE
    config = read_json_object(path)
    if not isinstance(config.get("model_type"), str):
        raise ModelFileError(f"{path}: model_type is {config.get('model_type')!r}; expected a name like bert")
    # A BERT cannot do without any of them; other encoders name some differently.
    wanted = _SIZES if config["model_type"] == "bert" else tuple(name for name in _SIZES if name in config)
    for name in wanted:
        if not is_whole(config.get(name), least=1):
            raise ModelFileError(f"{path}: {name} is {config.get(name)!r}; expected a whole number above 0")
    pad_id = config.get("pad_token_id")
    if pad_id is not None and not is_whole(pad_id, least=0):
        raise ModelFileError(f"{path}: pad_token_id is {pad_id!r}; expected the id of a token")
    if config["model_type"] == "bert":
        _check_bert(config, path)
    return config


def _check_bert(config: Mapping[str, Any], path: Path) -> None:
    epsilon = config.get("layer_norm_eps")
    if not is_number(epsilon) or not 0 < epsilon < 1:  # type: ignore[operator]
        raise ModelFileError(f"{path}: layer_norm_eps is {epsilon!r}; expected a small number above 0")
    if config["hidden_size"] % config["num_attention_heads"]:
        raise ModelFileError(
            f"{path}: num_attention_heads is {config['num_attention_heads']}; expected a divisor of "
            f"hidden_size, {config['hidden_size']}"
        )


def check_parts(
    folder: Path, *, config: ModelConfig, taxonomy: Taxonomy, encoder: Mapping[str, Any], has_weights: bool
) -> None:
    """Checks that the parts of a folder belong to one model.

    Args:
        folder: The model folder.
        config: Its `policylens.json`.
        taxonomy: Its taxonomy.
        encoder: Its `config.json`.
        has_weights: Whether it has weights, not a graph in their place.

    Raises:
        ModelFileError: A file is broken, or the parts do not fit; the message lists the misfits.
    """
    problems = [*_settings_misfits(config, taxonomy), *_window_misfits(config, encoder)]
    if has_weights:
        header = read_weights_header(folder / WEIGHTS_FILE)
        problems += _weights_misfits(header, taxonomy, encoder)
        problems += _range_misfits(folder, header.shapes)
    if problems:
        listed = problems[:_MAX_LISTED]
        if len(problems) > len(listed):
            listed.append(f"… and {len(problems) - len(listed)} more")
        raise ModelFileError(
            f"the parts of the model folder {folder} do not fit together; take all its files from one "
            "training run:\n  " + "\n  ".join(listed)
        )


def _settings_misfits(config: ModelConfig, taxonomy: Taxonomy) -> Iterator[str]:
    """Settings of heads that are not there."""
    heads = {"theme", *(["stance"] if taxonomy.stances else [])}
    for name in ("temperatures", "abstention"):
        for head in sorted(set(getattr(config, name)) - heads - {"also"}):
            yield f"{CONFIG_FILE}: {name} names the head {head!r}, which is not there"


def _window_misfits(config: ModelConfig, encoder: Mapping[str, Any]) -> Iterator[str]:
    positions = encoder.get("max_position_embeddings")
    if isinstance(positions, int) and config.max_tokens > positions:
        yield f"{CONFIG_FILE}: max_tokens is {config.max_tokens}, the encoder has {positions} positions"


def _weights_misfits(header: WeightsHeader, taxonomy: Taxonomy, encoder: Mapping[str, Any]) -> Iterator[str]:
    if header.other_dtypes:
        yield f"{WEIGHTS_FILE} has weights of type {', '.join(header.other_dtypes)}; expected floats"
    yield from _head_misfits(header.shapes, taxonomy, encoder.get("hidden_size"))
    yield from _encoder_misfits(header.shapes, encoder)


def _head_misfits(shapes: Shapes, taxonomy: Taxonomy, width: object) -> Iterator[str]:
    """Heads against the taxonomy: themes, secondary themes and, where there are any, stances."""
    wanted = {"theme": len(taxonomy.themes), "also": len(taxonomy.themes), "stance": len(taxonomy.stances)}
    for head, n_labels in wanted.items():
        weight, bias = shapes.get(f"heads.{head}.weight"), shapes.get(f"heads.{head}.bias")
        if not n_labels:
            if weight is not None:
                yield f"{WEIGHTS_FILE} has a {head} head, the taxonomy has no {head}s"
        elif weight is None or bias is None:
            yield f"{WEIGHTS_FILE} has no {head} head, the taxonomy has {n_labels} labels for it"
        elif len(weight) != 2 or weight[0] != n_labels or bias != (n_labels,):
            yield (
                f"the {head} head in {WEIGHTS_FILE} has {_shown(weight)} weights and {_shown(bias)} biases; "
                f"the taxonomy has {n_labels} labels"
            )
        elif width is not None and weight[1] != width:
            yield f"the {head} head in {WEIGHTS_FILE} is {weight[1]} wide; the encoder is {width} wide"
    others = {name.split(".")[1] for name in shapes if name.startswith("heads.")} - set(wanted)
    for head in sorted(others):
        yield f"{WEIGHTS_FILE} has a head {head!r}; expected {', '.join(wanted)}"


def _encoder_misfits(shapes: Shapes, encoder: Mapping[str, Any]) -> Iterator[str]:
    """Weights of the encoder against its config: all of a BERT, the embeddings and layers of others."""
    n_layers = encoder.get("num_hidden_layers")
    layers = {name.removeprefix(_LAYERS).split(".")[0] for name in shapes if name.startswith(_LAYERS)}
    if layers and isinstance(n_layers, int) and len(layers) != n_layers:
        yield f"{WEIGHTS_FILE} has {len(layers)} layers, {ENCODER_CONFIG_FILE} says {n_layers}"
        return
    wanted = _bert_shapes(encoder) if encoder["model_type"] == "bert" else _embedding_shapes(encoder)
    for name, shape in wanted.items():
        found = shapes.get(name)
        if found is None and encoder["model_type"] == "bert":
            yield f"{WEIGHTS_FILE} has no weight {name}"
        elif found is not None and found != shape:
            yield f"{name} in {WEIGHTS_FILE} is {_shown(found)}; {ENCODER_CONFIG_FILE} says {_shown(shape)}"


def _embedding_shapes(encoder: Mapping[str, Any]) -> dict[str, Shape]:
    width = encoder.get("hidden_size")
    sizes = {_WORD_EMBEDDINGS: encoder.get("vocab_size"), _POSITIONS: encoder.get("max_position_embeddings")}
    return {
        name: (rows, width)
        for name, rows in sizes.items()
        if isinstance(rows, int) and isinstance(width, int)
    }


def _bert_shapes(encoder: Mapping[str, Any]) -> dict[str, Shape]:
    """Name -> shape of every weight that a BERT needs."""
    width, inner = encoder["hidden_size"], encoder["intermediate_size"]
    found = _embedding_shapes(encoder)
    found["encoder.embeddings.token_type_embeddings.weight"] = (encoder["type_vocab_size"], width)
    norms = ["encoder.embeddings.LayerNorm"]
    for layer in range(encoder["num_hidden_layers"]):
        place = f"{_LAYERS}{layer}"
        dense = {f"attention.self.{name}": (width, width) for name in ("query", "key", "value")}
        dense |= {"attention.output.dense": (width, width)}
        dense |= {"intermediate.dense": (inner, width), "output.dense": (width, inner)}
        for name, shape in dense.items():
            found[f"{place}.{name}.weight"], found[f"{place}.{name}.bias"] = shape, shape[:1]
        norms += [f"{place}.attention.output.LayerNorm", f"{place}.output.LayerNorm"]
    for name in norms:
        found[f"{name}.weight"] = found[f"{name}.bias"] = (width,)
    return found


def _range_misfits(folder: Path, shapes: Shapes) -> Iterator[str]:
    """int8 ranges against the layers that they are of."""
    for name, bounds in (read_ranges(folder) or {}).items():
        shape = shapes.get(f"{name}.weight")
        if shape is None:
            yield f"{RANGES_FILE} names {name!r}, which {WEIGHTS_FILE} does not have"
        elif bounds.apart and max(bounds.apart) >= shape[-1]:
            channel, n_channels = max(bounds.apart), shape[-1]
            yield f"{RANGES_FILE} sets channel {channel} of {name!r} apart, which has {n_channels} of them"


def _shown(shape: Shape) -> str:
    return " × ".join(f"{side:,}" for side in shape) or "a single number"
