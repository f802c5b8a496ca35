"""What a model folder says about itself: `policylens.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from policylens.data.errors import ModelFileError

CONFIG_FILE = "policylens.json"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ContextConfig:
    """How much context stands before the paragraph, in characters; 0 leaves that part out."""

    title_chars: int = 40
    heading_chars: int = 40
    prev_chars: int = 60


@dataclass(frozen=True, slots=True)
class Promise:
    """From which probability on the label of a head is right as often as promised.

    Attributes:
        precision: Share of right labels that is promised, in (0, 1).
        confidence: Least probability of a label that is given out, in [0, 1].
        coverage: Share of the held-out paragraphs that this keeps.
    """

    precision: float
    confidence: float
    coverage: float


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything needed at inference beside weights, tokenizer and taxonomy.

    Attributes:
        format_version: Layout of the folder; other versions are refused.
        package_version: policylens that wrote it.
        base: Encoder it was trained from.
        max_tokens: Window in tokens, special tokens included; longer paragraphs are cut into windows.
        context: Context given as first text of the pair.
        temperatures: Head name -> divisor of its logits, fitted on held-out training documents.
        also_threshold: Probability from which a secondary theme is reported.
        abstention: Head name -> promises, precision and confidence ascending; empty where no held-out
            paragraphs were enough to make one.
        trained_on: Name -> SHA-256 of each data file.
        calibrated_on: Likewise of the files that `policylens calibrate` was given.
    """

    base: str
    max_tokens: int = 256
    context: ContextConfig = field(default_factory=ContextConfig)
    temperatures: Mapping[str, float] = field(default_factory=dict)
    also_threshold: float = 0.5
    abstention: Mapping[str, tuple[Promise, ...]] = field(default_factory=dict)
    trained_on: Mapping[str, str] = field(default_factory=dict)
    calibrated_on: Mapping[str, str] = field(default_factory=dict)
    package_version: str = ""
    format_version: int = FORMAT_VERSION


def promise_for(promises: Sequence[Promise], precision: float) -> Promise | None:
    """The least promise that covers the precision asked for, None where the table ends below it."""
    # The tolerance is for numbers like 0.1 + 0.2, not for rounding a promise down.
    return next((promise for promise in promises if promise.precision >= precision - 1e-9), None)


def save_config(config: ModelConfig, folder: Path) -> None:
    """Writes `policylens.json`, whole or not at all."""
    text = json.dumps(asdict(config), ensure_ascii=False, indent=2)
    part = folder / f".{CONFIG_FILE}.part"
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(folder / CONFIG_FILE)


def load_config(folder: Path) -> ModelConfig:
    """Reads `policylens.json`.

    Raises:
        ModelFileError: The file is missing, not JSON, of another format version or has unknown keys.
    """
    path = folder / CONFIG_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelFileError(
            f"{folder} is not a policylens model folder: it has no {CONFIG_FILE}; "
            "name a folder that `policylens train` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error
    if not isinstance(raw, dict) or raw.get("format_version") != FORMAT_VERSION:
        raise ModelFileError(f"{path}: expected format_version {FORMAT_VERSION}; retrain or update")
    known = {item.name for item in fields(ModelConfig)}
    if unknown := set(raw) - known:
        raise ModelFileError(f"{path}: unknown keys {sorted(unknown)}; known keys are {sorted(known)}")
    try:
        parts = {
            "context": ContextConfig(**raw["context"]),
            "abstention": {
                head: tuple(Promise(**item) for item in items)
                for head, items in raw.get("abstention", {}).items()
            },
        }
        config = ModelConfig(**{**raw, **parts})
        _check_promises(config, path)
    except (TypeError, KeyError, AttributeError) as error:
        raise ModelFileError(f"{path} is incomplete: {error}") from error
    return config


def _check_promises(config: ModelConfig, path: Path) -> None:
    for head, promises in config.abstention.items():
        for before, after in zip((None, *promises), promises, strict=False):
            fits = 0 < after.precision < 1 and 0 <= after.confidence <= 1
            if before is not None:
                fits &= before.precision < after.precision and before.confidence <= after.confidence
            if not fits:
                raise ModelFileError(
                    f"{path}: abstention of {head!r} has {after} after {before}; expected numbers from 0 "
                    "to 1, precision and confidence ascending; fit it again with `policylens calibrate`"
                )
