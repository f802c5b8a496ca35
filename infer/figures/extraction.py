"""Key figures of Chinese policy text: a number, its unit, what it measures and where it stands.

The measure is the clause with the number taken out: subject and verb of change ("制造业技改投资增长"), or
verb and object ("建设5G工厂"). A clause that starts with 同比, 占, 对 … takes its subject from before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from policylens.data.records import Citation, Figure, TaggedParagraph
from policylens.infer.figures.amounts import read_amount
from policylens.infer.figures.contexts import clauses_of, with_context
from policylens.infer.figures.digits import HALF_WIDTH
from policylens.infer.figures.lists import groups_of, is_bare_list, listed_subjects, respectively
from policylens.infer.figures.periods import PERIOD, period_before
from policylens.infer.figures.quantities import MONEY, Number, bounds_of
from policylens.infer.figures.subjects import Subject, measure_of, split_change, subject_of_plain_clause

_SENTENCE_END = "。！？；\n"
_PERIOD_ONLY = re.compile(rf"(?:{PERIOD})+")
_MIN_REPEATED_CHARS = 8

# Theme, number, period and measure.
_Key = tuple[str, str, str, str]


def extract_figures(paragraphs: Sequence[TaggedParagraph], *, limit: int | None = None) -> tuple[Figure, ...]:
    """Find the key figures: amounts, shares, rates and counts with what they measure.

    Years, dates, ordinals, document numbers, designations (5G, ISO 9001) and titles in 《》 are not figures.
    The same value, unit and measure is reported once per theme.

    Args:
        paragraphs: Paragraphs in reading order.
        limit: Keep only the best so many: a clear measure first, then percentages and money, then counts.

    Returns:
        Figures in reading order. `value + unit` and `text` are verbatim in the cited paragraph.

    Raises:
        ValueError: `limit` is negative.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"limit {limit} is negative; give the number of figures to keep, or None for all")
    found: dict[_Key, Figure] = {}
    clauses: dict[tuple[str, str], list[_Key]] = {}
    for tagged in paragraphs:
        citation = Citation(tagged.paragraph.doc, tagged.paragraph.para)
        for figure in _figures_in(tagged.paragraph.text, citation):
            key = _key(tagged.theme, figure)
            # A box in a newspaper repeats the clause "680家工厂接入平台" without its beginning.
            clause = figure.text[figure.text.rfind(figure.value + figure.unit) :]
            same = clauses.setdefault((tagged.theme, clause), [])
            if len(clause) >= _MIN_REPEATED_CHARS:
                key = next((k for k in same if key[-1].endswith(k[-1]) or k[-1].endswith(key[-1])), key)
            same.append(key)
            found[key] = _also_in(found[key], citation) if key in found else figure
    return best_figures(tuple(found.values()), limit=limit)


def best_figures(figures: Sequence[Figure], *, limit: int | None) -> tuple[Figure, ...]:
    """The figures that tell most: a clear measure first, then percentages and money, then counts.

    Args:
        figures: Figures in reading order.
        limit: Keep only so many, all when None.

    Returns:
        The best ones, in reading order.
    """
    if limit is None or len(figures) <= limit:
        return tuple(figures)
    best = sorted(range(len(figures)), key=lambda i: (-_rank(figures[i]), i))[:limit]
    return tuple(figures[i] for i in sorted(best))


def _figures_in(text: str, citation: Citation) -> Iterator[Figure]:
    subject = Subject()
    recent: list[Subject] = []
    previous_end = 0
    period = -1
    # The subjects of the levels since the last change: 收入5万元，支出3万元，分别…
    levels: list[Subject] = []
    for start, end, numbers in clauses_of(text):
        if any(mark in text[previous_end:start] for mark in _SENTENCE_END):
            subject, recent, period, levels = Subject(), [], -1, []
        previous_end = end
        if not numbers:
            subject = subject_of_plain_clause(text[start:end], start, subject)
            # "1—11月份，" says when: it belongs to the text of the figure that follows.
            period = start if _PERIOD_ONLY.fullmatch(text[start:end]) else -1
            continue
        for low, high, group in groups_of(text, start, end, numbers):
            known = recent[-len(group) :] if len(recent) >= len(group) else listed_subjects(subject)
            origin = start if period < 0 else period
            parallel = respectively(text[low:high], low, group, [one.text for one in known])
            if is_bare_list(text, low, high, group):
                # "增长4.6%、6.3%" goes on with as many levels, or nobody knows of what.
                lead = text[low : group[0].start]
                known = levels if len(levels) == len(group) else []
                names = [one.text for one in known] or [""] * len(group)
                subject = subject if known else Subject()
                parallel = [(number, name + lead, "") for number, name in zip(group, names, strict=True)]
            if parallel and known and known[0].text and parallel[0][1].startswith(known[0].text):
                origin = known[0].start
            for number, lead, tail in parallel or with_context(text, low, high, group):
                if number is None:
                    subject = subject_of_plain_clause(lead, start, subject)
                    continue
                measure, subject = measure_of(lead, tail, origin, subject, unit=number.unit)
                recent = recent if recent[-1:] == [subject] else [*recent, subject]
                clause = text[min(start, subject.start) if subject.start >= 0 else start : end].strip("，、 ")
                figure = _figure(text, number, measure, clause, citation)
                levels = [] if figure.change else [*levels, subject]
                yield figure
        period = -1


def _figure(text: str, number: Number, measure: str, clause: str, citation: Citation) -> Figure:
    subject, change = split_change(measure)
    bound, bound_after = bounds_of(text, number)
    return Figure(
        value=number.value,
        unit=number.unit,
        measure=measure,
        text=clause,
        citation=citation,
        period=period_before(text, number.start),
        subject=subject,
        change=change,
        amount=read_amount(number.value, number.unit),
        bound=bound,
        bound_after=bound_after,
    )


def _key(theme: str, figure: Figure) -> _Key:
    """What two mentions of one figure have in common: 1.5万亿元 and 15000亿元 are the same amount."""
    measure = re.sub(r"^(?:我国|全国|全[省市区县])?(?:已经?)?", "", figure.measure)
    amount = figure.amount
    number = f"{amount.low} {amount.high} {amount.unit}" if amount else figure.value + figure.unit
    number = f"{figure.bound}{number}{figure.bound_after}"
    period = figure.period if re.search(r"\d{4}年|\d月", figure.period) else ""
    return theme, number, period, measure


def _also_in(figure: Figure, citation: Citation) -> Figure:
    if citation in figure.citations:
        return figure
    return replace(figure, also=(*figure.also, citation))


def _rank(figure: Figure) -> int:
    clear = 4 if len(figure.measure) >= 4 else 2 if figure.measure else 0
    rate = re.match(rf"%|％|‰|个?百分点|[百千万亿]*[多余]?(?:{MONEY})", figure.unit) is not None
    digits = re.sub(r"\D", "", figure.value.translate(HALF_WIDTH))
    large = len(digits) > 1 or not digits or any(mark in figure.value for mark in "万亿千")
    # "3个方面" and the like count the author's own headings, not the world.
    return clear + (2 if rate else 0) + (1 if large else 0)
