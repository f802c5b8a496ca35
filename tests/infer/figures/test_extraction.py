from __future__ import annotations

import json
from pathlib import Path

import pytest

from policylens.data.records import Citation, Paragraph, TaggedParagraph
from policylens.infer.figures.extraction import extract_figures

SAMPLE = Path(__file__).parents[4] / "shared" / "samples" / "work_conference_2025.paragraphs.jsonl"


def tagged(text: str, *, para: int = 1, theme: str = "growth") -> TaggedParagraph:
    return TaggedParagraph(Paragraph("a", para, "body", text), theme, 0.9)


def found(text: str) -> list[tuple[str, str, str]]:
    return [(f.value, f.unit, f.measure) for f in extract_figures([tagged(text)])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("全省技改投资增长8.5%。", [("8.5", "%", "全省技改投资增长")]),
        ("全市充电桩总数达19.1万个。", [("19.1万", "个", "全市充电桩总数")]),
        ("累计更新老旧机床200多万台（套）。", [("200多万", "台（套）", "累计更新老旧机床")]),
        ("建设超4000家数字车间。", [("4000", "家", "建设数字车间")]),
        ("贷款余额突破10万亿元。", [("10", "万亿元", "贷款余额")]),
        ("专项资金共3亿多元。", [("3", "亿多元", "专项资金")]),
        ("研发投入强度比上年提高3.2个百分点。", [("3.2", "个百分点", "研发投入强度比上年提高")]),
        ("关键工序数控化率达到６２．９％。", [("６２．９", "％", "关键工序数控化率")]),
        ("出口额1,250.5万美元。", [("1,250.5", "万美元", "出口额")]),
        ("清洁能源装机规模达到2868万千瓦。", [("2868万", "千瓦", "清洁能源装机规模")]),
        ("万余家作坊完成登记。", [("万余", "家", "作坊完成登记")]),
        ("劳动报酬占比约三分之二。", [("三分之二", "", "劳动报酬占比")]),
        ("审批时限压缩至3个工作日。", [("3", "个工作日", "审批时限压缩至")]),
        ("给予不超过500万元的奖励。", [("500", "万元", "给予奖励")]),
    ],
)
def test_value_unit_and_measure(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # Without its bound "4000家" would be a figure that no source has.
        ("建设超4000家数字车间。", "超4000家"),
        ("核心企业数量超过4500家。", "超过4500家"),
        ("单户额度最高3000万元。", "最高3000万元"),
        ("给予不超过500万元的奖励。", "不超过500万元"),
        ("招生规模不低于240名。", "不低于240名"),
        ("投产项目近30个。", "近30个"),
        ("设备联网率30%以上。", "30%以上"),
        ("每户补贴2万元左右。", "2万元左右"),
        ("附近30家工厂停产。", "30家"),
        ("全年节约3.2亿元。", "3.2亿元"),
        ("投资增长8.5%。", "8.5%"),
    ],
)
def test_a_bound_belongs_to_the_number(text, shown):
    (figure,) = extract_figures([tagged(text)])
    assert figure.shown == shown
    assert figure.shown in text


@pytest.mark.parametrize(
    "text",
    [
        "2024年12月12日，1—11月份的情况公布。",
        "“十四五”期间落实三年行动，展望2035年。",
        "依照第8条、第12条和第3项办理。",
        "5G、6G和5G-A网络加快建设，通过ISO 9001认证。",
        "按照工信函〔2023〕12号文件执行。",
        "《促进100家企业上市的若干措施》印发。",
        "算力规模居全球第二，名列第3位。",
        "连续3个月开展督查，为期30天。",
        "1.加强领导。（2）落实责任。",
        "如图9所示，见表3。",
        "",
    ],
)
def test_dates_ordinals_and_designations_are_no_figures(text):
    assert found(text) == []


def test_subject_is_carried_from_the_clause_before():
    text = "软件业务收入513亿元，同比增长8.0%，占全行业的67.0%；利润下降2%。"
    assert found(text) == [
        ("513", "亿元", "软件业务收入"),
        ("8.0", "%", "软件业务收入同比增长"),
        ("67.0", "%", "软件业务收入占全行业"),
        ("2", "%", "利润下降"),
    ]


def test_words_that_only_look_like_a_comparison_are_subjects():
    assert found("工业稳步增长，居民收入达到9.2万元、增长4.1%，对外贸易额增长3%。") == [
        ("9.2", "万元", "居民收入"),
        ("4.1", "%", "居民收入增长"),
        ("3", "%", "对外贸易额增长"),
    ]


def test_subject_is_not_carried_into_the_next_sentence():
    assert found("茶叶产量稳步增长。同比增长5%。") == [("5", "%", "同比增长")]


def test_list_of_objects_shares_the_verb():
    assert found("已建成120家先进工厂和23家卓越工厂，发布46项行业标准、5项国家标准。") == [
        ("120", "家", "建成先进工厂"),
        ("23", "家", "建成卓越工厂"),
        ("46", "项", "发布行业标准"),
        ("5", "项", "发布国家标准"),
    ]


def test_enumeration_comma_after_a_number_starts_a_new_measure():
    assert found("设计工具普及率达80.1%、工序数控化率达62.9%。") == [
        ("80.1", "%", "设计工具普及率"),
        ("62.9", "%", "工序数控化率"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("城镇化率由53.1%上升到了64.7%。", [("64.7", "%", "城镇化率上升到")]),
        ("样机定型的平均周期由20个月缩短到11个月。", [("11", "个月", "样机定型的平均周期缩短到")]),
        (
            "高炉数量从2020年的45座减少到2025年的31座，下降三成。",
            [("31", "座", "高炉数量减少到"), ("三成", "", "高炉数量下降")],
        ),
    ],
)
def test_where_a_change_starts_from_is_no_figure_of_its_own(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("甲烷产量、电石产量分别增长5.6%、7.1%。", [("5.6", "甲烷产量增长"), ("7.1", "电石产量增长")]),
        ("机器人和机床出口分别增长3%和4%以上。", [("3", "机器人出口增长"), ("4", "机床出口增长")]),
        (
            "火灾起数、受伤人数较“十二五”同期分别下降6%、8%。",
            [("6", "火灾起数较“十二五”同期下降"), ("8", "受伤人数较“十二五”同期下降")],
        ),
        (
            "接待国内旅客30万人次、入境旅客2万人次，分别增长6%、9%。",
            [("30万", "接待国内旅客"), ("2万", "入境旅客"), ("6", "接待国内旅客增长"), ("9", "入境旅客增长")],
        ),
        (
            "烟草、橡胶、玻璃产值分别增长2%、3%。",
            [("2", "烟草、橡胶、玻璃产值分别增长"), ("3", "烟草、橡胶、玻璃产值分别增长")],
        ),
        ("国家级、省级平台分别达到2家、8家。", [("2", "国家级平台"), ("8", "省级平台")]),
        (
            "进口货值、过境旅客、免税销售额分别增长1%、2%、3%。",
            [("1", "进口货值增长"), ("2", "过境旅客增长"), ("3", "免税销售额增长")],
        ),
        ("北渠、南渠分别惠及35万、23万人。", [("23万", "南渠惠及")]),
    ],
)
def test_respectively_gives_each_number_its_own_subject(text, expected):
    assert [(value, measure) for value, _, measure in found(text)] == expected


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("全市仍有41家小型砖厂使用国家已明令停用的窑炉。", "全市小型砖厂使用国家已明令停用的窑炉"),
        ("这里划设了7条试飞航线。", "划设试飞航线"),
        ("截至9月底，全市储能企业达到52家。", "全市储能企业"),
        ("东湾的中试平台今年接待了13个团队。", "东湾的中试平台接待团队"),
        ("技术合同成交额2030年达到60亿元。", "技术合同成交额"),
        ("用电量比去年底增加58万千瓦时。", "用电量比去年底增加"),
        ("存款余额首次突破5万亿元。", "存款余额"),
        ("财政设立规模为20亿元的贴息资金。", "财政设立贴息资金"),
        ("粮食播种面积稳定在100万亩以上。", "粮食播种面积稳定在"),
        ("“十四五”规划确定的102项重大工程全部开工。", "“十四五”规划确定的重大工程全部开工"),
        ("所有乡镇和98%的行政村通了公交。", "行政村通了公交"),
        ("举办演出500余场次。", "举办演出"),
    ],
)
def test_measure_is_free_of_openers_and_periods(text, measure):
    assert [m for _, _, m in found(text)] == [measure]


@pytest.mark.parametrize(
    "text",
    ["实施“3个100”计划。", "落实“稳就业20条”。", "经济总量跨上万亿元台阶。", "开工750千伏输变电工程。"],
)
def test_plan_names_and_voltage_classes_are_no_figures(text):
    assert found(text) == []


def test_text_of_a_clause_that_starts_with_respectively_reaches_back_to_its_subjects():
    text = "接待国内旅客30万人次、入境旅客2万人次，分别增长6%、9%。"
    assert [f.text for f in extract_figures([tagged(text)])][2:] == [text.removesuffix("。")] * 2


def test_remark_in_brackets_and_predicate_without_a_number_keep_the_subject():
    assert found("财政收入35亿元、增长1.7%（同口径增长2.5%）。") == [
        ("35", "亿元", "财政收入"),
        ("1.7", "%", "财政收入增长"),
        ("2.5", "%", "财政收入同口径增长"),
    ]
    assert found("出口额达到5亿元、稳居全国前十、增长4.8%。")[1] == ("4.8", "%", "出口额增长")
    assert found("放款7亿元，平均利率比同期限贷款低0.9个百分点。")[1][2] == "平均利率比同期限贷款低"


def test_box_that_repeats_a_clause_is_not_reported_again():
    pars = [tagged("城东已有68家工厂把设备接入平台。"), tagged("已有68家工厂把设备接入平台。", para=2)]
    assert [f.measure for f in extract_figures(pars)] == ["城东工厂把设备接入平台"]


def test_number_that_describes_a_counted_noun():
    assert found("到2027年底前，培育10家以上年营收超100亿元的链主企业。") == [
        ("10", "家", "培育链主企业"),
        ("100", "亿元", "年营收"),
    ]


def test_text_holds_period_and_carried_subject_and_is_verbatim():
    text = "会议通报了情况。1—11月份，设备投资增长15.8%，对增长的贡献率为65.3%。"
    first, second = extract_figures([tagged(text, para=4)])
    assert first.text == "1—11月份，设备投资增长15.8%"
    assert second.text == "1—11月份，设备投资增长15.8%，对增长的贡献率为65.3%"
    assert second.measure == "设备投资对增长的贡献率"
    assert first.citation == second.citation == Citation("a", 4)


def test_same_figure_is_reported_once_per_theme():
    text = "全国粮食产量增长2.5%。"
    pars = [tagged(text), tagged("粮食产量增长2.5%。", para=2), tagged(text, para=3, theme="rural")]
    assert [f.citation.para for f in extract_figures(pars)] == [1, 3]


def test_limit_keeps_the_best_in_reading_order():
    pars = [tagged("做好3个方面工作。出口额增长7%。建成42家工厂。贷款余额达到90亿元。")]
    assert [f.value for f in extract_figures(pars, limit=2)] == ["7", "90"]
    assert extract_figures(pars, limit=0) == ()


def test_negative_limit_is_an_error():
    with pytest.raises(ValueError, match="limit -1 is negative"):
        extract_figures([], limit=-1)


@pytest.mark.skipif(not SAMPLE.exists(), reason="needs ../shared")
def test_sample_page():
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    pars = [tagged(r["text"], para=i) for i, r in enumerate(rows, 1) if r["kind"] == "body"]
    figures = extract_figures(pars)
    texts = {par.paragraph.para: par.paragraph.text for par in pars}
    assert all(f.value + f.unit in f.text and f.text in texts[f.citation.para] for f in figures)
    assert [f.value for f in figures if f.unit == "%"] == (
        "8.5 15.8 65.3 80.1 62.9 12.2 67.0 11.3 15.3 8.0 22.7 7.1".split()
    )
    assert len(figures) == 31
