import io
import os

import pytest

from policylens.data.errors import InputError, MissingExtraError
from policylens.data.read import (
    InputFailure,
    RecordError,
    expand_inputs,
    is_records,
    read_document,
    read_records,
    read_stdin,
)
from policylens.data.records import Document

TEXT = "一、总体要求\n　　加快推进制造业数字化转型。\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("b.txt", "a.MD", "sub/c.jsonl", "sub/d.xls", ".hidden.txt", "~$e.docx", ".git/f.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEXT, encoding="utf-8")
    return tmp_path / "in"


def test_folder_gives_supported_files_sorted(folder):
    assert expand_inputs([str(folder)]) == [folder / "a.MD", folder / "b.txt", folder / "sub/c.jsonl"]


def test_inputs_keep_their_order_and_come_once(folder):
    given = ["-", str(folder / "b.txt"), str(folder), "-", str(folder / "sub" / ".." / "b.txt")]
    assert expand_inputs(given) == ["-", folder / "b.txt", folder / "a.MD", folder / "sub/c.jsonl"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("*.txt", ["b.txt"]), ("**/*.jsonl", ["sub/c.jsonl"]), ("*", ["a.MD", "b.txt", "sub/c.jsonl"])],
)
def test_pattern(folder, pattern, names):
    assert expand_inputs([str(folder / pattern)]) == [folder / name for name in names]


def test_file_whose_name_looks_like_a_pattern(tmp_path):
    path = tmp_path / "通知[1].txt"
    path.write_text(TEXT, encoding="utf-8")
    assert expand_inputs([str(path)]) == [path]


def test_failed_inputs_stand_in_their_place(folder):
    (folder / "empty").mkdir()
    names = ["none.txt", "*.pdf", "empty", "sub/d.xls"]
    given = [str(folder / name) for name in names]
    found = expand_inputs([given[0], str(folder / "b.txt"), *given[1:], ""])
    assert found[1] == folder / "b.txt"
    assert [item.path for item in found if isinstance(item, InputFailure)] == [*given, ""]
    assert [item.message.removeprefix(item.path) for item in found if isinstance(item, InputFailure)] == [
        ": does not exist; expected a file, a folder, a pattern or -",
        ": matches no supported file (.txt, .md, .html, .htm, .docx, .pdf, .jsonl, .csv, .json)",
        ": holds no supported file (.txt, .md, .html, .htm, .docx, .pdf, .jsonl, .csv, .json)",
        ": cannot be read as .xls; expected .txt, .md, .html, .htm, .docx, .pdf, .jsonl, .csv, .json",
        "an input is empty; expected a file, a folder, a pattern or -",
    ]


def test_text_file_is_kept_as_it_is(tmp_path):
    path = tmp_path / "通知.txt"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert read_document(path) == Document(doc="通知", text=TEXT, path=str(path))
    assert read_document(path, doc="甲").doc == "甲"


def test_folder_with_a_broken_file_reads_the_others(tmp_path):
    (tmp_path / "a.txt").write_bytes(TEXT.encode("gb18030"))
    (tmp_path / "b.docx").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "c.txt").write_bytes(bytes(range(256)))
    (tmp_path / "d.txt").write_bytes(TEXT.encode("utf-16"))
    read, failed = [], []
    for path in expand_inputs([str(tmp_path)]):
        try:
            read.append(read_document(path).text)
        except InputError as error:
            failed.append(str(error).split(": ")[0])
    assert read == [TEXT, TEXT]
    assert failed == [str(tmp_path / "b.docx"), str(tmp_path / "c.txt")]


@pytest.mark.parametrize("data", [b"", b" \n\r\n\t", b"\xef\xbb\xbf", "\u3000\n".encode()])
@pytest.mark.parametrize("suffix", [".txt", ".md"])
def test_empty_file_is_an_error(tmp_path, suffix, data):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"x\.\w+: is empty"):
        read_document(path)


@pytest.mark.parametrize("suffix", [".html", ".docx", ".pdf"])
def test_empty_file_of_a_format_is_an_error(suffix):
    with pytest.raises(InputError, match="is empty"):
        read_document(f"x{suffix}", data=b"")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.txt", "cannot be read (No such file or directory)"),
        ("dir.txt", "is a folder; give a file"),
        ("pipe.txt", "is not a regular file; give a file, or pipe the text in and give -"),
        ("a\0b.txt", "is not a file name"),
        ("x.doc", "cannot be read as .doc; expected .txt"),
        ("README", "cannot be read as no suffix; expected .txt"),
    ],
)
def test_unreadable_paths(tmp_path, name, message):
    (tmp_path / "dir.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(InputError) as caught:
        read_document(tmp_path / name)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "module", "package"),
    [(".docx", "docx", "python-docx"), (".pdf", "pypdfium2", "pypdfium2"), (".html", "lxml", "lxml")],
)
def test_missing_package_names_the_extra(monkeypatch, suffix, module, package):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        read_document(f"x{suffix}", data=b"data")
    assert f"{package!r}" in str(caught.value)
    assert "policylens[docs]" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"), [("a.jsonl", True), ("a.CSV", True), ("a.json", True), ("a.txt", False)]
)
def test_is_records(name, expected):
    assert is_records(name) is expected


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("gb18030"),
        TEXT.encode("utf-16"),
        f"\n\n{TEXT}".encode(),
        '{"title": "没有正文"}\n'.encode(),
        "{不是 JSON\n".encode(),
    ],
)
def test_stdin_text(data):
    document = read_stdin(io.BytesIO(data))
    assert isinstance(document, Document)
    assert (document.doc, document.path) == ("stdin", "-")
    assert document.text.encode() in (data, TEXT.encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_stdin_records(encoding):
    lines = '\n{"text": "加快发展先进制造业。", "theme": "x"}\n{bad\n{"text": "完善公共服务平台。"}\n'
    items = list(read_stdin(io.BytesIO(lines.encode(encoding))))
    assert [getattr(item, "text", None) for item in items] == [
        "加快发展先进制造业。",
        None,
        "完善公共服务平台。",
    ]
    assert (items[0].doc, items[0].para, items[2].para) == ("stdin", 1, 3)
    assert isinstance(items[1], RecordError)
    assert (items[1].input, items[1].line, items[1].error) == ("-", 3, "bad_json")


def test_stdin_records_are_used_before_the_input_ends():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb", buffering=0) as sink:
        sink.write('{"text": "第一条。"}\n'.encode())
        items = read_stdin(stream)
        assert next(items).text == "第一条。"
        sink.write('{"text": "第二条。"}\n'.encode())
        assert next(items).text == "第二条。"
        sink.close()
        assert list(items) == []


def test_empty_stdin_is_an_error():
    with pytest.raises(InputError, match="-: is empty"):
        read_stdin(io.BytesIO(b" \n"))


def test_document_suffix_is_no_record_file():
    with pytest.raises(InputError, match=r"expected \.jsonl, \.csv, \.json"):
        next(read_records("x.txt"))
