import json
import logging

import pytest

from policylens.data.read import InputFailure
from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.streams.progress import Meter, Snapshot, duration, tagged_line
from policylens.infer.streams.reporter import JsonFormatter, Reporter


def tagged(doc="d"):
    return TaggedParagraph(Paragraph(doc, 1, "body", "甲"), "green", 0.5)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (45, "45 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (4320, "1 h 12 min"),
        (3600, "1 h"),
        (183600, "2 d 3 h"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_the_line_of_a_snapshot():
    snapshot = Snapshot(12000, 7, seconds=80, share=0.5, start_share=0.25, failures=3)
    assert snapshot.line == "tagging: 12,000 paragraphs, 150/s, 3 failed, 50 % done, about 2 min 40 s left"
    assert Snapshot(12, 7, seconds=80).line == "tagging: 12 paragraphs, 0/s"


def test_what_was_done_before_a_resume_does_not_speed_up_the_forecast():
    # A quarter of the whole took 80 s; half of it is left.
    assert Snapshot(1, 1, 80, share=0.5, start_share=0.25).eta_s == pytest.approx(160)
    assert Snapshot(1, 1, 80, share=0.25, start_share=0.25).eta_s is None


def test_a_meter_shows_now_and_then():
    clock, shown = Clock(), []
    meter = Meter(shown.append, every_s=30, clock=clock)
    for _ in range(7):
        clock.now += 10
        meter.count(tagged(), 0.1)
    meter.count(Paragraph("d", 2, "heading", "题"), 0.2)
    assert [(snapshot.paragraphs, snapshot.seconds) for snapshot in shown] == [(3, 30), (6, 60)]
    assert meter.snapshot() == Snapshot(7, 1, 70, share=0.2)


def test_names_of_documents_are_not_kept_without_end():
    meter = Meter(lambda _: None, every_s=1e9)
    for number in range(100_500):
        meter.count(tagged(f"文件{number}"))
    end = meter.snapshot()
    assert (end.paragraphs, end.documents) == (100_500, 100_001)
    line = tagged_line(end.paragraphs, documents=end.documents, seconds=10)
    assert line == "100,500 paragraphs of more than 100,000 documents tagged in 10.0 s (10050/s)"


def test_progress_goes_to_a_log_as_lines(capsys, monkeypatch):
    monkeypatch.setattr("policylens.infer.streams.reporter.LINE_EVERY_S", 0.0)
    reporter = Reporter()
    list(reporter.track(iter([tagged("a"), tagged("b")])))
    first, second, done = capsys.readouterr().err.splitlines()
    assert first.startswith("tagging: 1 paragraph, ")
    assert second.startswith("tagging: 2 paragraphs, ")
    assert done.startswith("2 paragraphs of 2 documents tagged in ")


def test_quiet_shows_no_progress(capsys, monkeypatch):
    monkeypatch.setattr("policylens.infer.streams.reporter.LINE_EVERY_S", 0.0)
    list(Reporter(quiet=True).track(iter([tagged()])))
    assert capsys.readouterr().err == ""


def test_a_run_that_fails_says_nothing_of_its_end(capsys):
    with pytest.raises(RuntimeError), Reporter().metered() as meter:
        meter.count(tagged())
        raise RuntimeError
    assert capsys.readouterr().err == ""


def test_json_log(capsys, monkeypatch):
    monkeypatch.setattr("policylens.infer.streams.reporter.LINE_EVERY_S", 0.0)
    reporter = Reporter(log_json=True)
    reporter.fail(InputFailure("a.jsonl", "a.jsonl, line 2:\n bad", line=2, error="bad_json"))
    list(reporter.track(iter([tagged()])))
    failure, progress, done = map(json.loads, capsys.readouterr().err.splitlines())
    del failure["time"]
    assert failure == {
        "level": "error",
        "event": "failure",
        "message": "a.jsonl, line 2:  bad",
        "input": "a.jsonl",
        "line": 2,
        "error": "bad_json",
    }
    assert (progress["event"], progress["level"], progress["paragraphs"]) == ("progress", "info", 1)
    assert (done["event"], done["paragraphs"], done["documents"]) == ("done", 1, 1)


def test_log_records_become_json_lines():
    record = logging.LogRecord("policylens.x", logging.WARNING, "f", 1, "%s 篇", (3,), None)
    entry = json.loads(JsonFormatter().format(record))
    assert (entry["level"], entry["event"], entry["message"]) == ("warning", "log", "3 篇")


def test_a_flood_of_failures_is_cut_where_a_file_has_them_all(capsys, tmp_path):
    reporter = Reporter()
    reporter.errors_file = tmp_path / "e.jsonl"
    for number in range(50):
        reporter.fail(InputFailure("a", f"bad {number}"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        *(f"error: bad {number}" for number in range(20)),
        f"error: more of this kind goes to {reporter.errors_file} only",
    ]
    reporter.say_failures(1234)
    assert capsys.readouterr().err == (
        f"error: 1,234 inputs or records could not be used: see {reporter.errors_file}\n"
    )
