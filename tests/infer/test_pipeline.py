import io
import json
import logging

import pytest

from policylens.data.errors import InputError, TaxonomyError
from policylens.data.read import InputFailure
from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer import pipeline

GREEN = "各地要推进绿色转型，三年内建成二十家绿色工厂，带动上下游企业一起降碳。"
LOAN = "银行发放贷款三百笔，平均利率比去年低一个百分点，企业普遍反映手续比过去简单。"


def records(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def document(path, *paragraphs):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
    return str(path)


def names(inputs):
    return [item.doc for item in pipeline.read_paragraphs([str(path) for path in inputs])]


def test_documents_are_reflowed_and_records_are_not(tmp_path):
    cut = GREEN[:20] + "\n" + GREEN[20:]
    text = document(tmp_path / "a.txt", cut)
    rows = records(tmp_path / "b.jsonl", {"text": GREEN[:20]}, {"text": GREEN[20:]})
    found = list(pipeline.read_paragraphs([text, rows]))
    assert [(p.doc, p.para, p.text) for p in found] == [
        ("a", 1, GREEN),
        ("b", 1, GREEN[:20]),
        ("b", 2, GREEN[20:]),
    ]
    assert [p.prev for p in found] == ["", "", ""]


def test_documents_of_the_same_name_get_their_own(tmp_path):
    paths = [
        tmp_path / "2023" / "报告.txt",
        tmp_path / "2024" / "报告.txt",
        tmp_path / "2024" / "报告.md",
        tmp_path / "别的.txt",
    ]
    for path in paths:
        document(path, GREEN)
    assert names(paths) == ["报告", "2024/报告", "报告 (2)", "别的"]


def test_a_name_that_a_record_gives_stays_and_is_not_given_again(tmp_path):
    rows = records(tmp_path / "tags.jsonl", {"doc": "报告", "para": 7, "text": GREEN})
    (tmp_path / "x").mkdir()
    assert names([rows, document(tmp_path / "x" / "报告.txt", GREEN)]) == ["报告", "x/报告"]


def test_a_broken_file_takes_no_name(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "报告.docx").write_bytes(b"PK no zip")
    failure, par = pipeline.read_paragraphs(
        [str(tmp_path / "a" / "报告.docx"), document(tmp_path / "a" / "报告.txt", GREEN)]
    )
    assert isinstance(failure, InputFailure)
    assert par.doc == "报告"


def test_bad_records_stand_in_their_places(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "甲。"}\n{"text": ""}\n{"text": "乙。"}\n', encoding="utf-8")
    first, failure, last = pipeline.read_paragraphs([str(path)])
    assert (first.text, last.text) == ("甲。", "乙。")
    assert failure == InputFailure(str(path), f"{path}, line 2: 'text' is empty", line=2, error="no_text")


def test_standard_input_may_be_text_or_records():
    text = pipeline.read_paragraphs(["-"], stdin=io.BytesIO(GREEN.encode()))
    rows = pipeline.read_paragraphs(["-"], stdin=io.BytesIO(json.dumps({"text": LOAN}).encode()))
    assert [(p.doc, p.text) for p in (*text, *rows)] == [("stdin", GREEN), ("stdin", LOAN)]


def test_tag_keeps_the_order_of_all_kinds(keyword_classifier):
    kinds = ["heading", "body", "caption", "pull_quote", "body", "furniture"]
    paragraphs = [Paragraph("d", n, kind, GREEN) for n, kind in enumerate(kinds, start=1)]
    found = list(pipeline.tag(paragraphs, keyword_classifier, all_kinds=True))
    assert [isinstance(item, TaggedParagraph) for item in found] == [False, True, False, False, True, False]
    assert [item.paragraph if isinstance(item, TaggedParagraph) else item for item in found] == paragraphs


def test_tag_leaves_other_kinds_out(keyword_classifier):
    paragraphs = [Paragraph("d", 1, "heading", GREEN), Paragraph("d", 2, "body", LOAN)]
    (found,) = pipeline.tag(paragraphs, keyword_classifier)
    assert (found.paragraph.para, found.theme) == (2, "finance")


def test_tag_streams(keyword_classifier):
    taken = []

    def endless():
        for n in range(1, 1_000_000):
            taken.append(n)
            yield Paragraph("d", n, "body", GREEN)

    assert next(pipeline.tag(endless(), keyword_classifier)).paragraph.para == 1
    assert taken == [1]


def test_failures_are_reported_and_the_rest_is_tagged(tmp_path, keyword_classifier):
    failures = []
    found = pipeline.classify_inputs(
        [str(tmp_path / "none.txt"), document(tmp_path / "a.txt", GREEN)],
        keyword_classifier,
        on_failure=failures.append,
    )
    assert [item.theme for item in found] == ["green"]
    assert [failure.path for failure in failures] == [str(tmp_path / "none.txt")]


def test_nothing_readable_is_an_error(tmp_path, keyword_classifier):
    with pytest.raises(InputError, match="no input could be read"):
        list(pipeline.classify_inputs([str(tmp_path / "none.txt")], keyword_classifier))


def test_summarize_classifies_only_what_has_no_tags(tmp_path, loads):
    path = records(
        tmp_path / "a.jsonl",
        {"text": GREEN, "theme": "sme", "stance": "concern"},
        {"text": LOAN, "theme": None, "stance": None},
        {"text": GREEN},
    )
    summary = pipeline.summarize_inputs([path], device="cpu")
    assert loads.calls == [(None, "cpu")]
    assert loads.classifier.seen == [LOAN, GREEN]
    # Equal numbers of paragraphs: the order of the taxonomy decides.
    assert [(t.theme, dict(t.stances)) for t in summary.digest.themes] == [
        ("green", {"support": 1}),
        ("sme", {"concern": 1}),
        ("finance", {"neutral": 1}),
    ]
    places = {t.theme: t.sentences[0].citations[0].para for t in summary.digest.themes}
    assert places == {"sme": 1, "finance": 2, "green": 3}


def test_summarize_checks_themes_before_it_reads(tmp_path, loads):
    with pytest.raises(TaxonomyError, match="did you mean 'green'"):
        pipeline.summarize_inputs([str(tmp_path / "none.txt")], themes=["gren"])
    assert loads.calls == []


def test_two_paragraphs_of_one_place_are_warned_of(tmp_path, loads, caplog):
    tags = {"doc": "报告", "para": 2, "theme": "green", "stance": "support", "text": GREEN}
    paths = [records(tmp_path / "2023.jsonl", tags), records(tmp_path / "2024.jsonl", tags)]
    with caplog.at_level(logging.WARNING):
        pipeline.summarize_inputs(paths)
    assert "1 places name more than one paragraph, e.g. 报告 ¶2" in caplog.text
