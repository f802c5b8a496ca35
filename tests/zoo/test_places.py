"""What names may stand for besides files, and files that are not what they were."""

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from policylens.data.limits import Limits
from policylens.data.paths import document_name
from policylens.data.read import InputFailure
from policylens.infer.streams.inputs import read_paragraphs
from tests.zoo.case import SECOND, SENTENCE
from tests.zoo.command import policylens

GOOD = "good.txt"


@pytest.fixture
def folder(tmp_path):
    """A folder with one good file, which has to be read whatever else is there."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / GOOD).write_text(SENTENCE, encoding="utf-8")
    return folder


def outcome(*inputs, **options):
    """Texts of all paragraphs and messages of all failures."""
    found = list(read_paragraphs([str(item) for item in inputs], **options))
    failed = [item for item in found if isinstance(item, InputFailure)]
    assert all(len(item.message.splitlines()) == 1 for item in failed)
    return [item.text for item in found if item not in failed], [item.message for item in failed]


def loop_of_folders(folder):
    (folder / "again").symlink_to(folder, target_is_directory=True)


def loop_of_files(folder):
    (folder / "a.txt").symlink_to(folder / "b.txt")
    (folder / "b.txt").symlink_to(folder / "a.txt")


def link_to_nothing(folder):
    (folder / "a.txt").symlink_to(folder / "none.txt")


def link_to_endless_device(folder):
    (folder / "zero.txt").symlink_to("/dev/zero")


def link_to_endless_records(folder):
    (folder / "zero.jsonl").symlink_to("/dev/zero")


def pipe(folder):
    os.mkfifo(folder / "pipe.txt")


def pipe_of_records(folder):
    os.mkfifo(folder / "pipe.jsonl")


def name_of_two_lines(folder):
    (folder / "a\nb\x1b[31m.txt").write_bytes(b"")


def name_that_is_not_utf8(folder):
    Path(os.fsdecode(os.fsencode(folder) + b"/\xce\xff\xfe.txt")).write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "messages"),
    [
        (loop_of_folders, ["again: is a link to a folder and not followed"]),
        (loop_of_files, ["a.txt: cannot be read (Too many levels of symbolic links)",
                         "b.txt: cannot be read (Too many levels of symbolic links)"]),
        (link_to_nothing, ["a.txt: cannot be read (No such file or directory)"]),
        (link_to_endless_device, ["zero.txt: is not a regular file; give a file, or pipe the text in"]),
        (link_to_endless_records, ["zero.jsonl: is not a regular file"]),
        (pipe, ["pipe.txt: is not a regular file"]),
        (pipe_of_records, ["pipe.jsonl: is not a regular file"]),
        (name_of_two_lines, [r"a\nb\x1b[31m.txt: is empty"]),
        (name_that_is_not_utf8, [r"\udcce\udcff\udcfe.txt: is empty"]),
    ],
)  # fmt: skip
def test_what_is_no_file_is_named_and_the_others_are_read(folder, make, messages):
    make(folder)
    texts, failures = outcome(folder)
    assert texts == [SENTENCE]
    assert len(failures) == len(messages)
    for failure, message in zip(sorted(failures), messages, strict=True):
        assert failure.startswith(f"{folder}/{message}")


@pytest.mark.parametrize(
    "make", [link_to_endless_device, pipe, loop_of_files, link_to_nothing, name_of_two_lines]
)
def test_the_same_named_one_by_one(folder, make):
    make(folder)
    named = sorted(path for path in folder.iterdir())
    texts, failures = outcome(*named)
    assert texts == [SENTENCE]
    assert len(failures) == len(named) - 1


def test_folder_that_is_called_like_a_file_is_a_folder(folder):
    (folder / "x.txt").mkdir()
    (folder / "x.txt" / "y.txt").write_text(SECOND, encoding="utf-8")
    (folder / "z.txt").mkdir()
    assert outcome(folder) == ([SENTENCE, SECOND], [])
    assert outcome(folder / "x.txt") == ([SECOND], [])
    (failure,) = outcome(folder / "z.txt")[1]
    assert failure.startswith(f"{folder / 'z.txt'}: holds no supported file")


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".txt", "none/" * 2_000, SENTENCE * 20])
def test_names_that_no_file_can_have(folder, name):
    texts, (failure,) = outcome(name, folder)
    assert texts == [SENTENCE]
    assert failure.startswith(f"{name}: ")


def test_documents_of_other_kinds_in_a_folder_are_told(folder, caplog):
    for name in ("a.doc", "b.DOC", "c.wps", "d.jpg", "e.py", "~$f.doc"):
        (folder / name).write_bytes(b"x")
    assert outcome(folder) == ([SENTENCE], [])
    assert caplog.messages == [f"{folder}: documents of other kinds are left out: .doc 2, .wps 1"]


@contextmanager
def without_rights():
    """As a user who may read only what all may; root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_missing_rights_are_named():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for file in (GOOD, "locked.txt", "locked.jsonl"):
            (folder / file).write_text(SENTENCE, encoding="utf-8")
        (folder / "shut").mkdir(mode=0o700)
        (folder / "shut" / "x.txt").write_text(SECOND, encoding="utf-8")
        for file in ("locked.txt", "locked.jsonl", "shut"):
            (folder / file).chmod(0)
        try:
            with without_rights():
                texts, failures = outcome(folder)
                _, (named,) = outcome(folder / "shut" / "x.txt")
        finally:
            (folder / "shut").chmod(0o700)
    assert texts == [SENTENCE]
    assert sorted(failures) == [
        f"{folder}/{file}: cannot be read (Permission denied)"
        for file in ("locked.jsonl", "locked.txt", "shut")
    ]
    assert named == f"{folder}/shut/x.txt: cannot be read (Permission denied)"


def test_document_that_grows_while_it_is_read_is_named(folder):
    path = folder / "records.jsonl"
    path.write_text(json.dumps({"text": SENTENCE}) + "\n", encoding="utf-8")
    found = read_paragraphs([str(path)])
    assert next(found).text == SENTENCE
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"text": SECOND}) + "\n")
    *more, failure = found
    assert [item.text for item in more] == [SECOND]
    assert (failure.error, failure.message.split(": ")[1][:27]) == ("changed", "changed while it was read (")


def test_file_that_goes_away_before_it_is_read_is_named(folder):
    (folder / "a.txt").write_text(SENTENCE, encoding="utf-8")
    found = read_paragraphs([str(folder)])
    assert next(found).text == SENTENCE
    (folder / GOOD).unlink()
    failures = list(found)
    assert [item.error for item in failures] == ["unreadable", "changed"] or [
        item.message for item in failures
    ] == [f"{folder / GOOD}: cannot be read (No such file or directory)"]


@pytest.mark.parametrize(
    ("name", "doc"),
    [
        ("a\nb.txt", "a b"),
        ("甲　乙.txt", "甲　乙"),
        ("\u202eab.txt", " ab"),
        (b"\xce\xc4.txt", "\ufffd\ufffd"),
    ],
)
def test_names_of_documents_are_text_of_one_line(name, doc):
    assert document_name(os.fsdecode(name)) == doc


def test_command_line_ends_with_endless_input():
    with Path("/dev/zero").open("rb") as endless:
        done = policylens("reflow", "-", stdin=endless)
    assert done.returncode == 1
    assert done.stdout == b""
    errors = done.stderr.decode().splitlines()
    assert len(errors) == 2
    assert errors[0].startswith("error: -: holds more than 5,000,000 characters, the limit is 5,000,000")
    assert errors[1] == "error: no input could be read, so nothing is written"


def test_command_line_names_odd_places_and_goes_on(folder):
    for make in (loop_of_folders, loop_of_files, pipe, name_of_two_lines, name_that_is_not_utf8):
        make(folder)
    done = policylens("reflow", folder, "/dev/zero", "none.txt")
    assert done.returncode == 1
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == [SENTENCE]
    errors = done.stderr.decode().splitlines()
    assert len(errors) == 8
    assert all(line.startswith("error: ") and line.isprintable() for line in errors)


def test_limits_of_the_library():
    data = [
        ("chars", f"{SENTENCE}\n" * 3, "holds more than 50 characters"),
        ("lines", "甲\n" * 99, "holds 100 lines"),
    ]
    for name, text, message in data:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.txt"
            path.write_text(text, encoding="utf-8")
            texts, (failure,) = outcome(path, limits=Limits(**{name: 50}))
            assert texts == []
            assert failure == f"{path}: {message}, the limit is 50; split it, or raise it by --limit {name}=N"
