"""Vectors of clauses out of the classifier's own pass: the mean of a clause's tokens in its paragraph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from policylens.data.sentences import Span, split_clauses, split_sentences
from policylens.infer.engines.token_states import take_states
from policylens.models.encode import Encoding

# Half precision: 7,000 paragraphs of twelve clauses then take 65 MB, and no digest changes by it.
Vectors = NDArray[np.float16]
_FLOAT16_MAX = 60000.0


def clause_spans(text: str) -> list[Span]:
    """The pieces of a paragraph that get a vector each: its sentences cut at ，；：, concatenating to it."""
    return [
        (start + first, start + last)
        for start, end in split_sentences(text)
        for first, last in split_clauses(text[start:end])
    ]


class ClausePool:
    """Adds up the token vectors of each clause while batches of windows come in, in whatever order.

    Args:
        texts: The paragraphs of a chunk.
        tokenizer: The one that the windows were made with.
    """

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer) -> None:
        """Note which token belongs to which clause."""
        self._spans = [clause_spans(text) for text in texts]
        encoded = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        self._owners = [
            _piece_of_each_token(item.offsets, spans)
            for item, spans in zip(encoded, self._spans, strict=True)
        ]
        self._sums: list[NDArray[np.float32]] = [np.zeros((0, 0), np.float32)] * len(texts)

    def collect(
        self,
        computed: Iterator[Mapping[str, NDArray[np.float32]]],
        batches: Sequence[Sequence[int]],
        windows: Sequence[Sequence[Encoding]],
    ) -> Iterator[Mapping[str, NDArray[np.float32]]]:
        """Takes the token vectors out of each batch and passes the logits on; see `take_states`."""

        def take(owner: int, k: int, states: NDArray[np.float32]) -> None:
            self._add(owner, windows[owner], k, states)

        return take_states(computed, batches, windows, take)

    def vectors(self) -> Iterator[Vectors]:
        """The mean vector of each clause, `[n_pieces, hidden]`, paragraph by paragraph."""
        for owners, spans, sums in zip(self._owners, self._spans, self._sums, strict=True):
            counts = np.bincount(owners, minlength=len(spans)).astype(np.float32)
            means = sums / np.maximum(counts, 1.0)[:, None]
            yield np.clip(means, -_FLOAT16_MAX, _FLOAT16_MAX).astype(np.float16)

    def _add(self, owner: int, windows: Sequence[Encoding], k: int, states: NDArray[np.float32]) -> None:
        owners = self._owners[owner]
        # Windows are consecutive stretches of equal size, see `PairEncoder`; one closing token comes last.
        size = max(1, -(-len(owners) // len(windows)))
        pieces = owners[k * size : (k + 1) * size]
        end = len(windows[k].ids) - 1
        tokens = states[end - len(pieces) : end]
        if not self._sums[owner].size:
            self._sums[owner] = np.zeros((len(self._spans[owner]), states.shape[1]), np.float32)
        np.add.at(self._sums[owner], pieces, tokens)


def _piece_of_each_token(offsets: Sequence[Span], spans: Sequence[Span]) -> NDArray[np.int64]:
    """Number of the clause that each token's first character lies in."""
    ends = np.array([end for _, end in spans])
    starts = np.array([start for start, _ in offsets], dtype=np.int64)
    # A token that starts with the white space before a clause counts to the clause before; no matter.
    return np.minimum(np.searchsorted(ends, starts, side="right"), max(0, len(spans) - 1))
