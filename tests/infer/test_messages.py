from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from policylens.infer.messages import (
    Catalogue,
    Language,
    TalkFormatter,
    locale_language,
    read_catalogue,
    text,
    translated,
    use_language,
)

ENTRIES = {
    "wrote {path}": "已写入 {path}",
    "{path}: {reason}": "{path}：{reason}",
    "{path} is not empty; export into a new folder": "{path} 不是空的；请导出到新文件夹",
    "{done} of {total} rows": "{total} 条中的 {done} 条",
    "cannot write {path}: {reason}": "写不了 {path}：{reason}",
    "is empty": "是空的",
    "not translated yet {path}": "",
}


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    use_language(Language.EN)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "de_DE.UTF-8"}, "en"),
    ],
)
def test_language_of_the_locale(environment: dict[str, str], language: str) -> None:
    assert locale_language(environment) == language


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("wrote a b.md", "已写入 a b.md"),
        ("3 of 5 rows", "5 条中的 3 条"),
        ("my-model is not empty; export into a new folder", "my-model 不是空的；请导出到新文件夹"),
        # A reason that is itself a sentence of ours; and one that is not stays as it is.
        ("a.txt: is empty", "a.txt：是空的"),
        ("a.txt: Permission denied", "a.txt: Permission denied"),
        ("cannot write a.md: No space left on device", "写不了 a.md：No space left on device"),
        ("not translated yet a", "not translated yet a"),
        ("something else", "something else"),
    ],
)
def test_a_message_is_recognised_by_its_sentence(message: str, expected: str) -> None:
    assert Catalogue(ENTRIES).recognise(message) == expected


def test_values_may_hold_braces() -> None:
    assert Catalogue(ENTRIES).recognise("wrote {x}.md") == "已写入 {x}.md"
    use_language(Language.ZH)
    assert text("wrote {path}", path="{0}.md") == "已写入 {0}.md"


def test_english_is_the_sentence_itself() -> None:
    assert text("wrote {path}", path="a.md") == "wrote a.md"
    assert translated("no input could be read, so nothing is written") == (
        "no input could be read, so nothing is written"
    )
    use_language(Language.ZH)
    assert translated("no input could be read, so nothing is written") == (
        "没有一个输入读得了，因此什么也没有写"
    )


def test_log_records_speak_the_language() -> None:
    record = logging.LogRecord(
        "policylens",
        logging.WARNING,
        "",
        0,
        "interrupted at step %d; --resume goes on from there",
        (40,),
        None,
    )
    assert TalkFormatter().format(record) == ("WARNING: interrupted at step 40; --resume goes on from there")
    use_language(Language.ZH)
    assert TalkFormatter().format(record) == "警告: 在第 40 步中断；用 --resume 接着训练"


def test_catalogue_file(tmp_path: Path) -> None:
    path = tmp_path / "zh.po"
    path.write_text(
        '# head\nmsgid ""\nmsgstr "Language: zh_CN\\n"\n\n#. help\nmsgid "a \\"b\\""\nmsgstr "甲“乙”"\n\n'
        'msgid ""\n"two "\n"parts"\nmsgstr ""\n"两"\n"部分"\n\nmsgid "open"\nmsgstr ""\n',
        encoding="utf-8",
    )
    assert read_catalogue(path) == {'a "b"': "甲“乙”", "two parts": "两部分"}
