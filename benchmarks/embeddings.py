"""Vectors of labelled paragraphs by a frozen encoder, computed once and kept in a file that grows."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from policylens.data.labels import LabelledParagraph
from policylens.data.pointers import text_hash
from policylens.data.taxonomy import Taxonomy
from policylens.train.config import TrainConfig
from policylens.train.frozen import FrozenEncoder

# Paragraphs between two savings.
_STEP = 100


def cached_vectors(
    rows: Sequence[LabelledParagraph], taxonomy: Taxonomy, *, base: str, cache: Path
) -> NDArray[np.float32]:
    """Vectors `[n, hidden]` of the rows; what the cache lacks is computed and added to it.

    Args:
        rows: Labelled paragraphs.
        taxonomy: Their labels.
        base: As for `policylens train --base`.
        cache: Folder.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"vectors-{Path(base).name}.npz"
    known: dict[str, NDArray[np.float32]] = {}
    if path.is_file():
        stored = np.load(path, allow_pickle=False)
        known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    keys = [_key(row) for row in rows]
    missing = [at for at, key in enumerate(keys) if key not in known]
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            encoder = FrozenEncoder(TrainConfig(mode="linear", base=base), taxonomy, Path(folder))
            for start in range(0, len(missing), _STEP):
                places = missing[start : start + _STEP]
                vectors = encoder.embed(rows[at].paragraph for at in places)
                known |= zip((keys[at] for at in places), vectors, strict=True)
                np.savez(path, keys=np.array(list(known)), vectors=np.stack(list(known.values())))
                print(f"embedded {start + len(places)} of {len(missing)}", flush=True)  # noqa: T201
    return np.stack([known[key] for key in keys])


def _key(row: LabelledParagraph) -> str:
    """The context is read too, so that it is part of the key."""
    return text_hash("\n".join((row.paragraph.title, row.paragraph.prev, row.paragraph.text)))
