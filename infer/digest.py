"""Digests of themes: extracted, shortened by whole clauses, every sentence cited."""

from __future__ import annotations

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
from policylens.infer.digests.candidates import Candidate, read_candidates
from policylens.infer.digests.joining import (
    name_chars,
    print_digest,
    reads_well,
    units_of,
    without_named_meetings,
)
from policylens.infer.digests.salience import Judged, Salience, judge
from policylens.infer.digests.selection import Selection, Source
from policylens.infer.digests.voices import extract_voices
from policylens.infer.figures.extraction import extract_figures


def summarize(
    tagged: Iterable[TaggedParagraph],
    *,
    taxonomy: Taxonomy,
    max_chars: int = 300,
    themes: Sequence[str] | None = None,
    salience: Salience | None = None,
) -> Digest:
    """Digest tagged paragraphs theme by theme.

    Only body paragraphs count; those whose theme was held back are counted, but in no digest. Themes come
    in order of their number of paragraphs, then of the taxonomy.

    Args:
        tagged: Paragraphs of any number of documents, in reading order.
        taxonomy: Themes and stances; themes marked as no policy content get no digest.
        max_chars: Largest length of the digest of one theme, in characters.
        themes: Only these themes, by id, whether or not they are marked as policy content.
        salience: The model's head with the vectors of the paragraphs; see `digest_paragraphs`.

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
        if not item.abstained:
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
            _digest_theme(
                theme, by_theme[theme], voices, taxonomy=taxonomy, max_chars=max_chars, salience=salience
            )
            for theme in wanted
        ),
        documents=len({item.paragraph.doc for item in body}),
        paragraphs=len(body),
        abstained=sum(1 for item in body if item.abstained),
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
    salience: Salience | None,
) -> ThemeDigest:
    places = dict.fromkeys(Citation(item.paragraph.doc, item.paragraph.para) for item in tagged)
    return ThemeDigest(
        theme=theme,
        paragraphs=len(tagged),
        documents=len({item.paragraph.doc for item in tagged}),
        stances=_count_stances(tagged, taxonomy.stance_ids),
        sentences=digest_paragraphs(tagged, max_chars=max_chars, salience=salience),
        figures=extract_figures(tagged),
        voices=tuple(voice for place in places for voice in voices.get(place, ())),
    )


def _count_stances(tagged: Sequence[TaggedParagraph], stance_ids: Sequence[str]) -> Mapping[str, int]:
    counts = Counter(item.stance for item in tagged)
    return MappingProxyType({stance: counts[stance] for stance in stance_ids if counts[stance]})


def digest_paragraphs(
    tagged: Sequence[TaggedParagraph], *, max_chars: int, salience: Salience | None = None
) -> tuple[CitedSentence, ...]:
    """Digest the paragraphs of one theme.

    Args:
        tagged: Body paragraphs in reading order.
        max_chars: Largest length of all sentences together, in characters.
        salience: The model's head with the vectors of paragraphs; those that it has no vectors of do not
            enter the digest. None, or no vectors at all: surface features decide.

    Returns:
        Sentences source by source, each verbatim from the paragraphs that it cites but for clauses left out,
        the name of the source and the marks that join the rest; empty where nothing fits.
    """
    known = salience.known(tagged) if salience is not None else []
    tagged = known or tagged
    candidates = read_candidates(tagged)
    if not candidates:
        return ()
    judged = judge(candidates, tagged, salience if known else None)
    return compose(candidates, tagged, judged, max_chars=max_chars)


def compose(
    candidates: Sequence[Candidate], tagged: Sequence[TaggedParagraph], judged: Judged, *, max_chars: int
) -> tuple[CitedSentence, ...]:
    """Choose clauses and print them.

    Args:
        candidates: All clauses of the theme in reading order.
        tagged: The paragraphs.
        judged: What the clauses are worth.
        max_chars: Largest length of all sentences together, in characters.
    """
    units = units_of(tagged)
    candidates = without_named_meetings(candidates, units)
    sources = [
        Source(item.paragraph.doc, item.stance, unit.key, name_chars(unit))
        for item, unit in zip(tagged, units, strict=True)
    ]
    selection = Selection(
        candidates,
        judged.salience,
        sources,
        max_chars=max_chars,
        reads_well=reads_well,
        vectors=judged.vectors,
    )
    chosen = sorted(selection.grow())
    return print_digest(candidates, chosen, tagged, units)
