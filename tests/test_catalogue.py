"""The Chinese sentences are in step with the code, and say what the English ones say."""

from __future__ import annotations

import re
import runpy
import string
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from policylens.infer.messages import read_catalogue

SCRIPT = Path(__file__).parent.parent / "scripts" / "catalogue.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT), run_name="catalogue")


@pytest.fixture(scope="module")
def entries(script: dict[str, Any]) -> dict[str, str]:
    return read_catalogue(script["CATALOGUE"])


def names(sentence: str) -> Counter[str]:
    return Counter(name for _, name, *_ in string.Formatter().parse(sentence) if name is not None)


def test_every_help_text_and_sentence_of_the_commands_is_translated(
    script: dict[str, Any], entries: dict[str, str]
) -> None:
    found = script["collect"]()
    assert len(found["help"]) > 100
    missing = [sentence for kind in ("help", "talk") for sentence in found[kind] if not entries.get(sentence)]
    assert missing == [], "run scripts/catalogue.py and translate what it lists"


def test_nearly_every_error_is_translated(script: dict[str, Any], entries: dict[str, str]) -> None:
    # One that is not is shown in English; a new one must not stop its author.
    errors = script["collect"]()["errors"]
    assert len(errors) > 250
    missing = [sentence for sentence in errors if not entries.get(sentence)]
    assert len(missing) <= len(errors) / 10, missing


def test_both_sentences_have_the_same_values(entries: dict[str, str]) -> None:
    # Help texts are never filled in and may hold braces of their own.
    wrong = {a: b for a, b in entries.items() if "{" in a + b and names(a) != names(b)}
    assert wrong == {}


def test_tables_have_the_same_columns_in_both(entries: dict[str, str]) -> None:
    tables = {a: b for a, b in entries.items() if " | " in a}
    assert len(tables) > 10
    assert [a for a, b in tables.items() if a.count(" | ") != b.count(" | ")] == []


def test_sentences_of_reports_are_collected(script: dict[str, Any]) -> None:
    talk = script["collect"]()["talk"]
    # In a template, in a constant of the type `Sentences`, and in a look-up of columns.
    for sentence in ("Confusion matrix", "within chance", "copies of one text with different labels"):
        assert sentence in talk
    assert "score | value" in talk


def test_options_and_commands_are_named_in_both(entries: dict[str, str]) -> None:
    wrong = []
    for sentence, translation in entries.items():
        wanted = Counter(re.findall(r"--[a-z][a-z-]*|`[^`]+`", sentence))
        if wanted - Counter(re.findall(r"--[a-z][a-z-]*|`[^`]+`", translation)):
            wrong.append(sentence)
    assert wrong == []


def test_translations_are_chinese(entries: dict[str, str]) -> None:
    # The rest are names that stay.
    latin = [a for a, b in entries.items() if not re.search(r"[\u4e00-\u9fff，：]", b)]
    assert set(latin) <= {"--engine ray", "{device}: batches of {batch_tokens} tokens", "{n} {meaning}"}
