"""Digests of themes: extracted, shortened by whole clauses, every sentence cited."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from policylens.data.errors import ConfigError
from policylens.data.records import (
    Citation,
    CitedSentence,
    Digest,
    TaggedParagraph,
    ThemeDigest,
    Voice,
)
from policylens.data.taxonomy import Taxonomy
from policylens.infer.candidates import Candidate, read_candidates
from policylens.infer.clauses import Kind
from policylens.infer.figures import extract_figures
from policylens.infer.repair import is_well_formed, leans_back
from policylens.infer.scoring import Frequencies, score_clauses
from policylens.infer.selection import Selection, Source
from policylens.infer.voices import extract_voices

_MAX_JOINED_CHARS = 90
_SEMICOLONS = ("；", ";")


def summarize(
    tagged: Iterable[TaggedParagraph],
    *,
    taxonomy: Taxonomy,
    max_chars: int = 300,
    themes: Sequence[str] | None = None,
) -> Digest:
    """Digest tagged paragraphs theme by theme.

    Only body paragraphs count. Themes come in order of their number of paragraphs, then of the taxonomy.

    Args:
        tagged: Paragraphs of any number of documents, in reading order.
        taxonomy: Themes and stances; themes marked as no policy content get no digest.
        max_chars: Largest length of the digest of one theme, in characters.
        themes: Only these themes, by id, whether or not they are marked as policy content.

    Returns:
        The digests. A theme of which nothing fits `max_chars` has no sentences.

    Raises:
        ConfigError: `max_chars` is below 1.
        TaxonomyError: `themes` names, or a paragraph has, a theme that the taxonomy lacks.
    """
    if max_chars < 1:
        raise ConfigError(f"max_chars: {max_chars} characters hold no digest; give at least 1, usually 300")
    body = [item for item in tagged if item.paragraph.kind == "body"]
    by_theme: dict[str, list[TaggedParagraph]] = defaultdict(list)
    for item in body:
        by_theme[item.theme].append(item)
    for theme in (*by_theme, *(themes or ())):
        taxonomy.theme(theme)
    wanted = [t for t in by_theme if (t in themes if themes is not None else taxonomy.theme(t).digest)]
    # Over all themes at once: a name given in full in one paragraph is short in the next.
    voices = _voices_by_place(body)
    order = {theme: i for i, theme in enumerate(taxonomy.theme_ids)}
    wanted.sort(key=lambda theme: (-len(by_theme[theme]), order[theme]))
    return Digest(
        themes=tuple(
            _digest_theme(theme, by_theme[theme], voices, taxonomy=taxonomy, max_chars=max_chars)
            for theme in wanted
        ),
        documents=len({item.paragraph.doc for item in body}),
        paragraphs=len(body),
    )


def _voices_by_place(tagged: Sequence[TaggedParagraph]) -> Mapping[Citation, Sequence[Voice]]:
    found: dict[Citation, list[Voice]] = defaultdict(list)
    for voice in extract_voices(tagged):
        found[voice.citation].append(voice)
    return found


def _digest_theme(
    theme: str,
    tagged: Sequence[TaggedParagraph],
    voices: Mapping[Citation, Sequence[Voice]],
    *,
    taxonomy: Taxonomy,
    max_chars: int,
) -> ThemeDigest:
    places = dict.fromkeys(Citation(item.paragraph.doc, item.paragraph.para) for item in tagged)
    return ThemeDigest(
        theme=theme,
        paragraphs=len(tagged),
        documents=len({item.paragraph.doc for item in tagged}),
        stances=_count_stances(tagged, taxonomy.stance_ids),
        sentences=digest_paragraphs(tagged, max_chars=max_chars),
        figures=extract_figures(tagged),
        voices=tuple(voice for place in places for voice in voices.get(place, ())),
    )


def _count_stances(tagged: Sequence[TaggedParagraph], stance_ids: Sequence[str]) -> Mapping[str, int]:
    counts = Counter(item.stance for item in tagged)
    return MappingProxyType({stance: counts[stance] for stance in stance_ids if counts[stance]})


def digest_paragraphs(tagged: Sequence[TaggedParagraph], *, max_chars: int) -> tuple[CitedSentence, ...]:
    """Digest the paragraphs of one theme.

    Args:
        tagged: Body paragraphs in reading order.
        max_chars: Largest length of all sentences together, in characters.

    Returns:
        Sentences in reading order, each verbatim from the paragraph it cites but for clauses left out and
        the marks that join the rest; empty where nothing fits.
    """
    candidates = read_candidates(tagged)
    if not candidates:
        return ()
    scores = score_clauses(
        [candidate.clause.text for candidate in candidates],
        [candidate.place for candidate in candidates],
        Frequencies([item.paragraph.text for item in tagged]),
    )
    sources = [Source(item.paragraph.doc, item.stance) for item in tagged]
    selection = Selection(candidates, scores, sources, max_chars=max_chars, reads_well=_reads_well)
    return _print(candidates, sorted(selection.grow()), tagged)


def _reads_well(clauses: Sequence[Candidate]) -> bool:
    text = print_sentence(clauses)
    # A sentence that leans as a whole brings the one before it along; one that begins later must not lean.
    return is_well_formed(text) and (clauses[0].number == 0 or not leans_back(text))


def _print(
    candidates: Sequence[Candidate], chosen: Sequence[int], tagged: Sequence[TaggedParagraph]
) -> tuple[CitedSentence, ...]:
    by_sentence: dict[tuple[int, int], list[Candidate]] = defaultdict(list)
    for i in chosen:
        by_sentence[candidates[i].paragraph, candidates[i].sentence].append(candidates[i])
    printed: list[CitedSentence] = []
    for (number, _), clauses in by_sentence.items():
        paragraph = tagged[number].paragraph
        sentence = CitedSentence(print_sentence(clauses), (Citation(paragraph.doc, paragraph.para),))
        if printed and _joins(printed[-1], sentence):
            sentence = CitedSentence(printed.pop().text[:-1] + "；" + sentence.text, sentence.citations)
        printed.append(sentence)
    return tuple(printed)


def _joins(before: CitedSentence, after: CitedSentence) -> bool:
    """Whether two short sentences of one paragraph read better as one, as analysts write them: …；…."""
    text = before.text + after.text
    return (
        before.citations == after.citations
        and len(text) <= _MAX_JOINED_CHARS
        and before.text.endswith("。")
        and before.text[:2] != after.text[:2]
        and not any(mark in text for mark in "：！？“")
        and not leans_back(before.text)
        and not leans_back(after.text)
    )


def print_sentence(clauses: Sequence[Candidate]) -> str:
    """Join the chosen clauses of one sentence with their own marks, or ，and ；where some were left out."""
    text = ""
    for clause, after in itertools.pairwise(clauses):
        mark = clause.clause.mark or "，"
        if after.number > clause.number + 1 and clause.clause.kind is not Kind.SAYS:
            mark = "；" if mark in _SEMICOLONS else "，"
        text += clause.clause.text + mark
    last = clauses[-1].clause
    if last.text.endswith(("。”", "！”", "。’", "！’", "。」", "。』")):
        return text + last.text
    return text + last.text + ("！" if last.mark.startswith(("！", "!")) else "。")
