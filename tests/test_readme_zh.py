"""README.zh-CN.md shows the commands, the code and the figures of README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
# A number that is not part of a name, such as UTF-8, F1 or int8.
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?!\w)")
# Chinese counts in ten thousands: 3100 万 is 31 M.
_SAME = {"3100": "31"}
# What only the Chinese page says: the least version of Python, and GB 18030 among the encodings.
_ONLY_CHINESE = {"3.11", "18030"}


def commands(page: str) -> list[str]:
    """Commands of the page in order, without comments."""
    found = []
    for language, block in _FENCE.findall(page):
        if language not in ("bash", "console"):
            continue
        for line in block.splitlines():
            if language == "console" and not line.startswith("$ "):
                continue
            command = re.sub(r"\s+# .*", "", line.removeprefix("$ ")).strip()
            if command:
                found.append(command)
    return found


def figures(page: str) -> set[str]:
    """Numbers of the text and the tables; those of code and of addresses are no figures."""
    text = re.sub(r"\]\([^)]*\)|`[^`\n]*`", " ", _FENCE.sub("", page))
    # Chinese letters count as \\w: a blank on both sides of a number lets it stand alone.
    text = re.sub(r"(?<=[\u4e00-\u9fff])(?=\d)|(?<=\d)(?=[\u4e00-\u9fff])", " ", text)
    return {_SAME.get(number, number) for number in _NUMBER.findall(text)}


def test_commands_are_the_same_and_in_the_same_order() -> None:
    assert commands(CHINESE) == commands(ENGLISH)


def test_code_and_its_output_are_the_same() -> None:
    shown = [
        [block for language, block in _FENCE.findall(page) if language == "python" or "upgrading" in block]
        for page in (CHINESE, ENGLISH)
    ]
    # The English page shows more of the digest, and a drawing of the flow.
    chinese, english = ([b for b in blocks if "政策内容摘要" not in b] for blocks in shown)
    assert chinese == english
    assert len(chinese) == 4


def test_the_digest_shown_is_the_beginning_of_the_one_in_english() -> None:
    chinese, english = (
        next(block for language, block in _FENCE.findall(page) if language == "console")
        for page in (CHINESE, ENGLISH)
    )
    assert english.startswith(chinese.removesuffix("…\n"))
    assert len(chinese.splitlines()) > 5


def test_figures_are_the_same() -> None:
    english, chinese = figures(ENGLISH), figures(CHINESE)
    assert len(english) > 80
    assert (english - chinese, chinese - english - _ONLY_CHINESE) == (set(), set())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("84.2 (78.2–88.6), 1,078 of 2026-11-24", {"84.2", "78.2", "88.6", "1,078", "2026"}),
        ("另有 1,078 个，占78.4%，共3100 万", {"1,078", "78.4", "31"}),
        ("UTF-8, F1, int8, `--min-precision 0.9`, [x](v1/2.md)", set()),
        ("60.0/41.5/39.7; 91.5 ± 3.9 %", {"60.0", "41.5", "39.7", "91.5", "3.9"}),
    ],
)
def test_figures_are_found(text: str, found: set[str]) -> None:
    assert figures(text) == found
