"""Whether a reworded sentence says only what its cited paragraphs say, and drops nothing that counts.

Every number, date, 文号, name, title and quotation of the new sentence must stand in the cited paragraphs,
whatever its width or numerals; figures must stay with their subject and direction; what the extracted
sentence names must be kept. The rules are lexical and lean to refusal, which costs only the wording.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from policylens.infer.digests import names
from policylens.infer.digests.repair import is_well_formed, leans_back
from policylens.infer.figures.numerals import Date, Numbers, Quantity, plain, read_numbers

Objection = Literal[
    "form",
    "length",
    "figure",
    "date",
    "document_number",
    "code",
    "person",
    "organisation",
    "title",
    "quotation",
    "claim",
    "negation",
    "direction",
    "moved",
    "dropped",
    "similarity",
]

# Least share of the new sentence's character pairs that the cited paragraphs have. Of 480 sentences that were
# held against all paragraphs of another set of the same theme, 99.5 % stay below 0.48 (2026-11).
MIN_SUPPORTED = 0.5
# Least share of the extracted sentence's characters that the new one has. Of 1,072 pairs of different
# sentences of one paragraph, 98 % stay below 0.53 (2026-11): below this it is about something else.
MIN_KEPT = 0.55
# The same for each clause that is long enough to say something: a comment of the model's own (令人振奋) has
# next to nothing in common with the paragraphs, however well the rest of the sentence agrees.
MIN_CLAUSE_SUPPORTED = 0.2
_MIN_CLAUSE_CHARS = 4
# A figure has moved if its clause is this much closer to a source clause that has another figure.
_MOVED_MARGIN = 0.2

_ALLOWED_MARKS = frozenset("，。；：、！？“”‘’（）《》—…·%％-.．")
_CLAUSE_END = re.compile(r"[,。;:、!?\n()“”《》]|——")
_RISES = re.compile(
    r"增长|上升|提高|增加|提升|扩大|上涨|回升|增至|升至|新增|增收|加快|高出|快于|高于|翻番|超过"
)
_FALLS = re.compile(
    r"下降|减少|降低|回落|收窄|缩小|下跌|压减|缩短|缩减|降至|减至|下滑|萎缩|节约|减轻|低于|慢于|放缓"
)
_NEGATION = re.compile(
    r"不(?!断|少|同|仅|但|只|光|足|超过|低于|高于|少于|多于|大于|小于|到|满|动产|懈|忘|锈|论|管|妨|可避免|良|平衡)|没有?(?!收)|未(?!来|成年)"
    r"|严禁|禁止|杜绝|取缔|无(?!人|线|疑|论|形|锡|障碍|缝|废|忧|偿|害)|非(?!常|公|遗|物质|凡|洲)|勿|莫(?!大)|拒绝|停止|取消|谢绝"
)
_FORBIDS = re.compile(r"不得|严禁|禁止|不准|杜绝|取缔|不允许|严控|限制")
_PLANNED = re.compile(
    r"将(?!军)|拟|计划|力争|预计|争取|有望|目标|要(?!素|点)|应|建议|确保|准备|打算|希望|到[\d二]"
)
_CLAIMS = re.compile(
    r"首次|首个|首家|首位|首批|唯一|率先|之首|榜首|历史性|世界|全球|国际|全国|最[大高多快早好低小强先优]|全部|所有|一律|翻番|翻倍|翻[一二两三]番"
    r"|倍增|减半|双倍|成倍|数倍|一半|半数|过半|大半|多数|大部分|半年|半月|半天|半个|今年|去年|明年|前年|后年|上年|本月|上月|当年|次年|年内"
    r"|上半年|下半年|年底|年初|月底|月末|年末|昨[天日]|今[天日]|明[天日]|日前|近日|同比|环比|累计|人均|年均|日均"
)
# These turn a plan into a fact or a wish into a duty: the extracted sentence itself must have them.
_CERTAIN = re.compile(r"已|必须|必将|务必")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a reworded sentence is refused.

    Attributes:
        reason: The kind of problem.
        detail: What it is about, as the sentence has it; "" where the kind says all.
    """

    reason: Objection
    detail: str = ""


class Guard:
    """Checks rewordings of one extracted sentence.

    Args:
        extract: The sentence as extracted.
        cited: The paragraphs that it cites. A source's name (吉林, 2015年政府工作报告) may stand in the
            extract only, since it is the document's and not the paragraph's.
    """

    def __init__(self, extract: str, cited: Sequence[str]) -> None:
        self.extract = extract
        self.raw_sources = (extract, *cited)
        self.sources = tuple(plain(text) for text in self.raw_sources)

    @cached_property
    def _bare_sources(self) -> tuple[str, ...]:
        return tuple(names.bare(source) for source in self.sources)

    @cached_property
    def _numbers(self) -> tuple[Numbers, ...]:
        return tuple(read_numbers(source) for source in self.sources)

    @cached_property
    def _pairs(self) -> frozenset[str]:
        return frozenset(pair for source in self._bare_sources for pair in _pairs(source))

    @cached_property
    def _clauses(self) -> tuple[_Clause, ...]:
        return tuple(clause for source in self.sources for clause in _clauses(source))

    def check(self, text: str, *, max_chars: int) -> Problem | None:
        """The first thing that is wrong with a rewording; None where nothing is.

        Args:
            text: The rewording.
            max_chars: Most characters that it may have.
        """
        return next(self.problems(text, max_chars=max_chars), None)

    def problems(self, text: str, *, max_chars: int) -> Iterator[Problem]:
        """Everything that is wrong with a rewording, in the order in which it is looked for."""
        yield from self._form(text)
        new = plain(text)
        numbers = read_numbers(new)
        yield from self._unsupported_numbers(numbers)
        yield from self._unsupported_names(text, new)
        yield from self._changed_sense(new)
        yield from self._moved(new)
        yield from self._dropped(text, new, numbers)
        yield from self._too_far(new)
        if len(text) > max_chars:
            yield Problem("length", f"{len(text)} > {max_chars}")

    def supported(self, text: str) -> float:
        """Share of the character pairs of a text that the sources have, in [0, 1]."""
        pairs = _pairs(names.bare(text))
        return sum(pair in self._pairs for pair in pairs) / len(pairs) if pairs else 0.0

    def kept(self, text: str) -> float:
        """Share of the characters of the extracted sentence that a text has, in [0, 1]."""
        wanted = set(self._bare_sources[0])
        return len(wanted & set(names.bare(text))) / len(wanted) if wanted else 1.0

    def _form(self, text: str) -> Iterator[Problem]:
        if odd := next((char for char in text if not self._may_stand(char)), None):
            yield Problem("form", f"U+{ord(odd):04X}")
        if not is_well_formed(text) or (leans_back(text) and not leans_back(self.extract)):
            yield Problem("form")

    def _too_far(self, new: str) -> Iterator[Problem]:
        if self.supported(new) < MIN_SUPPORTED or self.kept(new) < MIN_KEPT:
            yield Problem("similarity", f"{self.supported(new):.2f}/{self.kept(new):.2f}")
        for clause in _CLAUSE_END.split(new):
            if len(names.bare(clause)) >= _MIN_CLAUSE_CHARS and self.supported(clause) < MIN_CLAUSE_SUPPORTED:
                yield Problem("similarity", clause)

    def _may_stand(self, char: str) -> bool:
        half = unicodedata.normalize("NFKC", char)
        if "\u4e00" <= char <= "\u9fff" or (half.isascii() and half.isalnum()) or char in _ALLOWED_MARKS:
            return True
        # Line breaks and hidden marks have no place in a sentence, whether or not a source has them.
        printable = char == "　" or unicodedata.category(char)[0] not in "CZ"
        return printable and any(char in source for source in self.raw_sources)

    def _unsupported_numbers(self, numbers: Numbers) -> Iterator[Problem]:
        known = self._numbers
        keys = {quantity.key for one in known for quantity in one.quantities}
        dates = [date for one in known for date in one.dates]
        codes = {code for one in known for code in one.codes}
        documents = [document for one in known for document in one.documents]
        for quantity in numbers.quantities:
            if quantity.key not in keys:
                yield Problem("figure", f"{_number(quantity)}{quantity.unit}")
        for date in numbers.dates:
            if not any(date.within(other) for other in dates):
                yield Problem("date", _written(date))
        for code in numbers.codes:
            if code not in codes:
                yield Problem("code", code)
        for document in numbers.documents:
            if not any(_same_document(document, other) for other in documents):
                yield Problem("document_number", f"{document[0]}〔{document[1]}〕{document[2]}号")

    def _unsupported_names(self, text: str, new: str) -> Iterator[Problem]:
        for person in sorted(names.persons(text)):
            if not names.has(self._bare_sources, plain(person)):
                yield Problem("person", person)
        for name in names.unknown_organisations(new, self.sources):
            yield Problem("organisation", name)
        for title in names.titles(text):
            if not names.has(self._bare_sources, plain(title)):
                yield Problem("title", title)
        for quotation in names.quotations(text):
            if not names.has(self._bare_sources, plain(quotation)):
                yield Problem("quotation", quotation)

    def _changed_sense(self, new: str) -> Iterator[Problem]:
        extract = self.sources[0]
        for match in _CLAIMS.finditer(new):
            if not any(match[0] in source for source in self.sources):
                yield Problem("claim", match[0])
        for match in _CERTAIN.finditer(new):
            if match[0] not in extract:
                yield Problem("claim", match[0])
        if _PLANNED.search(extract) and not _PLANNED.search(new):
            yield Problem("claim")
        forbids = bool(_FORBIDS.search(extract)), bool(_FORBIDS.search(new))
        if forbids[0] != forbids[1] or len(_NEGATION.findall(new)) != len(_NEGATION.findall(extract)):
            yield Problem("negation")

    def _moved(self, new: str) -> Iterator[Problem]:
        for clause in _clauses(new):
            for quantity in clause.quantities:
                with_it = [other for other in self._clauses if other.has(quantity)]
                if not with_it:
                    continue
                turns = [_direction(other.text) for other in with_it]
                direction = _direction(clause.text)
                if direction and -direction in turns and direction not in turns:
                    yield Problem("direction", clause.text)
                others = [o for o in self._clauses if not o.has(quantity) and o.has_unit(quantity.unit)]
                if _nearest(clause, others) > _nearest(clause, with_it) + _MOVED_MARGIN:
                    yield Problem("moved", clause.text)

    def _dropped(self, text: str, new: str, numbers: Numbers) -> Iterator[Problem]:
        before = self._numbers[0]
        keys = {quantity.key for quantity in numbers.quantities}
        yield from (
            Problem("dropped", f"{_number(q)}{q.unit}") for q in before.quantities if q.key not in keys
        )
        yield from (
            Problem("dropped", _written(date))
            for date in before.dates
            if not any(date.within(other) for other in numbers.dates)
        )
        yield from (Problem("dropped", code) for code in before.codes if code not in numbers.codes)
        yield from (Problem("dropped", d[0]) for d in before.documents if d not in numbers.documents)
        kept = (names.bare(new),)
        named = (*names.persons(self.extract), *names.titles(self.extract), *names.places(self.extract))
        yield from (Problem("dropped", name) for name in named if not names.has(kept, plain(name)))


@dataclass(frozen=True, slots=True)
class _Clause:
    """A stretch between two marks with its numbers."""

    text: str
    pairs: frozenset[str]
    quantities: tuple[Quantity, ...]

    def has(self, quantity: Quantity) -> bool:
        return any(quantity.key == mine.key for mine in self.quantities)

    def has_unit(self, unit: str) -> bool:
        return any(unit == mine.unit for mine in self.quantities)


def _clauses(text: str) -> Iterator[_Clause]:
    numbers = read_numbers(text)
    start = 0
    for end in (*(match.start() for match in _CLAUSE_END.finditer(text)), len(text)):
        inside = tuple(
            q for q in numbers.quantities if start <= q.start and q.end <= end and q.bound != "ordinal"
        )
        words = text[start:end]
        for quantity in reversed(inside):
            words = words[: quantity.start - start] + " " + words[quantity.end - start :]
        if inside:
            yield _Clause(text[start:end], frozenset(_pairs(names.bare(words))), inside)
        start = end + 1


def _nearest(clause: _Clause, others: Iterable[_Clause]) -> float:
    """Largest share of a clause's character pairs that one of the others has."""
    if not clause.pairs:
        return 0.0
    return max((len(clause.pairs & other.pairs) / len(clause.pairs) for other in others), default=0.0)


def _direction(text: str) -> int:
    """1 where a clause says that something rises, -1 where it falls, 0 where neither or both."""
    return bool(_RISES.search(text)) - bool(_FALLS.search(text))


def _pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(len(text) - 1)]


def _same_document(one: tuple[str, int, int], other: tuple[str, int, int]) -> bool:
    """Whether two 文号 are the same; what stands before the issuer may differ by words of the sentence."""
    if one[1:] != other[1:]:
        return False
    shorter, longer = sorted((one[0], other[0]), key=len)
    return longer == shorter or (len(shorter) > 2 and longer.endswith(shorter))


def _number(quantity: Quantity) -> str:
    return f"{quantity.value.normalize():f}"


def _written(date: Date) -> str:
    parts = ((date.year, "年"), (date.month, "月"), (date.day, "日"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
