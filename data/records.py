"""The records that travel through the whole flow: read -> reflow -> classify -> digest -> report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Kind = Literal["body", "heading", "byline", "caption", "pull_quote", "furniture"]
Hint = Literal["", "heading", "table", "caption", "furniture"]

NO_EXTRA: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a document that its file format marks as one unit (a DOCX paragraph, an HTML element).

    Attributes:
        start: First character of the block in `Document.text`.
        end: One past its last character.
        hint: What the format says it is; "" for ordinary text.
        level: Heading level from 1, 0 where there is none.
    """

    start: int
    end: int
    hint: Hint = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """One decoded source text.

    Attributes:
        doc: Name used in citations: the file's stem unless given.
        text: The whole text; every offset in this package counts characters of it.
        title: Title where the format carries one, else "".
        path: Where it was read from, "-" for standard input.
        blocks: Units that the format marks, in order and without overlap; empty for plain text,
            whose lines `reflow` has to make sense of.
    """

    doc: str
    text: str
    title: str = ""
    path: str = ""
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One true paragraph of a document.

    Attributes:
        doc: `Document.doc` of its document.
        para: Number in the document from 1, counting paragraphs of every kind in reading order.
        kind: What it is; only "body" is tagged and digested.
        text: Its text: the pieces of the source at `spans`, joined.
        title: Title of the document, "" where unknown.
        heading: Nearest section heading above it, "" where there is none.
        heading_path: All headings it stands under, outermost first; ends with `heading`.
        prev: Text of the body paragraph before it in the same section, "" where there is none.
        start: First character in `Document.text`.
        end: One past the last character; a caption or pull quote may lie between the pieces.
        spans: The exact pieces, `(start, end)` in characters, in order.
        id: Identifier from the input, "" where it gives none.
        extra: Other fields of the input record, carried through to the output.
    """

    doc: str
    para: int
    kind: Kind
    text: str
    title: str = ""
    heading: str = ""
    heading_path: tuple[str, ...] = ()
    prev: str = ""
    start: int = 0
    end: int = 0
    spans: tuple[tuple[int, int], ...] = ()
    id: str = ""
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True)
class LabelScore:
    """A label id and its calibrated probability in [0, 1]."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class TaggedParagraph:
    """A paragraph with the labels that the model gave it.

    Attributes:
        paragraph: The paragraph.
        theme: Id of the primary theme.
        theme_score: Its probability.
        also: Secondary theme ids, most probable first.
        stance: Stance id; "" where the taxonomy has no stances.
        stance_score: Its probability.
        themes: The most probable themes, best first (three for the CLI).
    """

    paragraph: Paragraph
    theme: str
    theme_score: float
    also: tuple[str, ...] = ()
    stance: str = ""
    stance_score: float = 0.0
    themes: tuple[LabelScore, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """Points to a paragraph: document name and paragraph number."""

    doc: str
    para: int


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence of a digest with the paragraphs that it is taken from (at least one)."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number found in the sources.

    Attributes:
        value: The number as written, e.g. "8.5", "1.5万".
        unit: The unit as written, e.g. "%", "亿元", "家"; "" where none.
        measure: What it measures, as short as the source allows.
        text: The clause or sentence it stands in.
        citation: Where.
    """

    value: str
    unit: str
    measure: str
    text: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Voice:
    """A named person and what the person said.

    Attributes:
        speaker: Name as written.
        affiliation: Organisation and role as written before the name, "" where the source gives none.
        quote: What was said, whole sentences, verbatim.
        citation: Where.
    """

    speaker: str
    affiliation: str
    quote: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class ThemeDigest:
    """The digest of one theme.

    Attributes:
        theme: Theme id.
        paragraphs: How many paragraphs have this primary theme.
        documents: How many documents they come from.
        stances: Stance id -> number of paragraphs, in taxonomy order, zero counts left out.
        sentences: The digest, in reading order.
        figures: Key figures.
        voices: Who said what.
    """

    theme: str
    paragraphs: int
    documents: int
    stances: Mapping[str, int]
    sentences: tuple[CitedSentence, ...]
    figures: tuple[Figure, ...] = ()
    voices: tuple[Voice, ...] = ()

    @property
    def text(self) -> str:
        """The digest without citations."""
        return "".join(sentence.text for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class Digest:
    """Digests of all themes found, in the order in which they are reported."""

    themes: tuple[ThemeDigest, ...]
    documents: int = 0
    paragraphs: int = 0
