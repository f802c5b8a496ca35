"""`int8_ranges.json`: the activation ranges that the int8 form of a model needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from policylens.data.errors import ModelFileError
from policylens.models.json_files import is_number, read_json_object

RANGES_FILE = "int8_ranges.json"

Ranges = Mapping[str, tuple[float, float]]

_REMEDY = "train again, or delete it to run in float"


def read_ranges(folder: Path) -> Ranges | None:
    """Input of a linear layer -> (low, high); None where the folder has no ranges.

    Raises:
        ModelFileError: The file is broken, or a range is none.
    """
    path = folder / RANGES_FILE
    if not path.is_file():
        return None
    ranges: dict[str, tuple[float, float]] = {}
    for name, bounds in read_json_object(path, remedy=_REMEDY).items():
        if not (isinstance(bounds, list) and len(bounds) == 2 and all(map(is_number, bounds))):
            raise ModelFileError(
                f"{path} is broken: {name!r} has {str(bounds)[:60]}, expected [low, high]; {_REMEDY}"
            )
        low, high = float(bounds[0]), float(bounds[1])
        if not low < high:
            raise ModelFileError(
                f"{path}: the range of {name!r} is empty, from {low:g} to {high:g}; {_REMEDY}"
            )
        ranges[name] = low, high
    return ranges


def save_ranges(ranges: Ranges, folder: Path) -> None:
    """Writes `int8_ranges.json`."""
    rounded = {name: [round(low, 5), round(high, 5)] for name, (low, high) in ranges.items()}
    (folder / RANGES_FILE).write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
