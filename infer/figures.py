"""Key figures of Chinese policy text: a number, its unit, what it measures and where it stands.

The measure is the clause with the number taken out: subject and verb of change ("制造业技改投资增长"), or
verb and object ("建设5G工厂"). A clause that starts with 同比, 占, 对 … takes its subject from before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policylens.data.records import Citation, Figure, TaggedParagraph

# Same length after translation, so that offsets stay those of the source.
_HALF_WIDTH = str.maketrans("０１２３４５６７８９．％", "0123456789.%")

_MONEY = "人民币|美元|欧元|日元|港元|元"
_DURATION = "个工作日|个月|个小时|小时|分钟|毫秒|秒|天"
# Collected from 18,000 policy paragraphs (2026-11): what follows a number and is a quantity. Dates, ordinals
# and designations (年 月 日 号 届 期 代 版 级) are left out on purpose: they do not measure anything.
_COUNT = (
    "平方公里|平方米|立方米|立方|公里|千米|毫米|厘米|纳米|海里|米|公顷|亩|"
    "吨标准煤|标准箱|标箱|万标箱|载重吨|公斤|千克|克|斤|吨|"
    "千瓦时|兆瓦时|千瓦|兆瓦|千伏安|千伏|伏|瓦|度电|桶|"
    "人次|人天|架次|批次|列次|车次|例次|家次|户次|"
    "台（套）|台套|台/套|套（件）|台|套|辆|架|艘|列|座|处|所|栋|幢|间|"
    "家|个|项|条|种|类|款|件|户|名|位|人|倍|批|只|头|株|支|场|门|颗|部(?![门委分队署])|篇|例|起|宗|笔|单|次|对|张|片|组|站|册|块|根"
)
_LATIN = "EFLOPS|EFlops|PFLOPS|kWh|KWh|TWh|GWh|MWh|GW|MW|kW|kV|TEU|EB|PB|TB|GB|Tbps|Gbps|Mbps|GHz|MHz|km"
_UNIT = (
    rf"(?:%|‰|个百分点|百分点|(?:{_MONEY})(?:/(?:千瓦时|吨|人|亩|平方米|年|月|户|公里|立方米))?|"
    rf"{_DURATION}|(?:{_COUNT})(?:（[套件艘个]）)?(?:/(?:万元|人|日|年|小时|亩|平方公里|万人))?|(?:{_LATIN})(?![A-Za-z]))"
)
_DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MAGNITUDE = r"[多余几]?(?:百万|千万|百亿|千亿|万亿|[百万亿]|千(?![瓦伏米克]))?[多余几]?"
_NUMBER = re.compile(
    rf"(?<![\dA-Za-z.第图表/])(?<!\d[—–\-~～])"
    rf"(?P<value>(?:(?:{_DIGITS})(?:[万亿]*%?[—–\-~～]{{1,2}}|[到至]))?(?:{_DIGITS}){_MAGNITUDE})(?P<unit>{_UNIT})"
)
_WORDED = re.compile(
    rf"(?<![第\d一-九])(?P<value>[数上][十百千万亿]+|[一二两三四五六七八九]?[十百千万]+[余多](?:万|亿)?)"
    rf"(?P<unit>元|{_COUNT})|"
    r"(?P<fraction>[一二三四五六七八九十百]+分之[一二三四五六七八九十百零点]+|"
    r"(?<=[超近约过达占])[一二三四五六七八九]成(?=[，。；、以左的]|$))"
)
_TITLE_OR_REFERENCE = re.compile(r"《[^》]*》|〔[^〕]*〕|\[[^\]]*\]")
_LIST_OF_ORDINALS = re.compile(r"第\d+[、和及至—]\d*$|前$|第$")

_SENTENCE_END = "。！？；\n"
_BOUNDARY = re.compile(r"[，。；：！？\n;:!?]|,(?!\d{3})|——")
_AROUND = re.compile(r"^(?:（含）|及?以上|及?以下|以内|左右|上下|之多|多)+")

_PERIOD = (
    r"(?:截至|截止|到|至|自|从|预计|在)?(?:"
    r"目前|当前|近年来|近几年|今年|去年|当年|全年|同期|上半年|下半年|年内|每年|前[\d一二两三四五六七八九十]+个月|(?:前)?[一二三四]季度|前[一二三四]季度|"
    r"“?十[一二三四五六]五”?(?:以来|期间|时期|末)?|\d{4}(?:[—\-–至]\d{4})?年|"
    r"\d{1,2}(?:[—\-–至]\d{1,2})?月份?|\d{1,2}日)"
    r"(?:底|末|初|前|上旬|中旬|下旬|以来|期间|来|间|起)*"
)
_PERIOD_ONLY = re.compile(rf"(?:{_PERIOD})+")
_OPENING = re.compile(
    rf"^(?:{_PERIOD}|其中|同时|此外|另外|并且|并|而|且|但|也|还|已经?|力争|预计|争取|确保|[（\s、和及与]|"
    r"[(（]?[一二三四五六七八九十\d]+[)）、.．]|[一二三四五六七八九十]是)+"
)
_APPROXIMATION = re.compile(
    r"(?:大?约|接近|近|超过|超出|超|逾|突破|达到了?|达成|高达|达|不超过|不低于|不少于|不高于|最高不?|最多|至少|分别|"
    r"已经?|将|共计|共有|合计|总计|(?<!公)共|仅有?|只有?|力争|预计|累计达?|大于|小于|等于|"
    r"(?<![成作])为|(?<![总])是|(?<![拥具享现])有|(?<=[高长升降大低少加复展达缩])[到至]|了|由|从|在|的|[（：“])+$"
)
_CHANGE_WORD = "增长|下降|上升|提高|提升|减少|增加|降低|回落|回升|扩大|收窄|提速|上涨|下跌|跌|涨|翻|增|降"
_COMPARED = (
    "同比|环比|同口径|比上年(?:同期)?|比去年(?:同期)?|较上年(?:同期)?|较去年(?:同期)?|年均|平均|实际|名义|"
    "比上月|较上月|两年平均|年均复合|持续|稳步|不断|继续|明显|快速|平稳|保持|首次|大幅|稳定"
)
_CHANGE_END = re.compile(rf"(?:{_COMPARED})*(?:{_CHANGE_WORD}|增速|增幅|降幅)[到至了]{{0,2}}$")
_NEEDS_SUBJECT = re.compile(
    rf"^(?:{_COMPARED}|(?:{_CHANGE_WORD})[到至了]?$|增速|增幅|降幅|占比?|比重|对(?!外)|比(?!亚迪)|较|拉动|贡献率|高于|低于|快于|高出|超出|位居|居(?!民)|"
    r"规模(?!以上)|总量|总额|达到|覆盖率|普及率|其(?![他余])|均(?!价)|首破|总计|合计)"
)
_CONJUNCTION = re.compile(r"(?:以及|[、和及与或])$")
_NEW_PHRASE = re.compile(r"^(?:以及|[、和及与或并且])")
_MAX_OBJECT_CHARS = 16
_MAX_MEASURE_CHARS = 36
_MAX_SUBJECT_CHARS = 24


@dataclass(frozen=True, slots=True)
class _Number:
    """A number with its unit at `start:end` of the paragraph."""

    start: int
    end: int
    value: str
    unit: str


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
    found: dict[tuple[str, str, str, str], Figure] = {}
    for tagged in paragraphs:
        citation = Citation(tagged.paragraph.doc, tagged.paragraph.para)
        for figure in _figures_in(tagged.paragraph.text, citation):
            key = (tagged.theme, figure.value, figure.unit, re.sub(r"^(?:我国|全国)", "", figure.measure))
            found.setdefault(key, figure)
    figures = list(found.values())
    if limit is None or len(figures) <= limit:
        return tuple(figures)
    best = sorted(range(len(figures)), key=lambda i: (-_rank(figures[i]), i))[:limit]
    return tuple(figures[i] for i in sorted(best))


def _figures_in(text: str, citation: Citation) -> Iterator[Figure]:
    subject = _Subject()
    previous_end = 0
    period = -1
    for start, end, numbers in _clauses(text):
        if any(mark in text[previous_end:start] for mark in _SENTENCE_END):
            subject, period = _Subject(), -1
        previous_end = end
        if not numbers:
            subject = _subject_of_plain_clause(text[start:end], start, subject)
            # "1—11月份，" says when: it belongs to the text of the figure that follows.
            period = start if _PERIOD_ONLY.fullmatch(text[start:end]) else -1
            continue
        for number, lead, tail in _with_context(text, start, end, numbers):
            measure, subject = _measure(lead, tail, start if period < 0 else period, subject)
            clause = text[min(start, subject.start) if subject.start >= 0 else start : end].strip("，、 ")
            yield Figure(number.value, number.unit, measure, clause, citation)
        period = -1


def _numbers(text: str) -> list[_Number]:
    plain = text.translate(_HALF_WIDTH)
    hidden = [match.span() for match in _TITLE_OR_REFERENCE.finditer(plain)]
    numbers = []
    for match in (*_NUMBER.finditer(plain), *_WORDED.finditer(plain)):
        start, end = match.span()
        if any(low <= start < high for low, high in hidden):
            continue
        if _LIST_OF_ORDINALS.search(plain[:start]) or _is_bare_duration(plain, match):
            continue
        split = end if match.groupdict().get("fraction") else match.start("unit")
        split -= _money_magnitude(plain[start:split], plain[split:end])
        numbers.append(_Number(start, end, text[start:split], text[split:end]))
    return sorted(numbers, key=lambda number: number.start)


def _money_magnitude(value: str, unit: str) -> int:
    """How many characters of the value belong to a money unit: 74137|亿元, but 1.5万|个."""
    if not re.match(rf"(?:{_MONEY})", unit):
        return 0
    magnitude = re.search(r"[百千]?[万亿]+[多余几]?$", value)
    return len(magnitude[0]) if magnitude else 0


def _is_bare_duration(plain: str, match: re.Match[str]) -> bool:
    """Whether it is a span of time that is no result: "连续3个月" is none, "压缩到3个工作日" is one."""
    unit = match.groupdict().get("unit")
    if not unit or not re.fullmatch(_DURATION, unit):
        return False
    lead = re.split(r"[，。；]", plain[: match.start()])[-1]
    return not re.search(r"缩短|压缩|减少|缩减|延长|时延|时长|时限|平均", lead)


def _clauses(text: str) -> Iterator[tuple[int, int, list[_Number]]]:
    """Clauses with the numbers in them; 、 after a number ends a clause if a new subject follows."""
    numbers = _numbers(text)
    start = 0
    for match in (*_BOUNDARY.finditer(text), None):
        end = match.start() if match else len(text)
        if any(number.start < end < number.end for number in numbers):
            continue
        if end > start:
            yield start, end, [number for number in numbers if start <= number.start < end]
        start = match.end() if match else end


def _with_context(
    text: str, start: int, end: int, numbers: list[_Number]
) -> Iterator[tuple[_Number, str, str]]:
    """Each number with the words before and after it that belong to it."""
    lead = _inside_bracket(text[start : numbers[0].start])
    # "10家年营收超100亿元的链主企业": the second number describes the noun that the first one counts.
    noun = _AROUND.sub("", text[numbers[-1].end : end])
    for number, following in zip(numbers, [*numbers[1:], None], strict=True):
        between = text[number.end : following.start if following else end]
        between = between.removeprefix("（含）")
        rest = _AROUND.sub("", between)
        if following is None:
            describes = len(numbers) > 1 and noun.startswith("的") and _APPROXIMATION.search(lead)
            yield number, lead, "" if describes or rest.startswith(("）", "（")) else rest
        elif following is numbers[-1] and noun.startswith("的") and _APPROXIMATION.search(rest):
            yield number, lead, noun
            lead = rest
        elif _NEW_PHRASE.match(rest):
            yield number, lead, ""
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
    before = _APPROXIMATION.sub("", _OPENING.sub("", lead.strip()))
    after = _AROUND.sub("", tail).strip("）（ ").removeprefix("的")
    after = re.sub(r"^[、和及与].*", "", after)
    if len(after) > _MAX_OBJECT_CHARS:
        # The head noun of a Chinese noun phrase stands last, after its 的.
        after = after.rsplit("的", 1)[-1] or after
    if not after and (not before or _NEEDS_SUBJECT.match(before)):
        if not before.startswith(subject.text) or not subject.text:
            return _shorten(subject.text + before), subject
    own = _CHANGE_END.sub("", before) or before
    return _shorten(before + after), _Subject(_shorten(own + after)[:_MAX_MEASURE_CHARS], start)


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
    rate = re.match(rf"%|％|‰|个?百分点|[百千万亿]*[多余]?(?:{_MONEY})", figure.unit) is not None
    digits = re.sub(r"\D", "", figure.value.translate(_HALF_WIDTH))
    large = len(digits) > 1 or not digits or any(mark in figure.value for mark in "万亿千")
    # "3个方面" and the like count the author's own headings, not the world.
    return clear + (2 if rate else 0) + (1 if large else 0)
