"""Words that begin a paragraph much more often than a later sentence of one."""

from __future__ import annotations

import re

from policylens.data.layout.names import is_name

# Counted on 36,000 paragraphs of plans, reports, regulations and news, November 2026: of the sentences that
# begin so, seven in ten or more begin a paragraph; of all sentences two in seven do. Asked only where nothing
# else tells a new paragraph from a sentence that begins a line by chance.
_OPENS = re.compile(
    r"——|──"
    r"|(?:各位|同志们|朋友们|[女先]士们)"
    r"|(?:全会|会议|大会)(?:强调|指出|要求|认为|提出|决定|号召|听取|审议|充分)"
    r"|为(?:深入|贯彻|进一步|加快|切实|全面|认真|落实)"
    r"|国务院|(?:本报|新华社|中新社|据新华社)|记者(?:了解|获悉|从|在|看|注意|还)"
    r"|第[二三四五六七八九十][，、]|[三四五六七八九十]是"
    r"|(?:近日|日前|眼下|今年以来|近年来|与此同时|此外|据了解|据悉|据介绍)[，,]"
)
_SPEAKER = re.compile(r"(问|答|记者|主持人|[\u4e00-\u9fff]{2,6}记者|[\u4e00-\u9fff·]{2,4})[：:]\S")


# Counted the same way, numbered lines aside: of the sentences that begin with the three characters that the
# paragraph above begins with (这十年，… 这十年，…), three in four begin a paragraph; of all, two in nine.
_PARALLEL = 3
_POINT = re.compile(r"([二三四五六七八九十])是")
_ORDER = "一二三四五六七八九十"


def is_parallel(text: str, above: str) -> bool:
    """Whether a text begins in the same words as the paragraph above it."""
    return len(text) > _PARALLEL and text[:_PARALLEL] == above[:_PARALLEL]


def counts_on_inside(text: str, above: str) -> bool:
    """Whether a text goes on counting (六是) what the text above counts inside (…五是), not at its head."""
    point = _POINT.match(text)
    if point is None:
        return False
    before = _ORDER[_ORDER.index(point[1]) - 1]
    return bool(re.search(f"(?<=[。；，：;:]){before}是", above))


def opens_paragraph(text: str) -> bool:
    """Whether a text begins as paragraphs do and sentences inside a paragraph hardly ever do."""
    if _OPENS.match(text):
        return True
    speaker = _SPEAKER.match(text)  # 记者：… 答：… 孟疏桐：… in interviews, but not 主要是：…
    if speaker is None:
        return False
    return speaker[1].endswith(("问", "答", "记者", "主持人")) or is_name(speaker[1])
