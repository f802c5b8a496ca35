from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from policylens.data.taxonomy import Taxonomy
from policylens.infer.digests.set_features import feature_names
from policylens.models.bundle import open_bundle, save_bundle
from policylens.models.config import ModelConfig
from policylens.models.export import write_export
from policylens.models.int8_ranges import InputRange, save_ranges
from policylens.models.salience import HeadConfig, SalienceHead, save_head

WIDTH = 32


def _linear_layers() -> list[str]:
    places = [f"encoder.encoder.layer.{layer}" for layer in range(2)]
    names = ("attention.self.query", "attention.output.dense", "intermediate.dense", "output.dense")
    return [f"{place}.{name}" for place in places for name in names]


def _salience_head(encoder: str) -> SalienceHead:
    features, width, units = feature_names(), 3, 5
    random = np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    return SalienceHead(
        HeadConfig(features, encoder=encoder, data="d", sets=3, version="0"),
        mean=weights(len(features)),
        scale=np.ones(len(features), np.float32),
        vector_scale=np.ones(1, np.float32),
        clause=weights(2, WIDTH, width),
        paragraph=weights(2, WIDTH, width),
        inner=weights(2, len(features) + 2 * width, units),
        inner_bias=weights(2, units),
        outer=weights(2, units, 1),
        outer_bias=weights(2, 1),
    )


@pytest.fixture(scope="session")
def whole_model(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, tiny_taxonomy: Taxonomy) -> Path:
    """A folder with everything that one can have: int8 ranges, a salience head, settings. Untrained."""
    import torch
    from transformers import AutoModel

    from policylens.models.classifier import PolicyClassifier, head_sizes

    folder = tmp_path_factory.mktemp("whole") / "model"
    torch.manual_seed(1)
    encoder = AutoModel.from_pretrained(tiny_base, add_pooling_layer=False)
    network = PolicyClassifier(encoder, head_sizes(tiny_taxonomy))
    config = ModelConfig(base="tiny", max_tokens=64, temperatures={"theme": 1.1, "stance": 0.9})
    save_bundle(network, folder, config=config, taxonomy=tiny_taxonomy, tokenizer_folder=tiny_base)
    save_ranges({name: InputRange(-3.0, 3.0) for name in _linear_layers()}, folder)
    save_head(_salience_head(open_bundle(folder).weights_digest()), folder)
    (folder / "training.toml").write_text("epochs = 1\n")
    return folder


@pytest.fixture(scope="session")
def openvino_export(tmp_path_factory: pytest.TempPathFactory, whole_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("export") / "openvino"
    write_export(open_bundle(whole_model), folder, backend="openvino", precision="int8")
    return folder


@pytest.fixture(scope="session")
def onnx_export(tmp_path_factory: pytest.TempPathFactory, whole_model: Path) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("export") / "onnx"
    write_export(open_bundle(whole_model), folder, backend="onnx", precision="fp32")
    return folder


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path], Path]:
    """Copies a folder, which a test may then change."""
    return lambda folder: shutil.copytree(folder, tmp_path / "model")


@pytest.fixture
def change_json() -> Callable[..., None]:
    """Sets keys of the object in a JSON file; a value of None takes the key out."""

    def change(path: Path, **values: object) -> None:
        found = json.loads(path.read_text(encoding="utf-8")) | values
        kept = {name: value for name, value in found.items() if value is not None}
        path.write_text(json.dumps(kept), encoding="utf-8")

    return change
