"""Exact paragraphs of whole pages, and the behaviours that no page may break."""

import json
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policylens.data.read import read_document
from policylens.data.records import Block, Document
from policylens.data.reflow import reflow

ROOT = Path(__file__).parents[2]
PAGES = Path(__file__).parent / "pages"
SHARED = ROOT.parent / "shared" / "samples"
SAMPLE = ROOT / "data" / "samples" / "binhe_industry_conference.txt"


def read_rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def page(text, **fields):
    return reflow(Document("page", text, **fields))


def kinds(text, **fields):
    return [(par.kind, par.text) for par in page(text, **fields)]


@pytest.mark.parametrize("expected", sorted(PAGES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_page_gives_exactly_these_paragraphs(expected):
    formats = [expected.with_suffix(suffix) for suffix in (".txt", ".html", ".pdf")]
    source = SAMPLE if expected.stem == SAMPLE.stem else next(path for path in formats if path.exists())
    if source.suffix == ".pdf":
        pytest.importorskip("pypdfium2")
    found = reflow(read_document(source))
    rows = [(row["kind"], row["heading_path"], row["text"]) for row in read_rows(expected)]
    assert [(par.kind, list(par.heading_path), par.text) for par in found] == rows


def test_shared_newspaper_page():
    source = SHARED / "work_conference_2025.txt"
    if not source.exists():
        pytest.skip("shared samples are not beside the repository")
    rows = [
        (row["kind"], row["heading"], row["text"])
        for row in read_rows(SHARED / "work_conference_2025.paragraphs.jsonl")
    ]
    found = page(source.read_text(encoding="utf-8"))
    assert [(par.kind, par.heading, par.text) for par in found] == rows


def test_sample_shows_every_kind_of_damage():
    found = page(SAMPLE.read_text(encoding="utf-8"))
    count = Counter(par.kind for par in found)
    assert (count["heading"], count["byline"], count["caption"], count["pull_quote"]) == (3, 3, 3, 3)
    assert sum(len(par.spans) > 1 for par in found if par.kind == "body") >= 5


def test_title_of_an_official_letter_runs_over_lines():
    found = page((PAGES / "official_notice.txt").read_text(encoding="utf-8"))
    title = "滨河市人民政府办公室关于印发滨河市工业厂房更新利用三年行动方案的通知"
    assert {par.title for par in found} == {title}


def test_web_page_blocks_are_trusted():
    parts = [
        ("heading", 1, "港口夜间作业新规"),
        ("", 0, "发布时间：2025-06-03 10:20"),
        ("", 0, "为减少夜间噪声，港区自七月起调整装卸时段。"),
        ("heading", 2, "时段"),
        ("", 0, "每日二十二时至次日六时，禁止使用柴油吊机"),
        ("caption", 0, "电动吊机正在装船"),
        ("", 0, "作业，电动吊机不受限制。"),
        ("table", 0, "泊位 时段\n一号 全天"),
        ("", 0, "分享到："),
    ]
    text, blocks = "", []
    for hint, level, part in parts:
        blocks.append(Block(len(text), len(text) + len(part), hint, level))
        text += part + "\n\n"
    found = page(text, blocks=tuple(blocks))
    assert [(par.kind, par.heading_path, par.text) for par in found] == [
        ("heading", (), "港口夜间作业新规"),
        ("furniture", (), "发布时间：2025-06-03 10:20"),
        ("body", (), "为减少夜间噪声，港区自七月起调整装卸时段。"),
        ("heading", (), "时段"),
        ("body", ("时段",), "每日二十二时至次日六时，禁止使用柴油吊机作业，电动吊机不受限制。"),
        ("caption", ("时段",), "电动吊机正在装船"),
        ("furniture", ("时段",), "泊位 时段"),
        ("furniture", ("时段",), "一号 全天"),
        ("furniture", ("时段",), "分享到："),
    ]
    assert {par.title for par in found} == {"港口夜间作业新规"}


def test_given_title_wins():
    found = page("旧城改造手记\n\n老城墙根下的店铺换了新招牌。\n", title="旧城改造手记")
    assert [(par.kind, par.heading, par.title) for par in found] == [
        ("heading", "", "旧城改造手记"),
        ("body", "", "旧城改造手记"),
    ]


def test_complete_paragraphs_are_never_joined():
    text = "河堤已经修好。\n\n图为新修的河堤\n\n村民们又能在堤上散步了。\n"
    assert kinds(text) == [
        ("body", "河堤已经修好。"),
        ("caption", "图为新修的河堤"),
        ("body", "村民们又能在堤上散步了。"),
    ]


def test_colon_before_a_list_does_not_join():
    text = "申请人需要提交下列材料：\n（一）营业执照；\n（二）贷款合同。\n"
    assert [par.text for par in page(text)] == text.split("\n")[:-1]


def test_open_items_of_a_list_stay_apart():
    items = [f"支持企业{what}，最高补助三百万元" for what in ("技术改造", "设立研发机构", "引进人才")]
    assert [par.text for par in page("\n".join(items))] == items


def test_repeated_paragraph_in_plain_prose_is_kept():
    refrain = "河水记得每一条船的分量，也记得每一个摆渡的人。"
    text = f"{refrain}\n他说完这句话，就把船推进了芦苇。\n{refrain}\n后来的人都这样说。\n"
    assert [par.kind for par in page(text)] == ["body"] * 4


def test_quote_across_a_column_break_is_closed():
    text = "“机器换了，工艺、班组和考核办法都要跟着变。”他说，“一切都\n\n要从头学起。”车间里很安静。\n"
    assert kinds(text) == [("body", text.replace("\n", ""))]


def test_latin_words_get_their_space_back_and_chinese_none():
    text = (
        "　　The pilot zone covers twelve routes and every route\n"
        "is open to small firms, which pay by the hour for each\n"
        "flight and share the weather data of all the others.\n"
    )
    assert [par.text for par in page(text)] == [" ".join(text.split())]


def test_offsets_point_to_the_pieces():
    text = "　　三条新产\n\n图为新产线\n\n线正在试车，**明年**投产，首批设备已经到位。\n"
    found = page(text)
    body = found[0]
    assert body.text == "三条新产线正在试车，明年投产，首批设备已经到位。"
    assert [text[start:end] for start, end in body.spans] == [
        "三条新产", "线正在试车，", "明年", "投产，首批设备已经到位。",
    ]  # fmt: skip
    assert (body.start, body.end) == (2, text.rindex("。") + 1)


def test_previous_paragraph_is_of_the_same_section():
    text = "# 甲地\n\n堤岸修好了。\n\n厂房建好了。\n\n# 乙地\n\n工人招齐了。\n"
    assert [par.prev for par in page(text) if par.kind == "body"] == ["", "堤岸修好了。", ""]


@pytest.mark.parametrize("text", ["", "\n\n　　\n", "\ufeff", "。", "**", "#", "\x0c"])
def test_degenerate_texts(text):
    assert "".join(par.text for par in page(text)).strip("\ufeff。*#") == ""


_PIECES = st.sampled_from(
    [
        *(
            "堤岸修好了。",
            "三条新产",
            "线正在试车，",
            "图为新产线",
            "本报记者 岑予安",
            "一、总体要求",
            "（一）摸清家底",
        ),
        *("第三条　", "**18.6%**", "2025年4月18日", "附件：", "各区人民政府：", "目录", "A word", "— 3 —"),
        *("\n", "\n\n", "　　", " ", "\t", "\x0c", "# ", "|", "“", "”", "**"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=120))
def test_no_character_is_lost_or_doubled(text):
    found = page(text)
    covered = [position for par in found for start, end in par.spans for position in range(start, end)]
    assert len(covered) == len(set(covered))
    lost = "".join(char for position, char in enumerate(text) if position not in set(covered))
    assert re.sub(r"[\s*#]+", "", lost) == ""
    for number, par in enumerate(found, start=1):
        assert par.para == number
        assert list(par.spans) == sorted(par.spans)
        assert (par.start, par.end) == (par.spans[0][0], par.spans[-1][1])
        joined = "".join(text[start:end] for start, end in par.spans)
        assert "".join(par.text.split()) == "".join(joined.split())


def test_long_documents_take_linear_time():
    paragraph = "　　全市工业厂房更新工作进展顺利，已经完成普查的片区达到十二个，其余片区将在年底前完成。\n"
    text = "".join(paragraph.replace("十二", str(number)) for number in range(6000))
    begin = time.process_time()
    assert len(page(text)) == 6000
    assert time.process_time() - begin < 10  # about 0.5 s of one core; quadratic work takes minutes
