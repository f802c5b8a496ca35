from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from policylens.data.errors import TaxonomyError
from policylens.data.records import (
    Amount,
    Citation,
    CitedSentence,
    Conflict,
    Difference,
    Digest,
    Figure,
    Measure,
    SubTopic,
    ThemeDigest,
    Voice,
)
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.digests.compare_sets import compare_digests
from policylens.infer.reports.report import render_json, render_markdown
from policylens.infer.reports.report_page import render_html

TAXONOMY = Taxonomy(
    "t",
    "1",
    themes=(Label("water", "水利"), Label("road", "道路")),
    stances=(Label("pro", "赞成"), Label("con", "反对")),
)
THEME = ThemeDigest(
    theme="water",
    paragraphs=3,
    documents=2,
    stances={"pro": 2, "con": 1},
    sentences=(
        CitedSentence("修好水渠。", (Citation("plan_a", 2),)),
        CitedSentence("保护水源。", (Citation("plan_a", 3), Citation("plan_a", 5), Citation("b", 1))),
    ),
    figures=(Figure("1.5万", "公里", "新建水渠", "新建水渠1.5万公里", Citation("plan_a", 2)),),
    voices=(Voice("陆文静", "水利所所长", "要先修水渠。", Citation("b", 1)),),
)
DIGEST = Digest((THEME,), documents=2, paragraphs=4)

EVIL = "<script>alert(1)</script> & a|b *粗* [x](http://y) `c` _d_"
EVIL_DIGEST = Digest(
    (
        ThemeDigest(
            "road",
            1,
            1,
            {},
            (CitedSentence(EVIL, (Citation("<b>|", 1),)),),
            (Figure("1", "%", EVIL, EVIL, Citation("<b>|", 1)),),
            (Voice("<i>", EVIL, EVIL, Citation("<b>|", 1)),),
        ),
    ),
    1,
    1,
)


def test_markdown():
    assert render_markdown(DIGEST, taxonomy=TAXONOMY) == (
        "# 政策内容摘要\n"
        "\n"
        "2 份文件，4 个段落，1 个主题。\n"
        "\n"
        "## 水利 (water)\n"
        "\n"
        "3 段，2 份文件；立场：赞成 2、反对 1\n"
        "\n"
        "修好水渠。 [plan_a ¶2]\n"
        "保护水源。 [plan_a ¶3、¶5；b ¶1]\n"
        "\n"
        "### 关键数据\n"
        "\n"
        "| 指标 | 数值 | 时间 | 原文 | 出处 |\n"
        "| --- | ---: | --- | --- | --- |\n"
        "| 新建水渠 | 1.5万公里 |  | 新建水渠1.5万公里 | plan_a ¶2 |\n"
        "\n"
        "### 谁说了什么\n"
        "\n"
        "- **陆文静**（水利所所长）：要先修水渠。 [b ¶1]\n"
    )


def test_markdown_escapes_markup_of_the_sources():
    lines = render_markdown(EVIL_DIGEST, taxonomy=TAXONOMY).splitlines()
    assert lines[8] == (
        "&lt;script&gt;alert(1)&lt;/script&gt; "
        "&amp; a\\|b \\*粗\\* \\[x\\](http://y) \\`c\\` \\_d\\_ [&lt;b&gt;\\| ¶1]"
    )
    row = next(line for line in lines if line.startswith("| &lt;script"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. 总则", "1\\. 总则"),
        ("1.5万家", "1.5万家"),
        ("# 标题", "\\# 标题"),
        ("- 条目", "\\- 条目"),
        ("-5%", "-5%"),
        ("一\n二", "一 二"),
    ],
)
def test_markdown_escapes_block_markup_at_the_start_of_a_line(text, expected):
    theme = ThemeDigest("road", 1, 1, {}, (CitedSentence(text, (Citation("a", 1),)),))
    assert f"\n{expected} [a ¶1]\n" in render_markdown(Digest((theme,), 1, 1), taxonomy=TAXONOMY)


def test_json():
    assert json.loads(render_json(DIGEST, taxonomy=TAXONOMY)) == {
        "themes": [
            {
                "theme": "water",
                "theme_name": "水利",
                "paragraphs": 3,
                "documents": 2,
                "stances": {"pro": 2, "con": 1},
                "headline": None,
                "subtopics": [],
                "measures": [],
                "differences": [],
                "digest": "修好水渠。保护水源。",
                "sentences": [
                    {"text": "修好水渠。", "doc": "plan_a", "para": 2},
                    {
                        "text": "保护水源。",
                        "doc": "plan_a",
                        "para": 3,
                        "citations": [
                            {"doc": "plan_a", "para": 3},
                            {"doc": "plan_a", "para": 5},
                            {"doc": "b", "para": 1},
                        ],
                    },
                ],
                "figures": [
                    {
                        "value": "1.5万",
                        "unit": "公里",
                        "shown": "1.5万公里",
                        "measure": "新建水渠",
                        "text": "新建水渠1.5万公里",
                        "doc": "plan_a",
                        "para": 2,
                        "period": "",
                        "subject": "",
                        "change": "",
                        "amount": None,
                    }
                ],
                "voices": [
                    {
                        "speaker": "陆文静",
                        "affiliation": "水利所所长",
                        "quote": "要先修水渠。",
                        "doc": "b",
                        "para": 1,
                        "organisation": "",
                        "role": "",
                        "stance": "",
                        "short": "",
                    }
                ],
            }
        ],
        "conflicts": [],
    }


def test_json_is_readable_chinese_indented_by_two():
    text = render_json(DIGEST, taxonomy=TAXONOMY)
    assert text.startswith('{\n  "themes": [\n    {\n      "theme": "water",\n      "theme_name": "水利",')
    assert text.endswith("}\n")


RICH = replace(
    THEME,
    figures=(
        Figure(
            "1.5万",
            "公里",
            "新建水渠",
            "新建水渠1.5万公里",
            Citation("plan_a", 2),
            "2024年",
            "新建水渠",
            "",
            Amount(15000, 15000, "公里"),
            (Citation("b", 1),),
        ),
    ),
    voices=(
        Voice(
            "陆文静",
            "水利所所长",
            "要先修水渠，再说别的。",
            Citation("b", 1),
            "水利所",
            "所长",
            "pro",
            "要先修水渠",
        ),
    ),
    headline=CitedSentence("水渠先修好", (Citation("plan_a", 2),)),
    subtopics=(SubTopic("修渠", (Citation("plan_a", 2), Citation("plan_a", 3))),),
    measures=(Measure("《河湖条例》", "document", (Citation("b", 1),)),),
    differences=(Difference("b", ("《河湖条例》",), ("护源",)),),
)
RICH_DIGEST = Digest((RICH,), 2, 4, (Conflict("水渠长度", "2024年", RICH.figures),))


def test_markdown_of_the_whole_structure():
    lines = render_markdown(RICH_DIGEST, taxonomy=TAXONOMY).splitlines()
    assert lines[6] == "**水渠先修好** [plan_a ¶2]"
    for line in (
        "- 修渠（2 段） [plan_a ¶2、¶3]",
        "| 新建水渠 | 1.5万公里 | 2024年 | 新建水渠1.5万公里 | plan_a ¶2；b ¶1 |",
        "- 《河湖条例》 [b ¶1]",
        "- **陆文静**（水利所所长；赞成）：要先修水渠…… [b ¶1]",
        "- **b** 只有它提到：《河湖条例》；只有它谈到：护源",
        "- 水渠长度（2024年）：1.5万公里 \\[plan_a ¶2；b ¶1\\]",
    ):
        assert line in lines


def test_json_of_the_whole_structure():
    report = json.loads(render_json(RICH_DIGEST, taxonomy=TAXONOMY))
    (theme,) = report["themes"]
    assert theme["headline"] == {"text": "水渠先修好", "doc": "plan_a", "para": 2}
    assert theme["subtopics"][0]["paragraphs"][1] == {"doc": "plan_a", "para": 3}
    assert theme["measures"] == [{"name": "《河湖条例》", "kind": "document", "doc": "b", "para": 1}]
    assert theme["differences"] == [{"doc": "b", "measures": ["《河湖条例》"], "subtopics": ["护源"]}]
    assert theme["figures"][0]["amount"] == {
        "low": 15000,
        "high": 15000,
        "unit": "公里",
        "approximate": False,
    }
    assert len(theme["figures"][0]["citations"]) == 2
    assert report["conflicts"][0]["subject"] == "水渠长度"


def test_comparison_in_markdown_and_json():
    comparison = compare_digests(RICH_DIGEST, Digest((replace(RICH, measures=()),), 1, 4), names=("A|", "B"))
    lines = render_markdown(RICH_DIGEST, taxonomy=TAXONOMY, comparison=comparison).splitlines()
    assert lines[0] == "# A\\| 与 B"
    assert "| 水利 | 持平 | 75% | 75% |" in lines
    assert "- 不再提到：《河湖条例》" in lines
    report = json.loads(render_json(RICH_DIGEST, taxonomy=TAXONOMY, comparison=comparison))["comparison"]
    assert report["names"] == ["A|", "B"]
    assert report["themes"][0]["trend"] == "steady"
    assert report["themes"][0]["gone_measures"] == ["《河湖条例》"]
    assert report["before"]["themes"][0]["theme"] == "water"


def test_empty_digest():
    assert render_markdown(Digest(()), taxonomy=TAXONOMY) == "# 政策内容摘要\n\n没有可以汇总的内容。\n"
    assert json.loads(render_json(Digest(()), taxonomy=TAXONOMY)) == {"themes": [], "conflicts": []}


@pytest.mark.parametrize("render", [render_html, render_json, render_markdown])
def test_taxonomy_without_stances_and_unknown_theme(render):
    plain = Taxonomy("t", "1", themes=(Label("water", "水利"),))
    theme = ThemeDigest("water", 1, 1, {}, (CitedSentence("修渠。", (Citation("a", 1),)),))
    assert "修渠。" in render(Digest((theme,), 1, 1), taxonomy=plain)
    with pytest.raises(TaxonomyError, match="road"):
        render(EVIL_DIGEST, taxonomy=plain)
