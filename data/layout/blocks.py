"""What the readers of marked-up formats share: units of text in order become a `Document`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from policylens.data.errors import InputError
from policylens.data.records import Block, Document, Hint

# A table cell longer than this holds running text: the table only lays out the page.
MAX_CELL_CHARS = 300
CELL_SEPARATOR = " | "

# Titles that programs write by themselves.
_DEFAULT_TITLE = re.compile(
    r"(?i)^(word document|powerpoint presentation|untitled|microsoft word -|"
    r"无标题|未命名|新建|文档\d*$|document\d*$)"
    r"|\.(docx?|pdf|indd|wps|html?|xlsx?)$"
)


@dataclass(frozen=True, slots=True)
class MarkedText:
    """Text that the format marks as one unit, with what it says it is."""

    text: str
    hint: Hint = ""
    level: int = 0


def build_document(units: Iterable[MarkedText], *, doc: str, title: str, path: str) -> Document:
    """Join the units that hold text with an empty line; each becomes a `Block` with its offsets.

    Raises:
        InputError: No unit holds text.
    """
    texts: list[str] = []
    blocks: list[Block] = []
    start = 0
    for unit in units:
        if not unit.text.strip():
            continue
        texts.append(unit.text)
        blocks.append(Block(start, start + len(unit.text), unit.hint, unit.level))
        start += len(unit.text) + 2
    if not blocks:
        raise InputError(f"{path}: holds no text")
    return Document(doc=doc, text="\n\n".join(texts), title=title, path=path, blocks=tuple(blocks))


def split_paragraphs(text: str) -> list[str]:
    """Split text at empty lines and before lines that are indented with full-width spaces.

    Pages and files that know no paragraphs, only line breaks, write their paragraphs in these two ways.
    """
    pieces = (piece.strip() for piece in re.split(r"\n[ \t]*\n\s*|\n(?=\u3000)", text))
    return [piece for piece in pieces if piece]


def meaningful_title(title: str | None) -> str:
    """A title from a file's metadata, "" where it is one that the program wrote."""
    text = " ".join((title or "").split())
    return "" if _DEFAULT_TITLE.search(text) else text
