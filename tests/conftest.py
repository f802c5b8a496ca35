from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from policylens.data.labels import LabelledParagraph
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Taxonomy, taxonomy_from_labels

# The tests expect the English sentences of the program, wherever they run.
os.environ["LC_ALL"] = "C.UTF-8"

# What the tiny data below is written with, and a little more.
TINY_TEXT = (
    "加快建设绿色工厂降低能耗排放的行动方案"
    "支持农民种植粮食发展乡村产业并改善道路"
    "鼓励高校培养人才引进专家团队开展培训班"
    "严禁不得违规必须停止推动全省各地企业和单位今年明年春天秋季会议要求继续做好工作"
    "，。、；：“”（）一二三四五六七八九十甲乙丙丁"
)
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
_TELLTALE = {"green": "绿色工厂降低排放", "rural": "农民种植粮食", "talent": "高校培养人才"}
_STANCE = {"support": "鼓励加快推动", "restrict": "严禁违规不得"}
_FILLER = ("今年全省各地", "会议要求继续做好工作", "春天和秋季", "企业和单位", "明年一二三四", "甲乙丙丁")


def tiny_pieces() -> list[tuple[str, float]]:
    """A vocabulary of single characters, all equally probable."""
    characters = ["\u2581", *sorted(set(TINY_TEXT)), *map(chr, range(0x21, 0x7F))]
    score = math.log(1 / len(characters))
    return [*((piece, 0.0) for piece in _SPECIAL), *((piece, score) for piece in characters), ("<mask>", 0.0)]


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random BERT with 2 layers of width 32, usable as `--base`."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from policylens.models.base import build_tokenizer

    folder = tmp_path_factory.mktemp("base")
    pieces = tiny_pieces()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=build_tokenizer(pieces),
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        pad_token_id=1,
        initializer_range=0.2,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_taxonomy() -> Taxonomy:
    return taxonomy_from_labels("tiny", _TELLTALE, _STANCE)


@pytest.fixture(scope="session")
def tiny_rows() -> Callable[[int], list[LabelledParagraph]]:
    """Makes rows whose theme and stance show in their words; 8 rows to a document."""

    def make(n_rows: int) -> list[LabelledParagraph]:
        rows = []
        for at in range(n_rows):
            theme, stance = list(_TELLTALE)[at % 3], list(_STANCE)[at // 3 % 2]
            before, after = _FILLER[at % 6], _FILLER[at // 6 % 6]
            text = f"{before}，{_STANCE[stance]}{_TELLTALE[theme]}，{after}。"
            extra = {"source": "province" if at % 2 else "city"}
            paragraph = Paragraph(
                f"doc{at // 8}", at % 8 + 1, "body", text, title="行动方案", id=f"r{at}", extra=extra
            )
            rows.append(LabelledParagraph(paragraph, theme, stance=stance))
        return rows

    return make


@pytest.fixture(scope="session")
def tiny_settings(tiny_base: Path) -> dict[str, object]:
    """Settings with which the tiny task is learned in seconds."""
    return {
        "base": str(tiny_base),
        "epochs": 6,
        "batch_size": 16,
        "encoder_lr": 3e-3,
        "head_lr": 1e-2,
        "max_tokens": 64,
        "train_tokens": 64,
        "holdout_share": 0.1,
    }


@pytest.fixture(scope="session")
def tiny_model(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_rows: Callable[[int], list[LabelledParagraph]],
    tiny_taxonomy: Taxonomy,
    tiny_settings: dict[str, object],
) -> Path:
    """Folder of a model that was trained on the tiny task. Do not write into it."""
    from policylens.train.config import load_train_config
    from policylens.train.fit import split_training_data, train_model

    config = load_train_config(None, **tiny_settings)
    data = split_training_data(tiny_rows(240), None, config=config)
    folder = tmp_path_factory.mktemp("model") / "tiny"
    train_model(data, folder, taxonomy=tiny_taxonomy, config=config, device="cpu")
    return folder
