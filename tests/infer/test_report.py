from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from policylens.data.errors import TaxonomyError
from policylens.data.records import Citation, CitedSentence, Digest, Figure, ThemeDigest, Voice
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.report import render_html, render_json, render_markdown

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
        "| 指标 | 数值 | 原文 | 出处 |\n"
        "| --- | ---: | --- | --- |\n"
        "| 新建水渠 | 1.5万公里 | 新建水渠1.5万公里 | plan_a ¶2 |\n"
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
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


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
                        "measure": "新建水渠",
                        "text": "新建水渠1.5万公里",
                        "doc": "plan_a",
                        "para": 2,
                    }
                ],
                "voices": [
                    {
                        "speaker": "陆文静",
                        "affiliation": "水利所所长",
                        "quote": "要先修水渠。",
                        "doc": "b",
                        "para": 1,
                    }
                ],
            }
        ]
    }


def test_json_is_readable_chinese_indented_by_two():
    text = render_json(DIGEST, taxonomy=TAXONOMY)
    assert text.startswith('{\n  "themes": [\n    {\n      "theme": "water",\n      "theme_name": "水利",')
    assert text.endswith("}\n")


class Page(HTMLParser):
    """Collects tags and text, and fails on tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style" and data.strip():
            self.words.append(data.strip())


def test_html_shows_everything_once():
    page = Page(render_html(DIGEST, taxonomy=TAXONOMY))
    assert ("lang", "zh-CN") in page.attributes
    assert page.words == (
        "政策内容摘要 政策内容摘要 2◦份文件，4◦个段落，1◦个主题。 主题 段落 赞成 反对 水利 3 2 1 "
        "水利 water 3◦段，2◦份文件 赞成◦2 反对◦1 "
        "修好水渠。 [plan_a◦¶2] 保护水源。 [plan_a◦¶3、¶5；b◦¶1] "
        "关键数据 1.5万 公里 新建水渠 新建水渠1.5万公里 [plan_a◦¶2] "
        "谁说了什么 陆文静 水利所所长 要先修水渠。 [b◦¶1]"
    ).replace(" ", "\0").replace("◦", " ").split("\0")


def test_html_escapes_the_sources_and_needs_no_network():
    html = render_html(EVIL_DIGEST, taxonomy=TAXONOMY)
    page = Page(html)
    assert "script" not in page.tags
    assert not {"src", "onload", "onclick"} & {name for name, _ in page.attributes}
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert "url(" not in html and "@import" not in html
    assert page.words.count(EVIL) == 5


def test_empty_digest():
    assert render_markdown(Digest(()), taxonomy=TAXONOMY) == "# 政策内容摘要\n\n没有可以汇总的内容。\n"
    assert json.loads(render_json(Digest(()), taxonomy=TAXONOMY)) == {"themes": []}
    assert "没有可以汇总的内容。" in Page(render_html(Digest(()), taxonomy=TAXONOMY)).words


@pytest.mark.parametrize("render", [render_html, render_json, render_markdown])
def test_taxonomy_without_stances_and_unknown_theme(render):
    plain = Taxonomy("t", "1", themes=(Label("water", "水利"),))
    theme = ThemeDigest("water", 1, 1, {}, (CitedSentence("修渠。", (Citation("a", 1),)),))
    assert "修渠。" in render(Digest((theme,), 1, 1), taxonomy=plain)
    with pytest.raises(TaxonomyError, match="road"):
        render(EVIL_DIGEST, taxonomy=plain)
