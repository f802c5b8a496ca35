"""Clauses of the sources that can stand alone as a headline or a label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policylens.data.records import TaggedParagraph
from policylens.data.sentences import is_balanced, split_sentences
from policylens.infer.digests.clauses import Clause, Kind, read_clauses
from policylens.infer.digests.repair import is_usable, leans_back, points_far, read_opening

_STANDING = (Kind.STATEMENT, Kind.VERB)
# Says who speaks, asks, numbers or calls: no headline. Nor does one begin in mid-thought.
_NOT_ALONE = re.compile(
    r"[“”《》（）()？！：:※]|^(?:在|是|对|从|把|将|使|让|才|本法|本条例|如何|当|随|伴随|面对|位于|换|据|还|与|和|以|为|通过|同比|环比|占|比|累计|其中|分别|能够|可以|"
    r"不仅|既|又|也|都|有|每|只有|这|那|要|应|能|会|一|更|主要|来|去|到(?!20)|并|我们|双方|[两三四]地|具有|属于|需要|据|各地)|"
    r"还要|所称|是指|加以解决$|(?:指出|表示|强调|认为|介绍|说|提出|透露|建议|如下|方面|等|之一|时|中|上|下|后|以来)$"
)
# After a clause without a subject: that one is only what for (推动新型工业化发展，必须抓住这个关键).
_WHAT_IT_TAKES = re.compile(r"就?(?:必须|需要|须|离不开|要靠|关键)")
_COUNT_ONLY = re.compile(r"^\D{0,6}\d[\d.,%万亿]*\D{0,3}$")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A clause and the number of the paragraph that it is taken from, verbatim."""

    text: str
    paragraph: int
    sentence: int


def standing_phrases(
    tagged: Sequence[TaggedParagraph], *, min_chars: int, max_chars: int
) -> Iterator[Phrase]:
    """Find the clauses that read well without anything around them.

    Args:
        tagged: Paragraphs in reading order.
        min_chars: Shortest length in characters.
        max_chars: Longest length in characters.
    """
    for number, item in enumerate(tagged):
        text = item.paragraph.text
        for k, (start, end) in enumerate(split_sentences(text)):
            sentence = text[start:end]
            opening = read_opening(sentence)
            if opening.leans or not is_usable(sentence):
                continue
            clauses = read_clauses(sentence[opening.start :])
            if points_far(clauses):
                continue
            for at, clause in enumerate(clauses):
                fits = min_chars <= len(clause.text) <= max_chars and clause.kind in _STANDING
                if clause.kind is Kind.VERB and _is_purpose(clauses[at + 1 :]):
                    continue
                if fits and not clause.needs and stands_alone(clause.text):
                    yield Phrase(clause.text, number, k)


def _is_purpose(after: Sequence[Clause]) -> bool:
    return bool(after) and _WHAT_IT_TAKES.match(after[0].text) is not None


def stands_alone(text: str) -> bool:
    """Whether a clause is balanced, opens with what it speaks of and ends what it says."""
    return not (_NOT_ALONE.search(text) or _COUNT_ONLY.match(text) or leans_back(text)) and is_balanced(text)
