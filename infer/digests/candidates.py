"""The clauses of a theme's paragraphs that may enter its digest, each with what it cannot do without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policylens.data.records import TaggedParagraph
from policylens.data.sentences import split_sentences
from policylens.infer.digests.clauses import Clause, Kind, read_clauses
from policylens.infer.digests.repair import (
    has_end_mark,
    is_usable,
    leans_inside,
    points_far,
    read_opening,
    without_notes,
)
from policylens.infer.digests.scoring import Place
from policylens.infer.digests.speakers import is_meeting, named_person, pronoun_chars, speaker_clause


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clause that may be chosen.

    Attributes:
        paragraph: Number of its paragraph among those of the theme.
        sentence: Number of its sentence in that paragraph.
        number: Number of the clause in that sentence.
        clause: The clause, its text verbatim from the paragraph.
        start: Its first character in the paragraph.
        needs: Positions in the list of candidates of all that must be chosen with it, itself included.
        place: Where it stands, for scoring.
        is_last: Whether it ends its sentence.
        speaker: Clause of its paragraph that says who speaks (李强指出), where it starts with its verb and
            its sentence does not say so itself; "" else.
    """

    paragraph: int
    sentence: int
    number: int
    clause: Clause
    start: int
    needs: tuple[int, ...]
    place: Place
    is_last: bool
    speaker: str = ""

    @property
    def middle(self) -> int:
        """The character in its middle, counted from the start of the paragraph."""
        return self.start + len(self.clause.text) // 2


def read_candidates(tagged: Sequence[TaggedParagraph]) -> list[Candidate]:
    """Read all clauses of the paragraphs that can stand in a digest, in reading order.

    Args:
        tagged: Body paragraphs of one theme in reading order.

    Returns:
        The candidates. A sentence that leans on the one before it (其中…) is there only where that one is,
        and needs it whole; 他强调 takes the name of the only person named before it. A sentence that is
        unbalanced, a question or an address is left out.
    """
    candidates: list[Candidate] = []
    for number, item in enumerate(tagged):
        _read_paragraph(candidates, item, number)
    return candidates


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence that was read.

    Attributes:
        clauses: Its clauses as they stand in the paragraph; none where it cannot be used.
        start: Where in the paragraph the first of them can begin.
        leans: Whether it leans on the sentence before it.
        whole: Whether it is complete; of one that breaks off, the last clause is left out.
        person: Whom its opening 他 stands for, "" where there is none.
        speaker: Clause of this sentence that says who speaks, "" where none does.
    """

    clauses: tuple[Clause, ...]
    start: int
    leans: bool
    whole: bool
    person: str
    speaker: str


def _read_sentence(sentence: str, start: int, person: str) -> _Sentence:
    opening = read_opening(sentence)
    rest = sentence[opening.start :]
    clauses = read_clauses(rest) if is_usable(sentence) else ()
    pronoun = pronoun_chars(rest) if person else 0
    if pronoun and clauses:
        resolved = read_clauses(person + rest[pronoun:])
        leans, speaker = leans_inside(resolved), speaker_clause(resolved)
    else:
        leans, speaker = opening.leans or leans_inside(clauses), speaker_clause(clauses)
    whole = has_end_mark(sentence)
    if points_far(clauses) or (len(clauses) == 1 and not whole):
        clauses = ()
    return _Sentence(clauses, start + opening.start, leans, whole, person if pronoun else "", speaker)


def _read_paragraph(candidates: list[Candidate], item: TaggedParagraph, number: int) -> None:
    text = item.paragraph.text
    spans = split_sentences(text)
    before: tuple[int, ...] = ()
    person = speaker = ""
    for k, (start, end) in enumerate(spans):
        read = _read_sentence(text[start:end], start, person)
        person = named_person(text[start:end]) or person
        carried, speaker = speaker, read.speaker or speaker
        if not read.clauses or (read.leans and not before):
            before = ()
            continue
        first = len(candidates)
        _add_clauses(
            candidates,
            read,
            item,
            at=(number, k, len(spans)),
            before=before if read.leans else (),
            carried=carried,
        )
        own = tuple(range(first, len(candidates)))
        before = (*before, *own) if read.leans else own


def _speaker_of(read: _Sentence, number: int, carried: str) -> str:
    """Who says a clause: a meeting named before it in its sentence, or the speaker of an earlier sentence.

    会议指出 is never printed with its own sentence, so it is carried to it as to the later ones.
    """
    if not read.speaker:
        return carried
    # A speaker that was resolved from a pronoun is no clause of the sentence; it stands before all of them.
    said_at = next((at for at, clause in enumerate(read.clauses) if clause.text == read.speaker), -1)
    return read.speaker if is_meeting(read.speaker) and number > said_at else ""


def _add_clauses(
    candidates: list[Candidate],
    read: _Sentence,
    item: TaggedParagraph,
    *,
    at: tuple[int, int, int],
    before: tuple[int, ...],
    carried: str,
) -> None:
    """Add the clauses of one sentence; `at` is paragraph, sentence and number of sentences."""
    text, first = item.paragraph.text, len(candidates)
    usable = read.clauses if read.whole else read.clauses[:-1]
    start = read.start
    for j, clause in enumerate(usable):
        needs = {first + need for need in clause.needs} | {first + j}
        if max(needs) >= first + len(usable):
            needs = {first + j}
        start = text.index(clause.text, start)
        printed = without_notes(clause.text)
        if j == 0 and read.person:
            printed = read.person + printed[pronoun_chars(printed + "，") :]
        candidates.append(
            Candidate(
                paragraph=at[0],
                sentence=at[1],
                number=j,
                clause=Clause(printed, clause.mark, clause.kind, clause.needs),
                start=start,
                needs=tuple(sorted(needs | set(before))),
                place=_place(item, read, j, at),
                is_last=j == len(read.clauses) - 1,
                speaker=_speaker_of(read, j, carried) if clause.kind is Kind.VERB else "",
            )
        )
        start += len(clause.text)


def _place(item: TaggedParagraph, read: _Sentence, number: int, at: tuple[int, int, int]) -> Place:
    paragraph = item.paragraph
    return Place(
        kind=read.clauses[number].kind,
        clause=number,
        clauses=len(read.clauses),
        sentence=at[1],
        sentences=at[2],
        theme_score=item.theme_score,
        title=" ".join((paragraph.title, paragraph.heading, paragraph.doc)),
        paragraph_chars=len(paragraph.text),
    )
