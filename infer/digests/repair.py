"""Openings and endings that a sentence cannot have once it stands alone, and what to do about them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from policylens.data.sentences import is_balanced, outer_pairs
from policylens.infer.digests.clauses import (
    Clause,
    Kind,
    is_noun_phrase,
    past_numbering,
    says_something,
    starts_with_verb,
)

# Connectives that only point back: without them the rest says the same.
_CONNECTIVE = re.compile(
    r"(?:与此同时|除此之外|不仅如此|此外|另外|同时|而且|并且|因此|为此|对此|当然|总之|总的来看"
    r"|事实上|实际上|据介绍|据悉|据了解|据统计|由此可见"
    r"|但是|然而|不过|所以|于是|接下来|但|也就是说|换言之|可以说|应该看到|要看到|我们要看到)[，,]"
    r"|但是?(?=[^，]{6})|而且(?=[^，]{6})|并(?=要|将|对|在|加|推|建|积极|进)|还(?=要|将|应)"
    r"|同时(?=要|将|应|加|推|建|对)"
)
_BACKWARD = re.compile(
    r"(?:他|她|它|这(?!次全会)|该|此(?!前)|上述|以上|以下|前述|如下|其(?!他|实|余)|其中|那|前者"
    r"|后者|[两二]者|双方|[两三四]地(?![区带段质])|草案(?![》）])|对此|在此|由此|如此|同样|也|还|又(?!要|好)|则(?!$)|并(?!网|购)|以及|或"
    r"|从而|于是|所以|即(?!将|使|墨)|比如|例如|譬如|像|正是|就是|正因|另一方面|相比|后来|随后|接着"
    r"|之后|随之|因而|可见|就这样|更(?!好|多地|新)|尤其|特别|甚至|反之|否则|相反|届时|期间"
    r"|当天|当时|当日|当年|同年|次年|同一|相应|[又再]次|再就是|而|却|故|至此|为了这|我(?!国|省|市"
    r"|们|区|县|党|军|部|厅)|你|您|咱|有了|同时|与此|除此|但|进而|同期|会上|其它|这里|当地)"
)
_POINTS_BACK = re.compile(
    r"(?:[^应]|^)该[一-龥]|这[一款家座项个位种些样里条段次批类名\d两几]|当地(?!时间)"
    r"|那[个些位种时]|上述|前述|此[次项类举种事]|[他她它](?!国|日|人|山)|其(?!他|实|余|中)|二者"
    r"|两者"
)
# Pointers whose referent is often only in the pictures of a broadcast; no neighbour explains them.
_FAR = re.compile(
    r"这[款家座位台条名里项样只片]|那[个些位]|来看|本[条款]|前款|所称|本[一-龥]{1,4}所称|(?:首先|其次|再次|最后)是"
    r"|像这样|镜头|画面|这是|为使"
)
# 各市人民政府，各部门：…, a caption, a glossary (“双高计划”：2024年…), a heading (关于…问题).
_NO_SENTENCE = re.compile(
    r"^各[^。：:]{0,60}(?:部门|单位|机构|管委会|人民政府|委员会)[：:]|^[（(]资料图|^“[^”]{2,20}”[^：:，。]{0,10}[：:]"
    r"|^关于[^，。]+(?:[，,][^，。]+)?[。]?$"
)
_DATELINE = re.compile(r"新华社[^，。：]{1,8}\d{1,2}月\d{1,2}日电[（(]?(?:记者[^）)]*[）)])?\s*")
_ADDRESS = re.compile(r"见附[件表]|https?:|www\.|@|电话[：:]|邮箱|[\d-]{11,}|\n")
_END_MARK = re.compile(r"[。！!｡][”’」』）)\"]*$")
_FINAL = re.compile(r"[。！？][”’」』]?$")
_DUTY = re.compile(r"[（(〔][^（）()]{0,80}(?:负责|牵头|配合|责任单位|参加|主办|分工)[^（）()]{0,80}[）)〕]$")
# The same at the head of a sentence closes the one before: （责任单位：市水利局）加强河道治理。
_DUTY_BEFORE = re.compile(
    r"[（(〔][^（）()〔〕]{0,80}(?:负责|牵头|配合|责任单位|参加|主办|分工)[^（）()〔〕]{0,80}[）)〕]\s*(?=[^，。；\s])"
)
# A heading with a date is no sentence: 组织实施阶段（2026年3月至6月）.
_DATED_LABEL = re.compile(r"^[^，。]{2,12}(?:阶段|时间|步骤|期限)[（(][^（）()]*\d[^（）()]*[）)]$")
_SHORT_NAME = re.compile(r"[（(](?:以下|下)[简统合并]*称[^（）()]{1,40}[）)]")
_HANGING = re.compile(
    r"(?:基础上|前提下|过程中|背景下|条件下|情况下|(?:之|支持|引领|推动|带动|指导|影响|作用|努力"
    r"|赋能|加持|驱动|支撑)下|的同时|之际|方面|情况|的高度|的角度|如下|以下|包括|以及|和|与|或|及|的|等等|为|对"
    r"|将|在|把|、|：|:|——|(?<![落前最先以今])后)$|^[^，；]{1,15}作为[^，；]*$|^(?:责任|牵头|来源|记者|编辑|附件|图为"
    r"|注[：:])"
)
# 我国制造业企业，尤其是传统行业企业: an apposition to a subject whose predicate was cut off. Longer ones hold
# a verb of their own.
_APPOSITION = re.compile(r"[，,](?:尤其|特别)是[^，,；;]{1,14}$")
# The name of a project that stands alone: 智慧林业安全体系建设工程.
_PROJECT_NAME = re.compile(
    r"^[^，是有为将已了]{4,24}(?:建设|改造|提升|保护|治理|培育)(?:工程|项目|行动|计划|专项)$"
)
_FIRST_PERSON = re.compile(r"^(?:我(?!国|省|市|们|区|县|党|军|部|厅)|你|您|咱)")


# Shorter sentences are slogans or fragments (加强组织领导); read in 40 digests, 2026-11.
_MIN_CHARS = 11
_MIN_CHARS_WITH_FIGURE = 8
_DIGIT = re.compile(r"\d|百分之|[一二三四五六七八九十百千万亿]{3}")


@dataclass(frozen=True, slots=True)
class Opening:
    """How a sentence opens once numbering and idle connectives are taken off.

    Attributes:
        start: First character to keep.
        leans: Whether the rest points back to the sentence before it (他…, 其中…, 这一…).
    """

    start: int
    leans: bool


def read_opening(sentence: str) -> Opening:
    """Find where a sentence can start and whether it then still leans on the sentence before it.

    Args:
        sentence: A sentence with its marks.
    """
    start = len(sentence) - len(sentence.lstrip())
    if dateline := _DATELINE.match(sentence, start):
        start = dateline.end()
    if note := _DUTY_BEFORE.match(sentence, start):
        start = note.end()
    while True:
        past = past_numbering(sentence, start)
        match = _CONNECTIVE.match(sentence, past)
        past = match.end() if match else past
        # Never strip a sentence to nothing.
        if past == start or len(sentence) - past < 5:
            break
        start = past
    return Opening(start, _BACKWARD.match(sentence, start) is not None)


def leans_inside(clauses: tuple[Clause, ...]) -> bool:
    """Whether the first statement, after its circumstances and speaker, points back: 目前，该厂…."""
    for clause in clauses:
        if clause.kind in (Kind.SAYS, Kind.MEETING, Kind.TIME, Kind.CONDITION, Kind.FRAME):
            if _POINTS_BACK.search(without_quotes(clause.text)):
                return True
            continue
        text = without_quotes(clause.text)
        return bool(_BACKWARD.match(text) or _POINTS_BACK.search(text))
    return False


def points_far(clauses: tuple[Clause, ...]) -> bool:
    """Whether a sentence speaks of what only pictures or a distant passage show: 这家企业…, 前款所称…."""
    return any(_FAR.match(clause.text) for clause in clauses)


def without_quotes(text: str) -> str:
    """The text without what stands in quotation marks, brackets or 《》."""
    kept, at = [], 0
    for start, end in outer_pairs(text):
        kept.append(text[at:start])
        at = end + 1
    return "".join(kept) + text[at:]


def without_notes(clause: str) -> str:
    """Cut （以下简称…） and, at the end, who is in charge: …工作（省发展改革委牵头）."""
    clause = _SHORT_NAME.sub("", clause)
    match = _DUTY.search(clause)
    return clause[: match.start()] if match and match.start() >= 6 else clause


def is_usable(sentence: str) -> bool:
    """Whether a sentence may enter a digest at all: balanced, no address, no question, no nameless quote."""
    end = sentence.strip()
    if (
        not is_balanced(end)
        or _ADDRESS.search(end)
        or _NO_SENTENCE.search(end)
        or end.endswith(("？", "?", "：", ":"))
    ):
        return False
    # A quotation that is a sentence of its own says nowhere who speaks.
    return bool(without_quotes(end).strip("。！!，,；; "))


def has_end_mark(sentence: str) -> bool:
    """Whether a sentence is complete; one that breaks off keeps only the clauses before its last."""
    return _END_MARK.search(sentence.rstrip()) is not None


def is_well_formed(text: str) -> bool:
    """Whether a finished sentence of a digest can be signed: whole, balanced, nothing left hanging.

    Args:
        text: The sentence as it would be printed.
    """
    if not _FINAL.search(text) or not is_balanced(text):
        return False
    body = text.rstrip("。！？”’」』")
    least = _MIN_CHARS_WITH_FIGURE if _DIGIT.search(body) else _MIN_CHARS
    if len(body) < least or _HANGING.search(body) or _APPOSITION.search(body):
        return False
    if _DATED_LABEL.match(body):
        return False
    if not starts_with_verb(body) and (_PROJECT_NAME.match(body) or _is_title(body)):
        return False
    if _FIRST_PERSON.match(body):
        return False
    return says_something(without_quotes(body))


def _is_title(body: str) -> bool:
    """Whether a sentence is a noun with its attributes: 明年实施的《条例》, 预置的实现同一功能的软件.

    With a single 的 it may be a statement (全省实施积极的政策), so that only two or a closing 》 tell.
    """
    tells = body.count("的") > 1 or body.endswith("》")
    return "，" not in body and tells and is_noun_phrase(without_quotes(body))


def leans_back(sentence: str) -> bool:
    """Whether a printed sentence opens with what only the sentence before it explains (此外，他…, 二是…)."""
    opening = read_opening(sentence)
    return opening.start > 0 or opening.leans
