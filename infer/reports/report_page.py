"""Digest -> one HTML page that needs no network: readable without scripts, and with them a reading room.

The text is drawn here; `templates/page.js` adds filters, search, the table of figures and the sources, which
travel as JSON. Text from documents reaches the page by the template engine's escaping or by text nodes only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from policylens.data.records import (
    Citation,
    Conflict,
    Digest,
    Figure,
    Paragraph,
    TaggedParagraph,
    ThemeDigest,
)
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.figures.extraction import best_figures
from policylens.infer.reports.wording import shown_quote
from policylens.infer.summary import Summary

_KINDS = {"body": 0, "heading": 1}
_OTHER_KIND = 2
_COLOURS = 6
# Themes that the list of documents names for each.
_MAIN_THEMES = 2
_DATE = re.compile(
    r"(?:19|20)\d{2}年(?:\d{1,2}月(?:\d{1,2}日)?)?|(?:19|20)\d{2}[-./]\d{1,2}[-./]\d{1,2}|(?:19|20)\d{2}(?!\d)"
)
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d{2})年")
_UP = re.compile(r"增|提高|提升|上升|扩大|上涨|涨|翻|回升")
_DOWN = re.compile(r"下降|降|减|缩|压|下跌|跌|回落|收窄")


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A line of the list of documents.

    Attributes:
        name: Name in citations.
        title: Its title, "" where it has none.
        date: The date that its title or name gives, "" where none.
        years: The two years that it speaks of most.
        paragraphs: Number of body paragraphs.
        themes: Ids of its most frequent themes in the digest.
        first: Position of its first paragraph among all paragraphs of the page.
        last: Position of its last one.
    """

    name: str
    title: str
    date: str
    years: str
    paragraphs: int
    themes: tuple[str, ...]
    first: int
    last: int


def render_page(summary: Summary) -> str:
    """Render a digest and its sources as one HTML page.

    Args:
        summary: The digest; without `sources` citations name their paragraph but open nothing.

    Raises:
        TaxonomyError: The digest has a theme that is not in the taxonomy.
    """
    return _Page(summary).render()


def render_html(digest: Digest, *, taxonomy: Taxonomy) -> str:
    """Render a digest alone as one HTML page."""
    return render_page(Summary(digest, taxonomy))


class _Page:
    """The page of one summary."""

    def __init__(self, summary: Summary) -> None:
        self.digest = summary.digest
        self.taxonomy = summary.taxonomy
        self.comparison = summary.comparison
        # The paragraphs of a document have to stand together, whatever the order of the records.
        order: dict[str, list[TaggedParagraph | Paragraph]] = {}
        for item in summary.sources:
            order.setdefault(_paragraph(item).doc, []).append(item)
        self.sources = [item for items in order.values() for item in items]
        self.places: dict[Citation, int] = {}
        for i, item in enumerate(self.sources):
            par = _paragraph(item)
            self.places.setdefault(Citation(par.doc, par.para), i)
        self.themes = list(
            dict.fromkeys(
                [theme.theme for theme in self.digest.themes]
                + [item.theme for item in self.sources if isinstance(item, TaggedParagraph) and item.theme]
            )
        )
        self.documents = _documents(self.sources, [theme.theme for theme in self.digest.themes])
        self.many = len(self.documents) > 1 or (not self.sources and self.digest.documents > 1)

    def render(self) -> str:
        from jinja2 import Environment, StrictUndefined

        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters |= {
            "places": self._shown,
            "ids": self._ids,
            "best": lambda figures, n: best_figures(figures, limit=n),
            "direction": direction,
            "shown_quote": shown_quote,
            "conflict_citations": conflict_citations,
            "sum_stance": lambda themes, stance: sum(theme.stances.get(stance, 0) for theme in themes),
        }
        script = _template("page.js")
        page = environment.from_string(_template("page.html")).render(
            title="title_compare" if self.comparison else "title",
            digest=self.digest,
            comparison=self.comparison,
            documents=self.documents,
            stances=list(self.taxonomy.stance_ids),
            many=self.many,
            largest=max((theme.paragraphs for theme in self.digest.themes), default=1),
            largest_share=max(
                [max(c.share_before, c.share_after) for c in self.comparison.themes]
                if self.comparison
                else [],
                default=0.0,
            )
            or 1.0,
            words=words,
            name=self._name,
            colour=self._colour,
            css=_template("page.css"),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            data=script_json(self._data()),
        )
        return page.strip() + "\n"

    def _name(self, kind: str, label: str) -> str:
        found = self.taxonomy.theme(label) if kind == "t" else self.taxonomy.stance(label)
        return found.name_zh or label

    def _colour(self, stance: str) -> int:
        return self.taxonomy.stance_ids.index(stance) % _COLOURS

    def _shown(self, citations: Iterable[Citation]) -> list[tuple[int | None, int, str, int]]:
        """Each place as position on the page, paragraph, document and number of the document."""
        numbers = {doc.name: i for i, doc in enumerate(self.documents, 1)}
        return [(self.places.get(c), c.para, c.doc, numbers.get(c.doc, 0)) for c in citations]

    def _ids(self, citations: Iterable[Citation]) -> str:
        return " ".join(str(self.places[citation]) for citation in citations if citation in self.places)

    def _data(self) -> Mapping[str, object]:
        return {
            "title": "title_compare" if self.comparison else "title",
            "words": _words(),
            "labels": {
                "t": {theme: _names(self.taxonomy.theme(theme)) for theme in self.themes},
                "s": {stance.id: _names(stance) for stance in self.taxonomy.stances},
            },
            "themes": self.themes,
            "stances": list(self.taxonomy.stance_ids),
            "colours": {stance: self._colour(stance) for stance in self.taxonomy.stance_ids},
            "docs": [
                {"name": doc.name, "title": doc.title, "first": doc.first, "last": doc.last}
                for doc in self.documents
            ],
            "body": sum(_paragraph(item).kind == "body" for item in self.sources),
            "paragraphs": self._paragraph_rows(),
            "figures": [
                self._figure(theme, figure) for theme in self.digest.themes for figure in theme.figures
            ],
        }

    def _paragraph_rows(self) -> list[list[object]]:
        docs = {doc.name: i for i, doc in enumerate(self.documents)}
        themes = {theme: i for i, theme in enumerate(self.themes)}
        stances = {stance: i for i, stance in enumerate(self.taxonomy.stance_ids)}
        rows: list[list[object]] = []
        for item in self.sources:
            par = _paragraph(item)
            row: list[object] = [docs[par.doc], par.para, _KINDS.get(par.kind, _OTHER_KIND), par.text]
            if isinstance(item, TaggedParagraph):
                theme = themes.get(item.theme, -1)
                row += [theme, round(item.theme_score, 3), stances.get(item.stance, -1)]
            else:
                row += [-1, 0, -1]
            rows.append(row)
        return rows

    def _figure(self, theme: ThemeDigest, figure: Figure) -> Mapping[str, object]:
        amount = figure.amount
        return {
            "theme": theme.theme,
            "measure": figure.measure,
            "subject": figure.subject,
            "value": figure.value,
            "unit": figure.unit,
            "shown": figure.shown,
            "period": figure.period,
            "change": figure.change,
            "text": figure.text,
            "low": amount.low if amount else None,
            "high": amount.high if amount else None,
            "amount": amount.unit if amount else "",
            "at": [self.places[citation] for citation in figure.citations if citation in self.places],
        }


def words(key: str, *values: object) -> str:
    """A phrase of the interface in Chinese, with its values."""
    text = _words()[key][0]
    for i, value in enumerate(values):
        text = text.replace(f"{{{i}}}", str(value))
    return text


def script_json(value: object) -> str:
    """JSON that can stand in a script element: no character of it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    # A lone surrogate (from a broken JSON input) has no UTF-8.
    return text.encode("utf-8", "replace").decode()


def direction(figure: Figure) -> str:
    """Whether a figure is a rise or a fall: "up", "down", or "" for a level."""
    if not figure.change:
        return ""
    return "down" if _DOWN.search(figure.change) else "up" if _UP.search(figure.change) else ""


def conflict_citations(conflict: Conflict) -> list[Citation]:
    """All places of a contradiction."""
    return [citation for figure in conflict.figures for citation in figure.citations]


def _documents(sources: Sequence[TaggedParagraph | Paragraph], digested: Sequence[str]) -> list[DocumentRow]:
    spans: dict[str, list[int]] = {}
    for i, item in enumerate(sources):
        spans.setdefault(_paragraph(item).doc, []).append(i)
    rows = []
    for name, places in spans.items():
        items = [sources[i] for i in places]
        title = next((p.title for p in map(_paragraph, items) if p.title), "")
        themes = Counter(
            item.theme for item in items if isinstance(item, TaggedParagraph) and item.theme in digested
        )
        years = Counter(year for p in map(_paragraph, items) for year in _YEAR.findall(p.text))
        date = _DATE.search(title) or _DATE.search(name)
        rows.append(
            DocumentRow(
                name=name,
                title=title,
                date=date[0] if date else "",
                years="、".join(sorted(year for year, _ in years.most_common(2))),
                paragraphs=sum(p.kind == "body" for p in map(_paragraph, items)),
                themes=tuple(theme for theme, _ in themes.most_common(_MAIN_THEMES)),
                first=places[0],
                last=places[-1],
            )
        )
    return rows


def _paragraph(item: TaggedParagraph | Paragraph) -> Paragraph:
    return item.paragraph if isinstance(item, TaggedParagraph) else item


def _names(label: Label) -> list[str]:
    return [label.name_zh or label.id, label.name_en or label.id]


@cache
def _words() -> Mapping[str, list[str]]:
    found: Mapping[str, list[str]] = json.loads(_template("strings.json"))
    return found


def _template(name: str) -> str:
    return files("policylens.infer.reports").joinpath("templates", name).read_text(encoding="utf-8")
