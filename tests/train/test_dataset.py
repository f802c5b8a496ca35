from __future__ import annotations

from pathlib import Path

import pytest
import torch

from policylens.data.labels import LabelledParagraph
from policylens.data.records import Paragraph
from policylens.data.taxonomy import taxonomy_from_labels
from policylens.models.config import ContextConfig
from policylens.models.encode import Encoding, PairEncoder, load_tokenizer
from policylens.train.config import TrainConfig
from policylens.train.dataset import EncodedRows, TargetBuilder, class_weights, pad_encodings

TAXONOMY = taxonomy_from_labels("t", ["a", "b", "c", "d"], ["for", "against"])


def row(theme: str, *, also: tuple[str, ...] = (), confidence: int = 3) -> LabelledParagraph:
    paragraph = Paragraph("doc", 1, "body", "农民种植粮食", title="行动方案", prev="上一段。")
    return LabelledParagraph(paragraph, theme, also=also, stance="for", confidence=confidence)


def test_class_weights_by_hand() -> None:
    # a: 8 rows, weight 1; b: 2 rows, weight (8/2)^0.5 = 2; mean over rows (8 + 4) / 10 = 1.2
    weights = class_weights(["a"] * 8 + ["b"] * 2, power=0.5)
    assert weights == pytest.approx({"a": 1 / 1.2, "b": 2 / 1.2})


def test_power_zero_weighs_all_alike() -> None:
    assert class_weights(["a", "a", "b"], power=0) == {"a": 1.0, "b": 1.0}


def test_soft_targets_by_hand() -> None:
    config = TrainConfig(
        label_smoothing=0.04, also_share=0.2, class_balance=0, confidence_weights=(0.5, 0.8, 1.0)
    )
    first = row("b", also=("c", "d"), confidence=2)
    target = TargetBuilder(TAXONOMY, [first], config).build(first, soft=True)
    # Smoothing: 0.01 each, 0.97 for b; 80 % of that, and 10 % for each secondary theme.
    assert target["theme"].tolist() == pytest.approx([0.008, 0.776, 0.108, 0.108])
    assert target["also"].tolist() == [0, 0, 1, 1]
    # Logits are in the taxonomy's order, which is alphabetical: against, for.
    assert target["stance"].tolist() == pytest.approx([0.02, 0.98])
    assert float(target["theme_weight"]) == pytest.approx(0.8)
    assert float(target["stance_weight"]) == pytest.approx(0.8)


def test_hard_targets_are_one_hot() -> None:
    first = row("b", also=("c",))
    target = TargetBuilder(TAXONOMY, [first], TrainConfig()).build(first, soft=False)
    assert target["theme"].tolist() == [0, 1, 0, 0]
    assert target["stance"].tolist() == [0, 1]


def test_task_without_stances_has_no_stance_target() -> None:
    taxonomy = taxonomy_from_labels("t", ["a", "b"])
    first = LabelledParagraph(Paragraph("doc", 1, "body", "农民"), "a")
    target = TargetBuilder(taxonomy, [first], TrainConfig()).build(first, soft=True)
    assert sorted(target) == ["also", "theme", "theme_weight"]


def encoded(tiny_base: Path, *, training: bool) -> EncodedRows:
    return EncodedRows(
        [row("a")] * 200,
        PairEncoder(load_tokenizer(tiny_base), max_tokens=64),
        taxonomy=TAXONOMY,
        config=TrainConfig(context_dropout=0.3, prev_dropout=0.3),
        context=ContextConfig(),
        training=training,
    )


def context_lengths(rows: EncodedRows) -> list[int]:
    return [rows[at]["encoding"].types.count(0) for at in range(len(rows))]


def test_contexts_are_dropped_by_seed_epoch_and_row_alone(tiny_base: Path) -> None:
    rows = encoded(tiny_base, training=True)
    first = context_lengths(rows)
    # Whole context, title alone, none (then all types are 0: 7 pieces of text and 2 special tokens).
    assert len(set(first)) == 3
    assert 30 < first.count(min(first)) < 90
    assert context_lengths(rows) == first
    rows.set_epoch(1)
    assert context_lengths(rows) != first
    rows.set_epoch(0)
    assert context_lengths(rows) == first


def test_evaluation_keeps_every_context(tiny_base: Path) -> None:
    rows = encoded(tiny_base, training=True)
    view = rows.evaluation_view(rows.rows[:50])
    assert len(set(context_lengths(view))) == 1
    assert set(view.lengths()) == set(rows.lengths())


def test_padding_to_a_multiple() -> None:
    batch = pad_encodings([Encoding([0, 5, 2], [0, 0, 0]), Encoding([0, 2], [0, 1])], pad_id=1, pad_to=4)
    assert batch["input_ids"].tolist() == [[0, 5, 2, 1], [0, 2, 1, 1]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0], [0, 1, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
    assert batch["input_ids"].dtype == torch.long
