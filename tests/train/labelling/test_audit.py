"""The audit: each kind of mistake is found where it was put, and nothing else is."""

from __future__ import annotations

import html
import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from policylens.infer.messages import Language, translated, use_language
from policylens.train.labelling.agreement import agreement_of, krippendorff_alpha
from policylens.train.labelling.audit import _CONFLICTS, _DOUBTS, AuditConfig, audit
from policylens.train.labelling.audit_report import findings_bytes, to_html, to_json, to_text
from policylens.train.labelling.audit_rows import read_audit_rows
from policylens.train.labelling.duplicates import near_duplicates
from policylens.train.labelling.suspects import rank_labels

LABELED = Path(__file__).parents[3] / "data" / "labeled"
LONG = "推进绿色低碳转型，支持企业实施节能降碳改造，到明年底单位能耗下降百分之三。"
QUIET = AuditConfig(suspects=False)


def read(tmp_path, train, dev=(), **options):
    files = []
    for name, rows in (("train", train), ("dev", dev)):
        if rows:
            files.append(tmp_path / f"{name}.jsonl")
            files[-1].write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return read_audit_rows(files[:1], files[1:], **options)


def row(text, theme="green", **fields):
    return {"text": text, "theme": theme, "stance": "support", **fields}


def found(rows, kind, config=QUIET):
    return [(Path(item.file).stem, item.line, item.suggestion) for item in audit(rows, config).of_kind(kind)]


def test_rows_that_cannot_be_trained_on(tmp_path):
    rows = read(tmp_path, [row("甲"), row("  "), row("乙", "gren"), {"text": "丙"}, row("丁", confidence=9)])
    report = audit(rows, QUIET)
    assert [(item.line, item.message) for item in report.of_kind("unusable")] == [
        (2, "no text in the field 'text'; fields: text, theme, stance"),
        (3, "unknown theme 'gren'; did you mean 'green' (绿色低碳与生态环境)?"),
        (4, "no theme"),
        (5, "the field 'confidence' is 9; expected 1, 2 or 3"),
    ]
    assert (report.files[0].rows, report.files[0].usable) == (5, 1)


def test_copies_within_and_across_splits(tmp_path):
    rows = read(tmp_path, [row("甲乙丙"), row("甲 乙\n丙"), row("丁")], [row("丁"), row("戊"), row("戊")])
    assert found(rows, "duplicate") == [("train", 2, ""), ("dev", 3, "")]
    assert found(rows, "duplicate_across") == [("dev", 1, "")]
    assert audit(rows, QUIET).of_kind("duplicate_across")[0].other.endswith("train.jsonl:3")


def test_near_copies(tmp_path):
    changed = LONG.replace("百分之三", "百分之五")
    rows = read(tmp_path, [row(LONG), row("毫不相干的另一段话，讲的是农田水利建设。")], [row(changed, "sme")])
    (item,) = audit(rows, QUIET).of_kind("near_duplicate_across")
    assert (item.line, item.other.rsplit(":", 1)[1]) == (1, "1")
    assert "the theme is not (sme, there green)" in item.message
    assert found(rows, "near_duplicate") == []


def test_copies_with_other_labels_get_the_usual_one(tmp_path):
    rows = read(tmp_path, [row("甲"), row("甲"), row("甲", "sme"), row("乙", stance="neutral"), row("乙")])
    report = audit(rows, QUIET)
    items = [(item.line, item.head, item.label, item.suggestion) for item in report.of_kind("conflict")]
    assert items == [
        (3, "theme", "sme", "green"),
        (4, "stance", "neutral", ""),
        (5, "stance", "support", ""),
    ]


def test_documents_on_both_sides(tmp_path):
    rows = read(tmp_path, [row("甲", doc="A"), row("乙", doc="B")], [row("丙", doc="A"), row("丁", doc="A")])
    (item,) = audit(rows, QUIET).of_kind("document_leak")
    assert item.message == "'A' has 1 training rows and 2 dev rows"


def test_rows_without_document_are_no_leak(tmp_path):
    assert found(read(tmp_path, [row("甲")], [row("乙")]), "document_leak") == []


def test_long_texts(tmp_path):
    rows = read(tmp_path, [row("长" * 1000), row("短长" * 501)])
    assert found(rows, "long") == [("train", 2, "")]


def test_annotators_are_compared_and_no_copies(tmp_path):
    labelled = [("甲", "green", "green"), ("乙", "sme", "sme"), ("丙", "sme", "green")]
    rows = read(
        tmp_path,
        [
            row(text, theme, annotator=name)
            for text, first, second in labelled
            for name, theme in (("a", first), ("b", second))
        ],
    )
    report = audit(rows, QUIET)
    theme, stance = report.agreement
    assert (theme.n, theme.pairs[0].n) == (3, 3)
    assert theme.pairs[0].agreement == pytest.approx(2 / 3)
    assert theme.pairs[0].kappa == pytest.approx(0.4)
    assert stance.alpha is None
    assert report.of_kind("duplicate") == report.of_kind("conflict") == []


def test_alpha_of_the_published_example():
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, section C: 0.743.
    table = ["123321412***", "1233224125*3", "*3332342251*", "12332441251*"]
    units = [{str(who): line[at] for who, line in enumerate(table) if line[at] != "*"} for at in range(12)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_no_agreement_of_one_annotator():
    assert agreement_of("theme", [{"a": "x"}, {"a": "y"}]) is None


def test_near_duplicates_by_group():
    base = "".join(chr(0x4E00 + at) for at in range(200))
    texts = [base, base + "同时加快推进。", base + "并且。", "完全不同的一句话放在这里。"]
    pairs = near_duplicates(texts, ["t", "d", "d", "d"], threshold=0.8)
    assert [(at, other) for at, other, _ in pairs] == [(1, 0), (2, 0), (2, 1)]
    assert near_duplicates([LONG, LONG], ["t", "t"], threshold=0.8) == []


def test_too_little_to_doubt_anything():
    assert rank_labels(["甲", "乙"] * 10, ["x", "y"] * 10, ["one"] * 20) == []
    assert rank_labels(["甲"] * 30, ["x"] * 30, list(map(str, range(30)))) == []


def test_planted_errors_are_found(tmp_path):
    draw = random.Random(3)
    words = {"green": "节能降碳绿色排放", "rural": "农田粮食乡村振兴", "talent": "人才培养高校引进"}
    rows, wrong = [], set()
    for at in range(240):
        theme = list(words)[at % 3]
        # Every text also holds words of another theme, so that the task is not trivial.
        others = [word for name in words if name != theme for word in words[name]]
        text = "".join(draw.choices(list(words[theme]), k=5) + draw.choices(others, k=3))
        if at % 10 == 0:
            theme = draw.choice([name for name in words if name != theme])
            wrong.add(at + 1)
        rows.append(row(text, theme, doc=f"d{at // 6}"))
    report = audit(read(tmp_path, rows))
    suspects = [item for item in report.of_kind("suspect") if item.head == "theme"]
    hits = [item for item in suspects if item.line in wrong]
    assert len(suspects) <= 0.15 * 240
    assert len(hits) >= 0.6 * len(wrong)
    assert all(item.suggestion != item.label for item in suspects)
    assert [item.score for item in suspects] == sorted(item.score for item in suspects)


@pytest.mark.slow
@pytest.mark.skipif(not (LABELED / "train.jsonl").is_file(), reason="no labelled paragraphs")
def test_planted_errors_are_found_in_our_own_paragraphs():
    rows = [item for item in read_audit_rows([LABELED / "train.jsonl"], []) if not item.problem]
    draw = random.Random(0)
    changed = set(draw.sample(range(len(rows)), len(rows) // 10))
    themes = [item.theme for item in rows]
    for at in changed:
        rows[at] = replace(
            rows[at], theme=draw.choice([theme for theme in themes if theme != rows[at].theme])
        )
    ranked = rank_labels(
        [f"{item.title}\n{item.text}" for item in rows],
        [item.theme for item in rows],
        [item.doc for item in rows],
    )
    top = ranked[: int(0.15 * len(rows))]
    assert sum(suspect.index in changed for suspect in top) >= 0.6 * len(changed)


def test_reports(tmp_path):
    hostile = "<script>alert(1)</script>甲乙丙丁"
    rows = read(tmp_path, [row(hostile, doc="A", id="r1"), row(hostile, doc="A"), row("长" * 1001)])
    report = audit(rows, QUIET)
    text = to_text(report)
    assert "1 copies of a text within a split" in text
    assert "train.jsonl:2: the same text" in text
    page = to_html(report)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert json.loads(to_json(report))["labels"]["theme"] == {"green": {"train": 3}}
    lines = [json.loads(line) for line in findings_bytes(report).splitlines()]
    assert [(line["kind"], line["line"]) for line in lines] == [("duplicate", 2), ("long", 3)]


def test_reports_in_chinese(tmp_path, chinese):
    changed = LONG.replace("百分之三", "百分之五")
    rows = read(
        tmp_path,
        [
            *(row("甲乙丙丁", doc="A", annotator=name) for name in "ab"),
            row("甲乙丙丁", "sme", annotator="a"),
            row(LONG, doc="A"),
            row("长" * 1001),
            row("乙", "gren"),
            {"text": "丙"},
        ],
        [row("甲乙丙丁", annotator="a"), row(changed, "sme", doc="A")],
    )
    report = audit(rows, QUIET)
    text, page = to_text(report), html.unescape(re.sub("<[^>]*>", " ", to_html(report).split("</style>")[1]))
    assert text.splitlines()[0].split() == ["数据文件", "集合", "条数", "可用", "文件数"]
    for shown in (
        "条数据无法用于训练",
        "没有这个主题：'gren'；是不是 'green'（绿色低碳与生态环境）？",
        "没有主题",
        "份文件既在训练集又在开发集中",
        "'A' 在训练集中有 3 条，在开发集中有 1 条",
        "在训练集中出现过",
        "主题却不同（sme，另一条为 green）",
        "这段文字的各份主题标签为：",
        "文字相同",
        "1,001 字；训练时长文只读开头和结尾",
        "主题标注的一致程度",
    ):
        assert shown in text, shown
        assert shown in page, shown
    assert "wrong" not in text
    known = {
        "a",
        "b",
        "A",
        "green",
        "sme",
        "gren",
        "support",
        "jsonl",
        "train",
        "dev",
        "kappa",
        "Krippendorff",
    }
    for form in (text.replace(str(tmp_path), ""), page.replace(str(tmp_path), "")):
        assert set(re.findall("[A-Za-z]+", form)) <= known
    assert to_json(report) == english(to_json, report)
    assert findings_bytes(report) == english(findings_bytes, report)


def english(form, report):
    use_language(Language.EN)
    return form(report)


def test_doubts_and_conflicts_are_recognised_in_chinese(chinese):
    for head, name in (("theme", "主题"), ("stance", "立场")):
        doubt = _DOUBTS[head].format(label="green", suggested="sme", probability="75%")
        assert translated(doubt) == f"{name}标为 green；用其余文件训练的模型认为是 sme（75%）"
        conflict = _CONFLICTS[head].format(shown="green 2×, sme 1×")
        assert translated(conflict) == f"这段文字的各份{name}标签为：green 2×, sme 1×"


def test_nothing_to_look_at(tmp_path):
    report = audit(read(tmp_path, [row("甲乙丙丁"), row("戊己庚辛", "sme")]), QUIET)
    assert to_text(report).endswith("nothing to look at\n")
    assert "Nothing to look at." in to_html(report)
