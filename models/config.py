"""What a model folder says about itself: `policylens.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from policylens.data.errors import ModelFileError
from policylens.models.json_files import is_number, is_text_by_text, is_whole, read_json_object

CONFIG_FILE = "policylens.json"
FORMAT_VERSION = 1
# Below it a window has no room for a text beside the special tokens and the context.
_LEAST_WINDOW = 8


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
        ModelFileError: The file is missing, broken, of another format version, has unknown keys, or a value
            that no inference can use.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise ModelFileError(
            f"{folder} is not a policylens model folder: it has no {CONFIG_FILE}; "
            "name a folder that `policylens train` wrote"
        )
    raw = read_json_object(path)
    if raw.get("format_version") != FORMAT_VERSION:
        raise ModelFileError(
            f"{path}: format_version is {raw.get('format_version')!r}, expected {FORMAT_VERSION}; "
            "retrain or update policylens"
        )
    _check_keys(raw, ModelConfig, path)
    try:
        config = ModelConfig(**{**raw, "context": _context(raw, path), "abstention": _promises(raw, path)})
    except TypeError as error:
        raise ModelFileError(f"{path} is incomplete: {error}") from error
    _check_values(config, path)
    _check_promises(config, path)
    return config


def _check_keys(values: Mapping[str, object], kind: type, path: Path) -> None:
    known = {item.name for item in fields(kind)}
    if unknown := set(values) - known:
        raise ModelFileError(f"{path}: unknown keys {sorted(unknown)}; known keys are {sorted(known)}")


def _context(raw: Mapping[str, object], path: Path) -> ContextConfig:
    values = raw.get("context")
    if not isinstance(values, dict) or not all(is_whole(value, least=0) for value in values.values()):
        raise ModelFileError(
            f"{path}: context is {_shown(values)}; expected names with numbers of characters"
        )
    _check_keys(values, ContextConfig, path)
    return ContextConfig(**values)


def _promises(raw: Mapping[str, object], path: Path) -> dict[str, tuple[Promise, ...]]:
    tables = raw.get("abstention", {})
    if not isinstance(tables, dict) or not all(map(_is_table, tables.values())):
        raise ModelFileError(
            f"{path}: abstention is {_shown(tables)}; expected for each head a list of promises, each with "
            f"the numbers {', '.join(item.name for item in fields(Promise))}"
        )
    return {head: tuple(Promise(**item) for item in items) for head, items in tables.items()}


def _is_table(items: object) -> bool:
    names = {item.name for item in fields(Promise)}
    return isinstance(items, list) and all(
        isinstance(item, dict) and set(item) == names and all(map(is_number, item.values())) for item in items
    )


def _check_values(config: ModelConfig, path: Path) -> None:
    """Types and ranges; a table of (whether it fits, name, what is expected)."""
    temperatures = config.temperatures
    numbers = isinstance(temperatures, Mapping) and all(map(is_number, temperatures.values()))
    checks = (
        (isinstance(config.base, str), "base", "the name of an encoder"),
        (isinstance(config.package_version, str), "package_version", "text"),
        (
            is_whole(config.max_tokens, least=_LEAST_WINDOW),
            "max_tokens",
            f"a whole number from {_LEAST_WINDOW} on",
        ),
        (numbers, "temperatures", "numbers by head"),
        (numbers and all(value > 0 for value in temperatures.values()), "temperatures", "numbers above 0"),
        (
            is_number(config.also_threshold) and 0 <= config.also_threshold <= 1,
            "also_threshold",
            "a number from 0 to 1",
        ),
        (is_text_by_text(config.trained_on), "trained_on", "checksums by file name"),
        (is_text_by_text(config.calibrated_on), "calibrated_on", "checksums by file name"),
    )
    for fits, name, expected in checks:
        if not fits:
            raise ModelFileError(f"{path}: {name} is {_shown(getattr(config, name))}; expected {expected}")


def _shown(value: object) -> str:
    return repr(value)[:80]


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
