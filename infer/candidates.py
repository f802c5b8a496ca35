"""The clauses of a theme's paragraphs that may enter its digest, each with what it cannot do without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policylens.data.records import TaggedParagraph
from policylens.data.sentences import split_sentences
from policylens.infer.clauses import Clause, read_clauses
from policylens.infer.repair import (
    has_end_mark,
    is_usable,
    leans_inside,
    points_far,
    read_opening,
    without_notes,
)
from policylens.infer.scoring import Place


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clause that may be chosen.

    Attributes:
        paragraph: Number of its paragraph among those of the theme.
        sentence: Number of its sentence in that paragraph.
        number: Number of the clause in that sentence.
        clause: The clause, its text verbatim from the paragraph.
        needs: Positions in the list of candidates of all that must be chosen with it, itself included.
        place: Where it stands, for scoring.
        is_last: Whether it ends its sentence.
    """

    paragraph: int
    sentence: int
    number: int
    clause: Clause
    needs: tuple[int, ...]
    place: Place
    is_last: bool


def read_candidates(tagged: Sequence[TaggedParagraph]) -> list[Candidate]:
    """Read all clauses of the paragraphs that can stand in a digest, in reading order.

    Args:
        tagged: Body paragraphs of one theme in reading order.

    Returns:
        The candidates. A sentence that leans on the one before it (他强调…) is there only where that one
        is, and needs it whole; one that is unbalanced, a question or an address is left out.
    """
    candidates: list[Candidate] = []
    for number, item in enumerate(tagged):
        _read_paragraph(candidates, item, number)
    return candidates


def _read_paragraph(candidates: list[Candidate], item: TaggedParagraph, number: int) -> None:
    text = item.paragraph.text
    spans = split_sentences(text)
    title = " ".join((item.paragraph.title, item.paragraph.heading, item.paragraph.doc))
    before: tuple[int, ...] = ()
    for k, (start, end) in enumerate(spans):
        sentence = text[start:end]
        opening = read_opening(sentence)
        clauses = read_clauses(sentence[opening.start :]) if is_usable(sentence) else ()
        leans = opening.leans or leans_inside(clauses)
        whole = has_end_mark(sentence)
        broken = len(clauses) == 1 and not whole
        if not clauses or broken or points_far(clauses) or (leans and not before):
            before = ()
            continue
        first = len(candidates)
        for j, clause in enumerate(clauses if whole else clauses[:-1]):
            needs = {first + need for need in clause.needs} | {first + j}
            if max(needs) >= first + len(clauses) - (not whole):
                needs = {first + j}
            place = Place(
                kind=clause.kind,
                clause=j,
                clauses=len(clauses),
                sentence=k,
                sentences=len(spans),
                theme_score=item.theme_score,
                title=title,
                paragraph_chars=len(text),
            )
            tidy = Clause(without_notes(clause.text), clause.mark, clause.kind, clause.needs)
            candidates.append(
                Candidate(
                    paragraph=number,
                    sentence=k,
                    number=j,
                    clause=tidy,
                    needs=tuple(sorted(needs | set(before if leans else ()))),
                    place=place,
                    is_last=j == len(clauses) - 1,
                )
            )
        own = tuple(range(first, len(candidates)))
        before = (*before, *own) if leans else own
