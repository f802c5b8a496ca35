"""The commands `labels`, `compare` and `model info` as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys

from typer.testing import CliRunner

from policylens.data.pointers import pointer_of, write_pointers
from policylens.infer.cli import app


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def sheet(path, *lines):
    path.write_text("text,theme,stance\n" + "".join(line + "\n" for line in lines))
    return path


def test_modules_import_nothing_heavy():
    code = (
        "import sys, policylens.train.labelling.labels_cli, policylens.train.model_cli\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'openvino', 'numpy', 'openpyxl', 'cleanlab'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_import_export_import(tmp_path):
    source = sheet(tmp_path / "s.csv", "甲,绿色低碳与生态环境,支持", "乙,sme,neutral", "丙,,")
    rows, book = tmp_path / "rows.jsonl", tmp_path / "rows.xlsx"
    code, out, err = run("labels", "import", source, "-o", rows)
    assert (code, out) == (0, "")
    assert err == "2 rows, 2 themes, 2 stances; 1 without a theme left out\n"
    assert run("labels", "export", rows, "-o", book)[0] == 0
    code, out, _ = run("labels", "import", book)
    assert (code, out) == (0, rows.read_text())


def test_import_of_unknown_labels_writes_nothing(tmp_path):
    source = sheet(tmp_path / "s.csv", "甲,gren,support", "乙,sme,neutral")
    code, out, err = run("labels", "import", source, "-o", tmp_path / "rows.jsonl")
    assert (code, out) == (1, "")
    assert "line 2: unknown theme 'gren'; did you mean 'green'" in err
    assert not (tmp_path / "rows.jsonl").exists()


def test_export_to_doccano(tmp_path):
    source = sheet(tmp_path / "s.csv", "甲,green,support")
    out = tmp_path / "d.jsonl"
    assert run("labels", "export", source, "--to", "doccano", "-o", out)[0] == 0
    assert json.loads(out.read_text()) == {"text": "甲", "label": ["theme:green", "stance:support"]}


def test_template(tmp_path):
    code, _, err = run("labels", "template", "-o", tmp_path / "sheet.xlsx")
    assert code == 0
    assert "22 themes, 4 stances" in err
    assert run("labels", "template", "-o", tmp_path / "sheet.ods")[0] == 2


def test_rebuild(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text('{"text": "甲乙"}\n')
    file = tmp_path / "pointers.jsonl"
    write_pointers(file, [pointer_of(text, source="s", theme="green") for text in ("甲乙", "丙")])
    code, out, err = run("labels", "rebuild", tmp_path / "in", "--pointers", file)
    assert code == 0
    assert json.loads(out)["theme"] == "green"
    assert err == "1 of 2 labels found their text in 1 files\n  s: 1 of 2\n"


def test_audit_writes_all_forms(tmp_path):
    source = sheet(tmp_path / "s.csv", "甲乙丙,green,support", "甲乙丙,sme,support")
    files = [tmp_path / name for name in ("a.json", "a.html", "a.jsonl")]
    code, out, _ = run("labels", "audit", source, "--json", files[0], "--html", files[1], "--fix", files[2])
    assert code == 0
    assert "2 copies of one text with different labels" in out
    assert len(files[2].read_text().splitlines()) == 3
    assert json.loads(files[0].read_text())["files"][0]["rows"] == 2
    assert files[1].read_text().startswith("<!doctype html>")


def test_audit_speaks_the_language_asked_for(tmp_path):
    source = sheet(tmp_path / "s.csv", "甲乙丙,green,support", "甲乙丙,sme,support")
    page, data = tmp_path / "a.html", (tmp_path / "zh.json", tmp_path / "en.json")
    code, out, _ = run("--lang", "zh", "labels", "audit", source, "--html", page, "--json", data[0])
    assert code == 0
    assert "2 条数据与同文的另一条标签不同" in out
    assert '<html lang="zh-CN">' in page.read_text()
    code, out, _ = run("--lang", "en", "labels", "audit", source, "--html", page, "--json", data[1])
    assert code == 0
    assert "2 copies of one text with different labels" in out
    assert '<html lang="en">' in page.read_text()
    assert data[0].read_bytes() == data[1].read_bytes()


def test_compare_and_model_info(tmp_path, tiny_model, tiny_rows):
    data = tmp_path / "rows.jsonl"
    lines = [{"text": row.paragraph.text, "theme": row.theme, "stance": row.stance} for row in tiny_rows(12)]
    data.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    code, out, _ = run("compare", tiny_model, tiny_model, "--data", data)
    assert code == 0
    assert out.startswith(f"# {tiny_model} is not told apart from {tiny_model}\n")
    code, out, _ = run("--lang", "zh", "compare", tiny_model, tiny_model, "--data", data)
    assert code == 0
    assert out.startswith(f"# {tiny_model} 与 {tiny_model} 没有显著差异\n")
    code, out, _ = run("model", "info", tiny_model)
    assert code == 0
    assert "tiny from-data: 3 themes, 2 stances" in out
    assert "model.safetensors" in out
    assert "64 tokens; context title 40, heading 40, prev 60 characters\n" in out
    code, out, _ = run("model", "info", tiny_model, "--format", "json")
    assert json.loads(out)["themes"] == ["green", "rural", "talent"]
    assert run("model", "info", tmp_path)[0] == 2
