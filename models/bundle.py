"""Saves and loads a model folder: weights, tokenizer, encoder config, taxonomy and `policylens.json`."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policylens.data.errors import ModelFileError, TaxonomyError
from policylens.data.taxonomy import Taxonomy, dump_taxonomy, load_taxonomy
from policylens.models.config import ModelConfig, load_config, save_config
from policylens.models.encode import TOKENIZER_FILE

if TYPE_CHECKING:
    from policylens.models.classifier import PolicyClassifier

WEIGHTS_FILE = "model.safetensors"
ENCODER_CONFIG_FILE = "config.json"
TAXONOMY_FILE = "taxonomy.yaml"
METRICS_FILE = "metrics.json"
# What a folder that `policylens export` wrote has in place of weights; see `models.export`.
EXPORT_FILE = "export.json"
SHIPPED_MODEL = Path(__file__).parent / "pretrained" / "policy-zh"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model folder without its weights, which torch or the compiled runtime load for themselves."""

    folder: Path
    config: ModelConfig
    taxonomy: Taxonomy

    @property
    def weights(self) -> Path:
        """The safetensors file."""
        return self.folder / WEIGHTS_FILE

    @property
    def encoder_config(self) -> dict[str, Any]:
        """The encoder's `config.json`."""
        values: dict[str, Any] = json.loads((self.folder / ENCODER_CONFIG_FILE).read_text(encoding="utf-8"))
        return values


def open_bundle(folder: str | Path | None = None) -> Bundle:
    """Opens a model folder, the shipped one by default, and checks that its parts are there.

    Raises:
        ModelFileError: The folder or one of its files is missing or does not fit.
    """
    path = Path(folder) if folder is not None else SHIPPED_MODEL
    if not path.is_dir():
        raise ModelFileError(f"no model folder at {path}; name a folder that `policylens train` wrote")
    config = load_config(path)
    weights = EXPORT_FILE if (path / EXPORT_FILE).is_file() else WEIGHTS_FILE
    names = (weights, ENCODER_CONFIG_FILE, TOKENIZER_FILE, TAXONOMY_FILE)
    if missing := [name for name in names if not (path / name).is_file()]:
        raise ModelFileError(f"model folder {path} is incomplete: it has no {', '.join(missing)}")
    try:
        taxonomy = load_taxonomy(path / TAXONOMY_FILE)
    except TaxonomyError as error:
        raise ModelFileError(f"model folder {path}: {error}") from error
    return Bundle(folder=path, config=config, taxonomy=taxonomy)


def save_bundle(
    model: PolicyClassifier,
    folder: Path,
    *,
    config: ModelConfig,
    taxonomy: Taxonomy,
    tokenizer_folder: Path,
) -> Bundle:
    """Writes a model folder; the weights in fp16, which costs no label.

    Args:
        model: The trained network.
        folder: Where to write; made if missing.
        config: Goes to `policylens.json`.
        taxonomy: Goes to `taxonomy.yaml`.
        tokenizer_folder: Holds the tokenizer files of the base encoder.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    state = {name: tensor.detach().to(torch.float16).contiguous() for name, tensor in state.items()}
    save_file(state, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    model.encoder.config.save_pretrained(folder)
    for name in (TOKENIZER_FILE, "tokenizer_config.json"):
        source = tokenizer_folder / name
        if source.is_file() and source.resolve() != (folder / name).resolve():
            shutil.copyfile(source, folder / name)
    (folder / TAXONOMY_FILE).write_text(dump_taxonomy(taxonomy), encoding="utf-8")
    save_config(config, folder)
    return open_bundle(folder)


def load_network(bundle: Bundle, **encoder_settings: float) -> PolicyClassifier:
    """The torch network of a model folder, float32, in evaluation mode.

    Args:
        bundle: An open model folder.
        encoder_settings: Dropout rates that replace those of the encoder's config.

    Raises:
        ModelFileError: The weights do not fit the encoder config or the taxonomy.
    """
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel

    from policylens.models.classifier import PolicyClassifier, head_sizes

    try:
        config = AutoConfig.from_pretrained(bundle.folder, **encoder_settings)
        encoder = AutoModel.from_config(  # type: ignore[no-untyped-call]
            config, dtype=torch.float32, **without_pooler(config.model_type)
        )
        model = PolicyClassifier(encoder, head_sizes(bundle.taxonomy))
        model.load_state_dict({name: tensor.float() for name, tensor in load_file(bundle.weights).items()})
    except Exception as error:  # transformers, safetensors and torch each raise their own kinds
        message = f"{bundle.weights} does not fit its config.json and taxonomy.yaml: {str(error)[:300]}"
        raise ModelFileError(message) from error
    return model.eval()


def without_pooler(model_type: str) -> dict[str, bool]:
    """Keyword that leaves out the unused pooling layer, for the encoders that know it."""
    return {"add_pooling_layer": False} if model_type in {"bert", "roberta", "xlm-roberta"} else {}
