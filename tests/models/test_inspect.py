"""What a model folder says about itself, and folders whose parts come from different models."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from policylens.data.errors import ModelFileError
from policylens.data.taxonomy import dump_taxonomy, taxonomy_from_labels
from policylens.models.inspect import inspect_model


@pytest.fixture
def folder(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "model")


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_a_folder_holds(folder):
    (folder / "notes.bin").write_bytes(b"x")
    info = inspect_model(folder)
    assert info.taxonomy == "tiny from-data"
    assert info.themes == ("green", "rural", "talent")
    assert info.stances == ("restrict", "support")
    assert (info.encoder["num_hidden_layers"], info.encoder["hidden_size"]) == (2, 32)
    assert info.settings["batch_size"] == 16
    files = {file.name: file for file in info.files}
    weights = (folder / "model.safetensors").read_bytes()
    assert files["model.safetensors"].sha256 == hashlib.sha256(weights).hexdigest()
    assert files["model.safetensors"].size == len(weights)
    assert files["model.safetensors"].read
    assert not files["notes.bin"].read


def test_number_of_weights(folder):
    from safetensors.numpy import load_file

    expected = sum(tensor.size for tensor in load_file(folder / "model.safetensors").values())
    assert inspect_model(folder).parameters == expected


def test_taxonomy_of_another_model(folder):
    other = taxonomy_from_labels("other", ["a", "b", "c", "d"], ["x", "y"])
    (folder / "taxonomy.yaml").write_text(dump_taxonomy(other))
    with pytest.raises(ModelFileError) as caught:
        inspect_model(folder)
    message = str(caught.value)
    assert "the theme head in model.safetensors has 3 × 32 weights and 3 biases;" in message
    assert "the also head" in message
    assert "stance head" not in message


def test_stances_without_a_head_for_them(folder):
    other = taxonomy_from_labels("other", ["green", "rural", "talent"])
    (folder / "taxonomy.yaml").write_text(dump_taxonomy(other))
    with pytest.raises(ModelFileError, match="has a stance head, the taxonomy has no stances"):
        inspect_model(folder)


def test_tokenizer_of_another_model(folder):
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"] += [[f"<new{at}>", -9.0] for at in range(5)]
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(ModelFileError, match=r"has tokens up to number \d+, the encoder knows"):
        inspect_model(folder)


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        ("policylens.json", {"temperatures": {"topic": 1.0}}, "names the head 'topic'"),
        ("policylens.json", {"max_tokens": 4096}, "max_tokens is 4096, the encoder has 128 positions"),
        ("config.json", {"num_hidden_layers": 3}, "has 2 layers, config.json says 3"),
        ("config.json", {"vocab_size": 7}, "config.json says 7 × 32"),
        ("int8_ranges.json", {"encoder.nowhere": [-1, 1]}, "names 'encoder.nowhere'"),
        (
            "metrics.json",
            {"heads": [{"head": "theme", "by_label": [{"label": "x"}]}]},
            "the theme scores are of other labels",
        ),
    ],
)
def test_parts_that_do_not_fit(folder, file, values, message):
    path = folder / file
    if not path.exists():
        path.write_text("{}")
    change(path, **values)
    with pytest.raises(ModelFileError, match=message):
        inspect_model(folder)


def test_damaged_weights(folder):
    (folder / "model.safetensors").write_bytes(b"\x08\x00")
    with pytest.raises(ModelFileError, match="is damaged"):
        inspect_model(folder)


def test_shipped_model_fits():
    info = inspect_model()
    assert len(info.themes) == 22
    assert all(file.read for file in info.files)
