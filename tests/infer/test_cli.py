import csv
import json
import re
import signal
import subprocess
import sys
from importlib.metadata import version

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from policylens.data.taxonomy import load_taxonomy
from policylens.infer.classify import Classifier
from policylens.infer.cli import app
from policylens.infer.streams.output import COLUMNS
from policylens.infer.streams.reporter import tagged_line

GREEN = "各地要推进绿色转型，三年内建成二十家绿色工厂，带动上下游企业一起降碳。"
LOAN = "银行发放贷款三百笔，平均利率比去年低一个百分点，企业普遍反映手续比过去简单。"
HEADING = "一、总体要求"
FIGURES = "### 关键数据\n\n| 指标 | 数值 | 时间 | 原文 | 出处 |\n| --- | ---: | --- | --- | --- |\n"
DONE = r"(\d+ paragraphs?) of (\d+ documents?) tagged in \d+\.\d s( \(\d+/s\))?\n"


def run(*args, stdin=None):
    return CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "报告.txt"
    path.write_text(f"{HEADING}\n\n{GREEN}\n\n{LOAN}\n", encoding="utf-8")
    return path


@pytest.fixture
def tags(tmp_path):
    path = tmp_path / "tags.jsonl"
    rows = (
        {"doc": "甲", "para": 2, "text": GREEN, "theme": "green", "stance": "support"},
        {"doc": "甲", "para": 3, "text": LOAN, "theme": "finance", "stance": "neutral"},
    )
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


class TestClassify:
    def test_one_line_a_body_paragraph(self, report, loads):
        result = run("classify", report, "--device", "cpu", "--model", "somewhere")
        assert result.exit_code == 0
        assert loads.calls == [("somewhere", "cpu")]
        assert result.stdout.splitlines()[0] == (
            '{"doc": "报告", "para": 2, "id": "", "kind": "body", "title": "", "heading": "一、总体要求", '
            f'"text": "{GREEN}", "start": 8, "end": 43, '
            '"theme": "green", "theme_score": 0.8765, "also": [], "stance": "support", "stance_score": 0.75, '
            '"themes": [{"theme": "green", "score": 0.8765}, {"theme": "none", "score": 0.1}, '
            '{"theme": "talent", "score": 0.02}]}'
        )
        assert [(row["para"], row["theme"]) for row in rows_of(result.stdout)] == [
            (2, "green"),
            (3, "finance"),
        ]
        assert re.fullmatch(DONE, result.stderr).group(1, 2) == ("2 paragraphs", "1 document")

    def test_all_kinds(self, report, loads):
        rows = rows_of(run("classify", report, "--all-kinds").stdout)
        assert [(row["kind"], row["theme"]) for row in rows] == [
            ("heading", None),
            ("body", "green"),
            ("body", "finance"),
        ]
        assert loads.classifier.seen == [GREEN, LOAN]

    def test_a_folder_with_a_broken_file(self, report, loads):
        (report.parent / "坏.docx").write_bytes(b"no zip")
        result = run("classify", report.parent)
        assert result.exit_code == 1
        assert [row["doc"] for row in rows_of(result.stdout)] == ["报告", "报告"]
        error, done = result.stderr.splitlines(keepends=True)
        assert error.startswith(f"error: {report.parent / '坏.docx'}: ")
        assert re.fullmatch(DONE, done)

    def test_standard_input(self, loads):
        rows = rows_of(run("classify", "-", stdin=GREEN).stdout)
        assert [(row["doc"], row["para"], row["text"], row["theme"]) for row in rows] == [
            ("stdin", 1, GREEN, "green")
        ]

    @pytest.mark.parametrize("how", ["suffix", "option"])
    def test_csv(self, how, report, loads, tmp_path):
        out = tmp_path / ("a.csv" if how == "suffix" else "a.txt")
        options = [] if how == "suffix" else ["--format", "csv"]
        result = run("classify", report, "-o", out, *options)
        assert (result.exit_code, result.stdout) == (0, "")
        with out.open(encoding="utf-8", newline="") as stream:
            first, second = csv.DictReader(stream)
        assert tuple(first) == COLUMNS
        assert [row["text"] for row in (first, second)] == [GREEN, LOAN]
        assert (first["also"], first["theme_score"]) == ("[]", "0.8765")
        assert json.loads(first["themes"])[0] == {"theme": "green", "score": 0.8765}

    def test_parquet(self, report, loads, tmp_path):
        assert run("classify", report, "-o", tmp_path / "a.parquet").exit_code == 0
        jsonl = rows_of(run("classify", report).stdout)
        assert pq.read_table(tmp_path / "a.parquet").to_pylist() == [
            dict.fromkeys(COLUMNS) | row for row in jsonl
        ]

    def test_records_carry_their_fields(self, tags, loads):
        row = rows_of(run("classify", tags).stdout)[1]
        assert (row["theme"], row["input_theme"], row["input_stance"]) == ("finance", "finance", "neutral")

    def test_text_and_title_fields(self, loads):
        record = json.dumps({"正文": GREEN, "标题": "题"})
        (row,) = rows_of(
            run("classify", "-", "--text-field", "正文", "--title-field", "标题", stdin=record).stdout
        )
        assert (row["text"], row["title"]) == (GREEN, "题")

    def test_an_empty_file(self, tmp_path, loads):
        (tmp_path / "空.txt").write_text("")
        result = run("classify", tmp_path / "空.txt", "-o", tmp_path / "out.jsonl")
        assert result.exit_code == 1
        assert result.stderr.splitlines() == [
            f"error: {tmp_path / '空.txt'}: is empty",
            "error: no input could be read, so nothing is written",
        ]
        assert not (tmp_path / "out.jsonl").exists()

    def test_quiet(self, report, loads):
        assert run("--quiet", "classify", report).stderr == ""

    @pytest.mark.parametrize(
        "args",
        [
            [],
            ["a.txt", "--format", "xlsx"],
            ["a.txt", "--format", "parquet"],
            ["a.txt", "--device", "tpu"],
            ["a.txt", "--batch-tokens", "1"],
            ["a.txt", "--nonsense"],
        ],
    )
    def test_wrong_usage(self, args, loads):
        result = run("classify", *args)
        assert (result.exit_code, result.stdout) == (2, "" if args else result.stdout)
        assert loads.calls == []

    def test_an_unknown_model(self, report):
        result = run("classify", report, "--model", "no-such-folder")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("error: no model folder at no-such-folder")

    def test_a_bug_keeps_its_traceback(self, report, monkeypatch):
        def load(model, **_):
            raise ZeroDivisionError

        monkeypatch.setattr(Classifier, "load", load)
        assert isinstance(run("classify", report).exception, ZeroDivisionError)

    def test_interrupted(self, report, monkeypatch, tmp_path):
        def load(model, **_):
            raise KeyboardInterrupt

        monkeypatch.setattr(Classifier, "load", load)
        assert run("classify", report, "-o", tmp_path / "a.jsonl").exit_code == 130
        assert [path.name for path in tmp_path.iterdir()] == ["报告.txt"]


class TestSummarize:
    def test_a_document(self, report, loads):
        result = run("summarize", report)
        assert result.exit_code == 0
        assert result.stdout == (
            "# 政策内容摘要\n\n1 份文件，2 个段落，2 个主题。\n\n"
            "## 绿色低碳与生态环境 (green)\n\n1 段，1 份文件；立场：支持 1\n\n"
            f"{GREEN} [报告 ¶2]\n\n{FIGURES}"
            "| 建成绿色工厂 | 二十家 | 三年内 | 三年内建成二十家绿色工厂 | 报告 ¶2 |\n\n"
            "## 财税金融 (finance)\n\n**银行发放贷款三百笔** [报告 ¶3]\n\n1 段，1 份文件；立场：中性 1\n\n"
            f"{LOAN} [报告 ¶3]\n\n{FIGURES}"
            "| 银行发放贷款 | 三百笔 |  | 银行发放贷款三百笔 | 报告 ¶3 |\n"
        )
        assert re.fullmatch(DONE, result.stderr)

    def test_tagged_records_need_no_model(self, tags, loads):
        result = run("summarize", tags, "--format", "json")
        assert (result.exit_code, result.stderr, loads.calls) == (0, "", [])
        assert [theme["theme"] for theme in json.loads(result.stdout)["themes"]] == ["green", "finance"]

    @pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
    def test_what_classify_wrote(self, suffix, report, loads, tmp_path):
        tagged = tmp_path / f"tags{suffix}"
        direct = run("summarize", report, "--format", "json").stdout
        run("classify", report, "-o", tagged, "--all-kinds")
        loads.calls.clear()
        result = run("summarize", tagged, "--format", "json")
        assert (result.exit_code, loads.calls) == (0, [])
        assert result.stdout == direct

    @pytest.mark.parametrize("names", ["finance", "财税金融", "FINANCE", "finance，sme", " sme, finance "])
    def test_themes_by_id_or_name(self, names, tags, loads):
        themes = json.loads(run("summarize", tags, "--format", "json", "--themes", names).stdout)["themes"]
        assert [theme["theme"] for theme in themes] == ["finance"]

    def test_an_unknown_theme(self, tags, loads):
        result = run("summarize", tags, "--themes", "gren")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("error: unknown theme 'gren'; did you mean 'green'?")

    def test_no_theme(self, tags, loads):
        assert run("summarize", tags, "--themes", ",").exit_code == 2

    def test_tags_of_another_taxonomy(self, loads):
        record = json.dumps({"text": GREEN, "theme": "水利", "stance": "赞成"})
        result = run("summarize", "-", stdin=record)
        assert (result.exit_code, result.stdout, loads.calls) == (2, "", [])
        assert re.fullmatch(r"error: stdin ¶1: unknown theme '水利'; .*--model\n", result.stderr)

    def test_max_chars(self, tags, loads):
        result = run("summarize", tags, "--format", "json", "--max-chars", "30")
        assert all(len(theme["digest"]) <= 30 for theme in json.loads(result.stdout)["themes"])
        assert run("summarize", tags, "--max-chars", "19").exit_code == 2

    def test_html_by_suffix(self, tags, loads, tmp_path):
        assert run("summarize", tags, "-o", tmp_path / "a.html").exit_code == 0
        assert (tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")

    def test_a_broken_input_among_good_ones(self, tags, loads, tmp_path):
        result = run("summarize", tags, tmp_path / "none.txt", "-o", tmp_path / "a.md")
        assert result.exit_code == 1
        assert result.stderr.startswith(f"error: {tmp_path / 'none.txt'}: does not exist")
        assert (tmp_path / "a.md").read_text(encoding="utf-8").startswith("# 政策内容摘要")

    def test_a_missing_output_folder(self, tags, loads, tmp_path):
        result = run("summarize", tags, "-o", tmp_path / "no" / "a.md")
        assert result.exit_code == 2
        assert result.stderr.startswith("error: cannot write ")


class TestReflow:
    def test_paragraphs_of_every_kind(self, report):
        rows = rows_of(run("reflow", report).stdout)
        assert [(row["para"], row["kind"], row["text"]) for row in rows] == [
            (1, "heading", HEADING),
            (2, "body", GREEN),
            (3, "body", LOAN),
        ]
        assert rows[2]["prev"] == GREEN

    def test_failures(self, report, tmp_path):
        result = run("reflow", tmp_path / "none.txt", report)
        assert (result.exit_code, len(rows_of(result.stdout))) == (1, 3)


class TestTaxonomy:
    def test_lines_when_piped(self):
        taxonomy = load_taxonomy()
        lines = run("taxonomy").stdout.splitlines()
        assert [line.split("\t")[0] for line in lines] == [*taxonomy.theme_ids, *taxonomy.stance_ids]
        first = taxonomy.themes[0]
        assert lines[0].split("\t")[1:] == [first.name_zh, first.name_en, first.definition]

    def test_a_file_of_ones_own(self, tmp_path):
        path = tmp_path / "own.yaml"
        path.write_text(
            'name: own\nversion: "1"\nthemes:\n- {id: water, name_zh: 水利, name_en: Water}\n',
            encoding="utf-8",
        )
        assert run("taxonomy", path).stdout == "water\t水利\tWater\t\n"
        assert json.loads(run("taxonomy", path, "--format", "json").stdout)["themes"][0]["name_zh"] == "水利"

    def test_yaml_is_read_back(self, tmp_path):
        (tmp_path / "t.yaml").write_text(run("taxonomy", "--format", "yaml").stdout, encoding="utf-8")
        assert load_taxonomy(tmp_path / "t.yaml") == load_taxonomy()

    def test_a_missing_file(self, tmp_path):
        result = run("taxonomy", tmp_path / "none.yaml")
        assert result.exit_code == 2
        assert result.stderr.startswith("error: cannot read the taxonomy file")


def test_version():
    assert run("--version").stdout == f"policylens {version('policylens')}\n"


def test_help_lists_the_commands():
    text = run("--help").stdout
    for name in ("classify", "summarize", "reflow", "taxonomy", "train", "evaluate"):
        assert re.search(rf"^  {name} ", text, re.MULTILINE), name


@pytest.mark.parametrize("args", [["--help"], ["summarize", "--help"], ["train", "--help"]])
def test_help_loads_nothing_heavy(args):
    code = (
        "import sys\n"
        "from policylens.infer.cli import app\n"
        "try:\n    app(sys.argv[1:])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'transformers', 'openvino', 'numpy', 'pyarrow', 'datasets', 'sklearn', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True)
    assert result.stderr == "[]\n"


def test_infer_exports_lazily():
    code = (
        "import sys, policylens.infer as infer\n"
        "assert 'policylens.infer.classify' not in sys.modules\n"
        "from policylens.infer import Classifier, summarize\n"
        "assert Classifier.__module__ == 'policylens.infer.classify'\n"
        "assert not hasattr(infer, 'nonsense')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_closed_pipe_ends_quietly(tmp_path):
    path = tmp_path / "long.jsonl"
    path.write_text((json.dumps({"text": GREEN}) + "\n") * 5000, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "policylens.infer", "reflow", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b"", 0)


def test_ctrl_c_exits_130():
    process = subprocess.Popen(
        [sys.executable, "-m", "policylens.infer", "reflow", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdin.write(json.dumps({"text": GREEN}).encode() + b"\n")
    process.stdin.flush()
    # The first row is there, so the command is at work and waits for more.
    assert json.loads(process.stdout.readline())["text"] == GREEN
    process.send_signal(signal.SIGINT)
    assert (process.wait(), process.stderr.read()) == (130, b"")


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((43, 1, 0.81), "43 paragraphs of 1 document tagged in 0.8 s (53/s)"),
        ((1, 2, 0.5), "1 paragraph of 2 documents tagged in 0.5 s (2/s)"),
        ((0, 0, 0.0), "0 paragraphs of 0 documents tagged in 0.0 s"),
    ],
)
def test_closing_line(counts, line):
    paragraphs, documents, seconds = counts
    assert tagged_line(paragraphs, documents=documents, seconds=seconds) == line
