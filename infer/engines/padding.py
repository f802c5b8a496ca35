"""Batches of token ids as rectangles, alike for every runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from policylens.models.encode import Encoding

Logits = Mapping[str, NDArray[np.float32]]

# Few distinct lengths let the runtimes reuse what they compiled for a shape.
PAD_TO_TOKENS = 16


def pad_batch(
    batch: Sequence[Encoding], *, pad_id: int, pad_to: int = PAD_TO_TOKENS
) -> dict[str, NDArray[np.int32]]:
    """`input_ids`, `token_type_ids` and `attention_mask`, `[batch, seq]`, seq a multiple of `pad_to`."""
    longest = max(len(encoding.ids) for encoding in batch)
    width = -(-longest // pad_to) * pad_to
    ids = np.full((len(batch), width), pad_id, np.int32)
    types, mask = np.zeros_like(ids), np.zeros_like(ids)
    for row, encoding in enumerate(batch):
        n_tokens = len(encoding.ids)
        ids[row, :n_tokens] = encoding.ids
        types[row, :n_tokens] = encoding.types
        mask[row, :n_tokens] = 1
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
