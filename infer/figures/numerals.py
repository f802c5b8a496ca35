"""Numbers in a form in which ways of writing do not matter: ３４００台, 3,400台, 三千四百台, 0.34万台.

Unlike `quantities`, which finds the figures worth reporting, this reads every number, also those of dates,
ordinals and names: a guard may overlook none. It leans to reading too much, for both sides are read alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from policylens.infer.figures.digits import CHINESE_DIGITS, POWERS, read_chinese, read_decimals, read_power

Bound = Literal["", "above", "below", "ordinal"]

# Cheque and traditional numerals; 廿 and 卅 are written out.
_OTHER_FORMS = str.maketrans(
    {
        **dict(
            zip("壹贰貳叁參肆伍陆陸柒捌玖拾佰仟萬億兩", "一二二三三四五六六七八九十百千万亿两", strict=True)
        ),
        "廿": "二十",
        "卅": "三十",
        "〔": "[",
        "〕": "]",
        "【": "[",
        "】": "]",
        "－": "-",
    }
)
_CHINESE = "零〇○一二两三四五六七八九十百千万亿"
_ARABIC = r"\d+(?:\.\d+)?"
# 千瓦, 百分点 and 万象 are not three of a magnitude; 千 and 百 of a unit stay with it.
_MAGNITUDE = r"(?:[十百千万亿](?!分[点之]|[瓦伏米克帕卡赫](?!斯)))"
# 百 of 百分点 is no number.
_WORDED = rf"(?:(?!百分[点之])[{_CHINESE}])+"
_NUMBER = rf"{_ARABIC}[多余几来]?{_MAGNITUDE}*|{_WORDED}(?:点[{_CHINESE[:12]}]+[万亿]*)?"
_RANGE = r"[-—–~～至到]{1,2}"
_FIGURE = re.compile(
    rf"(?:(?P<low>{_ARABIC}{_MAGNITUDE}*|{_WORDED})(?P<low_unit>%|个?百分点|[年月日天个元])?(?P<to>{_RANGE}))?"
    rf"(?P<value>{_NUMBER})(?P<more>[多余几来]?)"
)
_UNIT = re.compile(
    r"个?百分点|%|‰|(?:人民币|美元|欧元|日元|港元|元)(?:/[一-龥]{1,4})?|个月|个工作日|个?小时|分钟|平方公里|平方米|立方米"
    r"|公里|千瓦时|千瓦|兆瓦|季度|[一-龥]|"
)
_SAME_UNIT = {
    "名": "人",
    "位": "人",
    "个百分点": "百分点",
    "号": "日",
    "人民币": "元",
    "个小时": "小时",
    "周岁": "岁",
}
_FRACTION = re.compile(
    rf"(?P<whole>[{_CHINESE}]+|{_ARABIC})分之(?P<part>[{_CHINESE}]+(?:点[{_CHINESE[:12]}]+)?|{_ARABIC})"
)
_TENTHS = re.compile(
    rf"(?P<ten>[{_CHINESE[3:12]}]|\d(?:\.\d)?)成(?P<more>[{_CHINESE[3:12]}]?)(?![为立功员果本长分就效品交都年人])"
)
# 数百, 上万, 几十: as certain as they are, they can only be repeated.
_VAGUE = re.compile(r"[数几上成][十百千万亿]+(?:[多余])?")
_PLAN = re.compile(r"(?<![一-九十])十[一二三四五六]五(?![十百千万亿%])")
_IN_YEAR = r"(?<!\d)\d{1,2}|(?<![一二三四五六七八九十百千万])[一二三四五六七八九十]{1,3}"
_DATE = re.compile(
    rf"(?P<year>\d{{4}}|[{_CHINESE[:12]}]{{4}})年(?:(?P<month>{_IN_YEAR})月(?:(?P<day>{_IN_YEAR})[日号])?)?"
    rf"|(?P<month2>{_IN_YEAR})月(?:(?P<day2>{_IN_YEAR})[日号])?|(?P<day3>{_IN_YEAR})日"
)
_MONTHS = re.compile(rf"(?P<first>{_IN_YEAR})月?(?:份)?{_RANGE}(?=(?:{_IN_YEAR})月)")
_YEARS = re.compile(
    rf"(?P<first>\d{{4}}|[{_CHINESE[:12]}]{{4}})年?{_RANGE}(?=(?:\d{{4}}|[{_CHINESE[:12]}]{{4}})年)"
)
_DOCUMENT = re.compile(r"(?P<issuer>[一-龥]{0,10})[\[(](?P<year>(?:19|20)\d{2})[\])]第?(?P<number>\d+)号")
_ISSUER_LEAD = re.compile(
    r"^.*(?:根据|按照|依据|印发|落实|执行|贯彻|发布|下发|参见|详见|见|即|的|和|与|及|以|由)"
)
# A run with a letter is a name: 5G, PM2.5, GB/T9704, 1.5GW. It can only be repeated.
_CODE = re.compile(r"(?=[\d.+/-]*[A-Za-z])[A-Za-z0-9]+(?:[-./+&][A-Za-z0-9]+)*[%+]?")
# Set phrases with a numeral that counts nothing.
_IDIOM = re.compile(
    r"(?<![一二三四五六七八九])十分(?![之钟])|千方百计|万一|老?百姓|千家万户|百花齐放|万众|千万(?=不要|别)|四面八方|万物|三心二意|一五一十"
    r"|五湖四海|千差万别|万无一失|十足|百倍(?=努力|信心)|万水千山|千行百业|百家争鸣|再三|接二连三|三番五次"
)
# 一个, 一批, 进一步, 统一: an article or part of a word; only before these is a lone 一 a count.
_ONE_COUNTS = re.compile(
    r"[倍年月天周季名位人家元吨亩台辆座条所艘架例起国省市县]|个(?:月|工作日|小时|百分点)"
)
_BELOW = re.compile(
    r"(?:不超过|不高于|不多于|不足|不到|不满|低于|少于|小于|至多|最多|最高|接近|(?<![最附远])近)$"
)
_ABOVE = re.compile(r"(?:不低于|不少于|不小于|超过|超出|高于|大于|多于|至少|最少|最低|突破|超|逾)$")
_AFTER_ABOVE = re.compile(r"^[一-龥%]{0,3}?(?:以上|之上)")
_AFTER_BELOW = re.compile(r"^[一-龥%]{0,3}?(?:以下|以内|之内)")
_TIME_UNITS = frozenset("年月日天周个月")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that measures, counts or orders something.

    Attributes:
        value: The number with its magnitude: 1.2万 is 12000.
        unit: The unit in its shortest form, 名 and 位 as 人; "" where none follows.
        bound: Whether the text gives it as what is exceeded (超, 以上, 多) or not reached (不足, 近, 以下),
            or as an ordinal (第).
        start: First character in the plain text.
        end: One past its last character, unit included.
    """

    value: Decimal
    unit: str
    bound: Bound
    start: int
    end: int

    @property
    def key(self) -> tuple[Decimal, str, Bound]:
        """What makes two quantities the same."""
        return self.value, self.unit, self.bound


@dataclass(frozen=True, slots=True)
class Date:
    """A date or a part of one; 0 for what is not given."""

    year: int
    month: int = 0
    day: int = 0
    start: int = 0
    end: int = 0

    def within(self, other: Date) -> bool:
        """Whether another date gives everything that this one gives, alike."""
        pairs = ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        return all(mine in (0, theirs) for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Numbers:
    """All numbers of a text.

    Attributes:
        quantities: Amounts, counts, shares, ordinals.
        dates: Dates with a year, or with month and day.
        documents: 文号 as (issuer, year, number).
        codes: Runs with Latin letters, plans (十四五) and vague numbers (数百), as written, lower case.
    """

    quantities: tuple[Quantity, ...]
    dates: tuple[Date, ...]
    documents: tuple[tuple[str, int, int], ...]
    codes: tuple[str, ...]


def plain(text: str) -> str:
    """A text in half width, without format characters, thousands separators and emphasis marks."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(_plain_char(char) for char in text).translate(_OTHER_FORMS)
    text = re.sub(r"(?<=\d)[, ](?=\d{3}(?!\d))", "", text)
    return re.sub(r"[*`]|(?<=[\d一-龥]) +(?=[\d一-龥%])", "", text)


def _plain_char(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return "" if category in ("Cf", "Mn", "Me") else char


def read_numbers(text: str) -> Numbers:
    """Read all numbers of a text that `plain` has made.

    Each character belongs to one number at most: 文号, codes, plans and dates come before quantities.
    """
    documents, text = _documents(text)
    codes, text = _take(_CODE, text)
    plans, text = _take(_PLAN, text)
    text = _IDIOM.sub(_blank, text)
    dates, text = _dates(text)
    quantities = []
    for pattern, read in ((_FRACTION, _fraction), (_TENTHS, _tenths)):
        quantities += [
            Quantity(read(m), "%", _bound(text, m.start(), m.end()), *m.span())
            for m in pattern.finditer(text)
        ]
        text = pattern.sub(_blank, text)
    vague, text = _take(_VAGUE, text)
    quantities += _quantities(text)
    found = (*codes, *plans, *vague, *_odd_numerals(text))
    quantities.sort(key=lambda quantity: quantity.start)
    return Numbers(
        tuple(quantities), tuple(dates), tuple(documents), tuple(code.casefold() for code in found)
    )


def _blank(match: re.Match[str]) -> str:
    return "\0" * len(match[0])


def _take(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    return [match[0] for match in pattern.finditer(text)], pattern.sub(_blank, text)


def _documents(text: str) -> tuple[list[tuple[str, int, int]], str]:
    found = [
        (_ISSUER_LEAD.sub("", m["issuer"]), int(m["year"]), int(m["number"]))
        for m in _DOCUMENT.finditer(text)
    ]
    # The issuer's name stays to be read: it may hold a numeral of the words before it.
    return found, _DOCUMENT.sub(lambda m: m["issuer"] + "\0" * (len(m[0]) - len(m["issuer"])), text)


def _dates(text: str) -> tuple[list[Date], str]:
    dates = [Date(_year(m["first"]), start=m.start(), end=m.end()) for m in _YEARS.finditer(text)]
    text = _YEARS.sub(_blank, text)
    dates += [Date(0, int(_value(m["first"])), 0, *m.span()) for m in _MONTHS.finditer(text)]
    text = _MONTHS.sub(_blank, text)
    for match in _DATE.finditer(text):
        year = _year(match["year"]) if match["year"] else 0
        month, day = match["month"] or match["month2"], match["day"] or match["day2"] or match["day3"]
        dates.append(
            Date(year, int(_value(month)) if month else 0, int(_value(day)) if day else 0, *match.span())
        )
    return dates, _DATE.sub(_blank, text)


def _year(written: str) -> int:
    return int("".join(c if c.isascii() else str(CHINESE_DIGITS[c]) for c in written))


def _quantities(text: str) -> Iterator[Quantity]:
    for match in _FIGURE.finditer(text):
        value, start, end = match["value"], match.start("value"), match.end()
        # 一 of a word may stand right before a count: 统一 3个. Then the match above already starts at 3.
        unit = _UNIT.match(text, end)
        written = unit[0] if unit else ""
        if value == "一" and text[start - 1 : start] != "第" and not _ONE_COUNTS.match(text, end):
            continue
        name = _SAME_UNIT.get(written, written)
        bound = _bound(text, match.start(), end, name)
        end += len(written)
        if name == "季度":
            bound = ""
        if match["more"] or re.search("[多余几来]", value):
            bound = bound or "above"
        yield Quantity(_value(value), name, bound, start, end)
        if match["low"] is not None:
            yield _lower_end(match, name, bound)


def _lower_end(match: re.Match[str], unit: str, bound: Bound) -> Quantity:
    """The first number of a range; 2—3万个 gives it the magnitude and unit of the second one."""
    low, own_unit = match["low"], match["low_unit"]
    magnitude = re.search(rf"{_MAGNITUDE}+$", match["value"])
    if magnitude and not own_unit and low[-1] not in POWERS and low[0].isascii():
        low += magnitude[0]
    unit = _SAME_UNIT.get(own_unit, own_unit) if own_unit else unit
    return Quantity(_value(low), unit, bound, match.start(), match.end("low"))


def _bound(text: str, start: int, end: int, unit: str = "") -> Bound:
    before, after = text[max(0, start - 4) : start], text[end : end + 6]
    if before.endswith("第"):
        return "ordinal"
    if _BELOW.search(before):
        # 近三年 is a time, not a number that is nearly reached.
        return (
            "" if before.endswith("近") and not before.endswith("接近") and unit in _TIME_UNITS else "below"
        )
    if _ABOVE.search(before) or _AFTER_ABOVE.match(after):
        return "above"
    return "below" if _AFTER_BELOW.match(after) else ""


def _fraction(match: re.Match[str]) -> Decimal:
    whole = _value(match["whole"])
    return (100 * _value(match["part"]) / whole).normalize() if whole else Decimal(0)


def _tenths(match: re.Match[str]) -> Decimal:
    return 10 * _value(match["ten"]) + (_value(match["more"]) if match["more"] else 0)


def _value(written: str) -> Decimal:
    written = re.sub("[多余几来]", "", written)
    if match := re.match(_ARABIC, written):
        return Decimal(match[0]) * read_power(written[match.end() :])
    whole, _, tail = written.partition("点")
    if not tail:
        return Decimal(read_chinese(whole))
    decimals = tail.rstrip("万亿")
    value = Decimal(f"{read_chinese(whole)}.{read_decimals(decimals)}")
    return value * read_power(tail[len(decimals) :])


def _odd_numerals(text: str) -> list[str]:
    """Numerals of other scripts that no rule above reads; they can only be repeated."""
    return [
        char
        for char in text
        if not char.isascii() and char not in _CHINESE and unicodedata.category(char)[0] == "N"
    ]
