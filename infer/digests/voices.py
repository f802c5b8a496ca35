"""Who said what in Chinese news and policy text: named persons, their affiliation and their words.

A voice needs a person's name (surname and given name), so that 会议指出 or 《意见》提出 is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policylens.data.records import Citation, TaggedParagraph, Voice
from policylens.infer.digests.attribution import shortest_quote, split_affiliation

# The 200-odd most frequent surnames (公安部 name report 2020) without those that mostly begin a common word
# in this kind of text (全 党 明 强 公 通 国 应 能 有 从 都 保 高 stay out or are caught by _NOT_A_NAME).
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
    "姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛阎闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向"
    "常汤康乔赖庞樊殷施洪翟安颜倪牛温芦季俞章鲁葛伍申尤毕聂柴焦齐梅庄辛管祝左涂谷祁舒耿牟卜路詹关苗凌费纪"
    "靳盛童欧甄项曲游阳裴席卫查屈鲍霍翁隋植甘景薄单包司柏宁柯阮桂闵解柳邢岳骆车华房褚谈栗郎仇丛冷蔺宫宗储"
    "满滕师蓝楼祖麻穆岑边苟仝郜亢晏巫逯蒲敖楚佟练降廉冉丘占奚"
)
# Less frequent ones, many of them also common words: a name only with a post ("主任卓…", "卓…教授") at first.
_RARE_SURNAMES = frozenset(
    "卓杭惠慕花粟屠闻禹狄贝臧戎娄郁荣荀封芮羿汲糜井巴牧隗班仲伊栾厉符束幸韶蓟宿怀邰鄂咸籍蒙池阴胥苍莘贡劳姬扶宰郦雍"
    "桑濮寿扈燕冀浦尚瞿茹习艾容古易慎戈庾暨衡弘匡文寇阙沃蔚隆巩晁阚简饶沙鞠丰巢蒯荆竺权盖桓晋税米鹿帅缪麦洛卞商佘尧揭"
)
_COMPOUND = frozenset("欧阳 司马 上官 诸葛 皇甫 尉迟 公孙 慕容 令狐 司徒 端木 夏侯 东方".split())
# A bare two-character name ("李强表示") is only believed with one of these.
_FREQUENT = frozenset(
    "王李张刘陈杨赵吴周徐孙马朱胡郭林罗郑梁谢宋唐许韩邓冯曹彭曾肖董潘袁蔡蒋杜程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖贾夏韦付邹"
    "熊孟秦邱侯尹薛阎闫段雷黎陶贺毛郝顾龚邵覃武钱戴严莫孔汤栗"
)
# Words, places and firms that look like surname and given name: seen in broadcast news (2026-11).
_NOT_A_NAME = frozenset(
    (
        "高度 高层 高校 高管 方面 方案 纪要 白皮书 章程 任何 于是 严肃 温和 华为 "
        "万科 常委 安全 安排 项目 金融 黄金 石油 江苏 江西 安徽 甘肃 宁夏 关键 "
        "关于 向前 华人 马上 罗马 司法 路透社 单位 查看 常规 温州 常州 金华 曾经 "
        "何时 管理 关注 康复 解放 解释 包括 满意 师生 童年 车企 项目方 方舟 左右 "
        "白宫 牛津 史料 石化 盛会 马方 韩方 白方 安方 万方 蓝图 欧盟 欧方 欧洲 "
        "宗教 楼市 卫生 华方 谈判 谈话 阳光 关系 胡同 罗列 申请 雷达 宫殿 席间 "
        "师长 任务 贺信 贺电 解读 贺词 申诉 孔子 孟子 岳母 祝愿 谢谢 常务 包容 "
        "乔方"
    ).split()
)
_BAD_GIVEN = frozenset("的了是在与及等对于被将要不这那其们个些种各每该此都均则又就从由以并还也称说请向委")
_BAD_END = frozenset("省市县区州局部院会厅司处办所社团队组方者界厂村镇乡度面案件章书报型")

_ROLE = (
    r"(?:(?<![增延成专生])长|主任|书记|经理|总裁|总监|院士|教授|研究员|师|专家|代表|委员|执委|理事|秘书|发言人|负责人|创始人|"
    r"合伙人|传承人|带头人|主持人|董事|官|主席|总理|总统|首相|学者|博士|导师|顾问|员|司令|政委|参赞|大使|领事|总干事|"
    r"企业家|村民|工人|市民|农民|学生|患者)"
)
_ORGANISATION = (
    r"(?:研究院|研究所|科学院|工程院|大学|学院|协会|学会|商会|委员会|中心|集团|公司|局|厅|部|司|院|所|委|银行|实验室|智库|联盟|"
    r"基金会|法院|检察院|报社|人大|政协)"
)
_ENDS_IN_ROLE = re.compile(rf"{_ROLE}$")
_ENDS_IN_POST = re.compile(rf"(?:{_ROLE}|{_ORGANISATION})$")
_TITLE_AFTER = re.compile(
    r"(?:总书记|国家主席|副主席|主席|副总理|总理|院士|教授|研究员|博士|委员长|委员|代表|主任|部长|省长|市长|总统)$"
)

_SAY = (
    r"(?:介绍|解释|分析|补充|总结|回忆|发言|警告|坦言|直言|感慨|感叹|呼吁|提醒|透露|预测|预计|判断|提出|提到|谈到|强调|指出|认为|建议|"
    r"表示|表态|回应|主张|举例|告诉(?:[^，。]{0,12}记者|我们|大家|笔者)|算[了起过]*(?:一|这|笔)*[^，。：]{0,4}账)(?:说|称|道)?|"
    r"说道?|称|坦承|看来"
)
_VERB = re.compile(
    rf"(?:(?:提出|给出|提了|提供)[^，。：；“”]{{1,10}}(?:建议|意见|看法|观点|对策|举措)(?=[：:，])|"
    rf"(?:{_SAY})(?=[，,：:“]|[。！]|$)|(?:认为|强调|指出|建议|提醒|呼吁)(?![的了过着，。：者书])|提出(?=要(?!求)|应(?!对)|必须|需要))"
)
_ADJUNCT = re.compile(
    r"(?:在[^在，。]{1,40}(?:时|中|上|后|会|期间|致辞|讲话)|就[^就，。]{1,25}|对(?:记者|媒体)|[向给][^向给，。]{1,15}|笑着|[一-鿿]{2}地|代表[^，。]{2,20}|"
    r"接受[^，。]{0,20}采访时|(?:近|日|昨|今|当|同)[日天前]|\d{1,2}日|同一天|之后|"
    r"还|也|则|又|再|并|同时|特别|进一步|明确|郑重|反复|多次|最后|随后|曾|均|都|就|如此|这样)$"
)
# "参与评审的", "从事芯片研究的": a clause before an affiliation, not the organisation that it belongs to.
_RELATIVE_CLAUSE = re.compile(
    r"^(?:参与|参加|从事|负责|主持|长期|正在|刚刚?|曾|带领|率领|担任|获得|来到|前来|出席|应邀|一直)"
)
_CONNECTIVE = re.compile(
    r"^(?:对此|为此|因此|同时|此外|另外|此前|目前|近日|日前|随后|会上|其中|不过|但是?|而|采访中|调研中|当[日天]|今天|昨天|"
    r"(?:\d{4}年)?(?:\d{1,2}月)?\d{1,2}日|来自|专访|对话|邀请|在接受采访时|[（“\s])+"
)
_SPEAKER_PRONOUN = re.compile(r"^[他她]$")
# "来看记者对某部部长", "某总理同某国总统": the affiliation starts after these.
_BEFORE_AFFILIATION = re.compile(
    r"^.*(?:记者[^，]{0,4}对|专访了?|会见了?由?|来看对?|播出|听了|(?<=.{4})同(?![济仁方步时]))|^(?:在(?!线)|据|由)"
)
_FOREIGN_NAME = re.compile(r"[一-鿿]{1,7}(?:·[一-鿿]{1,8})+$")
_CLAUSE_START = re.compile(r"[，。！？；：\n,;!?]|(?<=[。！？，…])”")
_TERMINATOR = "。！？!?…"
_ENUMERATED = re.compile(
    r"\s*(?:[二三四五六七八九十]是|第[二三四五六七八九十]|其[次三四五]|再次|再者|最后|此外，一?要)"
)
# What is said is only named: 强调农业科技的重要性, 提出“以水定产”的思路.
_NAMED_ONLY = re.compile(r"“[^”]{2,60}”的|[^，。；“]{2,24}的(?:重要性|必要性|紧迫性|重要意义)(?=[，。；])")
# Announces a list (有以下四大特征); without the list it says nothing.
_ANNOUNCES = re.compile(
    r"^[^，；]*(?:有|具有|包括|分为|存在|呈现出?|体现在|做好|抓好|提出|以下|如下)了?(?:以下|如下|这样|下面)?(?:的?[几两二三四五六七八九十]|\d)"
    r"(?:个|大|点|条|项|类|种|件)?(?:方面|特征|特点|问题|建议|意见|要求|任务|工作|变化|趋势|优势|原因|事)[。：]$"
)
_POINTS = re.compile(r"\s*(?:一是|其一|第一|首先)")
_MIN_QUOTE_CHARS = 5


@dataclass(frozen=True, slots=True)
class _Speaker:
    name: str
    affiliation: str


@dataclass(slots=True)
class _DocumentState:
    """What is known of a document while its paragraphs are read in order."""

    text: str = ""
    para: int = -1
    paragraph: str = ""
    last: _Speaker | None = None


def extract_voices(paragraphs: Sequence[TaggedParagraph], *, limit: int | None = None) -> tuple[Voice, ...]:
    """Find statements of named persons.

    Give all paragraphs of a document, in reading order: an affiliation is taken from the first full mention,
    and 他表示 refers to the last named speaker of the same or of the adjoining paragraph before. A statement
    whose speaker stays unknown is left out.

    Args:
        paragraphs: Paragraphs in reading order.
        limit: Keep only the first so many.

    Returns:
        Voices in reading order; every quote is one verbatim stretch of the cited paragraph. A quotation that
        goes on after the speaker is named ("A，"某某说，"B。") keeps the words in between.

    Raises:
        ValueError: `limit` is negative.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"limit {limit} is negative; give the number of voices to keep, or None for all")
    states: dict[str, _DocumentState] = {}
    voices: list[Voice] = []
    for tagged in paragraphs:
        par = tagged.paragraph
        state = states.setdefault(par.doc, _DocumentState())
        adjoining = state.paragraph == par.prev if par.prev else state.para == par.para - 1
        state.last = state.last if adjoining else None
        citation = Citation(par.doc, par.para)
        for speaker, quote in _voices_in(par.text, par.title, state):
            organisation, role = split_affiliation(speaker.affiliation)
            voices.append(
                Voice(
                    speaker=speaker.name,
                    affiliation=speaker.affiliation,
                    quote=quote,
                    citation=citation,
                    organisation=organisation,
                    role=role,
                    stance=tagged.stance,
                    short=shortest_quote(quote, speaker.name),
                )
            )
        state.text += "\n" + par.text
        state.para, state.paragraph = par.para, par.text
    return tuple(voices if limit is None else voices[:limit])


def _voices_in(text: str, title: str, state: _DocumentState) -> Iterator[tuple[_Speaker, str]]:
    end = 0
    named: _Speaker | None = None
    for verb in _VERB.finditer(text):
        if verb.start() < end or _inside_quotation(text, verb.start()):
            continue
        start = _clause_start(text, verb.start())
        head = text[start : verb.start()]
        speaker = _speaker(head, verb[0], state.text + "\n" + text[:start], title)
        if speaker is None and _SPEAKER_PRONOUN.match(_core(head, verb[0])):
            speaker = named or state.last
        span = _quote(text, start, verb.end(), after=end) if speaker else None
        named = speaker or named
        if speaker is None or span is None:
            continue
        end = max(span[1], verb.end())
        yield speaker, text[span[0] : span[1]]
    # Without a speaker here, a pronoun in the next paragraph would reach too far back.
    state.last = named


def _clause_start(text: str, position: int) -> int:
    start = 0
    for mark in _CLAUSE_START.finditer(text, 0, position):
        start = mark.end()
    return start


def _inside_quotation(text: str, position: int) -> bool:
    return text.rfind("“", 0, position) > text.rfind("”", 0, position)


def _core(head: str, verb: str) -> str:
    """The words before a verb of saying without connectives in front and adverbials behind."""
    head = _CONNECTIVE.sub("", head.strip())
    if verb.startswith("看来"):
        head = head.removeprefix("在")
    head = head.removeprefix("据")
    for _ in range(4):
        head, changed = _ADJUNCT.subn("", head)
        if not changed:
            break
    return head.strip()


def _speaker(head: str, verb: str, earlier: str, title: str) -> _Speaker | None:
    core = _core(head, verb)
    post = _TITLE_AFTER.search(core)
    if post and (split := _split_name(core[: post.start()])):
        prefix, name = split
        return _Speaker(name, prefix or _introduction(name, earlier) or post[0])
    split = _split_name(core)
    if split is None:
        return None
    prefix, name = split
    if prefix:
        return _Speaker(name, _affiliation(prefix))
    affiliation = _introduction(name, earlier)
    known = bool(affiliation) or name in title
    if known or (len(name) > 2 and name[0] not in _RARE_SURNAMES) or name[0] in _FREQUENT:
        return _Speaker(name, affiliation)
    return None


def _split_name(core: str) -> tuple[str, str] | None:
    """Split "机构职务姓名" into what is before the name and the name; None where no name ends it."""
    if foreign := _FOREIGN_NAME.search(core):
        role = list(re.finditer(_ROLE, core[: core.index("·", foreign.start())]))
        start = role[-1].end() if role else foreign.start()
        name = core[start:]
        if not name.startswith("、") and not _BAD_GIVEN.intersection(name) and (role or start == 0):
            return core[:start], name
        return None
    candidates = [core[-n:] for n in (4, 3, 2) if len(core) >= n and _is_name(core[-n:])]
    rare = [core[-n:] for n in (3, 2) if len(core) >= n and _is_name(core[-n:], surnames=_RARE_SURNAMES)]
    for pattern, names in ((_ENDS_IN_ROLE, [*candidates, *rare]), (_ENDS_IN_POST, candidates)):
        for name in names:
            if pattern.search(core[: -len(name)]):
                return core[: -len(name)], name
    return ("", core) if core in candidates or core in rare else None


def _is_name(word: str, *, surnames: frozenset[str] = _SURNAMES) -> bool:
    if word in _NOT_A_NAME or word[:2] in _NOT_A_NAME or word[-1] in _BAD_END:
        return False
    surname = word[:2] if word[:2] in _COMPOUND else word[:1]
    given = word[len(surname) :]
    if len(surname) == 1 and (surname not in surnames or len(given) > 2):
        return False
    return 1 <= len(given) <= 2 and all("一" <= c <= "鿿" and c not in _BAD_GIVEN for c in given)


def _introduction(name: str, earlier: str) -> str:
    """Affiliation at the first full mention of a name in the text before."""
    for mention in re.finditer(re.escape(name), earlier):
        prefix = earlier[_clause_start(earlier, mention.start()) : mention.start()]
        if _ENDS_IN_ROLE.search(prefix):
            return _affiliation(prefix)
    return ""


def _affiliation(prefix: str) -> str:
    prefix = _BEFORE_AFFILIATION.sub("", _CONNECTIVE.sub("", prefix.strip()))
    head, _, tail = prefix.rpartition("的")
    # "参与研究的某大学教授" -> "某大学教授", but "某大学的教授" and "某公司的技术负责人" stay whole.
    joined = not re.search(_ORGANISATION, tail) and not _RELATIVE_CLAUSE.match(head)
    return tail if head and len(tail) >= 5 and not joined else prefix


def _quote(text: str, clause_start: int, verb_end: int, *, after: int) -> tuple[int, int] | None:
    """Span of the words that belong to the attribution at `clause_start:verb_end`, none before `after`."""
    opened = _quotation_before(text, clause_start)
    opened = None if opened is None or opened < after else opened
    body = verb_end + 1 if text[verb_end : verb_end + 1] in tuple("，,：:") else verb_end
    if body == verb_end and _NAMED_ONLY.match(text, body):
        return None
    if text[body : body + 1] in ("", "。", "！"):
        if opened is not None:
            return _checked(opened + 1, clause_start - 1)
        return _checked(max(after, _sentence_start(text, clause_start)), clause_start - 1)
    if text[body] == "“" and (close := text.find("”", body)) > 0 and text[close - 1] in _TERMINATOR:
        return _checked(body + 1, close) if opened is None else _checked(opened, close + 1)
    end = _sentence_end(text, body)
    announced = _ANNOUNCES.search(text[body:end]) is not None
    if announced and opened is None:
        if not _POINTS.match(text, end):
            return None
        end = _sentence_end(text, end)
    if announced or _POINTS.match(text, body):
        while _ENUMERATED.match(text, end):
            end = _sentence_end(text, end)
    return _checked(body if opened is None else opened, end)


def _checked(start: int, end: int) -> tuple[int, int] | None:
    return (start, end) if end - start >= _MIN_QUOTE_CHARS else None


def _quotation_before(text: str, clause_start: int) -> int | None:
    """Start of the “…” that ends right before the attribution, if it holds whole clauses."""
    if clause_start < 2 or text[clause_start - 1] != "”" or text[clause_start - 2] not in "，" + _TERMINATOR:
        return None
    opened = text.rfind("“", 0, clause_start)
    return opened if opened >= 0 else None


def _sentence_start(text: str, position: int) -> int:
    return max(text.rfind(mark, 0, max(position - 1, 0)) for mark in "。！？\n”") + 1


def _sentence_end(text: str, start: int) -> int:
    """One past the sentence from `start`; marks inside “” do not end it, unless the quotation is its end."""
    depth = 0
    for i in range(start, len(text)):
        char = text[i]
        if char == "“":
            depth += 1
        elif char == "”":
            depth = max(depth - 1, 0)
            if depth == 0 and text[i - 1] in _TERMINATOR and text[i + 1 : i + 2] not in tuple("，、；的"):
                return i + 1
        elif char == "\n" or (char in "。！？!?" and depth == 0):
            return i + 1
    if depth:
        # An unclosed “ must not swallow the rest of the paragraph.
        first = re.search(r"[。！？]", text[start:])
        return start + first.end() if first else len(text)
    return len(text)
