"""Pointers: what makes two copies of a text the same, and files of them."""

import hashlib
import json

import pytest

from policylens.data.errors import InputError, LabelError
from policylens.data.pointers import (
    SHIPPED_POINTERS,
    Pointer,
    normalise,
    pointer_of,
    read_pointers,
    text_hash,
    unique_pointers,
    write_pointers,
)
from policylens.data.taxonomy import load_taxonomy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("　　坚持稳中求进。\n", "坚持稳中求进。"),
        ("增长１８．６％", "增长18.6%"),
        ("第一，\r\n  第二：\t第三\u2028", "第一,第二:第三"),
        ("⼯业（Ａ）", "工业(A)"),
        ("", ""),
    ],
)
def test_normalise(text, expected):
    assert normalise(text) == expected


def test_hash_is_sha256_of_the_normalised_text():
    assert text_hash("增长 １８％\n") == hashlib.sha256("增长18%".encode()).hexdigest()


def test_other_characters_make_another_text():
    assert text_hash("增长18%。") != text_hash("增长18%")


def test_lone_surrogate_has_a_hash():
    assert len(text_hash("坏字\ud800")) == 64


def test_round_trip_sorted_and_unique(tmp_path):
    file = tmp_path / "pointers.jsonl"
    unsure = pointer_of("甲", source="b", theme="green", confidence=1)
    sure = pointer_of(" 甲 ", source="b", theme="sme", also=["green"], stance="support", confidence=2)
    other = pointer_of("乙", source="a", theme="none", stance="neutral")
    assert write_pointers(file, [unsure, sure, other]) == 2
    assert read_pointers(file) == [other, sure]


def test_first_of_equally_sure_pointers_stays():
    first, second = (pointer_of("甲", source="s", theme=theme) for theme in ("green", "sme"))
    assert unique_pointers([first, second]) == [first]


def test_pointer_to_nothing_is_refused():
    with pytest.raises(LabelError, match="text is empty"):
        pointer_of(" \n", source="s", theme="green")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "ab"}, "expected 64 digits"),
        ({"theme": ""}, "has no theme"),
        ({"also": "green"}, "expected a list of labels"),
        ({"confidence": 4}, "expected 1, 2 or 3"),
        ({"confidence": "3"}, "expected a whole number"),
        ({"text": "甲"}, "unknown field 'text'"),
    ],
)
def test_broken_line_is_named(tmp_path, change, message):
    file = tmp_path / "pointers.jsonl"
    good = {"sha256": text_hash("甲"), "source": "s", "theme": "green"}
    file.write_text(json.dumps(good) + "\n\n" + json.dumps(good | change) + "\n")
    with pytest.raises(LabelError, match=rf"line 3: .*{message}"):
        read_pointers(file)


def test_defaults(tmp_path):
    file = tmp_path / "pointers.jsonl"
    file.write_text(json.dumps({"sha256": text_hash("甲"), "source": "s", "theme": "green"}))
    assert read_pointers(file) == [Pointer(text_hash("甲"), "s", "green", (), "", 3)]


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_pointers(tmp_path / "no.jsonl")


@pytest.mark.skipif(not SHIPPED_POINTERS.is_file(), reason="no pointers shipped yet")
def test_shipped_pointers_have_labels_of_the_shipped_taxonomy():
    taxonomy, pointers = load_taxonomy(), read_pointers()
    assert pointers
    assert {label for pointer in pointers for label in (pointer.theme, *pointer.also)} <= set(
        taxonomy.theme_ids
    )
    assert {pointer.stance for pointer in pointers} <= set(taxonomy.stance_ids)
    assert len({pointer.sha256 for pointer in pointers}) == len(pointers)
