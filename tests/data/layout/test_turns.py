"""Stories that turn to another page, decks, related stories, divided heads, cut quotations."""

import pytest

from policylens.data.layout.line_kinds import line_kind
from policylens.data.layout.openings import counts_on_inside, is_parallel
from policylens.data.layout.turns import is_turn
from policylens.data.records import Document
from policylens.data.reflow import reflow


def kinds(text):
    return [(par.kind, par.text) for par in reflow(Document("page", text))]


FIRST = "会议强调，要把账款清理到底。对拖欠的款项，年底前支付八成，"
SECOND = "明年三月底前全部付清。"
OTHER = "大桥昨日合龙，全长二千三百米。"


@pytest.mark.parametrize("text", ["（下转第四版）", "（上接第一版）", "下转 第3版", "（紧接2版）"])
def test_turn(text):
    assert is_turn(text)


@pytest.mark.parametrize("text", ["（转载请注明）", "接下来看版面", "第四版　综合"])
def test_no_turn(text):
    assert not is_turn(text)


def test_halves_before_and_after_another_story_are_joined():
    text = f"{FIRST}\n（下转第四版）\n\n大桥合龙\n\n{OTHER}\n\n（上接第一版）\n{SECOND}\n"
    assert [text for kind, text in kinds(text) if kind == "body"] == [FIRST + SECOND, OTHER]


def test_a_whole_paragraph_before_the_turn_takes_nothing():
    text = f"{OTHER}\n（下转第四版）\n\n大桥合龙\n\n车流已经通过。\n\n（上接第一版）\n{SECOND}\n"
    assert [text for kind, text in kinds(text) if kind == "body"] == [OTHER, "车流已经通过。", SECOND]


def test_two_stories_that_turn_at_once_are_not_guessed_at():
    again = "会议指出，沿江排口要逐一排查，在线监测设备年底前全部装完，"
    text = (
        f"{FIRST}\n（下转第四版）\n\n治水大会召开\n\n{again}\n（下转第三版）\n\n大桥合龙\n\n{OTHER}\n\n"
        f"（上接第一版）\n不留死角。\n\n（上接第一版）\n{SECOND}\n"
    )
    bodies = [text for kind, text in kinds(text) if kind == "body"]
    assert FIRST + "不留死角。" not in bodies
    assert FIRST + SECOND not in bodies


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("有 效 性：有效", "furniture"),
        ("原标题：养老机构改造有了补助", "furniture"),
        ("【纠错】【责任编辑：宗怀瑜】", "furniture"),
        ("今日导读", "furniture"),
        ("导读工作怎么做", None),
        ("扫一扫在手机打开当前页", "furniture"),
        ("1.管护责任书.doc", "furniture"),
        ("岑予安代表：", "furniture"),
        ("岑予安代表说：", None),
        ("（岑予安）", "byline"),
        ("（试行）", None),
    ],
)
def test_kind_of_line(text, kind):
    assert line_kind(text) == kind


def test_marked_lines_above_a_byline_are_its_deck_and_others_a_list():
    story = "清晨六点，司机把快递装进行李舱，四十分钟后到村。"
    deck = f"客货邮融合\n\n● 班线变专线\n● 小店变驿站\n\n本报记者　叶扶疏\n\n{story}\n"
    assert [kind for kind, _ in kinds(deck)] == ["heading", "heading", "heading", "byline", "body"]
    plain = f"客货邮融合\n\n本报记者　叶扶疏\n\n● 班线变专线\n● 小店变驿站\n\n{story}\n"
    assert [kind for kind, _ in kinds(plain)] == ["heading", "byline", "body", "body", "body"]


def test_stories_below_a_label_are_furniture():
    text = "补助资金一次拨付。\n相关新闻\n· 新增三所社区食堂\n· 乘车年龄降低\n"
    assert [kind for kind, _ in kinds(text)] == ["body", "furniture", "furniture", "furniture"]


def test_a_numbered_line_with_a_colon_is_a_heading_only_where_white_space_says_so():
    body = "　　沿江排污口减少到六十四个。\n　　水质好了，水鸟也回来了。\n"
    more = "　　厂房里有了六家饮料企业。\n　　税收是原来的四倍。\n"
    apart = f"{body}\n一、产业账：关了老厂，来了新厂\n\n{more}"
    close = f"{body}一、申报对象：老厂，新厂\n{more}"
    assert "heading" in [kind for kind, _ in kinds(apart)]
    assert "heading" not in [kind for kind, _ in kinds(close)]


def test_the_first_half_of_a_paragraph_is_no_quotation_of_the_quote_below_it():
    quote = "松岭片区是滨河工业底子最厚、水网最密、离港口最近的片区之一。"
    source = f"{quote}三年里，片区关停了十一家作坊。"
    broken = "改造资金由市区两级分担，市里出六成，区里出四成，", "缺口由产业基金补上，企业不出一分钱。"
    head = "老片区的新算盘"
    text = f"{head}\n\n{source[:20]}\n\n{source[20:]}\n\n{broken[0]}\n\n{quote}\n\n{broken[1]}\n"
    assert kinds(text) == [
        ("heading", head), ("body", source), ("body", "".join(broken)), ("pull_quote", quote),
    ]  # fmt: skip


BARE = (
    "这十年，全市水利设施越修越牢，旱能浇涝能\n"
    "排，粮食总产跨上三百万吨的台阶。农民种地\n"
    "的账也算得过来了，一亩地的纯收入多四百元。\n"
)


def test_bare_lines_that_begin_alike_are_paragraphs_of_their_own():
    below = "这十年，城乡公交连成了一张网，村村通了班\n车，学生上学不再翻山。\n"
    assert kinds(BARE + below) == [("body", BARE.replace("\n", "")), ("body", below.replace("\n", ""))]
    other = below.replace("这十年，", "山区里，")
    assert kinds(BARE + other) == [("body", (BARE + other).replace("\n", ""))]


def test_a_count_inside_a_bare_paragraph_goes_on():
    text = (
        "会议对冬季供热作出部署：一是管网注水提前\n"
        "十天完成；二是存煤不少于二十天的用量，一\n"
        "律进棚入库，由各区每天上报库存和价格情况。\n"
        "三是困难家庭的热费全额减免，不得停供。\n"
    )
    assert kinds(text) == [("body", text.replace("\n", ""))]
    assert not counts_on_inside("三是减免热费。", "二是存煤入库。")
    assert not is_parallel("这十年", "这十年，公交通了。")


def test_a_headline_of_two_halves_between_bare_lines():
    head = "一张网通城乡百姓足 两条路连山海产业兴旺"
    text = f"{BARE}{head}\n城乡公交连成了一张网，村村通了班车，学生\n上学不再翻山。\n"
    assert ("heading", head) in kinds(text)
