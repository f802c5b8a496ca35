"""Sheets of labelled rows that are bad or odd: right rows, or one line that names the file."""

import io
import time
import zipfile

import pytest

from policylens.data.errors import InputError
from policylens.data.label_formats.label_files import LabelFormat, label_bytes, read_raw_rows
from tests.zoo.case import SENTENCE

pytest.importorskip("openpyxl")
HEAD = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>text</t></is></c></row>'
)
CELL = '<row r="{row}"><c r="{column}{row}" t="inlineStr"><is><t>{text}</t></is></c></row>'
END = "</sheetData></worksheet>"
# Of processor time; the worst case needs 5.
SECONDS = 30


def rows(*cells):
    """Cells of column, row and text, each in a row of its own, as the XML of a sheet."""
    written = "".join(CELL.format(column=column, row=row, text=text) for column, row, text in cells)
    return f"{HEAD}{written}{END}"


def workbook(sheet, *, prolog=""):
    packed = io.BytesIO()
    whole = io.BytesIO(label_bytes([{"text": "甲"}], LabelFormat.XLSX))
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            own = item.filename == "xl/worksheets/sheet1.xml"
            target.writestr(item.filename, prolog + sheet if own else source.read(item))
    return packed.getvalue()


def read(folder, data):
    path = folder / "rows.xlsx"
    path.write_bytes(data)
    return read_raw_rows(path)


def test_rows_behind_a_gap_and_cells_far_to_the_right_are_read(tmp_path):
    found = read(tmp_path, workbook(rows(("A", 900, SENTENCE), ("XFD", 901, "x"))))
    assert [(row.line, row.fields["text"]) for row in found if "text" in row.fields] == [(900, SENTENCE)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: workbook(rows(("A", 2, SENTENCE)))[:-300], "is not a readable .xlsx file"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is encrypted or an old .xls file"),
        (lambda: workbook(rows(("A", 2, SENTENCE))[:-30]), "is no XLSX workbook"),
        (
            lambda: workbook(HEAD + '<row r="2"><c r="A2" t="s"><v>9</v></c></row>' + END),
            "is no XLSX workbook",
        ),
        (lambda: workbook(rows(("A", 2, " " * 40_000_000))), "bytes of XML, the limit is 32"),
        (lambda: workbook(rows(*(("XFD", row, "x") for row in range(2, 3_000)))), "than 20,000,000 cells"),
        (lambda: workbook(rows(("A", 30_000_000, SENTENCE))), "than 20,000,000 cells"),
    ],
    ids=["cut", "old", "broken_xml", "no_such_string", "zip_bomb", "far_right", "far_below"],
)  # fmt: skip
def test_sheet_that_cannot_be_used_is_one_named_line(tmp_path, data, message):
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        read(tmp_path, data())
    assert time.process_time() - start < SECONDS
    assert str(caught.value).startswith(f"{tmp_path / 'rows.xlsx'}: ")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_entities_of_a_sheet_draw_in_no_file(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("geheim", encoding="utf-8")
    prolog = f'<!DOCTYPE worksheet [<!ENTITY x SYSTEM "file://{secret}">]>'
    try:
        found = read(tmp_path, workbook(rows(("A", 2, f"{SENTENCE}&x;")), prolog=prolog))
    except InputError:
        return
    assert "geheim" not in str(found)
