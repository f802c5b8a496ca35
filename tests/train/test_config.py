from __future__ import annotations

from pathlib import Path

import pytest

from policylens.data.errors import ConfigError
from policylens.train.config import TrainConfig, check_same_settings, dump_train_config, load_train_config


def test_keywords_win_over_the_file_and_none_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('base = "mybert"\nepochs = 2\nconfidence_weights = [0.1, 0.2, 0.3]\n', encoding="utf-8")
    config = load_train_config(path, epochs=7, seed=None)
    assert (config.base, config.epochs, config.seed) == ("mybert", 7, TrainConfig().seed)
    assert config.confidence_weights == (0.1, 0.2, 0.3)


def test_unknown_setting_is_named_with_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("epoch = 2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"unknown settings \['epoch'\]; known are .*'epochs'"):
        load_train_config(path)


def test_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("epochs = \n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"run\.toml"):
        load_train_config(path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("label_smoothing", 1.0),
        ("holdout_share", -0.1),
        ("max_tokens", 8),
        ("pad_to", -1),
        ("frozen_layers", -1),
    ],
)
def test_value_out_of_range_is_refused(setting: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{setting} = {value}; expected"):
        load_train_config(None, **{setting: value})


def test_written_settings_are_read_back(tmp_path: Path) -> None:
    config = TrainConfig(base="C:\\模型", encoder_lr=1e-5, confidence_weights=(0.5, 0.7, 1.0))
    path = tmp_path / "training.toml"
    path.write_text(dump_train_config(config), encoding="utf-8")
    assert load_train_config(path) == config


def test_resuming_with_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "training.toml"
    path.write_text(dump_train_config(TrainConfig(epochs=2)), encoding="utf-8")
    check_same_settings(path, TrainConfig(epochs=2))
    with pytest.raises(ConfigError, match="epochs 2 -> 3"):
        check_same_settings(path, TrainConfig(epochs=3))


def test_a_context_that_is_part_of_the_question_is_always_shown(tmp_path: Path) -> None:
    assert load_train_config(None).context_dropout > 0
    pairs = load_train_config(None, pairs=True)
    assert (pairs.context_dropout, pairs.context.title_chars) == (0, 160)
    path = tmp_path / "settings.toml"
    path.write_text("context_dropout = 0.3\n", encoding="utf-8")
    assert load_train_config(path, pairs=True).context_dropout == 0.3
