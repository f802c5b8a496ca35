"""Chinese numerals and full-width digits: the one table of what each character stands for."""

from __future__ import annotations

# Same length after translation, so that offsets stay those of the source.
HALF_WIDTH = str.maketrans("０１２３４５６７８９．％－−", "0123456789.%--")
CHINESE_DIGITS = {char: i for i, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "两": 2}
POWERS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}


def read_power(magnitudes: str) -> int:
    """What a run of magnitudes multiplies with: 百万 -> 1000000, "" -> 1."""
    power = 1
    for magnitude in magnitudes:
        power *= POWERS[magnitude]
    return power


def read_chinese(written: str) -> int:
    """Read a whole number: 二十三 -> 23, 两千三百 -> 2300, 十万 -> 100000, 二〇三五 -> 2035, 万亿 -> 10^12.

    Args:
        written: Characters of `CHINESE_DIGITS` and `POWERS`, at least one.
    """
    if not any(char in POWERS for char in written):
        return int("".join(str(CHINESE_DIGITS[char]) for char in written))
    total = section = 0
    digit: int | None = None
    for char in written:
        if char in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[char]
        elif char == "亿":
            total = (total + section + (digit or 0) or 1) * POWERS[char]
            section, digit = 0, None
        elif char == "万":
            # 三亿二千万: what stands before 亿 is not multiplied again.
            total += (section + (digit or 0) or (0 if total else 1)) * POWERS[char]
            section, digit = 0, None
        else:
            section += (1 if digit is None else digit) * POWERS[char]
            digit = None
    return total + section + (digit or 0)


def read_decimals(written: str) -> str:
    """Arabic digits of the numerals after 点: 零五 -> "05"."""
    return "".join(str(CHINESE_DIGITS[char]) for char in written)
