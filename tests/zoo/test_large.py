"""Very large inputs, with bounds of their own.

What each says of itself was measured on 2026-11-24 on two cores: processor time, most memory in use. To start
the command takes about 1.3 s and 55 MB of that.
"""

import os
import resource
import time

import pytest

from tests.zoo.case import SECOND, SENTENCE
from tests.zoo.command import policylens

MB = 1_000_000
LINE = f"{SENTENCE}\n".encode()


def write(path, piece, *, times, end=b""):
    with path.open("wb") as stream:
        for _ in range(times // 1000):
            stream.write(piece * 1000)
        stream.write(end)
    return path


def seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(path, *options, seconds, memory_mb):
    """Reflow one large file beside a good one, within bounds; gives what was written and said."""
    good = path.parent / "zz_good.txt"
    good.write_text(SECOND, encoding="utf-8")
    before = seconds_of_children()
    done = policylens("reflow", *options, path, good, memory_bytes=memory_mb * MB)
    assert seconds_of_children() - before < seconds
    lines = done.stdout.splitlines()
    assert SECOND.encode() in lines[-1]
    return done.returncode, lines[:-1], done.stderr.decode().splitlines()


def test_one_line_of_100_mb_is_refused_at_once(tmp_path):
    """1.4 s, 77 MB."""
    path = write(tmp_path / "line.txt", SENTENCE.encode(), times=953_000)
    assert path.stat().st_size > 100 * MB
    code, rows, errors = run(path, seconds=10, memory_mb=2_000)
    assert (code, rows) == (1, [])
    assert errors == [
        f"error: {path}: holds more than 5,000,000 characters, the limit is 5,000,000; "
        "split it, or raise it by --limit chars=N"
    ]


def test_one_line_as_long_as_a_document_may_be_is_read(tmp_path):
    """5 million characters: 4.2 s, 125 MB."""
    path = write(tmp_path / "line.txt", SENTENCE.encode(), times=140_000)
    code, rows, errors = run(path, seconds=40, memory_mb=3_000)
    assert (code, len(rows), errors) == (0, 1, [])
    assert rows[0].count(SENTENCE.encode()) == 140_000


def test_a_million_lines_are_refused_at_once(tmp_path):
    """1.7 s, 83 MB."""
    path = write(tmp_path / "lines.txt", "甲乙。\n".encode(), times=1_000_000)
    code, rows, errors = run(path, seconds=10, memory_mb=2_000)
    assert (code, rows) == (1, [])
    assert errors == [
        f"error: {path}: holds 1,000,001 lines, the limit is 200,000; "
        "split it, or raise it by --limit lines=N"
    ]


def test_100000_records_are_read_in_constant_memory(tmp_path):
    """5.6 s, 58 MB."""
    path = write(tmp_path / "records.jsonl", f'{{"text": "{SECOND}"}}\n'.encode(), times=100_000)
    code, rows, errors = run(path, seconds=40, memory_mb=2_000)
    assert (code, len(rows), errors) == (0, 100_000, [])


def test_records_without_a_line_end_are_refused_at_once(tmp_path):
    """1.6 s, 120 MB."""
    path = write(tmp_path / "records.jsonl", b'{"text": "x", ', times=8_000_000)
    assert path.stat().st_size > 100 * MB
    code, rows, errors = run(path, seconds=10, memory_mb=2_000)
    assert (code, rows, len(errors)) == (1, [], 1)
    assert errors[0].startswith(f"error: {path}, line 1: is longer than 32,000,000 bytes")


@pytest.mark.parametrize("suffix", [".html", ".json", ".pdf", ".docx", ".csv"])
def test_a_hole_of_a_terabyte_is_refused_at_once(tmp_path, suffix):
    """PDF and Word, of which 500 MB are read: 2.6 s, 546 MB; the others 1.7 s, 89 MB."""
    # A hole takes no room on the disk.
    path = tmp_path / f"hole{suffix}"
    path.touch()
    os.truncate(path, 1 << 40)
    start = time.process_time()
    code, rows, errors = run(path, seconds=20, memory_mb=3_000)
    assert (code, rows, len(errors)) == (1, [], 1)
    assert errors[0].startswith(f"error: {path}")
    assert time.process_time() - start < 5
