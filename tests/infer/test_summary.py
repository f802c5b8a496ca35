from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from docx import Document
from typer.testing import CliRunner, Result

from policylens.data.errors import ConfigError
from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.cli import app
from policylens.infer.streams.formats import ReportFormat
from policylens.infer.summary import render, summarize_inputs

GREEN = "各地要推进绿色转型，三年内建成二十家绿色工厂，带动上下游企业一起降碳。"
LOAN = "银行发放贷款三百笔，平均利率比去年低一个百分点，企业普遍反映手续比过去简单。"


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def records(path: Path, theme: str, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    rows = [
        {"doc": "报告", "para": 1, "kind": "heading", "text": "第一章"},
        {"doc": "报告", "para": 2, "kind": "body", "text": text, "theme": theme, "stance": "support"},
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def sets(tmp_path: Path, loads: object) -> tuple[Path, Path]:
    first = records(tmp_path / "2024" / "a.jsonl", "green", GREEN)
    return first, records(tmp_path / "2025" / "a.jsonl", "finance", LOAN)


def test_sources_hold_every_paragraph_in_order(sets):
    summary = summarize_inputs([str(sets[0])])
    assert [type(item) for item in summary.sources] == [Paragraph, TaggedParagraph]
    assert summary.comparison is None


def test_comparison_keeps_documents_of_one_name_apart(sets):
    summary = summarize_inputs([str(sets[0])], compare=[str(sets[1])], names=("2024", "2025"))
    assert summary.comparison is not None
    assert {c.theme: c.trend for c in summary.comparison.themes} == {"green": "gone", "finance": "new"}
    docs = {theme.theme: theme.sentences[0].citations[0].doc for theme in summary.digest.themes}
    assert docs == {"green": "报告", "finance": "2025/报告"}
    assert summary.digest.paragraphs == 2


@pytest.mark.parametrize("form", ReportFormat)
def test_every_format_renders_a_comparison(sets, form):
    summary = summarize_inputs([str(sets[0])], compare=[str(sets[1])], names=("甲", "乙"))
    written = render(summary, form)
    shown = (
        "".join(par.text for par in Document(io.BytesIO(written)).paragraphs)
        if form is ReportFormat.DOCX
        else written.decode()
    )
    assert "甲" in shown and "乙" in shown and "绿色工厂" in shown


def test_standard_input_cannot_be_in_both_sets(loads):
    with pytest.raises(ConfigError, match="one of the two sets"):
        summarize_inputs(["-"], compare=["-"])


def test_cli_compares_two_folders_named_by_them(sets):
    result = run("summarize", sets[0].parent, "--compare", sets[1].parent)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "# 2024 与 2025")
    result = run("summarize", sets[0], "--compare", sets[1], "--names", "去年，今年")
    assert result.stdout.splitlines()[0] == "# 去年 与 今年"


def test_cli_writes_docx_by_suffix_and_not_to_standard_output(sets, tmp_path):
    assert run("summarize", sets[0], "-o", tmp_path / "a.docx").exit_code == 0
    assert Document(str(tmp_path / "a.docx")).paragraphs[0].text == "政策内容摘要"
    result = run("summarize", sets[0], "--format", "docx")
    assert result.exit_code == 2 and "docx is binary" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--names", "a,b"], "give the other by --compare"),
        (["--compare", "x", "--names", "a"], "has 1 names; expected two"),
    ],
)
def test_cli_refuses_names_without_two_sets(sets, options, message):
    result = run("summarize", sets[0], *options)
    assert result.exit_code == 2 and message in result.stderr
