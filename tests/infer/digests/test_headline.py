"""Which clauses are no headline."""

import pytest

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.digests.headline import find_headline

NEWS = "全市完成供水管网改造三百公里"


@pytest.mark.parametrize(
    "empty",
    [
        "市长岑予安6月9日主持召开供水管网改造会议",
        "符合全市供水管网改造规划和政策",
        "侵害供水管网改造单位合法权益的",
        "负有供水管网改造职责的相关单位",
        "供水管网改造情况",
    ],
)
def test_events_conditions_and_labels_are_no_headline(empty):
    tagged = [
        TaggedParagraph(Paragraph("a", number, "body", f"{text}。"), "water", 0.9)
        for number, text in enumerate((empty, NEWS), 1)
    ]
    headline = find_headline(tagged)
    assert headline is not None
    assert headline.text == NEWS


def test_what_a_demand_is_for_is_no_headline():
    sentence = "要加快补齐短板，推动全市供水管网改造提速，必须抓住检漏这个关键。"
    tagged = [
        TaggedParagraph(Paragraph("a", number, "body", text), "water", 0.9)
        for number, text in enumerate((sentence, f"{NEWS}。"), 1)
    ]
    headline = find_headline(tagged)
    assert headline is not None
    assert headline.text == NEWS
