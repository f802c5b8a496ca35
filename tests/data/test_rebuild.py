"""Pointers find their texts in whatever form a collection was fetched."""

from __future__ import annotations

import json

import pytest

from policylens.data.errors import InputError
from policylens.data.pointers import pointer_of
from policylens.data.rebuild import SourceCount, rebuild

FIRST, SECOND, THIRD = "坚持稳中求进工作总基调。", "加快绿色低碳转型，降低能耗１０％。", "严禁新增产能。"


def pointers():
    return [
        pointer_of(FIRST, source="news", theme="growth", stance="support"),
        pointer_of(SECOND, source="plans", theme="green", also=["quality"], stance="support", confidence=2),
        pointer_of(THIRD, source="plans", theme="upgrading", stance="restrict"),
        pointer_of("谁也没有的段落", source="lost", theme="none"),
    ]


def test_texts_are_found_in_records_tables_and_documents(tmp_path):
    (tmp_path / "a").mkdir()
    record = {"id": 7, "title": "会议", "content": FIRST, "prev": "会议认为", "theme": "wrong"}
    (tmp_path / "a" / "news.jsonl").write_text(json.dumps(record) + "\n")
    (tmp_path / "plans.csv").write_text(f'标题,body\n计划,"前一段\n　　{SECOND.replace("１０", "10")}\n"\n')
    (tmp_path / "rules.txt").write_text(f"管理办法\n\n第一条　为了规范管理，制定本办法。\n\n{THIRD}\n")
    found = rebuild(tmp_path, pointers())
    assert found.rows[0] == {
        "id": "7",
        "source": "news",
        "doc": "会议",
        "title": "会议",
        "prev": "会议认为",
        "text": FIRST,
        "theme": "growth",
        "stance": "support",
        "confidence": 3,
    }
    second, third = found.rows[1:]
    assert (second["text"], second["prev"], second["also"], second["confidence"]) == (
        SECOND.replace("１０", "10"),
        "前一段",
        ["quality"],
        2,
    )
    assert second["id"].startswith("plans-")
    assert (third["text"], third["doc"], third["theme"]) == (THIRD, "rules", "upgrading")
    assert found.counts == [
        SourceCount("news", 1, 1),
        SourceCount("plans", 2, 2),
        SourceCount("lost", 0, 1),
    ]
    assert found.files == 3


def test_the_place_with_more_context_wins(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": FIRST}) + "\n")
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": FIRST, "title": "报告", "prev": "前"}) + "\n")
    assert rebuild(tmp_path, pointers()).rows[0]["title"] == "报告"


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": FIRST}) + "\n")
    (tmp_path / "b.jsonl").write_text("{broken\n")
    found = rebuild(tmp_path, pointers())
    assert len(found.rows) == 1
    assert "b.jsonl: cannot be read as .jsonl" in found.failures[0].message


def test_broken_lines_and_huge_cells_stop_nothing(tmp_path):
    (tmp_path / "a.jsonl").write_text("{broken\n" + json.dumps({"text": FIRST}) + "\n")
    (tmp_path / "b.csv").write_text('content\n"' + "长" * 140_000 + f'\n{THIRD}"\n')
    assert [row["text"] for row in rebuild(tmp_path, pointers()).rows] == [FIRST, THIRD]


def test_nothing_found(tmp_path):
    (tmp_path / "a.txt").write_text("别的内容。\n")
    with pytest.raises(InputError, match="none of 4 pointers found its text in 1 files"):
        rebuild(tmp_path, pointers())


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        rebuild(tmp_path / "no", pointers())
