"""Adds the codes of another scheme to tagged paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from policylens.data.crosswalk import Crosswalk
from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.streams.stream import Item, Tag


def with_codes(tag: Tag, crosswalk: Crosswalk) -> Tag:
    """The same tagging, with the fields of the crosswalk on each tagged paragraph."""

    def tag_with_codes(paragraphs: Iterable[Paragraph]) -> Iterator[Item]:
        for item in tag(paragraphs):
            if isinstance(item, TaggedParagraph):
                item = replace(item, codes=crosswalk.fields(item.theme))
            yield item

    return tag_with_codes
