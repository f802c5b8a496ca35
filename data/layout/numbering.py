"""Numbers at the head of a line: 第X章, 第X条, 一、, （一）, 1., （1）, and the level each stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Longer numbered lines without a full stop are list items or cut paragraphs. GB/T 9704 headings fill at most
# one line and a half of 28 characters.
MAX_HEADING_CHARS = 42

_HAN = "零〇○一二三四五六七八九十百千两"
_SENTENCE_IN_TITLE = re.compile(r"[。！？；：!?;:](?!$)|[。！；：!;:]$")  # one question mark may close it
# Where an article number runs on like this, the text cites the article, it does not begin it.
_CITED = "规定第的、和至或所，款中及与之项以"
# The order is the nesting order of Chinese law and of GB/T 9704 (一、 then （一） then 1. then （1）).
# Marked levels of DOCX, HTML and Markdown take ranks 1 to 9, so numbers always nest inside them.
_STYLES: tuple[tuple[str, float, re.Pattern[str]], ...] = (
    ("part", 10, re.compile(rf"第\s*([{_HAN}\d]+)\s*(?:编|篇|部分)(?=[\s:：、]|$)")),
    ("chapter", 11, re.compile(rf"第\s*([{_HAN}\d]+)\s*章")),
    ("section", 12, re.compile(rf"第\s*([{_HAN}\d]+)\s*节(?=[\s　]|$|[^课点目日])")),
    ("article", 13, re.compile(rf"第\s*([{_HAN}\d]+)\s*条(?:之[一二三四五])?(?=[\s　]|$|[^{_CITED}])")),
    ("han", 14, re.compile(rf"([{_HAN}]+)\s*、")),
    ("paren_han", 15, re.compile(rf"[（(]\s*([{_HAN}]+)\s*[）)]")),
    ("decimal", 16.5, re.compile(r"(\d{1,2}(?:[.．]\d{1,2}){1,3})(?=[\s　]+\D)")),
    ("arabic", 16, re.compile(r"(\d{1,3})\s*(?:[.．](?![\d.．])|、)")),
    ("paren_arabic", 18, re.compile(r"[（(]?\s*(\d{1,3})\s*[）)]")),
    ("circled", 19, re.compile(r"([①-⑳])")),
)
_FIRST_CHARS = frozenset("第（(①" + _HAN + "0123456789０１２３４５６７８９②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳")
_DIGITS = {"零": 0, "〇": 0, "○": 0, "一": 1, "两": 2, "二": 2, "三": 3, "四": 4} | {
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_UNITS = {"十": 10, "百": 100, "千": 1000}


@dataclass(frozen=True, slots=True)
class Numbering:
    """The number that a line begins with.

    Attributes:
        style: Name of the numbering style, e.g. "chapter", "paren_han".
        rank: Nesting rank: a heading closes all headings of the same or a higher rank.
        value: The number itself (the last component of a decimal one such as 2.3).
        title: What follows the number, stripped.
    """

    style: str
    rank: float
    value: int
    title: str


def parse_numbering(text: str) -> Numbering | None:
    """Read the number at the head of `text` (no leading space), None where it begins with none."""
    if not text or text[0] not in _FIRST_CHARS:
        return None
    for style, rank, pattern in _STYLES:
        match = pattern.match(text)
        if match:
            return Numbering(style, rank, number_value(match[1]), text[match.end() :].strip(" \t　:："))
    return None


def number_value(digits: str) -> int:
    """The value of an Arabic, Chinese, decimal (last component) or circled number; 0 where it has none."""
    if digits[0] in "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳":
        return ord(digits[0]) - ord("①") + 1
    last = re.split(r"[.．]", digits)[-1]
    if last.isdigit():
        return int(last)
    if not any(char in _UNITS for char in digits):
        return int("".join(str(_DIGITS.get(char, 0)) for char in digits))
    total, current = 0, 0
    for char in digits:
        if char in _UNITS:
            total += (current or 1) * _UNITS[char]
            current = 0
        else:
            current = _DIGITS.get(char, 0)
    return total + current


def is_numbered_heading(text: str, number: Numbering | None) -> bool:
    """Whether a numbered line is a heading by its looks: short, titled, without the end of a sentence.

    A single question (1. 押金怎么退？) is a heading too.
    An article (第X条) is a heading only where a bare title or nothing follows its number: its text
    on the same line makes it a body paragraph.
    """
    if number is None or len(text) > MAX_HEADING_CHARS or _SENTENCE_IN_TITLE.search(number.title):
        return False
    if text.rstrip()[-1] in "，、,：:；;—":
        return False
    if number.style == "article":
        return len(number.title) <= 16 and not re.search(r"[，、,]", number.title)
    return bool(number.title) or number.rank <= 12
