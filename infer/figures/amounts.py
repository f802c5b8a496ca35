"""Numbers as written -> numbers that can be compared: 74137亿元, 1.5万个, 两百多家, 四分之一."""

from __future__ import annotations

import re

from policylens.data.records import Amount
from policylens.infer.figures.quantities import HALF_WIDTH

_CHINESE_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_POWERS = {"十": 10.0, "百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8}
_MAGNITUDES = "十百千万亿"
_ONE = r"\d+(?:,\d{3})*(?:\.\d+)?"
_WRITTEN = re.compile(
    rf"(?:(?P<low>{_ONE})(?P<low_power>[{_MAGNITUDES}]*)%?(?:[—–\-~～]{{1,2}}|[到至]))?"
    rf"(?P<high>{_ONE})[多余几]?(?P<power>[{_MAGNITUDES}]*)[多余几]?$"
)
_WORDED = re.compile(rf"[一二两三四五六七八九{_MAGNITUDES}]+[多余]?[万亿]*$")
_FRACTION = re.compile(
    r"([一二三四五六七八九十百]+)分之([一二三四五六七八九十百]+)(?:点([零一二三四五六七八九]+))?$"
)
_CURRENCY = re.compile(
    r"(?P<power>[百千]?[万亿]*)[多余几]?(?P<name>人民币|美元|欧元|日元|港元|元)(?P<per>/.*)?$"
)
_VAGUE = re.compile(r"[多余几]")
# Money is compared in 亿元, the unit of plans and reports; amounts per head or per ton stay in 元.
_MONEY_SCALE = 1e8


def read_amount(value: str, unit: str) -> Amount | None:
    """Read the number of a figure.

    Args:
        value: The number as written: "1,250.5", "1.5万", "200多万", "5%—6", "两百多", "四分之一", "三成".
        unit: The unit as written: "亿元", "％", "个百分点", "家", "".

    Returns:
        The amount, money in 亿元 (or 亿美元 …), shares in %; None where the words give no certain number
        (数百家, 上万人).
    """
    value, unit = value.translate(HALF_WIDTH), unit.translate(HALF_WIDTH)
    approximate = bool(_VAGUE.search(value + unit))
    if share := _share(value):
        return Amount(share, share, "%", approximate)
    ends = _ends(value)
    if ends is None:
        return None
    factor, name = _unit(unit)
    low, high = (float(f"{end * factor:.10g}") for end in ends)
    return Amount(low, high, name, approximate)


def _share(value: str) -> float | None:
    if value.endswith("成") and value[:-1] in _CHINESE_DIGITS:
        return _CHINESE_DIGITS[value[:-1]] * 10.0
    match = _FRACTION.match(value)
    if match is None:
        return None
    whole, part = _chinese(match[1]), _chinese(match[2])
    if match[3]:
        part += float("0." + "".join(str(_CHINESE_DIGITS[c]) for c in match[3]))
    return float(f"{100 * part / whole:.4g}") if whole else None


def _ends(value: str) -> tuple[float, float] | None:
    if match := _WRITTEN.match(value):
        power = _power(match["power"])
        high = _plain(match["high"]) * power
        if match["low"] is None:
            return high, high
        # "2—3万": the magnitude of the second number holds for the first.
        return _plain(match["low"]) * (_power(match["low_power"]) if match["low_power"] else power), high
    if _WORDED.match(value):
        number = _chinese(re.sub(r"[多余]", "", value))
        return number, number
    if value.rstrip("余多") in ("万", "千", "百", "亿"):
        power = _power(value.rstrip("余多"))
        return power, power
    return None


def _plain(digits: str) -> float:
    return float(digits.replace(",", ""))


def _power(magnitudes: str) -> float:
    power = 1.0
    for magnitude in magnitudes:
        power *= _POWERS[magnitude]
    return power


def _chinese(written: str) -> float:
    """二十三 -> 23, 两千三百 -> 2300, 十万 -> 100000."""
    total = section = 0.0
    digit: float | None = None
    for char in written:
        if char in _CHINESE_DIGITS:
            digit = float(_CHINESE_DIGITS[char])
        elif char in "万亿":
            section += digit or 0.0
            total = (total + (section or (0.0 if total else 1.0))) * _POWERS[char]
            section, digit = 0.0, None
        else:
            section += (1.0 if digit is None else digit) * _POWERS[char]
            digit = None
    return total + section + (digit or 0.0)


def _unit(unit: str) -> tuple[float, str]:
    """What a unit multiplies its number with, and the unit that is left."""
    if unit in ("个百分点", "百分点"):
        return 1.0, "百分点"
    money = _CURRENCY.match(unit)
    if money is None:
        return 1.0, unit
    name = "元" if money["name"] == "人民币" else money["name"]
    if money["per"]:
        return _power(money["power"]), name + money["per"]
    return _power(money["power"]) / _MONEY_SCALE, "亿" + name
