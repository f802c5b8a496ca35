"""Label files: the same rows come back from every format, and mistakes are named with place and remedy."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policylens.data.errors import ConfigError, InputError, LabelError
from policylens.data.label_formats.label_files import LabelFormat, label_bytes, label_format, read_label_rows
from policylens.data.label_formats.label_rows import FieldNames, cell_of, list_cell, value_of
from policylens.data.label_formats.label_sheets import choices, write_template
from policylens.data.taxonomy import Label, Taxonomy, load_taxonomy

SUFFIX = {
    LabelFormat.JSONL: ".jsonl",
    LabelFormat.CSV: ".csv",
    LabelFormat.XLSX: ".xlsx",
    LabelFormat.LABEL_STUDIO: ".json",
    LabelFormat.DOCCANO: ".jsonl",
}
AWKWARD = [
    "第一行\n第二行\r\n第三行\r第四行",
    '他说："不得"，\t"严禁"。',
    "甲,乙;丙；丁、戊",
    "=1+1",
    "@sum(A1)",
    "#N/A",
    "１８．６％　（全角）",
    "  前后有空白  ",
    "_x000D_ 与 _x005F_",
    "垂直\x0b制表\x1b",
    "行分隔\u2028段分隔\u2029",
    "0123",
    "1e5",
    "null",
    '"引号"',
    "[甲]",
    "🙂𠮷",
    "\ufeff起首",
]


def back(tmp_path, rows, form, **options):
    path = tmp_path / f"rows{SUFFIX[form]}"
    path.write_bytes(label_bytes(rows, form))
    return read_label_rows(path, **options).rows


@pytest.mark.parametrize("form", LabelFormat)
def test_round_trip_of_awkward_texts(tmp_path, form):
    rows = [
        {
            "id": f"00{at}",
            "title": text,
            "text": text + "。",
            "theme": "green",
            "also": ["sme", "none"],
            "stance": "support",
            "confidence": 1 + at % 3,
            "annotator": "a" if at % 2 else "12",
            "note": text,
            "n": at,
        }
        for at, text in enumerate(AWKWARD)
    ]
    assert back(tmp_path, rows, form) == rows


@pytest.mark.parametrize("form", LabelFormat)
def test_round_trip_keeps_absent_fields_absent(tmp_path, form):
    rows = [
        {"text": "甲", "theme": "green", "stance": "neutral"},
        {"text": "乙", "theme": "sme", "stance": "support", "prev": "丙", "year": 2024, "kept": ""},
    ]
    assert back(tmp_path, rows, form) == rows


# No surrogates: they are no characters and are refused. No NUL: neither XML nor our decoder takes it.
_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0"), max_size=20)
_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)
_LABELS = st.sampled_from(["green", "a;b", "[x", "甲，乙", "12", "null"])


@st.composite
def _rows(draw):
    row = {"text": draw(_TEXTS) + "文", "theme": draw(_LABELS)}
    others = draw(st.lists(_LABELS, unique=True, max_size=2))
    if also := [label for label in others if label != row["theme"]]:
        row["also"] = also
    for key in draw(st.sets(st.sampled_from(["id", "title", "prev"]))):
        row[key] = draw(_TEXTS) + "x"
    for key in draw(st.sets(st.sampled_from(["note", "n", "列"]))):
        row[key] = draw(_VALUES)
    return row


@pytest.mark.parametrize("form", LabelFormat)
@given(rows=st.lists(_rows(), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip_of_any_rows(tmp_path, form, rows):
    assert back(tmp_path, rows, form, any_labels=True) == rows


@given(value=_VALUES)
def test_cells_keep_values(value):
    read = value_of(cell_of(value))
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("cell", ["0123", "1.10", "1e5", "NaN", "Infinity", "-", "{x", "true story", "１２"])
def test_text_that_only_looks_like_json_stays_text(cell):
    assert value_of(cell) == cell
    assert cell_of(cell) == cell


@pytest.mark.parametrize(
    ("labels", "cell"),
    [(["a", "b"], "a;b"), (["a;b"], '["a;b"]'), (["甲，乙", "丙"], "甲，乙;丙"), ([], "")],
)
def test_list_cells(labels, cell):
    assert list_cell(labels) == cell


def test_names_become_ids(tmp_path):
    path = tmp_path / "rows.csv"
    green, support = load_taxonomy().theme("green"), load_taxonomy().stance("support")
    path.write_text(
        f"正文,主题,次要主题,立场\n甲,{green.name_zh},中小企业;none,{support.name_zh}\n"
        f"乙,{green.name_en.upper()},,SUPPORT\n".replace("中小企业", load_taxonomy().theme("sme").name_zh)
    )
    assert read_label_rows(path).rows == [
        {"text": "甲", "theme": "green", "also": ["sme", "none"], "stance": "support"},
        {"text": "乙", "theme": "green", "stance": "support"},
    ]


def test_names_separated_by_commas(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "甲", "theme": "none", "also": "green，sme、safety"}))
    assert read_label_rows(path).rows[0]["also"] == ["green", "sme", "safety"]


def test_all_unknown_labels_are_listed(tmp_path):
    path = tmp_path / "rows.csv"
    lines = [
        "甲,gren,support",
        '"乙\n乙",green,suport',
        "丙,gren,neutral",
        "丁,qqqqq,neutral",
        ",sme,neutral",
    ]
    path.write_text("text,theme,stance\n" + "\n".join(lines))
    with pytest.raises(LabelError) as caught:
        read_label_rows(path, taxonomy=load_taxonomy())
    message = str(caught.value)
    assert "lines 2, 5: unknown theme 'gren'; did you mean 'green' (" in message
    assert "line 3: unknown stance 'suport'; did you mean 'support' (" in message
    assert "line 6: unknown theme 'qqqqq'; no valid name is like it" in message
    assert "line 7: no text in the field 'text'" in message


def test_own_labels_are_taken_as_they_are(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,theme\n甲,水利\n乙,电力\n")
    assert [row["theme"] for row in read_label_rows(path).rows] == ["水利", "电力"]


def test_few_slips_do_not_make_own_labels(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,theme\n甲,green\n乙,gren\n")
    with pytest.raises(LabelError, match="did you mean 'green'"):
        read_label_rows(path)


def test_rows_without_a_theme_are_counted(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,theme\n甲,green\n乙,\n")
    found = read_label_rows(path)
    assert (len(found.rows), found.unlabelled) == (1, 1)
    assert read_label_rows(path, keep_unlabelled=True).rows[1] == {"text": "乙"}


def test_label_studio_annotations_become_rows(tmp_path):
    def choice(name, *labels):
        return {"from_name": name, "to_name": "t", "type": "choices", "value": {"choices": list(labels)}}

    tasks = [
        {
            "id": 7,
            "data": {"text": "甲", "title": "题"},
            "annotations": [
                {"completed_by": 1, "result": [choice("topic", "green", "sme"), choice("stance", "support")]},
                {"completed_by": {"email": "b@x"}, "result": [choice("topic", "sme")]},
                {"completed_by": 3, "was_cancelled": True, "result": []},
            ],
        },
        {"id": 8, "data": {"text": "乙"}, "annotations": []},
    ]
    shared = {"id": "7", "title": "题", "text": "甲"}
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(tasks))
    found = read_label_rows(path, names=FieldNames(theme="topic"))
    assert found.rows == [
        shared | {"theme": "green", "also": ["sme"], "stance": "support", "annotator": "1"},
        shared | {"theme": "sme", "annotator": "b@x"},
    ]
    assert found.unlabelled == 1


def test_label_studio_json_min(tmp_path):
    path = tmp_path / "min.json"
    item = {"id": 4, "text": "甲", "theme": {"choices": ["green", "sme"]}, "stance": "support"}
    path.write_text(json.dumps([item]))
    assert read_label_rows(path).rows == [
        {"id": "4", "text": "甲", "theme": "green", "also": ["sme"], "stance": "support"}
    ]


def test_doccano_labels_are_told_apart(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"id": 3, "text": "甲", "label": ["support", "green", "sme"], "Comments": []}))
    assert read_label_rows(path).rows == [
        {"id": "3", "text": "甲", "theme": "green", "also": ["sme"], "stance": "support", "Comments": []}
    ]


def test_csv_for_spreadsheets_has_a_byte_order_mark():
    data = label_bytes([{"text": "a,b", "theme": "x"}], LabelFormat.CSV)
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig")))) == [["text", "theme"], ["a,b", "x"]]


def test_formula_stays_text_in_a_sheet():
    import openpyxl

    data = label_bytes([{"text": "=1+1", "theme": "x"}], LabelFormat.XLSX)
    cell = openpyxl.load_workbook(io.BytesIO(data)).active["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    assert cell.quotePrefix


def test_too_long_for_a_cell():
    with pytest.raises(LabelError, match="32,767"):
        label_bytes([{"text": "长" * 40_000, "theme": "x"}], LabelFormat.XLSX)


def test_template_offers_the_labels_and_the_codebook(tmp_path):
    import openpyxl

    taxonomy = load_taxonomy()
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(write_template(taxonomy))
    book = openpyxl.load_workbook(path)
    sheet, codebook = book.worksheets
    header = [cell.value for cell in sheet[1]]
    rules = {str(rule.sqref): rule.formula1 for rule in sheet.data_validations.dataValidation}
    letter = "ABCDEFGHI"[header.index("theme")]
    assert rules[f"{letter}2:{letter}2001"] == f"=codebook!$B$2:$B${len(taxonomy.themes) + 1}"
    offered = [row[1].value for row in codebook.iter_rows(min_row=2)]
    assert offered == [*choices(taxonomy.themes), *choices(taxonomy.stances)]
    assert codebook["H2"].value == "\n".join(taxonomy.themes[0].exclude)
    sheet["E2"], sheet["F2"], sheet["H2"] = "加快绿色转型。", offered[8], taxonomy.stances[0].name_zh
    book.save(path)
    assert read_label_rows(path).rows == [
        {"text": "加快绿色转型。", "theme": taxonomy.themes[8].id, "stance": taxonomy.stances[0].id}
    ]


def test_shared_names_are_offered_as_ids():
    labels = (Label("a", "同名"), Label("b", "同名"), Label("c", "另一"))
    assert choices(labels) == ["a", "b", "另一"]
    assert choices((Label("x", "y"), Label("y", "z"))) == ["x", "z"]


def test_export_with_lists_comes_back(tmp_path):
    taxonomy = Taxonomy("t", "1", themes=(Label("a", "甲"), Label("b", "乙")))
    path = tmp_path / "s.xlsx"
    path.write_bytes(label_bytes([{"text": "文", "theme": "b"}], LabelFormat.XLSX, taxonomy=taxonomy))
    assert read_label_rows(path, taxonomy=taxonomy).rows == [{"text": "文", "theme": "b"}]


def test_unknown_suffix_names_the_formats(tmp_path):
    with pytest.raises(ConfigError, match=r"\.ods tells no format.*label-studio"):
        label_format(tmp_path / "rows.ods")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": 1', "line 1: not valid JSON"),
        ("a.json", "{}", "expected a JSON array"),
        ("a.csv", 'text,theme\n"甲,green\n', "not valid CSV"),
        ("a.csv", "text,theme\n甲,green,x\n", "line 2: 3 cells, the header has 2"),
        ("a.xlsx", "no zip", "is not a readable .xlsx file"),
        ("a.jsonl", "  \n", "is empty"),
    ],
)
def test_broken_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises((InputError, LabelError), match=message):
        read_label_rows(path)
