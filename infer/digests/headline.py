"""One line that says what a theme is about in these documents: a clause of a source, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from policylens.data.records import Citation, CitedSentence, TaggedParagraph
from policylens.infer.digests.phrases import Phrase, standing_phrases
from policylens.infer.digests.terms import Terms, pull

_CHARS = (9, 30)
# What officials put first in a paragraph is what it is about; further clauses count less.
_LATER_SENTENCE = 0.9
_LEAST = 0.5
# Enough to know what a theme is about, taken evenly; more would only take time, parsing clauses most of it.
_MAX_PARAGRAPHS = 150


def find_headline(tagged: Sequence[TaggedParagraph], *, sure: float = 0.5) -> CitedSentence | None:
    """Choose the clause that is closest to what all paragraphs of a theme have in common.

    Args:
        tagged: Body paragraphs of one theme, in reading order.
        sure: Paragraphs with a smaller theme probability give no headline while others can.

    Returns:
        The clause without a mark at its end, and where it stands; None where no clause stands alone.
    """
    chosen = [item for item in tagged if item.theme_score >= sure] or list(tagged)
    chosen = chosen[:: -(-len(chosen) // _MAX_PARAGRAPHS)]
    terms = Terms([item.paragraph.text for item in chosen])
    centre = terms.centre(range(len(chosen)))
    phrases = standing_phrases(chosen, min_chars=_CHARS[0], max_chars=_CHARS[1])

    def worth(phrase: Phrase) -> float:
        place = max(_LEAST, _LATER_SENTENCE**phrase.sentence)
        return pull(phrase.text, centre, {}) * place * chosen[phrase.paragraph].theme_score

    best = max(phrases, key=worth, default=None)
    if best is None:
        return None
    paragraph = chosen[best.paragraph].paragraph
    return CitedSentence(best.text, (Citation(paragraph.doc, paragraph.para),))
