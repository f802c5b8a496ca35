"""The token vectors of a backend's batches, handed out window by window while the logits pass on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from policylens.models.encode import Encoding
from policylens.models.openvino_graph import STATES

Outputs = Mapping[str, NDArray[np.float32]]
TakeWindow = Callable[[int, int, NDArray[np.float32]], None]


def take_states(
    computed: Iterator[Outputs],
    batches: Sequence[Sequence[int]],
    windows: Sequence[Sequence[Encoding]],
    take: TakeWindow,
) -> Iterator[Outputs]:
    """Takes the token vectors out of each batch and passes the logits on.

    Args:
        computed: What a backend opened with `states` gives for each batch.
        batches: Which windows, numbered over all paragraphs, each batch holds.
        windows: The windows of each paragraph.
        take: Called with the number of a paragraph, that of the window in it, and the window's token vectors,
            float32 `[seq, hidden]`, padding included.
    """
    places = [(owner, k) for owner, pieces in enumerate(windows) for k in range(len(pieces))]
    for batch, outputs in zip(batches, computed, strict=True):
        for row, at in enumerate(batch):
            take(*places[at], outputs[STATES][row])
        yield {head: values for head, values in outputs.items() if head != STATES}
