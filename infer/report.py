"""Digest -> Markdown, HTML or JSON. Every sentence, figure and voice carries its source."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files

from policylens.data.records import Citation, CitedSentence, Digest, Figure, ThemeDigest, Voice
from policylens.data.taxonomy import Taxonomy

_TITLE = "政策内容摘要"
_NOTHING = "没有可以汇总的内容。"
# Everything that CommonMark or GitHub Markdown may read as markup inside a line; "&" and "<" become entities
# first, since a backslash does not hold back raw HTML in every renderer.
# An underscore inside a word is text (doc names such as plan_2025).
_INLINE_MARKUP = re.compile(r"([\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_]))")
_BLOCK_MARKUP = re.compile(r"^(?:[#=]|[+-](?!\d)|\d{1,9}(?=[.)](?:\s|$)))")


def render_json(digest: Digest, *, taxonomy: Taxonomy) -> str:
    """Render a digest as JSON, indented by two, Chinese as it is.

    Args:
        digest: The digest.
        taxonomy: The taxonomy that its theme and stance ids belong to.

    Returns:
        `{"themes": [{"theme", "theme_name", "paragraphs", "documents", "stances", "digest", "sentences",
        "figures", "voices"}]}`. A sentence has `doc` and `para` of its first source, and the list
        `citations` where it has several.

    Raises:
        TaxonomyError: The digest has a theme that is not in the taxonomy.
    """
    themes = [_theme_as_json(theme, taxonomy=taxonomy) for theme in digest.themes]
    return json.dumps({"themes": themes}, ensure_ascii=False, indent=2) + "\n"


def render_markdown(digest: Digest, *, taxonomy: Taxonomy) -> str:
    """Render a digest as Markdown (CommonMark with GitHub tables).

    Args:
        digest: The digest.
        taxonomy: The taxonomy that its theme and stance ids belong to.

    Returns:
        The text, with markup in the sources escaped.

    Raises:
        TaxonomyError: The digest has a theme or stance that is not in the taxonomy.
    """
    lines = [f"# {_TITLE}", "", _overview(digest)]
    for theme in digest.themes:
        lines += ["", *_theme_as_markdown(theme, taxonomy=taxonomy)]
    return "\n".join(lines) + "\n"


def render_html(digest: Digest, *, taxonomy: Taxonomy) -> str:
    """Render a digest as one HTML page that needs no network and no script.

    Args:
        digest: The digest.
        taxonomy: The taxonomy that its theme and stance ids belong to.

    Returns:
        The page, with all text from the sources escaped.

    Raises:
        TaxonomyError: The digest has a theme that is not in the taxonomy.
    """
    # Imported here: the JSON and Markdown ways need no template engine.
    from jinja2 import Environment, StrictUndefined

    source = files("policylens.infer").joinpath("templates/report.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["source"] = _source
    stances = [(stance.id, stance.name_zh or stance.id) for stance in taxonomy.stances]
    themes = [(_name(theme.theme, taxonomy=taxonomy), theme) for theme in digest.themes]
    page = environment.from_string(source).render(
        title=_TITLE,
        overview=_overview(digest),
        stances=stances,
        stance_index=taxonomy.stance_ids.index,
        themes=themes,
        total=sum(theme.paragraphs for theme in digest.themes),
        totals={
            stance: sum(theme.stances.get(stance, 0) for theme in digest.themes) for stance, _ in stances
        },
    )
    return page + "\n"


def _name(theme_id: str, *, taxonomy: Taxonomy) -> str:
    return taxonomy.theme(theme_id).name_zh or theme_id


def _overview(digest: Digest) -> str:
    if not digest.themes:
        return _NOTHING
    return f"{digest.documents} 份文件，{digest.paragraphs} 个段落，{len(digest.themes)} 个主题。"


def _source(citations: Citation | Iterable[Citation]) -> str:
    """Render places as "doc ¶3", or "doc ¶3、¶5；other ¶2" for several paragraphs."""
    several = (citations,) if isinstance(citations, Citation) else citations
    paragraphs: dict[str, list[str]] = {}
    for citation in several:
        paragraphs.setdefault(citation.doc, []).append(f"¶{citation.para}")
    return "；".join(f"{doc} {'、'.join(marks)}" for doc, marks in paragraphs.items())


def _theme_as_json(theme: ThemeDigest, *, taxonomy: Taxonomy) -> dict[str, object]:
    return {
        "theme": theme.theme,
        "theme_name": _name(theme.theme, taxonomy=taxonomy),
        "paragraphs": theme.paragraphs,
        "documents": theme.documents,
        "stances": dict(theme.stances),
        "digest": theme.text,
        "sentences": [_sentence_as_json(sentence) for sentence in theme.sentences],
        "figures": [
            {"value": f.value, "unit": f.unit, "measure": f.measure, "text": f.text, **_place(f.citation)}
            for f in theme.figures
        ],
        "voices": [
            {"speaker": v.speaker, "affiliation": v.affiliation, "quote": v.quote, **_place(v.citation)}
            for v in theme.voices
        ],
    }


def _sentence_as_json(sentence: CitedSentence) -> Mapping[str, object]:
    row: dict[str, object] = {"text": sentence.text, **_place(sentence.citations[0])}
    if len(sentence.citations) > 1:
        row["citations"] = [_place(citation) for citation in sentence.citations]
    return row


def _place(citation: Citation) -> dict[str, object]:
    return {"doc": citation.doc, "para": citation.para}


def _theme_as_markdown(theme: ThemeDigest, *, taxonomy: Taxonomy) -> list[str]:
    name = _name(theme.theme, taxonomy=taxonomy)
    counts = f"{theme.paragraphs} 段，{theme.documents} 份文件"
    stances = [f"{taxonomy.stance(stance).name_zh or stance} {n}" for stance, n in theme.stances.items()]
    if stances:
        counts += f"；立场：{_escape('、'.join(stances))}"
    lines = [f"## {_escape(name)} ({_escape(theme.theme)})", "", counts]
    if theme.sentences:
        # One sentence a line keeps diffs of two reports readable; Markdown joins them into a paragraph.
        lines += ["", *(f"{_escape(s.text)} {_reference(s.citations)}" for s in theme.sentences)]
    if theme.figures:
        lines += ["", "### 关键数据", "", "| 指标 | 数值 | 原文 | 出处 |", "| --- | ---: | --- | --- |"]
        lines += [_figure_row(figure) for figure in theme.figures]
    if theme.voices:
        lines += ["", "### 谁说了什么", "", *(_voice_item(voice) for voice in theme.voices)]
    return lines


def _figure_row(figure: Figure) -> str:
    cells = (figure.measure, figure.value + figure.unit, figure.text, _source(figure.citation))
    return f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _voice_item(voice: Voice) -> str:
    affiliation = f"（{_escape(voice.affiliation)}）" if voice.affiliation else ""
    speaker = f"**{_escape(voice.speaker)}**{affiliation}"
    return f"- {speaker}：{_escape(voice.quote)} {_reference((voice.citation,))}"


def _reference(citations: Iterable[Citation]) -> str:
    return f"[{_escape(_source(citations))}]"


def _escape(text: str) -> str:
    """Text from a document as Markdown that shows exactly this text, on one line."""
    text = re.sub(r"\s*\n\s*", " ", text.strip())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _INLINE_MARKUP.sub(r"\\\1", text)
    opening = _BLOCK_MARKUP.match(text)
    if opening is None:
        return text
    # "1." would start a list; the backslash goes before the mark, not before the digit.
    return text[: opening.end()] + "\\" + text[opening.end() :] if text[0].isdigit() else "\\" + text
