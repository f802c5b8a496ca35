from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from policylens.data.errors import InputError, TaxonomyError
from policylens.data.label_formats.label_map import load_label_map, migrate_row
from policylens.data.migration import migrate_file, unmapped_as_dict
from policylens.data.taxonomy import Label, Taxonomy

MAP = """
themes:
  - {from: water, to: hydro}
  - {from: [road, rail], to: transport}
  - from: society
    to:
      - {id: school, words: [学校, 教师]}
      - {id: health, words: [医院]}
  - from: trade
    to:
      - {id: export, words: [出口]}
    otherwise: commerce
stances:
  - {from: pro, to: support}
"""
OLD = Taxonomy(
    "own",
    "1",
    tuple(
        Label(*item)
        for item in [
            ("water", "水利"),
            ("road", "公路"),
            ("rail", "铁路"),
            ("society", "社会"),
            ("trade", "商贸"),
        ]
    ),
    (Label("pro", "支持"),),
)
NEW = Taxonomy(
    "own",
    "2",
    tuple(Label(x, x) for x in ("hydro", "transport", "school", "health", "export", "commerce", "green")),
    (Label("support", "支持"),),
)


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    path = tmp_path / "map.yaml"
    path.write_text(MAP, encoding="utf-8")
    return path


@pytest.fixture
def migrated(map_file: Path):
    label_map = load_label_map(map_file, old=OLD, new=NEW)
    return lambda row: migrate_row(row, label_map, old=OLD, new=NEW)


class TestRows:
    def test_rename_merge_and_what_stays(self, migrated) -> None:
        row = {"text": "修路", "theme": "road", "also": ["rail", "water", "green"], "stance": "pro", "id": 7}
        fresh, failures = migrated(row)
        assert failures == []
        # rail became the theme itself, and a theme is not secondary to itself.
        assert fresh == {
            "text": "修路",
            "theme": "transport",
            "also": ["hydro", "green"],
            "stance": "support",
            "id": 7,
        }
        assert row["theme"] == "road"

    @pytest.mark.parametrize(
        ("theme", "text", "new"),
        [
            ("society", "新建医院", "health"),
            ("society", "学校旁新建医院", "school"),
            ("trade", "扩大出口", "export"),
            ("trade", "批发市场", "commerce"),
        ],
    )
    def test_splits_go_by_words_in_the_order_of_the_map(self, migrated, theme, text, new) -> None:
        assert migrated({"text": text, "theme": theme})[0]["theme"] == new

    def test_what_cannot_be_mapped_is_named(self, migrated) -> None:
        fresh, failures = migrated({"text": "社区", "theme": "society", "also": ["mining"]})
        assert fresh["theme"] == "society"
        assert [(item.field, item.label, item.reason) for item in failures] == [
            ("theme", "society", "no word of the text tells school or health"),
            ("also", "mining", "neither the map nor own 2 has it"),
        ]

    def test_names_of_the_old_taxonomy(self, migrated) -> None:
        assert migrated({"text": "x", "theme": "公路", "also": "水利;铁路"})[0] == {
            "text": "x",
            "theme": "transport",
            "also": "hydro;transport",
        }

    def test_scores_of_merged_themes_add_up(self, migrated) -> None:
        row = {
            "text": "x",
            "theme": "water",
            "theme_score": 0.4,
            "themes": [
                {"theme": "water", "score": 0.4},
                {"theme": "road", "score": 0.3},
                {"theme": "rail", "score": 0.25},
                {"theme": "society", "score": 0.05},
            ],
            "parents": [{"theme": "a", "score": 1.0}],
        }
        fresh, failures = migrated(row)
        # The paragraph was given to water; that merging makes another theme likelier does not change that.
        assert failures == []
        assert fresh["theme"] == "hydro"
        assert fresh["theme_score"] == 0.4
        assert fresh["themes"] == [{"theme": "transport", "score": 0.55}, {"theme": "hydro", "score": 0.4}]
        assert "parents" not in fresh

    def test_labels_that_were_held_back_stay_empty(self, migrated) -> None:
        row = {"text": "x", "theme": None, "stance": None, "abstained": "too low"}
        assert migrated(row) == (row, [])


class TestMapFile:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("themes: [{from: water, to: lake}]", "unknown theme 'lake'"),
            ("themes: [{from: lake, to: hydro}]", "unknown theme 'lake'"),
            ("themes: [{from: water, to: hydro}, {from: water, to: green}]", "'water' is mapped already"),
            ("themes: [{to: hydro}]", "the key 'from' is missing"),
            ("themes: [{from: water, to: hydro, otherwise: green}]", "'otherwise' is for a split"),
            ("themes: [{from: water, to: [{id: hydro, words: [a]}]}]", "two parts or more"),
            ("themes: [{from: water, to: [{id: hydro}, {id: green}]}]", "the key 'words' is missing"),
            ("labels: []", "unknown key 'labels'"),
        ],
    )
    def test_mistakes_are_named_with_their_file(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "m.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(TaxonomyError, match=message) as caught:
            load_label_map(path, old=OLD, new=NEW)
        assert str(caught.value).startswith(str(path))


class TestFiles:
    def test_json_lines(self, tmp_path: Path, migrated) -> None:
        path = tmp_path / "rows.jsonl"
        rows = [{"text": "甲", "theme": "water"}, {"text": "乙", "theme": "society"}]
        path.write_text("\n\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        output = io.StringIO()
        done = migrate_file(path, output, migrated)
        assert output.getvalue() == '{"text": "甲", "theme": "hydro"}\n'
        assert done.written == 1
        assert unmapped_as_dict(done.unmapped[0]) == {
            "file": str(path),
            "line": 3,
            "labels": [
                {"field": "theme", "label": "society", "reason": "no word of the text tells school or health"}
            ],
            "row": {"text": "乙", "theme": "society"},
        }

    def test_csv_keeps_columns_and_the_json_of_classify(self, tmp_path: Path, migrated) -> None:
        path = tmp_path / "tags.csv"
        path.write_text(
            'text,theme,also,themes,note\n"甲\n乙",road,"[""water""]",'
            '"[{""theme"": ""rail"", ""score"": 0.5}]",[1]\n',
            encoding="utf-8",
        )
        output = io.StringIO()
        migrate_file(path, output, migrated)
        assert output.getvalue() == (
            'text,theme,also,themes,note\n"甲\n乙",transport,"[""hydro""]",'
            '"[{""theme"": ""transport"", ""score"": 0.5}]",[1]\n'
        )

    @pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
    def test_any_line_end_of_csv(self, tmp_path: Path, migrated, end: str, encoding: str) -> None:
        path = tmp_path / "tags.csv"
        lines = ["text,theme", f'"今天{end}明天",water', "乙,society", "丙,road"]
        path.write_bytes("".join(line + end for line in lines).encode(encoding))
        output = io.StringIO()
        done = migrate_file(path, output, migrated)
        # What is in a cell stays as it is, its line ends too.
        assert output.getvalue() == f'text,theme\n"今天{end}明天",hydro\n丙,transport\n'
        assert [(item.line, item.row["text"]) for item in done.unmapped] == [(4, "乙")]

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("a.jsonl", "{", "line 1: not JSON"),
            ("a.csv", "text,theme\r甲,water\r甲,water,c\r", "line 3: more cells"),
            ("a.csv", "text,theme\n甲\0,water\n", "holds NUL characters"),
            ("a.jsonl", "[]", "line 1: expected a JSON object"),
            ("a.csv", "text,theme\na,b,c\n", "line 2: more cells"),
            ("a.xlsx", "", "expected a .jsonl or .csv file"),
        ],
    )
    def test_broken_files(self, tmp_path: Path, migrated, name: str, text: str, message: str) -> None:
        (tmp_path / name).write_bytes(text.encode())
        with pytest.raises(InputError, match=message):
            migrate_file(tmp_path / name, io.StringIO(), migrated)
