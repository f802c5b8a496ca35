"""A folder in which every command of the documentation finds what it names, small enough to be quick.

All texts are those of the labelled paragraphs that the project ships (invented documents) and of its sample.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data/samples/binhe_industry_conference.txt"
# Paragraphs a document: enough for a digest with sub-topics, few enough for a run in a second or two.
_MOST_PARAGRAPHS = 6

Row = dict[str, Any]


def _rows(name: str) -> list[Row]:
    lines = (ROOT / "data/labeled" / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _documents(name: str) -> list[list[Row]]:
    return [list(rows)[:_MOST_PARAGRAPHS] for _, rows in groupby(_rows(name), key=lambda row: row["doc"])]


def _even(rows: list[Row], n_rows: int) -> list[Row]:
    """Rows from all over the list."""
    return rows[:: max(1, len(rows) // n_rows)][:n_rows]


def _write_rows(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _write_text(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [rows[0].get("title", ""), *(row["text"] for row in rows)]
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _write_docx(path: Path, rows: list[Row]) -> None:
    import docx

    document = docx.Document()
    document.add_heading(rows[0].get("title") or rows[0]["doc"], 0)
    for row in rows:
        document.add_paragraph(row["text"])
    document.save(str(path))


def _write_pdf(path: Path, rows: list[Row]) -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    page = Canvas(str(path))
    page.setFont("STSong-Light", 12)
    top = 780
    for row in rows:
        text = "　　" + row["text"]
        for start in range(0, len(text), 34):
            page.drawString(80, top, text[start : start + 34])
            top -= 20
    page.save()


def _write_labels(folder: Path) -> None:
    train, test = _rows("train.jsonl"), _rows("test.jsonl")
    _write_rows(folder / "labels.jsonl", _even(train, 66))
    _write_rows(folder / "rows.jsonl", _even(train, 66))
    _write_rows(folder / "silver.jsonl", _even(train, 66))
    _write_rows(folder / "dev.jsonl", _even(_rows("dev.jsonl"), 24))
    for name in ("test.jsonl", "held_out.jsonl", "gold_dev.jsonl"):
        _write_rows(folder / name, _even(test, 60))
    header = "text,theme,stance\n"
    cells = (f'"{row["text"]}",{row["theme"]},{row["stance"]}\n' for row in _even(train, 66))
    (folder / "labels.csv").write_text(header + "".join(cells), encoding="utf-8")
    _write_rows(
        folder / "titles.jsonl", [{"text": row["text"], "label": row["theme"]} for row in _even(train, 66)]
    )
    targets = [{**row, "target": row["title"] or row["doc"]} for row in _even(train, 66)]
    _write_rows(folder / "posts.jsonl", targets)


def _write_sheets(folder: Path) -> None:
    """Filled sheets, and two versions of a taxonomy of which the second has one more theme."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["text", "theme", "stance"])
    for row in _even(_rows("train.jsonl"), 66):
        sheet.append([row["text"], row["theme"], row["stance"]])
    book.save(folder / "sheet.xlsx")
    shutil.copyfile(ROOT / "data/samples/water_labels.xlsx", folder / "filled.xlsx")
    shutil.copyfile(ROOT / "data/samples/water.yaml", folder / "mine.yaml")
    taxonomy = yaml.safe_load((ROOT / "data/taxonomies/policy-zh.yaml").read_text(encoding="utf-8"))
    for version in ("1", "2"):
        taxonomy["version"] = version
        if version == "2":
            taxonomy["themes"].append({"id": "ocean", "name_zh": "海洋经济"})
        text = yaml.safe_dump(taxonomy, allow_unicode=True, sort_keys=False)
        (folder / f"mine-{version}.yaml").write_text(text, encoding="utf-8")


def _write_digests(folder: Path) -> None:
    """A dozen sets with a reference that repeats first sentences: training data of the salience head."""
    sets = []
    for number, rows in enumerate(_documents("train.jsonl")[:12]):
        texts = [row["text"] for row in rows]
        paragraphs = [{"doc": f"d{number}", "para": at, "text": text} for at, text in enumerate(texts, 1)]
        reference = "".join(text.split("。")[0] + "。" for text in texts[:3])
        entry = {"theme": rows[0]["theme"], "max_chars": 300}
        sets.append({**entry, "paragraphs": paragraphs, "references": [reference]})
    _write_rows(folder / "digests.jsonl", sets)


def _write_documents(folder: Path) -> None:
    documents = _documents("test.jsonl")
    _write_text(folder / "papers/harbour_plan.txt", documents[0])
    _write_text(folder / "papers/county_report.txt", documents[1])
    _write_text(folder / "archive/one.txt", documents[2])
    _write_rows(folder / "archive/two.jsonl", documents[3])
    _write_rows(folder / "archive.jsonl", documents[3])
    _write_text(folder / "2024/plan.txt", documents[4])
    _write_text(folder / "2025/plan.txt", documents[5])
    _write_docx(folder / "hebei.docx", documents[6])
    _write_docx(folder / "henan.docx", documents[7])
    _write_pdf(folder / "report.pdf", documents[8])
    _write_text(folder / "page.txt", documents[9])


def _write_quick_settings(folder: Path, base: Path) -> None:
    """Settings that are added to the training commands of the documentation: two random layers, one pass."""
    settings = {"base": str(base), "epochs": 1.0, "max_tokens": 64, "train_tokens": 64}
    lines = (f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (folder / "quick.toml").write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def world(
    tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """A fresh folder with all inputs, which is also the working directory; `policylens` is on the path."""
    for name in ("data", "benchmarks", "models", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    _write_documents(tmp_path)
    _write_labels(tmp_path)
    _write_sheets(tmp_path)
    _write_digests(tmp_path)
    _write_quick_settings(tmp_path, tiny_base)
    if request.node.name.endswith("[docs/performance.md]"):
        # This page exports a model without training one before; it is only read.
        (tmp_path / "my-model").symlink_to(ROOT / "models/pretrained/policy-zh")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    # Threads that wait by spinning make a busy machine many times slower.
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    return tmp_path
