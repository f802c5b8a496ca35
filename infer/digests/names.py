"""Names that a text uses: persons, organisations, places, titles, quotations; and whether a source has them.

No list of names: a name is found by what stands beside it (局, 公司, 市; a post before it, a verb of saying
after it) and compared character by character, so that a firm nobody has heard of is a name too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.digests.speakers import named_person
from policylens.infer.digests.voices import extract_voices

_PROVINCES = re.compile(
    "北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南"
    "|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|中央|国务院|全国人大|最高人民法院|最高人民检察院"
)
_ORGANISATION = re.compile(
    r"研究院|研究所|科学院|工程院|大学|学院|协会|学会|商会|联合会|委员会|集团|公司|企业(?=表示|介绍)|银行|实验室|智库|联盟"
    r"|基金会|法院|检察院|报社|人大|政协|人民政府|医院|[局厅署]|院(?![校士长系墙落])|(?<=[^全内外])部(?!门|分|署|队|件|委|级|位|长)|(?<=[改建健资纪党])委(?!员|托|派)"
    r"|(?<=[一-龥]{2})厂(?![长房区家矿商里])|(?<=[一-龥]{2})(?:省|自治区|自治州|市(?!场|值|民|委|区|级|县)|县(?!域|级|城)|镇(?!村|区))|(?<=[一-龥]{2})区(?!域|间|别|块|县|位)"
)
_GENERIC = re.compile(
    r"(?:[全各本我该两多某外内跨](?:省|市|县|区|镇|厅|局|部|院)|城市|地区|社区|城区|辖区|山区|景区|校区|小区|库区"
    r"|牧区|灾区|产区|林区|老区|城镇|乡镇|门市|上市|开市|超市|出局|工厂|格局|布局|大局|全局|结局|当局|破局|开局"
    r"|[东西中南北]部|干部|总部|全部|内部|外部|局部)$"
)
_KIND = re.compile(
    r"(?:医院|法院|剧院|影院|企业|公司|集团|银行|大学|学院|协会|学会|商会|联盟|智库|委员会|实验室|研究院|研究所"
    r"|[片园新特湾]区|自贸区|开发区|示范区|试验区|保税区|工业区)$"
)
# What may stand right before a name: a mark, or a word that is no part of it.
_BOUNDARY = frozenset(
    "的了在和与由对向将把被从为是据经及或给让使到至过同跟以于自等时中上下内后前"
    "，。；：、！？“”‘’（）()《》\0 ,;:!?\"'-—"
)
_LEADING_WORDS = (
    "推动|推进|支持|鼓励|引导|要求|组织|联合|会同|指导|促进|加强|依托|通过|面向|协同|助力|督促|根据|按照|成立|设立|建立"
    "|建设|打造|提升|其中|目前|近日|日前|今年|去年|此外|同时|包括|以及|位于|来自|作为"
)
_ENDS_WITH_WORD = re.compile(rf"(?:{_LEADING_WORDS})$")
_LONGEST_NAME = 16
_MARKS = frozenset("，。；：！？、,;:!?\0")
_SAYS = "介绍|表示|说|指出|认为|强调|坦言|透露|提出|告诉|提醒|建议|呼吁|称|算|解释|分析|谈到"
_POST = (
    "主任|书记|经理|总裁|总监|院士|教授|研究员|专家|代表|委员|负责人|发言人|创始人|董事长|理事长|校长|院长|所长|局长|厅长|部长|省长|市长|县长|区长"
    "|镇长|村长|厂长|行长|会长|站长|队长|秘书长|主席|总理|总统|工程师|技术员|经济师|村民|工人|农民|记者|厂长|总书记|副总理"
)
_AFTER_POST = re.compile(
    rf"(?:{_POST})(?P<name>[一-龥]{{2,3}}?)(?=在|向|对|就|率|出席|主持|还|也|则|{_SAYS}|[，、。；：]|$)"
)
_BEFORE_POST = re.compile(
    rf"(?:^|[，。；：、“])(?P<name>[一-龥]{{2,3}})(?=(?:院士|教授|研究员|博士|主任|书记|总理|主席|部长|省长|市长)(?:{_SAYS}|在|，))"
)
_FOREIGN = re.compile(r"[一-龥]{1,7}(?:·[一-龥]{1,8})+")
_NO_NAME = re.compile(
    r"[的了是在与及等将要并还也就都不这那其各每介绍表示说指出认为强调提出代表委员负责]|^(?:会议|大会|报告|全会|同志|们)"
)
_TITLE = re.compile(r"《([^《》\n]{1,80})》")
_QUOTED = re.compile(r"[“\"「『]([^“”\"「」『』\n]{1,200})[”\"」』]")
_SKIPPED = re.compile(r"[^\w]|_")


def bare(text: str) -> str:
    """A text without marks and white space, letters in lower case: what wording, not printing, decides."""
    return _SKIPPED.sub("", text).casefold()


def persons(text: str) -> set[str]:
    """Names of persons: who speaks, who holds a post, who is named with a ·."""
    found = {voice.speaker for voice in extract_voices([_as_paragraph(text)])}
    found |= {match["name"] for pattern in (_AFTER_POST, _BEFORE_POST) for match in pattern.finditer(text)}
    found |= {_after_post(match[0]) for match in _FOREIGN.finditer(text)}
    found.add(named_person(text))
    return {name for name in found if len(name) > 1 and not _NO_NAME.search(name)}


def places(text: str) -> set[str]:
    """Names of provinces and of the organs of the state."""
    return set(_PROVINCES.findall(text))


def unknown_organisations(text: str, sources: Sequence[str]) -> Iterator[str]:
    """Names of organisations and places in a text that no source has.

    A name is known where the longest stretch before its end that a source has begins where a name can begin.

    Args:
        text: The text.
        sources: What may name them.
    """
    for match in _PROVINCES.finditer(text):
        if not any(match[0] in source for source in sources):
            yield match[0]
    for match in _ORGANISATION.finditer(text):
        end = match.end()
        word = text[max(0, end - 4) : end]
        if not _GENERIC.search(word) and (not _KIND.search(word) or _qualified(text, match.start())):
            start = _known_from(text, end, sources)
            if start is not None:
                yield text[max(0, start - 2) : end]


def titles(text: str) -> list[str]:
    """What stands in 《》."""
    return [match[1] for match in _TITLE.finditer(text)]


def quotations(text: str) -> list[str]:
    """What stands in quotation marks."""
    return [match[1] for match in _QUOTED.finditer(text)]


def has(sources: Sequence[str], words: str) -> bool:
    """Whether a source has these words, marks and white space apart.

    Args:
        sources: Texts that `bare` has made.
        words: Words as written.
    """
    return any(bare(words) in source for source in sources)


def _qualified(text: str, start: int) -> bool:
    """Whether a word that names a kind (公司, 大学, 园区) has a name of its own before it."""
    return (
        start >= 2
        and all(char not in _BOUNDARY for char in text[start - 2 : start])
        and (_ENDS_WITH_WORD.search(text[:start]) is None)
    )


def _known_from(text: str, end: int, sources: Sequence[str]) -> int | None:
    """Where a name that ends at `end` stops being known; None if it is known as a whole."""
    start = end
    lowest = max(0, end - _LONGEST_NAME)
    while (
        start > lowest and text[start - 1] not in _MARKS and any(text[start - 1 : end] in s for s in sources)
    ):
        start -= 1
    if start == lowest or text[start - 1] in _BOUNDARY or _ENDS_WITH_WORD.search(text[:start]):
        return None
    known = text[start:end]
    # Inside other words the known part would be only the tail of another name: 岭机械厂 of 松岭机械厂.
    begins = any(_begins_name(source, known) for source in sources) if len(known) > 1 else False
    before = text[max(0, start - 2) : start]
    return None if begins and any(before in source for source in sources) else start


def _begins_name(source: str, known: str) -> bool:
    at = source.find(known)
    while at >= 0:
        if at == 0 or source[at - 1] in _BOUNDARY or _ENDS_WITH_WORD.search(source[max(0, at - 4) : at]):
            return True
        at = source.find(known, at + 1)
    return False


def _after_post(name: str) -> str:
    first, dot, rest = name.partition("·")
    post = [match.end() for match in re.finditer(_POST, first)]
    return first[post[-1] :] + dot + rest if post else name


def _as_paragraph(text: str) -> TaggedParagraph:
    return TaggedParagraph(Paragraph("", 1, "body", text), "", 0.0)
