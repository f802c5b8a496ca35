"""Labelled paragraphs -> what a training step sees: token ids, soft targets and weights."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from policylens.data.context import context_of
from policylens.data.labels import LabelledParagraph
from policylens.data.taxonomy import Taxonomy
from policylens.models.config import ContextConfig
from policylens.models.encode import Encoding, PairEncoder
from policylens.train.config import TrainConfig
from policylens.train.distill import Teaching


class EncodedRows(Dataset[dict[str, Any]]):
    """Rows that are tokenised when asked for; in training, context is dropped at random on each visit.

    Args:
        rows: Labelled paragraphs.
        encoder: Makes token ids; of a long paragraph head and tail are trained on.
        taxonomy: Order of the labels.
        config: Shares of dropped context and of soft targets.
        context: How much context there is.
        training: Whether to drop context and soften targets.
        teaching: What a teacher says of each row; only heeded in training.
    """

    def __init__(
        self,
        rows: Sequence[LabelledParagraph],
        encoder: PairEncoder,
        *,
        taxonomy: Taxonomy,
        config: TrainConfig,
        context: ContextConfig,
        training: bool,
        teaching: Teaching | None = None,
    ) -> None:
        """Tokenise nothing yet."""
        self.rows = rows
        self.encoder = encoder
        self.taxonomy = taxonomy
        self.config = config
        self.context = context
        self.training = training
        self.teaching = teaching
        self.targets = TargetBuilder(taxonomy, rows, config)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses what is dropped: other contexts in each epoch, the same ones when an epoch is resumed."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Token ids and targets of one row."""
        row = self.rows[index]
        encoding = self.encoder.encode_shortened(self._context(index), row.paragraph.text)
        targets = self.targets.build(row, soft=self.training)
        if self.training and self.teaching is not None:
            targets = self.teaching.blend(targets, index)
        return {"encoding": encoding, **targets}

    def evaluation_view(self, rows: Sequence[LabelledParagraph]) -> EncodedRows:
        """Other rows, encoded alike, with whole context and hard targets."""
        return EncodedRows(
            rows,
            self.encoder,
            taxonomy=self.taxonomy,
            config=self.config,
            context=self.context,
            training=False,
        )

    def lengths(self) -> list[int]:
        """Tokens of each row with its whole context, for batches of like length."""
        return [
            len(self.encoder.encode_shortened(self._full_context(row), row.paragraph.text).ids)
            for row in self.rows
        ]

    def _context(self, index: int) -> str:
        row = self.rows[index]
        if not self.training:
            return self._full_context(row)
        # From the row's number, not from a running generator: workers and resumed runs draw the same.
        draw = random.Random(f"{self.config.seed} {self._epoch} {index}").random()
        if draw < self.config.context_dropout:
            return ""
        if draw < self.config.context_dropout + self.config.prev_dropout:
            return context_of(
                row.paragraph,
                title_chars=self.context.title_chars,
                heading_chars=self.context.heading_chars,
                prev_chars=0,
            )
        return self._full_context(row)

    def _full_context(self, row: LabelledParagraph) -> str:
        return context_of(
            row.paragraph,
            title_chars=self.context.title_chars,
            heading_chars=self.context.heading_chars,
            prev_chars=self.context.prev_chars,
        )


class TargetBuilder:
    """Turns the labels of a row into target distributions and a weight.

    Args:
        taxonomy: Order of the labels.
        rows: The rows whose frequencies set the class weights.
        config: Smoothing, shares and the exponent of the class weights.
    """

    def __init__(self, taxonomy: Taxonomy, rows: Sequence[LabelledParagraph], config: TrainConfig) -> None:
        """Weigh the labels."""
        self.config = config
        self.theme_index = {label: at for at, label in enumerate(taxonomy.theme_ids)}
        self.stance_index = {label: at for at, label in enumerate(taxonomy.stance_ids)}
        power = config.class_balance
        self.theme_weight = class_weights([row.theme for row in rows], power=power)
        self.stance_weight = class_weights([row.stance for row in rows], power=power)

    def build(self, row: LabelledParagraph, *, soft: bool) -> dict[str, Tensor]:
        """Targets of one row: `theme` `[n_themes]`, `also` `[n_themes]`, `stance` `[n_stances]`, weights."""
        weight = self.config.confidence_weights[row.confidence - 1]
        theme = self._distribution(self.theme_index, row.theme, soft=soft)
        also = torch.zeros(len(self.theme_index))
        also[[self.theme_index[label] for label in row.also]] = 1.0
        if soft and row.also:
            theme = theme * (1 - self.config.also_share) + also / also.sum() * self.config.also_share
        theme_weight = torch.tensor(weight * self.theme_weight[row.theme])
        target = {"theme": theme, "also": also, "theme_weight": theme_weight}
        if self.stance_index:
            target["stance"] = self._distribution(self.stance_index, row.stance, soft=soft)
            target["stance_weight"] = torch.tensor(weight * self.stance_weight[row.stance])
        return target

    def _distribution(self, index: dict[str, int], label: str, *, soft: bool) -> Tensor:
        smoothing = self.config.label_smoothing if soft else 0.0
        target = torch.full((len(index),), smoothing / len(index))
        target[index[label]] += 1.0 - smoothing
        return target


def class_weights(labels: Sequence[str], *, power: float) -> dict[str, float]:
    """Label -> (most frequent / frequency)^power, scaled so that the mean over the rows is 1."""
    counts = Counter(labels)
    most = max(counts.values(), default=1)
    raw = {label: math.pow(most / count, power) for label, count in counts.items()}
    mean = sum(raw[label] * count for label, count in counts.items()) / max(1, len(labels))
    return {label: value / mean for label, value in raw.items()}


class Collator:
    """Pads a batch to a multiple of `pad_to` tokens and stacks its targets."""

    def __init__(self, *, pad_id: int, pad_to: int) -> None:
        """Take the padding id and the step of the widths."""
        self.pad_id = pad_id
        self.pad_to = pad_to

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Model inputs `[batch, seq]` and targets `[batch, ...]`."""
        batch = pad_encodings([row["encoding"] for row in rows], pad_id=self.pad_id, pad_to=self.pad_to)
        names = [name for name in rows[0] if name != "encoding"]
        return batch | {name: torch.stack([row[name] for row in rows]) for name in names}


def pad_encodings(encodings: Sequence[Encoding], *, pad_id: int, pad_to: int) -> dict[str, Tensor]:
    """Token ids, types and mask as `[batch, seq]` with seq a multiple of `pad_to`."""
    longest = max(len(encoding.ids) for encoding in encodings)
    width = -(-longest // pad_to) * pad_to
    shape = (len(encodings), width)
    ids = torch.full(shape, pad_id)
    types, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for at, encoding in enumerate(encodings):
        n_tokens = len(encoding.ids)
        ids[at, :n_tokens] = torch.tensor(encoding.ids)
        types[at, :n_tokens] = torch.tensor(encoding.types)
        mask[at, :n_tokens] = 1
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
