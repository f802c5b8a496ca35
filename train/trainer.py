"""`Trainer` for the classifier: its loss, its two learning rates, its batches of like length."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Sampler
from transformers import EvalPrediction, Trainer, TrainingArguments
from transformers.trainer_pt_utils import get_length_grouped_indices

from policylens.data.errors import ConfigError
from policylens.models.classifier import ALSO, STANCE, THEME, PolicyClassifier
from policylens.train.config import TrainConfig
from policylens.train.dataset import EncodedRows
from policylens.train.distill import VECTOR, vector_loss
from policylens.train.evaluation.metrics import macro_f1
from policylens.train.processes import n_processes

DEVICES = ("auto", "cpu", "cuda")
# oneDNN compiles its bf16 kernels anew for each shape; float32 and GPUs do not care, and padding costs.
_FEW_SHAPES, _MANY_SHAPES = 32, 8


class TrainingModel(nn.Module):
    """A classifier that returns its loss beside its logits, as `Trainer` expects."""

    def __init__(self, classifier: PolicyClassifier, *, also_loss: float, vector_loss: float = 0.0) -> None:
        """Wrap a classifier."""
        super().__init__()
        self.classifier = classifier
        self.also_loss = also_loss
        self.vector_loss = vector_loss

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, **targets: Tensor
    ) -> dict[str, Tensor]:
        """Loss (scalar) and the logits of each head `[batch, n_labels]`."""
        pooled = self.classifier.pool(input_ids, attention_mask, token_type_ids)
        logits = self.classifier.read(pooled)
        loss = weighted_cross_entropy(logits[THEME], targets["theme"], targets["theme_weight"])
        also = functional.binary_cross_entropy_with_logits(logits[ALSO], targets["also"], reduction="none")
        loss = loss + self.also_loss * (also.sum(1) * targets["theme_weight"]).mean()
        if STANCE in logits:
            loss = loss + weighted_cross_entropy(logits[STANCE], targets["stance"], targets["stance_weight"])
        if VECTOR in targets:
            loss = loss + self.vector_loss * vector_loss(pooled.float(), targets[VECTOR])
        return {"loss": loss, **logits}


def weighted_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean cross-entropy against distributions `[batch, n_labels]`, each row times its weight `[batch]`."""
    return (functional.cross_entropy(logits, target, reduction="none") * weight).mean()


class LikeLengthSampler(Sampler[int]):
    """Row numbers in an order that fills batches with rows of like length.

    The order, and what the rows drop, follow from seed and epoch alone, so that a resumed run sees the very
    batches that the interrupted one would have seen.

    Args:
        rows: The training rows.
        batch_size: Rows in a batch.
        seed: Of the order.
    """

    def __init__(self, rows: EncodedRows, *, batch_size: int, seed: int) -> None:
        """Measure the rows once."""
        self.rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.lengths = rows.lengths()
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Called by the data loader before each epoch."""
        self.epoch = epoch
        self.rows.set_epoch(epoch)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        """Row numbers of the epoch."""
        # A million epochs lie between two seeds: no two runs share an order.
        generator = torch.Generator().manual_seed(self.seed * 1_000_000 + self.epoch)
        order: list[int] = get_length_grouped_indices(  # type: ignore[no-untyped-call]
            self.lengths, self.batch_size, generator=generator
        )
        return iter(order)


class PolicyTrainer(Trainer):
    """`Trainer` with two learning rates and batches of like length."""

    model: nn.Module
    train_dataset: EncodedRows

    def __init__(self, *args: Any, config: TrainConfig, **kwargs: Any) -> None:  # noqa: ANN401
        """Take what `Trainer` takes, and our settings."""
        super().__init__(*args, **kwargs)
        self.config = config

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW over four groups: encoder and heads, with and without weight decay."""
        if self.optimizer is None:
            groups = parameter_groups(model or self.model, self.config)
            self.optimizer = torch.optim.AdamW(groups, fused=True)
        return self.optimizer

    def get_train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Batches of like length: all that make up one step, on whatever process."""
        rows = self.train_dataset
        loader: DataLoader[dict[str, Any]] = DataLoader(
            rows,
            batch_size=self.args.train_batch_size,
            sampler=LikeLengthSampler(rows, batch_size=rows_per_step(self.config), seed=self.config.seed),
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )
        prepared: DataLoader[dict[str, Any]] = self.accelerator.prepare(loader)
        return prepared


def parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Parameter groups for AdamW; vectors (biases, norms) are not decayed, frozen parameters left out."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        # By the start of the name: an encoder may well have parts of its own called "heads".
        key = (name.removeprefix("classifier.").startswith("heads."), parameter.ndim > 1)
        groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": config.head_lr if is_head else config.encoder_lr,
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (is_head, decayed), parameters in groups.items()
    ]


def training_arguments(
    folder: Path, config: TrainConfig, *, n_rows: int, device: str, evaluate: bool, has_stances: bool
) -> TrainingArguments:
    """Arguments of `Trainer`; an evaluation and a checkpoint every `evals_per_epoch`-th of an epoch.

    Args:
        folder: Where checkpoints go.
        config: Settings.
        n_rows: Training rows.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        evaluate: Whether there are rows to evaluate on.
        has_stances: Whether there is a stance head.

    Raises:
        ConfigError: The device is unknown or not there.
    """
    steps_per_epoch = -(-n_rows // rows_per_step(config))
    every = max(1, steps_per_epoch // config.evals_per_epoch)
    use_cpu = not uses_gpu(device)
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulate,
        warmup_steps=int(config.warmup_share * config.epochs * steps_per_epoch),
        lr_scheduler_type="linear",
        bf16=_has_bf16(use_cpu=use_cpu),
        use_cpu=use_cpu,
        eval_strategy="steps" if evaluate else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=evaluate and config.patience > 0,
        metric_for_best_model="macro_f1" if evaluate else None,
        logging_steps=20,
        disable_tqdm=True,
        report_to="none",
        remove_unused_columns=False,
        label_names=head_names(has_stances=has_stances),
        seed=config.seed,
        dataloader_pin_memory=not use_cpu,
    )


def planned_steps(config: TrainConfig, *, n_rows: int) -> int:
    """Steps of all epochs."""
    return max(1, math.ceil(config.epochs * -(-n_rows // rows_per_step(config))))


def rows_per_step(config: TrainConfig) -> int:
    """Paragraphs whose gradients make one step of the optimizer, over all processes."""
    return config.batch_size * config.accumulate * n_processes()


def padding_step(arguments: TrainingArguments) -> int:
    """Tokens to whose multiples batches are padded where the settings leave it open."""
    return _FEW_SHAPES if arguments.use_cpu and arguments.bf16 else _MANY_SHAPES


def uses_gpu(device: str) -> bool:
    """Whether to train on a GPU.

    Raises:
        ConfigError: The device is unknown, or CUDA is asked for and torch sees no GPU.
    """
    if device not in DEVICES:
        raise ConfigError(f"device {device!r}: expected one of {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device 'cuda' was asked for, but torch sees no GPU; use --device cpu")
    return device != "cpu" and torch.cuda.is_available()


def _has_bf16(*, use_cpu: bool) -> bool:
    if use_cpu:
        # Emulated bf16 is slower than float32, hence the look for the real instructions.
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return bool(torch.cuda.is_bf16_supported())


def head_names(*, has_stances: bool) -> list[str]:
    """The heads in the order of the network's logits."""
    return [THEME, ALSO, STANCE] if has_stances else [THEME, ALSO]


def dev_scores(*, has_stances: bool) -> Callable[[EvalPrediction], dict[str, float]]:
    """Scores that `Trainer` reports: accuracy and macro-F1 of each head, and their mean to choose by."""
    heads: Sequence[str] = head_names(has_stances=has_stances)

    def scores(prediction: EvalPrediction) -> dict[str, float]:
        values = {}
        for head, logits, target in zip(heads, prediction.predictions, prediction.label_ids, strict=True):
            if head != ALSO:
                gold, predicted = target.argmax(1), logits.argmax(1)
                values[f"{head}_accuracy"] = float((gold == predicted).mean())
                values[f"{head}_macro_f1"] = macro_f1(gold, predicted)
        f1 = [value for name, value in values.items() if name.endswith("macro_f1")]
        return values | {"macro_f1": sum(f1) / len(f1)}

    return scores
