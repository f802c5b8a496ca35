"""The clauses of a sentence and which of them cannot stand without which others.

A digest shortens a sentence by leaving out whole clauses. Chinese marks few of the dependencies, so the
rules are lexical and lean to caution: a clause whose kind is unclear keeps the clause before it. The word
lists were made from the clause openings of about 200,000 clauses of central and provincial documents
and broadcast news; a missing verb only makes a digest less compressed, never wrong.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from enum import Enum

from policylens.data.sentences import Span, split_clauses

_MARKS = "，；：。！？,;:!? \u3000\n"

_NUM = "一二三四五六七八九十百"

# Numbering of a list or section, with the white space after it. The numeral of 二要 goes, 要 stays.
_NUMBERING = re.compile(
    rf"(?:[—–-]{{1,2}}|[•●▪·*]|[（(](?:[{_NUM}]{{1,3}}|\d{{1,2}})[）)]|(?:[{_NUM}]{{1,3}}"
    rf"|\d{{1,3}})、(?![{_NUM}\d])"
    rf"|\d{{1,2}}[.．](?![\d０-９])|\d{{1,2}}[）)]|[①-⑳]"
    rf"|第[{_NUM}]{{1,4}}[条款章节](?:之[{_NUM}])?[ \u3000]*"
    rf"|第[{_NUM}]{{1,2}}(?:[，,]|、(?![{_NUM}]))|[{_NUM}]{{1,2}}(?:是|则)(?![否非])|[{_NUM}](?=要)"
    r"|(?:首先|其次|再次|再者|最后|第一|第二)[，,])[ \u3000]*"
)

_COUNTED = re.compile(rf"[{_NUM}]{{1,2}}(?:是|要)(?![否非])")

# Adverbs and modals that stand before the verb of an imperative clause.
_ADVERBS = (
    "深入|大力|积极|全面|加快|扎实|持续|进一步|着力|切实|坚决|稳步|有序|统筹|严格|应当|应|要|将|须|必须|继续|不断|努力|全力"
    "|率先|依法|分类|科学|合理|充分|主动|重点|更好|共同|高质量|高水平|高标准|高效|联合|协同|精准|有效|逐步|一体|坚定不移"
    "|大规模|多渠道|探索|鼓励|支持|引导|优先|加力|深度|规范|适度|适时|尽快|及时|广泛|集中|牢牢|奋力|认真|超前|常态化|系统"
    "|分步|分批|有力|更加|坚定|推动|健康|定期|妥善|稳妥|大幅|因地制宜|依规|进行|予以|给予"
)
_VERBS = (
    "加强|推动|推进|提高|完善|促进|建立|发展|开展|实施|发挥|建设|提升|强化|深化|落实|加大|确保|健全|增强|构建|扩大|培育|优化"
    "|打造|做好|做强|做优|做大|做实|制定|贯彻|组织|维护|保障|实行|巩固|解决|激发|营造|改善|抓好|抓实|抓紧|注重|带动|推广"
    "|降低|建成|推行|力争|开发|争取|防止|防范|化解|调整|新增|新建|新筹集|改进|运用|突破|设立|部署|办好|吸引|整合|引进|启动"
    "|树立|重视|执行|协调|减少|取消|支撑|出台|拓宽|拓展|引领|控制|避免|夯实|布局|组建|搭建|简化|累计|纳入|倡导|破除|畅通|转变"
    "|壮大|细化|打通|激励|严禁|严控|严厉|用好|挖掘|打击|编制|督促|普及|改造|克服|释放|开创|打好|选择|压实|扶持|奖励|资助"
    "|消除|整顿|淘汰|压减|完成|形成|增加|培养|明确|统一|聚焦|坚持|保持|加速|突出|允许|禁止|清理|清退|查处|关闭|取缔|限制|遏制"
    "|投放|投入|安排|下达|发放|补助|补贴|减免|免征|延长|放宽|放开|缩减|缩短|清零|试点|示范|引育|招引|承接|疏解|研发|研制|攻关"
    "|攻克|转化|孵化|筹建|筹集|创建|争创|申报|获批|入选|举办|召开|发布|印发|修订|审议|通过《|决定|开通|开工|投产|投用|并网|上线"
    "|贯通|连通|联通|覆盖|盘活|腾退|征收|安置|收储|拆除|加装|更新|升级|提质|扩容|扩面|增设|开设|开放|开拓|开辟|开启|对接|融入"
    "|服务保障|服务|助力|赋能|支持|鼓励|引导|探索|加快|加密|加固|治理|修复|整治|保护|节约|回收|利用|监测|预警|监督|检查|抽查"
    "|公开|公布|受理|办理|审批|备案|协同|共建|共享|共同|深入实施|一体推进|统筹|牵头|主办|承担|承办|履行|遵守|弘扬|传承|践行"
    "|学习|牢记|把握|把|使用|采取|采用|适应|满足|顺应|响应|提供|配备|配置|配套|安装|接入|吸纳|稳定|稳住|扩|促|稳|保|防|建好"
    "|建强|管好|守住|守牢|兜牢|兜住|筑牢|补齐|补强|锻造|塑造|丰富|繁荣|振兴|攻坚|力促|全面启动|实现|达成|突出|制订|健全|推出"
    "|取得|获得|达到|签署|签订|深耕|联动|擦亮|叫响|唱响|讲好|走好|走出|跑出|交出|端牢|织密|放大|激活|唤醒|点亮|健强|厚植|涵养"
    "|壮大|延伸|延长|集聚|聚集|汇聚|汇集|凝聚|团结|动员|发动|号召|反对|抵制|惩治|严惩|严打|打掉|侦破|追究|问责|通报|约谈"
    "|责令|处罚|没收|吊销|撤销|暂停|停止|不得|不准|不再|杜绝|优待|褒扬|表彰|宣传|普查|摸排|排查|核查|评估|评价|考核|认定|遴选"
    "|选派|选拔|选树|招收|录用|聘用|培训|轮训|教育引导|关心|关爱|帮扶|救助|慰问"
)
_VERB_FIRST = re.compile(
    rf"^(?:(?:{_ADVERBS}){{0,4}})(?:{_VERBS})|^(?:要|应|将|须|必须|应当|不得|不能)(?!求|是|用|来)"
)

# 提供预置软件的生产企业应当明示…: the verb at the start belongs to an attribute of the subject.
_OWN_SUBJECT = re.compile(
    r"^[^，]{3,}的[^，的]{2,18}?(?:应当?|可以?|须|必须|不得|要|将(?=[^，]{3}))"
    r"(?!用|急|对|求|点|素|再|持|件|领)"
)

# A figure or a plain predicate shows that a clause says something of its own subject.
_PREDICATE = re.compile(
    r"(?:增长|下降|提高|达到?|超过|突破|为|降至|升至|增至|增加|减少|占|完成|实现|新增|有|是|居"
    r"|位居|提升|缩小|扩大|回升|翻)了?到?"
    r"[^，；]{0,12}[\d０-９一二三四五六七八九十百千万两]"
)
_PREDICATE_END = re.compile(
    r"(?:明显|显著|持续|不断|全面|有序|深入|加快|相继|稳步|进一步|大幅|基本|成功|纵深|蓬勃|扎实"
    r"|日益)[一-龥]{2,7}$"
    r"|[居位列][^，]{0,8}(?:前列|首位|第[一二三四五]位?)$|取得[^，]{2,12}$"
)
_ANY_PREDICATE = re.compile(
    rf"(?:{_VERBS.replace('|扩|促|稳|保|防', '')})|是(?!否)"
    r"|(?<![国所特稀])有(?![关限效机序色])|(?<!行)为(?!期)|(?<![发送])达|占|居(?![民住家])|(?<![名职简统])称|说|(?<!转)让|(?<!大)使(?!用|命|馆)"
    r"|(?<![功性职产节智储动赋核热电势潜新效光氢])能(?![源力耗级量效])|(?<![社协员大机学工商峰年理])会(?![议员计展谈])"
    r"|(?<!许)可(?![再持])|(?<![供响效适反感])应(?![急用对])|(?<![供内急刚])需(?!求)|须|获|取得|成为"
    rf"|面临|存在|具有|出现|进入|处于|不足|不够"
    r"|表示|指出|强调|认为|介绍|调研|考察|会见|出席|访问|主持|听取|参加|前往|赴|较[大低弱]|突出|向好|明显|显著|[了着过]"
)

# A predicate that the attribute before 的 does not have: where the part after the last 的 has none and the
# part before it has none of these, the clause is only a noun phrase (…实现同一功能的基本功能软件).
_STRONG = re.compile(
    r"[是了将已达居把被须由均都也曾正不无]|(?<![重主])要|(?<![供响效适反])应(?![急用])|(?<!许)可"
    r"|(?<![社协员大机])会(?![议员计])|(?<![功性职产节智储动])能(?![源力耗级量])|(?<![供内])需(?!求)|[有为](?![关序限效力机])"
)
# Circumstances at the end of a clause (要在…基础上，) leave the verb to the next one.
_UNFINISHED_END = re.compile(
    r"(?:基础上|前提下|过程中|背景下|条件下|情况下|框架下|指导下|带动下|推动下|的同时|之际|之后"
    r"|以来|(?:之|支持|引领|推动|带动|指导|领导|影响|作用|努力|赋能|加持|驱动|支撑|牵引|主持"
    r"|见证)下|的高度|的角度|为目标|为抓手|为重点|为契机|为主线|为核心|为牵引|为主题"
    r"|为引领|为支撑|为导向|为载体|为依托|为基础|为突破口|为指导|为统领|为主体)$"
)
_UNFINISHED_START = re.compile(
    r"^(?:[^，]{1,15}作为|让|使(?!用)|原本|本来|过去|原来|起初|以前|以往|从前|一方面|一边|一手|是(?=[^，]*的$)|可能|或许|无疑|毫无疑问)"
)

_MEETING = re.compile(
    r"^(?:会议|全会|报告|方案|意见|通知|规划|文件|纲要|公报|工作会议|通告)?(?:还|同时|并)?"
    r"(?:指出|强调|要求|认为|提出|明确|明确提出|表示)$"
)
_SAYS_END = re.compile(
    r"(?:指出|强调|表示|认为|要求|提出|介绍|介绍说|说|称|坦言|建议|透露|告诉记者|宣布|决定|明确"
    r"|看到|知道|发现|呼吁|希望|相信|获悉|了解到"
    r"|显示|表明|预计|分析|解释|谈到|规定|如下|包括|包括有|之一是|在于|就是|主要是|目标是|问题是"
    r"|特点是|道|部署)$"
)
_TIME = re.compile(
    r"^(?:截至|截止|到|至|自|从)?[^，]{0,6}?(?:[\d０-９〇○一二三四五六七八九十]{2,4}年|\d{1,2}月"
    r"|[今去明前本当]年|上半年|下半年|季度|“?十[一二三四五]五”?"
    r"|目前|当前|眼下|如今|现在|近年来|近日|日前|今后|未来|期间|以来|[上本]月|年底|年末|同期"
    r"|五年来|前不久|过去|此前|届时)"
    r"[^，]{0,14}$"
)
_TIME_END = re.compile(r"(?:时|后|前|以来|[年月]来|期间|之际|年底|年末|当天)$")
_CONDITION = re.compile(
    r"^(?:如(?!期|何|今)|若|倘若|只有|只要|虽然|尽管|由于|因(?!地)|凡|除非|即使|无论|不管|不论|除"
    r"|一旦|既|不仅|不但|不只|不光"
    r"|与其|宁可|当(?!地|前)|对(?!接|标|口|外)|关于|就(?!业)|经(?!济|营|验|费)|比(?!上|去|前"
    r"|[\d一]|重|例)|较(?!上|去|前|[\d一]|快|大|好)"
    r"|与|同(?!比|时|期|步|意|样|一|类|级)|和(?!谐)|相比|据|例如|从(?!严|快|重)|每|以上|涉及|没有|有的)"
)
_CONDITION_END = re.compile(r"(?:的|的话|起见|来看|而言|来说|来讲|相比|看来)$")
_FRAME = re.compile(
    r"^(?:围绕|针对|按照|遵照|依照|根据|通过(?!《)|依托|为了?|随着|着眼|立足|基于|借助|本着|以"
    r"|作为|面对|面向|结合|聚焦|紧紧围绕|紧扣|经过|坚持以|在|于|向|用|沿着|凭借|瞄准|锚定|坚持)"
)
_LOOSE_IN = re.compile(r"(?:下|中|上|基础上|过程中|同时|背景下|前提下|之际|方面)$")
_TAIL = re.compile(
    r"^(?:连续(?=[\d一二三四五六七八九十多几])|较|比(?![亚例重])|并|而|且|以及|及|和|与|或|从而|进而|继而|使|让|令|以(?!来)|更|也|还|又|就(?!业)|才(?!能"
    r"|华)|则|却|都|等|即|即是|其|其中|这|该|此|那|它|他|她|为(?!期)|是"
    r"|但|但是|然而|不过|因此|所以|于是|同时|此外|另外|甚至|尤其|特别|包括|如(?!期|何)|例如|比如"
    r"|同比|环比|比上|较上|增速|比(?!亚)|分别|有的|在此|由此|对此|至|到(?!20)|来|去"
    r"|能够|可以|能|可|有助|有利|有效|有力|不断|真正|切实|作为|成为|占|高于|低于|位居|居|列|再"
    r"|最终|最后|反而|只|仅|均|共|总|一来|另一|有(?!序|力)|不仅|将其|使其|助力|只能|进行)"
)


_CONSEQUENCE = re.compile(r"(?:可|应|不得|由|按|给予|予以|依法|责令|处|将|经|须|必须|视为|优先|免|对其)")

# What completes 把…, after a comma: 把保障粮食安全，作为头等大事.
_COMPLEMENT = re.compile(r"^[^，]{0,12}(?:作为|放在|摆在|当作|当成|放到|摆到|贯穿|纳入|融入|落到)")

# Says what the clause before it is worth: 以标准引领评估，对于指导产业发展至关重要.
_VALUES = re.compile(
    r"^对于?[^，；]{2,30}(?:(?:至关|十分|非常|尤为|极为|很)(?:重要|关键)|必不可少|不可或缺|(?:具有|有着?)[^，；]{0,12}(?:意义|作用|价值|影响))$"
)


class Kind(Enum):
    """What a clause does in its sentence."""

    FRAME = "circumstance that can be left out: 围绕…, 在…基础上"
    TIME = "time or place that the statements after it rest on"
    CONDITION = "condition or topic that the statements after it rest on"
    SAYS = "names a speaker or opens a list"
    MEETING = "names only an anonymous meeting or paper: 会议指出"
    VERB = "starts with its verb: no subject, or that of the clause before"
    STATEMENT = "has its own subject and predicate"
    TAIL = "continues the clause before it"
    TOPIC = "a subject whose verb is in a later clause"


_OPENING_KINDS = frozenset({Kind.FRAME, Kind.TIME, Kind.CONDITION, Kind.SAYS, Kind.MEETING})
_HELD_KINDS = frozenset({Kind.TIME, Kind.CONDITION, Kind.SAYS})


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a sentence.

    Attributes:
        text: The clause without white space and marks at its ends.
        mark: The mark after it: ，；：, an end mark with closing quotation marks, or "".
        kind: What it does.
        needs: Numbers of the clauses of the sentence that must be kept with it, itself not among them.
    """

    text: str
    mark: str
    kind: Kind
    needs: tuple[int, ...] = ()


def read_clauses(sentence: str) -> tuple[Clause, ...]:
    """Split a sentence into clauses and find what each of them needs.

    Args:
        sentence: One sentence, without dangling connective or list marker (see `repair`).

    Returns:
        The clauses in order. What a needed clause rests on is listed too; what an opening clause opens is
        not, for any statement after it will do.
    """
    pieces = [_text_and_mark(sentence, span) for span in split_clauses(sentence)]
    pieces = _without_numbers([piece for piece in pieces if piece[0]])
    kinds = _kinds(pieces)
    needs = _close([_needed(i, pieces, kinds) for i in range(len(pieces))])
    for i, kind in enumerate(kinds):
        if kind in _OPENING_KINDS or kind is Kind.TOPIC:
            needs[i] = needs[i] | needs[_next_statement(i, kinds, len(pieces) - 1)]
        elif i + 1 < len(pieces) and "把" in pieces[i][0] and _COMPLEMENT.match(pieces[i + 1][0]):
            needs[i] = needs[i] | needs[i + 1] | {i + 1}
    return tuple(
        Clause(text, mark, kinds[i], tuple(sorted(needs[i] - {i}))) for i, (text, mark) in enumerate(pieces)
    )


def past_numbering(text: str, start: int = 0) -> int:
    """Position after a list marker or number (一是, （二）, 3., 第四条) at `start`; `start` if none."""
    match = _NUMBERING.match(text, start)
    return match.end() if match else start


def says_something(text: str) -> bool:
    """Whether a text holds anything that can be a predicate; false for 从甲到乙 and lists of names."""
    return bool(_ANY_PREDICATE.search(text) or _STRONG.search(text) or _PREDICATE.search(text))


def starts_with_verb(text: str) -> bool:
    """Whether a clause starts with its verb, an adverb or modal before it aside: 加快实施改造工程."""
    return _VERB_FIRST.match(text) is not None


def _text_and_mark(sentence: str, span: Span) -> tuple[str, str]:
    piece = sentence[span[0] : span[1]].strip()
    text = piece.rstrip(_MARKS) if not piece.endswith(("”", "’", "」", "』", "）", ")")) else piece
    return text.strip(), piece[len(text) :].strip()


def _without_numbers(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Take list markers off, for a digest may leave out any item and would count 一是, 三是."""
    plain = pieces[:1]
    for (_, before), (text, mark) in itertools.pairwise(pieces):
        past = past_numbering(text) if before in ("；", "：", ";", ":") or _COUNTED.match(text) else 0
        plain.append((text[past:] if len(text) - past >= 4 else text, mark))
    return plain


def _kinds(pieces: list[tuple[str, str]]) -> list[Kind]:
    kinds: list[Kind] = []
    fresh = True
    for i, (text, mark) in enumerate(pieces):
        last = i == len(pieces) - 1
        kind = _kind(text, mark, fresh=fresh, last=last)
        kinds.append(kind)
        fresh = mark in "；：" or (fresh and kind in _OPENING_KINDS)
    return _whole_conditions(pieces, kinds)


def _whole_conditions(pieces: list[tuple[str, str]], kinds: list[Kind]) -> list[Kind]:
    """A condition in 的 may run over several clauses: 企业利用厂房，兴办新产业的，可按原用途使用."""
    for i in range(len(pieces) - 2, 0, -1):
        closes = kinds[i] is Kind.CONDITION and pieces[i][0].endswith("的")
        if closes and _CONSEQUENCE.match(pieces[i + 1][0]) and pieces[i - 1][1] in "，,":
            kinds[i - 1] = Kind.CONDITION
    return kinds


def _kind(text: str, mark: str, *, fresh: bool, last: bool) -> Kind:
    """Classify a clause; `fresh` where no statement of its segment came before it."""
    if mark in ("：", ":") and not last:
        return Kind.MEETING if _MEETING.match(text) else Kind.SAYS
    if not last and _MEETING.match(text):
        return Kind.MEETING
    if not last and len(text) > 2 and _SAYS_END.search(text) and not _VERB_FIRST.match(text):
        return Kind.SAYS
    if not fresh and _VALUES.match(text):
        return Kind.TAIL
    if not last and mark in "，,":
        kind = _opening_kind(text)
        if kind is not None:
            return kind
    if not fresh and _TAIL.match(text):
        return Kind.TAIL
    if not last and (_UNFINISHED_END.search(text) or (fresh and _UNFINISHED_START.match(text))):
        return Kind.TOPIC
    if _VERB_FIRST.match(text):
        return Kind.STATEMENT if _OWN_SUBJECT.match(text) else Kind.VERB
    if not _ANY_PREDICATE.search(text) or is_noun_phrase(text):
        return Kind.TOPIC if not last else Kind.TAIL if not fresh else Kind.STATEMENT
    if fresh or _PREDICATE.search(text) or (len(text) >= 8 and _PREDICATE_END.search(text)):
        return Kind.STATEMENT
    return Kind.TAIL


def is_noun_phrase(text: str) -> bool:
    """Whether a clause is only a noun with its attributes: 预置的基本功能软件, 明年实施的《条例》."""
    attribute, of, noun = text.rpartition("的")
    return bool(of) and not _ANY_PREDICATE.search(noun) and not _STRONG.search(attribute)


def _opening_kind(text: str) -> Kind | None:
    """The kind of a clause that only opens what follows, None for any other."""
    if _TIME.match(text) or (len(text) <= 25 and _TIME_END.search(text)):
        return Kind.TIME
    if _CONDITION.match(text) or (_CONDITION_END.search(text) and not text.startswith("是")):
        return Kind.CONDITION
    if not _FRAME.match(text):
        return None
    if text.startswith("坚持") and not text.startswith("坚持以"):
        return None
    if text.startswith(("在", "于", "向", "面向", "面对")):
        return Kind.FRAME if _LOOSE_IN.search(text) and text.startswith("在") else Kind.TIME
    return Kind.FRAME


def _needed(i: int, pieces: list[tuple[str, str]], kinds: list[Kind]) -> set[int]:
    """What clause `i` needs of the clauses before it."""
    needed: set[int] = set()
    kind = kinds[i]
    needed |= {j for j in _held_before(i, pieces, kinds)}
    head = _head(i, pieces, kinds)
    if i > 0 and (kind is Kind.TAIL or (kind is Kind.TOPIC and head is not None)):
        needed.add(i - 1)
    elif kind is Kind.VERB and i > 0 and _VALUES.match(pieces[i - 1][0]):
        # What is valued there does this too; the subject of the sentence may be another.
        needed.add(i - 1)
    elif kind is Kind.VERB and head is not None and kinds[head] is not Kind.VERB:
        needed.add(head)
    elif kind is Kind.VERB and head is None:
        needed |= _subject_of_first_segment(i, pieces, kinds)
    needed.discard(i)
    return needed


def _next_statement(i: int, kinds: list[Kind], last: int) -> int:
    for j in range(i + 1, last + 1):
        if kinds[j] not in _OPENING_KINDS:
            return j
    return last


def _held_before(i: int, pieces: list[tuple[str, str]], kinds: list[Kind]) -> set[int]:
    """Times, conditions and speakers before clause `i` that its meaning rests on.

    A condition holds to the end of its ；-segment, a time until the next time, a speaker and a colon to the
    end of the sentence.
    """
    held: set[int] = set()
    same_segment, time_open = True, kinds[i] is not Kind.TIME
    for j in range(i - 1, -1, -1):
        if pieces[j][1] in ("；", ";"):
            same_segment = False
        if kinds[j] is Kind.SAYS:
            held.add(j)
        elif kinds[j] is Kind.CONDITION and same_segment:
            held.add(j)
        elif kinds[j] is Kind.TIME and time_open:
            held.add(j)
            # Times right next to each other (今年，在浙江，) belong together.
            time_open = j > 0 and kinds[j - 1] is Kind.TIME
    return held


def _head(i: int, pieces: list[tuple[str, str]], kinds: list[Kind]) -> int | None:
    """First statement before clause `i` in its segment (the part between ； or after ：)."""
    head: int | None = None
    for j in range(i - 1, -1, -1):
        if pieces[j][1] in ("；", ";", "：", ":"):
            break
        if kinds[j] not in _OPENING_KINDS:
            head = j
    return head


def _subject_of_first_segment(i: int, pieces: list[tuple[str, str]], kinds: list[Kind]) -> set[int]:
    """A ；-segment that starts with a verb takes its subject from the statement that opened the sentence."""
    start = max((j + 1 for j in range(i) if pieces[j][1] in ("：", ":")), default=0)
    for j in range(start, i):
        if kinds[j] not in _OPENING_KINDS:
            return set() if kinds[j] is Kind.VERB else {j}
    return set()


def _close(needs: list[set[int]]) -> list[set[int]]:
    closed: list[set[int]] = []
    for i, needed in enumerate(needs):
        done = {i}
        todo = set(needed)
        while todo:
            j = todo.pop()
            if j not in done:
                done.add(j)
                todo |= needs[j] - done
        closed.append(done)
    return closed
