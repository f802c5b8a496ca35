import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policylens.data.errors import ConfigError, TaxonomyError
from policylens.data.records import Citation, Paragraph, TaggedParagraph
from policylens.data.sentences import is_balanced
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.digest import digest_paragraphs, summarize
from policylens.infer.digests.candidates import read_candidates
from policylens.infer.digests.clauses import Kind, read_clauses
from policylens.infer.digests.repair import is_well_formed, leans_back, read_opening
from policylens.infer.digests.scoring import WEIGHTS, Frequencies, Place, features

TAXONOMY = Taxonomy(
    name="test",
    version="1",
    themes=(Label("green", "绿色"), Label("finance", "财税"), Label("none", "非政策", digest=False)),
    stances=(Label("support", "支持"), Label("concern", "关切")),
)


def par(text, number=1, *, theme="green", stance="support", kind="body", doc="a"):
    return TaggedParagraph(Paragraph(doc, number, kind, text), theme, 0.9, stance=stance, stance_score=0.9)


def texts(*paragraphs, max_chars=300):
    tagged = [par(text, number) for number, text in enumerate(paragraphs, start=1)]
    return [sentence.text for sentence in digest_paragraphs(tagged, max_chars=max_chars)]


def test_themes_come_by_size_then_taxonomy_with_counts():
    tagged = [
        par("财政部门安排专项资金20亿元支持节能改造。", 1, theme="finance"),
        par("推动钢铁企业完成超低排放改造30家。", 2),
        par("绿色标题", 3, kind="heading"),
        par("部分园区污水处理能力不足，达标率仅为80%。", 1, doc="b", stance="concern"),
        par("本报记者王芳报道了有关情况。", 4, theme="none"),
    ]
    digest = summarize(tagged, taxonomy=TAXONOMY)
    assert (digest.documents, digest.paragraphs) == (2, 4)
    assert [theme.theme for theme in digest.themes] == ["green", "finance"]
    green = digest.themes[0]
    assert (green.paragraphs, green.documents) == (2, 2)
    assert dict(green.stances) == {"support": 1, "concern": 1}
    assert green.text == "推动钢铁企业完成超低排放改造30家。部分园区污水处理能力不足，达标率仅为80%。"
    assert [s.citations for s in green.sentences] == [(Citation("a", 2),), (Citation("b", 1),)]


def test_equal_themes_keep_the_order_of_the_taxonomy():
    tagged = [par("安排专项资金20亿元支持改造。", theme="finance"), par("完成节能改造项目30个。", 2)]
    assert [theme.theme for theme in summarize(tagged, taxonomy=TAXONOMY).themes] == ["green", "finance"]


def test_named_themes_only_even_without_policy_content():
    tagged = [par("完成节能改造项目30个。"), par("附件列出了全部30个项目名单。", 2, theme="none")]
    digest = summarize(tagged, taxonomy=TAXONOMY, themes=["none"])
    assert [theme.theme for theme in digest.themes] == ["none"]


def test_unknown_theme_and_empty_budget_are_errors():
    with pytest.raises(TaxonomyError, match="gren"):
        summarize([par("完成改造。")], taxonomy=TAXONOMY, themes=["gren"])
    with pytest.raises(ConfigError, match="max_chars"):
        summarize([par("完成改造。")], taxonomy=TAXONOMY, max_chars=0)


def test_nothing_in_nothing_out():
    assert summarize([], taxonomy=TAXONOMY).themes == ()
    assert texts("没有句号的一行字") == []
    assert texts("完成节能改造项目三十多个，成效明显。", max_chars=5) == []


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("此外，省里新建充电桩2万个。", "省里新建充电桩2万个。"),
        ("（二）新建充电桩2万个，覆盖全部县城。", "新建充电桩2万个，覆盖全部县城。"),
        ("二是推进老旧电站改造，淘汰小机组10台。", "推进老旧电站改造，淘汰小机组10台。"),
        ("三要加快建设绿色工厂100家。", "要加快建设绿色工厂100家。"),
        ("3.新建充电桩2万个（省能源局牵头）。", "新建充电桩2万个。"),
    ],
)
def test_openings_are_repaired(source, printed):
    assert texts(source) == [printed]


@pytest.mark.parametrize(
    "source",
    [
        "他强调，要加快建设绿色工厂100家。",
        "其中，新建绿色工厂100家。",
        "目前，该厂已完成节能改造30项。",
        "这家企业去年减排二氧化碳10万吨。",
        "如何完成减排10万吨的任务？",
        "重点任务包括以下三项：",
        "建设“绿色工厂100家。",
        "咨询电话：0531-88888888，受理绿色工厂申报。",
        "加强组织领导。",
    ],
)
def test_sentences_that_cannot_stand_alone_are_left_out(source):
    assert texts(source) == []


def test_sentence_that_points_back_brings_the_one_before():
    source = "省长李明到绿源公司调研减排工作。他强调，今年要减排二氧化碳10万吨。"
    assert "".join(texts(source)) == source
    assert texts(source, max_chars=25) == ["省长李明到绿源公司调研减排工作。"]


def test_quotation_keeps_its_speaker():
    source = "“今年要新建充电桩2万个。明年再翻一番。”能源局局长王芳表示。"
    assert texts(source) == [source]
    assert texts(source, max_chars=20) == []


def test_long_sentence_is_shortened_by_whole_clauses():
    source = "今年，全省新建充电桩2万个，同比增长35%，城乡公共充电网络基本建成，群众出行更加便利。"
    (short,) = texts(source, max_chars=28)
    assert short == "今年，全省新建充电桩2万个，同比增长35%。"


def test_near_repeats_are_said_once():
    said = "全省新建充电桩2万个，改造老旧电站30座。"
    assert len(texts(said, "去年全省新建充电桩2万个，改造老旧电站30座。")) == 1


def test_both_stances_are_heard():
    good = [par(f"推动{name}企业完成节能改造项目3{i}个。", i) for i, name in enumerate("钢煤纸布", start=1)]
    bad = [
        par(f"部分{name}产业园污水处理能力不足，隐患较多。", i, stance="concern")
        for i, name in enumerate("东西", start=5)
    ]
    printed = [s.citations[0].para for s in digest_paragraphs([*good, *bad], max_chars=80)]
    assert any(para <= 4 for para in printed)
    assert any(para >= 5 for para in printed)


def test_clauses_know_what_they_need():
    clauses = read_clauses("到2030年，全省煤电机组全部完成改造，并新建储能电站20座；支持企业节能。")
    assert [(c.text, c.kind, c.needs) for c in clauses] == [
        ("到2030年", Kind.TIME, (1,)),
        ("全省煤电机组全部完成改造", Kind.STATEMENT, (0,)),
        ("并新建储能电站20座", Kind.TAIL, (0, 1)),
        ("支持企业节能", Kind.VERB, (0, 1)),
    ]


def test_speaker_is_needed_and_a_meeting_is_not():
    said = read_clauses("省长李明强调，要推进节能，加快减排。")
    assert [c.needs for c in said] == [(1,), (0,), (0,)]
    met = read_clauses("会议强调，要推进节能，加快减排。")
    assert [c.needs for c in met] == [(1,), (), ()]


def test_what_something_is_worth_is_said_of_the_clause_before():
    sentence = "改造项目增多，以统一的水表标准管好改造项目，对于降低漏损至关重要，将有效减少浪费。"
    clauses = read_clauses(sentence)
    assert clauses[2].kind is Kind.TAIL
    assert 1 in clauses[2].needs
    assert {1, 2} <= set(clauses[3].needs)


def test_opening_is_told_apart_from_words_that_begin_alike():
    assert not read_opening("其他企业完成改造。").leans
    assert read_opening("三、四线城市推进改造。").start == 0
    assert not leans_back("我国新建充电桩2万个。")
    assert leans_back("他新建充电桩2万个。")
    assert leans_back("三地新建充电桩2万个。")
    assert leans_back("草案规定，新建充电桩2万个。")
    assert not leans_back("三地带新建充电桩2万个。")


def test_every_weight_has_a_feature():
    place = Place(Kind.VERB, 0, 1, 0, 1, 0.9, "", 10)
    assert set(WEIGHTS) == set(features("推进改造", place, Frequencies(["推进改造"])))


PIECES = st.sampled_from(
    [
        "此外，",
        "他说，",
        "到2030年，",
        "新建电站12座，",
        "“先试点。再推广。”",
        "王芳表示：",
        "推进改造；",
        "（一）",
        "增长3.5%。",
        "覆盖１２个县。",
        "其中，",
        "并减排10万吨。",
        "会议指出，",
        "《办法（试行）》",
        "有困难！",
        "吗？",
        "“",
        "）",
        "加快建设绿色工厂。",
        "2,000万元，",
    ]
)
PARAGRAPHS = st.lists(st.lists(PIECES, min_size=1, max_size=12).map("".join), min_size=1, max_size=4)


@settings(deadline=None, max_examples=150)
@given(PARAGRAPHS, st.integers(min_value=1, max_value=120))
def test_digests_are_whole_cited_and_within_budget(paragraphs, max_chars):
    tagged = [par(text, number) for number, text in enumerate(paragraphs, start=1)]
    sentences = digest_paragraphs(tagged, max_chars=max_chars)
    assert sum(len(sentence.text) for sentence in sentences) <= max_chars
    assert [s.citations[0].para for s in sentences] == sorted(s.citations[0].para for s in sentences)
    for sentence in sentences:
        source = paragraphs[sentence.citations[0].para - 1]
        assert is_balanced(sentence.text)
        assert re.search("[。！？][”’」』]?$", sentence.text)
        assert all(number in source for number in re.findall(r"\d+", sentence.text))
        rest = iter(source)
        assert all(char in rest for char in sentence.text if char not in "，；。！：")


@settings(deadline=None)
@given(PARAGRAPHS)
def test_clauses_that_continue_another_keep_it(paragraphs):
    candidates = read_candidates([par(text, number) for number, text in enumerate(paragraphs)])
    for i, candidate in enumerate(candidates):
        assert i in candidate.needs
        if candidate.clause.kind is Kind.TAIL and candidate.number > 0:
            assert i - 1 in candidate.needs


def test_well_formed_sentences_end_and_hang_on_nothing():
    assert is_well_formed("全省新建充电桩2万个，覆盖全部县城。")
    assert not is_well_formed("全省新建充电桩2万个，覆盖")
    assert not is_well_formed("全省要在完成改造任务的基础上。")
    assert not is_well_formed("从“一张网”，到“一件事”，再到“一类事”。")


def test_a_quotation_without_its_speaker_stays_out():
    alone = "“以前银行只看厂房和土地，现在也肯看机器跑了多少小时。”银行已受理申请412笔，放款17.8亿元。"
    assert texts(alone) == ["银行已受理申请412笔，放款17.8亿元。"]


def test_a_voice_keeps_the_affiliation_given_under_another_theme():
    tagged = [
        par("东陵制造业研究院副院长韦砚秋表示，设备换了，工艺和考核办法都要跟着变。", 1, theme="finance"),
        par("韦砚秋认为，应当让小厂也用得上大厂的工程师队伍。", 2),
    ]
    green = next(theme for theme in summarize(tagged, taxonomy=TAXONOMY).themes if theme.theme == "green")
    assert [(voice.speaker, voice.affiliation) for voice in green.voices] == [
        ("韦砚秋", "东陵制造业研究院副院长")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "当前，我国纺织企业，尤其是小型印染企业。",
        "全省制造业企业，特别是传统行业的中小企业。",
    ],
)
def test_a_subject_with_its_apposition_is_no_sentence(text):
    assert not is_well_formed(text)


def test_a_closing_demand_that_opens_with_especially_is_a_sentence():
    assert is_well_formed("各地要加快补齐短板，特别是推动中小企业完成设备更新和数字化改造。")


@pytest.mark.parametrize(
    "text",
    [
        "终端中预置的实现同一功能的基本功能软件。",
        "明年1月1日实施的《优化营商环境条例》。",
        "要从健全国家创新体系、提高创新能力的高度。",
        "省政府同意高速公路遵化至秦皇岛段建成后。",
        "智慧林业安全体系建设工程。",
    ],
)
def test_fragments_are_no_sentences(text):
    assert not is_well_formed(text)


@pytest.mark.parametrize(
    "text",
    [
        "加快实施智慧林业安全体系建设工程。",
        "全省实施更加积极的财政政策。",
        "淘汰落后产能300万吨，产业结构不再落后。",
    ],
)
def test_whole_sentences_are_well_formed(text):
    assert is_well_formed(text)


@pytest.mark.parametrize(
    "text",
    [
        "各设区市人民政府，各扩权县人民政府，省政府各部门：研究所更名为资源研究中心3个。",
        "“双高计划”：2024年提出启动新一轮高职学校建设计划3个。",
        "（资料图）2016年5月9日，省长李明说，要建成绿色工厂30家。",
        "关于棉粮奖售的供应价格和经营费用负担问题。",
        "首批30家工作机构见附件4。",
    ],
)
def test_what_is_no_sentence_of_the_text_stays_out(text):
    assert texts(text) == []


def test_a_dateline_is_taken_off():
    (sentence,) = texts("新华社北京8月19日电会议决定，再减税300亿元支持企业改造。")
    assert sentence.startswith("会议决定，再减税300亿元")


def test_an_attribute_verb_does_not_hide_the_subject():
    clauses = read_clauses("提供预置软件的生产企业应自觉维护公平竞争，依法维护用户的选择权。")
    assert [clause.kind for clause in clauses] == [Kind.STATEMENT, Kind.VERB]
    assert clauses[1].needs == (0,)


def test_a_condition_in_several_clauses_keeps_its_consequence():
    clauses = read_clauses("转型企业利用现有工业用地，兴办新产业的，可继续按原用途使用。")
    assert [clause.kind for clause in clauses[:2]] == [Kind.CONDITION, Kind.CONDITION]
    assert 2 in clauses[0].needs
