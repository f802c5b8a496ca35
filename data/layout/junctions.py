"""Broken paragraphs: the evidence that one piece of text goes on in another, and the joining of the two."""

from __future__ import annotations

import re
from dataclasses import dataclass

from policylens.data.layout.captions import is_scene
from policylens.data.layout.common_words import COMMON_WORDS
from policylens.data.layout.lines import closes, ends_sentence, has_inner_end, open_brackets, starts_point
from policylens.data.layout.numbering import is_numbered_heading
from policylens.data.layout.units import Unit, breaks_off

# The evidence is added up in points; a junction needs `_JOIN`, more if a short line between the pieces could
# be a heading or where the first piece looks like one. Set on a newspaper page and on 3,000 policy paragraphs
# cut at random places, November 2026: higher values leave pieces apart, lower ones join strangers.
_JOIN, _JOIN_OVER_LOOSE, _JOIN_LOOSE = 2, 3, 4
_MAX_BETWEEN = 8
_LONG_HEADING = 20  # characters; headings with a comma are shorter as a rule
_CONTEXT = 60_000  # characters around a junction in which its words are looked up

_OPEN_END = re.compile(r"[，、,—～\-·/“‘（(《〈【的和与及或在对为把将被从向由并而以于让使照据]$")
_MID_START = re.compile(
    r"[，。、；：！？…》”’）)】〉」』%％/]"
    r"|(?:的(?!确)|了(?!解|却)|着(?![力眼手重实])|化(?![工学解肥石])|性(?![能别格质])|者|们|[吗呢吧])"
)
_STRONG_START = re.compile(
    r"(?:近年来|近日|日前|此外|与此同时|同时，|另外|为此，|对此，|因此，|然而，|但是，|其次|最后，|首先|本报讯|据了解|据悉|据介绍|记者(?:了解|获悉|从|在|看|注意|还)"
    r"|当前，|目前，|今年以来|去年以来|会议(?:强调|指出|要求|认为|提出)|新华社|中新社)"
)
# How sentences begin and headings hardly ever do, so that a short piece is the first line of a paragraph.
_SENTENCE_START = re.compile(
    r"(?:[一二三四五六七八九十]是|会议|随着|面对|当前|目前|今年|去年|近年来|对于|根据|按照|由于|如果|据|记者|为此|此外|同时|因此|\d{4}年)"
)
_ADVERBIAL_START = re.compile(r"(?:在|到|从|通过|为|对|“|这|我们?|他们?)")
_INTRODUCES = re.compile("(?:——|──)$")  # before a quotation that is a paragraph of its own
_WEAK_START = re.compile(r"(?:[“「『]|\d{4}年|在[^，]{2,20}[，上中下看]|从[^，]{2,20}看|随着|针对|谈及|作为)")


@dataclass(frozen=True, slots=True)
class Source:
    """What the junctions are judged by.

    Attributes:
        text: The text in which the words of a junction are looked up.
        margin: Indent of the lines that begin no paragraph, in half-width columns.
    """

    text: str
    margin: int = 0

    def holds(self, word: str, *, near: int) -> bool:
        """Whether `word` stands in the text within `_CONTEXT` characters of offset `near`."""
        return word in self.text[max(0, near - _CONTEXT) : near + _CONTEXT]

    def begins_paragraph(self, unit: Unit) -> bool:
        """Whether the first line is indented, as that of a paragraph is and that of a second half is not."""
        return unit.first.indent >= self.margin + 2


def source_of(text: str, units: list[Unit]) -> Source:
    """The text and its margin: where wrapped lines go on, at the edge where no line is wrapped."""
    return Source(text, min((unit.last.indent for unit in units if unit.n_lines > 1), default=0))


def join_broken(units: list[Unit], source: Source) -> list[Unit]:
    """Join the pieces of broken paragraphs across what stands between them.

    A short unmarked line between two pieces that belong together becomes a caption: no heading can stand
    inside a sentence.
    """
    taken: set[int] = set()
    previous_open = False
    for index, unit in enumerate(units):
        if index in taken:
            continue
        if not _may_go_on(unit):
            if unit.kind in (None, "body", "heading"):
                previous_open = False
            continue
        joined, end = False, index
        while breaks_off(unit):
            target = _continuation(units, end, unit, taken, source, in_list=previous_open and not joined)
            if target is None:
                break
            for between in range(end + 1, target):
                if between not in taken and units[between].undecided:
                    units[between].kind = "caption"
            unit.kind = "body"
            unit.append(units[target])
            taken.add(target)
            joined, end = True, target
        reads = unit.prose or starts_point(unit.text)
        previous_open = not joined and reads and not ends_sentence(unit.text)
    return [unit for index, unit in enumerate(units) if index not in taken]


def _may_go_on(unit: Unit) -> bool:
    if unit.whole or not breaks_off(unit):
        return False
    return unit.prose or unit.loose or (unit.undecided and is_numbered_heading(unit.text, unit.number))


def _continuation(
    units: list[Unit], index: int, unit: Unit, taken: set[int], source: Source, *, in_list: bool
) -> int | None:
    """Index of the unit that goes on where `unit`, whose last piece stands at `index`, breaks off."""
    between: list[int] = []  # short lines that may be unmarked captions
    interrupted = False
    for target in range(index + 1, min(index + 1 + _MAX_BETWEEN, len(units))):
        other = units[target]
        if target in taken:
            continue
        if other.kind == "byline" and unit.loose:
            return None  # heading, byline, text: the usual order on a page
        if other.kind in ("caption", "pull_quote", "furniture", "byline"):
            interrupted = True
        elif other.whole or other.kind == "heading" or (_begins_anew(other) and not _hangs(unit.text)):
            return None
        elif other.loose:
            between.append(target)
            # One stray line may be a caption; two in a row are, at most, where blank lines set them apart.
            if len(between) > (2 if other.first.gap else 1):
                return None
        else:
            score = _score(unit, other, source, interrupted=interrupted or bool(between), in_list=in_list)
            middle = _middle_piece(units, unit, between, other, source)
            if middle is not None:
                return middle
            return target if score >= _needed(unit, between) else None
    return _middle_piece(units, unit, between[:1], None, source)


def _needed(unit: Unit, between: list[int]) -> int:
    if unit.prose:
        return _JOIN_OVER_LOOSE if between else _JOIN
    return _JOIN_LOOSE + (1 if between or not _clauses(unit.text) else 0)


def _middle_piece(
    units: list[Unit], unit: Unit, between: list[int], after: Unit | None, source: Source
) -> int | None:
    """The short line between two pieces that is a piece itself: a word runs into it, but not past it."""
    for target in between:
        if is_scene(units[target].text):
            continue
        inside = _word_across(unit, units[target], source)
        past = _word_across(unit, after, source) if after is not None else 0
        if (
            inside > past
            and _score(unit, units[target], source, interrupted=True, in_list=False) >= _JOIN_LOOSE
        ):
            return target
    return None


def _begins_anew(unit: Unit) -> bool:
    return unit.number is not None or starts_point(unit.text)


def _hangs(text: str) -> bool:
    return text.rstrip()[-1] in "，、,"


def _score(a: Unit, b: Unit, source: Source, *, interrupted: bool, in_list: bool) -> int:
    """Evidence that `b` goes on where `a` breaks off."""
    left, right = a.text, b.text
    if _MID_START.match(right) and not right.startswith("——"):
        return 10
    if _INTRODUCES.search(left) and right[0] in "“「『":
        return 0
    score = 1 if interrupted else 0
    # A web page indents the second half below a picture too: only between neighbours does the indent tell.
    score -= 4 if not interrupted and source.begins_paragraph(b) else 0
    score += 1 if len(left) >= 60 else 0
    score += 2 if has_inner_end(left) else 1 if re.search("[，、；：]", left) else 0
    score += 3 if _OPEN_END.search(left) else 0
    pending = open_brackets(left)
    if pending and any(closes(right, opener) for opener in pending):
        score += 3
    score += _word_across(a, b, source)
    if _STRONG_START.match(right):
        score -= 2
    elif _WEAK_START.match(right):
        score -= 1
    if ends_sentence(right):
        score += 1
    elif not interrupted:
        score -= 1
    if a.loose:
        score += 2 if _SENTENCE_START.match(left) else 1 if _ADVERBIAL_START.match(left) else 0
        score += 1 if _unbalanced(left) else 0
        score += 1 if len(left) >= _LONG_HEADING and _clauses(left) else 0
    if right[0] in "（(《":
        score += 2 if right[0] != "《" else 1
    # Three open ends in a row are a list without punctuation, not three broken paragraphs.
    return score - 3 if in_list and (starts_point(left) or not ends_sentence(right)) else score


def _clauses(text: str) -> bool:
    return bool(re.search("[，、；：,]", text) or _SENTENCE_START.match(text))


def _unbalanced(text: str) -> bool:
    """Whether commas divide a short text unlike a heading, whose two halves are about equally long."""
    parts = re.split("[，,]", text)
    return len(parts) > 2 or (len(parts) == 2 and abs(len(parts[0]) - len(parts[1])) >= 4)


def _word_across(a: Unit, b: Unit, source: Source) -> int:
    """Evidence that a word or a phrase runs across the junction.

    Returns:
        3 for a phrase of four characters that stands elsewhere in the document, or a common word broken in
        two; 2 for a phrase of three characters; 0 for none.
    """
    left, right = a.text[-2:], b.text[:2]
    near = a.last.end
    if len(left) < 2 or len(right) < 2 or not (left[1] + right[0]).isalnum():
        return 0
    split_word = left[1] + right[0] in COMMON_WORDS and not (left in COMMON_WORDS and right in COMMON_WORDS)
    if split_word or ((left + right).isalnum() and source.holds(left + right, near=near)):
        return 3
    phrases = (left + right[0], left[1] + right)
    return 2 if any(phrase.isalnum() and source.holds(phrase, near=near) for phrase in phrases) else 0
