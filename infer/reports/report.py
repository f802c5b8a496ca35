"""Digest -> Markdown. Every sentence, figure and voice carries its source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from policylens.data.records import Citation, Conflict, Digest, Figure, ThemeDigest, Voice
from policylens.data.taxonomy import Taxonomy
from policylens.infer.digests.compare_sets import Comparison, ThemeChange
from policylens.infer.reports.report_json import render_json
from policylens.infer.reports.wording import (
    NOTHING,
    TITLE,
    TRENDS,
    overview_line,
    rewriting_line,
    shown_quote,
    source,
)

__all__ = ["render_json", "render_markdown"]

# Everything that CommonMark or GitHub Markdown may read as markup inside a line; "&" and "<" become entities
# first, since a backslash does not hold back raw HTML in every renderer.
# An underscore inside a word is text (doc names such as plan_2025).
_INLINE_MARKUP = re.compile(r"([\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_]))")
_BLOCK_MARKUP = re.compile(r"^(?:[#=]|[+-](?!\d)|\d{1,9}(?=[.)](?:\s|$)))")


def render_markdown(digest: Digest, *, taxonomy: Taxonomy, comparison: Comparison | None = None) -> str:
    """Render a digest as Markdown (CommonMark with GitHub tables).

    Args:
        digest: The digest.
        taxonomy: The taxonomy that its theme and stance ids belong to.
        comparison: Two sets side by side; they take the place of the digest of both together.

    Returns:
        The text, with markup in the sources escaped.

    Raises:
        TaxonomyError: The digest has a theme or stance that is not in the taxonomy.
    """
    if comparison is not None:
        lines = _comparison(comparison, taxonomy=taxonomy)
    else:
        lines = [f"# {TITLE}", "", _overview(digest)]
        for theme in digest.themes:
            lines += ["", *_theme(theme, taxonomy=taxonomy)]
    if digest.conflicts:
        lines += ["", "## 说法不一的数据", "", *(_conflict(conflict) for conflict in digest.conflicts)]
    return "\n".join(lines) + "\n"


def _overview(digest: Digest) -> str:
    if not digest.themes:
        return NOTHING
    return overview_line(digest) + (_escape(rewriting_line(digest.rewriting)) if digest.rewriting else "")


def _theme(theme: ThemeDigest, *, taxonomy: Taxonomy) -> list[str]:
    lines = [f"## {_name(theme.theme, taxonomy)} ({_escape(theme.theme)})", ""]
    if theme.headline:
        lines += [f"**{_escape(theme.headline.text)}** {_reference(theme.headline.citations)}", ""]
    lines += [_counts(theme, taxonomy), *_sentences(theme), *_subtopics(theme), *_figures(theme)]
    return lines + _measures(theme) + _voices(theme, taxonomy) + _differences(theme)


def _name(theme: str, taxonomy: Taxonomy) -> str:
    return _escape(taxonomy.theme(theme).name_zh or theme)


def _counts(theme: ThemeDigest, taxonomy: Taxonomy) -> str:
    counts = f"{theme.paragraphs} 段，{theme.documents} 份文件"
    stances = [f"{taxonomy.stance(stance).name_zh or stance} {n}" for stance, n in theme.stances.items()]
    return counts + (f"；立场：{_escape('、'.join(stances))}" if stances else "")


def _sentences(theme: ThemeDigest) -> list[str]:
    # One sentence a line keeps diffs of two reports readable; Markdown joins them into a paragraph.
    lines = [f"{_escape(s.text)} {_reference(s.citations)}" for s in theme.sentences]
    return ["", *lines] if lines else []


def _subtopics(theme: ThemeDigest) -> list[str]:
    items = [
        f"- {_escape(topic.label)}（{len(topic.citations)} 段） {_reference(topic.citations)}"
        for topic in theme.subtopics
    ]
    return _section("分议题", items)


def _figures(theme: ThemeDigest) -> list[str]:
    head = ["| 指标 | 数值 | 时间 | 原文 | 出处 |", "| --- | ---: | --- | --- | --- |"]
    return _section("关键数据", [*head, *map(_figure_row, theme.figures)] if theme.figures else [])


def _figure_row(figure: Figure) -> str:
    cells = (
        figure.measure,
        figure.shown,
        figure.period,
        figure.text,
        source(figure.citations),
    )
    return f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _measures(theme: ThemeDigest) -> list[str]:
    return _section("文件与行动", [f"- {_escape(m.name)} {_reference(m.citations)}" for m in theme.measures])


def _voices(theme: ThemeDigest, taxonomy: Taxonomy) -> list[str]:
    return _section("谁说了什么", [_voice_item(voice, taxonomy) for voice in theme.voices])


def _voice_item(voice: Voice, taxonomy: Taxonomy) -> str:
    stance = taxonomy.stance(voice.stance).name_zh or voice.stance if voice.stance else ""
    about = "；".join(part for part in (voice.affiliation, stance) if part)
    speaker = f"**{_escape(voice.speaker)}**{f'（{_escape(about)}）' if about else ''}"
    return f"- {speaker}：{_escape(shown_quote(voice))} {_reference((voice.citation,))}"


def _differences(theme: ThemeDigest) -> list[str]:
    items = []
    for one in theme.differences:
        parts = [
            f"{title}：{'、'.join(names)}"
            for title, names in (("只有它提到", one.measures), ("只有它谈到", one.subtopics))
            if names
        ]
        items.append(f"- **{_escape(one.doc)}** {_escape('；'.join(parts))}")
    return _section("各文件的不同", items)


def _section(title: str, items: Sequence[str]) -> list[str]:
    return ["", f"### {title}", "", *items] if items else []


def _conflict(conflict: Conflict) -> str:
    period = f"（{conflict.period}）" if conflict.period else ""
    figures = "；".join(f"{f.shown} [{source(f.citations)}]" for f in conflict.figures)
    return f"- {_escape(conflict.subject + period)}：{_escape(figures)}"


def _comparison(comparison: Comparison, *, taxonomy: Taxonomy) -> list[str]:
    before, after = map(_escape, comparison.names)
    lines = [f"# {before} 与 {after}", "", f"- {before}：{_overview(comparison.before)}"]
    lines += [f"- {after}：{_overview(comparison.after)}"]
    if comparison.themes:
        lines += ["", f"| 主题 | 变化 | {before} | {after} |", "| --- | --- | ---: | ---: |"]
    lines += [
        f"| {_name(change.theme, taxonomy)} | {TRENDS[change.trend]} | {change.share_before:.0%} | "
        f"{change.share_after:.0%} |"
        for change in comparison.themes
    ]
    for change in comparison.themes:
        lines += ["", *_change(change, comparison.names, taxonomy=taxonomy)]
    return lines


def _change(change: ThemeChange, names: tuple[str, str], *, taxonomy: Taxonomy) -> list[str]:
    lines = [f"## {_name(change.theme, taxonomy)} ({_escape(change.theme)})：{TRENDS[change.trend]}"]
    for name, theme in zip(names, (change.before, change.after), strict=True):
        if theme is not None:
            lines += ["", f"### {_escape(name)}", "", _counts(theme, taxonomy), *_sentences(theme)]
    measures = (
        ("新提到", change.new_measures),
        ("不再提到", change.gone_measures),
        ("都提到", change.kept_measures),
    )
    items = [f"- {title}：{_escape('、'.join(m.name for m in some))}" for title, some in measures if some]
    items += [
        f"- {_escape(pair.after.measure)}：{_escape(_dated(pair.before))} → {_escape(_dated(pair.after))} "
        f"[{_escape(source((*pair.before.citations, *pair.after.citations)))}]"
        for pair in change.figures
    ]
    return lines + _section("变化", items)


def _dated(figure: Figure) -> str:
    return figure.shown + (f"（{figure.period}）" if figure.period else "")


def _reference(citations: Iterable[Citation]) -> str:
    return f"[{_escape(source(citations))}]"


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
