from __future__ import annotations

from pathlib import Path

import pytest

from policylens.data.errors import ModelFileError
from policylens.models.encode import PairEncoder, load_tokenizer

BEGIN, END = 0, 2


@pytest.fixture
def encoder(tiny_base: Path) -> PairEncoder:
    return PairEncoder(load_tokenizer(tiny_base), max_tokens=16)


def plain(encoder: PairEncoder, text: str) -> list[int]:
    ids: list[int] = encoder.tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def test_short_text_without_context_is_one_window(encoder: PairEncoder) -> None:
    [[window]] = encoder.encode([""], ["农民种植粮食"])
    assert window.ids == [BEGIN, *plain(encoder, "农民种植粮食"), END]
    assert set(window.types) == {0}


def test_pair_is_what_the_tokenizer_template_makes(encoder: PairEncoder) -> None:
    [[window]] = encoder.encode(["方案"], ["农民种植"])
    reference = encoder.tokenizer.encode("方案", "农民种植")
    assert (window.ids, window.types) == (reference.ids, reference.type_ids)


def test_windows_cover_all_tokens_in_order(encoder: PairEncoder) -> None:
    text = "农民种植粮食" * 7
    [windows] = encoder.encode(["行动方案"], [text])
    before = len(plain(encoder, "行动方案")) + 2
    pieces = [window.ids[before:-1] for window in windows]
    assert [token for piece in pieces for token in piece] == plain(encoder, text)
    assert all(len(window.ids) <= 16 for window in windows)
    assert all(window.types == [0] * before + [1] * (len(window.ids) - before) for window in windows)
    sizes = [len(piece) for piece in pieces]
    assert max(sizes) - min(sizes) <= len(sizes)


def test_long_context_leaves_half_of_the_window(encoder: PairEncoder) -> None:
    [windows] = encoder.encode(["行动方案" * 20], ["农民种植粮食" * 5])
    assert windows[0].types.count(0) == 8
    assert windows[0].ids[:2] == [BEGIN, plain(encoder, "行动方案")[0]]


def test_shortened_keeps_head_and_tail(encoder: PairEncoder) -> None:
    text = "加快建设绿色工厂降低能耗排放支持农民种植粮食"
    tokens = plain(encoder, text)
    window = encoder.encode_shortened("", text)
    assert window.ids == [BEGIN, *tokens[:10], *tokens[-4:], END]


def test_shortened_leaves_a_text_that_fits(encoder: PairEncoder) -> None:
    [[window]] = encoder.encode(["方案"], ["农民种植"])
    assert encoder.encode_shortened("方案", "农民种植") == window


def test_context_that_normalises_to_nothing_is_none(encoder: PairEncoder) -> None:
    [[window]] = encoder.encode([" "], ["农民"])
    assert encoder.encode_shortened(" ", "农民") == window
    assert set(window.types) == {0}


def test_missing_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"tokenizer\.json cannot be loaded"):
        load_tokenizer(tmp_path)
