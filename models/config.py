"""What a model folder says about itself: `policylens.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
        trained_on: Name -> SHA-256 of each data file.
    """

    base: str
    max_tokens: int = 256
    context: ContextConfig = field(default_factory=ContextConfig)
    temperatures: Mapping[str, float] = field(default_factory=dict)
    also_threshold: float = 0.5
    trained_on: Mapping[str, str] = field(default_factory=dict)
    package_version: str = ""
    format_version: int = FORMAT_VERSION


def save_config(config: ModelConfig, folder: Path) -> None:
    """Writes `policylens.json`."""
    text = json.dumps(asdict(config), ensure_ascii=False, indent=2)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")


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
        return ModelConfig(**{**raw, "context": ContextConfig(**raw["context"])})
    except (TypeError, KeyError) as error:
        raise ModelFileError(f"{path} is incomplete: {error}") from error
