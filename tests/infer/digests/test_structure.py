from __future__ import annotations

import pytest

from policylens.data.records import Citation, Difference, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.digest import summarize
from policylens.infer.digests.attribution import shortest_quote, split_affiliation
from policylens.infer.digests.headline import find_headline
from policylens.infer.digests.measures import find_measures, names_in
from policylens.infer.digests.structure import add_structure
from policylens.infer.digests.subtopics import find_subtopics
from policylens.infer.digests.voices import extract_voices
from policylens.infer.figures.conflicts import find_conflicts
from policylens.infer.figures.extraction import extract_figures

TAXONOMY = Taxonomy(
    "t", "1", themes=(Label("water", "水利"), Label("road", "道路")), stances=(Label("pro", "赞成"),)
)
CANALS = [
    "各县加快修复老旧水渠，水渠渗漏明显减少。修复水渠要与高标准农田建设同步安排。",
    "修复老旧水渠的资金由县财政统筹，水渠管护落实到村。",
    "水渠管护员按季度巡查，老旧水渠渗漏及时上报。",
]
DAMS = [
    "水库除险加固工程全面开工，病险水库实行名单管理。病险水库除险加固后统一验收。",
    "病险水库除险加固资金提前下达，水库安全责任人向社会公布。",
    "水库除险加固期间降低水位运行，病险水库严禁超蓄。",
]


def tagged(
    texts: list[str], *, doc: str = "a", theme: str = "water", title: str = ""
) -> list[TaggedParagraph]:
    return [
        TaggedParagraph(Paragraph(doc, i, "body", text, title=title), theme, 0.9, stance="pro")
        for i, text in enumerate(texts, 1)
    ]


def test_subtopics_put_paragraphs_of_one_matter_together():
    topics = find_subtopics(tagged(CANALS + DAMS))
    assert [[c.para for c in topic.citations] for topic in topics] == [[1, 2, 3], [4, 5, 6]]
    assert "水渠" in topics[0].label and "水库" in topics[1].label
    text = "".join(CANALS + DAMS)
    assert all(topic.label in text for topic in topics)


def test_subtopics_of_few_paragraphs_are_none():
    assert find_subtopics(tagged(CANALS)) == ()


def test_headline_is_a_clause_of_the_cited_paragraph():
    items = tagged(CANALS)
    headline = find_headline(items)
    assert headline is not None and "水渠" in headline.text
    assert headline.text in items[headline.citations[0].para - 1].paragraph.text
    assert not headline.text.endswith(("。", "，"))


def test_headline_of_nothing_that_stands_alone():
    assert find_headline(tagged(["这三点，他说得对吗？"])) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("印发《河湖管护条例》和《节水规划》。", ["《河湖管护条例》", "《节水规划》"]),
        ("启动实施标准提升引领传统产业优化升级行动。", ["标准提升引领传统产业优化升级行动"]),
        ("深入实施制造业卓越质量工程，加强品牌培育。", ["制造业卓越质量工程"]),
        ("开展“人工智能+制造”行动。", ["“人工智能+制造”行动"]),
        ("大规模推进“数字化转型重大行动”。", ["数字化转型重大行动"]),
        ("实施重大工程，落实三年行动计划，开展专项行动。", []),
        ("水利工程师介绍，这项工程采取行动方案。", []),
        ("安排专项资金，列入行动计划的企业。", []),
        ("《意见》提出，《人民日报》报道。", []),
    ],
)
def test_names_of_measures(text, expected):
    assert list(names_in(text)) == expected


def test_measures_that_differ_in_quotation_marks_are_one():
    items = tagged(["实施“清水进村”工程。"]) + tagged(["继续实施清水进村工程。"], doc="b")
    (measure,) = find_measures(items)
    assert (measure.name, measure.kind) == ("“清水进村”工程", "programme")
    assert measure.citations == (Citation("a", 1), Citation("b", 1))


def test_the_same_figure_of_two_documents_is_one_with_both_places():
    items = tagged(["2024年全国水利投资1.35万亿元。"]) + tagged(["2024年，全国水利投资13500亿元。"], doc="b")
    (figure,) = extract_figures(items)
    assert (figure.value, figure.unit, figure.period) == ("1.35", "万亿元", "2024年")
    assert figure.citations == (Citation("a", 1), Citation("b", 1))


def test_figure_has_subject_change_and_amount():
    (figure,) = extract_figures(tagged(["2024年，水利投资同比增长12.8%。"]))
    assert (figure.subject, figure.change) == ("水利投资", "同比增长")
    assert figure.amount is not None and (figure.amount.low, figure.amount.unit) == (12.8, "%")


def conflicts(one: str, other: str, *, titles: tuple[str, str] = ("", "")) -> list[tuple[str, list[str]]]:
    items = tagged([one], title=titles[0]) + tagged([other], doc="b", title=titles[1])
    found = find_conflicts(extract_figures(items), [item.paragraph for item in items])
    return [(c.subject, [f.value + f.unit for f in c.figures]) for c in found]


def test_contradiction_between_two_documents():
    assert conflicts("2024年我国水利投资13529亿元。", "2024年，全国水利投资11996亿元。") == [
        ("水利投资", ["11996亿元", "13529亿元"])
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2024年我国水利投资13529亿元。", "2023年全国水利投资11996亿元。"),
        ("2024年我国水利投资13529亿元。", "2024年全国水利投资1.35万亿元。"),
        ("2024年我国灌区数量7326处。", "2024年我国灌区数量超过7000处。"),
        ("2024年全省水利投资329亿元。", "2024年全省水利投资611亿元。"),
        ("今年1—9月全国水利投资329亿元。", "上半年全国水利投资211亿元。"),
        ("今年全国水利投资329亿元。", "今年全国水利投资211亿元。"),
        ("全国水利投资329亿元。", "全国水利投资211亿元。"),
    ],
)
def test_no_contradiction_of_other_times_roundings_bounds_and_places(one, other):
    assert conflicts(one, other) == []


def test_this_year_is_one_time_in_documents_of_one_year():
    one, other = "今年全国水利投资329亿元。", "今年全国水利投资211亿元。"
    assert conflicts(one, other, titles=("2024年公报", "2023年公报")) == []
    assert conflicts(one, other, titles=("2024年公报", "2024年讲话")) == [
        ("水利投资", ["211亿元", "329亿元"])
    ]


def test_local_figures_contradict_only_within_one_place():
    one, other = "2024年全省水利投资329亿元。", "2024年全省水利投资611亿元。"
    assert conflicts(one, other, titles=("河北省工作报告", "河南省工作报告")) == []
    assert conflicts(one, other, titles=("河北省工作报告", "河北省统计公报")) == [
        ("全省水利投资", ["329亿元", "611亿元"])
    ]


def test_differences_name_what_only_one_document_has():
    items = tagged([*CANALS, "实施清水进村工程。"]) + tagged([*DAMS, "印发《水库管理条例》。"], doc="b")
    digest = add_structure(summarize(items, taxonomy=TAXONOMY), items)
    one, other = digest.themes[0].differences
    assert (one.doc, one.measures) == ("a", ("清水进村工程",))
    assert (other.doc, other.measures) == ("b", ("《水库管理条例》",))


def test_differences_name_subtopics_that_only_one_document_has():
    items = tagged(CANALS) + tagged(DAMS, doc="b")
    (theme,) = add_structure(summarize(items, taxonomy=TAXONOMY), items).themes
    assert [(one.doc, len(one.subtopics)) for one in theme.differences] == [("a", 1), ("b", 1)]
    assert "水库" in theme.differences[1].subtopics[0]


def test_one_document_has_no_differences():
    items = tagged([*CANALS, *DAMS])
    (theme,) = add_structure(summarize(items, taxonomy=TAXONOMY), items).themes
    assert theme.differences == ()
    assert Difference("a") not in theme.differences


@pytest.mark.parametrize(
    ("affiliation", "expected"),
    [
        ("华东材料研究院副院长", ("华东材料研究院", "副院长")),
        ("中国工程院院士", ("中国工程院", "院士")),
        ("某部信息化发展部主任、某中心主任", ("某部信息化发展部", "主任、某中心主任")),
        ("某研究院党委书记、副院长", ("某研究院", "党委书记、副院长")),
        ("鹤翎航空的技术负责人", ("鹤翎航空", "技术负责人")),
        ("厂长", ("", "厂长")),
        ("科技部", ("科技部", "")),
        ("", ("", "")),
    ],
)
def test_split_affiliation(affiliation, expected):
    assert split_affiliation(affiliation) == expected


def test_shortest_quote_is_a_stretch_that_stands_alone():
    quote = (
        "去年以来，各县先后修复了一千多公里水渠，群众的反映总体上是好的，但管护还没有完全跟上；"
        "下一步要把管护责任落实到村到人。"
    )
    short = shortest_quote(quote, "陆文静")
    assert short in quote and len(short) < len(quote)
    assert shortest_quote("要先修水渠。", "陆文静") == "要先修水渠。"


def test_voice_has_organisation_role_stance_and_short_quote():
    (voice,) = extract_voices(tagged(["华东材料研究院副院长陆文静表示，要先修水渠。"]))
    assert (voice.organisation, voice.role, voice.stance) == ("华东材料研究院", "副院长", "pro")
    assert voice.short == voice.quote == "要先修水渠。"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "实施重点产业链高质量发展行动，推进国家重点研发计划。",
            ["重点产业链高质量发展行动", "国家重点研发计划"],
        ),
        ("推动交通项目优先列入西部通道建设工程。", ["西部通道建设工程"]),
        ("推进各单位职责具体承担引水入城工程。", ["引水入城工程"]),
        ("推动把言论和行动、政治自觉和行动统一起来。", []),
        ("实施6大重点行动，落实三年滚动计划。", []),
        ("推动新型工业化是一个系统工程。", []),
    ],
)
def test_a_programme_is_named_without_the_words_around_it(text, names):
    assert list(names_in(text)) == names


def test_headline_prefers_what_was_done_to_a_slogan():
    items = tagged(
        [
            "坚定不移推进水利高质量发展，修复老旧水渠1200公里。",
            "治理也带来了新的烦恼。修复水渠后灌溉面积增加30万亩。",
        ]
    )
    headline = find_headline(items)
    assert headline is not None
    assert headline.text in ("修复老旧水渠1200公里", "修复水渠后灌溉面积增加30万亩")


def test_label_of_a_subtopic_is_of_its_usual_stance():
    items = [*tagged(CANALS + DAMS)]
    complaint = "水渠修复资金缺口较大，老旧水渠渗漏严重。"
    items[1] = TaggedParagraph(Paragraph("a", 2, "body", complaint), "water", 0.9, stance="contra")
    labels = [topic.label for topic in find_subtopics(items)]
    assert len(labels) == 2
    assert not any(label in complaint for label in labels)


@pytest.mark.parametrize(
    "text", ["三地在修复水渠上的合作日益密切。", "我们一定采取措施修复水渠。", "水渠管护是指日常巡查和维修。"]
)
def test_headline_does_not_point_back_or_define(text):
    headline = find_headline(tagged([text, "水渠修复资金由县财政统筹安排。"]))
    assert headline is not None and headline.text == "水渠修复资金由县财政统筹安排"
