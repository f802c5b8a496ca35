"""Reads the JSON files of a model folder, of which nothing is trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from policylens.data.errors import ModelFileError


def read_json_object(path: Path, *, remedy: str = "copy the model folder again") -> dict[str, Any]:
    """The object that a JSON file holds.

    Args:
        path: The file.
        remedy: What to do where it is broken, in the imperative.

    Raises:
        ModelFileError: The file is missing, not JSON in UTF-8, nested without end, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} cannot be read as JSON: {error}; {remedy}") from error
    if not isinstance(found, dict):
        raise ModelFileError(f"{path} holds {type(found).__name__}, expected a JSON object; {remedy}")
    return found


def is_number(value: object) -> bool:
    """Whether a JSON value is a finite number: true is none, nor are NaN and Infinity, which Python reads."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: object, *, least: int) -> bool:
    """Whether a JSON value is a whole number from `least` on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_text_by_text(value: object) -> bool:
    """Whether a JSON value maps texts to texts."""
    return isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())
