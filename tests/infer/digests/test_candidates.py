"""Who says a clause."""

from __future__ import annotations

import pytest

from policylens.data.records import Paragraph, TaggedParagraph
from policylens.infer.digests.candidates import read_candidates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The speaker of the second sentence is resolved from 他 and is no clause of it.
        (
            "李强出席会议并讲话。他强调，要加快建设电网。",
            [("李强出席会议并讲话", ""), ("李强强调", ""), ("要加快建设电网", "")],
        ),
        ("会议指出，要加快建设电网。", [("会议指出", ""), ("要加快建设电网", "会议指出")]),
        # What stands before 会议指出 is not what the meeting said.
        (
            "要加快建设电网，会议指出，要扩大开放。",
            [("要加快建设电网", ""), ("会议指出", ""), ("要扩大开放", "会议指出")],
        ),
    ],
)
def test_speaker_of_each_clause(text: str, expected: list[tuple[str, str]]) -> None:
    tagged = TaggedParagraph(Paragraph("d", 1, "body", text), "growth", 0.9, (), "support", 0.9)
    found = read_candidates([tagged])
    assert [(candidate.clause.text, candidate.speaker) for candidate in found] == expected
