"""Who speaks in a paragraph: carried from the sentence that names the speaker to those that only go on.

李强指出，…。要推进…。 -> 李强指出，要推进…; 他强调，… -> 李强强调，….
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from policylens.infer.digests.clauses import Clause, Kind

_VERBS = "指出|强调|要求|表示|说|介绍|认为|提出|部署|透露|坦言|建议|呼吁|希望"
# 李强在听取汇报后指出; longer ones hold a story of their own.
_SAYS = re.compile(rf"^[^，“”《》]{{2,24}}(?:{_VERBS})$")
_NOBODY = re.compile(r"^(?:他|她|它|这|该|其|大家|我们|可以|不少|有人|并|还|同时|也|记者|要|应)")
_PRONOUN = re.compile(rf"(?:他|她)(?=(?:还|同时|并|也|进一步)?(?:{_VERBS})[，：:])")
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜谢邹喻柏水窦章苏潘葛奚范彭郎鲁韦马苗方俞任袁柳"
    "史唐费廉岑薛雷贺倪汤殷罗毕郝邬安常乐于傅康齐伍余元顾孟黄和穆萧尹姚邵汪毛禹狄贝明臧成戴宋庞熊纪舒屈项祝董梁杜阮蓝"
    "闵席季麻强贾路娄危江童颜郭梅盛林钟徐邱骆高夏蔡田樊胡凌霍万柯卢莫房解丁邓洪左石崔吉龚程邢裴陆翁段侯武刘龙叶黎白"
    "丛赖卓蒙池乔谭冉申牛燕尚农温庄瞿阎连艾向古易廖耿曾沙丰关相游习"
)
_TITLED = re.compile(r"习近平总书记|习近平主席|习近平|总书记")
_NAME = re.compile(
    rf"(?<![一-龥])([{_SURNAMES}][一-龥]{{1,2}})(?=在|于|主持|出席|强调|指出|表示|说|介绍|认为|要求|充分肯定|希望|提出|考察|调研)"
)


def speaker_clause(clauses: Sequence[Clause]) -> str:
    """The clause of a sentence that says who speaks (李强在会上指出), "" where none does.

    An anonymous meeting (会议指出) counts: better than nobody.
    """
    for clause in clauses:
        if clause.kind is Kind.MEETING and is_meeting(clause.text):
            return clause.text
        if clause.kind is Kind.SAYS and _SAYS.match(clause.text) and not _NOBODY.match(clause.text):
            return clause.text
    return ""


def is_meeting(speaker: str) -> bool:
    """Whether a speaker is only 会议指出 or 全会提出."""
    return speaker.startswith(("会议", "全会"))


def named_person(sentence: str) -> str:
    """Name of the person whom 他 in the next sentence stands for, "" where none is named for certain."""
    titled = [match.group() for match in _TITLED.finditer(sentence)]
    others = {match.group(1) for match in _NAME.finditer(sentence)} - {"习近平"}
    if titled:
        return titled[0] if not others else ""
    return others.pop() if len(others) == 1 else ""


def pronoun_chars(sentence: str) -> int:
    """Length of the pronoun that opens a sentence as its speaker (他强调，…); 0 where none does."""
    match = _PRONOUN.match(sentence)
    return match.end() if match else 0
