from __future__ import annotations

import io

import pytest
from docx import Document

from policylens.data.records import (
    Citation,
    CitedSentence,
    Digest,
    Figure,
    Measure,
    Paragraph,
    TaggedParagraph,
    ThemeDigest,
    Voice,
)
from policylens.data.taxonomy import Label, Taxonomy
from policylens.infer.digests.compare_sets import compare_digests
from policylens.infer.reports.report_docx import render_docx
from policylens.infer.summary import Summary

TAXONOMY = Taxonomy(
    "t", "1", themes=(Label("water", "水利"),), stances=(Label("pro", "赞成"), Label("con", "反对"))
)
PLACE, OTHER = Citation("plan", 2), Citation("b", 1)
THEME = ThemeDigest(
    "water",
    3,
    2,
    {"pro": 3},
    (CitedSentence("修好水渠。", (PLACE,)), CitedSentence("保护水源。", (OTHER, PLACE))),
    (Figure("1.5万", "公里", "新建水渠", "新建水渠1.5万公里", PLACE, period="2024年"),),
    (Voice("陆文静", "水利所所长", "要先修水渠。", OTHER, stance="con"),),
    headline=CitedSentence("水渠先修好", (PLACE,)),
    measures=(Measure("《河湖条例》", "document", (OTHER,)),),
)
SOURCES = (
    TaggedParagraph(Paragraph("plan", 2, "body", "修好水渠。" * 40), "water", 0.9, stance="pro"),
    Paragraph("b", 1, "body", "保护\x00水源。"),
)
DIGEST = Digest((THEME,), 2, 4)


def read(summary: Summary) -> tuple[list[str], list[list[list[str]]]]:
    file = Document(io.BytesIO(render_docx(summary)))
    tables = [[[cell.text for cell in row.cells] for row in table.rows] for table in file.tables]
    return [par.text for par in file.paragraphs if par.text], tables


def test_docx_says_what_the_digest_says_and_numbers_its_sources():
    lines, tables = read(Summary(DIGEST, TAXONOMY, SOURCES))
    assert lines == [
        "政策内容摘要",
        "2 份文件，4 个段落，1 个主题。",
        "水利",
        "水渠先修好[1]",
        "3 段，2 份文件；立场：赞成 3",
        "修好水渠。[1]保护水源。[2,1]",
        "关键数据",
        "文件与行动",
        "《河湖条例》[2]",
        "谁说了什么",
        "陆文静（水利所所长；反对）：要先修水渠。[2]",
        "出处",
        "[1] plan ¶2：" + ("修好水渠。" * 40)[:80] + "……",
        "[2] b ¶1：保护�水源。",
    ]
    assert tables == [
        [["主题", "段落", "赞成", "反对"], ["水利", "3", "3", "0"]],
        [["指标", "数值", "时间", "出处"], ["新建水渠", "1.5万公里", "2024年", "[1]"]],
    ]


def test_docx_of_a_comparison():
    comparison = compare_digests(DIGEST, Digest(()), names=("2024", "2025"))
    lines, tables = read(Summary(DIGEST, TAXONOMY, SOURCES, comparison))
    assert lines[0] == "2024 与 2025" and "水利：消失" in lines
    assert tables[1] == [["主题", "变化", "2024", "2025"], ["水利", "消失", "75%", "0%"]]


def test_docx_of_nothing():
    assert read(Summary(Digest(()), TAXONOMY)) == (["政策内容摘要", "没有可以汇总的内容。"], [])


def test_chinese_text_has_a_chinese_font():
    file = Document(io.BytesIO(render_docx(Summary(DIGEST, TAXONOMY))))
    assert 'w:eastAsia="仿宋"' in file.styles["Normal"].element.xml


@pytest.mark.parametrize(("text", "shown"), [("\x0b\x1f", "��"), ("<w:p/>", "<w:p/>"), ("\ud800", "�")])
def test_text_that_xml_cannot_hold(text, shown):
    theme = ThemeDigest("water", 1, 1, {}, (CitedSentence(text, (PLACE,)),))
    lines, _ = read(Summary(Digest((theme,), 1, 1), TAXONOMY))
    assert lines[4] == f"{shown}[1]"
