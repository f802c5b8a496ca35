"""Numbers with their units in Chinese policy text, without dates, ordinals and designations."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Same length after translation, so that offsets stay those of the source.
HALF_WIDTH = str.maketrans("０１２３４５６７８９．％", "0123456789.%")

MONEY = "人民币|美元|欧元|日元|港元|元"
_DURATION = "个工作日|个月|个小时|小时|分钟|毫秒|秒|天"
# Collected from 18,000 policy paragraphs (2026-11): what follows a number and is a quantity. Dates, ordinals
# and designations (年 月 日 号 届 期 代 版 级) are left out on purpose: they do not measure anything.
_COUNT = (
    "平方公里|平方米|立方米|立方|公里|千米|毫米|厘米|纳米|海里|米|公顷|亩|"
    "吨标准煤|标准箱|标箱|万标箱|载重吨|公斤|千克|毫克|微克|克|斤|吨|"
    "千瓦时|兆瓦时|千瓦|兆瓦|千伏安|千伏|伏|瓦|度电|桶|"
    "人次|人天|架次|批次|列次|车次|例次|家次|户次|"
    "台（套）|台套|台/套|套（件）|台|套|辆|架|艘|列|座|处|所|栋|幢|间|"
    "家|个|项|条|种|类|款|件|户|名|位|人|倍|批|只|头|株|支|场次|场|门|颗|部(?![门委分队署])|篇|例|起|宗|笔|单|次|对|张|片|组|站|册|块|根"
)
_LATIN = "EFLOPS|EFlops|PFLOPS|kWh|KWh|TWh|GWh|MWh|GW|MW|kW|kV|TEU|EB|PB|TB|GB|Tbps|Gbps|Mbps|GHz|MHz|km"
_UNIT = (
    rf"(?:%|‰|个百分点|百分点|(?:{MONEY})(?:/(?:千瓦时|吨|人|亩|平方米|年|月|户|公里|立方米))?|"
    rf"{_DURATION}|(?:{_COUNT})(?:（[套件艘个间台辆处户座]）)?(?:/(?:万元|人|日|年|小时|亩|平方公里|万人|立方米))?|(?:{_LATIN})(?![A-Za-z]))"
)
DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MAGNITUDE = r"[多余几]?(?:百万|千万|百亿|千亿|万亿|[百万亿]|千(?![瓦伏米克]))?[多余几]?"
_NUMBER = re.compile(
    rf"(?<![\dA-Za-z.第图表/])(?<!\d[—–\-~～])"
    rf"(?P<value>(?:(?:{DIGITS})(?:[万亿]*%?[—–\-~～]{{1,2}}|[到至]))?(?:{DIGITS}){_MAGNITUDE})(?P<unit>{_UNIT})"
)
_WORDED = re.compile(
    rf"(?<![第\d一-九跨迈跃登站爬])(?P<value>[数上][十百千万亿]+|[一二两三四五六七八九]?[十百千万]+[余多](?:万|亿)?)"
    rf"(?P<unit>元|{_COUNT})|"
    r"(?P<fraction>[一二三四五六七八九十百]+分之[一二三四五六七八九十百零点]+|"
    r"(?<=[超近约过达占降长升少加高低了到至])[一二三四五六七八九]成(?=[，。；、以左的]|$))"
)
# A short name in quotation marks is a plan ("3个100"); the voltage of a line or of a station is its class.
_NAME_OR_REFERENCE = re.compile(
    r"《[^》]*》|〔[^〕]*〕|\[[^\]]*\]|“[^”，。！？；]{1,8}”|"
    r"[±\d.]+(?:千伏|kV)(?=[^，。；]{0,14}(?:输变电|输电|变电|直流|交流|线路|通道|工程|电网|环网|站))"
)
# Words that make a number a bound or an approximation. Not 最近, 附近, 节约, 合同约 and the like.
_BOUND_BEFORE = re.compile(
    r"(?:不超过|不高于|不多于|不低于|不少于|不小于|超过|超出|高于|低于|大于|小于|多于|少于|至少|至多|最多|最少|最高|最低|"
    r"不足|不到|不满|接近|将近|突破|大约|逾|(?<![反赶])超|(?<![最附远邻抵])近|(?<![节预合条公大])约)$"
)
_BOUND_AFTER = re.compile(r"^(?:（含）)?(?:及?以上|及?以下|以内|之内|左右|上下)")
_LIST_OF_ORDINALS = re.compile(r"第\d+[、和及至—]\d*$|前$|第$")


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its unit at `start:end` of the paragraph."""

    start: int
    end: int
    value: str
    unit: str


def bounds_of(text: str, number: Number) -> tuple[str, str]:
    """The words around a number that it must not lose: 超过|4500家, 30%|以上; "" where none."""
    before = _BOUND_BEFORE.search(text[: number.start])
    after = _BOUND_AFTER.match(text[number.end :])
    return before[0] if before else "", after[0] if after else ""


def find_numbers(text: str) -> list[Number]:
    """Find the numbers that measure something, in the order of the text."""
    plain = text.translate(HALF_WIDTH)
    hidden = [match.span() for match in _NAME_OR_REFERENCE.finditer(plain)]
    numbers = []
    for match in (*_NUMBER.finditer(plain), *_WORDED.finditer(plain)):
        start, end = match.span()
        if any(low <= start < high for low, high in hidden):
            continue
        if _LIST_OF_ORDINALS.search(plain[:start]) or _is_bare_duration(plain, match):
            continue
        split = end if match.groupdict().get("fraction") else match.start("unit")
        split -= _money_magnitude(plain[start:split], plain[split:end])
        numbers.append(Number(start, end, text[start:split], text[split:end]))
    return sorted(numbers, key=lambda number: number.start)


def _money_magnitude(value: str, unit: str) -> int:
    """How many characters of the value belong to a money unit: 74137|亿元, but 1.5万|个."""
    if not re.match(rf"(?:{MONEY})", unit):
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
