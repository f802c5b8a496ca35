"""Digest -> JSON; docs/formats.md describes the fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from policylens.data.records import (
    Citation,
    CitedSentence,
    Conflict,
    Digest,
    Figure,
    Measure,
    Rewriting,
    SubTopic,
    ThemeDigest,
    Voice,
)
from policylens.data.taxonomy import Taxonomy
from policylens.infer.digests.compare_sets import Comparison, ThemeChange

Row = dict[str, object]


def render_json(digest: Digest, *, taxonomy: Taxonomy, comparison: Comparison | None = None) -> str:
    """Render a digest as JSON, indented by two, Chinese as it is.

    Args:
        digest: The digest.
        taxonomy: The taxonomy that its theme and stance ids belong to.
        comparison: Two sets side by side, written beside the digest of both together.

    Raises:
        TaxonomyError: The digest has a theme that is not in the taxonomy.
    """
    report = digest_as_json(digest, taxonomy=taxonomy)
    if comparison is not None:
        report["comparison"] = comparison_as_json(comparison, taxonomy=taxonomy)
    return json.dumps(report, ensure_ascii=False, indent=2) + "\n"


def digest_as_json(digest: Digest, *, taxonomy: Taxonomy) -> Row:
    """A digest as plain lists and mappings."""
    return {
        "themes": [theme_as_json(theme, taxonomy=taxonomy) for theme in digest.themes],
        "conflicts": [conflict_as_json(conflict) for conflict in digest.conflicts],
        **({"abstained": digest.abstained} if digest.abstained else {}),
        **_rewriting(digest.rewriting),
    }


def theme_as_json(theme: ThemeDigest, *, taxonomy: Taxonomy) -> Row:
    """The digest of a theme as plain lists and mappings."""
    return {
        "theme": theme.theme,
        "theme_name": taxonomy.theme(theme.theme).name_zh or theme.theme,
        "paragraphs": theme.paragraphs,
        "documents": theme.documents,
        "stances": dict(theme.stances),
        "headline": sentence_as_json(theme.headline) if theme.headline else None,
        "digest": theme.text,
        "sentences": [sentence_as_json(sentence) for sentence in theme.sentences],
        "subtopics": [_subtopic(topic) for topic in theme.subtopics],
        "figures": [figure_as_json(figure) for figure in theme.figures],
        "measures": [_measure(measure) for measure in theme.measures],
        "voices": [_voice(voice) for voice in theme.voices],
        "differences": [
            {"doc": one.doc, "measures": list(one.measures), "subtopics": list(one.subtopics)}
            for one in theme.differences
        ],
    }


def sentence_as_json(sentence: CitedSentence) -> Row:
    """A sentence with `doc` and `para` of its first source, and all of them where it has several."""
    extract = {"extract": sentence.extract} if sentence.extract else {}
    return {"text": sentence.text, **_places(sentence.citations), **extract}


def figure_as_json(figure: Figure) -> Row:
    """A figure with its number as one that can be computed with."""
    amount = figure.amount
    return {
        "value": figure.value,
        "unit": figure.unit,
        "shown": figure.shown,
        "measure": figure.measure,
        "text": figure.text,
        **_places(figure.citations),
        "period": figure.period,
        "subject": figure.subject,
        "change": figure.change,
        "amount": None
        if amount is None
        else {
            "low": amount.low,
            "high": amount.high,
            "unit": amount.unit,
            "approximate": amount.approximate,
        },
    }


def conflict_as_json(conflict: Conflict) -> Row:
    """A contradiction with the figures of both sides."""
    figures = [figure_as_json(figure) for figure in conflict.figures]
    return {"subject": conflict.subject, "period": conflict.period, "figures": figures}


def comparison_as_json(comparison: Comparison, *, taxonomy: Taxonomy) -> Row:
    """Two sets side by side; `before` and `after` are digests as this format has them."""
    return {
        "names": list(comparison.names),
        "themes": [_change(change) for change in comparison.themes],
        "before": digest_as_json(comparison.before, taxonomy=taxonomy),
        "after": digest_as_json(comparison.after, taxonomy=taxonomy),
    }


def _change(change: ThemeChange) -> Row:
    return {
        "theme": change.theme,
        "trend": change.trend,
        "share_before": round(change.share_before, 4),
        "share_after": round(change.share_after, 4),
        "stances": {stance: round(by, 4) for stance, by in change.stances.items()},
        "new_measures": _names(change.new_measures),
        "gone_measures": _names(change.gone_measures),
        "kept_measures": _names(change.kept_measures),
        "figures": [
            {"before": figure_as_json(pair.before), "after": figure_as_json(pair.after)}
            for pair in change.figures
        ],
    }


def _names(measures: Iterable[Measure]) -> list[str]:
    return [measure.name for measure in measures]


def _rewriting(rewriting: Rewriting | None) -> Row:
    if rewriting is None:
        return {}
    counts = {"sentences": rewriting.sentences, "reworded": rewriting.reworded, "kept": dict(rewriting.kept)}
    return {"rewriting": {"generator": rewriting.generator, **counts}}


def _subtopic(topic: SubTopic) -> Row:
    return {"label": topic.label, "paragraphs": [_place(citation) for citation in topic.citations]}


def _measure(measure: Measure) -> Row:
    return {"name": measure.name, "kind": measure.kind, **_places(measure.citations)}


def _voice(voice: Voice) -> Row:
    return {
        "speaker": voice.speaker,
        "affiliation": voice.affiliation,
        "quote": voice.quote,
        **_place(voice.citation),
        "organisation": voice.organisation,
        "role": voice.role,
        "stance": voice.stance,
        "short": voice.short,
    }


def _places(citations: tuple[Citation, ...]) -> Mapping[str, object]:
    row = _place(citations[0])
    if len(citations) > 1:
        row["citations"] = [_place(citation) for citation in citations]
    return row


def _place(citation: Citation) -> Row:
    return {"doc": citation.doc, "para": citation.para}
