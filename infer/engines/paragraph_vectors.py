"""One vector a paragraph out of the classifier's own pass: what its heads read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from policylens.infer.engines.token_states import take_states
from policylens.models.encode import Encoding

ParagraphVector = NDArray[np.float32]


class ParagraphPool:
    """Averages token vectors while batches of windows come in, in whatever order.

    A linear head over these means gives the logits that the model folder with that head gives: the mean is
    over the paragraph's tokens, not its context's, and windows count by their length, as in `classify`.

    Args:
        n_paragraphs: How many paragraphs the windows are of.
    """

    def __init__(self, n_paragraphs: int) -> None:
        """Start with nothing seen."""
        self._sums: list[ParagraphVector | None] = [None] * n_paragraphs
        self._weights = [0] * n_paragraphs

    def collect(
        self,
        computed: Iterator[Mapping[str, NDArray[np.float32]]],
        batches: Sequence[Sequence[int]],
        windows: Sequence[Sequence[Encoding]],
    ) -> Iterator[Mapping[str, NDArray[np.float32]]]:
        """Takes the token vectors out of each batch and passes the logits on; see `take_states`."""

        def take(owner: int, k: int, states: NDArray[np.float32]) -> None:
            self._add(owner, windows[owner][k], states)

        return take_states(computed, batches, windows, take)

    def vectors(self) -> list[ParagraphVector]:
        """The mean vector of each paragraph, float32 `[hidden]`."""
        return [
            (total / weight).astype(np.float32)
            for total, weight in zip(self._sums, self._weights, strict=True)
            if total is not None
        ]

    def _add(self, owner: int, window: Encoding, states: NDArray[np.float32]) -> None:
        n_tokens = len(window.ids)
        chosen = np.array(window.types, np.float32)
        if not chosen.any():
            chosen[:] = 1.0
        mean = chosen @ states[:n_tokens].astype(np.float32) / chosen.sum()
        total = self._sums[owner]
        self._sums[owner] = n_tokens * mean if total is None else total + n_tokens * mean
        self._weights[owner] += n_tokens
