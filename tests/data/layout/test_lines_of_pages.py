"""Single lines and small pages: heads, footnotes, verses, names, openings, stray spaces, edges."""

import pytest

from policylens.data.layout.captions import is_scene
from policylens.data.layout.line_kinds import is_dateline, line_kind
from policylens.data.layout.names import is_name
from policylens.data.layout.openings import opens_paragraph
from policylens.data.layout.units import is_loose
from policylens.data.records import Document
from policylens.data.reflow import reflow


def kinds(text):
    return [(par.kind, par.text) for par in reflow(Document("page", text))]


@pytest.mark.parametrize("text", ["萧野", "卓听澜", "萧　野", "欧阳听澜", "季春和"])
def test_name(text):
    assert is_name(text)


@pytest.mark.parametrize("text", ["高标准", "方案", "金融业", "安全", "总则", "文化馆", "王国的历史"])
def test_short_heading_is_no_name(text):
    assert not is_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "会议强调，要抓好落实。",
        "——产业结构优化。",
        "三是抓转化。",
        "记者：怎么办？",
        "孟疏桐：我们设了退出机制。",
    ],
)
def test_words_that_open_a_paragraph(text):
    assert opens_paragraph(text)


@pytest.mark.parametrize("text", ["其中，工业增长7%。", "主要是：发展不平衡。", "会议室里很安静。"])
def test_words_that_go_on(text):
    assert not opens_paragraph(text)


@pytest.mark.parametrize(
    ("text", "scene"),
    [
        ("工人在装配线上调试机械臂", True),
        ("技术员正在检修风机", True),
        ("新规正式施行", False),
        ("群众在哪里，阵地就在哪里", True),  # the gap and the bylines of the page have to agree
        ("营商环境再升级", False),
    ],
)
def test_scene(text, scene):
    assert is_scene(text) is scene


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("本报讯（记者　简一苇）", "byline"),
        ("文/图　卓听澜", "byline"),
        ("（滨河市社会科学院，滨河350000）", "byline"),
        ("〔2025〕第6号", "furniture"),
        ("时间：2025年4月22日上午10:00", "furniture"),
        ("主持人：市政府新闻办公室　季春和", "furniture"),
        ("主持人：问题出在哪里？", None),
        ("点击蓝字　关注我们", "furniture"),
        ("关键词：县域商业；共同配送", "furniture"),
        ("说明：该办法已经由新的规定替代，原办法的相关内容不再执行，请有关单位及时调整。", None),
        ("https://example.org/a?b=c", "furniture"),
        ("https://example.org/a上，任何学校都可以使用", None),
    ],
)
def test_kind_of_a_line(text, kind):
    assert line_kind(text) == kind


def test_dateline_begins_a_story():
    assert is_dateline("本报滨河6月17日电　（记者宗怀瑜）滨河海关")
    assert not is_dateline("本报记者　宗怀瑜")


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        ("稳中求进，以进促稳，先立后破", True),
        ("而针对融资难题，今年以来，国家", False),
        ("——逐步建立法律制度，保障应用中的个人", False),
        ("从“靠天吃饭”到“靠链吃饭”", True),
    ],
)
def test_looks_of_a_heading(text, loose):
    assert is_loose(text) is loose


def test_verses_stay_lines():
    verses = ["岭上松风不记年，", "石桥流水自潺湲。", "先人手种千株栗，", "留与儿孙作俸钱。"]
    text = "\n".join(["照壁的开头是一首小诗：", *verses, "季春和说，诗原来刻在石桥的栏杆上。"])
    assert [text for kind, text in kinds(text) if kind == "body"] == text.split("\n")


def test_footnote_at_the_foot_of_a_page_does_not_enter_the_sentence():
    text = (
        "　　快递进村率达到百分之九十四①，但是网点建起来之后如何持续运营，仍然\n"
        "是一个难题。我们调查了四县十二镇的八百三十家商店，发现其中三百一十家没\n"
        "①数据来源于滨河市商务局。\n"
        "— 1 —\n"
        "有固定的进货渠道，店主每个月要自己开车进城两三次，成本很高，利润很薄。\n"
    )
    found = kinds(text)
    assert [kind for kind, _ in found] == ["body", "furniture", "furniture"]
    assert found[0][1] == "".join(text.split()).replace("①数据来源于滨河市商务局。—1—", "")
    assert found[1][1] == "①数据来源于滨河市商务局。"


def test_head_of_the_second_page_does_not_enter_the_sentence():
    text = (
        "　　到2027年，全市氢能产业产值突破二百亿元，可再生能源制氢占比达到百分\n"
        "之四十，建成加氢站三十座，推广氢燃料电池车辆三千辆，严格限制化石能源制\n"
        "— 1 —\n"
        "滨河市氢能产业规划\n"
        "氢的规模，优先发展可再生能源制氢，形成制储输用全链条协同发展的新格局，\n"
        "氢能在终端能源消费中的比重明显提升。\n"
    )
    found = kinds(text)
    assert [kind for kind, _ in found] == ["body", "furniture", "furniture"]
    assert "制氢的规模" in found[0][1]


def test_heads_with_page_numbers_are_furniture():
    line = "　　全市已经完成普查的片区达到十二个，其余片区将在年底前全部完成。\n"
    text = f"工业厂房更新规划　1\n{line}工业厂房更新规划　2\n{line}工业厂房更新规划　3\n{line}"
    assert [kind for kind, _ in kinds(text)] == ["furniture", "body"] * 3


def test_stray_spaces_of_recognised_text_are_left_out():
    text = (
        "本 报记者　岑予安\n"
        "　　全市工 业厂房更 新工作进 展顺 利，已 经完成普 查的片 区达 到十二 个，其 余片区年底前完 成。\n"
    )
    assert kinds(text) == [
        ("byline", "本报记者　岑予安"),
        ("body", "全市工业厂房更新工作进展顺利，已经完成普查的片区达到十二个，其余片区年底前完成。"),
    ]


def test_spaces_set_on_purpose_stay():
    text = "第一章 总则\n第一条 为了加强管理，制定本办法。\n第二条 本办法适用于全市。\n"
    assert [text for _, text in kinds(text)] == text.split("\n")[:-1]


def test_invisible_characters_hide_no_kind_and_stay():
    assert kinds("\u200b本报记者　岑予安\u200b") == [("byline", "\u200b本报记者　岑予安\u200b")]


def test_masthead_and_document_named_gongbao():
    body = "　　全会听取和讨论了工作报告，审议通过了有关决定。\n"
    title = "滨河市委员会第七次全体会议公报"
    assert ("heading", title) in kinds(f"{title}\n（2025年7月26日通过）\n{body}")
    found = kinds(f"滨河市人民政府公报\n滨河市工业用水管理办法\n{body}")
    assert found[:2] == [("furniture", "滨河市人民政府公报"), ("heading", "滨河市工业用水管理办法")]


def test_few_wrapped_items_among_short_ones_are_unwrapped():
    text = (
        "　　第三条　补助资金主要用于以下方面：\n"
        "　　（一）购置工业软件、云服务和传感设备，补助比例不超过实际支出的百\n"
        "分之三十；\n"
        "　　（二）开展数字化诊断；\n"
        "　　（三）市人民政府确定的其他事项。\n"
        "　　第四条　企业弄虚作假骗取补助资金的，由市财政局责令退回，并按规定列\n"
        "入失信名单。\n"
        "　　第五条　本办法自2025年2月1日起施行。\n"
    )
    assert [kind for kind, _ in kinds(text)] == ["body"] * 6


def test_bare_paragraphs_end_where_the_next_word_would_have_fitted():
    text = (
        "市里去年投入一亿二千万元，在主产区建了六十四座冷\n"
        "库，采后损耗率降到百分之六，菜农不再害怕下雨天了。\n"
        "记者从市商务局了解到，今年将补助五百家社区菜店更\n"
        "新冷柜，每台补助一千五百元，同时推广共享冷柜。企\n"
        "业统一投放、统一维护，街道负责监督。\n"
    )
    assert [par[:4] for _, par in kinds(text)] == ["市里去年", "记者从市"]
