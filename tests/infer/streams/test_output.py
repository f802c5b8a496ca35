import csv
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from policylens.data.errors import ConfigError, LabelError, TaxonomyError
from policylens.data.read import read_records
from policylens.data.records import LabelScore, Paragraph, TaggedParagraph
from policylens.data.taxonomy import Label, Taxonomy, load_taxonomy
from policylens.infer.streams.formats import ReportFormat, TableFormat, report_format, table_format
from policylens.infer.streams.output import (
    COLUMNS,
    in_columns,
    merge_parquet,
    open_output,
    open_table,
    parquet_table,
)
from policylens.infer.streams.rows import FIELDS, paragraph_row, row_of, tags_of

TEXT = "推进绿色低碳转型，严控新增产能。"
ONE_HEAD = Taxonomy("t", "1", themes=(Label("water", "水利"), Label("road", "道路")))


def tagged(**extra):
    par = Paragraph(
        "报告", 3, "body", TEXT, title="题", heading="一、总则", start=5, end=21, id="a7", extra=extra
    )
    scores = (LabelScore("green", 0.912345), LabelScore("finance", 0.05), LabelScore("none", 0.00004))
    return TaggedParagraph(par, "green", 0.912345, ("upgrading",), "restrict", 0.66666, scores)


TAGGED_ROW = {
    "doc": "报告",
    "para": 3,
    "id": "a7",
    "kind": "body",
    "title": "题",
    "heading": "一、总则",
    "text": TEXT,
    "start": 5,
    "end": 21,
    "theme": "green",
    "theme_score": 0.9123,
    "also": ["upgrading"],
    "stance": "restrict",
    "stance_score": 0.6667,
    "themes": [
        {"theme": "green", "score": 0.9123},
        {"theme": "finance", "score": 0.05},
        {"theme": "none", "score": 0.0},
    ],
}


def test_row_of_a_tagged_paragraph():
    row = row_of(tagged())
    assert row == TAGGED_ROW
    assert tuple(row) == FIELDS


def test_row_of_an_untagged_paragraph_has_null_labels():
    row = row_of(Paragraph("报告", 1, "heading", "一、总则", end=4))
    assert row == {
        "doc": "报告", "para": 1, "id": "", "kind": "heading", "title": "", "heading": "", "text": "一、总则",
        "start": 0, "end": 4, "theme": None, "theme_score": None, "also": None, "stance": None,
        "stance_score": None, "themes": None,
    }  # fmt: skip


def test_a_task_without_stances_has_null_stance():
    row = row_of(TaggedParagraph(Paragraph("d", 1, "body", TEXT), "water", 0.5))
    assert (row["stance"], row["stance_score"]) == (None, None)


def test_carried_fields_do_not_overwrite_predictions():
    row = row_of(tagged(theme="finance", 来源="网站", title="别的题", input_theme="sme"))
    assert row["theme"] == "green"
    assert list(row.items())[len(FIELDS) :] == [
        ("来源", "网站"),
        ("input_theme", "sme"),
        ("input_input_theme", "finance"),
        ("input_title", "别的题"),
    ]


def test_a_paragraph_row_is_read_back_as_the_same_paragraph(tmp_path):
    par = Paragraph(
        "d", 2, "body", TEXT, title="题", heading="一", heading_path=("一",), prev="前。", start=4, end=20,
        spans=((4, 20),), id="x", extra={"theme": "green"},
    )  # fmt: skip
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(paragraph_row(par)), encoding="utf-8")
    assert list(read_records(path)) == [par]


@pytest.mark.parametrize(
    ("extra", "theme", "also", "stance", "scores"),
    [
        ({"theme": "green", "stance": "restrict"}, "green", (), "restrict", (1.0, 1.0)),
        ({"theme": "绿色低碳与生态环境", "stance": "限制"}, "green", (), "restrict", (1.0, 1.0)),
        (
            {
                "theme": "green",
                "stance": "neutral",
                "theme_score": 0.4,
                "stance_score": "0.3",
                "also": ["sme", "green"],
            },
            "green",
            ("sme",),
            "neutral",
            (0.4, 0.3),
        ),
        (
            {"theme": "green", "stance": "neutral", "also": '["sme"]'},
            "green",
            ("sme",),
            "neutral",
            (1.0, 1.0),
        ),
        (
            {"theme": "green", "stance": "neutral", "also": "sme; finance"},
            "green",
            ("sme", "finance"),
            "neutral",
            (1.0, 1.0),
        ),
        ({"theme": "green", "stance": "neutral", "also": ""}, "green", (), "neutral", (1.0, 1.0)),
    ],
)
def test_tags_of_a_record(extra, theme, also, stance, scores):
    par = Paragraph("d", 1, "body", TEXT, extra=extra)
    assert tags_of(par, taxonomy=load_taxonomy()) == TaggedParagraph(
        par, theme, scores[0], also, stance, scores[1]
    )


@pytest.mark.parametrize(
    "extra",
    [{}, {"theme": None, "stance": "neutral"}, {"theme": ""}, {"theme": "green"}, {"stance": "neutral"}],
)
def test_a_record_without_theme_or_stance_has_no_tags(extra):
    assert tags_of(Paragraph("d", 1, "body", TEXT, extra=extra), taxonomy=load_taxonomy()) is None


def test_a_theme_is_enough_where_the_taxonomy_has_no_stances():
    par = Paragraph("d", 1, "body", TEXT, extra={"theme": "water", "stance": None})
    assert tags_of(par, taxonomy=ONE_HEAD) == TaggedParagraph(par, "water", 1.0)


@pytest.mark.parametrize(
    ("extra", "error", "message"),
    [
        ({"theme": "河道"}, TaxonomyError, r"d ¶4: unknown theme '河道'.*--model"),
        ({"theme": ["water"]}, LabelError, r"d ¶4: 'theme' is \['water'\]; expected a label or null"),
        ({"theme": "water", "theme_score": 3}, LabelError, "d ¶4: the score 3 is not a number from 0 to 1"),
        ({"theme": "water", "also": 5}, LabelError, "d ¶4: 'also' is 5; expected a list of labels"),
    ],
)
def test_wrong_tags_are_named_with_their_place(extra, error, message):
    with pytest.raises(error, match=message):
        tags_of(Paragraph("d", 4, "body", TEXT, extra=extra), taxonomy=ONE_HEAD)


@pytest.mark.parametrize(
    ("name", "given", "form"),
    [
        (None, None, "jsonl"),
        ("a.csv", None, "csv"),
        ("a.CSV", None, "csv"),
        ("a.parquet", None, "parquet"),
        ("a.txt", None, "jsonl"),
        ("a.csv", TableFormat.JSONL, "jsonl"),
        ("-", TableFormat.CSV, "csv"),
    ],
)
def test_table_format(name, given, form, tmp_path):
    out = None if name is None else (tmp_path / name if name != "-" else tmp_path.__class__("-"))
    assert table_format(out, given) == form


def test_parquet_needs_a_file():
    with pytest.raises(ConfigError, match="name a file with -o"):
        table_format(None, TableFormat.PARQUET)


@pytest.mark.parametrize(
    ("name", "given", "form"),
    [
        ("a.html", None, "html"),
        ("a.json", None, "json"),
        ("a.txt", None, "md"),
        ("a.html", ReportFormat.MD, "md"),
    ],
)
def test_report_format(name, given, form, tmp_path):
    assert report_format(tmp_path / name, given) == form


def write(out, rows, form):
    with open_table(out, form=form) as take:
        for row in rows:
            take(row)


def test_jsonl_is_chinese_text(tmp_path):
    write(tmp_path / "a.jsonl", [row_of(tagged()), row_of(tagged(n=1))], TableFormat.JSONL)
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [TAGGED_ROW, {**TAGGED_ROW, "n": 1}]
    assert TEXT in lines[0]


def test_csv_has_carried_fields_in_one_column(tmp_path):
    rows = [row_of(tagged()), row_of(tagged(来源={"网": [1]}, n=2, 空=None, 名='甲,"乙"\n丙'))]
    write(tmp_path / "a.csv", rows, TableFormat.CSV)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as stream:
        first, second = csv.DictReader(stream)
    assert tuple(first) == COLUMNS
    assert (first["also"], first["theme_score"], first["extra"]) == ('["upgrading"]', "0.9123", "")
    assert json.loads(first["themes"]) == TAGGED_ROW["themes"]
    assert json.loads(second["extra"]) == {"来源": {"网": [1]}, "n": 2, "空": None, "名": '甲,"乙"\n丙'}


def test_parquet_has_the_same_columns_whatever_is_carried(tmp_path):
    extra = {"n": 1, "mixed": "a", "big": 2**70, "flag": True, "部分": [0.5]}
    write(tmp_path / "a.parquet", [row_of(tagged(**extra)), row_of(tagged())], TableFormat.PARQUET)
    table = pq.read_table(tmp_path / "a.parquet")
    first, second = table.to_pylist()
    assert {name: first[name] for name in FIELDS} == TAGGED_ROW
    assert json.loads(first["extra"]) == extra
    assert second["extra"] is None
    assert table.schema.field("also").type == pa.list_(pa.string())
    assert tuple(table.schema.names) == COLUMNS


def test_a_field_named_extra_is_carried_like_others(tmp_path):
    assert json.loads(in_columns(row_of(tagged(extra="x")))["extra"]) == {"extra": "x"}


def test_parts_are_joined_to_large_row_groups(tmp_path):
    parts = [tmp_path / f"{number}.parquet" for number in range(5)]
    for number, part in enumerate(parts):
        pq.write_table(parquet_table([row_of(tagged(n=number))] * 3000), part)
    merge_parquet(parts, tmp_path / "all.parquet")
    whole = pq.ParquetFile(tmp_path / "all.parquet")
    assert [whole.metadata.row_group(n).num_rows for n in range(whole.num_row_groups)] == [9000, 6000]
    numbers = [json.loads(extra)["n"] for extra in whole.read()["extra"].to_pylist()]
    assert numbers == [number for number in range(5) for _ in range(3000)]


@pytest.mark.parametrize("form", [TableFormat.CSV, TableFormat.PARQUET])
def test_no_rows_still_make_a_table(form, tmp_path):
    out = tmp_path / f"a.{form}"
    write(out, [], form)
    if form is TableFormat.CSV:
        assert out.read_text(encoding="utf-8") == ",".join(COLUMNS) + "\n"
    else:
        assert (pq.read_table(out).num_rows, tuple(pq.read_schema(out).names)) == (0, COLUMNS)


@pytest.mark.parametrize("form", list(TableFormat))
def test_a_crash_leaves_the_old_file_and_nothing_else(form, tmp_path):
    out = tmp_path / "a.out"
    out.write_text("old")
    with pytest.raises(RuntimeError), open_table(out, form=form) as take:
        take(row_of(tagged()))
        raise RuntimeError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.out", "old")]


def test_the_final_name_appears_only_at_the_end(tmp_path):
    out = tmp_path / "a.md"
    with open_output(out) as stream:
        stream.write(b"whole")
        assert not out.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.md"]
    assert out.read_bytes() == b"whole"


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"cannot write .*no/a\.md: No such file"),
        open_output(tmp_path / "no/a.md"),
    ):
        pass


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "link.md").symlink_to("real.md")
    with open_output(tmp_path / "link.md") as stream:
        stream.write(b"new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "new"


def test_a_device_is_written_to_not_replaced(tmp_path):
    # A pipe stands for /dev/null, which a test run as root must not put at risk.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with open_output(pipe) as stream:
            stream.write(b"data")
        assert os.read(reader, 10) == b"data"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
