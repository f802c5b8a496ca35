"""Saves and loads a model folder: weights, tokenizer, encoder config, taxonomy and `policylens.json`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from policylens.data.errors import ModelFileError, TaxonomyError
from policylens.data.taxonomy import Taxonomy, dump_taxonomy, load_taxonomy
from policylens.models.config import ModelConfig, load_config, save_config
from policylens.models.encode import TOKENIZER_FILE, load_tokenizer
from policylens.models.json_files import read_json_object
from policylens.models.parts import ENCODER_CONFIG_FILE, check_parts, read_encoder_config
from policylens.models.weights_header import WEIGHTS_FILE, pickles_in, weights_hash

if TYPE_CHECKING:
    from policylens.models.classifier import PolicyClassifier

__all__ = [
    "ENCODER_CONFIG_FILE",
    "EXPORT_FILE",
    "METRICS_FILE",
    "SHIPPED_MODEL",
    "TAXONOMY_FILE",
    "WEIGHTS_FILE",
    "Bundle",
    "load_network",
    "open_bundle",
    "save_bundle",
    "without_pooler",
]

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
        """The encoder's `config.json`.

        Raises:
            ModelFileError: The file is broken.
        """
        return read_encoder_config(self.folder)

    @property
    def has_weights(self) -> bool:
        """Whether the folder has weights; one that `policylens export` wrote has a graph in their place."""
        return not (self.folder / EXPORT_FILE).is_file()

    def weights_digest(self) -> str:
        """SHA-256 of the weights; of those that a graph was made from, "" where it does not say."""
        if self.has_weights:
            return weights_hash(self.weights)
        return str(read_json_object(self.folder / EXPORT_FILE).get("weights", ""))

    def load_tokenizer(self) -> Tokenizer:
        """The tokenizer.

        Raises:
            ModelFileError: It is broken, or has tokens that the encoder does not know.
        """
        encoder = self.encoder_config
        return load_tokenizer(
            self.folder, n_embeddings=encoder.get("vocab_size"), max_tokens=self.config.max_tokens
        )


def open_bundle(folder: str | Path | None = None) -> Bundle:
    """Opens a model folder, the shipped one by default, and checks that its parts belong together.

    Weights are checked by their header: names, shapes, types and length. What the tokenizer holds is checked
    when it is loaded, a graph when its runtime reads it.

    Raises:
        ModelFileError: The folder or one of its files is missing, broken, or does not fit the others.
    """
    path = Path(folder) if folder is not None else SHIPPED_MODEL
    if not path.is_dir():
        raise ModelFileError(f"no model folder at {path}; name a folder that `policylens train` wrote")
    config = load_config(path)
    _check_files(path)
    try:
        taxonomy = load_taxonomy(path / TAXONOMY_FILE)
    except TaxonomyError as error:
        raise ModelFileError(f"model folder {path}: {error}") from error
    bundle = Bundle(folder=path, config=config, taxonomy=taxonomy)
    check_parts(
        path,
        config=config,
        taxonomy=taxonomy,
        encoder=bundle.encoder_config,
        has_weights=bundle.has_weights,
    )
    return bundle


def _check_files(folder: Path) -> None:
    weights = EXPORT_FILE if (folder / EXPORT_FILE).is_file() else WEIGHTS_FILE
    names = (weights, ENCODER_CONFIG_FILE, TOKENIZER_FILE, TAXONOMY_FILE)
    missing = [name for name in names if not (folder / name).is_file()]
    if not missing:
        return
    message = f"model folder {folder} is incomplete: it has no {', '.join(missing)}"
    if WEIGHTS_FILE in missing and (pickles := pickles_in(folder)):
        message += (
            f"; {', '.join(pickles)} is never read, since a pickle can run code: save the weights as "
            "safetensors, or take a folder that `policylens train` wrote"
        )
    raise ModelFileError(message)


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
        config = AutoConfig.from_pretrained(
            bundle.folder, trust_remote_code=False, local_files_only=True, **encoder_settings
        )
        encoder = AutoModel.from_config(  # type: ignore[no-untyped-call]
            config, dtype=torch.float32, trust_remote_code=False, **without_pooler(config.model_type)
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
