"""Documents and programmes that policy text names: 《…》, …行动, …工程, …计划, …专项."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from policylens.data.records import Citation, Measure, TaggedParagraph

_TITLE = re.compile(r"《[^《》\n]{2,60}(?:《[^《》\n]{1,40}》[^《》\n]{0,20})?》")
# What follows tells that the word is part of another one: 行动方案, 工程师, 专项资金.
_SUFFIX = (
    r"(?:行动计划|专项行动|攻坚战|行动(?!方案|者|力|能力|路线|纲领|指南)|"
    r"工程(?!师|院|学|机械|建设|技术|研究|项目|设计|系统|总承包|质量|化|塑料|中心|实验室|款|量)|"
    r"计划(?!生育|单列|经济|性|书|表)|"
    r"专项(?!资金|债|规划|整治|检查|督查|治理|审计|斗争|再贷款|附加|扣除|补助|政策|支持|行动|贷款|调研|经费|工作))"
)
# The verb that a programme is the object of: what stands between the two is its name.
_VERB = (
    r"(?:深入实施|启动实施|组织实施|全面实施|大力实施|扎实推进|深入推进|深入开展|扎实开展|统筹推进|加快推进|全面推进|继续实施|持续实施|"
    r"实施好|实施|启动|开展|推进|推动|落实|部署|深化|推行|发起|制定|出台|纳入|参与|列入|依托|通过|按照|围绕|以|将|的|兴建|建设|建成|抓好|打响|打好|完成|结合)"
)
# Characters that a name does not hold outside its quotation marks.
_PLAIN = r"[^，。；：、！？“”《》（）()\s]"
_NAMED = re.compile(rf"{_VERB}(?P<name>(?:“[^“”\n]{{1,20}}”)?{_PLAIN}{{0,22}}?{_SUFFIX}”?)")
_QUOTED = re.compile(
    rf"(?P<name>“[^“”，。；\n]{{2,20}}”(?:(?!的){_PLAIN}){{0,12}}?{_SUFFIX})|"
    rf"“(?P<inner>[^“”，。；\n]{{2,20}}{_SUFFIX})”"
)
_LEAD = re.compile(
    rf"^(?:{_VERB}|一批|一系列|若干|新一轮|一轮|本轮|各项|有关|相关|上述|该|这一|和|与|及|了|好|"
    r"\d+[个项大]|[一二三四五六七八九十]+[个项大])+"
)
# A verb that came along: 项目优先列入|三年滚动计划, 职责具体承担|引黄工程.
_VERB_INSIDE = re.compile(
    r"^[^“]*(?:列入|纳入|转入|下达|承担|报告|依据|应当|发行|制定|确保|打赢|打好|深化|落细|支援和?|配合|作为|结合|筹集|是|占|"
    r"在\d+月)(?:一个|一项|为)?"
)

# Kinds of programmes, not the name of one.
_GENERIC = frozenset(
    (
        "行动 工程 计划 专项 专项行动 重大工程 重点工程 系统工程 民心工程 民生工程 "
        "基础工程 行动计划 建设工程 三年行动 三年行动计划 国家计划 年度计划 工作计划 "
        "重大专项 科技计划 整治行动 一号工程 形象工程 系列行动 重大行动 具体行动 "
        "实际行动 有力行动 工作专项 年度工作计划 五年计划 发展计划 培养计划 改造工程 "
        "重点行动 重点计划 重点专项 国家重点工程 滚动计划 三年滚动计划 年度工作计划 "
        "配套工程 示范工程 水利工程 土木工程 建筑工程 软件工程 自觉行动 联合行动 "
        "集中行动 攻坚战 攻坚行动 生产计划 投资计划 整改计划 执法行动 一体行动 "
        "思想和行动 言论和行动 主体工程 项目工程 "
    ).split()
)
# A text calls a document by its kind once it has named it; a newspaper or programme is no document of policy.
_NO_DOCUMENT = re.compile(
    r"《(?:总体|实施|工作)?(?:条例|规定|办法|意见|决定|方案|通知|指南|纲要|建议|通告|公告|决议|若干措施|若干意见|细则|"
    r"计划|规划|目录|草案|纲要草案|纲要（草案）)》|《[^《》]*(?:日报|时报|晚报|周刊|杂志|新闻联播)》"
)
_MIN_STEM_CHARS = 3


def find_measures(tagged: Sequence[TaggedParagraph]) -> tuple[Measure, ...]:
    """Find the documents and programmes that paragraphs name.

    Args:
        tagged: Body paragraphs of one theme, in reading order.

    Returns:
        Each once, the most often named first, then in reading order. The name is as first written; names
        that differ only in quotation marks are one.
    """
    names: dict[str, str] = {}
    places: dict[str, dict[Citation, None]] = {}
    for item in tagged:
        citation = Citation(item.paragraph.doc, item.paragraph.para)
        for name in names_in(item.paragraph.text):
            key = measure_key(name)
            names.setdefault(key, name)
            places.setdefault(key, {})[citation] = None
    found = [
        Measure(names[key], "document" if names[key].startswith("《") else "programme", tuple(where))
        for key, where in places.items()
    ]
    return tuple(sorted(found, key=lambda measure: -len(measure.citations)))


def measure_key(name: str) -> str:
    """What two ways of writing one name have in common."""
    return re.sub(r"[“”‘’\"《》〈〉\s]|（试行）|（[^（）]{0,12}年[^（）]{0,8}）", "", name)


def names_in(text: str) -> Iterator[str]:
    """Names of documents and programmes in a paragraph, in order, verbatim."""
    found: list[tuple[int, int, str]] = [(m.start(), m.end(), m[0]) for m in _TITLE.finditer(text)]
    hidden = [(start, end) for start, end, _ in found]
    found = [one for one in found if not _NO_DOCUMENT.fullmatch(one[2])]
    for pattern in (_QUOTED, _NAMED):
        for match in pattern.finditer(text):
            group = "inner" if pattern is _QUOTED and match["inner"] else "name"
            start, end = match.span(group)
            if any(low < end and start < high for low, high in hidden):
                continue
            if name := _programme(match[group]):
                found.append((start, end, name))
                hidden.append((start, end))
    yield from (name for _, _, name in sorted(found))


def _programme(written: str) -> str:
    """The name in a stretch that ends with 行动, 工程, 计划 or 专项; "" where it names only a kind."""
    name = _LEAD.sub("", written.removesuffix("”") if written.count("”") != written.count("“") else written)
    name = _LEAD.sub("", _VERB_INSIDE.sub("", name))
    bare = measure_key(name)
    stem = re.sub(r"(?:专项行动|行动计划|行动|工程|计划|专项|攻坚战)$", "", bare)
    if (
        bare in _GENERIC
        or len(stem) < (2 if "“" in name else _MIN_STEM_CHARS)
        or "的" in bare
        or stem.endswith(("等", "和", "与", "及", "实际"))
    ):
        return ""
    return name
