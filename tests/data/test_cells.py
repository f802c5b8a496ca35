import csv
import io

import pytest

from policylens.data.cells import as_cell, from_cell
from policylens.data.read import read_records
from policylens.infer.streams.output import TableFormat, header_bytes, rows_bytes


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+86-10", "'+86-10"),
        ("- 第一项。", "'- 第一项。"),
        ("@cmd", "'@cmd"),
        ("＝1+1", "'＝1+1"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("-5", "-5"),
        ("+3.2%", "+3.2%"),
        ("'甲", "'甲"),
        ("甲=乙", "甲=乙"),
        ("", ""),
    ],
)
def test_text_is_no_formula_and_comes_back(text, cell):
    assert as_cell(text) == cell
    assert from_cell(cell) == text


def test_table_that_we_write_holds_no_formula_and_reads_as_it_was(tmp_path):
    text = "=1+cmd|' /C calc'!A0，不是公式。"
    row = {"doc": "@甲", "para": 1, "text": text, "备注": "=2"}
    path = tmp_path / "rows.csv"
    path.write_bytes(header_bytes(TableFormat.CSV) + rows_bytes([row], TableFormat.CSV))
    _, cells = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    (par,) = read_records(path)
    assert (par.text, par.doc) == (text, "@甲")
