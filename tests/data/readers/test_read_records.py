import json

import pytest

from policylens.data.errors import InputError
from policylens.data.read import read_records
from policylens.data.readers.read_records import RecordError
from policylens.data.records import Paragraph

TEXT = "加快推进制造业数字化转型，完善服务体系。"


def write(tmp_path, name, text, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def test_minimal_record(tmp_path):
    path = write(tmp_path, "甲.jsonl", json.dumps({"text": TEXT}))
    (par,) = read_records(path)
    assert par == Paragraph(doc="甲", para=1, kind="body", text=TEXT, end=20, spans=((0, 20),))


def test_all_fields_are_used_and_the_rest_is_carried(tmp_path):
    tags = {
        "theme": "a",
        "theme_score": 0.9,
        "also": ["b"],
        "stance": "s",
        "themes": [{"label": "a", "score": 0.9}],
    }
    record = {
        "id": 7, "doc": "乙", "para": 3, "kind": "heading", "heading": "一、要求", "prev": "前段。",
        "start": 10, "end": 40, "title": "标题", "text": f" {TEXT}\r\n", "来源": None, **tags,
    }  # fmt: skip
    (par,) = read_records(write(tmp_path, "x.jsonl", json.dumps(record, ensure_ascii=False)))
    assert par == Paragraph(
        doc="乙", para=3, kind="heading", text=f" {TEXT}\r\n", title="标题", heading="一、要求",
        heading_path=("一、要求",), prev="前段。", start=10, end=40, spans=((10, 40),), id="7",
        extra={"来源": None, **tags},
    )  # fmt: skip


def test_unknown_kind_is_body_and_carried(tmp_path):
    (par,) = read_records(write(tmp_path, "x.jsonl", '{"text": "甲。", "kind": "新闻"}'))
    assert (par.kind, dict(par.extra)) == ("body", {"kind": "新闻"})


def test_other_field_names(tmp_path):
    path = write(tmp_path, "x.jsonl", '{"content": "正文。", "name": "题", "text": 1, "title": 2}')
    (par,) = read_records(path, text_field="content", title_field="name", doc="丙")
    assert (par.doc, par.text, par.title, dict(par.extra)) == ("丙", "正文。", "题", {"text": 1, "title": 2})


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("{bad", "bad_json", "not valid JSON (Expecting property name"),
        ('{"text": "甲", "n": NaN}', "bad_json", "NaN is not valid JSON"),
        ('{"text": "\\ud800"}', "bad_json", "half a surrogate pair"),
        ("[" * 100_000, "bad_json", "not valid JSON"),
        ('["甲"]', "not_an_object", "expected a JSON object, found list"),
        ('{"title": "题", "id": 1}', "no_text", "no field 'text'; fields: title, id (see --text-field)"),
        ('{"text": null}', "no_text", "'text' is NoneType, expected a string"),
        ('{"text": " \\n"}', "no_text", "'text' is empty"),
        ('{"text": "甲", "para": 0}', "bad_field", "'para' is 0, expected a whole number of at least 1"),
        (
            '{"text": "甲", "start": 5, "end": 4}',
            "bad_field",
            "'end' is 4, expected a whole number of at least 5",
        ),
        ('{"text": "甲", "title": ["题"]}', "bad_field", "'title' is list, expected a string"),
    ],
)
def test_bad_record_is_named_and_the_next_ones_follow(tmp_path, line, code, message):
    path = write(tmp_path, "x.jsonl", f'{{"text": "前。"}}\n\n{line}\n{{"text": "后。"}}\n')
    first, bad, last = read_records(path)
    assert (first.text, first.para, last.text, last.para) == ("前。", 1, "后。", 3)
    assert isinstance(bad, RecordError)
    assert (bad.input, bad.line, bad.error) == (str(path), 3, code)
    assert bad.message.startswith(f"{path}, line 3: ")
    assert message in bad.message


def test_line_with_wrong_bytes_is_a_bad_record(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(f'{{"text": "{TEXT}"}}\n'.encode() + b'{"text": "\xff"}\n' + '{"text": "后。"}'.encode())
    first, bad, last = read_records(path)
    assert (first.text, bad.error, bad.line, last.text) == (TEXT, "bad_encoding", 2, "后。")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.json"])
def test_encodings(tmp_path, name, encoding):
    record = json.dumps({"text": TEXT, "题": "甲"}, ensure_ascii=False)
    text = {"x.jsonl": record, "x.csv": f"题,text\n甲,{TEXT}\n", "x.json": f"[{record}]"}[name]
    (par,) = read_records(write(tmp_path, name, text, encoding))
    assert (par.text, dict(par.extra)) == (TEXT, {"题": "甲"})


def test_csv_with_quoted_line_ends_and_bad_rows(tmp_path):
    rows = 'id,text,para\r\n1,"第一行，\r\n第二行。",4\r\n\r\n2,a,b,c\r\n3,,\r\n4\r\n5,"x"y,\r\n6,末段。,\r\n'
    path = write(tmp_path, "x.csv", rows)
    first, *bad, last = read_records(path)
    assert (first.id, first.text, first.para) == ("1", "第一行，\n第二行。", 4)
    assert [(item.line, item.error) for item in bad] == [
        (5, "bad_csv"), (6, "no_text"), (7, "no_text"), (8, "bad_csv"),
    ]  # fmt: skip
    assert bad[0].message == f"{path}, line 5: 4 fields, the header has 3; put text with commas in quotes"
    assert (last.id, last.text, last.para) == ("6", "末段。", 6)


def test_csv_in_gb18030(tmp_path):
    path = write(tmp_path, "x.csv", f"标题,正文\n通知,{TEXT}\n通知,完善公共服务。\n", "gb18030")
    found = list(read_records(path, text_field="正文", title_field="标题"))
    assert [(par.title, par.text, par.para) for par in found] == [
        ("通知", TEXT, 1),
        ("通知", "完善公共服务。", 2),
    ]


def test_csv_without_the_text_column_names_the_columns(tmp_path):
    path = write(tmp_path, "x.csv", "标题,正文\n通知,内容\n")
    with pytest.raises(InputError, match=r"no column 'text'; columns: 标题, 正文; .*--text-field"):
        list(read_records(path))


def test_csv_quote_that_is_never_closed_is_an_error(tmp_path):
    first, bad = read_records(write(tmp_path, "x.csv", 'text\n甲。\n"乙。\n丙。\n'))
    assert (first.text, bad.line, bad.error) == ("甲。", 3, "bad_csv")


def test_json_array(tmp_path):
    path = write(tmp_path, "x.json", '[{"text": "甲。"}, 5, {"text": "乙。"}]')
    first, bad, last = read_records(path)
    assert (first.text, bad.line, bad.error, last.text, last.para) == ("甲。", 2, "not_an_object", "乙。", 3)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.json", '{"text": "甲"}', "expected a JSON array of objects, found dict"),
        ("x.json", '{"text": "甲"}\n{"text": "乙"}', "is not valid JSON"),
        ("x.json", " ", "is empty"),
        ("x.jsonl", "\n\n", "holds no records"),
        ("x.csv", "", "is empty"),
        ("x.csv", "text\n", "holds no records"),
    ],
)
def test_unusable_files(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        list(read_records(write(tmp_path, name, text)))


def test_records_are_read_one_by_one(tmp_path):
    path = write(tmp_path, "x.jsonl", f'{{"text": "{TEXT}"}}\n' * 20_000)
    found = read_records(path)
    assert next(found).para == 1
    assert sum(1 for _ in found) == 19_999
