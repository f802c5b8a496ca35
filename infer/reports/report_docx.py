"""Digest -> DOCX, the form in which reports travel in offices: numbered sources at the end."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from policylens.data.errors import MissingExtraError
from policylens.data.records import Citation, Paragraph, TaggedParagraph, ThemeDigest
from policylens.infer.digests.compare_sets import Comparison
from policylens.infer.figures.extraction import best_figures
from policylens.infer.reports.wording import (
    NOTHING,
    TITLE,
    TRENDS,
    overview_line,
    rewriting_line,
    shown_quote,
)
from policylens.infer.summary import Summary

if TYPE_CHECKING:
    from docx.document import Document as DocxDocument
    from docx.text.paragraph import Paragraph as DocxParagraph

# XML 1.0 has no way to write these; a broken PDF may hold them.
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# GB/T 9704: 黑体 for headings of the first level, 仿宋 for the text; Word falls back where they are missing.
_TEXT_FONT, _HEADING_FONT = "仿宋", "黑体"
_LATIN_FONT = "Times New Roman"
_MAX_FIGURES = 12
# As much of a source as its entry in the list of sources repeats.
_SOURCE_CHARS = 80


def render_docx(summary: Summary) -> bytes:
    """Render a digest as a Word document.

    Args:
        summary: The digest; with `sources`, the list at the end shows the beginning of each cited paragraph.

    Returns:
        The bytes of the file.

    Raises:
        MissingExtraError: python-docx is not installed.
        TaxonomyError: The digest has a theme or stance that is not in the taxonomy.
    """
    try:
        from docx import Document
    except ImportError as error:
        raise MissingExtraError("writing .docx", extra="docs", package="python-docx") from error
    report = _Report(summary, Document())
    report.write()
    stream = io.BytesIO()
    report.file.save(stream)
    return stream.getvalue()


class _Report:
    """A document that is being written, and the sources that it has cited so far."""

    def __init__(self, summary: Summary, file: DocxDocument) -> None:
        self.summary = summary
        self.taxonomy = summary.taxonomy
        self.file = file
        self.numbers: dict[Citation, int] = {}
        _set_fonts(file)

    def write(self) -> None:
        comparison = self.summary.comparison
        title = f"{comparison.names[0]} 与 {comparison.names[1]}" if comparison else TITLE
        self.file.add_heading(_clean(title), 0)
        self.file.core_properties.title = _clean(title)
        self.file.core_properties.author = "policylens"
        digest = self.summary.digest
        if not digest.themes:
            self.paragraph(NOTHING)
            return
        self.paragraph(overview_line(digest))
        if digest.rewriting:
            self.paragraph(rewriting_line(digest.rewriting))
        self.overview()
        if comparison:
            self.comparison(comparison)
        else:
            for theme in digest.themes:
                self.theme(theme)
        self.conflicts()
        self.sources()

    def overview(self) -> None:
        stances = [(id, self.taxonomy.stance(id).name_zh or id) for id in self.taxonomy.stance_ids]
        rows = [
            [
                self.name(theme.theme),
                str(theme.paragraphs),
                *(str(theme.stances.get(id, 0)) for id, _ in stances),
            ]
            for theme in self.summary.digest.themes
        ]
        self.table(["主题", "段落", *(name for _, name in stances)], rows)

    def theme(self, theme: ThemeDigest) -> None:
        self.file.add_heading(_clean(self.name(theme.theme)), 1)
        if theme.headline:
            self.paragraph(theme.headline.text, theme.headline.citations, bold=True)
        self.counts(theme)
        self.sentences(theme)
        if theme.subtopics:
            self.file.add_heading("分议题", 2)
            for topic in theme.subtopics:
                self.paragraph(
                    f"{topic.label}（{len(topic.citations)} 段）", topic.citations[:6], style="List Bullet"
                )
        self.figures(theme)
        if theme.measures:
            self.file.add_heading("文件与行动", 2)
            for measure in theme.measures:
                self.paragraph(measure.name, measure.citations[:6], style="List Bullet")
        self.voices(theme)
        self.differences(theme)

    def counts(self, theme: ThemeDigest) -> None:
        stances = "、".join(
            f"{self.taxonomy.stance(id).name_zh or id} {n}" for id, n in theme.stances.items()
        )
        about = f"{theme.paragraphs} 段，{theme.documents} 份文件" + (f"；立场：{stances}" if stances else "")
        self.paragraph(about)

    def sentences(self, theme: ThemeDigest) -> None:
        if not theme.sentences:
            return
        paragraph = self.file.add_paragraph()
        paragraph.paragraph_format.first_line_indent = _two_characters()
        for sentence in theme.sentences:
            paragraph.add_run(_clean(sentence.text))
            self.cite(paragraph, sentence.citations)

    def figures(self, theme: ThemeDigest) -> None:
        if not theme.figures:
            return
        self.file.add_heading("关键数据", 2)
        chosen = best_figures(theme.figures, limit=_MAX_FIGURES)
        rows = [[f.measure, f.shown, f.period, ""] for f in chosen]
        self.table(["指标", "数值", "时间", "出处"], rows, cited=[f.citations for f in chosen])

    def voices(self, theme: ThemeDigest) -> None:
        if not theme.voices:
            return
        self.file.add_heading("谁说了什么", 2)
        for voice in theme.voices:
            paragraph = self.file.add_paragraph(style="List Bullet")
            paragraph.add_run(_clean(voice.speaker)).bold = True
            stance = self.taxonomy.stance(voice.stance).name_zh or voice.stance if voice.stance else ""
            about = "；".join(part for part in (voice.affiliation, stance) if part)
            paragraph.add_run(_clean((f"（{about}）" if about else "") + "：" + shown_quote(voice)))
            self.cite(paragraph, (voice.citation,))

    def differences(self, theme: ThemeDigest) -> None:
        if not theme.differences:
            return
        self.file.add_heading("各文件的不同", 2)
        for one in theme.differences:
            parts = [("只有它提到", one.measures), ("只有它谈到", one.subtopics)]
            text = "；".join(f"{title}：{'、'.join(names)}" for title, names in parts if names)
            self.paragraph(f"{one.doc} {text}", style="List Bullet")

    def comparison(self, comparison: Comparison) -> None:
        rows = [
            [self.name(c.theme), TRENDS[c.trend], f"{c.share_before:.0%}", f"{c.share_after:.0%}"]
            for c in comparison.themes
        ]
        self.table(["主题", "变化", *comparison.names], rows)
        for change in comparison.themes:
            self.file.add_heading(_clean(f"{self.name(change.theme)}：{TRENDS[change.trend]}"), 1)
            for name, theme in zip(comparison.names, (change.before, change.after), strict=True):
                if theme:
                    self.file.add_heading(_clean(name), 2)
                    self.counts(theme)
                    self.sentences(theme)
            for title, measures in (("新提到", change.new_measures), ("不再提到", change.gone_measures)):
                if measures:
                    self.paragraph(f"{title}：{'、'.join(measure.name for measure in measures)}")
            for pair in change.figures:
                numbers = f"{pair.before.shown} → {pair.after.shown}"
                self.paragraph(
                    f"{pair.after.measure}：{numbers}", (pair.before.citation, pair.after.citation)
                )

    def conflicts(self) -> None:
        if not self.summary.digest.conflicts:
            return
        self.file.add_heading("说法不一的数据", 1)
        for conflict in self.summary.digest.conflicts:
            paragraph = self.paragraph(f"{conflict.subject} {conflict.period}：", style="List Bullet")
            for figure in conflict.figures:
                paragraph.add_run(_clean(f" {figure.shown}"))
                self.cite(paragraph, figure.citations)

    def sources(self) -> None:
        """The cited paragraphs in the order of their numbers, with their beginnings."""
        texts: dict[Citation, str] = {}
        for item in self.summary.sources:
            par = item.paragraph if isinstance(item, TaggedParagraph) else item
            texts.setdefault(Citation(par.doc, par.para), _beginning(par))
        self.file.add_heading("出处", 1)
        for citation, number in self.numbers.items():
            text = texts.get(citation, "")
            self.paragraph(f"[{number}] {citation.doc} ¶{citation.para}" + (f"：{text}" if text else ""))

    def name(self, theme: str) -> str:
        return self.taxonomy.theme(theme).name_zh or theme

    def paragraph(
        self, text: str, citations: Iterable[Citation] = (), *, bold: bool = False, style: str | None = None
    ) -> DocxParagraph:
        paragraph = self.file.add_paragraph(style=style)
        paragraph.add_run(_clean(text)).bold = bold
        self.cite(paragraph, citations)
        return paragraph

    def cite(self, paragraph: DocxParagraph, citations: Iterable[Citation]) -> None:
        """Numbers of sources as superscript, each source numbered where it is first cited."""
        numbers = [self.numbers.setdefault(citation, len(self.numbers) + 1) for citation in citations]
        if numbers:
            paragraph.add_run(f"[{','.join(map(str, numbers))}]").font.superscript = True

    def table(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        cited: Sequence[tuple[Citation, ...]] = (),
    ) -> None:
        """A table; with `cited`, the last cell of each row gets the numbers of its sources."""
        table = self.file.add_table(rows=1, cols=len(head), style="Light Grid Accent 1")
        for cell, text in zip(table.rows[0].cells, head, strict=True):
            cell.text = _clean(text)
        for i, row in enumerate(rows):
            cells = table.add_row().cells
            for cell, text in zip(cells, row, strict=True):
                cell.text = _clean(text)
            if cited:
                self.cite(cells[-1].paragraphs[0], cited[i])
        self.file.add_paragraph()


def _beginning(par: Paragraph) -> str:
    text = " ".join(par.text.split())
    return text if len(text) <= _SOURCE_CHARS else text[:_SOURCE_CHARS] + "……"


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def _two_characters() -> int:
    from docx.shared import Pt

    return int(Pt(24))


def _set_fonts(file: DocxDocument) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    styles = file.styles
    for name, font, size in (
        ("Normal", _TEXT_FONT, 12),
        ("Title", _HEADING_FONT, 22),
        ("Heading 1", _HEADING_FONT, 16),
        ("Heading 2", _HEADING_FONT, 13),
    ):
        style = styles[name]
        style.font.name = _LATIN_FONT
        style.font.size = Pt(size)
        style.font.color.rgb = RGBColor(0, 0, 0)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qn("w:eastAsia"), font)
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(theme), None)
