from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from policylens.data.context import context_of
from policylens.data.errors import ConfigError, InputError, LabelError
from policylens.data.labels import LabelledParagraph, label_counts, read_labelled, split_by_document
from policylens.data.records import Paragraph
from policylens.data.taxonomy import Label, Taxonomy, load_taxonomy, taxonomy_from_labels

SHARED = Path(__file__).parents[3] / "shared"

TAXONOMY = Taxonomy(
    name="demo",
    version="1",
    themes=(Label("green", "绿色低碳", "Green"), Label("rural", "农业农村"), Label("none", "其他")),
    stances=(Label("for", "赞成"), Label("against", "反对")),
)


def write_jsonl(folder: Path, rows: Sequence[object]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def row(doc: str, text: str, theme: str = "green", **labels: object) -> LabelledParagraph:
    return LabelledParagraph(Paragraph(doc, 1, "body", text), theme, **labels)  # type: ignore[arg-type]


def test_read_jsonl_with_all_labels(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path,
        [
            {
                "id": "a1",
                "doc": "纲要",
                "title": "绿色发展纲要",
                "prev": "上一段。",
                "text": "淘汰高耗能窑炉。",
                "theme": "green",
                "also": ["rural"],
                "stance": "against",
                "confidence": 2,
                "theme_alt": ["none"],
                "stance_alt": ["for"],
            }
        ],
    )
    [got] = read_labelled(path, taxonomy=TAXONOMY)
    paragraph = got.paragraph
    assert (paragraph.doc, paragraph.id, paragraph.title) == ("纲要", "a1", "绿色发展纲要")
    assert (paragraph.text, paragraph.prev) == ("淘汰高耗能窑炉。", "上一段。")
    assert (got.theme, got.also, got.stance, got.confidence) == ("green", ("rural",), "against", 2)
    assert (got.theme_alt, got.stance_alt) == (("none",), ("for",))


def test_read_csv_with_names_lists_and_defaults(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        'text,theme,also,stance,confidence\n"多种树，\n少排放。",绿色低碳,rural;none;rural,赞成,1\n'
        "扩种大豆。,RURAL,,for,\n",
        encoding="utf-8",
    )
    first, second = read_labelled(path, taxonomy=TAXONOMY)
    assert (first.theme, first.also, first.stance, first.confidence) == ("green", ("rural", "none"), "for", 1)
    assert (second.theme, second.also, second.stance, second.confidence) == ("rural", (), "for", 3)


def test_primary_theme_is_not_repeated_among_the_secondary_ones(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, [{"text": "种树。", "theme": "green", "also": ["green"], "stance": "for"}])
    assert read_labelled(path, taxonomy=TAXONOMY)[0].also == ()


def test_task_with_one_label_and_a_target(tmp_path: Path) -> None:
    rows = [
        {"text": "这条路修得好。", "target": "修路", "stance": "支持", "title": "不读"},
        {"text": "路灯太暗了。", "target": "路灯", "stance": "反对", "title": "不读"},
    ]
    path = write_jsonl(tmp_path, rows)
    taxonomy = taxonomy_from_labels("c", ["支持", "反对"])
    got = read_labelled(path, taxonomy=taxonomy, context_field="target", theme_field="stance")
    assert [(item.paragraph.title, item.theme, item.stance) for item in got] == [
        ("修路", "支持", ""),
        ("路灯", "反对", ""),
    ]


def test_without_a_taxonomy_labels_are_taken_as_they_are(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path, [{"content": "油价上调", "label": 3}, {"content": "新片上映", "label": " 娱乐 "}]
    )
    got = read_labelled(path, text_field="content", theme_field="label", stance_field=None)
    assert [item.theme for item in got] == ["3", "娱乐"]


def test_unknown_label_names_file_line_value_and_nearest(tmp_path: Path) -> None:
    good = '{"text": "种树。", "theme": "green", "stance": "for"}\n'
    path = tmp_path / "rows.jsonl"
    path.write_text(good + "\n" + good.replace("green", "gren"), encoding="utf-8")
    with pytest.raises(LabelError) as caught:
        read_labelled(path, taxonomy=TAXONOMY)
    assert str(caught.value) == (
        f"{path}, line 3: unknown theme 'gren'; did you mean 'green'? "
        "taxonomy 'demo' (version 1) has: green, rural, none"
    )


def test_unknown_label_in_csv_names_the_line_after_a_field_of_two_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('text,theme,stance\n"种\n树",green,for\n\n种豆,rural,agaisnt\n', encoding="utf-8")
    with pytest.raises(LabelError) as caught:
        read_labelled(path, taxonomy=TAXONOMY)
    assert str(caught.value).startswith(f"{path}, line 5: unknown stance 'agaisnt'; did you mean 'against'?")


def test_unknown_label_in_csv_whose_lines_end_with_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("text,theme,stance\r种树,green,for\r\r种豆,rural,agaisnt\r".encode())
    with pytest.raises(LabelError) as caught:
        read_labelled(path, taxonomy=TAXONOMY)
    assert str(caught.value).startswith(f"{path}, line 4: unknown stance 'agaisnt'")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stance": "for"}, "no label in the field 'theme'; other fields of the row: stance"),
        ({"theme": " ", "stance": "for"}, "no label in the field 'theme'"),
        ({"theme": "green"}, "no label in the field 'stance'"),
        ({"theme": ["green"], "stance": "for"}, "the field 'theme' is ['green']; expected a label"),
        ({"theme": True, "stance": "for"}, "the field 'theme' is True; expected a label"),
        ({"theme": "green", "stance": "for", "also": 5}, "the field 'also' is 5; expected a list of labels"),
        ({"theme": "green", "stance": "for", "also": ["x"]}, "unknown theme 'x'"),
        ({"theme": "green", "stance": "for", "stance_alt": ["x"]}, "unknown stance 'x'"),
        ({"theme": "green", "stance": "for", "confidence": 4}, "the field 'confidence' is 4; expected 1, 2"),
        ({"theme": "green", "stance": "for", "confidence": True}, "the field 'confidence' is True"),
    ],
)
def test_bad_row_is_refused_with_its_line(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    path = write_jsonl(
        tmp_path, [{"text": "种树。", "theme": "none", "stance": "for"}, {"text": "甲", **fields}]
    )
    with pytest.raises(LabelError) as caught:
        read_labelled(path, taxonomy=TAXONOMY)
    assert str(caught.value).startswith(f"{path}, line 2: ")
    assert message in str(caught.value)


def test_missing_labels_may_be_allowed(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, [{"text": "种树。", "theme": "green"}, {"text": "种豆。", "stance": "for"}])
    got = read_labelled(path, taxonomy=TAXONOMY, allow_missing=True)
    assert [(item.theme, item.stance) for item in got] == [("green", ""), ("", "for")]


def test_broken_record_and_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "种树。", "theme": "green", "stance": "for"}\n{"text": \n', encoding="utf-8")
    with pytest.raises(LabelError) as caught:
        read_labelled(path, taxonomy=TAXONOMY)
    assert str(caught.value).startswith(f"{path}, line 2: ")
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError):
        read_labelled(path)


def test_label_counts_most_frequent_first_without_missing_ones() -> None:
    rows = [
        row("a", "1", "rural", stance="for", also=("green", "none")),
        row("a", "2", "green", stance="against"),
        row("b", "3", "green", also=("none",)),
        row("b", "4", ""),
    ]
    counts = label_counts(rows)
    assert list(counts.themes.items()) == [("green", 2), ("rural", 1)]
    assert list(counts.also.items()) == [("none", 2), ("green", 1)]
    assert dict(counts.stances) == {"for": 1, "against": 1}


ROWS = [row(f"d{number % 10}", f"第{number}段") for number in range(100)]


def test_split_keeps_documents_whole_and_rows_in_order() -> None:
    train, dev = split_by_document(ROWS, dev_share=0.2, seed=7)
    assert (len(train), len(dev)) == (80, 20)
    assert {item.paragraph.doc for item in train}.isdisjoint(item.paragraph.doc for item in dev)
    assert [item for item in ROWS if item in dev] == dev
    assert [item for item in ROWS if item in train] == train


def test_split_depends_on_the_seed_only() -> None:
    train, dev = split_by_document(ROWS, dev_share=0.2, seed=7)
    assert split_by_document(ROWS, dev_share=0.2, seed=7) == (train, dev)
    assert split_by_document(ROWS[::-1], dev_share=0.2, seed=7) == (train[::-1], dev[::-1])
    assert any(split_by_document(ROWS, dev_share=0.2, seed=seed)[1] != dev for seed in range(3))


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_neither_part_of_a_split_is_empty(share: float) -> None:
    rows = [row("big", str(number)) for number in range(9)] + [row("small", "x")]
    train, dev = split_by_document(rows, dev_share=share, seed=1)
    assert train and dev and len(train) + len(dev) == 10


def test_split_of_one_document_keeps_equal_texts_together() -> None:
    rows = [row("titles", f"标题{number // 2}", "green" if number % 2 else "rural") for number in range(20)]
    train, dev = split_by_document(rows, dev_share=0.3, seed=3)
    assert (len(train), len(dev)) == (14, 6)
    assert {item.paragraph.text for item in train}.isdisjoint(item.paragraph.text for item in dev)


def test_split_refuses_what_cannot_be_split() -> None:
    with pytest.raises(ConfigError, match=r"dev_share is 1; expected a share between 0 and 1"):
        split_by_document(ROWS, dev_share=1, seed=0)
    with pytest.raises(LabelError, match="cannot split 2 rows of one text"):
        split_by_document([row("a", "同"), row("a", "同")], dev_share=0.5, seed=0)


@pytest.mark.parametrize(
    ("fields", "context"),
    [
        ({}, ""),
        ({"title": "行动方案"}, "行动方案"),
        ({"prev": "上一段。"}, "上一段。"),
        ({"title": "方案", "heading": "一、目标", "prev": "前文"}, "方案 › 一、目标 › 前文"),
        ({"title": "方案", "heading_path": ("甲", "乙", "丙"), "heading": "丙"}, "方案 › 乙 › 丙"),
        ({"title": "方案", "heading_path": ("乙", "方案", "丙")}, "方案 › 乙 › 丙"),
        ({"title": "方案", "heading": "方案"}, "方案"),
        ({"title": " 方案\n(试行) ", "prev": "\n"}, "方案 (试行)"),
        (
            {"title": "长" * 41, "heading": "标" * 41, "prev": "前" * 61},
            f"{'长' * 40} › {'标' * 40} › {'前' * 60}",
        ),
    ],
)
def test_context_is_title_headings_and_start_of_the_paragraph_before(
    fields: dict[str, object], context: str
) -> None:
    assert context_of(Paragraph("d", 1, "body", "正文。", **fields)) == context  # type: ignore[arg-type]


def test_context_lengths_can_be_changed() -> None:
    paragraph = Paragraph("d", 1, "body", "正文。", title="方案全文", heading="总体目标", prev="前文如此")
    assert context_of(paragraph, title_chars=2, heading_chars=1, prev_chars=0) == "方案 › 总"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not beside the repository")
def test_shared_data_can_be_read() -> None:
    rows = read_labelled(SHARED / "data" / "gold_dev.jsonl", taxonomy=load_taxonomy())
    assert len(rows) == 202
    assert set(label_counts(rows).stances) == {"support", "restrict", "concern", "neutral"}
    targets = read_labelled(
        SHARED / "benchmarks" / "cstance_a_dev.jsonl",
        context_field="target",
        theme_field="stance",
        stance_field=None,
    )
    assert all(item.paragraph.title for item in targets)
    assert len(label_counts(targets).themes) == 3
