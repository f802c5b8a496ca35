"""Key figures of Chinese policy text: a number, its unit, what it measures and where it stands.

The measure is the clause with the number taken out: subject and verb of change ("制造业技改投资增长"), or
verb and object ("建设5G工厂"). A clause that starts with 同比, 占, 对 … takes its subject from before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from policylens.data.records import Citation, Figure, TaggedParagraph
from policylens.infer.figures.amounts import read_amount
from policylens.infer.figures.periods import PERIOD, period_before
from policylens.infer.figures.quantities import DIGITS, HALF_WIDTH, MONEY, Number, bounds_of, find_numbers

_SENTENCE_END = "。！？；\n"
_BOUNDARY = re.compile(r"[，。；：！？\n;:!?]|,(?!\d{3})|——")
_AROUND = re.compile(r"^(?:（含）|及?以上|及?以下|以内|左右|上下|之多|多)+")

_PERIOD_ONLY = re.compile(rf"(?:{PERIOD})+")
# "东湾的中试平台今年接待": a period inside the clause; "比去年底" is what the number is compared with.
_INNER_PERIOD = re.compile(
    r"(?<![比较与同于自从由到至])(?:[到至]|截至|预计)?(?:今年(?:以来)?|目前|当前|近年来|上半年|下半年|"
    r"(?:19|20)\d{2}年(?:\d{1,2}月)?(?:底|末|初|前|以来)*)(?![度产间版款级]|基础|水平|同期|计划|规划|行动)"
)
_OPENING = re.compile(
    rf"^(?:{PERIOD}|其中|这里|那里|为此|对此|同时|此外|另外|并且|并|而|且|但|也|还|已经?|力争|预计|争取|确保|[（\s、和及与]|"
    r"[(（]?[一二三四五六七八九十\d]+[)）、.．]|[一二三四五六七八九十]是)+"
)
_APPROXIMATION = re.compile(
    r"(?:大?约|接近|近|超过|超出|超|逾|突破|达到了?|达成|高达|达|不超过|不低于|不少于|不高于|最高不?|最多|至少|分别|"
    r"已经?|将|共计|共有|合计|总计|(?<!公)共|仅有?|只有?|力争|预计|累计达?|大于|小于|等于|"
    r"(?<![成作变降增调整提])为|(?<![总])是|(?<![拥具享现])有|(?:首次|历史性|率先|仍|尚)|了|由|从|(?<![定持制])在|"
    r"的|[（：“、])+$"
)
_CHANGE_WORD = (
    "缩短|压缩|压减|增长|下降|上升|提高|提升|减少|增加|降低|回落|回升|扩大|收窄|提速|上涨|下跌|跌|涨|翻|"
    "(?<!新)增|降"
)
_COMPARED = (
    "同比|环比|同口径|比上年(?:同期)?|比去年(?:同期)?|较上年(?:同期)?|较去年(?:同期)?|年均|平均|实际|名义|"
    "比上月|较上月|两年平均|年均复合|持续|稳步|不断|继续|明显|快速|平稳|保持|首次|大幅|稳定"
)
_CHANGE_END = re.compile(
    rf"(?:{_COMPARED})*(?:{_CHANGE_WORD}|增速|增幅|降幅)[到至为了]{{0,2}}$|"
    r"(?:稳定|保持|控制|维持)在$"
)
_NEEDS_SUBJECT = re.compile(
    rf"^(?!(?:平均|实际)(?![长上提升增减降回扩收跌涨翻缩压达为]))(?:{_COMPARED}|(?:{_CHANGE_WORD})[到至为了]?$|增速|增幅|降幅|占比?|比重|对(?!外)|比(?!亚迪)|较|拉动|贡献率|高于|低于|快于|高出|超出|位居|居(?!民)|"
    r"规模(?!以上|工业|养殖|企业)|总量|总额|达到|覆盖率|普及率|其(?![他余])|均(?!价)|首破|总计|合计)"
)
_CONJUNCTION = re.compile(r"(?:以及|[、和及与或])$")
_NEW_PHRASE = re.compile(r"^(?:以及|[、和及与或并且])")
# "由26个月缩短到17个月": what is before the first number, and what stands between the two.
_BASE_LEAD = re.compile(rf"(?:由|从)(?:{PERIOD}|平均|原来|过去|此前|最初)?的?(?:不足|不到|大?约|近)?$")
_BASE_TO_RESULT = re.compile(
    rf"[^、的\d]{{0,6}}?(?P<change>(?:{_CHANGE_WORD}|[^、的\d（）]{{0,4}})[到至为])了?(?:{PERIOD})?的?(?:大?约|近|超过?)?$"
)
_LIST_MARK = re.compile(r"(?:、|以及|[和与及])")
_BARE_NUMBERS = re.compile(rf"(?:(?:{DIGITS})[百千万亿]*、)+$")
_COMPARED_END = re.compile(
    rf"(?:(?<!占)[比较][^、和与及]{{2,12}}|{_COMPARED}|每[年月日人户]|累计|预计|已|均)*$"
)
# "机器人和机床出口": the head noun that both have in common.
_SHARED_HEAD = re.compile(
    r"(?:(?:常住)?居民)?(?:人均)?(?:(?:可支配|消费)?(?:收入|支出))$|"
    r"(?:总?产[值量]|增加值|投资|营收|利润|(?:进出口|出口|进口)(?:总?额)?|吞吐量|装机(?:容量|规模)?|销[量售]额?|年?出栏量|保有量|(?:最低)?标准|零售额|总额|余额|面积|"
    r"数量|人数|起数|案件|比重|占比|覆盖率|普及率|价格)$"
)
_OWN_HEAD = re.compile(r"[率量额数值价]$")
_TOTAL_OF = re.compile(r"(?:总?规模|总额|金额|总投资)$")
_CHANGE_ONLY = re.compile(rf"(?:{_COMPARED})*(?:{_CHANGE_WORD})[到至为了]{{0,2}}")
_STEP_UP = re.compile(r"[迈跨跃站登]")
_MILESTONE = re.compile(r"新?的?(?:台阶|大关|关口)")
# "连续5年提高甲、4次提高乙", "乡镇和98%的行政村": what stands before the mark is not what is counted.
_LIST_BEFORE = re.compile(r"(?:、|以及|(?<![还已也又将惠涉普波顾遍触推以])[和及])$")
_MIN_REPEATED_CHARS = 8
_MAX_OBJECT_CHARS = 16
_MAX_MEASURE_CHARS = 36
_MAX_SUBJECT_CHARS = 24


# Theme, number, period and measure.
_Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What the clause at `start` is about; later clauses of the sentence may be about it too."""

    text: str = ""
    start: int = -1


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
    subject = _Subject()
    recent: list[_Subject] = []
    previous_end = 0
    period = -1
    for start, end, numbers in _clauses(text):
        if any(mark in text[previous_end:start] for mark in _SENTENCE_END):
            subject, recent, period = _Subject(), [], -1
        previous_end = end
        if not numbers:
            subject = _subject_of_plain_clause(text[start:end], start, subject)
            # "1—11月份，" says when: it belongs to the text of the figure that follows.
            period = start if _PERIOD_ONLY.fullmatch(text[start:end]) else -1
            continue
        for low, high, group in _groups(text, start, end, numbers):
            known = recent[-len(group) :] if len(recent) >= len(group) else _listed(subject)
            parallel = _respectively(text[low:high], low, group, [one.text for one in known])
            origin = start if period < 0 else period
            if parallel and known and parallel[0][1].startswith(known[0].text):
                origin = known[0].start
            for number, lead, tail in parallel or _with_context(text, low, high, group):
                measure, subject = _measure(lead, tail, origin, subject)
                recent = recent if recent[-1:] == [subject] else [*recent, subject]
                clause = text[min(start, subject.start) if subject.start >= 0 else start : end].strip("，、 ")
                yield _figure(text, number, measure, clause, citation)
        period = -1


def _figure(text: str, number: Number, measure: str, clause: str, citation: Citation) -> Figure:
    subject, change = _split_change(measure)
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


def _split_change(measure: str) -> tuple[str, str]:
    """Split "软件产品收入同比增长" into what is measured and the words of its change."""
    change = _CHANGE_END.search(measure)
    if change is None or change.start() == 0 or change[0] == "保持在":
        return measure, ""
    return measure[: change.start()], change[0]


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


def _listed(subject: _Subject) -> list[_Subject]:
    return [_Subject(name, subject.start) for name in _LIST_MARK.split(subject.text)]


def _groups(
    text: str, start: int, end: int, numbers: list[Number]
) -> Iterator[tuple[int, int, list[Number]]]:
    """Parts of a clause: the bare list of numbers after 分别 stands apart from those before and after it."""
    at = text.find("分别", start, end)
    first = sum(number.start < at for number in numbers)
    if at < 0 or first == len(numbers):
        yield start, end, numbers
        return
    last = first + 1
    while last < len(numbers) and _LIST_MARK.fullmatch(
        _AROUND.sub("", text[numbers[last - 1].end : numbers[last].start])
    ):
        last += 1
    low = numbers[first - 1].end if first else start
    high = numbers[last - 1].end if last < len(numbers) else end
    if first:
        yield start, low, numbers[:first]
    yield low, high, numbers[first:last]
    if last < len(numbers):
        yield high, end, numbers[last:]


def _respectively(
    part: str, offset: int, numbers: list[Number], known: Sequence[str]
) -> list[tuple[Number, str, str]]:
    """Numbers of "A、B分别增长1%、2%" with a subject each; empty where subjects and numbers do not match.

    `known` are the subjects named earlier in the sentence, for a clause that starts with 分别.
    """
    lead, mark, verb = part[: numbers[0].start - offset].partition("分别")
    if not mark:
        return []
    lead = _OPENING.sub("", _AROUND.sub("", _inside_bracket(lead)))
    compared = _COMPARED_END.search(lead)
    subject = lead[: compared.start()] if compared else lead
    # "惠及35万、23万人": the first number has no unit of its own and is no figure.
    bare = _BARE_NUMBERS.search(verb)
    skipped = bare[0].count("、") if bare else 0
    names = _names(subject, skipped + len(numbers)) if subject else list(known)[-len(numbers) :]
    if len(names) != skipped + len(numbers) or not all(names):
        return []
    action = lead[len(subject) :] + (verb[: bare.start()] if bare else verb)
    tail = part[numbers[-1].end - offset :]
    return [(number, name + action, tail) for number, name in zip(numbers, names[skipped:], strict=True)]


def _names(subject: str, count: int) -> list[str]:
    """Split "机器人和机床出口" into 机器人出口 and 机床出口; empty where there are not `count` names."""
    names = _LIST_MARK.split(subject)
    if len(names) != count:
        names = subject.split("、")
    head = _SHARED_HEAD.search(names[-1])
    if len(names) != count:
        return []
    if all(name.endswith("级") for name in names[:-1]) and "级" in names[-1]:
        shared = names[-1].split("级", 1)[1]
    elif head is None or head.start() == 0:
        return names
    else:
        shared = head[0]
    if any(_SHARED_HEAD.search(name) or _OWN_HEAD.search(name) for name in names[:-1]):
        return names
    return [*(name + shared for name in names[:-1]), names[-1]]


def _clauses(text: str) -> Iterator[tuple[int, int, list[Number]]]:
    """Clauses with the numbers in them; 、 after a number ends a clause if a new subject follows."""
    numbers = find_numbers(text)
    start = 0
    for match in (*_BOUNDARY.finditer(text), None):
        end = match.start() if match else len(text)
        if any(number.start < end < number.end for number in numbers):
            continue
        if end > start:
            yield start, end, [number for number in numbers if start <= number.start < end]
        start = match.end() if match else end


def _with_context(
    text: str, start: int, end: int, numbers: list[Number]
) -> Iterator[tuple[Number, str, str]]:
    """Each number with the words before and after it that belong to it."""
    lead = _inside_bracket(text[start : numbers[0].start])
    # "10家年营收超100亿元的链主企业": the second number describes the noun that the first one counts.
    noun = _AROUND.sub("", text[numbers[-1].end : end])
    for number, following in zip(numbers, [*numbers[1:], None], strict=True):
        between = text[number.end : following.start if following else end]
        between = between.removeprefix("（含）")
        rest = _AROUND.sub("", re.sub(r"^（[^）]*）", "", between) if following else between)
        if following and (base := _BASE_LEAD.search(lead)) and (change := _BASE_TO_RESULT.fullmatch(rest)):
            lead = lead[: base.start()] + change["change"]
        elif following is None:
            describes = len(numbers) > 1 and noun.startswith("的") and _APPROXIMATION.search(lead)
            yield number, lead, "" if describes or rest.startswith(("）", "（")) else rest
        elif following is numbers[-1] and noun.startswith("的") and _APPROXIMATION.search(rest):
            yield number, lead, noun
            lead = rest
        elif rest.startswith("（"):
            yield number, lead, ""
            lead = rest[1:]
        elif _NEW_PHRASE.match(rest):
            # "首批12项和第二批14项改革" count the same thing.
            shared = following is numbers[-1] and number.unit == following.unit and 0 < len(noun) <= 8
            yield number, lead, noun if shared and not noun.startswith("的") else ""
            new = _NEW_PHRASE.sub("", rest)
            lead = new if new else lead
        elif conjunction := _CONJUNCTION.search(rest):
            yield number, lead, rest[: conjunction.start()]
        elif _CHANGE_END.match(rest) or not rest:
            yield number, lead, ""
            lead = rest
        else:
            head, _, tail = rest.partition("、") if "、" in rest else (rest, "", "")
            yield number, lead, head
            lead = tail or rest


def _inside_bracket(lead: str) -> str:
    opened = lead.rfind("（")
    return lead[opened + 1 :] if opened > lead.rfind("）") else lead


def _measure(lead: str, tail: str, start: int, subject: _Subject) -> tuple[str, _Subject]:
    """What a number measures, and the subject that the next clause may carry on."""
    after = _AROUND.sub("", tail)
    described = after.startswith("的")
    after = re.sub(r"^[、和及与].*", "", after.strip("（ ").removeprefix("的"))
    after = after if after.count("（") == after.count("）") else after.strip("）")
    if len(after) > _MAX_OBJECT_CHARS:
        # The head noun of a Chinese noun phrase stands last, after its 的.
        after = after.rsplit("的", 1)[-1] or after
    before = _before(lead, subject, described=described, counted=bool(after))
    if _MILESTONE.fullmatch(after):
        if subject.text and _STEP_UP.match(before):
            return _shorten(subject.text + before + after), subject
        after = after if re.search(r"[上过入]$", before) else ""
    if not after and (not before or _NEEDS_SUBJECT.match(before)):
        if not before.startswith(subject.text) or not subject.text:
            return _shorten(subject.text + before), subject
    own = _CHANGE_END.sub("", before) or before
    return _shorten(before + after), _Subject(_shorten(own + after)[:_MAX_MEASURE_CHARS], start)


def _before(lead: str, subject: _Subject, *, described: bool, counted: bool) -> str:
    """The words before a number that say what it measures.

    `described`: "规模为20亿元的资金"; `counted`: a noun follows the number.
    """
    before = _OPENING.sub("", lead.strip())
    if counted and _LIST_BEFORE.search(before):
        return ""
    before = _INNER_PERIOD.sub("", before)
    if counted and before.endswith("的") and before != "的":
        return before
    before = _APPROXIMATION.sub("", before)
    if described and counted:
        before = _TOTAL_OF.sub("", before) or before
    head, _, last = before.rpartition("、")
    # "稳居前十、增长": the change is that of the subject before.
    return last if head and subject.text and _CHANGE_ONLY.fullmatch(last) else before


def _subject_of_plain_clause(clause: str, start: int, subject: _Subject) -> _Subject:
    rest = _CHANGE_END.sub("", _OPENING.sub("", clause.strip()))
    if 2 <= len(rest) <= _MAX_SUBJECT_CHARS:
        return _Subject(rest, start)
    return subject if not rest else _Subject()


def _shorten(measure: str) -> str:
    if len(measure) > _MAX_MEASURE_CHARS:
        measure = re.split(r"[、）]", measure[-_MAX_MEASURE_CHARS:], maxsplit=1)[-1]
    if measure.count("“") != measure.count("”"):
        measure = re.sub(r"[“”]", "", measure)
    return measure


def _rank(figure: Figure) -> int:
    clear = 4 if len(figure.measure) >= 4 else 2 if figure.measure else 0
    rate = re.match(rf"%|％|‰|个?百分点|[百千万亿]*[多余]?(?:{MONEY})", figure.unit) is not None
    digits = re.sub(r"\D", "", figure.value.translate(HALF_WIDTH))
    large = len(digits) > 1 or not digits or any(mark in figure.value for mark in "万亿千")
    # "3个方面" and the like count the author's own headings, not the world.
    return clear + (2 if rate else 0) + (1 if large else 0)
