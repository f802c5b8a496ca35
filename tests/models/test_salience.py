import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from policylens.data.errors import ModelFileError
from policylens.data.taxonomy import taxonomy_from_labels
from policylens.models.bundle import Bundle
from policylens.models.config import ModelConfig
from policylens.models.salience import (
    HEAD_CONFIG_FILE,
    HEAD_FILE,
    HeadConfig,
    SalienceHead,
    load_head,
    save_head,
)
from policylens.models.weights_header import weights_hash

FEATURES = ("figure", "place")


def head(encoder, *, copies=2):
    generator = np.random.default_rng(0)

    def weights(*shape):
        return generator.normal(size=shape).astype(np.float32)

    return SalienceHead(
        HeadConfig(FEATURES, encoder=encoder, data="d", sets=3, version="0"),
        mean=weights(2),
        scale=np.abs(weights(2)) + 0.5,
        vector_scale=np.array([2.0], np.float32),
        clause=weights(copies, 4, 3),
        paragraph=weights(copies, 4, 3),
        inner=weights(copies, 8, 5),
        inner_bias=weights(copies, 5),
        outer=weights(copies, 5, 1),
        outer_bias=weights(copies, 1),
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text('{"model_type": "other", "hidden_size": 4}')
    save_head(head(weights_hash(tmp_path / "model.safetensors")), tmp_path)
    return tmp_path


def load(folder, features=FEATURES):
    bundle = Bundle(folder, ModelConfig(base="tiny"), taxonomy_from_labels("t", ["a", "b"]))
    return load_head(bundle, features=features)


def test_a_head_is_the_same_after_saving(folder):
    loaded = load(folder)
    rows = np.random.default_rng(1).normal(size=(6, 10)).astype(np.float32)
    given = rows[:, :2], rows[:, 2:6], rows[:, 6:]
    expected = head(weights_hash(folder / "model.safetensors")).predict(*given)
    np.testing.assert_array_equal(loaded.predict(*given), expected)
    assert loaded.config.sets == 3
    assert expected.shape == (6,)
    assert ((0 < expected) & (expected < 1)).all()


def test_copies_are_averaged():
    one = head("e", copies=1)
    arrays = {name: getattr(one, name) for name in ("clause", "paragraph", "inner", "outer")}
    twice = {name: np.concatenate([values, values]) for name, values in arrays.items()}
    biases = {name: np.concatenate([getattr(one, name)] * 2) for name in ("inner_bias", "outer_bias")}
    both = SalienceHead(one.config, one.mean, one.scale, one.vector_scale, **twice, **biases)
    rows = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(
        both.predict(rows[:, :2], rows, rows), one.predict(rows[:, :2], rows, rows), rtol=1e-6
    )


def test_no_head_is_none(tmp_path):
    assert load(tmp_path) is None


def test_a_head_of_other_weights_or_features_is_left_aside_with_a_warning(folder, caplog):
    assert load(folder, features=("figure",)) is None
    (folder / "model.safetensors").write_bytes(b"trained again")
    assert load(folder) is None
    assert caplog.text.count("policylens train-salience") == 2


def test_broken_files_are_errors(folder):
    config = json.loads((folder / HEAD_CONFIG_FILE).read_text(encoding="utf-8"))
    (folder / HEAD_FILE).write_bytes(b"no tensors")
    with pytest.raises(ModelFileError, match="train-salience"):
        load(folder)
    del config["features"]
    (folder / HEAD_CONFIG_FILE).write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelFileError, match="expected the fields features, encoder, data, sets, version"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": np.zeros((2, 9, 5))}, "first layer takes 9 values of 2 features and two vectors of 3"),
        (
            {"clause": np.zeros((2, 5, 3))},
            r"clause has the shape .* hidden \(4\)",
        ),
        ({"mean": np.zeros(3)}, r"mean has the shape \(3,\), expected features \(2\)"),
        ({"outer_bias": np.full((2, 1), np.nan)}, "outer_bias holds values that are no numbers"),
        ({"vector_scale": np.zeros(2)}, r"vector_scale has the shape \(2,\), expected one \(1\)"),
        ({"scale": np.ones(2, np.int32)}, "scale has the shape"),
    ],
)
def test_arrays_that_do_not_fit(folder, change, message):
    arrays = load_file(folder / HEAD_FILE) | change
    save_file(arrays, folder / HEAD_FILE)
    with pytest.raises(ModelFileError, match=message):
        load(folder)
