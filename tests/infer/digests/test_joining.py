from policylens.data.records import Citation, Paragraph, TaggedParagraph
from policylens.infer.digest import digest_paragraphs
from policylens.infer.digests.candidates import read_candidates
from policylens.infer.digests.joining import print_digest, units_of, without_named_meetings
from policylens.infer.digests.repair import is_well_formed


def par(text, number=1, *, doc="a", stance="support"):
    return TaggedParagraph(
        Paragraph(doc, number, "body", text), "green", 0.9, stance=stance, stance_score=0.9
    )


def printed(*tagged):
    candidates, units = read_candidates(tagged), units_of(tagged)
    everything = range(len(candidates))
    return print_digest(without_named_meetings(candidates, units), everything, tagged, units)


def texts(*tagged):
    return [sentence.text for sentence in printed(*tagged)]


def test_what_a_province_says_is_one_sentence_under_its_name():
    jilin, hunan = "2026年吉林省政府工作报告", "湖南2026年政府工作报告"
    sentences = printed(
        par("新建充电桩2万个。", 3, doc=jilin),
        par("淘汰落后产能300万吨。", 5, doc=jilin),
        par("我省完成节能改造项目40个。", 7, doc=hunan),
    )
    assert [sentence.text for sentence in sentences] == [
        "吉林新建充电桩2万个；淘汰落后产能300万吨。",
        "湖南完成节能改造项目40个。",
    ]
    assert sentences[0].citations == (Citation(jilin, 3), Citation(jilin, 5))


def test_a_sentence_that_names_its_province_is_left_as_it_is():
    assert texts(par("今年吉林新建充电桩2万个。", doc="2026年吉林省政府工作报告")) == [
        "今年吉林新建充电桩2万个。"
    ]


def test_years_are_named_only_where_there_are_several_sources():
    old, new = "1980年政府工作报告", "2015年政府工作报告"
    assert texts(par("改造烧油电站250万吨。", doc=old)) == ["改造烧油电站250万吨。"]
    assert texts(par("改造烧油电站250万吨。", doc=old), par("淘汰黄标车200万辆。", doc=new)) == [
        "1980年政府工作报告：改造烧油电站250万吨。",
        "2015年政府工作报告：淘汰黄标车200万辆。",
    ]


def test_what_has_no_name_comes_before_what_has_one():
    named = par("新建充电桩2万个。", doc="2026年吉林省政府工作报告")
    plain = par("全国完成节能改造项目400个。", doc="news")
    assert texts(named, plain) == ["全国完成节能改造项目400个。", "吉林新建充电桩2万个。"]


def test_a_speaker_is_carried_to_the_sentences_that_go_on():
    said = par("李强在调研时指出，绿色转型是大势所趋。要加快淘汰落后产能300万吨。", doc="news")
    candidates, units = read_candidates([said]), units_of([said])
    last = [at for at, candidate in enumerate(candidates) if candidate.sentence == 1]
    sentences = print_digest(candidates, last, [said], units)
    assert [s.text for s in sentences] == ["李强在调研时指出，要加快淘汰落后产能300万吨。"]


def test_a_pronoun_takes_the_only_name_before_it():
    said = par("李强充分肯定企业的做法和成效。他强调，企业要加快节能改造步伐。", doc="news")
    sentences = [c.clause.text for c in read_candidates([said]) if c.sentence == 1]
    assert sentences == ["李强强调", "企业要加快节能改造步伐"]
    two = par("李强会见了张伟强调合作。他强调，企业要加快节能改造步伐。", doc="news")
    assert all(c.clause.text != "李强强调" for c in read_candidates([two]))


def test_a_meeting_speaks_once_and_not_under_its_own_name():
    anonymous = [
        par("会议指出，要加快淘汰落后产能300万吨。", 1, doc="会议审议通过了关于节能的意见"),
        par("会议指出，要完成节能改造项目400个。", 2, doc="会议审议通过了关于节能的意见"),
    ]
    verbs = [at for at, c in enumerate(read_candidates(anonymous)) if c.number == 1]
    candidates, units = read_candidates(anonymous), units_of(anonymous)
    sentences = print_digest(candidates, verbs, anonymous, units)
    assert (
        "".join(s.text for s in sentences) == "会议指出，要加快淘汰落后产能300万吨。要完成节能改造项目400个。"
    )
    council = [
        par("会议指出，要加快淘汰落后产能300万吨。", doc="李克强主持召开国务院常务会议部署节能"),
        par("完成节能改造项目400个。", doc="news"),
    ]
    candidates, units = read_candidates(council), units_of(council)
    chosen = [at for at, c in enumerate(candidates) if c.clause.text != "会议指出"]
    sentences = print_digest(without_named_meetings(candidates, units), chosen, council, units)
    assert [s.text for s in sentences][-1] == "国务院常务会议：要加快淘汰落后产能300万吨。"


def test_a_place_in_a_name_is_not_the_source():
    doc = "重庆2026年政府工作报告"
    assert texts(par("挂牌重庆大学汽车学院3家。", doc=doc)) == ["重庆挂牌重庆大学汽车学院3家。"]
    assert texts(par("京津冀协同发展新建项目3个。", doc="河北2026年政府工作报告")) == [
        "河北：京津冀协同发展新建项目3个。"
    ]


def test_names_count_towards_the_budget():
    tagged = [
        par("新建充电桩2万个。", 3, doc="2026年吉林省政府工作报告"),
        par("完成节能改造项目40个。", 7, doc="湖南2026年政府工作报告"),
    ]
    for max_chars in range(8, 40):
        text = "".join(s.text for s in digest_paragraphs(tagged, max_chars=max_chars))
        assert len(text) <= max_chars


def test_a_sentence_that_only_adds_follows_a_comma():
    tagged = par("资金由市财政承担，年底前拨付三千万元。并专项用于供水管网的改造。")
    (sentence,) = texts(tagged)
    assert sentence == "资金由市财政承担，年底前拨付三千万元，并专项用于供水管网的改造。"


def test_conditions_below_a_name_are_not_said_of_it():
    tagged = (
        par("符合全省农业科技发展的规划和政策。", doc="河北2026年政府工作报告"),
        par("新建冷链仓库三百座，补助六千万元。", doc="湖南2026年政府工作报告"),
    )
    assert "河北：符合全省农业科技发展的规划和政策。" in texts(*tagged)


def test_a_duty_note_at_the_head_of_a_sentence_is_left_out():
    tagged = par("（责任单位：市水利局）加强河道治理，完成清淤三百公里。")
    assert texts(tagged) == ["加强河道治理，完成清淤三百公里。"]


def test_a_heading_with_a_date_is_no_sentence():
    assert not is_well_formed("组织实施阶段（2026年3月至6月）。")
    assert is_well_formed("完成河道清淤三百公里（2026年3月至6月）。")
