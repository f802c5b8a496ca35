"""Numbers with their units in Chinese policy text, without dates, ordinals and designations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from policylens.infer.figures.digits import HALF_WIDTH

MONEY = "人民币|美元|欧元|日元|港元|元(?:人民币)?"
_DURATION = "个工作日|个月|个小时|小时|分钟|毫秒|秒|天"
# Collected from 18,000 policy paragraphs (2026-11): what follows a number and is a quantity. Dates, ordinals
# and designations (年 月 日 号 届 期 代 版 级) are left out on purpose: they do not measure anything. Neither
# are 家 of 家庭, 人 of 人民 and 个 of 个季度 counts.
_COUNT = (
    "平方公里|平方米|立方米|立方|公里|千米|毫米|厘米|纳米|海里|米|公顷|亩|"
    "吨标准煤|[吨人](?:公里|海里)|标准箱|标箱|万标箱|载重吨|公斤|千克|毫克|微克|克|斤|吨|"
    "千瓦时|兆瓦时|千瓦|兆瓦|千伏安|千伏|伏|瓦|度电|桶|℃|摄氏度|个基点|"
    "人次|人天|架次|批次|列次|车次|例次|家次|户次|"
    "台（套）|台套|台/套|套（件）|台|套|辆|架|艘|列|座|处(?![理罚于置])|所|栋|幢|间|"
    "家(?![庭长电具政])|个(?!多?月|工作日|季度|年度|多?小时|学期|交易日|自然日|半)|项|条|种|类|款|件|户|名|位(?![数于置列居])|人口|"
    "人(?![民才大均类])|倍|批|只|头|株|支|场次|场|门|颗|部(?![门委分队署])|篇|例|起|宗|笔|单|次|对|张|片|组|站|册|块|根"
)
_LATIN = "EFLOPS|EFlops|PFLOPS|kWh|KWh|TWh|GWh|MWh|GW|MW|kW|kV|TEU|EB|PB|TB|GB|Tbps|Gbps|Mbps|GHz|MHz|km"
_UNIT = (
    rf"(?:%|‰|个百分点|百分点|(?:{MONEY})(?:/(?:千瓦时|吨|人|亩|平方米|年|月|户|公里|立方米|度|斤|公斤|件|次|天))?|"
    rf"{_DURATION}|(?:{_COUNT})(?:（[套件艘个间台辆处户座]）)?(?:/(?:万元|人|日|年|小时|亩|平方公里|万人|立方米))?|(?:{_LATIN})(?![A-Za-z]))"
)
DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MAGNITUDE = r"[多余几]?(?:百万|千万|百亿|千亿|万亿|[百万亿]|千(?![瓦伏米克]))?[多余几]?"
RANGE_MARK = r"[—–\-~～至到]{1,2}"
# The first number of a range may have the unit of the second one, and a range of the law two bounds:
# 10万元—50万元, 5000元以上2万元以下.
_LOW_UNIT = "%|‰|元|[家个项人户亩吨]|公里|毫米"
_LOW = rf"(?:{DIGITS})[百千万亿]*(?:{_LOW_UNIT})?(?:{RANGE_MARK}|(?<=[元%人户亩吨米])以上(?=\d))"
_NUMBER = re.compile(
    # 2000万 of 3亿2000万元 and 100 of 第100 are no numbers of their own.
    r"(?<![\dA-Za-z.第图表/])(?<!\d[—–\-~～])(?<!\d[百千万亿])"
    rf"(?P<value>(?:(?<![\dA-Za-z)）])[-±](?=[\d.]+(?:%|‰|个?百分点|℃|摄氏度)))?(?:{_LOW})?(?:{DIGITS}){_MAGNITUDE})(?P<unit>{_UNIT})"
)
_NUMERALS = "一二两三四五六七八九十百千万亿零〇"
# 十五, 八百, 二十三万: a magnitude with a number to it; 三个 and 一批 count headings or nothing at all.
_WHOLE = (
    r"(?:[一二两三四五六七八九](?:[十百万亿]|千(?![瓦伏米克]))|十[一二三四五六七八九万亿])"
    r"(?:[一二两三四五六七八九十百万亿零〇]|千(?![瓦伏米克]))*"
)
_NO_NUMERAL_BEFORE = rf"(?<![第\d{_NUMERALS}数上几])"
_WORDED = re.compile(
    rf"(?<![第\d一-九跨迈跃登站爬])(?P<value>[数上][十百千万亿]+|[一二两三四五六七八九]?[十百千万]+[余多](?:万|亿)?)"
    rf"(?P<unit>元|{_COUNT})|"
    rf"{_NO_NUMERAL_BEFORE}(?P<whole>(?:{_WHOLE}元以上)?{_WHOLE}[余多]?)(?P<whole_unit>(?:{MONEY})|(?!条|次|门|对)(?:{_COUNT}))"
)
# 一成 is mostly another word (统一成…, 一成不变); so are 成员, 成果, 成立 and the like.
_SHARE = re.compile(
    rf"{_NO_NUMERAL_BEFORE}(?:[一二三四五六七八九十百千]+分之[一二三四五六七八九十百零点]+|"
    r"(?:[二两三四五六七八九]|(?<=[超近约过达占降长升少加高低了到至])一)成(?![为立功员果本长分就效品交都年人语新熟套型像批片才人])[半多]?|"
    r"翻了?[一两二三]番)"
)
# A short name in quotation marks is a plan ("3个100"); the voltage of a line or of a station is its class.
_NAME_OR_REFERENCE = re.compile(
    r"《[^》]*》|〔[^〕]*〕|\[[^\]]*\]|“[^”，。！？；]{1,8}”|"
    r"(?<![±\d.])[±\d.]+(?:千伏|kV)(?=[^，。；]{0,14}(?:输变电|输电|变电|直流|交流|线路|通道|工程|电网|环网|站))"
)
# Words that make a number a bound or an approximation. Not 最近, 附近, 节约, 合同约 and the like. Without its
# 不得, 不得超过 would say the reverse.
_BOUND_BEFORE = re.compile(
    r"(?:(?:不得|不能|不应|不宜|不再|不可|没有|尚?未)(?:超过|超出|高于|低于|大于|小于|多于|少于|突破|达到|满|足)|"
    r"不超过|不高于|不多于|不低于|不少于|不小于|不大于|不止|不下于?|超过|超出|高于|低于|大于|小于|多于|少于|至少|至多|最多|最少|最高|最低|"
    r"不足|不到|不满|接近|将近|突破|大约|逾|(?<![反赶])超|(?<![最附远邻抵])近|(?<![节预合条公大签履])约)$"
)
_BOUND_AFTER = re.compile(
    r"^(?:（含）)?(?:及?以上|及?以下|以内|之内|内(?![部容外地需贸资陆])|左右|上下|封顶|为限)"
)
_LIST_OF_ORDINALS = re.compile(r"第\d+[、和及至—]\d*$|前$|第$")
# 每100户建立一个网格: what is counted is the one network, not the households.
_PER = re.compile(r"每$")
# 分别压缩至15个、7个工作日: the first number has the unit of the second one.
_UNIT_LATER = re.compile(r"[、和]\d+(?:\.\d+)?个(?:工作日|月|小时|百分点)")
# 增长11%，低于13%的预期目标: the number is that of the target and not what is measured.
_COMPARED_BOUND = re.compile(r"(?:高于|低于|超过|超出|大于|小于|超)$")
_YARDSTICK = re.compile(r"(?:左右|以上)?的[^，。；]{0,8}?(?:目标|水平|红线|警戒线|平均|标准|指标|预期|任务)")


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


def without_bound(lead: str) -> str:
    """The words before a number without the bound that is shown with it: 资本不得低于 -> 资本."""
    return _BOUND_BEFORE.sub("", lead)


def find_numbers(text: str) -> list[Number]:
    """Find the numbers that measure something, in the order of the text."""
    plain = text.translate(HALF_WIDTH)
    hidden = [match.span() for match in _NAME_OR_REFERENCE.finditer(plain)]
    numbers: list[Number] = []
    for start, split, end in sorted(_spans(plain)):
        if any(low <= start < high for low, high in hidden):
            continue
        if _LIST_OF_ORDINALS.search(plain[:start]) or _PER.search(plain[:start]):
            continue
        if _COMPARED_BOUND.search(plain[:start]) and _YARDSTICK.match(plain, end):
            continue
        if plain[split:end] == "个" and _UNIT_LATER.match(plain, end):
            continue
        if numbers and start < numbers[-1].end:
            continue
        numbers.append(Number(start, end, text[start:split], text[split:end]))
    return numbers


def _spans(plain: str) -> Iterator[tuple[int, int, int]]:
    """Where each number starts, where its unit starts and where it ends."""
    for match in _NUMBER.finditer(plain):
        start, end = match.span()
        if not _is_bare_duration(plain[:start], match["unit"]):
            split = match.start("unit")
            yield start, split - _money_magnitude(plain[start:split], match["unit"]), end
    for match in _WORDED.finditer(plain):
        start, end = match.span()
        if match["whole"]:
            # 三亿二千万|元: the magnitudes of a number in words are part of it.
            yield start, match.start("whole_unit"), end
        else:
            split = match.start("unit")
            yield start, split - _money_magnitude(plain[start:split], match["unit"]), end
    for match in _SHARE.finditer(plain):
        yield match.start(), match.end(), match.end()


def _money_magnitude(value: str, unit: str) -> int:
    """How many characters of the value belong to a money unit: 74137|亿元, but 1.5万|个."""
    if not re.match(rf"(?:{MONEY})", unit):
        return 0
    magnitude = re.search(r"[百千]?[万亿]+[多余几]?$", value)
    return len(magnitude[0]) if magnitude else 0


def _is_bare_duration(before: str, unit: str) -> bool:
    """Whether it is a span of time that is no result: "连续3个月" is none, "压缩到3个工作日" is one."""
    if not re.fullmatch(_DURATION, unit):
        return False
    lead = re.split(r"[，。；]", before)[-1]
    return not re.search(r"缩短|压缩|压减|减少|缩减|延长|增加(?!值)|时延|时长|时限|平均|天数", lead)
