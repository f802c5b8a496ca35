"""Numbers as written -> numbers that can be compared: 74137亿元, 1.5万个, 两百多家, 四分之一."""

from __future__ import annotations

import re

from policylens.data.records import Amount
from policylens.infer.figures.digits import (
    CHINESE_DIGITS,
    HALF_WIDTH,
    read_chinese,
    read_decimals,
    read_power,
)

_MAGNITUDES = "十百千万亿"
_NUMERALS = f"零〇一二两三四五六七八九{_MAGNITUDES}"
_ONE = r"\d+(?:,\d{3})*(?:\.\d+)?"
_WRITTEN = re.compile(
    rf"(?:(?P<low>{_ONE})(?P<low_power>[{_MAGNITUDES}]*)(?P<low_unit>[^\d—–\-~～到至]{{0,2}}?)(?:[—–\-~～]{{1,2}}|[到至]|以上))?"
    rf"(?P<high>-?{_ONE})[多余几]?(?P<power>[{_MAGNITUDES}]*)[多余几]?$"
)
_WORDED = re.compile(rf"(?:(?P<low>[{_NUMERALS}]+)元以上)?(?P<high>[{_NUMERALS}]+)[多余]?(?P<power>[万亿]*)$")
_FRACTION = re.compile(
    r"([一二三四五六七八九十百千]+)分之([一二三四五六七八九十百零]+)(?:点([零一二三四五六七八九]+))?$"
)
_TENTHS = re.compile(r"([一二两三四五六七八九])成([半多]?)$")
_CURRENCY = re.compile(
    r"(?P<power>[百千]?[万亿]*)[多余几]?(?P<name>人民币|美元|欧元|日元|港元|元(?:人民币)?)(?P<per>/.*)?$"
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
    power, scale, name = _unit(unit)
    ends = _ends(value, power)
    if ends is None:
        return None
    low, high = (float(f"{end / scale:.10g}") for end in ends)
    return Amount(low, high, name, approximate) if low <= high else None


def _share(value: str) -> float | None:
    if tenths := _TENTHS.match(value):
        return CHINESE_DIGITS[tenths[1]] * 10.0 + (5.0 if tenths[2] == "半" else 0.0)
    match = _FRACTION.match(value)
    if match is None:
        return None
    whole, part = read_chinese(match[1]), float(f"{read_chinese(match[2])}.{read_decimals(match[3] or '零')}")
    return float(f"{100 * part / whole:.4g}") if whole else None


def _ends(value: str, unit_power: int) -> tuple[float, float] | None:
    """Both ends of a number, times what its unit multiplies with; alike where it is no range."""
    if match := _WRITTEN.match(value):
        high_power = read_power(match["power"]) * unit_power
        high = _plain(match["high"]) * high_power
        if match["low"] is None:
            return high, high
        low = _plain(match["low"]) * read_power(match["low_power"])
        # "2—3万": the magnitude of the second number holds for the first, but not in "800元—1万元".
        shares = not match["low_power"] and match["low_unit"] in ("", "%", "‰") and low * high_power <= high
        return low * high_power if shares else low, high
    if match := _WORDED.match(value):
        high = read_chinese(match["high"]) * read_power(match["power"]) * unit_power
        return read_chinese(match["low"]) if match["low"] else high, high
    if value.rstrip("余多") in ("万", "千", "百", "亿"):
        power = float(read_power(value.rstrip("余多"))) * unit_power
        return power, power
    return None


def _plain(digits: str) -> float:
    return float(digits.replace(",", ""))


def _unit(unit: str) -> tuple[int, float, str]:
    """What a unit multiplies its number with, what that is to be divided by, and the unit that is left."""
    if unit in ("个百分点", "百分点"):
        return 1, 1.0, "百分点"
    money = _CURRENCY.match(unit)
    if money is None:
        return 1, 1.0, unit
    name = "元" if "人民币" in money["name"] else money["name"]
    power = read_power(money["power"])
    return (power, 1.0, name + money["per"]) if money["per"] else (power, _MONEY_SCALE, "亿" + name)
