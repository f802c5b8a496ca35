"""Paragraphs -> tagged paragraphs: windows, batches of like length, calibrated probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from policylens.data.context import context_of
from policylens.data.errors import ModelFileError
from policylens.data.records import LabelScore, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Taxonomy
from policylens.infer.abstention import abstention_for
from policylens.infer.engines.backends import Backend, Logits, open_backend
from policylens.infer.engines.clause_vectors import ClausePool, Vectors
from policylens.infer.engines.paragraph_vectors import ParagraphPool, ParagraphVector
from policylens.infer.texts import as_paragraphs
from policylens.models.bundle import Bundle, open_bundle
from policylens.models.encode import Encoding, PairEncoder
from policylens.models.openvino_graph import STATES

# Paragraphs held at a time: enough for batches of like length, little enough for constant memory. The first
# chunk is small, so that a reader of the stream does not wait; each next one is twice as large.
FIRST_CHUNK_PARAGRAPHS = 64
CHUNK_PARAGRAPHS = 2048
# Tokens in one batch, padding included: 512 stay in the cache of a core. Beside 2,048 they save 5 to 12 % of
# the processor time on AVX2 (2026-11), by runtime.
BATCH_TOKENS = 512
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
        min_precision: Share of the labels given out that shall be right, between 0.5 and 1; labels that are
            too uncertain for it are held back. None gives a theme and a stance to every paragraph.

    Raises:
        ConfigError: `min_precision` is out of range, or the folder does not know how to keep it.
    """

    def __init__(self, bundle: Bundle, backend: Backend, *, min_precision: float | None = None) -> None:
        self.bundle = bundle
        self.abstention = None if min_precision is None else abstention_for(bundle, min_precision)
        self.backend = backend
        # A runtime computes for one thread at a time; others tokenise and score meanwhile.
        self._computing = Lock()
        self._encoder = PairEncoder(bundle.load_tokenizer(), max_tokens=bundle.config.max_tokens)

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        *,
        device: str = "auto",
        backend: str | None = None,
        vectors: bool = False,
        min_precision: float | None = None,
    ) -> Classifier:
        """Loads a model folder, the shipped one by default.

        Args:
            model: Folder that `policylens train` wrote.
            device: "auto", "cpu" or "cuda".
            backend: "openvino", "torch", or None for the one that suits the device.
            vectors: Whether `classify_with_vectors` will be called.
            min_precision: See the class.

        Raises:
            ModelFileError: The folder is missing, incomplete or inconsistent.
            ConfigError: The device or backend is unknown or not there, or `min_precision` cannot be kept.
        """
        bundle = open_bundle(model)
        opened = open_backend(bundle, device=device, backend=backend, states=vectors)
        return cls(bundle, opened, min_precision=min_precision)

    @property
    def taxonomy(self) -> Taxonomy:
        """Themes and stances that the model chooses from."""
        return self.bundle.taxonomy

    def classify(
        self, paragraphs: Iterable[Paragraph | str], *, batch_tokens: int | None = None, top: int = 3
    ) -> Iterator[TaggedParagraph]:
        """Tags paragraphs in input order, holding at most `CHUNK_PARAGRAPHS` of them at a time.

        Several threads may call it at once.

        Args:
            paragraphs: Any number of them, or plain texts without title and context.
            batch_tokens: Most tokens in a batch, padding included; more needs more memory. None takes what
                suits the runtime: see `BATCH_TOKENS`, and `TorchBackend.batch_tokens` for GPUs.
            top: How many of the most probable themes each record lists.

        Raises:
            TypeError: `paragraphs` is a single string, or one of them is neither paragraph nor string.
        """
        found = self.probabilities(as_paragraphs(paragraphs), batch_tokens=batch_tokens)
        for paragraph, probabilities in found:
            yield self._tag(paragraph, probabilities, top=top)

    def classify_with_vectors(
        self, paragraphs: Iterable[Paragraph], *, batch_tokens: int | None = None, top: int = 3
    ) -> Iterator[tuple[TaggedParagraph, Vectors]]:
        """Tags paragraphs as `classify` does and gives the clause vectors of the same pass.

        The classifier must have been loaded with `vectors`.

        Args:
            paragraphs: Any number of them.
            batch_tokens: Most tokens in a batch, padding included.
            top: How many of the most probable themes each record lists.

        Yields:
            Each paragraph's tags and its vectors, float16 `[n_pieces, hidden]`, one row for each span of
            `clause_vectors.clause_spans`.
        """
        for chunk in _growing_chunks(paragraphs):
            pool = ClausePool([paragraph.text for paragraph in chunk], self._encoder.tokenizer)
            logits = self._logits(self._windows(chunk), batch_tokens=batch_tokens, pool=pool)
            rows = zip(chunk, self._calibrated(logits, len(chunk)), pool.vectors(), strict=True)
            for paragraph, probabilities, vectors in rows:
                yield self._tag(paragraph, probabilities, top=top), vectors

    def embed(
        self, paragraphs: Iterable[Paragraph], *, batch_tokens: int | None = None
    ) -> Iterator[tuple[Paragraph, LabelProbabilities, ParagraphVector]]:
        """Each paragraph, its calibrated probabilities and the vector that the heads read, in input order.

        The classifier must have been loaded with `vectors`.

        Args:
            paragraphs: Any number of them.
            batch_tokens: Most tokens in a batch, padding included.

        Yields:
            Vectors are float32 `[hidden]`.
        """
        for chunk in _growing_chunks(paragraphs):
            pool = ParagraphPool(len(chunk))
            logits = self._logits(self._windows(chunk), batch_tokens=batch_tokens, pool=pool)
            yield from zip(chunk, self._calibrated(logits, len(chunk)), pool.vectors(), strict=True)

    def probabilities(
        self, paragraphs: Iterable[Paragraph], *, batch_tokens: int | None = None
    ) -> Iterator[tuple[Paragraph, LabelProbabilities]]:
        """Calibrated probabilities of every label, in input order."""
        for chunk, windows in self._encoded_chunks(paragraphs):
            logits = self._logits(windows, batch_tokens=batch_tokens)
            yield from zip(chunk, self._calibrated(logits, len(chunk)), strict=True)

    def _encoded_chunks(
        self, paragraphs: Iterable[Paragraph]
    ) -> Iterator[tuple[list[Paragraph], list[list[Encoding]]]]:
        """Chunks with their windows; of a list, the next chunk is tokenised while this one is computed.

        A stream is not read ahead: its next paragraph may be a long time coming.
        """
        chunks = _growing_chunks(paragraphs)
        if not isinstance(paragraphs, list):
            for chunk in chunks:
                yield chunk, self._windows(chunk)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="tokenise") as ahead:
            waiting: tuple[list[Paragraph], Future[list[list[Encoding]]]] | None = None
            for chunk in chunks:
                before, waiting = waiting, (chunk, ahead.submit(self._windows, chunk))
                if before is not None:
                    yield before[0], before[1].result()
            if waiting is not None:
                yield waiting[0], waiting[1].result()

    def _windows(self, chunk: Sequence[Paragraph]) -> list[list[Encoding]]:
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
        return self._encoder.encode(contexts, [paragraph.text for paragraph in chunk])

    def _logits(
        self,
        windows: Sequence[Sequence[Encoding]],
        *,
        batch_tokens: int | None,
        pool: ClausePool | ParagraphPool | None = None,
    ) -> dict[str, Probabilities]:
        flat = [(owner, window) for owner, pieces in enumerate(windows) for window in pieces]
        size = batch_tokens or getattr(self.backend, "batch_tokens", None) or BATCH_TOKENS
        batches = batches_of_like_length([window for _, window in flat], batch_tokens=size)
        with self._computing:
            computed = self.backend.run([flat[at][1] for at in batch] for batch in batches)
            if pool is not None:
                computed = pool.collect(computed, batches, windows)
            return _merge_windows(zip(batches, computed, strict=True), flat, n_paragraphs=len(windows))

    def _calibrated(self, logits: dict[str, Probabilities], n_rows: int) -> Iterator[LabelProbabilities]:
        # Damaged weights give NaN for every text, which argmax would take for the first label.
        if broken := [head for head, values in logits.items() if not np.isfinite(values).all()]:
            raise ModelFileError(
                f"the weights in {self.bundle.folder} are damaged: the heads {', '.join(broken)} give no "
                "numbers; copy the folder again, or train again"
            )
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
        also = secondary_themes(probabilities, threshold=self.bundle.config.also_threshold)
        stance = int(probabilities.stance.argmax()) if stances else None
        tagged = TaggedParagraph(
            paragraph=paragraph,
            theme=themes[best],
            theme_score=float(probabilities.theme[best]),
            also=tuple(themes[at] for at in also),
            stance=stances[stance] if stance is not None else "",
            stance_score=float(probabilities.stance[stance]) if stance is not None else 0.0,
            themes=tuple(ranked),
            parents=self._parents(probabilities.theme, top=top),
        )
        return self.abstention.hold_back(tagged) if self.abstention else tagged

    def _parents(self, theme: Probabilities, *, top: int) -> tuple[LabelScore, ...]:
        """A parent is as probable as the themes at or under it together."""
        found = [
            LabelScore(parent, float(theme[list(places)].sum()))
            for parent, places in self.taxonomy.parents.items()
        ]
        return tuple(sorted(found, key=lambda item: -item.score)[:top])


def secondary_themes(probabilities: LabelProbabilities, *, threshold: float) -> list[int]:
    """Indices of the secondary themes that are reported: at most two, the most probable first."""
    best = int(probabilities.theme.argmax())
    found = [
        int(at)
        for at in np.argsort(-probabilities.also, kind="stable")[: _MAX_ALSO + 1]
        if at != best and probabilities.also[at] >= threshold
    ]
    return found[:_MAX_ALSO]


def _growing_chunks(paragraphs: Iterable[Paragraph]) -> Iterator[list[Paragraph]]:
    source, size = iter(paragraphs), FIRST_CHUNK_PARAGRAPHS
    while chunk := list(islice(source, size)):
        size = min(2 * size, CHUNK_PARAGRAPHS)
        yield chunk


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
            if head == STATES:
                continue
            rows = merged.setdefault(head, np.zeros((n_paragraphs, values.shape[1]), np.float32))
            np.add.at(rows, owners[batch], values * weights[batch, None])
    return {head: rows / totals[:, None] for head, rows in merged.items()}


def softmax(logits: Probabilities) -> Probabilities:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Probabilities = shifted / shifted.sum(axis=-1, keepdims=True)
    return result
