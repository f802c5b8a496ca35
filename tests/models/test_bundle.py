from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from policylens.data.errors import ModelFileError
from policylens.data.taxonomy import Taxonomy, dump_taxonomy, taxonomy_from_labels
from policylens.models.bundle import load_network, open_bundle, save_bundle
from policylens.models.classifier import PolicyClassifier, head_sizes
from policylens.models.config import ModelConfig


@pytest.fixture
def network(tiny_base: Path, tiny_taxonomy: Taxonomy) -> PolicyClassifier:
    torch.manual_seed(1)
    encoder = AutoModel.from_pretrained(tiny_base, add_pooling_layer=False)
    return PolicyClassifier(encoder, head_sizes(tiny_taxonomy)).eval()


@pytest.fixture
def folder(network: PolicyClassifier, tmp_path: Path, tiny_base: Path, tiny_taxonomy: Taxonomy) -> Path:
    config = ModelConfig(base="tiny", max_tokens=64)
    save_bundle(network, tmp_path, config=config, taxonomy=tiny_taxonomy, tokenizer_folder=tiny_base)
    return tmp_path


def test_loaded_network_has_the_logits_of_the_saved_one(
    network: PolicyClassifier, folder: Path, tiny_taxonomy: Taxonomy
) -> None:
    bundle = open_bundle(folder)
    assert bundle.taxonomy == tiny_taxonomy
    ids = torch.arange(4, 24).reshape(2, 10)
    types = torch.tensor([[0] * 4 + [1] * 6, [0] * 10])
    inputs = (ids, torch.ones_like(ids), types)
    with torch.inference_mode():
        before, after = network(*inputs), load_network(bundle)(*inputs)
    assert list(after) == ["theme", "also", "stance"]
    for head, logits in before.items():
        assert torch.allclose(logits, after[head], atol=2e-3), head


def test_context_is_read_but_not_averaged(network: PolicyClassifier) -> None:
    ids, types = torch.arange(4, 14).reshape(1, 10), torch.tensor([[0] * 4 + [1] * 6])
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        states = network.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        pooled = network.pool(ids, mask, types)
    assert torch.allclose(pooled, states[:, 4:].mean(1), atol=1e-5)


def test_padding_does_not_change_logits(network: PolicyClassifier) -> None:
    ids, types = torch.arange(4, 14).reshape(1, 10), torch.zeros(1, 10, dtype=torch.long)
    padded = torch.nn.functional.pad(ids, (0, 6), value=1)
    mask = torch.nn.functional.pad(torch.ones_like(ids), (0, 6))
    with torch.inference_mode():
        short = network(ids, torch.ones_like(ids), types)["theme"]
        long = network(padded, mask, torch.zeros_like(padded))["theme"]
    assert torch.allclose(short, long, atol=1e-5)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "taxonomy.yaml"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFileError, match=f"is incomplete: it has no {name}"):
        open_bundle(folder)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no model folder at"):
        open_bundle(tmp_path / "nowhere")


def test_taxonomy_of_another_task_is_refused(folder: Path) -> None:
    other = taxonomy_from_labels("other", ["a", "b", "c", "d"], ["for", "against"])
    (folder / "taxonomy.yaml").write_text(dump_taxonomy(other), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"has 3 × 32 weights and 3 biases; the taxonomy has 4 labels"):
        open_bundle(folder)


def test_broken_taxonomy_is_a_model_error(folder: Path) -> None:
    (folder / "taxonomy.yaml").write_text("name: x\n", encoding="utf-8")
    with pytest.raises(ModelFileError, match="model folder"):
        open_bundle(folder)


def test_cut_weights_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match=r"model\.safetensors is damaged"):
        open_bundle(folder)


def test_folder_can_be_moved(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("moved") / "model"
    shutil.copytree(folder, target)
    assert load_network(open_bundle(target)).heads["theme"].out_features == 3
