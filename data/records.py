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
        theme: Id of the primary theme; "" where it was too uncertain to be given.
        theme_score: Probability of the most probable theme.
        also: Secondary theme ids, most probable first.
        stance: Stance id; "" where the taxonomy has no stances or it was too uncertain to be given.
        stance_score: Probability of the most probable stance.
        themes: The most probable themes, best first (three for the CLI).
        abstained: Why there is no theme, "" where there is one; None where no precision was asked for.
        stance_abstained: Likewise for the stance.
        parents: The most probable parents of hierarchical themes, best first; empty where ids have none.
        codes: Fields of another scheme that a crosswalk adds to the output.
    """

    paragraph: Paragraph
    theme: str
    theme_score: float
    also: tuple[str, ...] = ()
    stance: str = ""
    stance_score: float = 0.0
    themes: tuple[LabelScore, ...] = ()
    abstained: str | None = None
    stance_abstained: str | None = None
    parents: tuple[LabelScore, ...] = ()
    codes: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True)
class Citation:
    """Points to a paragraph: document name and paragraph number."""

    doc: str
    para: int


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence of a digest with the paragraphs that it is taken from (at least one).

    Attributes:
        text: The sentence.
        citations: The paragraphs.
        extract: Where a generator worded it, the extracted sentence that it words; else "".
    """

    text: str
    citations: tuple[Citation, ...]
    extract: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that can be computed with.

    Attributes:
        low: The number, or the lower end of a range, in `unit`.
        high: The upper end; equal to `low` where it is no range.
        unit: The unit that amounts of one kind share: "亿元", "亿美元", "%", "百分点", else as written.
        approximate: Whether the source says so (多, 余, 超, 近, 约).
    """

    low: float
    high: float
    unit: str
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A number found in the sources.

    Attributes:
        value: The number as written, e.g. "8.5", "1.5万".
        unit: The unit as written, e.g. "%", "亿元", "家"; "" where none.
        measure: What it measures, as short as the source allows.
        text: The clause or sentence it stands in.
        citation: Where.
        period: The time it is of, as written, e.g. "2024年1—10月"; "" where the sentence names none.
        subject: The measure without its change, e.g. "软件产品收入".
        change: The words of change before the number, e.g. "同比增长"; "" for a level.
        amount: The number as one that can be computed with; None where it is no certain one (数百).
        also: Other paragraphs that give the same figure.
        bound: The word before the number that it must not lose, e.g. "超过", "近"; "" if none.
        bound_after: Likewise behind the unit, e.g. "以上".
    """

    value: str
    unit: str
    measure: str
    text: str
    citation: Citation
    period: str = ""
    subject: str = ""
    change: str = ""
    amount: Amount | None = None
    also: tuple[Citation, ...] = ()
    bound: str = ""
    bound_after: str = ""

    @property
    def shown(self) -> str:
        """The number as it has to be read, verbatim in the source: 超过4500家, 30%以上."""
        return self.bound + self.value + self.unit + self.bound_after

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every paragraph that gives it, the first one first."""
        return (self.citation, *self.also)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Figures of different documents for one subject and period that cannot all be right.

    Attributes:
        subject: What they measure.
        period: The time they are of, "" where no source names one.
        figures: At least two, in the order of their values.
    """

    subject: str
    period: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """A named person and what the person said.

    Attributes:
        speaker: Name as written.
        affiliation: Organisation and role as written before the name, "" where the source gives none.
        quote: What was said, whole sentences, verbatim.
        citation: Where.
        organisation: The first organisation of the affiliation, "" where it names none.
        role: The rest of the affiliation.
        stance: Stance id of the paragraph, "" where it has none.
        short: The shortest stretch of the quote that stands on its own, verbatim.
    """

    speaker: str
    affiliation: str
    quote: str
    citation: Citation
    organisation: str = ""
    role: str = ""
    stance: str = ""
    short: str = ""


@dataclass(frozen=True, slots=True)
class SubTopic:
    """Paragraphs of a theme that speak of the same thing.

    Attributes:
        label: A clause or section heading of these paragraphs.
        citations: The paragraphs, in reading order.
    """

    label: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A document or programme that the sources name.

    Attributes:
        name: As written, with its 《》 or quotation marks.
        kind: "document" for what stands in 《》, else "programme".
        citations: Where, in reading order.
    """

    name: str
    kind: Literal["document", "programme"]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What one document has in a theme and no other document.

    Attributes:
        doc: The document.
        measures: Names of measures.
        subtopics: Labels of sub-topics.
    """

    doc: str
    measures: tuple[str, ...] = ()
    subtopics: tuple[str, ...] = ()


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
        headline: A clause of a source that says what the theme is about here; None where none reads well.
        subtopics: What its paragraphs speak of, the largest first; empty for a few paragraphs.
        measures: Documents and programmes named, the most often named first.
        differences: What only one document has, where there are several.
    """

    theme: str
    paragraphs: int
    documents: int
    stances: Mapping[str, int]
    sentences: tuple[CitedSentence, ...]
    figures: tuple[Figure, ...] = ()
    voices: tuple[Voice, ...] = ()
    headline: CitedSentence | None = None
    subtopics: tuple[SubTopic, ...] = ()
    measures: tuple[Measure, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def text(self) -> str:
        """The digest without citations."""
        return "".join(sentence.text for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What a generator did to the sentences of a digest.

    Attributes:
        generator: Name of the model.
        sentences: How many sentences the digests have.
        reworded: How many of them the generator worded.
        kept: Why the others stand as extracted -> how many, the most frequent reason first.
    """

    generator: str
    sentences: int
    reworded: int
    kept: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Digest:
    """Digests of all themes found, in the order in which they are reported.

    Attributes:
        themes: The digests.
        documents: How many documents were read.
        paragraphs: How many body paragraphs they have, of all themes.
        conflicts: Figures on which documents contradict each other.
        abstained: How many of the paragraphs are in no digest, since their theme was too uncertain.
        rewriting: What a generator did to the sentences; None where none was asked.
    """

    themes: tuple[ThemeDigest, ...]
    documents: int = 0
    paragraphs: int = 0
    conflicts: tuple[Conflict, ...] = ()
    abstained: int = 0
    rewriting: Rewriting | None = None
