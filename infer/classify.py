"""Paragraphs -> tagged paragraphs: windows, batches of like length, calibrated probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from policylens.data.context import context_of
from policylens.data.records import LabelScore, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Taxonomy
from policylens.infer.backends import Backend, Logits, open_backend
from policylens.models.bundle import Bundle, open_bundle
from policylens.models.encode import Encoding, PairEncoder, load_tokenizer

# Paragraphs held at a time: enough for batches of like length, little enough for constant memory. The first
# chunk is small, so that a reader of the stream does not wait; each next one is twice as large.
FIRST_CHUNK_PARAGRAPHS = 64
CHUNK_PARAGRAPHS = 2048
# Tokens in one batch, padding included: 2,048 stay in the caches. On two AVX2 cores 16.6 paragraphs/s against
# 11.6 at 8,192 (2026-11).
BATCH_TOKENS = 2048
_MAX_ALSO = 2

Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LabelProbabilities:
    """Calibrated probabilities of one paragraph.

    Attributes:
        theme: Of being the primary theme, `[n_themes]`, sums to 1.
        also: Of being a secondary theme, `[n_themes]`.
        stance: `[n_stances]`, sums to 1; empty where the taxonomy has no stances.
    """

    theme: Probabilities
    also: Probabilities
    stance: Probabilities


class Classifier:
    """A loaded model.

    Args:
        bundle: An open model folder.
        backend: Computes its logits.
    """

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        self.bundle = bundle
        self.backend = backend
        self._encoder = PairEncoder(load_tokenizer(bundle.folder), max_tokens=bundle.config.max_tokens)

    @classmethod
    def load(
        cls, model: str | Path | None = None, *, device: str = "auto", backend: str | None = None
    ) -> Classifier:
        """Loads a model folder, the shipped one by default.

        Args:
            model: Folder that `policylens train` wrote.
            device: "auto", "cpu" or "cuda".
            backend: "openvino", "torch", or None for the one that suits the device.

        Raises:
            ModelFileError: The folder is missing, incomplete or inconsistent.
            ConfigError: The device or backend is unknown or not there.
        """
        bundle = open_bundle(model)
        return cls(bundle, open_backend(bundle, device=device, backend=backend))

    @property
    def taxonomy(self) -> Taxonomy:
        """Themes and stances that the model chooses from."""
        return self.bundle.taxonomy

    def classify(
        self, paragraphs: Iterable[Paragraph], *, batch_tokens: int = BATCH_TOKENS, top: int = 3
    ) -> Iterator[TaggedParagraph]:
        """Tags paragraphs in input order, holding at most `CHUNK_PARAGRAPHS` of them at a time.

        Args:
            paragraphs: Any number of them.
            batch_tokens: Most tokens in a batch, padding included; more needs more memory.
            top: How many of the most probable themes each record lists.
        """
        for paragraph, probabilities in self.probabilities(paragraphs, batch_tokens=batch_tokens):
            yield self._tag(paragraph, probabilities, top=top)

    def probabilities(
        self, paragraphs: Iterable[Paragraph], *, batch_tokens: int = BATCH_TOKENS
    ) -> Iterator[tuple[Paragraph, LabelProbabilities]]:
        """Calibrated probabilities of every label, in input order."""
        source, size = iter(paragraphs), FIRST_CHUNK_PARAGRAPHS
        while chunk := list(islice(source, size)):
            size = min(2 * size, CHUNK_PARAGRAPHS)
            logits = self._logits(chunk, batch_tokens=batch_tokens)
            yield from zip(chunk, self._calibrated(logits, len(chunk)), strict=True)

    def _logits(self, chunk: Sequence[Paragraph], *, batch_tokens: int) -> dict[str, Probabilities]:
        context = self.bundle.config.context
        contexts = [
            context_of(
                paragraph,
                title_chars=context.title_chars,
                heading_chars=context.heading_chars,
                prev_chars=context.prev_chars,
            )
            for paragraph in chunk
        ]
        windows = self._encoder.encode(contexts, [paragraph.text for paragraph in chunk])
        flat = [(owner, window) for owner, pieces in enumerate(windows) for window in pieces]
        batches = batches_of_like_length([window for _, window in flat], batch_tokens=batch_tokens)
        computed = self.backend.run([flat[at][1] for at in batch] for batch in batches)
        return _merge_windows(zip(batches, computed, strict=True), flat, n_paragraphs=len(chunk))

    def _calibrated(self, logits: dict[str, Probabilities], n_rows: int) -> Iterator[LabelProbabilities]:
        temperatures = self.bundle.config.temperatures
        theme = softmax(logits["theme"] / temperatures.get("theme", 1.0))
        also = 1 / (1 + np.exp(-logits["also"]))
        stance = np.zeros((n_rows, 0), np.float32)
        if "stance" in logits:
            stance = softmax(logits["stance"] / temperatures.get("stance", 1.0))
        return (LabelProbabilities(*rows) for rows in zip(theme, also, stance, strict=True))

    def _tag(self, paragraph: Paragraph, probabilities: LabelProbabilities, *, top: int) -> TaggedParagraph:
        themes, stances = self.taxonomy.theme_ids, self.taxonomy.stance_ids
        order = np.argsort(-probabilities.theme, kind="stable")
        ranked = [LabelScore(themes[at], float(probabilities.theme[at])) for at in order[:top]]
        best = int(order[0])
        also = [
            themes[at]
            for at in np.argsort(-probabilities.also, kind="stable")[: _MAX_ALSO + 1]
            if at != best and probabilities.also[at] >= self.bundle.config.also_threshold
        ]
        stance = int(probabilities.stance.argmax()) if stances else None
        return TaggedParagraph(
            paragraph=paragraph,
            theme=themes[best],
            theme_score=float(probabilities.theme[best]),
            also=tuple(also[:_MAX_ALSO]),
            stance=stances[stance] if stance is not None else "",
            stance_score=float(probabilities.stance[stance]) if stance is not None else 0.0,
            themes=tuple(ranked),
        )


def batches_of_like_length(windows: Sequence[Encoding], *, batch_tokens: int) -> list[list[int]]:
    """Indices of windows, grouped so that width times height stays within a token budget.

    Long batches come first: memory peaks at once, and the last batches to finish are short.
    """
    order = sorted(range(len(windows)), key=lambda at: -len(windows[at].ids))
    batches: list[list[int]] = []
    width = 0
    for at in order:
        if not batches or (len(batches[-1]) + 1) * width > batch_tokens:
            batches.append([])
            width = len(windows[at].ids)
        batches[-1].append(at)
    return batches


def _merge_windows(
    computed: Iterable[tuple[list[int], Logits]], flat: Sequence[tuple[int, Encoding]], *, n_paragraphs: int
) -> dict[str, Probabilities]:
    """Logits by head `[n_paragraphs, n_labels]`: the mean over a paragraph's windows, weighted by length."""
    weights = np.array([len(window.ids) for _, window in flat], np.float32)
    owners = np.array([owner for owner, _ in flat])
    totals = np.bincount(owners, weights=weights, minlength=n_paragraphs).astype(np.float32)
    merged: dict[str, Probabilities] = {}
    for batch, logits in computed:
        for head, values in logits.items():
            rows = merged.setdefault(head, np.zeros((n_paragraphs, values.shape[1]), np.float32))
            np.add.at(rows, owners[batch], values * weights[batch, None])
    return {head: rows / totals[:, None] for head, rows in merged.items()}


def softmax(logits: Probabilities) -> Probabilities:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Probabilities = shifted / shifted.sum(axis=-1, keepdims=True)
    return result
