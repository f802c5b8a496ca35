"""`int8_ranges.json`: the activation ranges that the int8 form of a model needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from policylens.data.errors import ModelFileError
from policylens.models.json_files import is_number, read_json_object

RANGES_FILE = "int8_ranges.json"

_REMEDY = "train again, or delete it to run in float"


class InputRange(NamedTuple):
    """What the input of a linear layer lies in.

    Attributes:
        low: Mean of the lowest values of all channels but those apart.
        high: Mean of the highest ones.
        apart: The few channels that reach so much further that a range with them would leave the others two
            or three levels. They are multiplied in float, beside the others.
    """

    low: float
    high: float
    apart: tuple[int, ...] = ()


Ranges = Mapping[str, InputRange]


def read_ranges(folder: Path) -> Ranges | None:
    """Range of the input of each linear layer that runs in int8; None where the folder has no ranges.

    Raises:
        ModelFileError: The file is broken, or a range is none.
    """
    path = folder / RANGES_FILE
    if not path.is_file():
        return None
    ranges: dict[str, InputRange] = {}
    for name, values in read_json_object(path, remedy=_REMEDY).items():
        if not _is_range(values):
            raise ModelFileError(
                f"{path} is broken: {name!r} has {str(values)[:60]}, expected [low, high] or "
                f"[low, high, channels]; {_REMEDY}"
            )
        found = InputRange(float(values[0]), float(values[1]), tuple(values[2]) if values[2:] else ())
        if not found.low < found.high:
            raise ModelFileError(
                f"{path}: the range of {name!r} is empty, from {found.low:g} to {found.high:g}; {_REMEDY}"
            )
        ranges[name] = found
    return ranges


def _is_range(values: object) -> bool:
    if not (isinstance(values, list) and len(values) in (2, 3) and all(map(is_number, values[:2]))):
        return False
    apart = values[2] if values[2:] else []
    if not isinstance(apart, list) or not all(type(channel) is int and channel >= 0 for channel in apart):
        return False
    return len(set(apart)) == len(apart)


def save_ranges(ranges: Ranges, folder: Path) -> None:
    """Writes `int8_ranges.json`, a line for each layer."""
    lines = []
    for name, found in ranges.items():
        values = [round(found.low, 5), round(found.high, 5), *([list(found.apart)] if found.apart else [])]
        lines.append(f" {json.dumps(name)}: {json.dumps(values)}")
    (folder / RANGES_FILE).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
