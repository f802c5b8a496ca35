"""Fine-tunes an encoder with its heads on labelled paragraphs and writes a model folder."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    set_seed,
)

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph, split_by_document
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Taxonomy
from policylens.models.bundle import (
    Bundle,
    load_network,
    open_bundle,
    save_bundle,
)
from policylens.models.classifier import ALSO, THEME, PolicyClassifier, head_sizes
from policylens.models.config import ModelConfig
from policylens.models.encode import Encoding
from policylens.models.openvino_graph import save_ranges
from policylens.train.budget import measure_step, steps_within
from policylens.train.config import (
    CHECKPOINTS,
    TRAINING_FILE,
    TrainConfig,
    check_same_settings,
    dump_train_config,
)
from policylens.train.dataset import Collator, EncodedRows
from policylens.train.distill import Teaching, teach
from policylens.train.encoder import (
    base_folder,
    check_window,
    freeze_lowest,
    is_model_folder,
    keep_layers,
    load_encoder,
    mix_with_base,
    pair_encoder,
)
from policylens.train.evaluation.calibrate import AlsoRows, Calibration, HeadRows, fit_calibration
from policylens.train.interrupt import StopOnInterrupt
from policylens.train.processes import agree, is_main, join, main_first, wait
from policylens.train.progress import ProgressLog
from policylens.train.quantize import measure_ranges, round_weights
from policylens.train.trainer import (
    PolicyTrainer,
    TrainingModel,
    dev_scores,
    head_names,
    padding_step,
    planned_steps,
    rows_per_step,
    training_arguments,
    uses_gpu,
)

logger = logging.getLogger(__name__)

TOKENIZER_FOLDER = "tokenizer"
# Paragraphs on which the ranges for int8 are measured.
CALIBRATION_PARAGRAPHS = 256
# Keeps the logarithm finite for themes that are secondary nowhere.
_LEAST_SHARE = 1e-3


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows of a run.

    Attributes:
        train: Learned from.
        dev: Scored after each epoch, to stop early; may be empty.
        holdout: Fits temperatures and thresholds; may be empty.
        unlabelled: Paragraphs of which a teacher alone says what is right.
    """

    train: Sequence[LabelledParagraph]
    dev: Sequence[LabelledParagraph]
    holdout: Sequence[LabelledParagraph]
    unlabelled: Sequence[Paragraph] = ()


def split_training_data(
    rows: Sequence[LabelledParagraph],
    dev: Sequence[LabelledParagraph] | None,
    *,
    config: TrainConfig,
    unlabelled: Sequence[Paragraph] = (),
) -> TrainingData:
    """Keeps whole documents out of training; without a dev file they also serve to stop early.

    Unlabelled paragraphs are passed on as they are.

    Raises:
        ConfigError: There is nothing to train on, or nothing to tell apart.
    """
    themes = {row.theme for row in rows}
    if len(themes) < 2:
        found = f"all {len(rows)} rows have the theme {min(themes)!r}" if rows else "there are no rows"
        raise ConfigError(f"nothing to learn: {found}; give rows of at least two themes")
    if config.holdout_share == 0:
        return TrainingData(train=rows, dev=dev or (), holdout=(), unlabelled=unlabelled)
    train, holdout = split_by_document(rows, dev_share=config.holdout_share, seed=config.seed)
    return TrainingData(train=train, dev=dev if dev else holdout, holdout=holdout, unlabelled=unlabelled)


def train_model(
    data: TrainingData,
    output: Path,
    *,
    taxonomy: Taxonomy,
    config: TrainConfig,
    device: str = "auto",
    resume: bool = False,
    data_files: Sequence[Path] = (),
) -> Bundle:
    """Fine-tunes and writes a model folder.

    Under `torchrun` or `accelerate launch` each process calls it alike; the main one writes.

    Args:
        data: See `TrainingData`.
        output: Model folder to write; checkpoints lie in its `checkpoints/` until the end.
        taxonomy: Labels.
        config: Settings.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        resume: Go on from the last checkpoint in `output`.
        data_files: Files whose SHA-256 the folder records.

    Returns:
        The written folder.

    Raises:
        ConfigError: The settings do not fit the encoder, the device, or the run to resume.
        KeyboardInterrupt: After the state has been saved as a checkpoint, which `resume` takes up.
    """
    join(use_cpu=not uses_gpu(device))
    checkpoints = output / CHECKPOINTS
    set_seed(config.seed)
    with main_first():
        _record_settings(checkpoints, config, resume=resume)
        base = base_folder(config.base)
        rows, teaching = _taught(data, taxonomy=taxonomy, config=config, folder=checkpoints, device=device)
        encoder, pad_id = pair_encoder(
            base, checkpoints / TOKENIZER_FOLDER, max_tokens=training_window(config)
        )
    network = _network(base, rows, taxonomy=taxonomy, config=config)
    train = EncodedRows(
        rows,
        encoder,
        taxonomy=taxonomy,
        config=config,
        context=config.context,
        training=True,
        teaching=teaching,
    )
    dev = train.evaluation_view(data.dev)
    trainer = _trainer(network, train, dev, checkpoints, pad_id=pad_id, device=device)
    _run(trainer, checkpoints, resume=resume)
    if config.base_share:
        mix_with_base(network, base, share=config.base_share)
    # Before anything is measured: what is calibrated here is what int8 computes with later.
    round_weights(network)
    model_config = _model_config(trainer, train.evaluation_view(data.holdout), config, data_files)
    if is_main():
        _write(network, output, model_config, train, pad_id=pad_id)
    wait()
    return open_bundle(output)


def _write(
    network: PolicyClassifier, output: Path, config: ModelConfig, rows: EncodedRows, *, pad_id: int
) -> None:
    """Writes the folder and removes what only an interrupted run needs."""
    checkpoints = output / CHECKPOINTS
    save_bundle(
        network.cpu().eval(),
        output,
        config=config,
        taxonomy=rows.taxonomy,
        tokenizer_folder=checkpoints / TOKENIZER_FOLDER,
    )
    save_ranges(measure_ranges(network, calibration_windows(rows), pad_id=pad_id), output)
    (output / TRAINING_FILE).write_text(dump_train_config(rows.config), encoding="utf-8")
    shutil.rmtree(checkpoints)


def _taught(
    data: TrainingData, *, taxonomy: Taxonomy, config: TrainConfig, folder: Path, device: str
) -> tuple[Sequence[LabelledParagraph], Teaching | None]:
    """The rows to learn from and, where there is a teacher, what it says of them.

    Raises:
        ConfigError: There are unlabelled paragraphs, but no teacher.
    """
    if config.teacher:
        return teach(
            data.train,
            data.unlabelled,
            teacher=base_folder(config.teacher),
            taxonomy=taxonomy,
            share=config.teacher_share,
            folder=folder,
            device=device,
        )
    if data.unlabelled:
        raise ConfigError("unlabelled paragraphs teach nothing without a teacher; name one, e.g. policy-zh")
    return data.train, None


def calibration_windows(rows: EncodedRows) -> list[Encoding]:
    """Up to `CALIBRATION_PARAGRAPHS` encoded paragraphs, spread evenly over the rows."""
    step = -(-len(rows) // CALIBRATION_PARAGRAPHS)
    return [rows[at]["encoding"] for at in range(0, len(rows), step)]


def _model_config(
    trainer: PolicyTrainer, holdout: EncodedRows, config: TrainConfig, data_files: Sequence[Path]
) -> ModelConfig:
    fitted = _calibrate(trainer, holdout)
    return ModelConfig(
        base=config.base,
        max_tokens=config.max_tokens,
        context=config.context,
        temperatures=fitted.temperatures,
        also_threshold=fitted.also_threshold,
        abstention=fitted.abstention,
        trained_on={path.name: sha256_of(path) for path in data_files},
        package_version=version("policylens"),
    )


def training_window(config: TrainConfig) -> int:
    """Tokens in a training window, never more than at inference."""
    return min(config.train_tokens, config.max_tokens)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def has_checkpoint(output: Path) -> bool:
    """Whether an interrupted run can go on from `output`."""
    return any((output / CHECKPOINTS).glob("checkpoint-*"))


def _record_settings(folder: Path, config: TrainConfig, *, resume: bool) -> None:
    """Writes the settings beside the checkpoints, or compares with those that lie there."""
    path = folder / TRAINING_FILE
    if resume and path.is_file():
        check_same_settings(path, config)
    if not is_main():
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_train_config(config), encoding="utf-8")


def _network(
    base: str, rows: Sequence[LabelledParagraph], *, taxonomy: Taxonomy, config: TrainConfig
) -> PolicyClassifier:
    encoder = load_encoder(base, dropout=config.encoder_dropout)
    check_window(encoder, config)
    keep_layers(encoder, config.layers)
    freeze_lowest(encoder, config.frozen_layers)
    network = PolicyClassifier(encoder, head_sizes(taxonomy), dropout=config.dropout)
    before = open_bundle(base) if is_model_folder(base) else None
    if before is not None and _same_labels(before.taxonomy, taxonomy):
        network.heads.load_state_dict(load_network(before).heads.state_dict())
    else:
        _start_also_at_base_rate(network, rows, taxonomy=taxonomy)
    return network


def _same_labels(one: Taxonomy, other: Taxonomy) -> bool:
    return (one.theme_ids, one.stance_ids) == (other.theme_ids, other.stance_ids)


def _start_also_at_base_rate(
    network: PolicyClassifier, rows: Sequence[LabelledParagraph], *, taxonomy: Taxonomy
) -> None:
    """Sets the biases of the head for secondary themes to the log-odds of each theme being one.

    Else the first steps of a task with hundreds of themes are spent on learning that few are secondary: the
    loss is a sum over themes.

    Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, section 4.1.
    """
    counts = dict.fromkeys(taxonomy.theme_ids, 0)
    for row in rows:
        for theme in row.also:
            counts[theme] += 1
    shares = torch.tensor([count / max(1, len(rows)) for count in counts.values()])
    with torch.no_grad():
        network.get_parameter(f"heads.{ALSO}.bias").copy_(torch.logit(shares, eps=_LEAST_SHARE))


def _trainer(
    network: PolicyClassifier,
    train: EncodedRows,
    dev: EncodedRows,
    folder: Path,
    *,
    pad_id: int,
    device: str,
) -> PolicyTrainer:
    config, has_stances = train.config, bool(train.taxonomy.stances)
    callbacks: list[Any] = [ProgressLog(batch_size=rows_per_step(config))]
    if config.patience and len(dev):
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=config.patience))
    arguments = training_arguments(
        folder,
        config,
        n_rows=len(train),
        device=device,
        evaluate=len(dev) > 0,
        has_stances=has_stances,
    )
    trainer = PolicyTrainer(
        TrainingModel(network, also_loss=config.also_loss, vector_loss=config.vector_loss),
        arguments,
        config=config,
        data_collator=Collator(pad_id=pad_id, pad_to=config.pad_to or padding_step(arguments)),
        train_dataset=train,
        eval_dataset=dev,
        compute_metrics=dev_scores(has_stances=has_stances),
        callbacks=callbacks,
    )
    # ProgressLog says it in words; this one prints dictionaries to standard output.
    trainer.remove_callback(PrinterCallback)
    if config.max_minutes:
        _fit_into_time(trainer, train, folder)
    return trainer


def _fit_into_time(trainer: PolicyTrainer, rows: EncodedRows, folder: Path) -> None:
    """Shortens the schedule to what the time allows."""
    config, arguments = rows.config, trainer.args

    def step_seconds() -> float:
        batch = measure_step(
            trainer.model, rows, trainer.data_collator, batch_size=config.batch_size, bf16=arguments.bf16
        )
        return batch * config.accumulate

    planned = planned_steps(config, n_rows=len(rows))
    steps = agree(
        lambda: steps_within(config.max_minutes, step_seconds=step_seconds, planned=planned, folder=folder)
    )
    arguments.max_steps = steps
    arguments.warmup_steps = int(config.warmup_share * steps)
    arguments.eval_steps = arguments.save_steps = min(steps, int(arguments.eval_steps or steps))


def _run(trainer: PolicyTrainer, folder: Path, *, resume: bool) -> None:
    """Trains; an interrupt first saves the state, so that `--resume` loses nothing."""
    found = any(folder.glob("checkpoint-*"))
    if resume and not found:
        logger.warning("no checkpoint in %s: starting from the beginning", folder)
    stop = StopOnInterrupt()
    trainer.add_callback(stop)
    try:
        trainer.train(resume_from_checkpoint=resume and found)
    finally:
        stop.release()
    if stop.interrupted:
        logger.warning("interrupted at step %d; --resume goes on from there", trainer.state.global_step)
        raise KeyboardInterrupt


def _calibrate(trainer: PolicyTrainer, rows: EncodedRows) -> Calibration:
    """Temperatures, thresholds and promises, from documents not trained on."""
    if not len(rows):
        return Calibration({}, 0.5, {})
    # One array a head; `Trainer` only says that it may be one array or several.
    output: Any = trainer.predict(rows)
    heads = head_names(has_stances=bool(rows.taxonomy.stances))
    logits = dict(zip(heads, output.predictions, strict=True))
    gold = dict(zip(heads, output.label_ids, strict=True))
    also = 1 / (1 + np.exp(-logits[ALSO]))
    also[np.arange(len(also)), logits[THEME].argmax(1)] = 0.0
    labelled = {head: HeadRows(logits[head], gold[head].argmax(1)) for head in heads if head != ALSO}
    return fit_calibration(labelled, AlsoRows(also, gold[ALSO] > 0))
