"""Optional wording of digests by a generator, under guard: what the guard refuses stays as extracted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from policylens.data.errors import ConfigError
from policylens.data.records import (
    Citation,
    CitedSentence,
    Digest,
    Rewriting,
    TaggedParagraph,
    ThemeDigest,
)
from policylens.infer.rewriting.generators import (
    Generator,
    GeneratorError,
    Request,
    open_generator,
    read_answer,
)
from policylens.infer.rewriting.guard import Guard

logger = logging.getLogger(__name__)

# After so many sentences in a row without an answer the generator is left alone: a hanging server would
# otherwise cost its timeout for every sentence of the report.
MAX_FAILURES_IN_A_ROW = 3
# A rewording that is much longer than its sentence adds something, even if there is room for it.
_MAX_GROWTH = 1.3
_SPARE_CHARS = 8

Texts = Mapping[Citation, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one sentence.

    Attributes:
        text: The rewording, "" where the extract stands.
        reason: Why it stands.
    """

    text: str = ""
    reason: str = ""


class Rewriter:
    """Rewords the sentences of digests, each on its own, and counts what the guard refused.

    A sentence that stands in several digests is reworded once.

    Args:
        generator: Rewords.
        max_chars: Largest length of the digest of one theme, in characters; kept after rewording too.
    """

    def __init__(self, generator: Generator, *, max_chars: int) -> None:
        self._generator = generator
        self._max_chars = max_chars
        self._done: dict[CitedSentence, _Outcome] = {}
        self._failures_in_a_row = 0
        self._given_up = False

    def __call__(self, digest: Digest, tagged: Sequence[TaggedParagraph]) -> Digest:
        """The digest with reworded sentences where they pass the guard.

        Args:
            digest: A digest of these paragraphs.
            tagged: The paragraphs; one that a sentence cites and that is not among them supports nothing.

        Returns:
            The digest with `rewriting` filled. Citations, figures, voices and all else are as before.
        """
        texts: dict[Citation, list[str]] = {}
        for item in tagged:
            place = Citation(item.paragraph.doc, item.paragraph.para)
            texts.setdefault(place, []).append(item.paragraph.text)
        reasons: Counter[str] = Counter()
        themes = tuple(self._theme(theme, texts, reasons) for theme in digest.themes)
        sentences = [sentence for theme in themes for sentence in theme.sentences]
        rewriting = Rewriting(
            self._generator.name,
            sentences=len(sentences),
            reworded=sum(1 for sentence in sentences if sentence.extract),
            kept=MappingProxyType(dict(reasons.most_common())),
        )
        return replace(digest, themes=themes, rewriting=rewriting)

    def _theme(self, theme: ThemeDigest, texts: Texts, reasons: Counter[str]) -> ThemeDigest:
        spare = max(0, self._max_chars - len(theme.text))
        sentences = []
        for sentence in theme.sentences:
            outcome = self._outcome(sentence, texts, spare=spare)
            if outcome.text:
                spare -= len(outcome.text) - len(sentence.text)
                sentence = replace(sentence, text=outcome.text, extract=sentence.text)
            else:
                reasons[outcome.reason] += 1
            sentences.append(sentence)
        return replace(theme, sentences=tuple(sentences))

    def _outcome(self, sentence: CitedSentence, texts: Texts, *, spare: int) -> _Outcome:
        room = len(sentence.text) + spare
        known = self._done.get(sentence)
        if known is None or len(known.text) > room:
            known = self._reword(sentence, texts, room=room)
            self._done[sentence] = known
        return known

    def _reword(self, sentence: CitedSentence, texts: Texts, *, room: int) -> _Outcome:
        if self._given_up:
            return _Outcome(reason="given_up")
        cited = tuple(text for citation in sentence.citations for text in texts.get(citation, ()))
        try:
            answer = self._generator.reword(Request(sentence.text, cited))
        except GeneratorError as error:
            self._note_failure(error)
            return _Outcome(reason=error.failure)
        self._failures_in_a_row = 0
        text = read_answer(answer)
        if text == sentence.text:
            return _Outcome(reason="unchanged")
        limit = min(room, int(_MAX_GROWTH * len(sentence.text)) + _SPARE_CHARS)
        problem = Guard(sentence.text, cited).check(text, max_chars=limit)
        if problem is None:
            return _Outcome(text)
        logger.debug("refused (%s %s): %s", problem.reason, problem.detail, text)
        return _Outcome(reason=problem.reason)

    def _note_failure(self, error: GeneratorError) -> None:
        self._failures_in_a_row += 1
        if error.final or self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
            self._given_up = True
            logger.warning(
                "the generator gives no answer (%s); the other sentences stay as extracted", error.failure
            )


def open_rewriter(
    spec: str | None,
    *,
    base_url: str | None = None,
    timeout_s: float = 30.0,
    device: str = "auto",
    max_chars: int = 300,
) -> Rewriter | None:
    """Open what `--rewrite` names; None where it names nothing. For the rest see `generators.open_generator`.

    Args:
        spec: "hf:MODEL", "openai:MODEL" or None.
        base_url: Address of the server of "openai:MODEL".
        timeout_s: Longest time for one sentence, in seconds.
        device: "auto", "cpu" or "cuda", for a local model.
        max_chars: Largest length of the digest of one theme, in characters.

    Raises:
        ConfigError: The options do not fit together.
        ModelFileError: The local model cannot be loaded.
    """
    if spec is None:
        if base_url is not None:
            raise ConfigError("--base-url is of no use without --rewrite openai:MODEL")
        return None
    generator = open_generator(spec, base_url=base_url, timeout_s=timeout_s, device=device)
    return Rewriter(generator, max_chars=max_chars)
