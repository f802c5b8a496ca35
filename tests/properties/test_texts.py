"""Nothing is lost or made up on the way from text to paragraphs, sentences and clauses."""

from __future__ import annotations

import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from policylens.data.errors import InputError
from policylens.data.read import read_document
from policylens.data.records import Block, Document
from policylens.data.reflow import reflow
from policylens.data.sentences import split_clauses, split_list_items, split_sentences
from policylens.infer.engines.clause_vectors import clause_spans

properties = settings.get_profile("properties")

# What lines of policy papers are made of, and what stands between and around them.
PIECES = (
    *(
        "一、",
        "（一）",
        "1.",
        "1．",
        "（1）",
        "①",
        "第一章 ",
        "第三条　",
        "一是",
        "第一，",
        "首先，",
        "附件1",
    ),
    *("总体要求", "关于加快绿色发展的意见", "省人民政府", "国发〔2024〕3号", "2024年5月6日", "附：", "附件1"),
    *(
        "本报记者 王芳",
        "新华社北京5月6日电",
        "图为车间一角",
        "（摄影：李明）",
        "责任编辑：张三",
        "来源：日报",
    ),
    *("来源：日报", "— 3 —", "第 3 页", "下转第二版", "相关链接", "打印", "表1", "会议强调：", "增长18.6%，"),
    *("加快建设绿色工厂，降低能耗。", "支持农民种植粮食", "严禁违规新增产能；", "“要抓紧落实！”他说，"),
    *("**重点任务**", "**", "***", "# ", "## 目标", "#", "- ", "• ", "> ", "|", "……", "——", "《条例》"),
    *("GDP growth of ", "policy", "AI", "http://a.cn/b?c=d", "3,456.7", "10:30", "A-1", "e.g. ", "['"),
    *("（以下简称“方案”）", "（", "）", "“", "”", "《", '"'),
)
SPACES = (" ", "　　", "\t", "\u00a0", "\u200b", "\ufeff", "  ", "\u2028", "\x0b", "\x85", "\x1c")
ENDS = ("\n", "\n\n", "\n\n\n", "\r\n", "\r", "\x0c", "\n　　", "\n    ")
USUAL = set("".join(PIECES)) | set(" 　\t\n\r\u00a0")

any_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
pieces = st.one_of(
    st.sampled_from(PIECES), st.sampled_from(PIECES), st.sampled_from(SPACES), st.sampled_from(ENDS), any_text
)
texts = st.lists(pieces, max_size=40).map("".join)
# Lines of one width are what unwrapping looks for.
wrapped = st.builds(
    lambda text, width, indent: "\n".join(
        " " * indent + text[at : at + width] for at in range(0, len(text), width)
    ),
    st.lists(st.sampled_from(PIECES), min_size=10, max_size=80).map("".join),
    st.integers(10, 45),
    st.sampled_from([0, 0, 2, 4]),
)
documents = st.one_of(texts, wrapped, st.tuples(wrapped, texts, wrapped).map("\n".join))


@st.composite
def with_blocks(draw: st.DrawFn) -> Document:
    """A document whose format marks some stretches as headings, tables and so on."""
    text = draw(documents)
    places = draw(st.lists(st.integers(0, len(text)), max_size=12).map(sorted))
    hints = st.sampled_from(["", "", "heading", "table", "caption", "furniture"])
    blocks = [
        Block(start, end, draw(hints), draw(st.integers(0, 3)))
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]
    title = draw(st.sampled_from(["", "关于加快绿色发展的意见", text[:20]]))
    return Document("d", text, title=title, blocks=tuple(blocks) if draw(st.booleans()) else ())


def body(text: str) -> str:
    return "".join(text.split())


def left_out(document: Document, spans: list[tuple[int, int]]) -> str:
    """What stands in no span, white space aside, with a line feed for each stretch that is covered."""
    found, at = [], 0
    for start, end in spans:
        found.append(document.text[at:start])
        at = end
    found.append(document.text[at:])
    return "\n".join(body(part) for part in found)


@properties
@given(with_blocks())
def test_reflow_keeps_every_body_character_in_order(document: Document) -> None:
    """The rule: put in order of their place, the spans of all paragraphs are the text.

    White space aside, and the marks `**` around bold stretches and `#` before headings, which are left out.
    """
    paragraphs = reflow(document)
    spans = sorted(span for paragraph in paragraphs for span in paragraph.spans)
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    for stretch in left_out(document, spans).split("\n"):
        assert re.fullmatch(r"(?:\*\*|#)*", stretch), stretch


@properties
@given(with_blocks())
def test_offsets_select_the_text_of_paragraphs(document: Document) -> None:
    paragraphs = reflow(document)
    assert [paragraph.para for paragraph in paragraphs] == list(range(1, len(paragraphs) + 1))
    for paragraph in paragraphs:
        pieces = [document.text[start:end] for start, end in paragraph.spans]
        assert list(paragraph.spans) == sorted(paragraph.spans)
        assert (paragraph.start, paragraph.end) == (paragraph.spans[0][0], paragraph.spans[-1][1])
        # Nothing stands between the pieces but the blank that parted two Latin words on two lines.
        assert re.fullmatch(" ?".join(map(re.escape, pieces)), paragraph.text), paragraph
        assert paragraph.text == paragraph.text.strip() != ""


@properties
@given(documents, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"]))
def test_offsets_select_the_text_whatever_the_encoding(text: str, encoding: str) -> None:
    """Or the file is refused: where it holds much else than policy papers do, its encoding is not guessed."""
    opening = "全省各地要继续做好绿色发展各项工作，支持农民种植粮食。\n"
    try:
        document = read_document("d.txt", data=(opening + text).encode(encoding))
    except InputError:
        assert set(text) - USUAL
        return
    expected = re.sub("\r\n?", "\n", opening + text)
    assert document.text == expected
    for paragraph in reflow(document):
        assert body("".join(expected[start:end] for start, end in paragraph.spans)) == body(paragraph.text)


@properties
@given(st.one_of(documents, any_text))
def test_sentences_concatenate_to_the_paragraph(text: str) -> None:
    spans = split_sentences(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))


@properties
@given(st.one_of(documents, any_text))
def test_clauses_and_items_concatenate_to_the_sentence(text: str) -> None:
    for spans in (split_clauses(text), clause_spans(text)):
        assert "".join(text[start:end] for start, end in spans) == text
        assert all(start < end for start, end in spans)
    lead, items = split_list_items(text)
    assert "".join(text[start:end] for start, end in (lead, *items)) == text
