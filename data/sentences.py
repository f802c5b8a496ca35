"""Sentences, clauses and list items of Chinese policy text, as spans over the untouched text.

Every function returns `(start, end)` spans in characters that concatenate to the text exactly, so a
caller can always trace a piece back to its source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

Span = tuple[int, int]

_PAIRS = {
    "“": "”",
    "‘": "’",
    "「": "」",
    "『": "』",
    "（": "）",
    "(": ")",
    "《": "》",
    "〈": "〉",
    "【": "】",
    "[": "]",
}
_OPENERS = {closer: opener for opener, closer in _PAIRS.items()}
_QUOTES = frozenset('“‘「『"')
_CLOSERS = frozenset("".join(_OPENERS)) | {'"'}
_BRACKET = re.compile("[" + re.escape("".join(_PAIRS) + "".join(_OPENERS) + '"') + "]")

# In a paragraph whose brackets do not all match, a pair longer than this is more likely two strays than
# a quotation; without the limit one stray quote in a recognised text would swallow the whole paragraph.
_MAX_STRAY_PAIR = 300

# ASCII "!" and "?" also stand in addresses (a?b=c); only a following letter, digit or "/=&" tells.
_END = re.compile(
    r"(?:(?!(?<=\d)。\d)[。！？｡]|…+|[!?](?![A-Za-z0-9_/=&%#.-]"
    r"|[!?][A-Za-z0-9_/=&%#-]))(?:[。！？｡!?]|…)*"
)
_GOES_ON = frozenset("，、；：,;:")
_SPACE = re.compile(r"\s*")

# Verbs of saying that close an attribution after a quotation: “……。”某某表示 / “……。”某某对记者说。
_SAYS = (
    "表示|说|指出|认为|强调|介绍|称|坦言|告诉记者|告诉|说道|谈到|提到"
    "|解释|分析|建议|透露|写道|感慨|回忆|回答|直言|补充"
)
_ATTRIBUTION = re.compile(rf"[^。！？；：，“”]{{1,45}}?(?:{_SAYS})(?:道|说|到|，|：|。|；|,|:|$)")

# Some texts write thousands and decimals with full-width marks (７，５００ and 1。5), recognised ones often.
_CLAUSE_END = re.compile(r"(?!(?<=\d)，\d{3}(?!\d))[，；：]|[,;:](?![\d/\\])")

_NUMERALS = "一二三四五六七八九十"
_FIRST_WORDS = ("首先", "其次", "再次")
# 最后 closes a list of any length.
_LAST = -1
# One alternative per way of counting; a list never mixes them, so the style is part of the marker.
_MARKER = re.compile(
    rf"(?P<cn>[{_NUMERALS}]{{1,2}})(?P<cn_tail>是|要)"
    rf"|第(?P<di>[{_NUMERALS}]{{1,2}})(?P<di_tail>[，、,])"
    rf"|[（(](?P<paren>\d{{1,2}}|[{_NUMERALS}]{{1,2}})[）)]"
    r"|(?P<circled>[①-⑳])"
    r"|(?P<words>首先|其次|再次|最后)[，,]?"
)
_BEFORE_MARKER = frozenset("。；：，！？、;:, \u3000\n")


class ListParts(NamedTuple):
    """A text with counted items.

    Attributes:
        lead: What stands before the first item, e.g. "要抓好三件事："; may be empty.
        items: The items with their markers; empty where the text has no list, then `lead` is all of it.
    """

    lead: Span
    items: list[Span]


def matched_pairs(text: str) -> list[Span]:
    """Find the bracket and quotation pairs of a text.

    Args:
        text: Any text.

    Returns:
        `(opener, closer)` positions of each pair in order of the closers. Stray brackets are left out,
        and in a text with strays also pairs wider than 300 characters.
    """
    stack: list[tuple[str, int]] = []
    pairs: list[Span] = []
    stray = False
    for match in _BRACKET.finditer(text):
        char, at = match.group(), match.start()
        if char == '"':
            opener = '"' if any(open_char == '"' for open_char, _ in stack) else ""
        else:
            opener = _OPENERS.get(char, "")
        if not opener:
            stack.append((char, at))
            continue
        depth = next((i for i in range(len(stack) - 1, -1, -1) if stack[i][0] == opener), -1)
        if depth < 0:
            stray = True
            continue
        stray = stray or depth != len(stack) - 1
        pairs.append((stack[depth][1], at))
        del stack[depth:]
    if stray or stack:
        pairs = [(start, end) for start, end in pairs if end - start <= _MAX_STRAY_PAIR]
    return pairs


def is_balanced(text: str) -> bool:
    """Tell whether every quotation mark and bracket of a text has its partner, properly nested."""
    return 2 * len(matched_pairs(text)) == sum(1 for _ in _BRACKET.finditer(text))


def outer_pairs(text: str) -> list[Span]:
    """The pairs of `matched_pairs` that lie in no other pair, in order of position."""
    outer: list[Span] = []
    for start, end in sorted(matched_pairs(text)):
        if not outer or start > outer[-1][1]:
            outer.append((start, end))
    return outer


def split_sentences(text: str) -> list[Span]:
    """Split a paragraph into sentences.

    A sentence ends at 。！？!? or an ellipsis outside every quotation and bracket, or with a quotation
    that itself ends so (“……。”); closing marks and white space stay with it. A quotation is not cut from
    the speaker named after it (“……。”某某表示，……), so spans are balanced wherever the paragraph is.

    Args:
        text: A paragraph.

    Returns:
        Spans that concatenate to `text`; empty for an empty text. The last one may lack an end mark.
    """
    ends = _outer_ends(text)
    spans: list[Span] = []
    start = 0
    for end in ends:
        if end <= start:
            continue
        if _is_cut_from_speaker(text, start, end):
            continue
        spans.append((start, end))
        start = end
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def _outer_ends(text: str) -> list[int]:
    """Positions after each end mark that stands outside all pairs or right before the close of one."""
    ends: list[int] = []
    pairs = outer_pairs(text)
    quotes = {end: text[start] in _QUOTES for start, end in pairs}
    at_pair = 0
    for match in _END.finditer(text):
        while at_pair < len(pairs) and pairs[at_pair][1] < match.start():
            at_pair += 1
        end = match.end()
        if at_pair < len(pairs) and pairs[at_pair][0] < match.start():
            closer = pairs[at_pair][1]
            # Nested closers (。’”) may stand between the mark and the outer one.
            if not quotes[closer] or any(char not in _CLOSERS for char in text[end:closer]):
                continue
            end = closer + 1
        else:
            end = _past_stray_closers(text, end)
        if text[end : end + 1] in _GOES_ON and end < len(text):
            continue
        space = _SPACE.match(text, end)
        ends.append(space.end() if space else end)
    return ends


def _past_stray_closers(text: str, at: int) -> int:
    """Outside all pairs a closing mark after the end mark is a stray one; it belongs to what it closes."""
    while at < len(text) and text[at] in _CLOSERS and text[at] != '"':
        at += 1
    return at


def _is_cut_from_speaker(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is only a quotation and its speaker is named right after it."""
    said = text[start:end].strip()
    if not said or said[0] not in _QUOTES or end >= len(text):
        return False
    pairs = outer_pairs(said)
    return pairs == [(0, len(said) - 1)] and _ATTRIBUTION.match(text, end) is not None


def split_clauses(text: str) -> list[Span]:
    """Split a sentence at ，；： outside quotations, brackets and 《》.

    Args:
        text: A sentence.

    Returns:
        Spans that concatenate to `text`, each with the mark that ends it. Marks between digits
        (1,000 or 10:30) and in addresses do not split.
    """
    inside = _Inside(outer_pairs(text))
    cuts = [match.end() for match in _CLAUSE_END.finditer(text) if not inside.covers(match.start())]
    return _spans_between(cuts, len(text))


def split_list_items(text: str) -> ListParts:
    """Split a sentence or paragraph that counts its items: 一是…；二是…, 第一，…, （1）…, 首先…其次….

    Args:
        text: A sentence or a whole paragraph.

    Returns:
        Lead and items, which concatenate to `text`. A list counts from one in steps of one and has at
        least two items; anything else is no list.
    """
    inside = _Inside([(s, e) for s, e in outer_pairs(text) if not _MARKER.fullmatch(text[s : e + 1])])
    starts: list[int] = []
    style = ""
    for match in _MARKER.finditer(text):
        at = match.start()
        if inside.covers(at) or (at > 0 and text[at - 1] not in _BEFORE_MARKER):
            continue
        found, number = _numbered(match)
        if starts and found == style and number in (len(starts) + 1, _LAST):
            starts.append(at)
        elif number == 1 and len(starts) < 2:
            starts, style = [at], found
    if len(starts) < 2:
        return ListParts((0, len(text)), [])
    items = _spans_between(starts[1:], len(text), start=starts[0])
    return ListParts((0, starts[0]), items)


def _numbered(match: re.Match[str]) -> tuple[str, int]:
    """The style of a list marker and the number it stands for."""
    style = match.lastgroup or ""
    style = style.removesuffix("_tail")
    written = match.group(style)
    if style == "words":
        return style, _FIRST_WORDS.index(written) + 1 if written != "最后" else _LAST
    if style == "circled":
        return style, ord(written) - ord("①") + 1
    return style, int(written) if written.isdigit() else _chinese_number(written)


def _chinese_number(written: str) -> int:
    """一 -> 1, 十 -> 10, 十二 -> 12, 二十 -> 20."""
    if "十" not in written:
        return _NUMERALS.index(written[0]) + 1
    tens, _, ones = written.partition("十")
    return 10 * (_NUMERALS.index(tens) + 1 if tens else 1) + (_NUMERALS.index(ones) + 1 if ones else 0)


def _spans_between(cuts: Iterable[int], end: int, *, start: int = 0) -> list[Span]:
    spans: list[Span] = []
    for cut in cuts:
        spans.append((start, cut))
        start = cut
    if start < end:
        spans.append((start, end))
    return spans


class _Inside:
    """Tells, for rising positions, whether one lies inside any of the given pairs."""

    def __init__(self, pairs: list[Span]) -> None:
        self._pairs = pairs
        self._next = 0

    def covers(self, at: int) -> bool:
        while self._next < len(self._pairs) and self._pairs[self._next][1] < at:
            self._next += 1
        return self._next < len(self._pairs) and self._pairs[self._next][0] <= at
