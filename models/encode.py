"""Text pairs -> token ids, alike for training, torch inference and the compiled runtime. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import Unigram

from policylens.data.errors import ModelFileError

TOKENIZER_FILE = "tokenizer.json"
# The paragraph keeps at least half of a narrow window, however long its context is.
_MAX_CONTEXT_SHARE = 0.5
_TAIL_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Encoding:
    """One window of a paragraph with its context.

    Attributes:
        ids: Token ids.
        types: 1 for the paragraph's tokens where there is a context, else 0; as long as `ids`.
    """

    ids: list[int]
    types: list[int]


def load_tokenizer(
    folder: Path, *, n_embeddings: int | None = None, max_tokens: int | None = None
) -> Tokenizer:
    """Reads `tokenizer.json`.

    Args:
        folder: Where it is.
        n_embeddings: How many tokens the encoder knows, where that is to be checked.
        max_tokens: Window into which two texts with their special tokens have to fit, likewise.

    Raises:
        ModelFileError: It is missing or broken, or does not fit the encoder.
    """
    path = folder / TOKENIZER_FILE
    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        special = tokenizer.encode("", "").ids
        last = max((_last_id(tokenizer), *special))
    except BaseException as error:
        # tokenizers raises bare Exception, and where its Rust code panics not even that.
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise ModelFileError(f"{path} cannot be loaded: {str(error)[:300]}; copy the folder again") from error
    if n_embeddings is not None and last >= n_embeddings:
        raise ModelFileError(
            f"{path} has tokens up to number {last:,}, the encoder knows {n_embeddings:,}; take all files "
            "of the folder from one training run"
        )
    if max_tokens is not None and 2 * len(special) >= max_tokens:
        raise ModelFileError(
            f"{path} puts {len(special)} special tokens around two texts, which leaves no room for them in "
            f"a window of {max_tokens}"
        )
    return tokenizer


def _last_id(tokenizer: Tokenizer) -> int:
    """The largest id that a text can get."""
    added = tokenizer.get_added_tokens_decoder()
    if isinstance(tokenizer.model, Unigram):
        # Numbered without gaps; to list them all would take a tenth of a second.
        return max(tokenizer.get_vocab_size(with_added_tokens=False) - 1, *added, 0)
    return max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0)


class PairEncoder:
    """Cuts paragraphs into windows and puts their context before each.

    Args:
        tokenizer: A tokenizer whose template makes `<s> A </s>` of one text and `<s> A </s> B </s>` (or the
            model's own form) of two.
        max_tokens: Window in tokens, special tokens included.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int) -> None:
        """Note the special tokens of the template."""
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        # The template's special tokens around two empty texts: one before, one after, the rest between.
        special = tokenizer.encode("", "").ids
        self._first, self._between, self._last = special[:1], special[1:-1], special[-1:]

    def encode(self, contexts: Sequence[str], texts: Sequence[str]) -> list[list[Encoding]]:
        """Windows of each paragraph, at least one, covering all its tokens.

        Args:
            contexts: First text of each pair, "" for none.
            texts: The paragraphs.
        """
        plain = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        context = self.tokenizer.encode_batch_fast(list(contexts), add_special_tokens=False)
        return [self._windows(a.ids, b.ids) for a, b in zip(context, plain, strict=True)]

    def encode_shortened(self, context: str, text: str) -> Encoding:
        """One window; of a paragraph that does not fit, its head and its tail, where most demands stand.

        Source: Sun et al., "How to Fine-Tune BERT for Text Classification?", 2019, section 5.3.1.
        """
        paragraph = self.tokenizer.encode(text, add_special_tokens=False).ids
        context_ids = self.tokenizer.encode(context, add_special_tokens=False).ids
        before = self._before(context_ids)
        width = self.max_tokens - len(before) - len(self._last)
        if len(paragraph) > width:
            n_tail = int(width * _TAIL_SHARE)
            paragraph = paragraph[: width - n_tail] + paragraph[len(paragraph) - n_tail :]
        return self._assemble(before, paragraph, paired=bool(context_ids))

    def _windows(self, context: list[int], paragraph: list[int]) -> list[Encoding]:
        before = self._before(context)
        width = self.max_tokens - len(before) - len(self._last)
        n_windows = max(1, -(-len(paragraph) // width))
        # Windows of equal size: a last window of three tokens would have no meaning of its own.
        size = max(1, -(-len(paragraph) // n_windows))
        starts = range(0, max(1, len(paragraph)), size)
        return [self._assemble(before, paragraph[at : at + size], paired=bool(context)) for at in starts]

    def _before(self, context: list[int]) -> list[int]:
        if not context:
            return self._first
        room = int(self.max_tokens * _MAX_CONTEXT_SHARE) - len(self._first) - len(self._between)
        return [*self._first, *context[: max(0, room)], *self._between]

    def _assemble(self, before: list[int], piece: list[int], *, paired: bool) -> Encoding:
        after = [*piece, *self._last]
        return Encoding(ids=[*before, *after], types=[0] * len(before) + [int(paired)] * len(after))
