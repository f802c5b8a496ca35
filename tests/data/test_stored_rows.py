from __future__ import annotations

import gc
from pathlib import Path

import pytest

from policylens.data.labels import LabelledParagraph, split_by_document
from policylens.data.records import Paragraph
from policylens.data.stored_rows import StoredRows, kept, store


def rows(n: int) -> list[LabelledParagraph]:
    made = []
    for at in range(n):
        paragraph = Paragraph(
            f"文件{at // 3}",
            at % 3 + 1,
            "body",
            f"第{at}段\u2028含有“引号”与\n换行。",
            title="标题",
            heading="节",
            heading_path=("章", "节"),
            prev="前一段",
            start=at,
            end=at + 9,
            spans=((at, at + 4), (at + 5, at + 9)),
            id=f"r{at}",
            extra={"source": "省", "year": 2024, "tags": ["a", None], "share": 0.5} if at % 2 else {},
        )
        made.append(LabelledParagraph(paragraph, "绿色", ("乡村",), "支持", at % 3 + 1, ("人才",), ()))
    return made


def test_rows_come_back_as_they_were() -> None:
    # More than one piece of the file.
    given = rows(9_001)
    stored = store(given)
    assert len(stored) == 9_001
    assert [stored[at] for at in (0, 1, 3_999, 4_000, 9_000, -1)] == [
        given[at] for at in (0, 1, 3_999, 4_000, 9_000, -1)
    ]
    assert list(stored) == given


def test_some_of_some_rows() -> None:
    given = rows(20)
    part = store(given).select(range(0, 20, 2)).select([9, 0, 3])
    assert list(part) == [given[18], given[0], given[6]]
    assert list(part[1:]) == [given[0], given[6]]
    with pytest.raises(IndexError, match="row 3 of 3"):
        part[3]


def test_few_rows_stay_a_list_and_many_go_to_a_file() -> None:
    given = rows(10)
    assert kept(iter(given), max_in_memory=10) == given
    many = kept(iter(given), max_in_memory=9)
    assert isinstance(many, StoredRows)
    assert list(many) == given


def test_a_split_is_that_of_a_list_and_stays_in_the_file() -> None:
    given = rows(60)
    parts = split_by_document(store(given), dev_share=0.2, seed=3)
    assert all(isinstance(part, StoredRows) for part in parts)
    assert [list(part) for part in parts] == [*split_by_document(given, dev_share=0.2, seed=3)]


def test_the_file_goes_with_its_last_reader(tmp_path: Path) -> None:
    stored = store(rows(3), tmp_path)
    part = stored.select([1])
    del stored
    gc.collect()
    assert len(list(tmp_path.iterdir())) == 1
    assert part[0].paragraph.id == "r1"
    del part
    gc.collect()
    assert not list(tmp_path.iterdir())
