"""What a number measures: the words around it, and the subject that a clause takes from before it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from policylens.infer.figures.periods import PERIOD
from policylens.infer.figures.quantities import without_bound

AROUND = re.compile(
    r"^(?:（含）|及?以上|及?以下|以内|之内|内(?![部容外地需贸资陆])|左右|上下|之多|封顶|为限|多)+"
)
# "东湾的中试平台今年接待": a period inside the clause; "比去年底" is what the number is compared with.
INNER_PERIOD = re.compile(
    r"(?<![比较与同于自从由到至年])(?:[到至]|截至|预计)?(?:今年(?:以来)?|目前|当前|近年来|上半年|下半年|"
    r"(?:19|20)\d{2}年(?:\d{1,2}月)?(?:底|末|初|前|以来)*)(?![度产间版款级]|的?(?:基础|水平)|同期|计划|规划|行动)"
)
OPENING = re.compile(
    rf"^(?:{PERIOD}|其中|这里|那里|为此|对此|同时|此外|另外|并且|并|而|且|但|也|还|已经?|力争|预计|争取|确保|此举|将(?![军要来近])|[（\s、和及与]|"
    r"[(（]?[一二三四五六七八九十\d]+[)）、.．]|[一二三四五六七八九十]是)+"
)
APPROXIMATION = re.compile(
    r"(?:大?约|接近|近|超过|超出|超|逾|突破|达到了?|达成|高达|多达|达|不超过|不低于|不少于|不高于|最高不?|最低不?|最多|至少|分别|"
    r"已经?|将|共计|共有|合计|总计|(?<!公)共|仅有?|只有?|力争|预计|累计达?|大于|小于|等于|"
    r"(?<![成作变降增调整提])为|(?<![总])是|(?<![拥具享现])有|(?:首次|历史性|率先|仍|尚|(?<![偿归退返生])还)|了|由|从|(?<![定持制])在|"
    r"的|[（：“、])+$"
)
CHANGE_WORD = (
    "缩短|压缩|压减|增长|下降|上升|提高|提升|减少|增加|降低|回落|回升|扩大|收窄|提速|上涨|下跌|下调|上调|跌|涨|翻|"
    "(?<!新)增|降"
)
COMPARED = (
    "同比|环比|同口径|比上年(?:同期)?|比去年(?:同期)?|较上年(?:同期)?|较去年(?:同期)?|年均|平均|实际|名义|"
    "比上月|较上月|两年平均|年均复合|持续|稳步|不断|继续|明显|快速|平稳|保持|首次|大幅|稳定"
)
CHANGE_END = re.compile(
    rf"(?:{COMPARED})*(?:{CHANGE_WORD}|增速|增幅|降幅)[到至为了]{{0,2}}$|"
    r"(?:稳定|保持|控制|维持)在$"
)
CHANGE_ONLY = re.compile(rf"(?:{COMPARED})*(?:{CHANGE_WORD})[到至为了]{{0,2}}")
_RATE_NOUN = "增速|增幅|降幅|占比|比重|总量|总额|覆盖率|普及率|贡献率"
# 对经济增长的贡献率 is that of something; 对共建国家出口 is a subject.
_TOWARDS = r"对(?!外|[^，]{1,14}(?:出口|进口|进出口|贸易|投资))"
_NEEDS_SUBJECT = re.compile(
    rf"^(?!(?:平均|实际)(?![长上提升增减降回扩收跌涨翻缩压达为]))(?:{COMPARED}|(?:{CHANGE_WORD})[到至为了]?$|{_RATE_NOUN}|占|{_TOWARDS}|"
    r"比(?!亚迪)|较|拉动|高于|低于|快于|高出|超出|位居|居(?!民)|相当于|是(?=.*的?$)(?!否)|"
    r"规模(?!以上|工业|养殖|企业)|达到|其(?![他余])|均(?!价)|首破|总计|合计)"
)
_RATE_OPENING = re.compile(rf"^(?:{_RATE_NOUN})")
# "产业规模较2020年": what a clause compares with stays in it.
_COMPARISON_END = re.compile(
    rf"(?:比|较|与|同)(?:(?:{PERIOD})+|全[国省市县]|年初|常年(?:同期)?|预期|[^，、]{{0,6}}(?:上年|去年|[年月]?[末初底]|同期|相比))$"
)
_PER_END = re.compile(r"(?<=[到至为])每[一-龥]{1,3}$")
# 服务业增加值占地区生产总值的比重, 对经济增长的贡献率: it is the value that contributes.
_SHARE_OF = re.compile(r"占[^占]{2,}(?:比重|比例|份额)$")
# "是2015年的|3.2倍", "在2020年的基础上提高": a time that the measure cannot lose.
_TIMES_OF = re.compile(rf"(?:是|为|相当于)(?:{PERIOD})+的$")
_TURNED = re.compile(r"(?:同比|环比)?由[^，]{1,4}转[^，]{1,3}$")
_TOTAL_OF = re.compile(r"(?:总?规模|总额|金额|总投资)$")
_STEP_UP = re.compile(r"[迈跨跃站登]")
_MILESTONE = re.compile(r"新?的?(?:台阶|大关|关口)")
# "连续5年提高甲、4次提高乙", "乡镇和98%的行政村": what stands before the mark is not what is counted.
_LIST_BEFORE = re.compile(r"(?:、|以及|(?<![还已也又将惠涉普波顾遍触推以])[和及])$")
_PERCENT = re.compile(r"[%％‰]$|^$")
_MAX_OBJECT_CHARS = 16
_MAX_MEASURE_CHARS = 36
_MAX_SUBJECT_CHARS = 24
# 对首次认定的甲企业、乙企业，分别给予…
_MAX_ADDRESSEE_CHARS = 48


@dataclass(frozen=True, slots=True)
class Subject:
    """What the clause at `start` is about; later clauses of the sentence may be about it too.

    Attributes:
        text: The words; "" where nothing is known.
        start: Where its clause starts in the paragraph, in characters; -1 where nothing is known.
        share: The share of something that was named last (软件收入占全行业): 百分点 speak of that.
    """

    text: str = ""
    start: int = -1
    share: str = ""


def split_change(measure: str) -> tuple[str, str]:
    """Split "软件产品收入同比增长" into what is measured and the words of its change."""
    change = CHANGE_END.search(measure)
    if change is None or change.start() == 0 or change[0] == "保持在":
        return measure, ""
    return measure[: change.start()], change[0]


def measure_of(lead: str, tail: str, start: int, subject: Subject, *, unit: str) -> tuple[str, Subject]:
    """What a number measures, and the subject that the next clause may carry on.

    Args:
        lead: The words before the number that belong to it.
        tail: Those after it.
        start: Where its clause starts in the paragraph, in characters.
        subject: What the sentence was about before.
        unit: The number's unit.
    """
    after = AROUND.sub("", tail)
    described = after.startswith("的")
    after = re.sub(r"^[、和及与].*", "", after.strip("（ ").removeprefix("的"))
    after = after if after.count("（") == after.count("）") else after.strip("）")
    if len(after) > _MAX_OBJECT_CHARS:
        # The head noun of a Chinese noun phrase stands last, after its 的.
        after = after.rsplit("的", 1)[-1] or after
    before = _before(lead, subject, described=described, counted=bool(after), unit=unit)
    if _MILESTONE.fullmatch(after):
        if subject.text and _STEP_UP.match(before):
            return _shorten(subject.text + before + after), subject
        after = after if re.search(r"[上过入]$", before) else ""
    if not after and (not before or _NEEDS_SUBJECT.match(before)):
        if not before.startswith(subject.text) or not subject.text:
            return _carried(before, start, subject, unit=unit)
    own = _COMPARISON_END.sub("", CHANGE_END.sub("", _PER_END.sub("", before))) or before
    return _shorten(before + after), Subject(_shorten(own + after)[:_MAX_MEASURE_CHARS], start)


def _carried(before: str, start: int, subject: Subject, *, unit: str) -> tuple[str, Subject]:
    """The measure of a clause without a subject of its own, and the subject that goes on."""
    if not subject.text:
        rate = _RATE_OPENING.match(before)
        return _shorten(before), Subject(rate[0], start) if rate else subject
    if subject.share and "百分点" in unit and not _RATE_OPENING.match(before) and not before.startswith("占"):
        return _shorten(subject.share + before), subject
    text = subject.text
    if before.startswith(("对", "拉动", "贡献率")):
        text = _SHARE_OF.sub("", text) or text
    measure = _shorten(text + before)
    return measure, replace(subject, share=measure if before.startswith("占") else "")


def subject_of_plain_clause(clause: str, start: int, subject: Subject) -> Subject:
    """The subject that a clause without a number leaves to those after it."""
    rest = CHANGE_END.sub("", OPENING.sub("", clause.strip()))
    rest = _TURNED.sub("", rest) or rest
    longest = _MAX_ADDRESSEE_CHARS if rest.startswith("对") else _MAX_SUBJECT_CHARS
    if 2 <= len(rest) <= longest:
        return Subject(rest, start)
    return subject if not rest else Subject()


def _before(lead: str, subject: Subject, *, described: bool, counted: bool, unit: str) -> str:
    """The words before a number that say what it measures.

    `described`: "规模为20亿元的资金"; `counted`: a noun follows the number.
    """
    before = OPENING.sub("", lead.strip()).lstrip("的")
    if counted and _LIST_BEFORE.search(before):
        return ""
    if _TIMES_OF.search(before):
        return before.removesuffix("的")
    before = INNER_PERIOD.sub("", before)
    if counted and before.endswith("的") and before != "的" and not _PERCENT.search(unit):
        return before
    before = APPROXIMATION.sub("", without_bound(before))
    if described and counted:
        before = _TOTAL_OF.sub("", before) or before
    head, _, last = before.rpartition("、")
    # "稳居前十、增长": the change is that of the subject before.
    return last if head and subject.text and CHANGE_ONLY.fullmatch(last) else before


def _shorten(measure: str) -> str:
    if len(measure) > _MAX_MEASURE_CHARS:
        measure = re.split(r"[、）]", measure[-_MAX_MEASURE_CHARS:], maxsplit=1)[-1]
    if measure.count("“") != measure.count("”"):
        measure = re.sub(r"[“”]", "", measure)
    return measure
