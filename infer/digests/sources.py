"""What a digest calls the source of a sentence: 吉林, 2015年政府工作报告, 国务院常务会议.

Only names that a reader needs to tell apart what different provinces, years or meetings say; they are read
from the document's name or title, so that a digest states nothing that its sources do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PROVINCES = (
    "北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南"
    "|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
# Only the papers of an authority speak for its province; a news title (李强在浙江调研) only mentions one.
_PAPER = re.compile(
    r"政府工作报告|(?:意见|通知|规划|纲要|方案|办法|条例|措施|决定|公报|细则|计划|批复|要点|规定|政策)(?:》|$|[（(“”…])"
    r"|(?:省|市|自治区)(?:委|人民政府|政府)"
)
_PROVINCE = re.compile(rf"^(?:关于印发)?《?(?:中共)?(?:\d{{4}}年)?({_PROVINCES})")
_REPORT = re.compile(r"^(\d{4}年)(?:中华人民共和国)?(?:国务院)?(政府工作报告)")
_YEAR_MEETING = re.compile(r"^(\d{4}年)(中央(?:经济|农村)工作会议)")
_MEETING = re.compile(r"(国务院常务会议)")
_AUTHORITY = re.compile(
    r"^(国务院办公厅|国务院|中共中央办公厅|中共中央|最高人民法院|最高人民检察院"
    r"|(?!我|各|等)[一-龥]{2,8}?部|国家[一-龥]{2,8}?(?:总局|局|委员会|委))(?:办公厅)?(?=关于|印发|发布)"
)


@dataclass(frozen=True, slots=True)
class SourceName:
    """How a source is named before what it says.

    Attributes:
        text: The name, "" where the source goes unnamed.
        colon: Whether a colon parts it from the sentence; a province stands right before its predicate.
    """

    text: str
    colon: bool = False

    @property
    def printed(self) -> str:
        """The name with its mark."""
        return self.text + "：" if self.colon else self.text


UNNAMED = SourceName("")


@lru_cache(maxsize=4096)
def source_name(doc: str, title: str = "") -> SourceName:
    """The name of a document in digests.

    Args:
        doc: `Paragraph.doc`.
        title: `Paragraph.title`, looked at where the document's name tells nothing.

    Returns:
        The province for the paper of a province, year and name for a report of the central government or a
        yearly meeting, the authority for a paper of the central government, the meeting for a report on a
        State Council meeting; else `UNNAMED`.
    """
    for name in (doc.strip(), title.strip()):
        for pattern in (_REPORT, _YEAR_MEETING, _AUTHORITY):
            if match := pattern.match(name):
                return SourceName("".join(match.groups()), colon=True)
        if (match := _PROVINCE.match(name)) and _PAPER.search(name):
            return SourceName(match.group(1))
        if match := _MEETING.search(name):
            return SourceName(match.group(1), colon=True)
    return UNNAMED
