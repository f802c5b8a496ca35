"""What stands around the text of a digest: headlines, sub-topics, measures, differences, contradictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from policylens.data.records import (
    Citation,
    Difference,
    Digest,
    Measure,
    SubTopic,
    TaggedParagraph,
    ThemeDigest,
)
from policylens.infer.digests.headline import find_headline
from policylens.infer.digests.measures import find_measures
from policylens.infer.digests.subtopics import find_subtopics
from policylens.infer.figures.conflicts import find_conflicts


def add_structure(digest: Digest, tagged: Iterable[TaggedParagraph]) -> Digest:
    """Give each theme of a digest its headline, sub-topics, measures and differences.

    Args:
        digest: The digest of these paragraphs.
        tagged: The paragraphs, in reading order.

    Returns:
        The same digest with these fields filled, and with the figures on which its documents contradict
        each other.
    """
    body = [item for item in tagged if item.paragraph.kind == "body"]
    by_theme: dict[str, list[TaggedParagraph]] = defaultdict(list)
    for item in body:
        by_theme[item.theme].append(item)
    themes = tuple(_structured(theme, by_theme[theme.theme]) for theme in digest.themes)
    figures = (figure for theme in themes for figure in theme.figures)
    conflicts = find_conflicts(figures, (item.paragraph for item in body))
    return replace(digest, themes=themes, conflicts=conflicts)


def _structured(theme: ThemeDigest, tagged: Sequence[TaggedParagraph]) -> ThemeDigest:
    if not tagged:
        return theme
    subtopics, measures = find_subtopics(tagged), find_measures(tagged)
    return replace(
        theme,
        headline=find_headline(tagged),
        subtopics=subtopics,
        measures=measures,
        differences=find_differences(tagged, measures, subtopics),
    )


def find_differences(
    tagged: Sequence[TaggedParagraph], measures: Sequence[Measure], subtopics: Sequence[SubTopic]
) -> tuple[Difference, ...]:
    """Find what only one document of a theme has.

    Args:
        tagged: Body paragraphs of one theme, in reading order.
        measures: Its measures.
        subtopics: Its sub-topics.

    Returns:
        One entry per document that has something of its own, in reading order; empty for one document.
    """
    docs = list(dict.fromkeys(item.paragraph.doc for item in tagged))
    if len(docs) < 2:
        return ()
    own_measures, own_topics = defaultdict(list), defaultdict(list)
    for measure in measures:
        if doc := _only_doc(measure.citations):
            own_measures[doc].append(measure.name)
    for topic in subtopics:
        if doc := _only_doc(topic.citations):
            own_topics[doc].append(topic.label)
    found = (Difference(doc, tuple(own_measures[doc]), tuple(own_topics[doc])) for doc in docs)
    return tuple(one for one in found if one.measures or one.subtopics)


def _only_doc(citations: Sequence[Citation]) -> str:
    """The document of all the places, "" where there are several."""
    docs = {citation.doc for citation in citations}
    return docs.pop() if len(docs) == 1 else ""
