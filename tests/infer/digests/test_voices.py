from __future__ import annotations

import json
from pathlib import Path

import pytest

from policylens.data.records import Citation, Paragraph, TaggedParagraph
from policylens.infer.digests.voices import extract_voices

SAMPLE = Path(__file__).parents[4] / "shared" / "samples" / "work_conference_2025.paragraphs.jsonl"


def tagged(*texts: str, title: str = "", doc: str = "a") -> list[TaggedParagraph]:
    pars = [Paragraph(doc, i, "body", text, title=title) for i, text in enumerate(texts, 1)]
    return [TaggedParagraph(par, "innovation", 0.9) for par in pars]


def found(*texts: str, title: str = "") -> list[tuple[str, str, str]]:
    return [(v.speaker, v.affiliation, v.quote) for v in extract_voices(tagged(*texts, title=title))]


ROLE = "华东材料研究院副院长"


@pytest.mark.parametrize(
    "text",
    [
        f"{ROLE}陆文静表示，要尽快补上检测短板。",
        f"对此，{ROLE}陆文静认为，要尽快补上检测短板。其他人没有发言。",
        f"在{ROLE}陆文静看来，要尽快补上检测短板。",
        f"据{ROLE}陆文静介绍，要尽快补上检测短板。",
        f"{ROLE}陆文静在接受记者采访时指出：“要尽快补上检测短板。”",
        f"“要尽快补上检测短板。”{ROLE}陆文静说。",
        f"记者会上，{ROLE}陆文静还特别强调，要尽快补上检测短板。",
        f"{ROLE}陆文静认为要尽快补上检测短板。",
        f"要尽快补上检测短板。{ROLE}陆文静坦言，要尽快补上检测短板。",
        f"{ROLE}陆文静告诉记者，要尽快补上检测短板。",
        f"{ROLE}陆文静算了一笔账：要尽快补上检测短板。",
        f"{ROLE}陆文静给记者算起了经济账：要尽快补上检测短板。",
        f"{ROLE}陆文静提醒要尽快补上检测短板。",
        f"{ROLE}陆文静提出要尽快补上检测短板。",
        f"{ROLE}陆文静笑着说：“要尽快补上检测短板。”",
    ],
)
def test_patterns_of_saying(text):
    assert found(text) == [("陆文静", ROLE, "要尽快补上检测短板。")]


@pytest.mark.parametrize("verb", "提醒 透露 坦言 直言 呼吁 提出 回忆 回忆说 解释 分析道 补充 感叹".split())
def test_verbs_of_saying(verb):
    assert found(f"{ROLE}陆文静{verb}，短板还不少。") == [("陆文静", ROLE, "短板还不少。")]


@pytest.mark.parametrize(
    ("text", "speaker", "affiliation"),
    [
        ("北山大学教授欧阳明远说，产业需要耐心。", "欧阳明远", "北山大学教授"),
        ("科技部张立介绍，产业需要耐心。", "张立", "科技部"),
        ("某协会会长、某集团董事长秦岚称，产业需要耐心。", "秦岚", "某协会会长、某集团董事长"),
        ("某公司首席执行官约翰·史密斯表示，产业需要耐心。", "约翰·史密斯", "某公司首席执行官"),
        ("周明远委员发言说，产业需要耐心。", "周明远", "委员"),
        ("海燕航空的试飞负责人蒲若山表示，产业需要耐心。", "蒲若山", "海燕航空的试飞负责人"),
        ("北山大学的教授何青表示，产业需要耐心。", "何青", "北山大学的教授"),
        ("公司信息部主任杭知远表示，产业需要耐心。", "杭知远", "公司信息部主任"),
        ("北山大学经济系教授卓怀玉表示，产业需要耐心。", "卓怀玉", "北山大学经济系教授"),
        ("参与评审的北山大学教授何青表示，产业需要耐心。", "何青", "北山大学教授"),
    ],
)
def test_names_and_affiliations(text, speaker, affiliation):
    assert found(text) == [(speaker, affiliation, "产业需要耐心。")]


@pytest.mark.parametrize(
    "text",
    [
        "会议指出，要坚持稳中求进。",
        "《关于促进就业的意见》提出，要扩大岗位。",
        "中央经济工作会议强调，要守住底线。",
        "工业和信息化部有关负责人表示，下一步将加快推广。",
        "业内专家普遍认为，市场仍有空间。",
        "方案指出，分三步实施。白皮书指出，成绩显著。",
        "华为表示，将加大投入。安徽省提出，扩大开放。乌军称，已经撤离。",
        "他表示，情况正在好转。",
        "双方强调的重点不同，邱某的建议有待研究。",
        "统计数据显示，产值继续增长。",
        "负责人告诉记者，产值继续增长。",
        "会议提出要扩大岗位。专家组调研分析后提出，要改流程。",
        "卓越工程师说，技术还要打磨。工人连声说，机器好用。",
        "院长陆文静提出要求，院士周济提出的方案得到采纳。",
    ],
)
def test_meetings_documents_and_unnamed_speakers_are_no_voices(text):
    assert found(text) == []


def test_split_quotation_is_one_stretch_and_pronoun_goes_on():
    text = f"“平台是主战场。”{ROLE}陆文静强调，“数据是燃料。”她建议，一是开放场景；二是培养人才。"
    assert found(text) == [
        ("陆文静", ROLE, f"“平台是主战场。”{ROLE}陆文静强调，“数据是燃料。”"),
        ("陆文静", ROLE, "一是开放场景；二是培养人才。"),
    ]


def test_quotation_before_and_indirect_statement_after():
    text = f"“链条很长。”{ROLE}陆文静表示，要联动上下游“抱团”改造。后面是记者的话。"
    assert found(text) == [("陆文静", ROLE, text.removesuffix("后面是记者的话。"))]


def test_quotation_of_two_sentences():
    assert found(f"“成绩不小。但短板仍在。”{ROLE}陆文静表示。对此，她提出几条建议：先补短板。") == [
        ("陆文静", ROLE, "成绩不小。但短板仍在。"),
        ("陆文静", ROLE, "先补短板。"),
    ]


def test_enumeration_in_several_sentences_stays_together():
    assert (
        found(f"{ROLE}陆文静建议，一是建标准。二是育人才。会议到此结束。")[0][2] == "一是建标准。二是育人才。"
    )


def test_short_form_takes_the_affiliation_from_the_first_mention():
    assert found(f"{ROLE}陆文静认为，基础不牢。", "中间一段。", "谈及未来，陆文静表示，仍需努力。") == [
        ("陆文静", ROLE, "基础不牢。"),
        ("陆文静", ROLE, "仍需努力。"),
    ]


def test_rare_surname_needs_a_post_or_an_introduction():
    assert found("卓怀玉表示，仍需努力。") == []
    assert found("卓怀玉教授表示，仍需努力。") == [("卓怀玉", "教授", "仍需努力。")]
    assert found("北山大学教授卓怀玉认为，基础不牢。卓怀玉表示，仍需努力。") == [
        ("卓怀玉", "北山大学教授", "基础不牢。"),
        ("卓怀玉", "北山大学教授", "仍需努力。"),
    ]


def test_affiliation_is_not_taken_from_another_document():
    pars = tagged(f"{ROLE}陆文静认为，基础不牢。") + tagged("陆文静表示，仍需努力。", doc="b")
    assert [v.affiliation for v in extract_voices(pars)] == [ROLE, ""]


def test_bare_short_name_needs_the_title_or_a_frequent_surname():
    assert found("苏禾表示，要稳就业。", title="") == [("苏禾", "", "要稳就业。")]
    assert found("海川表示，要稳就业。") == []
    assert found("齐越表示，要稳就业。") == []
    assert found("齐越表示，要稳就业。", title="齐越赴基层调研") == [("齐越", "", "要稳就业。")]


def test_pronoun_reaches_the_adjoining_paragraph_only():
    first = f"{ROLE}陆文静认为，基础不牢。"
    assert found(first, "她强调，仍需努力。")[1] == ("陆文静", ROLE, "仍需努力。")
    assert len(found(first, "没有人说话。", "她强调，仍需努力。")) == 1
    gap = [par for par in tagged(first, "省略。", "她强调，仍需努力。") if par.paragraph.para != 2]
    assert len(extract_voices(gap)) == 1


def test_speech_inside_a_quotation_is_not_a_voice():
    text = f"{ROLE}陆文静表示：“北山大学教授何青指出，差距很大。我同意。”"
    assert found(text) == [("陆文静", ROLE, "北山大学教授何青指出，差距很大。我同意。")]


def test_citation_and_limit():
    pars = tagged("背景。", f"{ROLE}陆文静认为，基础不牢。她建议，加大投入。")
    voices = extract_voices(pars, limit=1)
    assert [v.citation for v in voices] == [Citation("a", 2)]
    with pytest.raises(ValueError, match="limit -2 is negative"):
        extract_voices(pars, limit=-2)


@pytest.mark.skipif(not SAMPLE.exists(), reason="needs ../shared")
def test_sample_page():
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    pars = [
        TaggedParagraph(Paragraph("a", i, "body", row["text"]), "x", 0.9)
        for i, row in enumerate(rows, 1)
        if row["kind"] == "body"
    ]
    voices = extract_voices(pars)
    texts = {par.paragraph.para: par.paragraph.text for par in pars}
    assert all(v.quote in texts[v.citation.para] and v.affiliation for v in voices)
    assert [v.speaker for v in voices] == (
        "李爱仙 李杨 邱灵 邱灵 王勇 单志广 李先军 马永生 白春礼 刘文强 刘文强 肖仰华 肖仰华 "
        "安筱鹏 安筱鹏 谭建荣 蒲松涛 蒲松涛 蒲松涛 周济 周济"
    ).split()


def test_an_announced_list_is_a_voice_only_with_its_points():
    said = "滨河学院教授卓听澜表示，地下水超采有以下三个原因。"
    assert found(said) == []
    points = "一是灌溉粗放。二是监测不足。三是水价偏低。"
    assert [quote for _, _, quote in found(said + points)] == [f"地下水超采有以下三个原因。{points}"]
    assert len(found("滨河学院教授卓听澜表示，全市有三个水厂年底投用。")) == 1


def test_what_is_only_named_is_not_what_was_said():
    text = "滨河学院教授卓听澜强调节水灌溉的重要性，他指出，每亩可省水一百立方米。"
    assert [quote for _, _, quote in found(text)] == ["每亩可省水一百立方米。"]
    assert found("滨河学院教授卓听澜提出“以水定产”的思路。") == []
