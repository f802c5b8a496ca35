"""Names, shapes and types of the weights of a model folder, from the file's header: nothing else is read."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from policylens.data.errors import ModelFileError

WEIGHTS_FILE = "model.safetensors"
# Loading a pickle can run any code that is in it: such files are never read.
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_FLOAT_TYPES = frozenset({"F16", "F32", "BF16", "F64"})

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WeightsHeader:
    """What a safetensors file says it holds; that it is as long as that is checked.

    Attributes:
        shapes: Tensor name -> shape.
        dtypes: The types that occur, sorted: "F16", "F32" …
    """

    shapes: Mapping[str, Shape]
    dtypes: tuple[str, ...]

    @property
    def n_weights(self) -> int:
        """Number of single weights."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def other_dtypes(self) -> tuple[str, ...]:
        """Types that weights of ours never have."""
        return tuple(dtype for dtype in self.dtypes if dtype not in _FLOAT_TYPES)


def read_weights_header(path: Path) -> WeightsHeader:
    """Reads the header of a safetensors file, in about a millisecond whatever its size.

    Raises:
        ModelFileError: It is no safetensors file, or shorter or longer than its header says.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            dtypes = sorted({str(part.get_dtype()) for part in slices.values()})
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} is damaged: {error}; copy the folder again") from error
    return WeightsHeader(shapes, tuple(dtypes))


def weights_hash(path: Path) -> str:
    """SHA-256 of a weights file, in hexadecimal: some 0.1 s for ours."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pickles_in(folder: Path) -> list[str]:
    """Names of files in a folder that hold pickled weights, going by their suffix."""
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICKLE_SUFFIXES)
