"""What is written is read back the same: records, tags, taxonomies, reports."""

from __future__ import annotations

import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from policylens.data.read import read_records
from policylens.data.records import LabelScore, Paragraph, TaggedParagraph
from policylens.data.taxonomy import (
    Group,
    Label,
    Taxonomy,
    dump_taxonomy,
    load_taxonomy,
    taxonomy_from_labels,
)
from policylens.infer.streams.formats import TableFormat
from policylens.infer.streams.output import header_bytes, rows_bytes
from policylens.infer.streams.rows import (
    ABSTENTION_FIELDS,
    FIELDS,
    LABEL_FIELDS,
    PARENTS_FIELD,
    PLACE_FIELDS,
    paragraph_row,
    row_of,
    tags_of,
)

properties = settings.get_profile("properties")

THEMES, STANCES = ("green", "rural", "talent", "talent/schools"), ("support", "restrict")
TAXONOMY = taxonomy_from_labels("t", THEMES, STANCES)
KINDS = ("body", "heading", "byline", "caption", "pull_quote", "furniture")
OWN = {*FIELDS, *ABSTENTION_FIELDS, PARENTS_FIELD, *PLACE_FIELDS, "prev"}
CHINESE = "支持农民种植粮食，发展乡村产业。"

# Everything that UTF-8 can hold but NUL, which readers refuse.
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
filled = text.filter(str.strip)
names = st.text("abcdefghij_加快", min_size=1, max_size=8).filter(lambda name: name not in OWN)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
scores = st.integers(0, 10_000).map(lambda n: n / 10_000)


@st.composite
def paragraphs(draw: st.DrawFn) -> Paragraph:
    start, heading = draw(st.integers(0, 10**6)), draw(text)
    end = start + draw(st.integers(0, 10**4))
    extra = draw(st.dictionaries(names, json_values, max_size=3))
    return Paragraph(
        doc=draw(filled),
        para=draw(st.integers(1, 10**6)),
        kind=draw(st.sampled_from(KINDS)),
        text=draw(filled),
        title=draw(text),
        heading=heading,
        heading_path=(heading,) if heading else (),
        prev=draw(text),
        start=start,
        end=end,
        spans=((start, end),),
        id=draw(text),
        extra=MappingProxyType(extra),
    )


@st.composite
def tagged(draw: st.DrawFn) -> TaggedParagraph:
    theme, stance = draw(st.sampled_from(THEMES)), draw(st.sampled_from(STANCES))
    others = st.lists(st.sampled_from(THEMES), max_size=2, unique=True)
    held, held_stance = draw(st.booleans()), draw(st.booleans())
    asked = draw(st.booleans())
    reason = draw(filled).strip()
    return TaggedParagraph(
        draw(paragraphs()),
        theme="" if asked and held else theme,
        theme_score=draw(scores),
        also=tuple(name for name in draw(others) if name != theme),
        stance="" if asked and held_stance else stance,
        stance_score=draw(scores),
        themes=tuple(LabelScore(name, draw(scores)) for name in draw(others)),
        abstained=(reason if held else "") if asked else None,
        stance_abstained=(reason if held_stance else "") if asked else None,
    )


def read_back(rows: bytes, suffix: str) -> list[Paragraph]:
    found = list(read_records(f"x{suffix}", stream=io.BytesIO(rows)))
    assert all(isinstance(item, Paragraph) for item in found), found
    return [item for item in found if isinstance(item, Paragraph)]


@properties
@given(st.lists(paragraphs(), min_size=1, max_size=3))
def test_paragraphs_through_jsonl(items: list[Paragraph]) -> None:
    # The encoding of a file is told by its Chinese characters, so that it must have some.
    items = [Paragraph("d", 1, "body", CHINESE, end=15, spans=((0, 15),)), *items]
    rows = rows_bytes(map(paragraph_row, items), TableFormat.JSONL)
    assert rows.count(b"\n") == len(items)
    assert read_back(rows, ".jsonl") == items


@properties
@given(st.lists(tagged(), min_size=1, max_size=3))
def test_tags_through_jsonl(items: list[TaggedParagraph]) -> None:
    items = [replace(items[0], paragraph=Paragraph("d", 1, "body", CHINESE, spans=((0, 0),))), *items]
    read = read_back(rows_bytes(map(row_of, items), TableFormat.JSONL), ".jsonl")
    for item, found in zip(items, read, strict=True):
        carried = {name: value for name, value in found.extra.items() if name not in OWN}
        assert replace(found, extra=item.paragraph.extra, prev=item.paragraph.prev) == item.paragraph
        assert carried == item.paragraph.extra
        tags = tags_of(found, taxonomy=TAXONOMY)
        # The ranking is for readers of the file; digests do without. A reason of "" is written as null.
        expected = replace(
            item, paragraph=found, themes=(), abstained=item.abstained or None,
            stance_abstained=item.stance_abstained or None,
        )  # fmt: skip
        assert tags == expected


@properties
@given(st.lists(tagged(), min_size=1, max_size=3))
def test_tags_through_csv(items: list[TaggedParagraph]) -> None:
    items = [replace(items[0], paragraph=Paragraph("d", 1, "body", CHINESE)), *items]
    table = header_bytes(TableFormat.CSV) + rows_bytes(map(row_of, items), TableFormat.CSV)
    read = read_back(table, ".csv")
    for item, found in zip(items, read, strict=True):
        paragraph = item.paragraph
        assert (found.para, found.kind, found.start, found.end) == (
            paragraph.para, paragraph.kind, paragraph.start, paragraph.end
        )  # fmt: skip
        # The csv module turns the line ends inside of a cell into line feeds.
        for name in ("doc", "text", "title", "heading", "id"):
            assert unified(getattr(found, name)) == unified(getattr(paragraph, name)), name
        tags = tags_of(found, taxonomy=TAXONOMY)
        assert tags is not None
        assert (tags.theme, tags.theme_score, tags.also, tags.stance) == (
            item.theme, item.theme_score, item.also, item.stance
        )  # fmt: skip
        extra = found.extra["extra"]
        carried = json.loads(str(extra)) if extra else {}
        assert carried == paragraph.extra


def unified(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


@properties
@given(tagged(), st.sets(st.sampled_from(LABEL_FIELDS)))
def test_labels_of_the_input_stand_beside_ours(item: TaggedParagraph, given_fields: set[str]) -> None:
    extra = {name: "theirs" for name in given_fields}
    row = row_of(replace(item, paragraph=replace(item.paragraph, extra=extra)))
    assert {name: row[f"input_{name}"] for name in given_fields} == extra
    assert row["theme"] == (item.theme or None)


ids = st.text("abc_加快-/0", min_size=1, max_size=6).filter(lambda name: name[0] not in "-/")


@st.composite
def taxonomies(draw: st.DrawFn) -> Taxonomy:
    named = draw(st.sampled_from([ids, filled]))
    groups = draw(st.lists(named, max_size=3, unique=True))

    def labels(least: int) -> tuple[Label, ...]:
        return tuple(
            Label(
                id=label_id,
                name_zh=draw(filled),
                name_en=draw(st.just("") | filled),
                definition=draw(st.just("") | filled),
                include=tuple(draw(st.lists(filled, max_size=2))),
                exclude=tuple(draw(st.lists(filled, max_size=2))),
                examples=tuple(draw(st.lists(filled, max_size=2))),
                group=draw(st.sampled_from(["", *groups])),
                digest=draw(st.booleans()),
            )
            for label_id in draw(st.lists(named, min_size=least, max_size=4, unique=True))
        )

    return Taxonomy(
        name=draw(filled),
        version=draw(filled),
        themes=labels(1),
        stances=labels(0),
        groups=tuple(Group(name, draw(filled), draw(filled)) for name in groups),
    )


@properties
@given(taxonomies())
def test_a_taxonomy_is_the_same_after_dump_and_load(taxonomy: Taxonomy) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "taxonomy.yaml"
        path.write_text(dump_taxonomy(taxonomy), encoding="utf-8")
        loaded = load_taxonomy(path)
    assert loaded == taxonomy
    assert dump_taxonomy(loaded) == dump_taxonomy(taxonomy)
