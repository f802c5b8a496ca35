"""Every case through the library, one by one, and all of them at once through the command line."""

import json
import time
from collections import defaultdict
from functools import cache

import pytest

from policylens.data.read import InputFailure, is_records, read_document
from policylens.infer.streams.inputs import read_paragraphs
from tests.zoo import encodings, pages_html, pdf_files, tables, texts, word_files
from tests.zoo.command import policylens

CASES = [
    *encodings.CASES,
    *texts.CASES,
    *pages_html.CASES,
    *tables.CASES,
    *word_files.CASES,
    *pdf_files.CASES,
]
# Of processor time, on a machine that has other things to do. The slowest case needs a fifth of it.
CASE_SECONDS = 30


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    for case in CASES:
        case.write(folder)
    return folder


@pytest.fixture(scope="module")
def read(zoo):
    """Reads a case once, in bounded time: its paragraphs and failures."""

    @cache
    def read_one(case):
        start = time.process_time()
        found = list(read_paragraphs([str(zoo / case.name)]))
        assert time.process_time() - start < CASE_SECONDS
        failures = [item for item in found if isinstance(item, InputFailure)]
        return [item for item in found if not isinstance(item, InputFailure)], failures

    return read_one


READABLE = [case for case in CASES if case.text is not None]
REFUSED = [case for case in CASES if case.error]
RECORDS = [case for case in CASES if case.records or case.bad]


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def test_the_zoo_is_large_and_every_case_says_what_comes_of_it():
    assert len(CASES) >= 120
    assert len({case.name.split(".")[0] for case in CASES}) == len(CASES)
    for case in CASES:
        outcomes = [case.text is not None, bool(case.error), bool(case.records or case.bad)]
        # A CSV file may break off after records that could be used.
        assert sum(outcomes) == 1 or (case.error and case.records), case.name


@named(READABLE)
def test_document_is_read_as_it_is(case, zoo, read):
    assert read_document(zoo / case.name).text == case.text
    paragraphs, failures = read(case)
    assert paragraphs
    assert failures == []
    assert all(0 <= start < end <= len(case.text) for par in paragraphs for start, end in par.spans)


@named(REFUSED)
def test_file_that_cannot_be_used_is_one_named_line(case, zoo, read):
    paragraphs, (failure,) = read(case)
    path = str(zoo / case.name)
    assert [item.text for item in paragraphs] == list(case.records)
    assert failure.path == path
    assert failure.message.startswith((f"{path}: ", f"{path}, line "))
    assert case.error in failure.message
    assert len(failure.message.splitlines()) == 1


@named([case for case in RECORDS if not case.error])
def test_records_that_can_be_used_are_read_and_the_others_named(case, read):
    records, bad = read(case)
    assert tuple(par.text for par in records) == case.records
    assert tuple((failure.line, failure.error) for failure in bad) == case.bad
    assert all(len(failure.message.splitlines()) == 1 for failure in bad)
    if case.extra:
        assert dict(records[0].extra) == case.extra


def test_command_line_reads_what_can_be_read_and_names_the_rest(zoo, read):
    done = policylens("reflow", zoo)
    assert done.returncode == 1, done.stderr[-3000:]
    rows = defaultdict(list)
    for line in done.stdout.splitlines():
        row = json.loads(line)
        rows[row["doc"]].append(row["text"])
    for case in CASES:
        usable, _ = read(case)
        assert rows[case.name.split(".")[0]] == [par.text for par in usable], case.name
    said = done.stderr.decode().splitlines()
    told = [line for line in said if line.startswith("error: ")]
    for case in CASES:
        about = [line for line in told if line.startswith(f"error: {zoo / case.name}")]
        assert len(about) == (1 if case.error else len(case.bad)), (case.name, about)
    assert len(told) == sum(1 if case.error else len(case.bad) for case in CASES)
    assert not [line for line in said if "Traceback" in line]


def test_is_records_parts_the_zoo():
    assert {is_records(case.name) for case in RECORDS} == {True}
    assert {is_records(case.name) for case in READABLE} == {False}
