"""Records: JSON lines, JSON arrays, CSV."""

import json

from tests.zoo.case import SECOND, SENTENCE, Case

GOOD = json.dumps({"text": SENTENCE}, ensure_ascii=False)
LAST = json.dumps({"text": SECOND}, ensure_ascii=False)


def lines(name: str, line: str, code: str) -> Case:
    """A bad line between two good ones."""
    data = f"{GOOD}\n{line}\n{LAST}\n".encode()
    return Case(f"jsonl_{name}.jsonl", data, records=(SENTENCE, SECOND), bad=((2, code),))


def table(name: str, text: str, *records: str, **outcome: object) -> Case:
    return Case(f"csv_{name}.csv", text.encode(), records=records, **outcome)


def array(name: str, text: str, *records: str, **outcome: object) -> Case:
    return Case(f"json_{name}.json", text.encode(), records=records, **outcome)


CASES = (
    lines("bad_line", '{"text": ', "bad_json"),
    lines("two_objects", f"{GOOD}{GOOD}", "bad_json"),
    lines("single_quotes", "{'text': '甲'}", "bad_json"),
    lines("duplicate_key", '{"text": "甲。", "text": "乙。"}', "bad_json"),
    lines("duplicate_inner_key", '{"text": "甲。", "a": {"b": 1, "b": 2}}', "bad_json"),
    lines("text_is_number", '{"text": 5}', "no_text"),
    lines("text_is_null", '{"text": null}', "no_text"),
    lines("text_is_list", '{"text": ["甲"]}', "no_text"),
    lines("text_is_empty", '{"text": " \\u3000\\n"}', "no_text"),
    lines("no_text", '{"正文": "甲"}', "no_text"),
    lines("not_an_object", '["甲"]', "not_an_object"),
    lines("deep_900", '{"text": "甲。", "a": ' + "[" * 900 + "]" * 900 + "}", "bad_json"),
    lines("deep_100000", '{"text": "甲。", "a": ' + "[" * 100_000 + "]" * 100_000 + "}", "bad_json"),
    lines("nan", '{"text": "甲。", "n": NaN}', "bad_json"),
    lines("infinity", '{"text": "甲。", "n": -Infinity}', "bad_json"),
    lines("number_too_large", '{"text": "甲。", "n": 1e999}', "bad_json"),
    lines("number_of_5000_digits", '{"text": "甲。", "n": ' + "9" * 5_000 + "}", "bad_json"),
    lines("para_too_large", '{"text": "甲。", "para": 99999999999999999999}', "bad_field"),
    lines("para_negative", '{"text": "甲。", "para": -1}', "bad_field"),
    lines("end_before_start", '{"text": "甲。", "start": 9, "end": 3}', "bad_field"),
    lines("half_pair", '{"text": "甲\\ud800。"}', "bad_json"),
    lines("half_pair_in_key", '{"text": "甲。", "\\udc00": 1}', "bad_json"),
    lines("nul_escape", '{"text": "甲\\u0000乙"}', "bad_field"),
    Case(
        "jsonl_other_encoding.jsonl",
        f"{GOOD}\n".encode() + f"{GOOD}\n".encode("gbk") + LAST.encode(),
        records=(SENTENCE, SECOND),
        bad=((2, "bad_encoding"),),
    ),
    Case(
        "jsonl_utf8_in_gbk.jsonl",
        f"{GOOD}\n".encode("gbk") * 9 + f"{GOOD}\n".encode() + LAST.encode("gbk"),
        records=(*[SENTENCE] * 9, SECOND),
        bad=((10, "bad_encoding"),),
    ),
    Case(
        "jsonl_marks_and_blanks.jsonl",
        f"\ufeff\n{GOOD}\r\n\r\n  \n{LAST}".encode(),
        records=(SENTENCE, SECOND),
    ),
    Case(
        "jsonl_one_sign.jsonl",
        '{"text": "1,200 m³"}\n'.encode() + json.dumps({"text": SECOND}).encode(),
        records=("1,200 m³", SECOND),
    ),
    Case(
        "jsonl_first_sign_at_64_kib.jsonl",
        lambda: (
            b'{"text": "x"}' + b" " * (65_535 - 13 - 11) + b"\n" + f'{{"text": "{SENTENCE}"}}'.encode("gbk")
        ),
        records=("x", SENTENCE),
    ),
    Case("jsonl_utf16.jsonl", f"{GOOD}\n{LAST}\n".encode("utf-16"), records=(SENTENCE, SECOND)),
    Case("jsonl_empty.jsonl", b"", error="holds no records"),
    Case("jsonl_all_bad.jsonl", b"{\n[\n", bad=((1, "bad_json"), (2, "bad_json"))),
    Case(
        "jsonl_line_too_long.jsonl",
        lambda: f'{GOOD}\n{{"text": "{"长" * 11_000_000}"}}\n{LAST}'.encode(),
        records=(SENTENCE, SECOND),
        bad=((2, "too_large"),),
    ),
    array("good", f"[{GOOD}, {LAST}]", SENTENCE, SECOND),
    array(
        "some_bad",
        f'[{GOOD}, 5, {{"text": ""}}, {LAST}]',
        SENTENCE,
        SECOND,
        bad=((2, "not_an_object"), (3, "no_text")),
    ),
    array("cut", f"[{GOOD}, {LAST}", error="is not valid JSON"),
    array("object", GOOD, error="expected a JSON array of objects, found dict"),
    array("lines", f"{GOOD}\n{LAST}", error="is not valid JSON"),
    array("deep", "[" * 100_000, error="is not valid JSON"),
    array("duplicate_key", '[{"text": "甲", "text": "乙"}]', error="has the key 'text' twice"),
    array("half_pair", '[{"text": "\\ud800甲"}]', error="half a surrogate pair"),
    array("nan", f'[{{"text": "{SENTENCE}", "n": NaN}}]', error="NaN is not valid JSON"),
    array("empty", " \n", error="is empty"),
    array("no_records", "[]", error="holds no records"),
    table("quotes", f'text,n\n"他说""好""，{SENTENCE}",1\n', f'他说"好"，{SENTENCE}', extra={"n": "1"}),
    table("line_ends_in_cells", f'text\r\n"{SENTENCE}\r\n{SECOND}"\r\n', f"{SENTENCE}\n{SECOND}"),
    table("one_sign", "id,text\n1,1 200 m³\n", "1 200 m³"),
    table("carriage_returns", f"id,text\r1,{SENTENCE}\r2,{SECOND}\r", SENTENCE, SECOND),
    table("carriage_return_in_cell", f'id,text\r\n1,"{SENTENCE}\r{SECOND}"\r\n', f"{SENTENCE}\n{SECOND}"),
    table("carriage_returns_doubled", f"id,text\r\r\n1,{SENTENCE}\r\r\n", SENTENCE),
    table(
        "carriage_returns_mixed",
        f"id,text\r1,{SENTENCE}\n2\r3,{SECOND}",
        SENTENCE,
        SECOND,
        bad=((3, "no_text"),),
    ),
    table("too_many_cells", f"id,text\n1,甲,乙\n2,{SENTENCE}\n", SENTENCE, bad=((2, "bad_csv"),)),
    table("too_few_cells", f"id,text\n1\n2,{SENTENCE}\n", SENTENCE, bad=((2, "no_text"),)),
    table("quote_inside", f'id,text\n1,"x"y\n2,{SENTENCE}\n', SENTENCE, bad=((2, "bad_csv"),)),
    table("quote_not_closed", f'text\n{SENTENCE}\n"甲\n乙\n', SENTENCE, bad=((3, "bad_csv"),)),
    table("cell_of_50000", f"text\n{SENTENCE * 1_350}\n", SENTENCE * 1_350),
    table("cell_too_long", f"text\n{SENTENCE * 4_000}\n{SECOND}\n", SECOND, bad=((2, "bad_csv"),)),
    table("other_column", f"正文\n{SENTENCE}\n", error="has no column 'text'; columns: 正文"),
    table("semicolons", f"id;text\n1;{SENTENCE}\n", error="has no column 'text'"),
    table("two_text_columns", f"text,text\n甲,{SENTENCE}\n", error="has two columns 'text'"),
    table("nameless_columns", f"text,,\n{SENTENCE},,备注\n", SENTENCE, extra={"column_3": "备注"}),
    table("formulas", f"text,a,b\n'={SENTENCE},'+1-2,-5\n", f"={SENTENCE}", extra={"a": "+1-2", "b": "-5"}),
    table(
        "nul", f"text\n{SENTENCE}\n甲\0乙\n", SENTENCE, error="holds NUL characters, so it is not CSV text"
    ),
    table("only_header", "id,text\n", error="holds no records"),
    table("empty", "", error="is empty"),
    table("empty_rows", f"text\n\n,\n{SENTENCE}\n\n", SENTENCE),
    Case("csv_gbk.csv", f"text\n{SENTENCE}\n".encode("gbk"), records=(SENTENCE,)),
    Case("csv_utf16.csv", f"text\n{SENTENCE}\n".encode("utf-16"), records=(SENTENCE,)),
)
